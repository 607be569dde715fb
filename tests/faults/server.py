"""The server of a faulted request: it judges every message, and can be broken in the middle.

`send` suspends once before it takes a message, as a socket that drains; `receive` suspends once before it tells
anything, and then waits for the client to leave.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import trio

from asterion._core.conformance import Conformance, ConformanceError

BODIES = ("http.response.body", "http.response.pathsend", "http.response.zerocopysend")


class SendBroke(Exception):
    """What `send` raises once it is broken."""


class ReceiveBroke(Exception):
    """What `receive` raises once it is broken."""


class ClientGone(OSError):
    """What `send` raises once the client has left, on a server that says so."""


async def suspend() -> None:
    """Suspend the running task exactly once."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        await trio.lowlevel.checkpoint()
    else:
        await asyncio.sleep(0)


@dataclass
class Server:
    """One conversation as the server sees it. `incoming` is told message by message."""

    scope: dict[str, Any]
    incoming: Sequence[dict[str, Any]]
    drains: bool = True
    messages: list[dict[str, Any]] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    gone: bool = False
    fails: bool = False
    send_breaks: bool = False
    receive_breaks: bool = False
    failed_sends: int = 0
    broken_sends: int = 0
    broken_receives: int = 0
    told_gone: int = 0
    started_at_break: bool = False

    def __post_init__(self) -> None:
        self._judge = Conformance(self.scope)
        self._told = 0
        self._in_flight = 0
        self._change: anyio.Event | None = None

    # --- what may go wrong ---

    def disconnect(self, *, fails: bool) -> None:
        """The client leaves; `send` raises from now on if it `fails`, else does nothing."""
        self.gone = True
        self.fails = fails
        self._wake()

    def break_send(self) -> None:
        """From now on `send` raises something that is no OSError."""
        self.send_breaks = True

    def break_receive(self) -> None:
        """From now on `receive` raises, also the one that waits."""
        self.receive_breaks = True
        self._wake()

    def _wake(self) -> None:
        if self._change is not None:
            self._change.set()

    # --- what the application is given ---

    async def receive(self) -> dict[str, Any]:
        """The next message of the client."""
        await suspend()
        while True:
            if self.receive_breaks:
                self.broken_receives += 1
                self.started_at_break = bool(self.messages)
                raise ReceiveBroke("receive is broken")
            # A server tells of the handshake first, also where the client has left meanwhile.
            if self.gone and (self._told or self.scope["type"] != "websocket"):
                self.told_gone += 1
                kind = self.scope["type"]
                message: dict[str, Any] = {"type": f"{kind}.disconnect"}
                if kind == "websocket":
                    message |= {"code": 1006, "reason": ""}
                break
            if self._told < len(self.incoming):
                message = dict(self.incoming[self._told])
                self._told += 1
                break
            self._change = anyio.Event()
            await self._change.wait()
        self._judge.told(message)
        return message

    async def send(self, message: dict[str, Any]) -> None:
        """Take one message of the application."""
        if self._in_flight:
            self.mistakes.append("two sends in flight")
        if not self.send_breaks and not self.gone:
            try:
                self._judge.check(message)
            except ConformanceError as error:
                self.mistakes.append(str(error))
        self._in_flight += 1
        try:
            if self.drains:
                await suspend()
        finally:
            self._in_flight -= 1
        if self.send_breaks:
            self.broken_sends += 1
            raise SendBroke("send is broken")
        if self.gone:
            if self.fails:
                self.failed_sends += 1
                self._judge.left()
                raise ClientGone("the client has gone")
            return
        self.messages.append(dict(message))

    # --- what became of it ---

    def finish(self) -> str | None:
        """What is wrong with the answer as a whole, once the application has returned without a fault."""
        try:
            self._judge.finish()
        except ConformanceError as error:
            return str(error)
        return None

    @property
    def status(self) -> int | None:
        """The status of the response, or None before its start."""
        for message in self.messages:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                return int(message["status"])
        return None

    @property
    def complete(self) -> bool:
        """Whether the end of the response was taken."""
        bodies = [message for message in self.messages if message["type"] in BODIES]
        return bool(bodies) and not bodies[-1].get("more_body", False)

    @property
    def body(self) -> bytes:
        """The body as taken."""
        return b"".join(bytes(m.get("body", b"")) for m in self.messages if m["type"] == "http.response.body")
