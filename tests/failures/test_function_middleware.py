"""Rows 12 to 21 of docs/failures.md: function middleware (`BaseHTTPMiddleware`, `@app.middleware("http")`).

Each is asked in both ways in which function middleware runs its inner application; what the exchange does in detail is
in tests/middleware/test_exchange.py.
"""

import contextvars
import itertools
from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from asterion.applications import Asterion
from asterion.background import BackgroundTask
from asterion.concurrency import running_task
from asterion.middleware import Middleware
from asterion.requests import Request
from asterion.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from asterion.routing import Mount, Route
from tests.asgi import Exchange, function_layers, http_scope, layer_class, request, wait_all_blocked
from tests.failures.serving import each_face

pytestmark = pytest.mark.anyio


def application(
    endpoint: Any, count: int, way: str, *dispatches: Any, face: type[Asterion] = Asterion, **more: Any
) -> Asterion:
    """One endpoint at `/`, inside of these function middlewares, inside of `count` that do nothing."""
    layers = function_layers(count, way) + [Middleware(layer_class(way), dispatch=one) for one in dispatches]
    return face(routes=[Route("/", endpoint, methods=["GET", "POST"])], middleware=layers, **more)


# --- row 12: background work and the response ---


@pytest.mark.failure(
    row=12,
    says="Background work begins when the response is complete on the wire, and other requests are answered meanwhile.",
)
@each_face
async def test_919_slow_background_work_delays_no_response(
    face: type[Asterion], layers: int, way: str, spec_version: str
) -> None:
    release = anyio.Event()
    began = anyio.Event()
    seen: list[bool] = []

    async def work() -> None:
        seen.append(exchange.complete)
        began.set()
        await release.wait()

    async def endpoint(request: Request) -> Response:
        slow = "slow" in request.query_params
        return PlainTextResponse("x", background=BackgroundTask(work) if slow else None)

    app = application(endpoint, layers, way, face=face)
    exchange = Exchange(app, http_scope(query=b"slow", spec_version=spec_version))
    async with anyio.create_task_group() as group:
        group.start_soon(exchange.run)
        await began.wait()
        assert (await request(app, spec_version=spec_version)).body == b"x"
        release.set()
    assert seen == [True]


# --- row 13: applications that end without a response ---


async def silent(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI application that waits for the client to leave, and ends."""
    while (await receive())["type"] != "http.disconnect":
        pass


@pytest.mark.failure(
    row=13, says="An application that ends quietly because its client has gone is no fault of the server."
)
@each_face
async def test_1634_an_application_that_ends_with_its_client_is_no_error(
    face: type[Asterion], layers: int, way: str, spec_version: str
) -> None:
    app = face(routes=[Mount("/", silent)], middleware=function_layers(layers, way))
    exchange = Exchange(app, http_scope(spec_version=spec_version))
    async with anyio.create_task_group() as group:
        group.start_soon(exchange.run)
        await wait_all_blocked()
        exchange.disconnect()
    assert exchange.messages == []


@pytest.mark.failure(
    row=13, says="An endpoint that is at work when the client leaves is not cancelled, under any number of layers."
)
@pytest.mark.parametrize("count", [1, 4, 8])
async def test_1710_a_client_that_leaves_cancels_nothing(count: int, way: str, spec_version: str) -> None:
    done: list[str] = []

    async def endpoint(request: Request) -> Response:
        exchange.disconnect()
        await wait_all_blocked()
        done.append("worked")
        return PlainTextResponse("x")

    exchange = Exchange(application(endpoint, count, way), http_scope(spec_version=spec_version))
    await exchange.run()
    assert done == ["worked"]


@pytest.mark.failure(
    row=13,
    says="An application that ends without a response while its client waits is an error.",
)
async def test_1634_an_application_that_forgets_its_response_is_an_error(way: str, spec_version: str) -> None:
    async def forgetful(scope: Any, receive: Any, send: Any) -> None:
        pass

    app = layer_class(way)(forgetful, dispatch=lambda request, call_next: call_next(request))
    with pytest.raises(RuntimeError, match="No response returned"):
        await request(app, spec_version=spec_version)


# --- row 14: the body is read in a middleware and again inside ---

FORM = [("content-type", "application/x-www-form-urlencoded")]
PIECES = [b"1", b"2"]  # one body that is JSON, and a form, and plain bytes
READERS: dict[str, Any] = {
    "body": (lambda request: request.body(), b"12"),
    "json": (lambda request: request.json(), 12),
    "form": (lambda request: _form(request), {"12": ""}),
    "stream": (lambda request: _stream(request), b"12"),
}
PAIRS = list(itertools.product(READERS, READERS))
# A form is made of a stream that nobody keeps: its raw bytes are gone. So is a stream read outside of `dispatch`, whose
# request remembers.
FORM_GONE = [("form", inner) for inner in READERS if inner != "form"]
STREAM_GONE = [("stream", inner) for inner in READERS]


class PatientServer(Exchange):
    """A server that tells of whoever would wait for ever: for more of a body than there is, of a client that stays."""

    async def receive(self) -> dict[str, Any]:
        assert self._told < len(self._pieces), "this receive would never return"
        return await super().receive()


async def ask(app: Any, spec_version: str = "2.4") -> Exchange:
    """Post the body."""
    return await PatientServer(app, http_scope("POST", headers=FORM, spec_version=spec_version), body=PIECES).run()


async def _form(request: Request) -> dict[str, Any]:
    return dict((await request.form()).items())


async def _stream(request: Request) -> bytes:
    return b"".join([chunk async for chunk in request.stream()])


def _reading(got: list[Any], how: str) -> Any:
    async def endpoint(request: Request) -> Response:
        read, _ = READERS[how]
        got.append(await read(request))
        return PlainTextResponse("ok")

    return endpoint


@pytest.mark.failure(
    row=14,
    says="A body that function middleware has read is there for the endpoint, in whatever form it asks; "
    "of a form, the form.",
)
@pytest.mark.parametrize(("outer", "inner"), [pair for pair in PAIRS if pair not in FORM_GONE])
@pytest.mark.parametrize("count", [1, 3])
async def test_495_a_body_read_in_dispatch_is_there_for_the_endpoint(
    outer: str, inner: str, count: int, way: str, spec_version: str
) -> None:
    read, expected = READERS[outer]
    got: list[Any] = []

    async def reading(request: Request, call_next: Any) -> Any:
        got.append(await read(request))
        return await call_next(request)

    app = application(_reading(got, inner), 0, way, *[reading] * count)
    answer = await ask(app, spec_version=spec_version)
    assert answer.status == 200
    assert got == [expected] * count + [READERS[inner][1]]


@pytest.mark.failure(
    row=14, says="A body that a plain ASGI middleware has read through a Request of its own is there too."
)
@each_face
@pytest.mark.parametrize(("outer", "inner"), [pair for pair in PAIRS if pair not in FORM_GONE + STREAM_GONE])
async def test_495_a_body_read_in_asgi_middleware_is_there_for_the_endpoint(
    outer: str, inner: str, layers: int, face: type[Asterion], way: str
) -> None:
    read, expected = READERS[outer]
    got: list[Any] = []
    app = _read_outside(got, read, inner, face, layers, way)
    answer = await ask(app)
    assert answer.status == 200
    assert got == [expected, READERS[inner][1]]


def _read_outside(got: list[Any], read: Any, inner: str, face: type[Asterion], layers: int, way: str) -> Asterion:
    class Reading:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            got.append(await read(Request(scope, receive)))
            await self.app(scope, receive, send)

    around = [Middleware(Reading), *function_layers(layers, way)]
    return face(routes=[Route("/", _reading(got, inner), methods=["POST"])], middleware=around)


@pytest.mark.failure(
    row=14, says="Where the bytes are gone, because nobody kept them, that is one clear error and no hang."
)
@pytest.mark.parametrize(("outer", "inner"), FORM_GONE + STREAM_GONE)
async def test_495_a_body_that_was_not_kept_is_a_clear_error(outer: str, inner: str) -> None:
    await expect_clear_error(outer, inner, 0, "nested")


async def expect_clear_error(outer: str, inner: str, layers: int, way: str) -> None:
    app = _read_outside([], READERS[outer][0], inner, Asterion, layers, way)
    with pytest.raises(RuntimeError, match="the body was read as a stream and not kept"):
        await ask(app)


@pytest.mark.failure(row=14, says="That holds under function middleware, too.")
@pytest.mark.parametrize(("outer", "inner"), FORM_GONE)
@pytest.mark.parametrize("count", [1, 3])
async def test_495_a_form_that_was_not_kept_as_bytes_is_a_clear_error_under_layers(
    outer: str, inner: str, count: int, way: str
) -> None:
    await expect_clear_error(outer, inner, count, way)


@pytest.mark.failure(row=14, says="That holds under function middleware, too.")
@pytest.mark.parametrize(("outer", "inner"), STREAM_GONE)
@pytest.mark.parametrize("count", [1, 3])
async def test_495_a_stream_that_was_not_kept_is_a_clear_error_under_layers(
    outer: str, inner: str, count: int, way: str
) -> None:
    await expect_clear_error(outer, inner, count, way)


@pytest.mark.failure(row=14, says="After `call_next`, a middleware still gets the body that the endpoint has kept.")
@pytest.mark.parametrize("how", ["body", "json", "form"])
async def test_847_the_body_can_be_read_after_call_next(how: str, layers: int, way: str) -> None:
    read, expected = READERS[how]
    got: list[Any] = []

    async def afterwards(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        got.append(await read(request))
        return response

    app = application(_reading(got, how), layers, way, afterwards)
    await ask(app)
    assert got == [expected, expected]


# --- row 15: the clean-up of a body that nobody wants any more ---


@pytest.mark.failure(
    row=15,
    says="A response closes its iterator when it ends, also when the client has left: `finally` runs at once, in the "
    "same task, and may await.",
)
@each_face
@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_3491_the_generator_of_a_body_is_closed_when_the_client_has_left(
    kind: str, layers: int, way: str, spec_version: str, face: type[Asterion]
) -> None:
    log: list[str] = []
    kept: list[Any] = []  # so that no garbage collector closes it for us

    async def ticks() -> AsyncIterator[bytes]:
        try:
            for _ in itertools.count():
                yield b"x"
        finally:
            await anyio.lowlevel.checkpoint()
            log.append("closed")

    def sync_ticks() -> Any:
        try:
            for _ in itertools.count():
                yield b"x"
        finally:
            log.append("closed")

    async def endpoint(request: Request) -> Response:
        kept.append(ticks() if kind == "async" else sync_ticks())
        return StreamingResponse(kept[0])

    def on_send(message: Any) -> None:
        if exchange.body.count(b"x") == 2:
            exchange.disconnect()

    app = application(endpoint, layers, way, face=face)
    exchange = Exchange(app, http_scope(spec_version=spec_version), on_send=on_send)
    await exchange.run()
    assert log == ["closed"]


# --- row 16: is_disconnected ---


@pytest.mark.failure(
    row=16,
    says="`request.is_disconnected()` tells at the next question that the client has left, under any number of layers.",
)
@each_face
async def test_2094_a_poll_behind_layers_learns_that_the_client_has_left(
    face: type[Asterion], layers: int, way: str, spec_version: str
) -> None:
    polls: list[bool] = []

    async def endpoint(request: Request) -> Response:
        polls.append(await request.is_disconnected())
        exchange.disconnect()
        polls.append(await request.is_disconnected())
        polls.append(await request.is_disconnected())
        return PlainTextResponse("x")

    exchange = Exchange(application(endpoint, layers, way, face=face), http_scope(spec_version=spec_version))
    await exchange.run()
    assert polls == [False, True, True]


@pytest.mark.failure(row=16, says="A poll for the disconnect takes nothing of the body away.")
async def test_2094_a_poll_leaves_the_body_to_its_reader(layers: int, way: str, spec_version: str) -> None:
    async def endpoint(request: Request) -> Response:
        polls = [await request.is_disconnected() for _ in range(4)]
        return JSONResponse({"polls": polls, "body": (await request.body()).decode()})

    app = application(endpoint, layers, way)
    answer = await request(app, "POST", body=PIECES, spec_version=spec_version)
    assert answer.body == b'{"polls":[false,false,false,false],"body":"12"}'


# --- row 17: context variables ---

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")


@pytest.mark.failure(
    row=17,
    says="A context variable that the endpoint sets is seen by every middleware around it, and the other way round.",
)
@each_face
async def test_1525_context_variables_flow_outwards_and_inwards(
    face: type[Asterion], layers: int, way: str, spec_version: str
) -> None:
    seen: list[str] = []

    class Around:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            VARIABLE.set("outer")
            await self.app(scope, receive, send)
            seen.append(VARIABLE.get())

    async def in_dispatch(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        seen.append(VARIABLE.get())
        return response

    async def endpoint(request: Request) -> Response:
        seen.append(VARIABLE.get())
        VARIABLE.set("inner")
        return PlainTextResponse("x")

    inside = Middleware(layer_class(way), dispatch=in_dispatch)
    around = [Middleware(Around), *function_layers(layers, way), inside]
    await request(face(routes=[Route("/", endpoint)], middleware=around), spec_version=spec_version)
    assert seen == ["outer", "inner", "inner"]


# --- row 18: trailers ---


@pytest.mark.failure(row=18, says="Trailers pass, and the flag in the start that announces them.")
@each_face
async def test_3564_trailers_pass_through_layers(
    face: type[Asterion], layers: int, way: str, spec_version: str
) -> None:
    sent: list[dict[str, Any]] = [
        {"type": "http.response.start", "status": 200, "headers": [(b"trailer", b"x-sum")], "trailers": True},
        {"type": "http.response.body", "body": b"x"},
        {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": False},
    ]

    async def raw(scope: Any, receive: Any, send: Any) -> None:
        for message in sent:
            await send(message)

    app = face(routes=[Mount("/", raw)], middleware=function_layers(layers, way))
    exchange = await request(app, spec_version=spec_version, extensions={"http.response.trailers": {}})
    assert exchange.messages == sent


# --- row 19: a retry ---


@pytest.mark.failure(
    row=19, says="`call_next` may be called again, with the body that was read or kept; the answer is the last one."
)
@pytest.mark.parametrize("reads", ["nobody", "dispatch", "endpoint"])
async def test_row_19_a_middleware_may_retry(reads: str, layers: int, way: str, spec_version: str) -> None:
    attempts: list[bytes | None] = []

    async def endpoint(request: Request) -> Response:
        attempts.append(None if reads == "nobody" else await request.body())
        status = 500 if len(attempts) < 3 else 200
        return PlainTextResponse(f"attempt {len(attempts)}", status_code=status)

    async def retry(request: Request, call_next: Any) -> Any:
        if reads == "dispatch":
            await request.body()
        for _ in range(3):
            response = await call_next(request)
            if response.status_code < 500:
                break
        return response

    app = application(endpoint, layers, way, retry)
    with anyio.fail_after(1):
        answer = await request(app, "POST", body=PIECES, spec_version=spec_version)
    assert (answer.status, answer.body) == (200, b"attempt 3")
    assert attempts == [None if reads == "nobody" else b"12"] * 3


@pytest.mark.failure(row=19, says="A retry after the body of the first answer was read to its end works as well.")
async def test_row_19_a_retry_after_the_first_body_was_drained(layers: int, way: str) -> None:
    attempts = itertools.count(1)

    async def endpoint(request: Request) -> Response:
        return StreamingResponse([await request.body(), b" ", str(next(attempts)).encode()])

    async def twice(request: Request, call_next: Any) -> Any:
        first = await call_next(request)
        drained = b"".join([chunk async for chunk in first.body_iterator])
        second = await call_next(request)
        second.headers["x-first"] = drained.decode()
        return second

    with anyio.fail_after(1):
        answer = await request(application(endpoint, layers, way, twice), "POST", body=PIECES)
    assert (answer.body, answer.headers["x-first"]) == (b"12 2", "12 1")


# --- row 20: a replaced response that never ends ---


@pytest.mark.failure(
    row=20,
    says="An inner response that a middleware has replaced is told that its client is gone, and is stopped where it "
    "goes on for ever.",
)
@each_face
@pytest.mark.parametrize("kind", ["endless", "idle", "raw"])
async def test_row_20_a_replaced_response_that_never_ends_is_stopped(
    kind: str, face: type[Asterion], layers: int, way: str, spec_version: str
) -> None:
    log: list[str] = []

    async def ticks() -> AsyncIterator[bytes]:
        log.append("begun")
        try:
            while True:
                yield b"x"
                if kind == "idle":
                    await anyio.sleep_forever()
        finally:
            log.append("closed")

    async def endpoint(request: Request) -> Response:
        return StreamingResponse(ticks())

    async def raw(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        log.append("begun")
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
        finally:
            log.append("closed")

    async def refuse(request: Request, call_next: Any) -> Any:
        await call_next(request)
        return PlainTextResponse("no", status_code=403)

    refusing = Middleware(layer_class(way), dispatch=refuse)
    routes = [Mount("/", raw)] if kind == "raw" else [Route("/", endpoint)]
    app = face(routes=routes, middleware=[*function_layers(layers, way), refusing])
    with anyio.fail_after(1):
        answer = await request(app, spec_version=spec_version)
    assert (answer.status, answer.body, answer.complete) == (403, b"no", True)
    # Nested, the stream was not begun, and there is nothing to close.
    assert log in ([], ["begun", "closed"]) if way == "nested" else log == ["begun", "closed"]


# --- row 21: what a layer costs ---


@pytest.mark.failure(
    row=21,
    says="Function middleware starts no task: the endpoint runs in the server's own, under any number of layers.",
)
async def test_1678_the_endpoint_runs_in_the_task_of_the_server(layers: int, spec_version: str) -> None:
    seen: list[Any] = []

    async def endpoint(request: Request) -> Response:
        seen.append(running_task())
        return PlainTextResponse("x")

    async def change(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["x-seen"] = "yes"
        seen.append(running_task())
        return response

    answer = await request(application(endpoint, layers, "nested", *[change] * layers), spec_version=spec_version)
    assert answer.status == 200
    assert len(seen) == layers + 1
    assert all(task is running_task() for task in seen)


@pytest.mark.failure(
    row=21, says="A large response is never gathered: each chunk is sent before the next one is asked for."
)
@each_face
async def test_1012_no_layer_gathers_a_large_response(
    face: type[Asterion], layers: int, way: str, spec_version: str
) -> None:
    unsent: list[int] = []

    async def chunks() -> AsyncIterator[bytes]:
        for number in range(50):
            unsent.append(number - exchange.body.count(b"x"))
            yield b"x"

    async def endpoint(request: Request) -> Response:
        return StreamingResponse(chunks())

    exchange = Exchange(application(endpoint, layers, way, face=face), http_scope(spec_version=spec_version))
    await exchange.run()
    assert exchange.body == b"x" * 50
    assert max(unsent) <= (layers if way == "task" else 0)
