"""Who is asking: puts `user` and `auth` into the scope.

Law: it fails closed. Whatever the backend raises, the inner app is not called.
"""

from collections.abc import Callable
from typing import Any

from asterion.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, UnauthenticatedUser
from asterion.concurrency import call, settle
from asterion.requests import HTTPConnection
from asterion.responses import PlainTextResponse, Response
from asterion.types import ASGIApp, Receive, Scope, Send
from asterion.websockets import refuse_connection


class AuthenticationMiddleware:
    """Ask `backend` about every request and WebSocket, and store its answer in `scope["auth"]` and `scope["user"]`.

    `backend.authenticate(conn)` returns credentials and a user, or None for a visitor (no credentials and an
    `UnauthenticatedUser` then); it may be sync or async. If it raises AuthenticationError, `on_error(conn, exc)` makes
    the response (400 with the message by default; sync or async); a WebSocket gets that response where the server
    offers the denial extension, and is closed otherwise. Other exceptions are not touched.
    """

    def __init__(
        self,
        app: ASGIApp,
        backend: AuthenticationBackend,
        on_error: Callable[[HTTPConnection, AuthenticationError], Any] | None = None,
    ) -> None:
        self.app = app
        self.backend = backend
        self.on_error: Callable[[HTTPConnection, AuthenticationError], Any] = on_error or self.default_on_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate, then pass the request on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        conn = HTTPConnection(scope)
        try:
            identified = await call(self.backend.authenticate, conn)
        except AuthenticationError as error:
            await self._refuse(conn, error, receive, send)
            return
        scope["auth"], scope["user"] = (AuthCredentials(), UnauthenticatedUser()) if identified is None else identified
        await self.app(scope, receive, send)

    async def _refuse(self, conn: HTTPConnection, error: AuthenticationError, receive: Receive, send: Send) -> None:
        response = await settle(self.on_error(conn, error))
        await refuse_connection(conn.scope, receive, send, response, reason="Authentication failed")

    @staticmethod
    def default_on_error(conn: HTTPConnection, exc: Exception) -> Response:
        """The message of `exc` as plain text, with status 400."""
        return PlainTextResponse(str(exc), status_code=400)
