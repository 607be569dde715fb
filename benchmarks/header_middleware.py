"""Function middlewares that set a header: one, and three. The peers use their own kind of middleware."""

from collections.abc import Callable
from typing import Any, cast

from benchmarks.frameworks import Toolkit, blacksheep, both, falcon, fastapi, litestar, raw_answer
from benchmarks.measure import Area
from benchmarks.server import ASGIApp, Ask, Seen

TEXT = "Hello, world!"


def raw_layers(app: ASGIApp, layers: int) -> ASGIApp:
    """A pure ASGI middleware for each layer, as one writes it without a framework."""
    for number in range(layers):
        app = raw_layer(app, b"x-layer-%d" % number)
    return app


def raw_layer(inner: ASGIApp, name: bytes) -> ASGIApp:
    async def middleware(scope: Any, receive: Any, send: Any) -> None:
        async def marking(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((name, b"1"))
            await send(message)

        await inner(scope, receive, marking)

    return middleware


def toolkit_layers(layers: int) -> list[Callable[..., Any]]:
    return [toolkit_layer(f"x-layer-{number}") for number in range(layers)]


def toolkit_layer(name: str) -> Callable[..., Any]:
    async def mark(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers[name] = "1"
        return response

    return mark


def blacksheep_layers(layers: int) -> list[Callable[..., Any]]:
    return [blacksheep_layer(b"x-layer-%d" % number) for number in range(layers)]


def blacksheep_layer(name: bytes) -> Callable[..., Any]:
    async def mark(request: Any, handler: Any) -> Any:
        response = await handler(request)
        response.headers.set(name, b"1")
        return response

    return mark


class FalconLayer:
    """Falcon's middleware component."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def process_response(self, req: Any, resp: Any, resource: Any, req_succeeded: bool) -> None:
        resp.set_header(self.name, "1")


def falcon_layers(layers: int) -> list[FalconLayer]:
    return [FalconLayer(f"x-layer-{number}") for number in range(layers)]


def raw_app(layers: int) -> ASGIApp:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in raw_answer(TEXT.encode(), b"text/plain; charset=utf-8"):
            await send(message)

    return raw_layers(app, layers)


def toolkit_app(kit: Toolkit, layers: int) -> ASGIApp:
    async def hello(request: Any) -> Any:
        return kit.PlainTextResponse(TEXT)

    return kit.app({("GET", "/"): hello}, toolkit_layers(layers))


def blacksheep_app(layers: int) -> ASGIApp:
    from blacksheep import text

    async def hello(request):  # type: ignore[no-untyped-def]  # BlackSheep reads annotations as instructions
        return text(TEXT)

    return blacksheep({("GET", "/"): hello}, blacksheep_layers(layers))


def falcon_app(layers: int) -> ASGIApp:
    class Hello:
        async def on_get(self, req: Any, resp: Any) -> None:
            resp.content_type = "text/plain; charset=utf-8"
            resp.text = TEXT

    return falcon({"/": Hello()}, falcon_layers(layers))


def litestar_layers(layers: int) -> list[Any]:
    from litestar.middleware import ASGIMiddleware

    class Layer(ASGIMiddleware):
        def __init__(self, name: bytes) -> None:
            self.name = name

        async def handle(self, scope: Any, receive: Any, send: Any, next_app: Any) -> None:
            async def marking(message: Any) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], (self.name, b"1")]
                await send(message)

            await next_app(scope, receive, marking)

    return [Layer(b"x-layer-%d" % number) for number in range(layers)]


def litestar_app(layers: int) -> ASGIApp:
    from litestar import MediaType, get

    @get("/", media_type=MediaType.TEXT)
    async def hello() -> str:
        return TEXT

    return litestar([hello], litestar_layers(layers))


def fastapi_app(layers: int) -> ASGIApp:
    from fastapi.responses import PlainTextResponse

    app = fastapi(toolkit_layers(layers))

    @app.get("/")
    async def hello():  # type: ignore[no-untyped-def]  # FastAPI reads a return annotation as a response model
        return PlainTextResponse(TEXT)

    return cast(ASGIApp, app)


def area(layers: int, title: str) -> Area:
    def right(seen: Seen) -> bool:
        marks = sum(name.startswith(b"x-layer-") for name, _ in seen.headers)
        return (seen.status, seen.body, marks) == (200, TEXT.encode(), layers)

    return Area(
        slug=f"middleware-{layers}",
        title=title,
        ask=Ask(paths=("/",)),
        builders={
            "raw ASGI": lambda: raw_app(layers),
            **both(lambda kit: toolkit_app(kit, layers)),
            "BlackSheep": lambda: blacksheep_app(layers),
            "Falcon": lambda: falcon_app(layers),
            "Litestar": lambda: litestar_app(layers),
            "FastAPI": lambda: fastapi_app(layers),
        },
        right=right,
    )


AREAS = [area(1, "1 function middleware"), area(3, "3 function middlewares")]
