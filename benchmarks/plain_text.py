"""Plain text: the smallest answer there is."""

from typing import Any, cast

from benchmarks.frameworks import Toolkit, blacksheep, both, falcon, fastapi, litestar, raw_answer
from benchmarks.measure import Area
from benchmarks.server import ASGIApp, Ask

TEXT = "Hello, world!"


def raw_app() -> ASGIApp:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in raw_answer(TEXT.encode(), b"text/plain; charset=utf-8"):
            await send(message)

    return app


def toolkit_app(kit: Toolkit) -> ASGIApp:
    async def hello(request: Any) -> Any:
        return kit.PlainTextResponse(TEXT)

    return kit.app({("GET", "/"): hello})


def blacksheep_app() -> ASGIApp:
    from blacksheep import text

    async def hello(request):  # type: ignore[no-untyped-def]  # BlackSheep reads annotations as instructions
        return text(TEXT)

    return blacksheep({("GET", "/"): hello})


def falcon_app() -> ASGIApp:
    class Hello:
        async def on_get(self, req: Any, resp: Any) -> None:
            resp.content_type = "text/plain; charset=utf-8"
            resp.text = TEXT

    return falcon({"/": Hello()})


def litestar_app() -> ASGIApp:
    from litestar import MediaType, get

    @get("/", media_type=MediaType.TEXT)
    async def hello() -> str:
        return TEXT

    return litestar([hello])


def fastapi_app() -> ASGIApp:
    from fastapi.responses import PlainTextResponse

    app = fastapi()

    @app.get("/")
    async def hello():  # type: ignore[no-untyped-def]  # FastAPI reads a return annotation as a response model
        return PlainTextResponse(TEXT)

    return cast(ASGIApp, app)


AREAS = [
    Area(
        slug="plain-text",
        title="plain text",
        ask=Ask(paths=("/",)),
        builders={
            "raw ASGI": raw_app,
            **both(toolkit_app),
            "BlackSheep": blacksheep_app,
            "Falcon": falcon_app,
            "Litestar": litestar_app,
            "FastAPI": fastapi_app,
        },
        right=lambda seen: (seen.status, seen.body) == (200, TEXT.encode()),
    )
]
