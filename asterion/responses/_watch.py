"""Looking out for a client that goes while its response is being made."""

from __future__ import annotations

import asyncio

import anyio

from asterion._core.scopekeys import LISTENERS, READING, STASH_LIMIT, STASHED, stashed_bytes
from asterion._core.wire import means_client_gone
from asterion.concurrency import Companion, Turns
from asterion.types import Message, Receive, Scope


class ClientWatch:
    """Notices that the client has gone while a response is being made.

    Nothing is started until the request first gives the loop a turn: a response that is done by then costs no task.
    From then on a companion task waits in `receive`. It never takes a request's body away from who reads it: a reader
    makes it stand aside, and what it got before that is put where `Request.stream` looks (`_core.scopekeys`).
    """

    __slots__ = (
        "_aside",
        "_companion",
        "_handle",
        "_receive",
        "_receiving",
        "_request_scope",
        "_wake",
        "complete",
        "error",
        "gone",
        "scope",
        "turns",
        "waiting",
    )

    def __init__(self, scope: Scope, receive: Receive | None) -> None:
        self._request_scope = scope
        self._receive = receive
        self._companion: Companion | None = None
        self._handle: asyncio.Handle | None = None
        self._receiving: anyio.CancelScope | None = None
        self._aside: anyio.Event | None = None
        self._wake: anyio.Event | None = None
        self.gone = False
        self.complete = False
        self.waiting = False
        self.error: Exception | None = None
        self.scope: anyio.CancelScope | None = None

    def open(self) -> None:
        """Begin to watch as soon as the loop gets a turn."""
        self.turns = Turns()
        if self._request_scope["type"] != "http" or self._receive is None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._listen_now()
        else:
            self._handle = loop.call_soon(self._listen_now)

    def _listen_now(self) -> None:
        self._handle = None
        self._request_scope.setdefault(LISTENERS, []).append(self)
        self._companion = Companion(self._listen)

    async def _listen(self) -> None:
        scope = self._request_scope
        try:
            for other in tuple(scope[LISTENERS]):
                if other is not self:
                    await other.stand_aside()
            while not self.gone:
                if not self._is_innermost() or scope.get(READING) or stashed_bytes(scope) >= STASH_LIMIT:
                    self._wake = anyio.Event()
                    await self._wake.wait()
                else:
                    await self._take_message(scope)
        except Exception as error:  # noqa: BLE001 - raised by the response, in its own task
            self.error = error
            self._end()

    def _is_innermost(self) -> bool:
        # Where a response is made of another one's body, both watch. The inner one's `receive` is that of who reads the
        # request: a message it gets has passed every layer that counts or changes it.
        return self is next((one for one in reversed(self._request_scope[LISTENERS]) if not one.gone), self)

    def _resume_others(self) -> None:
        for other in self._request_scope[LISTENERS]:
            if other is not self:
                other.resume()

    async def _take_message(self, scope: Scope) -> None:
        message: Message | None = None
        try:
            with anyio.CancelScope() as self._receiving:
                message = await self._receive()  # type: ignore[misc]  # `open` has looked
        finally:
            self._receiving = None
            if message is not None and message["type"] != "http.disconnect":
                scope.setdefault(STASHED, []).append(message)
            if self._aside is not None:
                self._aside.set()
        if message is not None and message["type"] == "http.disconnect":
            self._end()

    async def stand_aside(self) -> None:
        """Leave `receive` to somebody who reads the body, until `resume`."""
        if self._receiving is not None:
            if self._aside is None or self._aside.is_set():  # else somebody else has asked already
                self._aside = anyio.Event()
            self._receiving.cancel()
            await self._aside.wait()

    def resume(self) -> None:
        """Listen again, if nobody reads."""
        if self._wake is not None:
            self._wake.set()

    def note_gone(self) -> None:
        """A reader was told that the client has gone; a server may say so only once."""
        self.gone = True
        self.resume()

    def _end(self) -> None:
        self.gone = True
        self._resume_others()
        # Only a wait of the source is cut short; a send in progress belongs to the layers outside.
        if self.waiting and self.scope is not None:
            self.scope.cancel()

    def fail(self, error: Exception) -> None:
        """End the response from another task: the client has gone, or `error` is what the response raises."""
        if not (isinstance(error, OSError) and means_client_gone(error)):
            self.error = error
        self._end()

    def lost(self, error: OSError) -> None:
        """Note that `send` found the client gone. Raises `error` if it is about something else."""
        if not means_client_gone(error):
            raise error
        self.gone = True

    async def close(self) -> None:
        """Stop watching."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._companion is not None:
            self._request_scope[LISTENERS].remove(self)
            self._resume_others()
            await self._companion.stop()

    async def abandon(self) -> None:
        """Stop watching a response that raises: what it raises leads here, and must not be led back to."""
        try:
            await self.close()
        finally:
            self.error = None

    def check(self) -> None:
        """Raise what `receive` raised, if that says anything about the response: it does not once that is complete."""
        error, self.error = self.error, None
        try:
            if error is not None and not self.complete:
                raise error
        finally:
            del error  # which refers to this frame
