"""`/users/{id:int}` with a JSON answer: routing, one conversion, one small document."""

import json
from typing import Any, cast

from benchmarks.frameworks import Toolkit, blacksheep, both, falcon, fastapi, litestar, raw_answer
from benchmarks.measure import Area
from benchmarks.server import ASGIApp, Ask, Seen


def user(number: int) -> dict[str, Any]:
    return {"id": number, "name": "Ada Lovelace", "active": True, "tags": ["analyst", "countess"]}


def raw_app() -> ASGIApp:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        number = int(scope["path"].removeprefix("/users/"))
        body = json.dumps(user(number), ensure_ascii=False, separators=(",", ":")).encode()
        for message in raw_answer(body, b"application/json"):
            await send(message)

    return app


def toolkit_app(kit: Toolkit) -> ASGIApp:
    async def show(request: Any) -> Any:
        return kit.JSONResponse(user(request.path_params["id"]))

    return kit.app({("GET", "/users/{id:int}"): show})


def blacksheep_app() -> ASGIApp:
    from blacksheep import json as json_response

    async def show(id: int):  # type: ignore[no-untyped-def]  # BlackSheep reads a return annotation as an instruction
        return json_response(user(id))

    return blacksheep({("GET", "/users/{int:id}"): show})


def falcon_app() -> ASGIApp:
    class Users:
        async def on_get(self, req: Any, resp: Any, id: int) -> None:
            resp.media = user(id)

    return falcon({"/users/{id:int}": Users()})


def litestar_app() -> ASGIApp:
    from litestar import get

    @get("/users/{id:int}")
    async def show(id: int) -> dict[str, Any]:
        return user(id)

    return litestar([show])


def fastapi_app() -> ASGIApp:
    app = fastapi()

    @app.get("/users/{id}")
    async def show(id: int) -> dict[str, Any]:
        return user(id)

    return cast(ASGIApp, app)


def right(seen: Seen) -> bool:
    document = json.loads(seen.body)
    return seen.status == 200 and bool(document == user(document["id"])) and isinstance(document["id"], int)


AREAS = [
    Area(
        slug="typed-parameter",
        title="/users/{id:int}, JSON",
        ask=Ask(paths=tuple(f"/users/{number}" for number in range(4096))),
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
]
