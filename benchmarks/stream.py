"""A stream of 100 chunks of 1 KiB from an async generator: bare, and under three function middlewares."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from benchmarks.frameworks import Toolkit, blacksheep, both, falcon
from benchmarks.header_middleware import blacksheep_layers, falcon_layers, raw_layers, toolkit_layers
from benchmarks.measure import Area
from benchmarks.server import ASGIApp, Ask, Seen

CHUNK = b"x" * 1024
CHUNKS = 100


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(CHUNKS):
        yield CHUNK


def raw_app(layers: int) -> ASGIApp:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        async for chunk in chunks():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return raw_layers(app, layers)


def toolkit_app(kit: Toolkit, layers: int) -> ASGIApp:
    async def stream(request: Any) -> Any:
        return kit.StreamingResponse(chunks(), media_type="text/plain")

    return kit.app({("GET", "/stream"): stream}, toolkit_layers(layers))


def blacksheep_app(layers: int) -> ASGIApp:
    from blacksheep import Response, StreamedContent

    async def stream(request):  # type: ignore[no-untyped-def]  # BlackSheep reads annotations as instructions
        return Response(200, content=StreamedContent(b"text/plain", chunks))

    return blacksheep({("GET", "/stream"): stream}, blacksheep_layers(layers))


def falcon_app(layers: int) -> ASGIApp:
    class Stream:
        async def on_get(self, req: Any, resp: Any) -> None:
            resp.content_type = "text/plain"
            resp.stream = chunks()

    return falcon({"/stream": Stream()}, falcon_layers(layers))


def builders(layers: int) -> dict[str, Callable[[], ASGIApp]]:
    return {
        "raw ASGI": lambda: raw_app(layers),
        **both(lambda kit: toolkit_app(kit, layers)),
        "BlackSheep": lambda: blacksheep_app(layers),
        "Falcon": lambda: falcon_app(layers),
    }


def right(layers: int) -> Callable[[Seen], bool]:
    def check(seen: Seen) -> bool:
        marks = sum(name.startswith(b"x-layer-") for name, _ in seen.headers)
        return (seen.status, seen.body, seen.chunks, marks) == (200, CHUNK * CHUNKS, CHUNKS, layers)

    return check


AREAS = [
    Area("stream", "stream of 100 chunks", Ask(paths=("/stream",)), builders(0), right(0)),
    Area("stream-middleware", "3 middlewares, stream of 100", Ask(paths=("/stream",)), builders(3), right(3)),
]
