"""Where taking turns in one task is not sound: tasks, cancel scopes, retries. What users see is the same."""

import asyncio
from typing import Any

import anyio
import pytest

from asterion.applications import Asterion, Starlette
from asterion.background import BackgroundTask
from asterion.middleware import Middleware
from asterion.requests import ClientDisconnect, Request
from asterion.responses import PlainTextResponse, Response, StreamingResponse
from asterion.routing import Route
from tests.asgi import Exchange, http_scope, layer_class, pass_through, wait_all_blocked

pytestmark = pytest.mark.anyio


class Boom(Exception):
    """An error of the application's own."""


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


async def stream(request: Request) -> Response:
    async def chunks() -> Any:
        for number in range(3):
            yield f"{number}"

    return StreamingResponse(chunks())


def served(endpoint: Any, dispatch: Any, way: str, outer: int = 0) -> Starlette:
    """An application with `dispatch` around `endpoint`, and plain layers around that.

    On the face whose errors are not answered before dispatch sees them.
    """
    middleware = [Middleware(layer_class(way), dispatch=pass_through) for _ in range(outer)]
    middleware.append(Middleware(layer_class(way), dispatch=dispatch))
    return Starlette(routes=[Route("/", endpoint, methods=["GET", "POST"])], middleware=middleware)


# --- cancel scopes around call_next ---


async def test_a_time_limit_around_call_next_that_is_kept(way: str) -> None:
    async def limited(request: Request, call_next: Any) -> Any:
        with anyio.fail_after(5):
            return await call_next(request)

    for endpoint, body in ((hello, b"hello"), (stream, b"012")):
        exchange = await Exchange(served(endpoint, limited, way, outer=1)).run()
        assert (exchange.body, exchange.complete) == (body, True)


async def test_a_time_limit_around_call_next_that_is_not_kept_ends_the_inner_application(way: str) -> None:
    ended: list[str] = []
    limit = anyio.CancelScope()

    async def forever(request: Request) -> Response:
        try:
            limit.cancel()
            await anyio.Event().wait()
        finally:
            ended.append("endpoint")
        return PlainTextResponse("never")

    async def limited(request: Request, call_next: Any) -> Any:
        with limit:
            return await call_next(request)
        return PlainTextResponse("too late", 504)

    exchange = await Exchange(served(forever, limited, way, outer=1)).run()
    assert (exchange.status, exchange.body) == (504, b"too late")
    assert ended == ["endpoint"]


async def test_call_next_inside_a_task_group(way: str) -> None:
    beside: list[str] = []

    async def note() -> None:
        beside.append("ran")

    async def grouped(request: Request, call_next: Any) -> Any:
        async with anyio.create_task_group() as group:
            group.start_soon(note)
            return await call_next(request)

    exchange = await Exchange(served(stream, grouped, way, outer=1)).run()
    assert (exchange.body, beside) == (b"012", ["ran"])


async def test_call_next_in_a_task_of_its_own(way: str) -> None:
    async def elsewhere(request: Request, call_next: Any) -> Any:
        result: list[Any] = []

        async def ask() -> None:
            result.append(await call_next(request))

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
        return result[0]

    exchange = await Exchange(served(stream, elsewhere, way, outer=1)).run()
    assert (exchange.body, exchange.complete) == (b"012", True)


async def test_an_error_under_a_scope_arrives_as_itself(way: str) -> None:
    async def boom(request: Request) -> Response:
        raise Boom("inner")

    async def limited(request: Request, call_next: Any) -> Any:
        with anyio.fail_after(5):
            return await call_next(request)

    with pytest.raises(Boom, match="inner"):
        await Exchange(served(boom, limited, way, outer=1)).run()


async def test_the_body_read_under_a_scope(way: str) -> None:
    async def read(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        with anyio.fail_after(5):
            body = b"".join([chunk async for chunk in response.body_iterator])
        return Response(body + b"!")

    exchange = await Exchange(served(stream, read, way, outer=1)).run()
    assert exchange.body == b"012!"


async def test_the_body_read_in_a_task_group_needs_a_task_under_turns_and_says_so(way: str) -> None:
    async def read(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        chunks: list[bytes] = []

        async def collect() -> None:
            chunks.extend([chunk async for chunk in response.body_iterator])

        async with anyio.create_task_group() as group:
            group.start_soon(collect)
        return Response(b"".join(chunks))

    exchange = Exchange(served(stream, read, way))
    if way != "turns":
        await exchange.run()
        assert exchange.body == b"012"
    else:
        with pytest.raises(ExceptionGroup) as caught:
            await exchange.run()
        assert "own_task = True" in str(caught.value.exceptions[0])


async def test_a_response_that_reads_the_body_in_tasks_of_its_own(way: str) -> None:
    """As third-party responses for server-sent events do."""

    class InTasks(Response):
        def __init__(self, source: Any) -> None:
            super().__init__()
            self.source = source

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            async def respond() -> None:
                await send({"type": "http.response.start", "status": 200, "headers": []})
                async for chunk in self.source:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b""})

            async with anyio.create_task_group() as group:
                group.start_soon(respond)

    async def rewrap(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        return InTasks(response.body_iterator)

    exchange = await Exchange(served(stream, rewrap, way, outer=1)).run()
    assert (exchange.body, exchange.complete) == (b"012", True)


async def test_a_wrapper_that_looks_for_the_next_chunk_with_a_time_limit(way: str) -> None:
    """As heartbeats are written: the chunk that comes later is not lost."""
    go_on = anyio.Event()

    async def slow(request: Request) -> Response:
        async def chunks() -> Any:
            yield b"a"
            await go_on.wait()
            yield b"b"

        return StreamingResponse(chunks())

    async def heartbeat(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        body = response.body_iterator

        async def chunks() -> Any:
            while True:
                chunk = None
                with anyio.move_on_after(0.01):
                    try:
                        chunk = await anext(body)
                    except StopAsyncIteration:
                        return
                if chunk is None:
                    go_on.set()
                    yield b"."
                else:
                    yield chunk

        return StreamingResponse(chunks())

    exchange = await Exchange(served(slow, heartbeat, way)).run()
    assert exchange.body.replace(b".", b"") == b"ab"
    assert b"." in exchange.body


# --- asyncio's own tools ---


@pytest.fixture
def only_asyncio(anyio_backend: Any) -> None:
    if anyio_backend != "asyncio":
        pytest.skip("asyncio's own tools")


@pytest.mark.usefixtures("only_asyncio")
async def test_wait_for_around_call_next(way: str) -> None:
    async def limited(request: Request, call_next: Any) -> Any:
        return await asyncio.wait_for(call_next(request), 5)

    exchange = await Exchange(served(stream, limited, way, outer=1)).run()
    assert (exchange.body, exchange.complete) == (b"012", True)


@pytest.mark.usefixtures("only_asyncio")
async def test_wait_for_that_runs_out(way: str) -> None:
    ended: list[str] = []

    async def forever(request: Request) -> Response:
        try:
            await anyio.Event().wait()
        finally:
            ended.append("endpoint")
        return PlainTextResponse("never")

    async def limited(request: Request, call_next: Any) -> Any:
        try:
            return await asyncio.wait_for(call_next(request), 0.01)
        except TimeoutError:
            return PlainTextResponse("too late", 504)

    exchange = await Exchange(served(forever, limited, way, outer=1)).run()
    assert (exchange.status, ended) == (504, ["endpoint"])


@pytest.mark.usefixtures("only_asyncio")
async def test_asyncio_timeout_around_call_next(way: str) -> None:
    async def forever(request: Request) -> Response:
        await anyio.Event().wait()
        return PlainTextResponse("never")

    async def limited(request: Request, call_next: Any) -> Any:
        try:
            async with asyncio.timeout(0.01):
                return await call_next(request)
        except TimeoutError:
            return PlainTextResponse("too late", 504)

    exchange = await Exchange(served(forever, limited, way, outer=1)).run()
    assert exchange.status == 504
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.usefixtures("only_asyncio")
async def test_gather_of_call_next_and_something_else(way: str) -> None:
    async def other() -> str:
        return "other"

    async def gathered(request: Request, call_next: Any) -> Any:
        response, word = await asyncio.gather(call_next(request), other())
        response.headers["x-other"] = word
        return response

    exchange = await Exchange(served(stream, gathered, way, outer=1)).run()
    assert (exchange.body, exchange.headers["x-other"]) == (b"012", "other")


# --- call_next more than once ---


async def test_a_retry_after_an_answer(way: str) -> None:
    calls: list[int] = []
    done: list[int] = []

    async def flaky(request: Request) -> Response:
        calls.append(len(calls))
        number = calls[-1]
        background = BackgroundTask(done.append, number)
        return PlainTextResponse(f"try {number}", 503 if number == 0 else 200, background=background)

    async def retry(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        if response.status_code == 503:
            response = await call_next(request)
        return response

    exchange = await Exchange(served(flaky, retry, way, outer=1)).run()
    assert (exchange.status, exchange.body) == (200, b"try 1")
    assert sorted(done) == [0, 1]


async def test_a_retry_after_an_error(way: str) -> None:
    calls: list[int] = []

    async def flaky(request: Request) -> Response:
        calls.append(1)
        if len(calls) < 3:
            raise Boom("not yet")
        return PlainTextResponse((await request.body()).decode())

    async def retry(request: Request, call_next: Any) -> Any:
        await request.body()
        while True:
            try:
                return await call_next(request)
            except Boom:
                continue

    exchange = await Exchange(served(flaky, retry, way), http_scope("POST"), body=[b"a", b"b"]).run()
    assert (exchange.body, len(calls)) == (b"ab", 3)


async def test_a_retry_of_a_body_that_is_gone_is_a_clear_error(way: str) -> None:
    async def flaky(request: Request) -> Response:
        async for _ in request.stream():
            raise Boom("no")
        return PlainTextResponse("never")

    async def retry(request: Request, call_next: Any) -> Any:
        try:
            return await call_next(request)
        except Boom:
            return await call_next(request)

    with pytest.raises(RuntimeError, match=r"await request\.body\(\)"):
        await Exchange(served(flaky, retry, way), http_scope("POST"), body=b"gone").run()


async def test_a_retry_finds_the_body_that_the_endpoint_has_kept(way: str) -> None:
    calls: list[bytes] = []

    async def flaky(request: Request) -> Response:
        calls.append(await request.body())
        return PlainTextResponse("x", 503 if len(calls) < 3 else 200)

    async def retry(request: Request, call_next: Any) -> Any:
        while True:
            response = await call_next(request)
            if response.status_code == 200:
                return response

    await Exchange(served(flaky, retry, way), http_scope("POST"), body=[b"a", b"b"]).run()
    assert calls == [b"ab"] * 3


async def test_a_body_that_dispatch_puts_in_place_is_what_the_endpoint_gets(way: str) -> None:
    """The way it is done with upstream: the cached body is assigned."""

    async def echo(request: Request) -> Response:
        return PlainTextResponse(await request.body())

    async def replace(request: Request, call_next: Any) -> Any:
        request._body = (await request.body()).upper()
        return await call_next(request)

    exchange = await Exchange(served(echo, replace, way, outer=1), http_scope("POST"), body=b"quiet").run()
    assert exchange.body == b"QUIET"


async def test_the_first_of_two_answers_may_be_chosen(way: str) -> None:
    calls: list[int] = []

    async def count(request: Request) -> Response:
        calls.append(1)
        return PlainTextResponse(f"answer {len(calls)}")

    async def both(request: Request, call_next: Any) -> Any:
        first = await call_next(request)
        await call_next(request)
        return first

    exchange = await Exchange(served(count, both, way, outer=1)).run()
    assert exchange.body == b"answer 1"


async def test_call_next_after_dispatch_has_ended_is_a_clear_error(way: str) -> None:
    kept: list[Any] = []

    async def keep(request: Request, call_next: Any) -> Any:
        kept.extend((call_next, request))
        return await call_next(request)

    await Exchange(served(hello, keep, way)).run()
    with pytest.raises(RuntimeError, match="keep had ended"):
        await kept[0](kept[1])


# --- the request body ---


@pytest.mark.parametrize("how", ["body", "stream", "form", "json"])
async def test_a_body_that_dispatch_has_read_is_there_for_the_endpoint(way: str, how: str) -> None:
    async def endpoint(request: Request) -> Response:
        if how == "form":
            return PlainTextResponse((await request.form())["a"])
        return PlainTextResponse(await request.body())

    async def read(request: Request, call_next: Any) -> Any:
        if how == "stream":
            async for _ in request.stream():
                pass
        else:
            await getattr(request, how)()
        return await call_next(request)

    body, expected = (b"a=1", b"1") if how == "form" else (b'{"a":1}', b'{"a":1}')
    scope = http_scope("POST", headers=[("content-type", "application/x-www-form-urlencoded")])
    exchange = await Exchange(served(endpoint, read, way, outer=1), scope, body=[body[:2], body[2:]]).run()
    assert exchange.body == expected


async def test_a_body_that_dispatch_has_begun_to_read_is_told_from_its_beginning(way: str) -> None:
    async def begin(request: Request, call_next: Any) -> Any:
        async for _ in request.stream():
            break
        return await call_next(request)

    async def echo(request: Request) -> Response:
        return PlainTextResponse(await request.body())

    exchange = await Exchange(served(echo, begin, way, outer=1), http_scope("POST"), body=[b"a", b"b", b"c"]).run()
    assert exchange.body == b"abc"


async def test_a_body_that_the_endpoint_has_kept_is_there_for_dispatch_afterwards(way: str) -> None:
    async def echo(request: Request) -> Response:
        return PlainTextResponse(await request.body())

    seen: list[bytes] = []

    async def look(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        seen.append(await request.body())
        return response

    await Exchange(served(echo, look, way), http_scope("POST"), body=[b"a", b"b"]).run()
    assert seen == [b"ab"]


async def test_a_request_with_a_receive_of_its_own_is_used(way: str) -> None:
    async def echo(request: Request) -> Response:
        return PlainTextResponse(await request.body())

    async def replace(request: Request, call_next: Any) -> Any:
        body = (await request.body()).upper()

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        return await call_next(Request(dict(request.scope), receive))

    exchange = await Exchange(served(echo, replace, way), http_scope("POST"), body=b"quiet").run()
    assert exchange.body == b"QUIET"


# --- clients that go, requests that are cancelled ---


async def test_a_disconnect_is_seen_through_any_number_of_layers(way: str, layers: int) -> None:
    """Issue 2094: polling behind function middleware."""
    seen: list[bool] = []

    async def endpoint(request: Request) -> Response:
        await request.body()
        seen.append(await request.is_disconnected())
        exchange.disconnect()
        seen.append(await request.is_disconnected())
        return PlainTextResponse("x")

    app = Asterion(
        routes=[Route("/", endpoint)],
        middleware=[Middleware(layer_class(way), dispatch=pass_through) for _ in range(layers)],
    )
    exchange = Exchange(app)
    try:
        await exchange.run()
    except OSError:
        pass  # nobody is there to take the answer
    assert seen == [False, True]


async def test_a_client_that_goes_cancels_nothing(way: str, spec_version: str) -> None:
    done: list[str] = []

    async def endpoint(request: Request) -> Response:
        async def work() -> None:
            exchange.disconnect()
            await wait_all_blocked()
            done.append("background")

        return PlainTextResponse("x", background=BackgroundTask(work))

    exchange = Exchange(served(endpoint, pass_through, way, outer=1), http_scope(spec_version=spec_version))
    await exchange.run()
    assert done == ["background"]


async def test_a_client_that_goes_in_the_middle_of_an_upload_is_no_server_error(way: str) -> None:
    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(await request.body())

    exchange = Exchange(served(endpoint, pass_through, way, outer=1), http_scope("POST"))
    told = iter([{"type": "http.request", "body": b"part", "more_body": True}])

    async def receive() -> Any:
        return next(told, {"type": "http.disconnect"})

    exchange.receive = receive  # type: ignore[method-assign]
    await exchange.run()
    assert exchange.messages == []


async def test_cancelling_the_request_ends_both_sides(way: str) -> None:
    """And a `finally` of dispatch runs in its own request, before the application returns."""
    ended: list[str] = []
    started = anyio.Event()

    async def endpoint(request: Request) -> Response:
        try:
            started.set()
            await anyio.Event().wait()
        finally:
            ended.append("endpoint")
        return PlainTextResponse("never")

    async def dispatch(request: Request, call_next: Any) -> Any:
        try:
            return await call_next(request)
        finally:
            ended.append("dispatch")

    async def run(scope: anyio.CancelScope) -> None:
        with scope:
            await Exchange(served(endpoint, dispatch, way, outer=1)).run()
        ended.append("application")

    scope = anyio.CancelScope()
    async with anyio.create_task_group() as group:
        group.start_soon(run, scope)
        await started.wait()
        scope.cancel()
    assert ended == ["endpoint", "dispatch", "application"]


async def test_cancelling_the_request_while_dispatch_waits_after_call_next(way: str) -> None:
    ended: list[str] = []
    waiting = anyio.Event()

    async def dispatch(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        try:
            waiting.set()
            await anyio.Event().wait()
        finally:
            ended.append("dispatch")
        return response

    async def run(scope: anyio.CancelScope) -> None:
        with scope:
            await Exchange(served(stream, dispatch, way, outer=1)).run()
        ended.append("application")

    scope = anyio.CancelScope()
    async with anyio.create_task_group() as group:
        group.start_soon(run, scope)
        await waiting.wait()
        scope.cancel()
    assert ended == ["dispatch", "application"]


async def test_cancelling_the_request_while_a_body_is_wrapped(way: str) -> None:
    ended: list[str] = []
    waiting = anyio.Event()

    async def endless(request: Request) -> Response:
        async def chunks() -> Any:
            try:
                yield b"x"
                waiting.set()
                await anyio.Event().wait()
            finally:
                ended.append("source")

        return StreamingResponse(chunks())

    async def rewrap(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        return StreamingResponse(response.body_iterator)

    async def run(scope: anyio.CancelScope) -> None:
        with scope:
            await Exchange(served(endless, rewrap, way, outer=1)).run()
        ended.append("application")

    scope = anyio.CancelScope()
    async with anyio.create_task_group() as group:
        group.start_soon(run, scope)
        await waiting.wait()
        scope.cancel()
    assert ended == ["source", "application"]


async def test_an_idle_stream_behind_layers_notices_a_vanished_client(way: str, layers: int, spec_version: str) -> None:
    ended: list[str] = []
    waiting = anyio.Event()

    async def events(request: Request) -> Response:
        async def chunks() -> Any:
            try:
                yield b"x"
                waiting.set()
                await anyio.Event().wait()
            finally:
                ended.append("source")

        return StreamingResponse(chunks(), background=BackgroundTask(ended.append, "background"))

    app = Asterion(
        routes=[Route("/", events)],
        middleware=[Middleware(layer_class(way), dispatch=pass_through) for _ in range(layers)],
    )
    exchange = Exchange(app, http_scope(spec_version=spec_version))
    async with anyio.create_task_group() as group:
        group.start_soon(exchange.run)
        await waiting.wait()
        exchange.disconnect()
    assert ended == ["source", "background"]


async def test_the_body_ends_with_an_error_where_the_inner_application_gave_up(way: str) -> None:
    """An incomplete body never looks like a complete one."""

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})

    async def read(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        return Response(b"".join([chunk async for chunk in response.body_iterator]))

    with pytest.raises(RuntimeError, match="before its response was complete"):
        await Exchange(layer_class(way)(inner, dispatch=read)).run()


async def test_a_client_that_has_gone_is_told_to_dispatch_as_such(way: str) -> None:
    caught: list[Exception] = []

    async def quiet(scope: Any, receive: Any, send: Any) -> None:
        return

    async def look(request: Request, call_next: Any) -> Any:
        try:
            return await call_next(request)
        except ClientDisconnect as error:
            caught.append(error)
            raise

    exchange = Exchange(Asterion(middleware=[Middleware(layer_class(way), dispatch=look)]))
    exchange.app.router.middleware_stack = quiet
    exchange.disconnect()
    await exchange.run()
    assert len(caught) == 1
