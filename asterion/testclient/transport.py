"""HTTP requests straight into an application: no socket, no server.

A request whose body is known and whose response is wanted whole is one visit to the event loop: the application runs to
its end there, background work included. A streamed body (a generator) or a streamed response (`client.stream()`) is a
conversation: the test's thread and the application take turns, chunk by chunk.
"""

from typing import Any

from asterion.testclient._calls import StreamedCall, WholeCall
from asterion.testclient._httpx import httpx
from asterion.testclient._loop import ClientLoop
from asterion.testclient._scope import http_scope, websocket_scope
from asterion.testclient._settings import Settings
from asterion.testclient.conformance import Conformance
from asterion.testclient.websocket import WebSocketTestSession
from asterion.types import ASGIApp, Scope

STREAM = "asterion.stream"
"""Request extension: the response is wanted chunk by chunk."""

WEBSOCKET = "asterion.websocket"
"""Request extension (the subprotocols offered) and response extension (the session) of a WebSocket handshake."""


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
            return self._handshake(request)
        scope = http_scope(request, self.settings, self.state)
        if STREAM in request.extensions or "transfer-encoding" in request.headers:
            return self._converse(request, scope)
        call = WholeCall(scope, request.read(), Conformance(scope, strict=self.settings.strict))
        portal = self.loop.acquire()
        try:
            portal.call(call.run, self.app)
        finally:
            self.loop.release()
        call.raise_error(self.settings.raise_server_exceptions)
        return call.answer.response(request, b"".join(call.chunks))

    def _converse(self, request: "httpx.Request", scope: Scope) -> "httpx.Response":
        stream = StreamedCall(self.app, self.loop, self.settings, request, scope)
        try:
            stream.head()
            if STREAM in request.extensions:
                return stream.answer.response(request, stream)
            body = b"".join(stream)
        except BaseException:
            stream.abandon()
            raise
        return stream.answer.response(request, body)

    def _handshake(self, request: "httpx.Request") -> "httpx.Response":
        settings = self.settings
        session = WebSocketTestSession(
            self.app,
            websocket_scope(request, request.extensions[WEBSOCKET], settings, self.state),
            self.loop.portal,
            timeout=settings.websocket_timeout,
            grace=settings.leave_grace,
            strict=settings.strict,
        )
        return httpx.Response(101, request=request, extensions={WEBSOCKET: session})
