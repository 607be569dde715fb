"""What the tests of this folder share: an application of either face within function middlewares, and asking it."""

from collections.abc import Callable
from typing import Any

import pytest

from asterion.applications import Asterion, Starlette
from asterion.middleware import Middleware
from asterion.responses import PlainTextResponse
from asterion.routing import BaseRoute, Route, WebSocketRoute
from tests.asgi import Exchange, function_layers, http_scope, request

each_face = pytest.mark.parametrize("face", [Asterion, Starlette])


def application(
    face: type[Asterion], layers: int, *routes: BaseRoute, middleware: tuple[Middleware, ...] = (), **options: Any
) -> Asterion:
    """An application with `routes`, inside of `middleware`, and `layers` function middlewares inside of that."""
    return face(routes=list(routes), middleware=[*middleware, *function_layers(layers)], **options)


def answering(text: str = "done") -> Callable[[Any], Any]:
    """An endpoint that answers with `text`."""

    async def endpoint(request: Any) -> PlainTextResponse:
        return PlainTextResponse(text)

    return endpoint


def route(path: str, text: str = "done", **options: Any) -> Route:
    """A route that answers with `text`."""
    return Route(path, answering(text), **options)


async def outcome(app: Any, *args: Any, body: Any = b"", **options: Any) -> tuple[Exchange, Exception | None]:
    """The answer of `app`, and what it raised beside it, as a server sees the two."""
    exchange = Exchange(app, http_scope(*args, **options), body=body)
    try:
        await exchange.run()
    except Exception as error:
        return exchange, error
    return exchange, None


def allow(answer: Exchange) -> set[str]:
    """The methods that the `Allow` header lists."""
    return {method.strip() for method in answer.headers["allow"].split(",")}


def vary(answer: Exchange) -> set[str]:
    """The request headers that the `Vary` headers list, in lower case."""
    values = [value.decode() for name, value in answer.raw_headers if name == b"vary"]
    return {name.strip().lower() for name in ",".join(values).split(",") if name.strip()}


async def post(app: Any, body: Any, content_type: str, **options: Any) -> Exchange:
    """The answer of `app` to a body of this type."""
    return await request(app, "POST", headers=[("content-type", content_type)], body=body, **options)


class Wire:
    """The server's side of a WebSocket: the frames of a client that then leaves, and what the application sends."""

    def __init__(self, *frames: dict[str, Any], code: int = 1001, extensions: tuple[str, ...] = ()) -> None:
        self.messages = [{"type": "websocket.connect"}, *frames]
        self.gone = {"type": "websocket.disconnect", "code": code, "reason": ""}
        self.scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "scheme": "ws",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"app.example")],
            "server": ("127.0.0.1", 8000),
            "extensions": {name: {} for name in extensions},
            "state": {},
        }
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        return self.messages.pop(0) if self.messages else dict(self.gone)

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    async def run(self, app: Any) -> list[dict[str, Any]]:
        """Serve the connection to its end; what `app` has sent."""
        await app(self.scope, self.receive, self.send)
        return self.sent

    @property
    def closes(self) -> list[tuple[int, str]]:
        """Code and reason of every close that was sent."""
        return [(one["code"], one["reason"]) for one in self.sent if one["type"] == "websocket.close"]


def at_root(face: type[Asterion], layers: int, endpoint: Any, **options: Any) -> Asterion:
    """An application with a WebSocket endpoint."""
    return application(face, layers, WebSocketRoute("/", endpoint), **options)
