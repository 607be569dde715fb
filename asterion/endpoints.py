"""Class-based endpoints: one class per path, one method per HTTP method or WebSocket event.

Laws: only an HTTP method that the class defines is ever called, by its exact name, so a request cannot reach any other
attribute (CVE-2026-48817). Methods may be sync (they run in a worker thread) or async.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, ClassVar

import anyio

from asterion import status
from asterion._core.callables import describe_callable, refuse_generator
from asterion._core.policies import policies_of
from asterion.concurrency import call
from asterion.exceptions import HTTPException, WebSocketException
from asterion.requests import Request
from asterion.responses import PlainTextResponse, Response
from asterion.types import Message, Receive, Scope, Send
from asterion.websockets import WebSocket, WebSocketDisconnect, WebSocketState, disconnect_of, frame_of, read_json

__all__ = ("HTTPEndpoint", "WebSocketEndpoint")

HTTP_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "TRACE")
"""The methods an `HTTPEndpoint` can answer (RFC 9110 section 9.3, RFC 5789, and QUERY)."""


class HTTPEndpoint:
    """An endpoint with a method (`get`, `post`, ...) for each HTTP method: it takes a `Request`, gives a `Response`.

    HEAD is answered by `get` unless there is a `head`. Any other method is answered with 405 and `Allow`. An instance
    is one request: awaiting it answers.
    """

    _handlers: ClassVar[dict[str, str]]

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"{type(self).__name__} answers HTTP requests, not a scope of type {scope['type']!r}")
        self.scope = scope
        self.receive = receive
        self.send = send

    def __await__(self) -> Generator[Any, None, None]:
        return self.dispatch().__await__()

    @classmethod
    def handlers(cls) -> dict[str, str]:
        """For each HTTP method this class answers, the name of the Python method that does."""
        table: dict[str, str] | None = cls.__dict__.get("_handlers")
        if table is None:
            table = {name: name.lower() for name in HTTP_METHODS if callable(getattr(cls, name.lower(), None))}
            cls._handlers = table  # per class, not inherited; made at first use, since decorators may still add methods
        return table

    async def dispatch(self) -> None:
        """Answer the request; the files of its form are closed behind it (issue 1903)."""
        request = Request(self.scope, receive=self.receive, send=self.send)
        table = self.handlers()
        name = table.get(request.method) or (table.get("GET") if request.method == "HEAD" else None)
        handler = self.method_not_allowed if name is None else getattr(self, name)
        try:
            response = await call(handler, request)
            if not callable(response):
                raise TypeError(f"endpoint {describe_callable(handler)} returned {response!r:.80}; return a Response")
            await response(self.scope, self.receive, self.send)
        finally:
            await request.close()

    async def method_not_allowed(self, request: Request) -> Response:
        """The answer to a method the class does not define: 405 with `Allow` (RFC 9110 15.5.6).

        Raises it as `HTTPException` inside an application, whose handlers then answer. OPTIONS is answered with `Allow`
        where the application's policies say so.
        """
        if request.method == "OPTIONS" and "app" in self.scope and policies_of(self.scope).automatic_options:
            allowed = {*self.handlers(), "OPTIONS"} | ({"HEAD"} if "GET" in self.handlers() else set())
            return Response(status_code=204, headers={"Allow": ", ".join(sorted(allowed))})
        headers = {"Allow": ", ".join(self.handlers())}
        if "app" in self.scope:
            raise HTTPException(status.HTTP_405_METHOD_NOT_ALLOWED, headers=headers)
        return PlainTextResponse("Method Not Allowed", status_code=405, headers=headers)


class WebSocketEndpoint:
    """An endpoint with a method for each event of a WebSocket.

    `encoding` says what frames hold: "text", "bytes", "json" (in frames of either type), or None for whatever comes.
    A frame that is something else closes the connection with code 1003. Awaiting an instance serves the connection.
    """

    encoding: str | None = None

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            raise RuntimeError(f"{type(self).__name__} serves WebSockets, not a scope of type {scope['type']!r}")
        self.scope = scope
        self.receive = receive
        self.send = send

    def __await__(self) -> Generator[Any, None, None]:
        return self.dispatch().__await__()

    async def dispatch(self) -> None:
        """Serve the connection: `on_connect`, `on_receive` for each frame, and `on_disconnect` on every way out.

        An `on_connect` that fails is the only way out without `on_disconnect`; one that refuses the handshake is
        followed by `on_disconnect` with code 1006, the code of a connection that never came to be.
        """
        websocket = WebSocket(self.scope, receive=self.receive, send=self.send)
        await self._tell(self.on_connect, websocket)
        try:
            code = await self._serve(websocket)
        except BaseException as error:
            code = error.code if isinstance(error, WebSocketException | WebSocketDisconnect) else 1011
            # Shielded, or a cancelled connection would never be told that it is over.
            with anyio.CancelScope(shield=True):
                await self._tell(self.on_disconnect, websocket, code)
            raise
        await self._tell(self.on_disconnect, websocket, code)

    async def _tell(self, method: Any, websocket: WebSocket, *args: Any) -> None:
        refuse_generator(method, await call(method, websocket, *args), "WebSocket endpoint")

    async def _serve(self, websocket: WebSocket) -> int:
        """Receive until the client leaves; the close code."""
        if websocket.application_state is WebSocketState.DISCONNECTED:
            return 1006
        while True:
            try:
                message = await websocket.receive()
            except WebSocketException as error:  # too large
                await websocket.close(error.code, error.reason)
                raise
            if message["type"] == "websocket.disconnect":
                return disconnect_of(message).code
            if message["type"] == "websocket.receive":
                await self._tell(self.on_receive, websocket, await self.decode(websocket, message))

    async def decode(self, websocket: WebSocket, message: Message) -> Any:
        """The data of a `websocket.receive` message.

        Closes the connection with code 1003 and raises `WebSocketException` when it is not what `encoding` says.
        Raises `ValueError` for an `encoding` that does not exist.
        """
        try:
            if self.encoding in ("text", "bytes"):
                return frame_of(message, self.encoding)
            text, data = message.get("text"), message.get("bytes")
            either = (data or b"") if text is None else text
            if self.encoding == "json":
                return await read_json(either, policies_of(self.scope).json_depth)
        except WebSocketException as error:
            await websocket.close(error.code, error.reason)
            raise
        if self.encoding is None:
            return either
        raise ValueError(f"{type(self).__name__}.encoding is {self.encoding!r}: use 'text', 'bytes', 'json' or None")

    async def on_connect(self, websocket: WebSocket) -> None:
        """The client wants to connect. Accepts; override to refuse, or to accept with a subprotocol."""
        await websocket.accept()

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        """A frame has come, decoded by `encoding`."""

    async def on_disconnect(self, websocket: WebSocket, close_code: int) -> None:
        """The connection is over: the client left, or this side failed (1011) or closed."""
