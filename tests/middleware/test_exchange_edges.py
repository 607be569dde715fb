"""Function middleware where it is easily got wrong: calls that come again or too late, bodies that are left early."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from asterion.applications import Asterion
from asterion.middleware import Middleware
from asterion.requests import Request
from asterion.responses import PlainTextResponse, Response, StreamingResponse
from asterion.routing import Mount, Route
from tests.asgi import layer_class, pass_through, request

pytestmark = pytest.mark.anyio


def application(endpoint: Any, *dispatches: Any, way: str) -> Asterion:
    """An application with one endpoint at `/` and these function middlewares, outermost first."""
    middleware = [Middleware(layer_class(way), dispatch=dispatch) for dispatch in dispatches]
    return Asterion(routes=[Route("/", endpoint)], middleware=middleware)


async def test_an_endpoint_that_returns_no_response_is_named_in_the_error(way: str) -> None:
    async def forgets(request: Request) -> Any:
        return {"not": "a response"}

    with pytest.raises(TypeError, match="forgets"):
        await request(application(forgets, pass_through, way=way))


@pytest.mark.parametrize("way", ["nested", "task"])
async def test_what_is_inside_knows_at_once_that_no_more_chunks_are_wanted(way: str) -> None:
    """Not when dispatch ends, which may have much to do before. (By turns, in one task, it cannot go on earlier.)"""
    closed = anyio.Event()

    async def endpoint(request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x"
            finally:
                closed.set()

        return StreamingResponse(chunks())

    async def first_chunk(request: Request, call_next: Any) -> Any:
        body = (await call_next(request)).body_iterator
        chunk = await anext(body)
        await body.aclose()
        with anyio.fail_after(10):
            await closed.wait()
        return Response(chunk)

    answer = await request(application(endpoint, first_chunk, way=way))
    assert answer.body == b"x"


async def test_two_calls_give_two_bodies_that_are_read_in_any_order(way: str) -> None:
    calls: list[str] = []

    async def endpoint(request: Request) -> Response:
        calls.append("call")
        name = str(len(calls))

        async def chunks() -> AsyncIterator[str]:
            yield f"{name}a"
            yield f"{name}b"

        return StreamingResponse(chunks())

    async def twice(request: Request, call_next: Any) -> Any:
        first = (await call_next(request)).body_iterator
        begun = [await anext(first)]
        second = (await call_next(request)).body_iterator
        begun += [await anext(second), await anext(first), await anext(second)]
        return Response(b" ".join(begun))

    answer = await request(application(endpoint, twice, way=way))
    assert answer.body == b"1a 2a 1b 2b"


async def test_an_inner_function_that_has_ended_cannot_call_again_while_the_outer_one_goes_on(way: str) -> None:
    kept: list[Any] = []

    async def hello(request: Request) -> Response:
        return PlainTextResponse("hello")

    async def keeps(request: Request, call_next: Any) -> Any:
        kept.append(call_next)
        return PlainTextResponse("kept")

    async def outer(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        with pytest.raises(RuntimeError, match="call_next was called after .*keeps had ended"):
            await kept[0](request)
        return response

    answer = await request(application(hello, outer, keeps, way=way))
    assert answer.body == b"kept"


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_debug_message_goes_with_the_response_it_belongs_to(way: str, layers: int, replaced: bool) -> None:
    """In its place right before the head; not at all where another response is sent."""
    debug = {"type": "http.response.debug", "info": {"template": "a.html"}}

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send(debug)
        await PlainTextResponse("inner")(scope, receive, send)

    async def replace(request: Request, call_next: Any) -> Any:
        await call_next(request)
        return PlainTextResponse("other")

    app: Any = inner
    for _ in range(layers):
        app = layer_class(way)(app, dispatch=replace if replaced else pass_through)
    answer = await request(app)
    kinds = ["http.response.start", "http.response.body"]
    if replaced and layers:
        assert ([message["type"] for message in answer.messages], answer.body) == (kinds, b"other")
    else:
        assert ([message["type"] for message in answer.messages], answer.body) == ([debug["type"], *kinds], b"inner")


@pytest.mark.parametrize("read_all", [True, False])
async def test_a_body_with_trailers_can_be_read_and_its_trailers_go_with_it(way: str, read_all: bool) -> None:
    trailers = [
        {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": True},
        {"type": "http.response.trailers", "headers": [(b"x-more", b"2")], "more_trailers": False},
    ]

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})
        for message in trailers:
            await send(message)

    async def read(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        body = response.body_iterator
        if read_all:
            return Response(b"".join([chunk async for chunk in body]))
        response.body_iterator = (chunk.upper() async for chunk in body)
        return response

    answer = await request(layer_class(way)(inner, dispatch=read))
    if read_all:
        assert (answer.body, answer.complete, len(answer.messages)) == (b"ab", True, 2)
    else:
        assert (answer.body, answer.complete, answer.messages[-2:]) == (b"AB", True, trailers)


async def test_an_unwanted_response_that_was_begun_under_a_scope_ends_without_an_error(way: str) -> None:
    """Dispatch has a task of its own there, and answers; what is inside is told that nobody listens."""

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        with anyio.CancelScope():
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})

    async def replace(request: Request, call_next: Any) -> Any:
        await call_next(request)
        return PlainTextResponse("other")

    answer = await request(layer_class(way)(inner, dispatch=replace))
    assert (answer.body, answer.complete) == (b"other", True)


@pytest.mark.parametrize(
    ("path", "answered"), [("/b", (200, b"b")), ("/m/c", (200, b"in a mount")), ("/nowhere", (404, b"Not Found"))]
)
async def test_a_path_that_dispatch_has_rewritten_leads_where_it_says(
    way: str, path: str, answered: tuple[int, bytes]
) -> None:
    """To another function, to what is no plain route, and to nothing."""

    async def a(request: Request) -> Response:
        return PlainTextResponse("a")

    async def b(request: Request) -> Response:
        return PlainTextResponse("b")

    async def rewrite(request: Request, call_next: Any) -> Any:
        request.scope["path"] = path
        return await call_next(request)

    routes = [Route("/", a), Route("/b", b), Mount("/m", PlainTextResponse("in a mount"))]
    app = Asterion(routes=routes, middleware=[Middleware(layer_class(way), dispatch=rewrite)])
    answer = await request(app)
    assert (answer.status, answer.body) == answered
