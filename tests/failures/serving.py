"""What the tests of this folder share: an application of either face within function middlewares, and asking it."""

from collections.abc import Callable
from typing import Any

import pytest

from asterion.applications import Asterion, Starlette
from asterion.middleware import Middleware
from asterion.responses import PlainTextResponse
from asterion.routing import BaseRoute, Route
from tests.asgi import Exchange, function_layers, http_scope

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
