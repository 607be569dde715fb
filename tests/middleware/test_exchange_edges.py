"""Function middleware where it is easily got wrong: calls that come again or too late, bodies that are left early."""

import asyncio
import contextvars
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
import trio

from asterion.applications import Asterion
from asterion.concurrency import running_task
from asterion.exceptions import HTTPException
from asterion.middleware import Middleware
from asterion.middleware.exceptions import ExceptionMiddleware
from asterion.requests import Request
from asterion.responses import PlainTextResponse, Response, StreamingResponse
from asterion.routing import Mount, Route, Router
from tests.asgi import layer_class, pass_through, request, wait_all_blocked

pytestmark = pytest.mark.anyio


def application(endpoint: Any, *dispatches: Any, way: str) -> Asterion:
    """An application with one endpoint at `/` and these function middlewares, outermost first."""
    middleware = [Middleware(layer_class(way), dispatch=dispatch) for dispatch in dispatches]
    return Asterion(routes=[Route("/", endpoint)], middleware=middleware)


def tasks_alive(backend: str) -> int:
    """How many tasks there are, those that have ended left out."""
    return len(asyncio.all_tasks()) if backend == "asyncio" else trio.lowlevel.current_statistics().tasks_living


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


@pytest.mark.parametrize("last", [{"more_trailers": False}, {}], ids=["said", "left out"])
@pytest.mark.parametrize("read_all", [True, False])
async def test_a_body_with_trailers_can_be_read_and_its_trailers_go_with_it(
    way: str, read_all: bool, last: dict[str, bool]
) -> None:
    trailers: list[dict[str, Any]] = [
        {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": True},
        {"type": "http.response.trailers", "headers": [(b"x-more", b"2")], **last},
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


FORM = (
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\ntext\r\n--b--\r\n"
)
IS_FORM = [("content-type", "multipart/form-data; boundary=b")]


async def test_files_of_a_form_are_closed_where_dispatch_answers_without_an_endpoint(way: str, layers: int) -> None:
    uploads: list[Any] = []

    async def endpoint(request: Request) -> Response:
        raise AssertionError("nobody calls it")

    async def answer_for_it(request: Request, call_next: Any) -> Any:
        uploads.append((await request.form())["f"])
        return PlainTextResponse(await uploads[0].read())

    app = application(endpoint, *[pass_through] * layers, answer_for_it, way=way)
    answer = await request(app, headers=IS_FORM, body=FORM)
    assert answer.body == b"text"
    assert uploads[0].file.closed


async def test_files_of_a_form_are_closed_where_a_second_call_answers_without_them(way: str) -> None:
    uploads: list[Any] = []

    async def endpoint(request: Request) -> Response:
        raise AssertionError("nobody calls it")

    async def twice(request: Request, call_next: Any) -> Any:
        await call_next(request)
        return await call_next(request)

    async def answer_for_it(request: Request, call_next: Any) -> Any:
        if not uploads:
            uploads.append((await request.form())["f"])
        return PlainTextResponse("answered")

    app = application(endpoint, twice, pass_through, answer_for_it, way=way)
    answer = await request(app, headers=IS_FORM, body=FORM)
    assert answer.body == b"answered"
    assert uploads[0].file.closed


@pytest.mark.parametrize("times", [1, 2])
async def test_files_of_a_form_that_an_endpoint_has_read_are_closed(way: str, times: int) -> None:
    """Also where the endpoint was called before, and another answer is sent."""
    uploads: list[Any] = []

    async def endpoint(request: Request) -> Response:
        if not uploads:
            uploads.append((await request.form())["f"])
        return PlainTextResponse("answered")

    async def again(request: Request, call_next: Any) -> Any:
        for _ in range(times - 1):
            await call_next(request)
        return await call_next(request)

    answer = await request(application(endpoint, again, way=way), headers=IS_FORM, body=FORM)
    assert answer.body == b"answered"
    assert uploads[0].file.closed


async def test_who_still_waits_for_the_client_to_go_hears_of_it_though_another_has_stopped_waiting(way: str) -> None:
    """Its response is not wanted, which is to the inner application as if the client had gone."""
    seen: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        async def wait(*, task_status: Any) -> None:
            with anyio.CancelScope() as own:
                task_status.started(own)
                seen.append((await receive())["type"])

        await receive()
        async with anyio.create_task_group() as tasks:
            first = await tasks.start(wait)
            await tasks.start(wait)
            await wait_all_blocked()
            first.cancel()
            await wait_all_blocked()
            await send({"type": "http.response.start", "status": 200, "headers": []})

    async def replace(request: Request, call_next: Any) -> Any:
        await call_next(request)
        return PlainTextResponse("other")

    with anyio.fail_after(20):
        answer = await request(layer_class(way)(inner, dispatch=replace))
    assert (answer.body, seen) == (b"other", ["http.disconnect"])


async def test_an_inner_function_that_returns_no_response_is_named_in_the_error(way: str) -> None:
    called: list[str] = []

    async def endpoint(request: Request) -> Response:
        called.append("endpoint")
        return PlainTextResponse("")

    async def forgets(request: Request, call_next: Any) -> Any:
        await call_next(request)

    with pytest.raises(TypeError, match=r"forgets returned None; return a response"):
        await request(application(endpoint, pass_through, forgets, way=way))
    assert called == ["endpoint"]


async def test_a_reader_of_the_body_is_ended_if_the_request_is_cancelled_when_what_is_inside_ends(
    way: str, anyio_backend: str
) -> None:
    """What is inside has begun its response under a scope, so that dispatch has a task of its own."""
    ended: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        with anyio.CancelScope():
            await send({"type": "http.response.start", "status": 200, "headers": []})
        around.cancel()

    async def read(request: Request, call_next: Any) -> Any:
        try:
            response = await call_next(request)
            return Response(b"".join([chunk async for chunk in response.body_iterator]))
        finally:
            ended.append("dispatch")

    before = tasks_alive(anyio_backend)
    with anyio.CancelScope() as around:
        await request(layer_class(way)(inner, dispatch=read))
    assert ended == ["dispatch"]
    assert tasks_alive(anyio_backend) == before


class Awaited:
    """Something to await that is no coroutine."""

    def __init__(self, made: Any) -> None:
        self.made = made

    def __await__(self) -> Any:
        return self.made.__await__()


async def test_dispatch_may_be_a_plain_function_that_gives_something_to_await(way: str) -> None:
    async def hello(request: Request) -> Response:
        return PlainTextResponse("hello")

    def dispatch(request: Request, call_next: Any) -> Any:
        return Awaited(pass_through(request, call_next))

    answer = await request(application(hello, dispatch, way=way))
    assert (answer.status, answer.body) == (200, b"hello")


SET: contextvars.ContextVar[str] = contextvars.ContextVar("SET", default="unset")


async def test_a_token_can_be_reset_each_time_what_is_inside_sends_from_a_task_of_its_own(way: str) -> None:
    """Also when dispatch is known to wait for nothing after call_next, which the first request has shown."""

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(PlainTextResponse("inner"), scope, receive, send)

    async def sets(request: Request, call_next: Any) -> Any:
        token = SET.set("in dispatch")
        response = await call_next(request)
        SET.reset(token)
        return response

    app = layer_class(way)(inner, dispatch=sets)
    for _ in range(3):
        answer = await request(app)
        assert (answer.body, SET.get()) == (b"inner", "unset")


@pytest.mark.parametrize("way", ["nested", "task"])
async def test_without_an_application_around_an_http_exception_reaches_the_function_outside_and_the_server(
    way: str,
) -> None:
    """The handlers are those of the boundary inside, which stand around what it was given and nothing else."""
    seen: list[HTTPException] = []

    async def refuses(request: Request, call_next: Any) -> Any:
        raise HTTPException(403, "not here")

    async def looks(request: Request, call_next: Any) -> Any:
        try:
            return await call_next(request)
        except HTTPException as error:
            seen.append(error)
            raise

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("hello")

    app: Any = ExceptionMiddleware(Router([Route("/", endpoint)]).app)  # a router's own table, as applications have
    for dispatch in (refuses, looks):
        app = layer_class(way)(app, dispatch=dispatch)
    with pytest.raises(HTTPException, match="not here"):
        await request(app)
    assert [error.status_code for error in seen] == [403]


@pytest.mark.parametrize("way", ["nested", "turns"])
@pytest.mark.parametrize("reads", [False, True])
async def test_dispatch_goes_on_in_its_task_after_call_next_whether_the_body_was_read_or_not(
    way: str, layers: int, reads: bool
) -> None:
    """A task for it would cost more than all the rest of the request."""
    tasks: list[Any] = []

    async def endpoint(request: Request) -> Response:
        tasks.append(running_task())
        return PlainTextResponse(await request.body() if reads else b"")

    async def notes(request: Request, call_next: Any) -> Any:
        tasks.append(running_task())
        response = await call_next(request)
        tasks.append(running_task())
        return response

    app = application(endpoint, *[notes] * layers, way=way)
    answer = await request(app, "GET", body=b"text")
    assert answer.body == (b"text" if reads else b"")
    assert len(tasks) == 1 + 2 * layers
    assert all(task is tasks[0] for task in tasks)
