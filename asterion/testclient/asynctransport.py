"""HTTP requests straight into an application, for a client that lives on the application's own event loop.

A request whose body is known and whose response is wanted whole runs the application in a child task of the test's, and
waits for its end, background work included: cancelling the test cancels the application. A streamed body or response is
a conversation with a task that goes on between the test's own awaits.
"""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from typing import Any, cast

import anyio

from asterion._core.conformance import Conformance
from asterion.testclient._calls import StreamedCall, WholeCall
from asterion.testclient._faces import OnLoop
from asterion.testclient._httpx import httpx
from asterion.testclient._scope import http_scope
from asterion.testclient._settings import Settings
from asterion.testclient._setup import CHUNKED, STREAM, WEBSOCKET, shake_hands
from asterion.types import ASGIApp, Scope


class AsyncASGITransport(httpx.AsyncBaseTransport):
    """The transport of an `AsyncTestClient`: requests become calls of `app`.

    `state` is the lifespan's state, of which every scope gets a copy. Nothing here belongs to an event loop.
    """

    def __init__(self, app: ASGIApp, settings: Settings, state: dict[str, Any]) -> None:
        self.app = app
        self.settings = settings
        self.state = state

    async def handle_async_request(self, request: "httpx.Request") -> "httpx.Response":
        """Call the application. Raises what it raises, unless `raise_server_exceptions` is false."""
        if WEBSOCKET in request.extensions:
            return shake_hands(request, self.settings, self.state)
        scope = http_scope(request, self.settings, self.state)
        if STREAM in request.extensions or CHUNKED in request.headers:
            return await self._converse(request, scope)
        call = WholeCall(scope, await request.aread(), Conformance(scope, strict=self.settings.strict))
        async with anyio.create_task_group() as group:  # a child has a copy of the test's context
            group.start_soon(call.run, self.app)
        return call.response(request, self.settings.raise_server_exceptions)

    async def _converse(self, request: "httpx.Request", scope: Scope) -> "httpx.Response":
        stream = cast(httpx.AsyncByteStream, request.stream)
        body: Any = aiter(stream) if CHUNKED in request.headers else await request.aread()
        call = StreamedCall(self.app, scope, self.settings, OnLoop(), body)
        return await call.respond(request, AsyncBody(call) if STREAM in request.extensions else None)


class AsyncBody(httpx.AsyncByteStream):
    """The body of a streamed response, for a test on the loop. A class: leaving it early leaves nothing to collect."""

    def __init__(self, call: StreamedCall) -> None:
        self._call = call

    def __aiter__(self) -> "AsyncBody":
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._call.chunk()
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Leave: an application that is not at its end sees a disconnect."""
        await self._call.close()


class Pieces(httpx.AsyncByteStream):
    """A request body that a generator makes, sync or async: each piece when it is asked for, and only once."""

    def __init__(self, source: "AsyncIterable[bytes] | Iterable[bytes]") -> None:
        self._source = source
        self._pieces: AsyncIterator[bytes] | Iterator[bytes] | None = None

    def __aiter__(self) -> "Pieces":
        if self._pieces is not None:
            raise httpx.StreamConsumed
        self._pieces = aiter(self._source) if isinstance(self._source, AsyncIterable) else iter(self._source)
        return self

    async def __anext__(self) -> bytes:
        if isinstance(self._pieces, AsyncIterator):
            return await anext(self._pieces)
        piece = None if self._pieces is None else next(self._pieces, None)
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """Close the generator, wherever it stands."""
        if isinstance(self._pieces, AsyncGenerator):
            await self._pieces.aclose()
        elif isinstance(self._pieces, Generator):
            self._pieces.close()
