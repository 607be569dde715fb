"""Function middleware, in both ways of running, on both event loops, on two versions of ASGI."""

import contextvars
from typing import Any

import anyio
import pytest

from asterion.applications import Asterion, Starlette
from asterion.background import BackgroundTask
from asterion.middleware import Middleware
from asterion.requests import ClientDisconnect, Request
from asterion.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from asterion.routing import Route
from tests.asgi import Exchange, function_layers, http_scope, layer_class, request

pytestmark = pytest.mark.anyio


class Boom(Exception):
    """An error of the application's own."""


def application(endpoint: Any, *dispatches: Any, way: str, face: type[Asterion] = Asterion, **more: Any) -> Asterion:
    """An application with one endpoint at `/` and these function middlewares, outermost first."""
    middleware = [Middleware(layer_class(way), dispatch=dispatch) for dispatch in dispatches]
    return face(routes=[Route("/", endpoint, methods=["GET", "POST"])], middleware=middleware, **more)


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello", headers={"x-inner": "yes"})


async def add_header(request: Request, call_next: Any) -> Any:
    response = await call_next(request)
    response.headers["x-layer"] = "yes"
    return response


# --- what passes through ---


async def test_a_response_passes_through_any_number_of_layers(way: str, layers: int, spec_version: str) -> None:
    app = Asterion(routes=[Route("/", hello)], middleware=function_layers(layers, way))
    answer = await request(app, spec_version=spec_version)
    assert (answer.status, answer.body, answer.complete) == (200, b"hello", True)
    assert answer.headers["x-inner"] == "yes"


async def test_head_and_status_can_be_changed(way: str) -> None:
    async def change(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.status_code = 201
        response.headers["x-new"] = "1"
        del response.headers["x-inner"]
        return response

    answer = await request(application(hello, change, way=way))
    assert answer.status == 201
    assert answer.headers["x-new"] == "1"
    assert "x-inner" not in answer.headers


async def test_framing_is_the_inner_applications(way: str, layers: int) -> None:
    """No empty last chunk is added, no chunk is joined or split, no flag is changed."""
    sent = [
        {"type": "http.response.start", "status": 200, "headers": [], "trailers": True},
        {"type": "http.response.body", "body": b"a", "more_body": True},
        {"type": "http.response.body", "body": b"", "more_body": True},
        {"type": "http.response.body", "body": b"b"},
        {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": False},
    ]

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        for message in sent:
            await send(message)

    app: Any = inner
    for _ in range(layers):
        app = layer_class(way)(app, dispatch=add_header)
    exchange = await Exchange(app).run()
    assert exchange.messages[1:] == sent[1:]
    assert exchange.start["trailers"] is True


@pytest.mark.parametrize(
    "message",
    [
        {"type": "http.response.push", "path": "/style.css", "headers": []},
        {"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]},
        {"type": "http.response.something.new", "value": 1},
    ],
    ids=lambda message: message["type"],
)
async def test_messages_before_the_start_pass_at_once(way: str, layers: int, message: dict[str, Any]) -> None:
    seen: list[int] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send(message)
        seen.append(len(exchange.messages))
        await hello_app(scope, receive, send)

    async def hello_app(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("x")(scope, receive, send)

    app: Any = inner
    for _ in range(layers):
        app = layer_class(way)(app, dispatch=add_header)
    exchange = Exchange(app)
    await exchange.run()
    assert seen == [1]
    assert exchange.messages[0] == message


@pytest.mark.parametrize(
    "message",
    [
        {"type": "http.response.pathsend", "path": "/etc/hostname"},
        {"type": "http.response.zerocopysend", "file": 0, "count": 3},
        {"type": "http.response.something.new", "value": 1},
    ],
    ids=lambda message: message["type"],
)
async def test_messages_after_the_start_pass_untouched(way: str, layers: int, message: dict[str, Any]) -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send(message)

    app: Any = inner
    for _ in range(layers):
        app = layer_class(way)(app, dispatch=add_header)
    exchange = await Exchange(app).run()
    assert exchange.messages[1] == message


async def test_other_scopes_pass_untouched(way: str) -> None:
    seen: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    app = layer_class(way)(inner, dispatch=add_header)
    await app({"type": "websocket"}, None, None)  # type: ignore[arg-type]
    await app({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert seen == ["websocket", "lifespan"]


# --- the body ---


async def numbers(request: Request) -> Response:
    async def chunks() -> Any:
        for number in range(4):
            yield f"{number}"

    return StreamingResponse(chunks())


async def test_a_streamed_body_can_be_read_and_replaced(way: str, spec_version: str) -> None:
    async def collect(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        chunks = [chunk async for chunk in response.body_iterator]
        return JSONResponse([chunk.decode() for chunk in chunks])

    answer = await request(application(numbers, collect, way=way), spec_version=spec_version)
    assert answer.body == b'["0","1","2","3"]'


async def test_a_streamed_body_can_be_wrapped(way: str, spec_version: str) -> None:
    async def shout(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        inner = response.body_iterator

        async def louder() -> Any:
            async for chunk in inner:
                yield chunk + b"!"

        response.body_iterator = louder()
        return response

    answer = await request(application(numbers, shout, add_header, shout, way=way), spec_version=spec_version)
    assert answer.body == b"0!!1!!2!!3!!"
    assert answer.headers["x-layer"] == "yes"


async def test_a_body_can_be_given_to_another_response(way: str, spec_version: str) -> None:
    async def rewrap(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        return StreamingResponse(response.body_iterator, headers={"x-other": "1"})

    answer = await request(application(numbers, rewrap, rewrap, way=way), spec_version=spec_version)
    assert answer.body == b"0123"
    assert answer.headers == {"x-other": "1"}


async def test_chunks_arrive_one_by_one_while_the_inner_application_goes_on(way: str) -> None:
    """The reader has a chunk before the next one is made."""
    order: list[str] = []

    async def endpoint(request: Request) -> Response:
        async def chunks() -> Any:
            for number in range(3):
                order.append(f"made {number}")
                yield f"{number}"

        return StreamingResponse(chunks())

    async def watch(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        async for chunk in response.body_iterator:
            order.append(f"read {chunk.decode()}")
        return PlainTextResponse("done")

    await request(application(endpoint, watch, way=way))
    assert order == ["made 0", "read 0", "made 1", "read 1", "made 2", "read 2"]


async def test_a_body_that_names_a_file_can_be_read(way: str, tmp_path: Any) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(b"from the file")

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.pathsend", "path": str(path)})

    async def read(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        body = b"".join([chunk async for chunk in response.body_iterator])
        return Response(body.upper())

    exchange = await Exchange(layer_class(way)(inner, dispatch=read)).run()
    assert exchange.body == b"FROM THE FILE"


async def test_leaving_the_body_early_tells_the_inner_application_and_closes_its_source(way: str) -> None:
    closed: list[str] = []

    async def endpoint(request: Request) -> Response:
        async def chunks() -> Any:
            try:
                while True:
                    yield b"x"
            finally:
                closed.append("source")

        return StreamingResponse(chunks(), background=BackgroundTask(closed.append, "background"))

    async def first_chunk(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        async for chunk in response.body_iterator:
            return Response(chunk)
        return None

    answer = await request(application(endpoint, first_chunk, way=way))
    assert answer.body == b"x"
    assert closed == ["source", "background"]


# --- other responses ---


async def test_dispatch_may_answer_without_calling_the_inner_application(way: str) -> None:
    called: list[int] = []

    async def endpoint(request: Request) -> Response:
        called.append(1)
        return PlainTextResponse("inner")

    async def refuse(request: Request, call_next: Any) -> Any:
        return PlainTextResponse("no", 403)

    answer = await request(application(endpoint, add_header, refuse, way=way))
    assert (answer.status, answer.body, called) == (403, b"no", [])
    assert answer.headers["x-layer"] == "yes"


async def test_a_replaced_response_never_ending_is_stopped(way: str, spec_version: str) -> None:
    """Also one that never looks at `receive` and whose sends cost nothing."""
    ended: list[type[BaseException]] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
        except OSError as error:
            ended.append(type(error))
            raise

    async def replace(request: Request, call_next: Any) -> Any:
        await call_next(request)
        return PlainTextResponse("instead", 403)

    app = layer_class(way)(inner, dispatch=replace)
    exchange = await Exchange(app, http_scope(spec_version=spec_version)).run()
    assert (exchange.status, exchange.body) == (403, b"instead")
    assert len(ended) == 1
    assert issubclass(ended[0], OSError)


async def test_an_inner_application_that_is_replaced_sees_a_disconnect(way: str) -> None:
    seen: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        seen.append((await receive())["type"])

    async def replace(request: Request, call_next: Any) -> Any:
        await call_next(request)
        return PlainTextResponse("instead")

    exchange = await Exchange(layer_class(way)(inner, dispatch=replace)).run()
    assert exchange.body == b"instead"
    assert seen == ["http.disconnect"]


async def test_an_idle_stream_that_is_replaced_ends(way: str, spec_version: str) -> None:
    """It waits for something that never comes; its source is closed and its background work runs."""
    ended: list[str] = []

    async def endpoint(request: Request) -> Response:
        async def events() -> Any:
            try:
                yield b"first"
                await anyio.Event().wait()
            finally:
                ended.append("source")

        return StreamingResponse(events(), background=BackgroundTask(ended.append, "background"))

    async def replace(request: Request, call_next: Any) -> Any:
        await call_next(request)
        return PlainTextResponse("instead", 403)

    with anyio.fail_after(5):
        answer = await request(application(endpoint, replace, way=way), spec_version=spec_version)
    assert (answer.status, answer.body) == (403, b"instead")
    # Nested, the stream was not begun, and there is nothing to close.
    assert ended == (["background"] if way == "nested" else ["source", "background"])


async def test_something_else_than_a_response_is_a_clear_error(way: str) -> None:
    async def forgets(request: Request, call_next: Any) -> Any:
        await call_next(request)

    app = layer_class(way)(Route("/", hello), dispatch=forgets)
    with pytest.raises(TypeError, match=r"forgets returned None; return a response"):
        await Exchange(app).run()


# --- errors ---


async def boom(request: Request) -> Response:
    raise Boom("inner")


async def test_an_inner_error_arrives_as_itself(way: str, layers: int) -> None:
    app: Any = Route("/", boom)
    for _ in range(layers):
        app = layer_class(way)(app)
        app.dispatch_func = add_header
    with pytest.raises(Boom, match="inner") as caught:
        await Exchange(app).run()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert any(entry.name == "boom" for entry in caught.traceback)


async def test_an_inner_error_can_be_answered_by_dispatch(way: str) -> None:
    async def answer_boom(request: Request, call_next: Any) -> Any:
        try:
            return await call_next(request)
        except Boom as error:
            return PlainTextResponse(f"answered {error}", 503)

    answer = await request(application(boom, add_header, answer_boom, add_header, way=way, face=Starlette))
    assert (answer.status, answer.body) == (503, b"answered inner")


async def test_an_error_of_dispatch_before_call_next_is_raised(way: str) -> None:
    async def fails(request: Request, call_next: Any) -> Any:
        raise Boom("dispatch")

    with pytest.raises(Boom, match="dispatch"):
        await Exchange(layer_class(way)(Route("/", hello), dispatch=fails)).run()


async def test_an_error_of_dispatch_after_call_next_leaves_the_middleware_and_not_the_inner_application(
    way: str,
) -> None:
    seen: list[object] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            seen.append((await receive())["type"])
            await send({"type": "http.response.body", "body": b"lost"})
        except BaseException as error:  # pragma: no cover - what must not happen
            seen.append(error)
            raise
        seen.append("ended")

    async def fails(request: Request, call_next: Any) -> Any:
        await call_next(request)
        raise Boom("dispatch")

    exchange = Exchange(layer_class(way)(inner, dispatch=fails))
    with pytest.raises(Boom, match="dispatch"):
        await exchange.run()
    assert seen == ["http.disconnect", "ended"]
    assert exchange.messages == []


async def test_an_error_after_the_start_never_ends_as_a_complete_response(way: str, layers: int) -> None:
    async def endpoint(request: Request) -> Response:
        async def chunks() -> Any:
            yield b"part"
            raise Boom("stream")

        return StreamingResponse(chunks())

    app: Any = Route("/", endpoint)
    for _ in range(layers):
        app = layer_class(way)(app, dispatch=add_header)
    exchange = Exchange(app)
    with pytest.raises(Boom, match="stream"):
        await exchange.run()
    assert exchange.body == b"part"
    assert not exchange.complete


@pytest.mark.parametrize("wrap", [False, True], ids=["read", "wrapped"])
async def test_an_error_in_the_stream_reaches_who_reads_it(way: str, wrap: bool) -> None:
    async def endpoint(request: Request) -> Response:
        async def chunks() -> Any:
            yield b"part"
            raise Boom("stream")

        return StreamingResponse(chunks())

    caught: list[BaseException] = []

    async def read(request: Request, call_next: Any) -> Any:
        response = await call_next(request)

        async def chunks() -> Any:
            try:
                async for chunk in response.body_iterator:
                    yield chunk
            except Boom as error:
                caught.append(error)
                raise

        if wrap:
            return StreamingResponse(chunks())
        return Response(b"".join([chunk async for chunk in chunks()]))

    exchange = Exchange(layer_class(way)(Route("/", endpoint), dispatch=read))
    with pytest.raises(Boom, match="stream"):
        await exchange.run()
    assert len(caught) == 1
    assert not exchange.complete


async def test_groups_that_the_user_raised_stay_groups(way: str) -> None:
    async def endpoint(request: Request) -> Response:
        raise ExceptionGroup("mine", [Boom("one"), ValueError("two")])

    with pytest.raises(ExceptionGroup) as caught:
        await Exchange(layer_class(way)(Route("/", endpoint), dispatch=add_header)).run()
    assert [type(error) for error in caught.value.exceptions] == [Boom, ValueError]


async def test_cause_and_context_are_the_users(way: str) -> None:
    async def endpoint(request: Request) -> Response:
        try:
            raise ValueError("first")
        except ValueError as error:
            raise Boom("second") from error

    with pytest.raises(Boom) as caught:
        await Exchange(layer_class(way)(Route("/", endpoint), dispatch=add_header)).run()
    assert isinstance(caught.value.__cause__, ValueError)


async def test_an_inner_application_that_sends_nothing_is_an_error_of_its_own(way: str) -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        return

    with pytest.raises(RuntimeError, match=r"No response returned\."):
        await Exchange(layer_class(way)(silent, dispatch=add_header)).run()


async def test_an_inner_application_that_ends_quietly_with_its_client_is_no_server_error(way: str, layers: int) -> None:
    async def quiet(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    app: Any = quiet
    for _ in range(layers):
        app = layer_class(way)(app, dispatch=add_header)
    exchange = Exchange(app)
    exchange.disconnect()
    if layers:
        with pytest.raises(ClientDisconnect):
            await exchange.run()
    else:
        await exchange.run()
    exchange = Exchange(Asterion(routes=[Route("/", type("Quiet", (), {"__call__": staticmethod(quiet)})())]))
    exchange.disconnect()
    await exchange.run()
    assert exchange.messages == []


async def test_an_error_of_receive_reaches_the_endpoint_as_itself(way: str, layers: int) -> None:
    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(await request.body())

    async def broken() -> Any:
        raise Boom("receive")

    app: Any = Route("/", endpoint)
    for _ in range(layers):
        app = layer_class(way)(app, dispatch=add_header)
    exchange = Exchange(app)
    exchange.receive = broken  # type: ignore[method-assign]
    with pytest.raises(Boom, match="receive"):
        await exchange.run()


async def test_an_error_of_send_reaches_the_sender_as_itself(way: str, layers: int) -> None:
    seen: list[BaseException] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x"})
        except Boom as error:
            seen.append(error)
            raise

    def fails(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            raise Boom("send")

    app: Any = inner
    for _ in range(layers):
        app = layer_class(way)(app, dispatch=add_header)
    with pytest.raises(Boom, match="send"):
        await Exchange(app, on_send=fails).run()
    assert len(seen) == 1


# --- context variables ---

flag: contextvars.ContextVar[str] = contextvars.ContextVar("flag", default="unset")


async def test_context_variables_flow_both_ways(way: str, layers: int) -> None:
    seen: list[str] = []

    async def endpoint(request: Request) -> Response:
        seen.append(flag.get())
        flag.set("inner")
        return PlainTextResponse("x")

    async def look(request: Request, call_next: Any) -> Any:
        token = flag.set("outer")
        response = await call_next(request)
        seen.append(flag.get())
        flag.reset(token)
        return response

    async def outermost(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        seen.append(flag.get())

    app = Asterion(
        routes=[Route("/", endpoint)],
        middleware=[Middleware(layer_class(way), dispatch=look), *function_layers(layers, way)],
    )
    await Exchange(outermost).run()
    assert seen == ["outer", "inner", "unset"]


async def test_a_token_can_be_reset_where_the_inner_application_sends_from_a_task_of_its_own(way: str) -> None:
    """As server-sent events do it; the rest of dispatch still runs in the context it began in."""

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        async def respond() -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for piece in (b"a", b"b"):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

        async with anyio.create_task_group() as group:
            group.start_soon(respond)

    async def dispatch(request: Request, call_next: Any) -> Any:
        token = flag.set("outer")
        try:
            response = await call_next(request)
        finally:
            flag.reset(token)
        response.headers["x-layer"] = flag.get()
        return response

    app = layer_class(way)(layer_class(way)(inner, dispatch=dispatch), dispatch=dispatch)
    exchange = await Exchange(app).run()
    assert (exchange.body, exchange.headers) == (b"ab", {"x-layer": "unset"})


# --- background work ---


async def test_background_work_runs_after_the_response_is_complete(way: str, layers: int, spec_version: str) -> None:
    done: list[tuple[str, bool]] = []

    async def note(name: str) -> None:
        done.append((name, exchange.complete))

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("x", background=BackgroundTask(note, "inner"))

    async def own(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.background = BackgroundTask(note, "dispatch")
        return response

    for face in (Asterion, Starlette):
        done.clear()
        app = face(
            routes=[Route("/", endpoint)],
            middleware=[*function_layers(layers, way), Middleware(layer_class(way), dispatch=own)],
        )
        exchange = Exchange(app, http_scope(spec_version=spec_version))
        await exchange.run()
        assert done == [("dispatch", True), ("inner", True)]


async def test_background_work_of_a_replaced_response_runs(way: str) -> None:
    done: list[str] = []

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("inner", background=BackgroundTask(done.append, "inner"))

    async def replace(request: Request, call_next: Any) -> Any:
        await call_next(request)
        return PlainTextResponse("instead", background=BackgroundTask(done.append, "dispatch"))

    answer = await request(application(endpoint, replace, way=way))
    assert answer.body == b"instead"
    assert done == ["dispatch", "inner"]


async def test_background_work_runs_though_dispatch_fails_after_call_next(way: str) -> None:
    done: list[str] = []

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("inner", background=BackgroundTask(done.append, "inner"))

    async def fails(request: Request, call_next: Any) -> Any:
        await call_next(request)
        raise Boom("dispatch")

    with pytest.raises(Boom, match="dispatch"):
        await Exchange(application(endpoint, fails, way=way)).run()
    assert done == ["inner"]


async def test_an_error_in_background_work_surfaces_once_as_itself(way: str, layers: int) -> None:
    async def endpoint(request: Request) -> Response:
        async def fail() -> None:
            raise Boom("background")

        return PlainTextResponse("x", background=BackgroundTask(fail))

    app = Asterion(routes=[Route("/", endpoint)], middleware=function_layers(layers, way))
    exchange = Exchange(app)
    with pytest.raises(Boom, match="background"):
        await exchange.run()
    assert exchange.complete
