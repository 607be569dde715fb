"""What both kinds of client make of their arguments."""

from collections.abc import Sequence
from typing import Any

from asterion.applications import Asterion, Starlette
from asterion.testclient._httpx import httpx
from asterion.testclient._scope import as_asgi3, websocket_scope
from asterion.testclient._settings import Settings
from asterion.types import ASGIApp, Scope

STREAM = "asterion.stream"
"""Request extension: the response is wanted chunk by chunk."""

WEBSOCKET = "asterion.websocket"
"""Request extension (the subprotocols offered) and response extension (the scope) of a WebSocket handshake."""

CHUNKED = "transfer-encoding"
"""The header of a request whose body is made piece by piece."""

_HTTP_SCHEMES = {"ws": "http", "wss": "https"}


def configure(app: Any, *, strict: bool | None, **options: Any) -> tuple[ASGIApp, Settings]:
    """`app` as an application of ASGI 3, and the settings of its client. `options` are fields of `Settings`.

    `strict` None stands for true if `app` is an `Asterion`, but not its `Starlette` face.
    """
    three, version = as_asgi3(app)
    if strict is None:
        strict = isinstance(app, Asterion) and not isinstance(app, Starlette)
    return three, Settings(strict=strict, asgi_version=version, **options)


def with_user_agent(headers: Any) -> "httpx.Headers":
    """The headers of every request of a client."""
    own = httpx.Headers(headers)
    own.setdefault("user-agent", "testclient")
    return own


def handshake(url: str, subprotocols: Sequence[str] | None, options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of the request that is a WebSocket handshake: `options` and what a handshake says of itself."""
    target = httpx.URL(url)
    if target.scheme in _HTTP_SCHEMES:
        # In the HTTP client's eyes a handshake is a request: its cookies and authentication go by http and https.
        target = target.copy_with(scheme=_HTTP_SCHEMES[target.scheme])
    headers = httpx.Headers(options.pop("headers", None))
    headers.setdefault("connection", "upgrade")
    headers.setdefault("sec-websocket-key", "testserver==")
    headers.setdefault("sec-websocket-version", "13")
    if subprotocols:
        headers.setdefault("sec-websocket-protocol", ", ".join(subprotocols))
    extensions = {**(options.pop("extensions", None) or {}), WEBSOCKET: list(subprotocols or ())}
    return {**options, "method": "GET", "url": target, "headers": headers, "extensions": extensions}


def shake_hands(request: "httpx.Request", settings: Settings, state: dict[str, Any]) -> "httpx.Response":
    """A transport's answer to a handshake: the scope of the session that is to be opened."""
    scope = websocket_scope(request, request.extensions[WEBSOCKET], settings, state)
    return httpx.Response(101, request=request, extensions={WEBSOCKET: scope})


def scope_of(response: "httpx.Response") -> Scope:
    """The scope that `shake_hands` made."""
    scope: Scope = response.extensions[WEBSOCKET]
    return scope
