"""The first and the last of 500 routes, each with a typed parameter."""

from collections.abc import Callable
from typing import Any, cast

from benchmarks.frameworks import Toolkit, blacksheep, both, falcon, fastapi, litestar, raw_answer
from benchmarks.measure import Area
from benchmarks.server import ASGIApp, Ask, Seen

ROUTES = 500


def raw_app() -> ASGIApp:
    async def answer(send: Any, number: int) -> None:
        for message in raw_answer(str(number).encode(), b"text/plain; charset=utf-8"):
            await send(message)

    table = {f"resource{number}": answer for number in range(ROUTES)}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        _, resource, number = scope["path"].split("/")
        await table[resource](send, int(number))

    return app


def toolkit_app(kit: Toolkit) -> ASGIApp:
    async def show(request: Any) -> Any:
        return kit.PlainTextResponse(str(request.path_params["id"]))

    return kit.app({("GET", f"/resource{number}/{{id:int}}"): show for number in range(ROUTES)})


def blacksheep_app() -> ASGIApp:
    from blacksheep import text

    def handler() -> Callable[..., Any]:  # BlackSheep wants a function of its own for each route
        async def show(id: int):  # type: ignore[no-untyped-def]  # a return annotation would be an instruction
            return text(str(id))

        return show

    return blacksheep({("GET", f"/resource{number}/{{int:id}}"): handler() for number in range(ROUTES)})


def falcon_app() -> ASGIApp:
    class Show:
        async def on_get(self, req: Any, resp: Any, id: int) -> None:
            resp.content_type = "text/plain; charset=utf-8"
            resp.text = str(id)

    return falcon({f"/resource{number}/{{id:int}}": Show() for number in range(ROUTES)})


def litestar_app() -> ASGIApp:
    from litestar import MediaType, get

    def handler(number: int) -> Any:
        @get(f"/resource{number}/{{id:int}}", media_type=MediaType.TEXT)
        async def show(id: int) -> str:
            return str(id)

        return show

    return litestar(handler(number) for number in range(ROUTES))


def fastapi_app() -> ASGIApp:
    from fastapi.responses import PlainTextResponse

    app = fastapi()
    for number in range(ROUTES):

        @app.get(f"/resource{number}/{{id}}")
        async def show(id: int):  # type: ignore[no-untyped-def]  # FastAPI reads a return annotation as a model
            return PlainTextResponse(str(id))

    return cast(ASGIApp, app)


def right(seen: Seen) -> bool:
    return seen.status == 200 and seen.body.isdigit()


def area(slug: str, title: str, number: int) -> Area:
    return Area(
        slug=slug,
        title=title,
        ask=Ask(paths=tuple(f"/resource{number}/{id}" for id in range(4096))),
        builders={
            "raw ASGI": raw_app,
            **both(toolkit_app),
            "BlackSheep": blacksheep_app,
            "Falcon": falcon_app,
            "Litestar": litestar_app,
            "FastAPI": fastapi_app,
        },
        right=right,
    )


AREAS = [
    area("routes-first", "first of 500 routes", 0),
    area("routes-last", "last of 500 routes", ROUTES - 1),
]
