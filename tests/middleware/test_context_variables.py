"""Context variables under function middleware: they flow both ways, and a reset in dispatch does not reach inside."""

import contextvars
from collections.abc import AsyncIterator
from typing import Any

import anyio.lowlevel
import pytest

from asterion.applications import Asterion
from asterion.background import BackgroundTask
from asterion.requests import Request
from asterion.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from asterion.routing import Mount, Route
from tests.asgi import function_layers, request

pytestmark = pytest.mark.anyio

bound: contextvars.ContextVar[str] = contextvars.ContextVar("bound")
other: contextvars.ContextVar[str] = contextvars.ContextVar("other", default="none")


async def bind(request: Request, call_next: Any) -> Any:
    """As libraries for logging and request ids do."""
    token = bound.set("request")
    try:
        return await call_next(request)
    finally:
        bound.reset(token)


def application(endpoint: Any, way: str, layers: int, mounted: bool, dispatch: Any = bind) -> Asterion:
    routes: list[Any] = [Route("/", endpoint)]
    if mounted:  # nested function middleware is for plain routes
        routes = [Mount("/", app=Asterion(routes=routes))]
    inside = function_layers(1, way, dispatch)
    return Asterion(routes=routes, middleware=[*function_layers(layers, way), *inside, *function_layers(layers, way)])


each_place = pytest.mark.parametrize("mounted", [False, True], ids=["route", "mounted"])


@each_place
async def test_a_stream_and_its_background_work_keep_what_dispatch_has_reset(
    way: str, layers: int, mounted: bool, spec_version: str
) -> None:
    seen: list[str] = []

    async def endpoint(request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(3):
                await anyio.lowlevel.checkpoint()
                yield bound.get().encode()

        return StreamingResponse(chunks(), background=BackgroundTask(lambda: seen.append(bound.get("lost"))))

    answer = await request(application(endpoint, way, layers, mounted), spec_version=spec_version)
    assert answer.body == b"request" * 3
    assert seen == ["request"]
    assert bound.get("unset") == "unset"


@each_place
@pytest.mark.parametrize("kind", ["plain", "file"])
async def test_background_work_keeps_what_dispatch_has_reset(
    way: str, layers: int, mounted: bool, kind: str, tmp_path: Any
) -> None:
    seen: list[str] = []
    path = tmp_path / "a.txt"
    path.write_text("a")

    async def work() -> None:
        await anyio.lowlevel.checkpoint()
        seen.append(bound.get("lost"))

    async def endpoint(request: Request) -> Response:
        if kind == "file":
            return FileResponse(path, background=BackgroundTask(work))
        return PlainTextResponse("a", background=BackgroundTask(work))

    answer = await request(application(endpoint, way, layers, mounted))
    assert answer.body == b"a"
    assert seen == ["request"]
    assert bound.get("unset") == "unset"


@each_place
async def test_what_the_endpoint_sets_is_seen_after_call_next(way: str, layers: int, mounted: bool) -> None:
    async def endpoint(request: Request) -> Response:
        other.set("endpoint")
        return PlainTextResponse(bound.get())

    async def look(request: Request, call_next: Any) -> Any:
        token = bound.set("outside")
        response = await call_next(request)
        response.headers["x-other"] = other.get()
        bound.reset(token)
        return response

    context = contextvars.copy_context()
    task = context.run(request, application(endpoint, way, layers, mounted, look))
    answer = await task
    assert (answer.body, answer.headers["x-other"]) == (b"outside", "endpoint")


@each_place
async def test_a_variable_that_dispatch_set_anew_is_inside_what_it_was_at_call_next(
    way: str, layers: int, mounted: bool
) -> None:
    async def endpoint(request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            yield bound.get().encode()

        return StreamingResponse(chunks())

    async def rebind(request: Request, call_next: Any) -> Any:
        bound.set("before")
        response = await call_next(request)
        bound.set("after")
        return response

    answer = await request(application(endpoint, way, layers, mounted, rebind))
    assert answer.body == b"before"
    assert bound.get() == "after"
