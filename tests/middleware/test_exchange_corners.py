"""Where messages, bodies and tasks meet function middleware at an angle: what users see is the same in every way."""

import contextlib
import errno
import os
from typing import Any

import anyio
import jinja2
import pytest

from asterion.applications import Asterion, Starlette
from asterion.background import BackgroundTask
from asterion.exceptions import HTTPException
from asterion.middleware import Middleware
from asterion.middleware.base import BaseHTTPMiddleware
from asterion.requests import Request
from asterion.responses import PlainTextResponse, Response, StreamingResponse
from asterion.routing import Route
from asterion.templating import Jinja2Templates
from tests.asgi import Exchange, http_scope, layer_class, pass_through, request, wait_all_blocked

pytestmark = pytest.mark.anyio

START = {"type": "http.response.start", "status": 200, "headers": []}
END = {"type": "http.response.body", "body": b"end"}


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


async def numbers(request: Request) -> Response:
    async def chunks() -> Any:
        for number in range(3):
            yield f"{number}"

    return StreamingResponse(chunks())


def application(endpoint: Any, *dispatches: Any, way: str, face: type[Asterion] = Asterion, **more: Any) -> Asterion:
    middleware = [Middleware(layer_class(way), dispatch=dispatch) for dispatch in dispatches]
    return face(routes=[Route("/", endpoint, methods=["GET", "POST"])], middleware=middleware, **more)


# --- what the inner application sends ---


async def test_background_work_that_dispatch_hangs_on_a_body_that_it_wraps_runs_at_the_end(way: str) -> None:
    log: list[str] = []

    async def shout(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        body = response.body_iterator

        async def louder() -> Any:
            async for chunk in body:
                yield chunk.upper()

        response.body_iterator = louder()
        response.background = BackgroundTask(log.append, "work")
        return response

    exchange = Exchange(application(hello, shout, way=way), on_send=lambda message: log.append(message["type"][14:]))
    await exchange.run()
    assert log[-1] == "work"
    assert log.count("work") == 1


@pytest.mark.parametrize("part", [{}, {"offset": 2}, {"offset": 2, "count": 3}, {"count": 4}])
async def test_a_body_that_names_a_descriptor_can_be_read(way: str, part: dict[str, int], tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            await send({"type": "http.response.zerocopysend", "file": descriptor, **part})
        finally:
            os.close(descriptor)

    async def read(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        return Response(b"".join([chunk async for chunk in response.body_iterator]))

    start = part.get("offset", 0)
    whole = b"0123456789"[start : start + part.get("count", 10)]
    assert (await request(layer_class(way)(inner, dispatch=read))).body == whole


async def test_a_reader_may_leave_in_the_middle_of_a_file(way: str, tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 300_000)

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.pathsend", "path": str(path)})

    async def glance(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        first = await anext(response.body_iterator)
        await response.body_iterator.aclose()
        return PlainTextResponse(str(len(first) > 0))

    assert (await request(layer_class(way)(inner, dispatch=glance))).body == b"True"


@pytest.mark.parametrize("way", ["turns", "task"])
async def test_a_second_task_that_sends_while_the_start_is_held_is_an_error_of_its_own(way: str) -> None:
    seen: list[str] = []
    waiting = anyio.Event()

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(send, START)
            await wait_all_blocked()
            try:
                await send(END)
            except RuntimeError as error:
                seen.append(str(error))
            waiting.set()
        await send(END)

    async def slow(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        await waiting.wait()
        return response

    assert (await request(layer_class(way)(inner, dispatch=slow))).body == b"end"
    assert seen == ["the inner application sent 'http.response.body' while its start was being sent"]


async def test_a_chunk_sent_under_a_scope_of_the_inner_application_cannot_be_read_under_one_of_dispatch() -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        with anyio.CancelScope():
            await send({**END, "more_body": True})
            await send({**END, "more_body": True})
        await send(END)

    async def read(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        body = response.body_iterator
        await anext(body)
        with anyio.CancelScope(), pytest.raises(RuntimeError, match="own_task = True"):
            await anext(body)
        return PlainTextResponse("told")

    assert (await request(layer_class("turns")(inner, dispatch=read))).body == b"told"


# --- what is received ---


async def test_dispatch_hears_again_that_the_client_has_gone(way: str) -> None:
    heard: list[str] = []

    async def listen(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        exchange.disconnect()
        heard.extend([(await request.receive())["type"] for _ in range(3)])
        return response

    exchange = Exchange(application(hello, listen, way=way))
    await exchange.run()
    assert heard == ["http.request", "http.disconnect", "http.disconnect"]


async def test_a_message_that_is_not_known_reaches_who_waits_for_the_client_to_go(way: str) -> None:
    seen: list[str] = []
    messages = iter([{"type": "http.request"}, {"type": "http.invented"}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(messages)

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.extend([(await receive())["type"] for _ in range(3)])
        await PlainTextResponse("x")(scope, receive, send)

    async def send(message: Any) -> None:
        """Nobody looks."""

    await layer_class(way)(inner, dispatch=pass_through)(http_scope(), receive, send)
    assert seen == ["http.request", "http.invented", "http.disconnect"]


async def test_who_waits_for_the_client_to_go_hears_of_it_whoever_was_told(way: str) -> None:
    """A server that says so only once, to dispatch, while the inner application waits for it."""
    heard: list[str] = []
    asked = 0

    async def receive() -> Any:
        nonlocal asked
        asked += 1
        if asked == 1:
            return {"type": "http.request"}
        if asked == 2:
            await anyio.sleep_forever()
        return {"type": "http.disconnect"}

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        heard.append((await receive())["type"])

    async def both(request: Request, call_next: Any) -> Any:
        async with anyio.create_task_group() as group:

            async def call() -> None:
                try:
                    await call_next(request)
                except Exception as error:
                    heard.append(type(error).__name__)

            group.start_soon(call)
            await wait_all_blocked()
            await request.receive()
            heard.append((await request.receive())["type"])
        return PlainTextResponse("x")

    async def send(message: Any) -> None:
        """Nobody looks."""

    await layer_class(way)(inner, dispatch=both)(http_scope(), receive, send)
    assert heard == ["http.disconnect", "http.disconnect", "ClientDisconnect"]


class Telling:
    """An ASGI middleware that tells another body than the server's."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def other() -> Any:
            return {"type": "http.request", "body": b"other"}

        await self.app(scope, other, send)


async def echo(request: Request) -> Response:
    return Response(await request.body())


async def test_a_middleware_in_between_may_tell_another_body_than_the_one_that_was_read(way: str) -> None:
    async def reads(request: Request, call_next: Any) -> Any:
        assert await request.body() == b"own"
        return await call_next(request)

    kind = layer_class(way)
    middleware = [Middleware(kind, dispatch=reads), Middleware(Telling), Middleware(kind, dispatch=pass_through)]
    app = Asterion(routes=[Route("/", echo, methods=["POST"])], middleware=middleware)
    assert (await request(app, "POST", body=b"own")).body == b"other"


class Looking:
    """An ASGI middleware that asks whether the client is there still."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert not await Request(scope, receive).is_disconnected()
        await self.app(scope, receive, send)


@pytest.mark.parametrize("reader", ["dispatch", "endpoint"])
async def test_a_body_that_came_while_somebody_looked_for_the_client_is_there(way: str, reader: str) -> None:
    async def reads(request: Request, call_next: Any) -> Any:
        return Response(await request.body()) if reader == "dispatch" else await call_next(request)

    middleware = [Middleware(Looking), Middleware(layer_class(way), dispatch=reads)]
    app = Asterion(routes=[Route("/", echo, methods=["POST"])], middleware=middleware)
    assert (await request(app, "POST", body=[b"in ", b"pieces"])).body == b"in pieces"


# --- one function middleware within another ---


async def test_an_http_exception_that_nobody_is_to_answer_passes_as_itself(way: str) -> None:
    """Without an application around there are no handlers to ask."""
    seen: list[int] = []

    async def outer(request: Request, call_next: Any) -> Any:
        try:
            return await call_next(request)
        except HTTPException as error:
            seen.append(error.status_code)
            return PlainTextResponse("seen")

    async def refuses(request: Request, call_next: Any) -> Any:
        raise HTTPException(418)

    kind = layer_class(way)
    app = kind(kind(PlainTextResponse("never"), dispatch=refuses), dispatch=outer)
    assert (await request(app)).body == b"seen"
    assert seen == [418]


async def test_something_else_than_a_response_within_another_middleware_is_a_clear_error(way: str) -> None:
    async def forgets(request: Request, call_next: Any) -> Any:
        await call_next(request)

    with pytest.raises(TypeError, match="forgets"):
        await request(application(hello, pass_through, forgets, way=way))


async def test_a_path_that_dispatch_has_changed_leads_elsewhere(way: str) -> None:
    async def moved(request: Request, call_next: Any) -> Any:
        request.scope["path"] = "/elsewhere"
        return await call_next(request)

    app = application(hello, pass_through, moved, way=way)
    assert (await request(app)).status == 404
    app.add_route("/elsewhere", numbers)
    assert (await request(app)).body == b"012"


async def test_the_body_of_an_answer_to_head_is_empty_for_dispatch_too(way: str) -> None:
    async def read(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        chunks = [chunk async for chunk in response.body_iterator]
        return PlainTextResponse("", headers={"x-read": str(len(b"".join(chunks)))})

    answer = await request(application(numbers, read, way=way), "HEAD")
    assert answer.headers["x-read"] == "0"


@pytest.mark.parametrize(("status", "length"), [(204, None), (304, "4")])
async def test_a_body_that_the_status_forbids_is_neither_sent_nor_read(
    way: str, layers: int, status: int, length: str | None
) -> None:
    """RFC 9110 sections 15.3.5 and 15.4.5; a 304 may tell the length of what a 200 would bring."""
    read: list[bytes] = []

    async def endpoint(request: Request) -> Response:
        return Response(b"body", status, headers={"content-length": "4"})

    async def reads(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        read.extend([chunk async for chunk in response.body_iterator])
        return response

    answer = await request(application(endpoint, *[pass_through] * layers, way=way))
    assert (answer.status, answer.body, answer.headers.get("content-length")) == (status, b"", length)
    await request(application(endpoint, *[pass_through] * layers, reads, way=way))
    assert b"".join(read) == b""


async def test_a_stream_that_dispatch_closes_unread_is_closed(way: str) -> None:
    closed: list[str] = []

    async def endpoint(request: Request) -> Response:
        class Source:
            def __aiter__(self) -> Any:
                return self

            async def __anext__(self) -> str:
                return "chunk"

            async def aclose(self) -> None:
                closed.append("closed")

        return StreamingResponse(Source())

    async def refuse(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        await response.body_iterator.aclose()
        return PlainTextResponse("instead")

    assert (await request(application(endpoint, refuse, way=way))).body == b"instead"
    assert closed == ["closed"]


async def test_a_client_that_goes_is_no_error_of_a_response_that_is_passed_on(way: str) -> None:
    def leave(message: Any) -> None:
        exchange.disconnect()

    log: list[str] = []

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("x", background=BackgroundTask(log.append, "work"))

    exchange = Exchange(application(endpoint, pass_through, pass_through, way=way), on_send=leave)
    await exchange.run()
    assert log == ["work"]


def test_a_middleware_without_dispatch_says_how_to_write_one() -> None:
    class Forgotten(BaseHTTPMiddleware):
        pass

    with pytest.raises(NotImplementedError, match="Forgotten has no dispatch: override"):
        anyio.run(Forgotten.dispatch, Forgotten(PlainTextResponse("")), None, None)


# --- errors of handlers and of the server ---


class Missing(LookupError):
    """An error of the application's own."""


class Worse(Exception):
    """What a handler raises."""


def full(message: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


async def fails(request: Request) -> Response:
    raise Missing


async def makes_it_worse(request: Request, error: Exception) -> Response:
    raise Worse


async def sorry(request: Request, error: Exception) -> Response:
    return PlainTextResponse("sorry", 503)


async def test_an_error_of_a_handler_is_answered_by_the_handler_of_that(way: str) -> None:
    app = application(fails, pass_through, way=way, exception_handlers={Missing: makes_it_worse, Worse: sorry})
    answer = await request(app)
    assert (answer.status, answer.body) == (503, b"sorry")


async def test_an_error_of_a_handler_for_what_dispatch_raises_leaves_as_itself(way: str) -> None:
    async def refuses(request: Request, call_next: Any) -> Any:
        raise HTTPException(418)

    app = application(hello, refuses, way=way, exception_handlers={HTTPException: makes_it_worse})
    with pytest.raises(Worse):
        await request(app)


async def test_another_error_of_the_server_than_a_client_that_goes_leaves_as_itself(way: str) -> None:
    async def answers(request: Request, call_next: Any) -> Any:
        return PlainTextResponse("instead")

    async def worked(request: Request) -> Response:
        return PlainTextResponse("x", background=BackgroundTask(log.append, "work"))

    log: list[str] = []
    for app in (
        application(hello, pass_through, answers, way=way, face=Starlette),
        application(hello, pass_through, pass_through, way=way, face=Starlette),
        application(worked, pass_through, pass_through, way=way, face=Starlette),
    ):
        with pytest.raises(OSError, match="No space left"):
            await Exchange(app, on_send=full).run()
    assert log == []


async def test_a_page_that_cannot_be_rendered_is_an_error_of_the_endpoint(way: str) -> None:
    async def shout(value: str) -> str:
        raise Missing

    environment = jinja2.Environment(
        loader=jinja2.DictLoader({"page.html": "{{ shout('x') }}"}), enable_async=True, autoescape=True
    )
    environment.globals["shout"] = shout
    templates = Jinja2Templates(env=environment)

    async def page(request: Request) -> Response:
        return templates.TemplateResponse(request, "page.html")

    async def other_page(request: Request, error: Exception) -> Response:
        environment.globals["shout"] = str.upper
        return templates.TemplateResponse(request, "page.html", status_code=503)

    app = application(page, pass_through, way=way, exception_handlers={Missing: other_page})
    answer = await request(app)
    assert (answer.status, answer.body) == (503, b"X")


async def test_a_page_that_another_middleware_makes_is_rendered_too(way: str) -> None:
    environment = jinja2.Environment(
        loader=jinja2.DictLoader({"page.html": "a page"}), enable_async=True, autoescape=True
    )
    templates = Jinja2Templates(env=environment)

    async def page(request: Request, call_next: Any) -> Any:
        return templates.TemplateResponse(request, "page.html")

    exchange = await request(application(hello, pass_through, page, way=way), extensions={"http.response.debug": {}})
    assert exchange.body == b"a page"
    assert exchange.messages[0]["type"] == "http.response.debug"


async def test_two_streams_of_one_layer_may_be_read_side_by_side(way: str) -> None:
    async def twice(request: Request, call_next: Any) -> Any:
        first = await call_next(request)
        second = await call_next(request)
        bodies = [await anext(first.body_iterator), await anext(second.body_iterator)]
        bodies += [chunk async for chunk in first.body_iterator]
        bodies += [chunk async for chunk in second.body_iterator]
        return PlainTextResponse(b" ".join(bodies))

    assert (await request(application(numbers, twice, way=way))).body == b"0 0 1 2 1 2"


@pytest.mark.parametrize("gone", [True, False])
async def test_a_page_with_its_debug_message_meets_a_send_that_fails(way: str, gone: bool) -> None:
    environment = jinja2.Environment(
        loader=jinja2.DictLoader({"page.html": "a page"}), enable_async=True, autoescape=True
    )
    templates = Jinja2Templates(env=environment)

    async def page(request: Request) -> Response:
        return templates.TemplateResponse(request, "page.html")

    def fail(message: Any) -> None:
        raise ConnectionResetError("gone") if gone else OSError(errno.ENOSPC, "No space left on device")

    app = application(page, pass_through, way=way, face=Starlette)
    exchange = Exchange(app, http_scope(extensions={"http.response.debug": {}}), on_send=fail)
    with contextlib.nullcontext() if gone else pytest.raises(OSError, match="No space left"):
        await exchange.run()
    assert not exchange.started
