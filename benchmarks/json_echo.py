"""A JSON document is read from the body, and sent back."""

import json
from typing import Any, cast

from benchmarks.frameworks import Toolkit, blacksheep, both, falcon, fastapi, litestar, raw_answer
from benchmarks.measure import Area
from benchmarks.server import ASGIApp, Ask

DOCUMENT = {
    "id": 4711,
    "title": "Sketch of the analytical engine",
    "tags": ["engine", "notes", "numbers"],
    "pages": [{"number": number, "words": number * 37 % 400} for number in range(10)],
}


def raw_app() -> ASGIApp:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        document = json.loads(message["body"])
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        for answer in raw_answer(body, b"application/json"):
            await send(answer)

    return app


def toolkit_app(kit: Toolkit) -> ASGIApp:
    async def echo(request: Any) -> Any:
        return kit.JSONResponse(await request.json())

    return kit.app({("POST", "/echo"): echo})


def blacksheep_app() -> ASGIApp:
    from blacksheep import json as json_response

    async def echo(request):  # type: ignore[no-untyped-def]  # BlackSheep reads annotations as instructions
        return json_response(await request.json())

    return blacksheep({("POST", "/echo"): echo})


def falcon_app() -> ASGIApp:
    class Echo:
        async def on_post(self, req: Any, resp: Any) -> None:
            resp.media = await req.get_media()

    return falcon({"/echo": Echo()})


def litestar_app() -> ASGIApp:
    from litestar import post

    @post("/echo", status_code=200)
    async def echo(data: dict[str, Any]) -> dict[str, Any]:
        return data

    return litestar([echo])


def fastapi_app() -> ASGIApp:
    app = fastapi()

    @app.post("/echo")
    async def echo(data: dict[str, Any]) -> dict[str, Any]:
        return data

    return cast(ASGIApp, app)


BODY = json.dumps(DOCUMENT).encode()

AREAS = [
    Area(
        slug="json-echo",
        title="JSON echo",
        ask=Ask(
            paths=("/echo",),
            method="POST",
            body=BODY,
            headers=((b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode("ascii"))),
        ),
        builders={
            "raw ASGI": raw_app,
            **both(toolkit_app),
            "BlackSheep": blacksheep_app,
            "Falcon": falcon_app,
            "Litestar": litestar_app,
            "FastAPI": fastapi_app,
        },
        right=lambda seen: seen.status == 200 and json.loads(seen.body) == DOCUMENT,
    )
]
