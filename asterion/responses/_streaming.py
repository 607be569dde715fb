"""Streaming: a body that is made while it is sent.

The response owns its iterator: it is closed on every way out, in the task that ran it, shielded from cancellation. A
client that leaves is noticed even while the iterator waits, on every version of the ASGI specification, and by an
iterator that never waits.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

import anyio
import anyio.lowlevel

from asterion._core.wire import means_client_gone, straight
from asterion.background import run_background
from asterion.concurrency import iterate_in_threadpool
from asterion.requests import ClientDisconnect
from asterion.responses._base import WITHOUT_BODY, Response, headers_without_content, sends_body
from asterion.responses._watch import ClientWatch
from asterion.types import Message, Receive, Scope, Send

Content = str | bytes | memoryview
SyncContentStream = Iterable[Content]
AsyncContentStream = AsyncIterable[Content]
ContentStream = AsyncContentStream | SyncContentStream

# How often a source that never waits is made to look at the clock (and to wait, if the loop has waited for long).
_CHUNKS_PER_LOOK = 32

CLOSE_GRACE = 10.0
"""Seconds that an iterator's own clean-up may take, shielded from cancellation, before it is cancelled."""


class StreamingResponse(Response):
    """A response whose body is any sync or async iterable of bytes-like objects or text.

    A sync iterable is stepped in worker threads. A whole `bytes` or `str` is one chunk. Raises TypeError for anything
    that cannot be iterated, naming what it is. An instance whose iterable is an iterator can be sent once; sending it
    again raises RuntimeError rather than an empty body.
    """

    body_iterator: AsyncIterator[Any]
    _sent = False

    def __init__(
        self,
        content: ContentStream,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: Any = None,
    ) -> None:
        self.body_iterator = _as_async_iterable(content)
        self.status_code = status_code
        if media_type is not None:
            self.media_type = media_type
        self.background = background
        self.init_headers(headers)

    @property
    def is_used_up(self) -> bool:
        """Whether it was sent before, and its iterator with it."""
        return self._sent and isinstance(self.body_iterator, AsyncIterator)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream the body, close the iterator, then run the background work, also if the client has left."""
        if self.is_used_up:
            raise RuntimeError(
                f"this {type(self).__name__} was sent before and its iterator is used up; make a response per request"
            )
        self._sent = True
        watch = ClientWatch(scope, receive)
        try:
            await self.stream_response(send, scope=scope, watch=watch)
        except BaseException:
            await watch.abandon()
            raise
        await watch.close()
        watch.check()
        if self.background is not None:
            await run_background(self.background, scope)

    async def listen_for_disconnect(self, receive: Receive) -> None:
        """Return when the client has gone (ASGI `http.disconnect`)."""
        while (await receive())["type"] != "http.disconnect":
            pass

    async def stream_response(
        self, send: Send, *, scope: Scope | None = None, watch: ClientWatch | None = None
    ) -> None:
        """Send the start and every chunk, and close the iterator."""
        scope = scope if scope is not None else {"type": "http"}
        body = self.body_iterator
        start, with_body = start_of(self, scope)
        kind = start["type"].removesuffix(".start")
        try:
            await send(start)
            if not with_body:
                await send({"type": f"{kind}.body", "body": b"", "more_body": False})
        except BaseException as error:
            await close_iterator(body)
            if isinstance(error, OSError) and means_client_gone(error):
                return
            raise
        if not with_body:
            await close_iterator(body)
            return
        watch = watch or ClientWatch(scope, None)
        # The scope is around the whole iteration: a source may keep scopes of its own open between chunks, and scopes
        # must nest.
        with anyio.CancelScope() as watch.scope:
            watch.open()
            try:
                await self._send_chunks(body, f"{kind}.body", send, watch)
            except ClientDisconnect:
                # The source reads the request while it answers, and was told there that the client has gone.
                watch.gone = True
                watch.error = None

    async def _send_chunks(self, body: Any, kind: str, send: Send, watch: ClientWatch) -> None:
        iterator = aiter(body)
        watch.waiting = True
        try:
            await self._pump(iterator, kind, straight(send), watch)
        except Exception as error:
            watch.error = error  # where closing takes too long, the scope that ends it would swallow this
            raise
        finally:
            watch.waiting = False
            if iterator is not body:
                await close_iterator(iterator, watch.scope)
            await close_iterator(body, watch.scope)
        if not watch.gone:
            try:
                # The last message goes the whole way, so that every layer knows that the response is complete.
                await send({"type": kind, "body": b"", "more_body": False})
                watch.complete = True
            except OSError as error:
                watch.lost(error)

    async def _pump(self, iterator: AsyncIterator[Any], kind: str, send: Send, watch: ClientWatch) -> None:
        """Send the chunks up to the end of `iterator`, or until the client has gone."""
        charset = self.charset
        left = _CHUNKS_PER_LOOK
        async for chunk in _Given(iterator):
            watch.waiting = False
            if watch.gone:
                return
            if type(chunk) is not bytes:
                chunk = as_bytes(chunk, charset)
            try:
                await send({"type": kind, "body": chunk, "more_body": True})
            except OSError as error:
                watch.lost(error)
                return
            left -= 1
            if not left:
                left = _CHUNKS_PER_LOOK
                await watch.turns.give()
            if watch.gone:
                return  # type: ignore[unreachable] # the listener sets it, in a task of its own
            watch.waiting = True


def start_of(response: Response, scope: Scope) -> tuple[Message, bool]:
    """The start message of a response whose body comes in pieces, and whether it has any."""
    status = response.status_code
    headers = response.raw_headers.copy()
    if scope["type"] == "websocket":
        return {"type": "websocket.http.response.start", "status": status, "headers": headers}, True
    with_body = sends_body(status, scope)
    if status in WITHOUT_BODY:
        headers = headers_without_content(headers, status)
    return {"type": "http.response.start", "status": status, "headers": headers}, with_body


class _Given:
    """`async for` over an iterator that is in hand already, whether or not it has an `__aiter__` of its own."""

    __slots__ = ("_iterator",)

    def __init__(self, iterator: AsyncIterator[Any]) -> None:
        self._iterator = iterator

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._iterator


class _Items:
    """An async iterable over what needs no thread: whole strings, lists and tuples. It can be iterated again."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = items

    def __aiter__(self) -> _ItemsIterator:
        return _ItemsIterator(self._items)


class _ItemsIterator(AsyncIterator[Any]):
    __slots__ = ("_items",)

    def __init__(self, items: Iterable[Any]) -> None:
        self._items: Iterator[Any] = iter(items)

    async def __anext__(self) -> Any:
        for item in self._items:
            return item
        raise StopAsyncIteration


def _as_async_iterable(content: Any) -> Any:
    if isinstance(content, bytes | bytearray | memoryview | str):
        return _Items((content,))
    if hasattr(type(content), "__aiter__"):
        return content
    if isinstance(content, list | tuple):
        return _Items(content)
    try:
        return iterate_in_threadpool(content)
    except TypeError:
        hint = "pass an iterable of bytes or str"
        if hasattr(content, "__await__"):
            if hasattr(content, "close"):
                content.close()  # else Python warns, later and elsewhere, that it was never awaited
            hint = "it is a coroutine: await it first, or pass the async generator itself"
        elif callable(content):
            hint = f"it is a function: call it, StreamingResponse({getattr(content, '__name__', 'function')}())"
        raise TypeError(f"StreamingResponse cannot iterate over {content!r}: {hint}") from None


def as_bytes(chunk: Any, charset: str) -> bytes | memoryview:
    """One chunk of a body. Raises TypeError, naming the value, where it is neither text nor bytes-like."""
    if isinstance(chunk, str):
        return chunk.encode(charset)
    if isinstance(chunk, bytes | bytearray):
        return bytes(chunk)
    if isinstance(chunk, memoryview):
        return chunk.cast("B") if chunk.c_contiguous else chunk.tobytes()
    raise TypeError(f"a streamed chunk must be bytes or str, got {type(chunk).__name__}: {chunk!r:.80}")


async def close_iterator(iterator: Any, around: anyio.CancelScope | None = None) -> None:
    """Close an async iterator here and now, shielded, with `CLOSE_GRACE` seconds for its own clean-up.

    An iterator may hold scopes of its own open between its items, and leaves them now: a new scope would be in their
    way. `around`, one that was opened before the iterator began, is the shield then.
    """
    close = getattr(iterator, "aclose", None)
    if close is None or getattr(iterator, "ag_frame", close) is None:
        return  # nothing to close, or a generator that has ended
    if around is None or around.cancel_called:
        with anyio.CancelScope(shield=True, deadline=anyio.current_time() + CLOSE_GRACE):
            await close()
        return
    around.shield, around.deadline = True, anyio.current_time() + CLOSE_GRACE
    try:
        await close()
    finally:
        around.shield, around.deadline = False, math.inf
