"""The stand-in for a server: what uvicorn hands to an application, without sockets and parsing.

The same for every framework. Every request gets a new scope, a `receive` that gives the whole body in one message and
then waits for the end of the response, and a `send` that only looks at the message. The announced version of the
specification is 2.3 and the extensions are empty, as with uvicorn 0.54.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

Message = MutableMapping[str, Any]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]

HEADERS = [
    (b"host", b"127.0.0.1:8000"),
    (b"user-agent", b"benchmark/1"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"identity"),
    (b"connection", b"keep-alive"),
]


@dataclass(frozen=True)
class Ask:
    """A request to make again and again. Paths are taken in turn, so that a cache of paths is not what is measured."""

    paths: tuple[str, ...]
    method: str = "GET"
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    piece: int = 0
    """Bytes of the body in one message; 0 for all of it in one."""

    def pieces(self) -> tuple[bytes, ...]:
        """The body as it arrives."""
        size = self.piece or len(self.body) or 1
        return tuple(self.body[at : at + size] for at in range(0, len(self.body), size)) or (b"",)


@dataclass
class Seen:
    """A whole response, kept to check that every framework does the same work."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    chunks: int = 0


class Cycle:
    """One request and its response: the object whose bound methods are `receive` and `send`."""

    __slots__ = ("ended", "given", "pieces", "waiting")

    def __init__(self, pieces: tuple[bytes, ...]) -> None:
        self.pieces = pieces
        self.given = 0
        self.ended = False
        self.waiting: asyncio.Future[None] | None = None

    async def receive(self) -> Message:
        given = self.given
        if given < len(self.pieces):
            self.given = given + 1
            return {"type": "http.request", "body": self.pieces[given], "more_body": given + 1 < len(self.pieces)}
        if not self.ended:
            self.waiting = asyncio.get_running_loop().create_future()
            await self.waiting
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.ended = True
            if self.waiting is not None and not self.waiting.done():
                self.waiting.set_result(None)


class KeepingCycle(Cycle):
    """A cycle that keeps what it is sent; for the check before the measurement, never within it."""

    __slots__ = ("seen",)

    def __init__(self, pieces: tuple[bytes, ...]) -> None:
        super().__init__(pieces)
        self.seen = Seen()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.seen.status = message["status"]
            self.seen.headers = [(bytes(name).lower(), bytes(value)) for name, value in message.get("headers", ())]
        elif message["type"] == "http.response.body" and message.get("body"):
            self.seen.body += message["body"]
            self.seen.chunks += 1
        await super().send(message)


class Served:
    """An application between its lifespan's start and its end."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._turn = 0
        self.state: dict[str, Any] = {}
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()
        self._lifespan: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Run the start of the application's lifespan, as far as it has one."""
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}

        async def live() -> None:
            await self.app(scope, self._inbox.get, self._outbox.put)

        self._lifespan = asyncio.create_task(live())
        await self._step("startup")

    async def stop(self) -> None:
        await self._step("shutdown")
        if self._lifespan is not None:
            await asyncio.wait([self._lifespan])

    async def _step(self, name: str) -> None:
        if self._lifespan is None or self._lifespan.done():
            return
        await self._inbox.put({"type": f"lifespan.{name}"})
        answer = asyncio.create_task(self._outbox.get())
        await asyncio.wait([answer, self._lifespan], return_when=asyncio.FIRST_COMPLETED)
        if answer.done() and answer.result()["type"] != f"lifespan.{name}.complete":
            raise RuntimeError(f"the {name} failed: {answer.result()!r}")
        answer.cancel()

    def scope(self, ask: Ask, turn: int) -> dict[str, Any]:
        """A scope as uvicorn makes it, new for each request."""
        path = ask.paths[turn % len(ask.paths)]
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 50000),
            "scheme": "http",
            "method": ask.method,
            "root_path": "",
            "path": path,
            "raw_path": path.encode("ascii"),
            "query_string": b"",
            "headers": [*HEADERS, *ask.headers],
            "state": self.state.copy(),
        }

    async def ask_once(self, ask: Ask, turn: int = 0) -> Seen:
        """One request whose response is kept."""
        cycle = KeepingCycle(ask.pieces())
        await self.app(self.scope(ask, turn), cycle.receive, cycle.send)
        return cycle.seen

    async def ask_many(self, ask: Ask, times: int) -> None:
        """The measured loop: that many requests, one after the other."""
        app = self.app
        pieces = ask.pieces()
        first = self._turn  # the paths go on from round to round, whatever the number of requests in one
        self._turn += times
        for turn in range(first, first + times):
            cycle = Cycle(pieces)
            await app(self.scope(ask, turn), cycle.receive, cycle.send)
        await asyncio.sleep(0)  # what the requests left to the loop is part of their cost
