"""What a request makes is freed when the request ends: nothing is left for the garbage collector to find."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from asterion.applications import Asterion
from asterion.background import BackgroundTask
from asterion.requests import Request
from asterion.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from asterion.routing import Mount, Route, WebSocketRoute
from asterion.websockets import WebSocket
from tests.asgi import Exchange, function_layers, http_scope

FORM = (
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n'
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nxx\r\n--b--\r\n'
)
MULTIPART = [("content-type", "multipart/form-data; boundary=b")]
URLENCODED = [("content-type", "application/x-www-form-urlencoded")]


class Refused(Exception):
    """Has a handler."""


async def plain(request: Request) -> Response:
    return PlainTextResponse("hello")


async def as_json(request: Request) -> Response:
    return JSONResponse({"query": dict(request.query_params), "cookies": request.cookies, "url": str(request.url)})


async def stream(request: Request) -> Response:
    async def pieces() -> Any:
        yield b"one"
        await anyio.lowlevel.checkpoint()
        yield b"two"

    return StreamingResponse(pieces())


async def a_file(request: Request) -> Response:
    return FileResponse(Path(__file__))


async def form(request: Request) -> Response:
    async with request.form() as fields:
        return JSONResponse(sorted(fields))


async def body(request: Request) -> Response:
    return Response(await request.body())


async def from_json(request: Request) -> Response:
    return JSONResponse(await request.json())


async def refused(request: Request) -> Response:
    raise Refused


async def background(request: Request) -> Response:
    return PlainTextResponse("hello", background=BackgroundTask(anyio.lowlevel.checkpoint))


async def redirect(request: Request) -> Response:
    return RedirectResponse("/plain")


async def handle(request: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), status_code=400)


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


ENDPOINTS = [plain, as_json, stream, a_file, form, body, from_json, refused, background, redirect]


def application(layers: int, way: str) -> Asterion:
    routes: list[Any] = [Route(f"/{made.__name__}", made, methods=["GET", "POST"]) for made in ENDPOINTS]
    routes.append(WebSocketRoute("/socket", socket))
    inner = Asterion(routes=[Route("/plain", plain)])
    routes += [Mount("/mounted", routes=[Route("/plain", plain)]), Mount("/inner", app=inner)]
    return Asterion(
        routes=routes,
        middleware=function_layers(layers, way) if layers else [],
        exception_handlers={Refused: handle},
    )


KINDS: dict[str, tuple[str, str, list[tuple[str, str]], list[bytes]]] = {
    "plain": ("GET", "/plain", [("host", "example.org")], [b""]),
    "json": ("GET", "/as_json", [("host", "example.org"), ("cookie", "a=b")], [b""]),
    "stream": ("GET", "/stream", [], [b""]),
    "file": ("GET", "/a_file", [], [b""]),
    "file-range": ("GET", "/a_file", [("range", "bytes=0-3,8-9")], [b""]),
    "multipart-form": ("POST", "/form", MULTIPART, [FORM[:30], FORM[30:]]),
    "urlencoded-form": ("POST", "/form", URLENCODED, [b"a=b&", b"c=d"]),
    "malformed-form": ("POST", "/form", MULTIPART, [b"nonsense"]),
    "body": ("POST", "/body", [], [b"one", b"two"]),
    "json-body": ("POST", "/from_json", [], [b"{}"]),
    "malformed-json": ("POST", "/from_json", [], [b"{"]),
    "handled-error": ("GET", "/refused", [], [b""]),
    "not-found": ("GET", "/nowhere", [], [b""]),
    "wrong-method": ("DELETE", "/plain", [], [b""]),
    "background": ("GET", "/background", [], [b""]),
    "redirect": ("GET", "/redirect", [], [b""]),
    "mounted": ("GET", "/mounted/plain", [], [b""]),
    "mounted-application": ("GET", "/inner/plain", [], [b""]),
}


LAYERS = [(0, "nested"), *((count, way) for count in (1, 3) for way in ("nested", "turns", "task"))]
CLEAN = {
    "plain",
    "json",
    "handled-error",
    "not-found",
    "wrong-method",
    "redirect",
    "mounted",
    "mounted-application",
}
KNOWN = {
    "task": "the parts of an exchange whose inner application has a task of its own hold one another",
    "background": "the companion of a background task is held by its own closures",
    "reading": "a scope that its server keeps holds, by what remembers the body or listens, the server's receive",
}


def cases() -> Iterator[Any]:
    """Each kind in each way; those that are known to leave cycles are named, and fail when they no longer do."""
    for kind in KINDS:
        for count, way in LAYERS:
            known = (
                "task"
                if way == "task"
                else ""
                if kind in CLEAN
                else "background"
                if kind == "background"
                else "reading"
            )
            marks = [pytest.mark.xfail(strict=True, reason=KNOWN[known])] if known else []
            yield pytest.param(kind, (count, way), marks=marks, id=f"{kind}-{count}-{way}")


@pytest.fixture(scope="module", autouse=True)
def _only_what_is_new() -> Iterator[None]:
    """What was there before is left out of every collection: a process that has run many tests has much of it."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def collected() -> Iterator[Any]:
    """What the garbage collector finds of a request's objects: their types' names."""
    gc.collect()
    gc.disable()

    def look() -> list[str]:
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            gc.collect()
            return sorted(f"{type(found).__module__}.{type(found).__qualname__}" for found in gc.garbage)
        finally:
            gc.set_debug(0)
            gc.garbage.clear()

    yield look
    gc.enable()
    gc.collect()


async def _turns() -> None:
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize(("kind", "layer"), list(cases()))
async def test_a_request_leaves_nothing_to_the_collector(kind: str, layer: tuple[int, str], collected: Any) -> None:
    app = application(*layer)
    method, path, headers, pieces = KINDS[kind]

    async def ask() -> None:
        await Exchange(app, http_scope(method, path, headers=headers), body=pieces).run()

    for _ in range(2):  # what is made once only, as the middleware stack
        await ask()
    await _turns()
    gc.collect()
    for _ in range(3):
        await ask()
    await _turns()
    assert len(collected()) == 0


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_websocket_leaves_nothing_to_the_collector(collected: Any) -> None:
    app = application(3, "nested")

    async def ask() -> None:
        scope = {**http_scope(path="/socket"), "type": "websocket", "scheme": "ws", "subprotocols": []}
        messages = [
            {"type": "websocket.connect"},
            {"type": "websocket.receive", "text": "hello"},
            {"type": "websocket.disconnect", "code": 1000},
        ]

        async def receive() -> Any:
            return messages.pop(0)

        async def send(message: Any) -> None:
            return None

        await app(scope, receive, send)

    for _ in range(2):
        await ask()
    await _turns()
    gc.collect()
    for _ in range(3):
        await ask()
    await _turns()
    assert len(collected()) == 0
