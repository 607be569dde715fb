"""Plain text: the smallest answer there is."""

from typing import Any

from benchmarks.frameworks import Toolkit, blacksheep, both, falcon, raw_answer
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


AREAS = [
    Area(
        slug="plain-text",
        title="plain text",
        ask=Ask(paths=("/",)),
        builders={"raw ASGI": raw_app, **both(toolkit_app), "BlackSheep": blacksheep_app, "Falcon": falcon_app},
        right=lambda seen: (seen.status, seen.body) == (200, TEXT.encode()),
    )
]
