"""From http to https and from ws to wss."""

from asterion._core.hosts import host_header, parse_host
from asterion.datastructures import URL
from asterion.responses import PlainTextResponse, RedirectResponse, Response
from asterion.types import ASGIApp, Receive, Scope, Send
from asterion.websockets import refuse_connection

_SECURE = {"http": "https", "ws": "wss"}


class HTTPSRedirectMiddleware:
    """Answer requests that came without TLS by a redirect (307) to the same URL with it.

    The target is built from the Host header, so one that is not a valid host, or a second one, is answered by 400; put
    TrustedHostMiddleware outside of this one to accept your own hosts only. The default ports (80, 443) are left out
    of the target, other ports stay. A WebSocket is redirected by a denial response if the server offers that
    extension, else it is closed. Behind a proxy that ends TLS, the server must be told to take the scheme from it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass secure requests on, redirect the others."""
        if scope["type"] not in ("http", "websocket") or scope.get("scheme", "http") not in _SECURE:
            await self.app(scope, receive, send)
        else:
            await refuse_connection(scope, receive, send, secure_redirect(scope), reason="Use wss")


def secure_redirect(scope: Scope) -> Response:
    """The answer to an insecure request: the redirect, or 400 where the host cannot be trusted to be one."""
    if host_header(scope["headers"]) is None and any(name == b"host" for name, _ in scope["headers"]):
        return PlainTextResponse("Invalid host header", status_code=400)
    url = URL(scope=scope)
    host, port = parse_host(url.netloc) or (url.netloc, None)
    netloc = host if port in (None, 80, 443) else f"{host}:{port}"
    return RedirectResponse(url.replace(scheme=_SECURE[scope.get("scheme", "http")], netloc=netloc))
