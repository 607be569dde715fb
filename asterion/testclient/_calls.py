"""One HTTP call of an application, in the two ways a test can want it: whole, or in turns."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import anyio.lowlevel

from asterion._core.conformance import Conformance
from asterion.requests import ClientDisconnect
from asterion.testclient._answers import Answer, no_response
from asterion.testclient._conversation import Conversation
from asterion.testclient._faces import Door
from asterion.testclient._httpx import httpx
from asterion.testclient._settings import Settings, refuses_after_leaving
from asterion.types import ASGIApp, Message, Scope

_DISCONNECT: Message = {"type": "http.disconnect"}


class WholeCall:
    """One call of an application whose response is wanted when it is all over."""

    __slots__ = ("_body", "_check", "_complete", "_given", "_waiter", "answer", "chunks", "error", "scope")

    def __init__(self, scope: Scope, body: bytes, check: Conformance) -> None:
        self.scope = scope
        self.answer = Answer()
        self.chunks: list[bytes] = []
        self.error: BaseException | None = None
        self._body = body
        self._check = check
        self._given = False
        self._complete = False
        self._waiter: anyio.Event | None = None

    async def run(self, app: Any) -> None:
        """Run `app` to its end, background work included; `error` holds what it raised."""
        try:
            await app(self.scope, self.receive, self.send)
            self._check.finish()
        except anyio.get_cancelled_exc_class():
            raise  # the loop is being closed
        except BaseException as error:  # noqa: BLE001 - raised again where the test is, and never ends the loop
            self.error = error

    def response(self, request: "httpx.Request", raises: bool) -> "httpx.Response":
        """The response, after `run`.

        Raises what the application raised, or that it gave no response; if not `raises`, only what ends programs.
        """
        if self.error is not None and (raises or not isinstance(self.error, Exception)):
            raise self.error
        if raises and not self.answer.status:
            raise no_response()
        return self.answer.response(request, b"".join(self.chunks))

    async def receive(self) -> Message:
        """The whole body; after that, when the response is complete, the disconnect."""
        if not self._given:
            self._given = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        if self._complete:
            await anyio.lowlevel.checkpoint()
        else:
            self._waiter = self._waiter or anyio.Event()
            await self._waiter.wait()
        return dict(_DISCONNECT)

    async def send(self, message: Message) -> None:
        """Keep what the application sends."""
        self._check.check(message)
        chunk = self.answer.absorb(message)
        if chunk:
            self.chunks.append(chunk)
        if self.answer.ends_with(message):
            self._complete = True
            if self._waiter is not None:
                self._waiter.set()


class StreamedCall:
    """One call of an application in turns with the test, through `door`.

    `body` is the request body: bytes, or an iterator of pieces as the door takes it. `ended` is called once, when the
    call is over.
    """

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        settings: Settings,
        door: Door,
        body: "bytes | Iterator[bytes] | AsyncIterator[bytes]",
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self.answer = Answer()
        self._raises = settings.raise_server_exceptions
        self._grace = settings.leave_grace
        self._bodiless = scope["method"] == "HEAD"
        self._door = door
        self._ended = ended
        self._body: Any = None
        inbox: list[Message] = []
        if isinstance(body, bytes):
            inbox.append({"type": "http.request", "body": body, "more_body": False})
        else:
            self._body = body
        refuses = refuses_after_leaving(settings.spec_versions["http"])
        self._judge = Conformance(scope, strict=settings.strict)
        self._talk = Conversation(
            app, scope, inbox=inbox, gone=_DISCONNECT, judge=self._judge, paced=True, refuse=lambda _: refuses
        )
        self._complete = False
        self._closed = False
        door.start(self._talk.run)

    async def respond(self, request: "httpx.Request", stream: Any) -> "httpx.Response":
        """The response, whose body is `stream` if there is one, else all that the application sends."""
        try:
            await self._head()
            if stream is not None:
                return self.answer.response(request, stream)
            chunks = []
            while (chunk := await self.chunk()) is not None:
                chunks.append(chunk)
        except BaseException:
            self._raises = False  # the test's own error is on its way
            await self.close()
            raise
        return self.answer.response(request, b"".join(chunks))

    async def _head(self) -> None:
        """Run the application up to its response start."""
        while not self.answer.status:
            message = await self._next()
            if message is None:
                await self.close()
                if self._raises and not self.answer.status:
                    raise no_response()
                return
            self.answer.absorb(message)

    async def chunk(self) -> bytes | None:
        """The next chunk of the body, as soon as the application has sent it; None after the application's end."""
        while not self._closed and not self._complete:
            message = await self._next()
            if message is None:
                break
            chunk = self.answer.absorb(message)
            self._complete = self.answer.ends_with(message)
            if chunk and not self._bodiless:
                return chunk
        if self._complete and not self._closed:
            await self._door.call(self._talk.leave)  # the response is complete: `receive` gives the disconnect
            while await self._next() is not None:
                pass
        await self.close()
        return None

    async def close(self) -> None:
        """End the call. An application that is not at its end learns that the client has gone.

        Raises what the application raised, unless that only says that the client has gone.
        """
        if self._closed:
            return
        self._closed = True
        early = not self._talk.over
        try:
            error = await self._door.call(self._talk.finish, self._grace)
        finally:
            self._ended()
        if self._body is not None:
            await self._door.dismiss(self._body)
        if error is None and not early:
            try:
                self._judge.finish()
            except AssertionError as mistake:
                error = mistake
        if error is None or not self._raises or (early and isinstance(error, (OSError, ClientDisconnect))):
            return
        raise error

    async def _next(self) -> Message | None:
        """The application's next message, after giving it as much of the request body as it asks for."""
        while self._body is not None:
            message = await self._door.call(self._talk.take_or_pull)
            if not isinstance(message, str):
                return message
            piece = await self._door.piece(self._body)
            if piece is None:
                self._body = None
            given = {"type": "http.request", "body": piece or b"", "more_body": piece is not None}
            await self._door.call(self._talk.give, given)
        return await self._door.call(self._talk.take)
