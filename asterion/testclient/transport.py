"""HTTP requests straight into an application: no socket, no server.

A request whose body is known and whose response is wanted whole is one visit to the event loop: the application runs to
its end there, background work included. A streamed body (a generator) or a streamed response (`client.stream()`) is a
conversation: the test's thread and the application take turns, chunk by chunk.
"""

from collections.abc import Iterator
from typing import Any

from asterion._core.conformance import Conformance
from asterion.testclient._calls import StreamedCall, WholeCall
from asterion.testclient._faces import Beside, at_once
from asterion.testclient._httpx import httpx
from asterion.testclient._loop import ClientLoop
from asterion.testclient._scope import http_scope
from asterion.testclient._settings import Settings
from asterion.testclient._setup import CHUNKED, STREAM, WEBSOCKET, shake_hands
from asterion.types import ASGIApp, Scope


class ASGITransport(httpx.BaseTransport):
    """The transport of a `TestClient`: requests become calls of `app` on `loop`.

    `state` is the lifespan's state, of which every scope gets a copy.
    """

    def __init__(self, app: ASGIApp, loop: ClientLoop, settings: Settings, state: dict[str, Any]) -> None:
        self.app = app
        self.loop = loop
        self.settings = settings
        self.state = state

    def handle_request(self, request: "httpx.Request") -> "httpx.Response":
        """Call the application. Raises what it raises, unless `raise_server_exceptions` is false."""
        if WEBSOCKET in request.extensions:
            return shake_hands(request, self.settings, self.state)
        scope = http_scope(request, self.settings, self.state)
        if STREAM in request.extensions or CHUNKED in request.headers:
            return self._converse(request, scope)
        call = WholeCall(scope, request.read(), Conformance(scope, strict=self.settings.strict))
        portal = self.loop.acquire()
        try:
            portal.call(call.run, self.app)
        finally:
            self.loop.release()
        return call.response(request, self.settings.raise_server_exceptions)

    def _converse(self, request: "httpx.Request", scope: Scope) -> "httpx.Response":
        body: Any = iter(request.stream) if CHUNKED in request.headers else request.read()  # type: ignore[arg-type]
        door = Beside(self.loop.acquire())
        call = StreamedCall(self.app, scope, self.settings, door, body, self.loop.release)
        return at_once(call.respond(request, Body(call) if STREAM in request.extensions else None))


class Body(httpx.SyncByteStream):
    """The body of a streamed response, for a test in a thread of its own."""

    def __init__(self, call: StreamedCall) -> None:
        self._call = call

    def __iter__(self) -> Iterator[bytes]:
        while (chunk := at_once(self._call.chunk())) is not None:
            yield chunk

    def close(self) -> None:
        at_once(self._call.close())
