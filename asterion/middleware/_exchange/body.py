"""What a function middleware holds of the inner response: its head, and its body chunk by chunk.

Both are views on a `Call` (see `call`), which does the work.
"""

from collections.abc import Awaitable
from typing import Any, Protocol

from asterion.background import run_background
from asterion.responses import StreamingResponse
from asterion.responses._streaming import close_iterator
from asterion.types import Message, Receive, Scope, Send


class BodySource(Protocol):
    """Where the chunks come from: the running inner application."""

    def next_chunk(self) -> Awaitable[bytes]:
        """The next chunk. Raises StopAsyncIteration at the end and the inner application's own error."""

    def close_body(self) -> None:
        """No more chunks are wanted."""

    held: tuple[Message, ...]
    """Messages that came before the start and belong to this response."""
    trailers: tuple[Message, ...]
    """Trailers that came while the body was being read."""


class Body:
    """The inner response's body. A class, not an async generator: leaving a loop over it early is safe."""

    __slots__ = ("_source",)

    def __init__(self, source: BodySource) -> None:
        self._source = source

    def __aiter__(self) -> "Body":
        return self

    async def __anext__(self) -> bytes:
        return await self._source.next_chunk()

    async def aclose(self) -> None:
        """Take no more chunks: the inner application is told that its client has gone."""
        self._source.close_body()


_ASKED_FOR: Any = object()


class InnerResponse(StreamingResponse):
    """The response that `call_next` returns.

    Returned by `dispatch` as it is, its head is sent (with what was changed in it) and every message after the head
    goes straight through. Its `body_iterator` may be read, or replaced by an iterator over it.
    """

    background: Any = None
    simple = False
    """Whether it is two messages that are there, and nobody has asked for the body."""
    _body: Any = None

    def __init__(self, start: Message, source: BodySource) -> None:
        # Not the constructor of the base: this head is given, none is made.
        self.start = start
        self.source = source
        self.status_code = start["status"]
        headers = start.get("headers", ())
        self.raw_headers = headers.copy() if type(headers) is list else list(headers)

    @property
    def body_iterator(self) -> Any:
        """The body as an async iterator of bytes."""
        if self._body is None:
            self.simple = False
            self._body = _ASKED_FOR
        # A new one each time: kept, it would refer back to the response where that is its own source.
        return Body(self.source) if self._body is _ASKED_FOR else self._body

    @body_iterator.setter
    def body_iterator(self, value: Any) -> None:
        self.simple = False
        self._body = value

    @property
    def untouched(self) -> bool:
        """Whether nobody has asked for the body."""
        return self._body is None

    def head(self) -> Message:
        """The start message: the inner one with this status and these headers, every other key as it was."""
        if len(self.start) == 3:
            return {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        return {**self.start, "status": self.status_code, "headers": self.raw_headers}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head and what `body_iterator` gives, then the inner trailers, then run `background`."""
        iterator = self.body_iterator
        try:
            if await _told(send, *self.source.held, self.head()):
                async for chunk in iterator:
                    body = chunk.encode(self.charset) if isinstance(chunk, str) else chunk
                    if not await _told(send, {"type": "http.response.body", "body": body, "more_body": True}):
                        break
                else:
                    last = {"type": "http.response.body", "body": b"", "more_body": False}
                    await _told(send, last, *self.source.trailers)
        finally:
            await close_iterator(iterator)
        if self.background is not None:
            await run_background(self.background, scope)


async def _told(send: Send, *messages: Message) -> bool:
    """Send `messages`: False if the client has gone, which `send` says with an OSError (ASGI 2.4)."""
    try:
        for message in messages:
            await send(message)
    except OSError:
        return False
    return True
