"""What `call_next` gives where the inner response is there before anything of it is sent.

A view like every `InnerResponse`, on a head that is known. Nothing has been sent, so sending it, reading it and
doing without it are three ways to go on, and each ends with the inner background work.
"""

from contextvars import Context, copy_context
from typing import Any

from asterion._core.wire import means_client_gone
from asterion.concurrency import Companion, running_task
from asterion.concurrency._contexts import Reinstated, put_back, reinstate
from asterion.middleware._exchange.body import InnerResponse
from asterion.responses import Response, StreamingResponse
from asterion.responses._base import content_of
from asterion.responses._streaming import close_iterator, start_of
from asterion.types import Message, Scope, Send

CALL = Response.__call__
_STREAM_CALL, _STREAM = StreamingResponse.__call__, StreamingResponse.stream_response


def is_known_stream(response: Any) -> bool:
    """Whether `response` is a stream whose head is known before it is sent, and that can be sent."""
    if isinstance(response, InnerResponse):
        return True
    kind = type(response)
    if kind.__call__ is not _STREAM_CALL or kind.stream_response is not _STREAM:
        return False
    return not response.is_used_up


class NestedResponse(InnerResponse):
    """The response of an endpoint, or of an inner function middleware, that has not been sent yet."""

    # Its own source of chunks (`body.BodySource`).
    held: tuple[Message, ...] = ()
    trailers: tuple[Message, ...] = ()
    read = False

    simple = True
    passed = False
    """Whether it has been sent, or is being sent."""
    failed = False
    """Whether sending it has raised: then it is not complete, and its background work is not done."""
    body: Any
    """The body, where it is there already."""
    context: Context
    """The context as it was when it was made, where there is work to be done in it: dispatch may have reset some."""

    def __init__(self, wrapped: Response, scope: Scope, layer: Any) -> None:
        # Not the constructor of the base: see there.
        self.wrapped: Any = wrapped
        self.layer = layer
        self.scope = scope
        status = wrapped.status_code
        if status == 200 and scope["method"] != "HEAD":
            # PERF(benchmarks/header_middleware): what `content_of` comes to, nearly always.
            self.status_code, self.raw_headers, self.body = status, wrapped.raw_headers.copy(), wrapped.body
        else:
            self.status_code, self.raw_headers, self.body = content_of(wrapped, scope)

    @property
    def source(self) -> Any:  # type: ignore[override]
        """Itself."""
        return self

    async def next_chunk(self) -> bytes:
        """The next chunk. Raises StopAsyncIteration at the end."""
        if self.read or not self.body:
            raise StopAsyncIteration
        self.read = True
        body: bytes = self.body
        return body

    def close_body(self) -> None:
        """No more chunks are wanted."""
        self.read = True

    def head(self) -> Message:
        """The start message."""
        return {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}

    async def pass_on(self, send: Send) -> None:
        """Send it with the head as dispatch has left it, without background work."""
        self.passed = True
        try:
            for message in (*self.held, self.head(), {"type": "http.response.body", "body": self.body}):
                await send(message)
        except OSError as error:
            if not means_client_gone(error):
                raise

    async def close(self) -> None:
        """Nobody wants it."""

    @property
    def begun(self) -> bool:
        """Whether it is running in a task beside, which sees to all of it."""
        return False


class NestedStream(NestedResponse):
    """A nested response whose body is still to be made."""

    simple = False
    _begun = False

    def __init__(self, wrapped: Any, scope: Scope, layer: Any, call: Any) -> None:
        self.wrapped = wrapped
        self.layer = layer
        self.scope = scope
        self.call = call
        self.start, self.with_body = start_of(wrapped, scope)
        self.status_code, self.raw_headers = self.start["status"], self.start["headers"]
        self.task = running_task()
        self.context = copy_context()

    async def next_chunk(self) -> bytes:
        """The next chunk, of the stream running in a task beside. Raises StopAsyncIteration at the end."""
        if self.read or not self.with_body:
            raise StopAsyncIteration
        if not self._begun:
            self._begun = True
            self.layer.start_in_task(self.wrapped, self.scope, self.call)
        await self.call.started_beside()
        chunk: bytes = await self.call.next_chunk()
        return chunk

    def close_body(self) -> None:
        """No more chunks are wanted."""
        self.read = True
        if self._begun:
            self.call.close_body()

    def head(self) -> Message:
        """The start message: this status and these headers, every other key of the inner one as it was."""
        return {**self.start, "status": self.status_code, "headers": self.raw_headers}

    async def pass_on(self, send: Send) -> None:
        """Send it with the head as dispatch has left it, without background work."""
        self.passed = True
        wrapped = self.wrapped
        before = wrapped.status_code, wrapped.raw_headers, wrapped.background
        wrapped.status_code, wrapped.raw_headers, wrapped.background = self.status_code, self.raw_headers, None
        reinstated: Reinstated = ()
        try:
            if running_task() is self.task:
                reinstated = reinstate(self.context)
                await wrapped(self.scope, self.call.receive, send)
            else:
                await Companion(lambda: wrapped(self.scope, self.call.receive, send), context=self.context).join()
        finally:
            put_back(reinstated)
            wrapped.status_code, wrapped.raw_headers, wrapped.background = before

    async def close(self) -> None:
        """Nobody wants it: its iterator is closed, if it was not used up or begun."""
        if not self.passed and not self._begun:
            await close_iterator(self.wrapped.body_iterator)

    @property
    def begun(self) -> bool:
        """Whether it is running in a task beside, which sees to all of it."""
        return self._begun
