"""Issue 1255: an exception arrives as itself, wherever it was raised and whatever stands in between.

Upstream's function middleware ran two tasks in a group: the view's exception and the middleware's own met there and
became an ExceptionGroup, which no handler and no test recognised, depending on the event loop and the number of cores.
"""

import gc
import sys
import warnings
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from asterion.applications import Asterion, Starlette
from asterion.exceptions import HTTPException
from asterion.middleware import Middleware
from asterion.middleware.body_limit import RequestBodyLimitMiddleware
from asterion.requests import Request
from asterion.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from asterion.routing import Mount, Route, Router
from asterion.testclient import TestClient
from tests.asgi import Exchange, function_layers, http_scope, layer_class, request

pytestmark = pytest.mark.anyio

each_face = pytest.mark.parametrize("face", [Asterion, Starlette])
each_layering = pytest.mark.parametrize(
    ("count", "way"),
    [(0, "nested"), (1, "nested"), (3, "nested"), (1, "turns"), (3, "turns"), (1, "task"), (3, "task")],
)
each_layered = pytest.mark.parametrize(
    ("count", "way"), [(1, "nested"), (3, "nested"), (1, "turns"), (3, "turns"), (1, "task"), (3, "task")]
)


class Boom(Exception):
    """An error of the application's own."""


class Quit(BaseException):
    """One that `except Exception` does not catch."""


def application(endpoint: Any, count: int, way: str, *dispatches: Any, face: Any = Asterion, **more: Any) -> Asterion:
    """One endpoint at `/`, under `count` function middlewares that do nothing and then these."""
    layers = function_layers(count, way) + [Middleware(layer_class(way), dispatch=one) for one in dispatches]
    app: Asterion = face(routes=[Route("/", endpoint, methods=["GET", "POST"])], middleware=layers, **more)
    return app


def raising(error: BaseException, *, sync: bool = False) -> Any:
    """An endpoint that raises `error`."""

    def plain(request: Request) -> Response:
        raise error

    async def coroutine(request: Request) -> Response:
        await anyio.lowlevel.checkpoint()
        raise error

    return plain if sync else coroutine


# --- a view raises ---


@pytest.mark.failure(row=4, says="An exception arrives as itself through any number of layers.")
@each_face
@each_layering
@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
async def test_an_exception_of_a_view_arrives_as_itself(
    count: int, way: str, spec_version: str, face: Any, sync: bool
) -> None:
    """Issue 2976 as well: nothing of the framework's own is attached to it."""
    error = Boom("view")
    exchange = Exchange(
        application(raising(error, sync=sync), count, way, face=face), http_scope(spec_version=spec_version)
    )
    with pytest.raises(Boom, match="view") as caught:
        await exchange.run()
    assert caught.value is error
    assert (error.__cause__, error.__context__, error.__suppress_context__) == (None, None, False)
    assert caught.traceback[-1].name in ("plain", "coroutine")
    assert exchange.status == 500


@each_layering
@pytest.mark.parametrize("kind", [Quit, KeyboardInterrupt, SystemExit, GeneratorExit])
async def test_a_base_exception_of_a_view_arrives_as_itself(count: int, way: str, kind: Any, spec_version: str) -> None:
    """Upstream: as CancelledError."""
    error = kind("view")
    exchange = Exchange(application(raising(error), count, way), http_scope(spec_version=spec_version))
    with pytest.raises(kind) as caught:
        await exchange.run()
    assert caught.value is error
    assert exchange.messages == []


@each_layered
async def test_a_base_exception_in_a_stream_arrives_as_itself(count: int, way: str, spec_version: str) -> None:
    async def endpoint(request: Request) -> Response:
        async def chunks() -> Any:
            yield b"part"
            raise Quit("stream")

        return StreamingResponse(chunks())

    exchange = Exchange(application(endpoint, count, way), http_scope(spec_version=spec_version))
    with pytest.raises(Quit, match="stream"):
        await exchange.run()
    assert (exchange.body, exchange.complete) == (b"part", False)


@each_layering
async def test_cause_and_context_of_an_exception_are_the_users(count: int, way: str) -> None:
    first, second, third = ValueError("first"), Boom("second"), KeyError("third")

    async def endpoint(request: Request) -> Response:
        try:
            try:
                raise first
            except ValueError:
                raise second  # noqa: B904 - the context, not the cause, is what is looked at
        except Boom as error:
            raise third from error

    with pytest.raises(KeyError) as caught:
        await request(application(endpoint, count, way))
    assert caught.value is third
    assert third.__cause__ is second
    assert second.__context__ is first
    assert (second.__cause__, first.__context__) == (None, None)


@each_layered
async def test_every_layer_sees_the_exception_as_itself(count: int, way: str, spec_version: str) -> None:
    seen: list[Exception] = []

    async def look(request: Request, call_next: Any) -> Any:
        try:
            return await call_next(request)
        except Exception as error:
            seen.append(error)
            raise

    error = Boom("view")
    app = application(raising(error), 0, way, *[look] * count, face=Starlette)
    with pytest.raises(Boom, match="view"):
        await request(app, spec_version=spec_version)
    assert seen == [error] * count
    assert error.__context__ is None


@each_layered
async def test_an_exception_that_dispatch_answered_is_gone(count: int, way: str, spec_version: str) -> None:
    """Issues 2893 and 2911: it was raised again afterwards."""

    async def answer(request: Request, call_next: Any) -> Any:
        try:
            return await call_next(request)
        except Boom as error:
            return PlainTextResponse(f"answered {error}", 503)

    app = application(raising(Boom("view")), count, way, answer, face=Starlette)
    got = await request(app, spec_version=spec_version)
    assert (got.status, got.body) == (503, b"answered view")


@each_layered
async def test_on_our_face_a_layer_sees_the_answer_to_an_exception_and_the_server_sees_the_exception(
    count: int, way: str, spec_version: str
) -> None:
    """The policy `errors_pass_middleware`: what a layer adds to responses, it adds to this one as well."""
    seen: list[int] = []

    async def look(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        seen.append(response.status_code)
        response.headers["x-layer"] = "yes"
        return response

    error = Boom("view")
    exchange = Exchange(application(raising(error), count, way, look), http_scope(spec_version=spec_version))
    with pytest.raises(Boom, match="view") as caught:
        await exchange.run()
    assert caught.value is error
    assert error.__context__ is None
    assert seen == [500]
    assert (exchange.status, exchange.headers["x-layer"], exchange.complete) == (500, "yes", True)


@each_layered
async def test_an_exception_that_dispatch_raised_in_its_place_is_chained_to_it(count: int, way: str) -> None:
    error = Boom("view")

    async def translate(request: Request, call_next: Any) -> Any:
        try:
            return await call_next(request)
        except Boom as caught:
            raise ValueError("dispatch") from caught

    with pytest.raises(ValueError, match="dispatch") as caught:
        await request(application(raising(error), count, way, translate, face=Starlette))
    assert caught.value.__cause__ is error


@each_layered
@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_exception_of_dispatch_arrives_as_itself(count: int, way: str, when: str, spec_version: str) -> None:
    error = Boom("dispatch")

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("x")

    async def fails(request: Request, call_next: Any) -> Any:
        if when == "after":
            await call_next(request)
        raise error

    exchange = Exchange(application(endpoint, count, way, fails), http_scope(spec_version=spec_version))
    with pytest.raises(Boom, match="dispatch") as caught:
        await exchange.run()
    assert caught.value is error
    assert error.__context__ is None
    assert exchange.status == 500


@each_face
@each_layering
async def test_a_handler_answers_the_exception_itself(count: int, way: str, face: Any) -> None:
    error = Boom("view")
    seen: list[Exception] = []

    async def handle(request: Request, error: Exception) -> Response:
        seen.append(error)
        return PlainTextResponse("handled", 400)

    got = await request(application(raising(error), count, way, face=face, exception_handlers={Boom: handle}))
    assert (got.status, got.body) == (400, b"handled")
    assert seen == [error]


@pytest.mark.parametrize("mount", [False, True], ids=["outer layers", "layers of the mounted application"])
@each_layered
async def test_an_exception_of_a_mounted_application_after_its_start_is_not_hidden(
    mount: bool, count: int, way: str, spec_version: str
) -> None:
    """Issues 1433, 1452 and 1459."""

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
        raise Boom("mounted")

    layers = function_layers(count, way)
    if mount:
        app = Asterion(routes=[Mount("/in", Asterion(routes=[Mount("/", inner)], middleware=layers))])
    else:
        app = Asterion(routes=[Mount("/in", Router([Mount("/", inner)]))], middleware=layers)
    exchange = Exchange(app, http_scope(path="/in/x", spec_version=spec_version))
    with pytest.raises(Boom, match="mounted"):
        await exchange.run()
    assert (exchange.body, exchange.complete) == (b"part", False)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@each_layering
def test_the_test_client_raises_the_exception_itself(backend: Any, count: int, way: str) -> None:
    """The published reproduction, and its group that `pytest.raises(MyExc)` did not match."""
    error = Boom("view")
    with pytest.raises(Boom, match="view") as caught:
        TestClient(application(raising(error), count, way), backend=backend).get("/")
    assert caught.value is error


@each_layered
async def test_nothing_is_left_open_by_an_exception(count: int, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 2813: a ResourceWarning from a stream that nobody had closed."""
    unraisable: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(Boom, match="view"):
            await request(application(raising(Boom("view")), count, way))
        gc.collect()
    assert unraisable == []


# --- groups ---


@each_layering
async def test_a_group_that_the_user_raised_stays_that_group(count: int, way: str, spec_version: str) -> None:
    """Issue 2830: groups of one were taken apart."""
    for errors in ([Boom("one")], [Boom("one"), ValueError("two")], [ExceptionGroup("inner", [Boom("one")])]):
        group = ExceptionGroup("mine", errors)
        with pytest.raises(ExceptionGroup) as caught:
            await request(application(raising(group), count, way), spec_version=spec_version)
        assert caught.value is group
        assert list(group.exceptions) == errors


@each_layering
async def test_a_group_from_a_users_task_group_stays_a_group(count: int, way: str) -> None:
    async def fails() -> None:
        raise Boom("child")

    async def endpoint(request: Request) -> Response:
        async with anyio.create_task_group() as group:
            group.start_soon(fails)
        return PlainTextResponse("never")  # pragma: no cover

    with pytest.raises(ExceptionGroup) as caught:
        await request(application(endpoint, count, way))
    assert [str(error) for error in caught.value.exceptions] == ["child"]


@pytest.mark.failure(row=4, says="Groups are those that the user raised, and handlers find what is in them.")
@each_face
@each_layering
@pytest.mark.parametrize("depth", [1, 2])
async def test_a_handled_exception_in_a_group_is_answered(
    count: int, way: str, face: Any, depth: int, spec_version: str
) -> None:
    """Open upstream: `HTTPException(404)` from a task group was a 500, as handlers looked at the group only."""

    async def fails(left: int) -> None:
        if left:
            async with anyio.create_task_group() as group:
                group.start_soon(fails, left - 1)
        raise HTTPException(404, "nothing here")

    async def endpoint(request: Request) -> Response:
        async with anyio.create_task_group() as group:
            group.start_soon(fails, depth - 1)
            await anyio.Event().wait()
        return PlainTextResponse("never")  # pragma: no cover

    got = await request(application(endpoint, count, way, face=face), spec_version=spec_version)
    assert (got.status, got.body) == (404, b"nothing here")


@each_layering
@pytest.mark.parametrize("key", [Boom, 404])
async def test_a_users_handler_answers_what_is_in_a_group(count: int, way: str, key: Any) -> None:
    error = HTTPException(404) if key == 404 else Boom("x")

    async def handle(request: Request, error: Exception) -> Response:
        return PlainTextResponse(type(error).__name__, 418)

    app = application(raising(ExceptionGroup("g", [error])), count, way, exception_handlers={key: handle})
    got = await request(app)
    assert (got.status, got.body) == (418, type(error).__name__.encode())


@each_layering
async def test_a_group_with_something_nobody_handles_is_raised_as_it_is(count: int, way: str) -> None:
    """Answering a part of it would hide the rest."""
    group = ExceptionGroup("mixed", [HTTPException(404), Boom("unhandled")])
    exchange = Exchange(application(raising(group), count, way))
    with pytest.raises(ExceptionGroup) as caught:
        await exchange.run()
    assert caught.value is group
    assert exchange.status == 500


@each_layering
async def test_a_handler_for_groups_gets_the_group(count: int, way: str) -> None:
    group = ExceptionGroup("mine", [HTTPException(404)])
    seen: list[Exception] = []

    async def handle(request: Request, error: Exception) -> Response:
        seen.append(error)
        return PlainTextResponse("group", 418)

    got = await request(application(raising(group), count, way, exception_handlers={ExceptionGroup: handle}))
    assert (got.status, seen) == (418, [group])


# --- what `receive` and `send` raise ---


@pytest.mark.failure(row=4, says="An exception of an outer `receive` reaches the endpoint as itself.")
@each_layering
@pytest.mark.parametrize("how", ["body", "stream", "json", "form"])
async def test_an_exception_of_an_outer_receive_reaches_the_endpoint_as_itself(
    count: int, way: str, how: str, spec_version: str
) -> None:
    """Open upstream: as an ExceptionGroup."""
    error = Boom("receive")
    seen: list[BaseException] = []

    class Limiter:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            async def limited() -> Any:
                await receive()
                raise error

            await self.app(scope, limited, send)

    async def endpoint(request: Request) -> Response:
        try:
            if how == "stream":
                async for _ in request.stream():
                    pass
            else:
                await getattr(request, how)()
        except BaseException as caught:
            seen.append(caught)
            raise
        return PlainTextResponse("never")  # pragma: no cover

    app = application(endpoint, count, way)
    app.user_middleware.insert(0, Middleware(Limiter))
    headers = [("content-type", "application/x-www-form-urlencoded")]
    with pytest.raises(Boom, match="receive"):
        await request(app, "POST", headers=headers, body=[b"a=1", b"&b=2"], spec_version=spec_version)
    assert seen == [error]


@each_layering
async def test_an_exception_of_receive_can_be_answered_by_the_endpoint_and_by_dispatch(count: int, way: str) -> None:
    async def broken() -> Any:
        raise Boom("receive")

    async def answers(request: Request) -> Response:
        try:
            await request.body()
        except Boom:
            return PlainTextResponse("endpoint")
        return PlainTextResponse("never")  # pragma: no cover

    async def lets_out(request: Request) -> Response:
        return PlainTextResponse(await request.body())

    async def dispatch(request: Request, call_next: Any) -> Any:
        try:
            return await call_next(request)
        except Boom:
            return PlainTextResponse("dispatch")

    for endpoint, expected in ((answers, b"endpoint"), (lets_out, b"dispatch")):
        exchange = Exchange(application(endpoint, count, way, dispatch, face=Starlette))
        exchange.receive = broken  # type: ignore[method-assign]
        assert (await exchange.run()).body == expected


@each_layering
async def test_an_exception_of_an_outer_send_arrives_as_itself(count: int, way: str, spec_version: str) -> None:
    error = Boom("send")
    refused = "http.response.start"

    def on_send(message: dict[str, Any]) -> None:
        if message["type"] == refused:
            raise error

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("x")

    for refused in ("http.response.start", "http.response.body"):  # noqa: B007 - read by on_send
        exchange = Exchange(application(endpoint, count, way), http_scope(spec_version=spec_version), on_send=on_send)
        with pytest.raises(Boom, match="send") as caught:
            await exchange.run()
        assert caught.value is error


# --- the body limit, behind function middleware ---

LIMITS: dict[str, Any] = {
    "of the application": lambda layers, face, endpoint: face(
        routes=[Route("/", endpoint, methods=["POST"])], middleware=layers, max_body_size=10
    ),
    "of a middleware outside": lambda layers, face, endpoint: face(
        routes=[Route("/", endpoint, methods=["POST"])],
        middleware=[Middleware(RequestBodyLimitMiddleware, max_body_size=10), *layers],
    ),
    "of a middleware inside": lambda layers, face, endpoint: face(
        routes=[Route("/", endpoint, methods=["POST"])],
        middleware=[*layers, Middleware(RequestBodyLimitMiddleware, max_body_size=10)],
    ),
    "of the route": lambda layers, face, endpoint: face(
        routes=[Route("/", endpoint, methods=["POST"], max_body_size=10)], middleware=layers
    ),
}
each_limit = pytest.mark.parametrize("build", LIMITS.values(), ids=LIMITS)


@each_face
@each_layering
@each_limit
@pytest.mark.parametrize("announced", [True, False], ids=["Content-Length", "chunked"])
async def test_a_body_above_the_limit_is_answered_413(
    build: Any, count: int, way: str, spec_version: str, face: Any, announced: bool
) -> None:
    """Open upstream: 500 as soon as one function middleware stood between the limit and the endpoint."""
    read: list[int] = []

    async def endpoint(request: Request) -> Response:
        async for chunk in request.stream():
            read.append(len(chunk))
        return PlainTextResponse("never")  # pragma: no cover

    app = build(function_layers(count, way), face, endpoint)
    headers = [("content-length", "12")] if announced else [("transfer-encoding", "chunked")]
    got = await request(app, "POST", headers=headers, body=[b"123456", b"789012"], spec_version=spec_version)
    assert got.status == 413
    assert got.complete
    assert sum(read) <= 10


@each_layering
@each_limit
@pytest.mark.parametrize("announced", [True, False], ids=["Content-Length", "chunked"])
async def test_a_body_at_the_limit_passes(build: Any, count: int, way: str, spec_version: str, announced: bool) -> None:
    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(await request.body())

    app = build(function_layers(count, way), Asterion, endpoint)
    headers = [("content-length", "10")] if announced else [("transfer-encoding", "chunked")]
    got = await request(app, "POST", headers=headers, body=[b"12345", b"67890"], spec_version=spec_version)
    assert (got.status, got.body) == (200, b"1234567890")


@each_layered
@pytest.mark.parametrize("how", ["body", "json", "form"])
async def test_a_body_above_the_limit_is_answered_413_however_it_is_read(count: int, way: str, how: str) -> None:
    async def endpoint(request: Request) -> Response:
        await getattr(request, how)()
        return PlainTextResponse("never")  # pragma: no cover

    bodies = {
        "application/x-www-form-urlencoded": [b"a=1234", b"567890"],
        "multipart/form-data; boundary=b": [b"--b\r\n", b'Content-Disposition: form-data; name="a"\r\n\r\n'],
    }
    for media_type, body in bodies.items():
        app = application(endpoint, count, way, max_body_size=10)
        got = await request(app, "POST", headers=[("content-type", media_type)], body=body)
        assert got.status == 413


@each_layered
async def test_a_body_that_dispatch_reads_above_the_limit_is_answered_413(count: int, way: str) -> None:
    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("never")  # pragma: no cover

    async def read(request: Request, call_next: Any) -> Any:
        await request.body()
        return await call_next(request)  # pragma: no cover

    got = await request(application(endpoint, count, way, read, max_body_size=10), "POST", body=[b"123456", b"789012"])
    assert got.status == 413


@each_face
@each_layering
@pytest.mark.parametrize("announced", [True, False], ids=["Content-Length", "chunked"])
async def test_a_handler_makes_the_answer_to_a_body_above_the_limit(
    count: int, way: str, face: Any, announced: bool
) -> None:
    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(await request.body())

    async def handle(request: Request, error: Any) -> Response:
        return JSONResponse({"error": error.status_code}, error.status_code)

    app = application(endpoint, count, way, face=face, max_body_size=10, exception_handlers={413: handle})
    headers = [("content-length", "12")] if announced else []
    got = await request(app, "POST", headers=headers, body=[b"123456", b"789012"])
    assert (got.status, got.body) == (413, b'{"error":413}')
