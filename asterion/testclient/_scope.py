"""From an HTTP client's request to the scope a server would have made of it; from any ASGI application to ASGI 3."""

import inspect
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from asterion.testclient._httpx import httpx
from asterion.testclient._settings import Settings
from asterion.types import ASGIApp, Receive, Scope, Send

_PORTS = {"http": 80, "https": 443}
_WEBSOCKET_SCHEMES = {"http": "ws", "https": "wss"}


def http_scope(request: "httpx.Request", settings: Settings, state: dict[str, Any]) -> Scope:
    """The scope of an HTTP request."""
    scope = {**settings.common("http", state), **_target(request)}
    scope["method"] = request.method
    return scope


def websocket_scope(
    request: "httpx.Request", subprotocols: list[str], settings: Settings, state: dict[str, Any]
) -> Scope:
    """The scope of a WebSocket handshake made by `request`, whose scheme is http or https."""
    scope = {**settings.common("websocket", state), **_target(request)}
    scope["scheme"] = _WEBSOCKET_SCHEMES.get(scope["scheme"], scope["scheme"])
    scope["subprotocols"] = subprotocols
    return scope


def _target(request: "httpx.Request") -> dict[str, Any]:
    """Where the request goes, and its headers."""
    url = request.url
    raw_path, _, query = url.raw_path.partition(b"?")
    path = raw_path.decode("ascii")
    return {
        "scheme": url.scheme,
        "server": [url.host, url.port or _PORTS.get(url.scheme, 80)],
        "path": unquote_to_bytes(path).decode("utf-8", "replace") if "%" in path else path,
        "raw_path": raw_path,
        "query_string": query,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
    }


def as_asgi3(app: Any) -> tuple[ASGIApp, str]:
    """`app` as an application of three arguments, and the ASGI version it was written for ("2.0" or "3.0").

    An application is of ASGI 2 when it takes one argument (the scope) and cannot take three; when its signature cannot
    be known it is of ASGI 3. What a function is made of (async or not, wrapped, partial) makes no difference.
    """
    if _accepts(app, 3) or not _accepts(app, 1):
        return cast(ASGIApp, app), "3.0"

    async def three(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope)(receive, send)

    return three, "2.0"


def _accepts(app: Any, count: int) -> bool:
    try:
        inspect.signature(app).bind(*range(count))
    except TypeError:
        return False
    except ValueError:
        return count == 3
    return True
