"""What `call_next` gives where the inner response is there before anything of it is sent.

A view like every `InnerResponse`, on a head that is known. Nothing has been sent, so sending it, reading it and
doing without it are three ways to go on, and each ends with the inner background work.
"""

import contextvars
from typing import Any

from asterion._core.wire import means_client_gone
from asterion.concurrency import Companion, running_task
from asterion.middleware._exchange.body import InnerResponse
from asterion.responses import Response, StreamingResponse
from asterion.responses._base import content_of
from asterion.responses._streaming import start_of
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

    passed = False
    """Whether it has been sent, or is being sent."""
    begun = False
    """Whether it is running in a task beside, because its stream is read."""
    made_in: Any = None
    """The task in which a stream was made, and its context as it was."""
    last: Any
    """The body, where it is there already."""

    def __init__(self, wrapped: Any, scope: Scope, layer: Any, call: Any) -> None:
        # Not the constructor of the base: see there.
        self.wrapped = wrapped
        self.layer = layer
        if type(wrapped).__call__ is CALL:
            self.status_code, self.raw_headers, self.last = content_of(wrapped, scope)
            self.simple = True
        else:
            self.start, with_body = start_of(wrapped, scope)
            self.status_code, self.raw_headers = self.start["status"], self.start["headers"]
            self.last = None if with_body else b""
            self.made_in = running_task(), contextvars.copy_context()
        self.scope = scope
        self.call = call

    @property
    def source(self) -> Any:  # type: ignore[override]
        """Itself."""
        return self

    # --- the body, as dispatch sees it ---

    async def next_chunk(self) -> bytes:
        """The next chunk. Raises StopAsyncIteration at the end."""
        if self.last is not None:
            if self.read or not self.last:
                raise StopAsyncIteration
            self.read = True
            body: bytes = self.last
            return body
        if self.read:
            raise StopAsyncIteration
        if not self.begun:
            self.begun = True
            self.layer.start_in_task(self.wrapped, self.scope, self.call)
        await self.call.started_beside()
        chunk: bytes = await self.call.next_chunk()
        return chunk

    def close_body(self) -> None:
        """No more chunks are wanted."""
        self.read = True
        if self.begun:
            self.call.close_body()

    # --- its way out ---

    def is_simple(self) -> bool:
        """Whether sending it is sending two messages and nothing else; it is taken as sent then."""
        if self._body is not None or self.background is not None or self.made_in is not None or self.held:
            return False
        self.passed = True
        return True

    def head(self) -> Message:
        """The start message: this status and these headers, every other key of the inner one as it was."""
        if self.made_in is not None:
            return super().head()
        return {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}

    async def pass_on(self, send: Send) -> None:
        """Send it with the head as dispatch has left it, without background work."""
        self.passed = True
        if self.made_in is None:
            try:
                for message in (*self.held, self.head(), {"type": "http.response.body", "body": self.last}):
                    await send(message)
            except OSError as error:
                if not means_client_gone(error):
                    raise
            return
        wrapped = self.wrapped
        before = wrapped.status_code, wrapped.raw_headers, wrapped.background
        wrapped.status_code, wrapped.raw_headers, wrapped.background = self.status_code, self.raw_headers, None
        task, context = self.made_in
        try:
            if running_task() is task:
                await wrapped(self.scope, self.call.receive, send)
            else:
                await Companion(lambda: wrapped(self.scope, self.call.receive, send), context=context).join()
        finally:
            wrapped.status_code, wrapped.raw_headers, wrapped.background = before
