"""One HTTP call of an application, in the two ways a test can want it: whole, or in turns."""

from collections.abc import Iterator
from typing import Any

import anyio
import anyio.lowlevel

from asterion.requests import ClientDisconnect
from asterion.testclient._answers import Answer, no_response
from asterion.testclient._conversation import Conversation
from asterion.testclient._httpx import httpx
from asterion.testclient._loop import ClientLoop
from asterion.testclient._settings import Settings, refuses_after_leaving
from asterion.testclient.conformance import Conformance
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
        except BaseException as error:  # noqa: BLE001 - raised again in the test's thread, where it does not end the loop
            self.error = error

    def raise_error(self, raises: bool) -> None:
        """Raise what the application raised, or that it gave no response; if not `raises`, only what ends programs."""
        if self.error is not None and (raises or not isinstance(self.error, Exception)):
            raise self.error
        if raises and not self.answer.status:
            raise no_response()

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


class StreamedCall(httpx.SyncByteStream):
    """One call of an application in turns with the test's thread: the body of a streamed response."""

    def __init__(
        self, app: ASGIApp, loop: ClientLoop, settings: Settings, request: "httpx.Request", scope: Scope
    ) -> None:
        self.answer = Answer()
        self._raises = settings.raise_server_exceptions
        self._grace = settings.leave_grace
        self._request = request
        self._body: Iterator[bytes] | None = None
        inbox: list[Message] = []
        if "transfer-encoding" in request.headers:
            self._body = iter(request.stream)  # type: ignore[arg-type]
        else:
            inbox.append({"type": "http.request", "body": request.read(), "more_body": False})
        self._check = Conformance(scope, strict=settings.strict)
        self._complete = False
        refuses = refuses_after_leaving(settings.spec_versions["http"])
        self._talk = Conversation(
            app, scope, inbox=inbox, gone=_DISCONNECT, check=self._check.check, paced=True, refuse=lambda _: refuses
        )
        self._loop: ClientLoop | None = loop
        self._portal = loop.acquire()
        self._portal.start_task_soon(self._talk.run)

    def head(self) -> None:
        """Run the application up to its response start."""
        while not self.answer.status:
            message = self._next()
            if message is None:
                self.close()
                if self._raises and not self.answer.status:
                    raise no_response()
                return
            self.answer.absorb(message)

    def __iter__(self) -> Iterator[bytes]:
        """The chunks of the body, each as soon as the application has sent it; then wait for the application's end."""
        while self._loop is not None and not self._complete:
            message = self._next()
            if message is None:
                break
            chunk = self.answer.absorb(message)
            self._complete = self.answer.ends_with(message)
            if chunk and self._request.method != "HEAD":
                yield chunk
        if self._complete:
            self._portal.call(self._talk.leave)  # the response is complete: `receive` gives the disconnect
            while self._next() is not None:
                pass
        self.close()

    def close(self) -> None:
        """End the call. An application that is not at its end learns that the client has gone.

        Raises what the application raised, unless that only says that the client has gone.
        """
        if self._loop is None:
            return
        loop, self._loop = self._loop, None
        early = not self._talk.over
        try:
            error = self._portal.call(self._talk.finish, self._grace)
        finally:
            loop.release()
        if error is None and not early:
            try:
                self._check.finish()
            except AssertionError as mistake:
                error = mistake
        if error is None or not self._raises or (early and isinstance(error, (OSError, ClientDisconnect))):
            return
        raise error

    def abandon(self) -> None:
        """End the call without a word of the application's: the test's own error is on its way."""
        self._raises = False
        self.close()

    def _next(self) -> Message | None:
        """The application's next message, after giving it as much of the request body as it asks for."""
        while self._body is not None:
            message = self._portal.call(self._talk.take_or_pull)
            if not isinstance(message, str):
                return message
            self._give()
        return self._portal.call(self._talk.take)

    def _give(self) -> None:
        """Hand one more chunk of the request body to the application. The generator runs in the test's thread."""
        body = self._body
        chunk = next((chunk for chunk in body if chunk), None) if body is not None else None
        if chunk is None:
            self._body = None
        message = {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}
        self._portal.call(self._talk.give, message)
