"""Issue 1438: background tasks survive the client, the function middleware and each other.

Upstream ran the inner application in a task group together with a listener for the disconnect; the client that left
after the last byte took its own background work with it. The numbers in the headings are those of the cases that came
up over the years, in issues 919, 1029, 1441, 1654, 1699, 1700, 1706, 1710, 1715, 2516, 2620, 2625, 2688, 2812, 2893,
2911 and 3476.
"""

import contextlib
import functools
import threading
from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest

from asterion.applications import Asterion, Starlette
from asterion.background import BackgroundTask, BackgroundTasks
from asterion.middleware import Middleware
from asterion.requests import Request
from asterion.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from asterion.routing import Mount, Route
from tests.asgi import Exchange, function_layers, http_scope, layer_class, request, wait_all_blocked

pytestmark = pytest.mark.anyio

WAYS = [(count, way) for way in ("nested", "turns", "task") for count in (1, 3, 6)]

each_face = pytest.mark.parametrize("face", [Asterion, Starlette])
each_layering = pytest.mark.parametrize(("count", "way"), [(0, "nested"), *WAYS])
each_layered = pytest.mark.parametrize(("count", "way"), WAYS)


class Boom(Exception):
    """An error of the application's own."""


def application(
    endpoint: Any, count: int = 0, way: str = "nested", *dispatches: Any, face: Any = Asterion, **more: Any
) -> Asterion:
    """One endpoint at `/`, under `count` function middlewares that do nothing and then these."""
    layers = function_layers(count, way) + [Middleware(layer_class(way), dispatch=one) for one in dispatches]
    app: Asterion = face(routes=[Route("/", endpoint)], middleware=layers, **more)
    return app


class LastingServer(Exchange):
    """A server that tells the disconnect once, repeatedly or never, as servers do (case 4)."""

    tells = "repeatedly"
    told = 0

    async def receive(self) -> dict[str, Any]:
        if self._told >= len(self._pieces) and (self.tells == "never" or (self.tells == "once" and self.told)):
            await anyio.Event().wait()
        message = await super().receive()
        self.told += message["type"] == "http.disconnect"
        return message


def leaving(app: Any, spec_version: str, after: str, server: type[Exchange] = Exchange) -> Exchange:
    """An exchange whose client leaves after the head, or after the last byte."""

    def on_send(message: dict[str, Any]) -> None:
        if after == "head" and message["type"] == "http.response.start":
            exchange.disconnect()
        last = message["type"] == "http.response.body" and not message.get("more_body")
        if after == "last byte" and last:
            exchange.messages.append(message)  # it has left the server
            exchange.disconnect()

    exchange = server(app, http_scope(spec_version=spec_version), on_send=on_send)
    return exchange


# --- cases 1, 2 and 4: kinds of tasks, numbers of layers, kinds of servers ---


@pytest.mark.failure(
    row=2,
    says="Background tasks run to their end under any number of layers, whether or not the client is still there.",
)
@each_face
@each_layering
@pytest.mark.parametrize("tells", ["once", "repeatedly", "never"])
async def test_tasks_end_although_the_client_left_after_the_last_byte(
    count: int, way: str, spec_version: str, face: Any, tells: str
) -> None:
    """A long async task, a sync one in its thread, and one more after them."""
    done: list[str] = []

    async def long(name: str) -> None:
        assert exchange.gone
        await wait_all_blocked()
        done.append(name)

    def threaded(name: str) -> None:
        anyio.from_thread.run(wait_all_blocked)
        done.append(name)

    async def endpoint(request: Request) -> Response:
        tasks = BackgroundTasks()
        tasks.add_task(long, "first")
        tasks.add_task(threaded, "second")
        tasks.add_task(long, name="third")
        return PlainTextResponse("x", background=tasks)

    exchange = leaving(application(endpoint, count, way, face=face), spec_version, "last byte", LastingServer)
    exchange.tells = tells  # type: ignore[attr-defined]
    await exchange.run()
    assert done == ["first", "second", "third"]
    assert exchange.body == b"x"


@each_layering
@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
async def test_a_single_task_ends_although_the_client_left(count: int, way: str, spec_version: str, sync: bool) -> None:
    done: list[int] = []

    async def work() -> None:
        await wait_all_blocked()
        done.append(1)

    async def endpoint(request: Request) -> Response:
        task = BackgroundTask(anyio.from_thread.run, work) if sync else BackgroundTask(work)
        return PlainTextResponse("x", background=task)

    await leaving(application(endpoint, count, way), spec_version, "last byte").run()
    assert done == [1]


# --- case 3: when the client leaves ---


def _kinds_of_response(tmp_path: Any) -> dict[str, Any]:
    path = tmp_path / "file.txt"
    path.write_bytes(b"from a file")

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
            yield b"x"

    return {
        "plain": lambda background: PlainTextResponse("x", background=background),
        "stream": lambda background: StreamingResponse(chunks(), background=background),
        "sync stream": lambda background: StreamingResponse((b"x" for _ in range(3)), background=background),
        "file": lambda background: FileResponse(path, background=background),
    }


each_kind = pytest.mark.parametrize("kind", ["plain", "stream", "sync stream", "file"])


@each_layering
@each_kind
@pytest.mark.parametrize("when", ["before the start", "head", "last byte"])
async def test_work_runs_whenever_the_client_leaves(
    count: int, way: str, spec_version: str, kind: str, when: str, tmp_path: Any
) -> None:
    """Work that was asked for is done, and the client that is gone is no error."""
    done: list[int] = []

    async def work() -> None:
        await wait_all_blocked()
        done.append(1)

    async def endpoint(request: Request) -> Response:
        if when == "before the start":
            exchange.disconnect()
            await wait_all_blocked()
        response: Response = _kinds_of_response(tmp_path)[kind](BackgroundTask(work))
        return response

    exchange = leaving(application(endpoint, count, way), spec_version, when)
    await exchange.run()
    assert done == [1]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("when", ["before the start", "head", "mid-stream", "last byte"])
@pytest.mark.parametrize("form", ["own response", "wrapped iterator"])
async def test_work_runs_whenever_the_client_leaves_a_body_that_dispatch_wrapped(
    count: int, way: str, spec_version: str, when: str, form: str
) -> None:
    done: list[str] = []

    async def endpoint(request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            try:
                for number in range(3):
                    if number == 1 and when == "mid-stream":
                        exchange.disconnect()
                        await wait_all_blocked()
                    await anyio.lowlevel.checkpoint()
                    yield b"x"
            finally:
                done.append("source")

        if when == "before the start":
            exchange.disconnect()
        return StreamingResponse(chunks(), background=BackgroundTask(done.append, "work"))

    async def wrap(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        inner = response.body_iterator

        async def louder() -> AsyncIterator[bytes]:
            try:
                async for chunk in inner:
                    yield chunk + b"!"
            finally:
                done.append("wrapper")

        if form == "own response":
            return StreamingResponse(louder())
        response.body_iterator = louder()
        return response

    dispatches = [wrap] * count
    exchange = leaving(application(endpoint, 0, way, *dispatches), spec_version, when)
    with anyio.fail_after(10):
        await exchange.run()
    if when in ("mid-stream", "last byte"):
        assert done.count("wrapper") == count
    assert done.count("work") == 1
    if "source" in done:  # else it was never begun
        assert done.index("source") < done.index("work")


# --- case 5: the response first ---


@each_layering
@each_kind
async def test_work_begins_when_the_response_is_complete_on_the_wire(
    count: int, way: str, spec_version: str, kind: str, tmp_path: Any
) -> None:
    """Issues 919 and 3476: the connection is free for its next request while the work goes on."""
    seen: list[bool] = []
    release = anyio.Event()

    async def work() -> None:
        seen.append(exchange.complete)
        await release.wait()
        seen.append(True)

    async def endpoint(request: Request) -> Response:
        response: Response = _kinds_of_response(tmp_path)[kind](BackgroundTask(work))
        return response

    app = application(endpoint, count, way)
    exchange = Exchange(app, http_scope(spec_version=spec_version))
    async with anyio.create_task_group() as group:
        group.start_soon(exchange.run)
        while not seen:
            await anyio.lowlevel.checkpoint()
        assert seen == [True]
        # The next request on the connection is answered while the first one's work still waits.
        release_later = Exchange(Response("next"), http_scope(spec_version=spec_version))
        assert (await release_later.run()).body == b"next"
        assert seen == [True]
        release.set()
    assert seen == [True, True]


@each_layered
async def test_work_begins_after_the_response_though_dispatch_read_the_body(
    count: int, way: str, spec_version: str
) -> None:
    order: list[str] = []

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("inner", background=BackgroundTask(order.append, "work"))

    async def read(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        body = b"".join([chunk async for chunk in response.body_iterator])
        return Response(body.upper())

    def on_send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            order.append("complete")

    app = application(endpoint, count, way, read)
    await Exchange(app, http_scope(spec_version=spec_version), on_send=on_send).run()
    assert sorted(order) == ["complete", "work"]
    assert order == ["complete", "work"]


# --- case 6: clean-up ---


@each_layering
@pytest.mark.parametrize("when", ["head", "mid-stream", "last byte"])
async def test_context_managers_of_the_application_are_left_when_the_client_is_gone(
    count: int, way: str, spec_version: str, when: str
) -> None:
    left: list[str] = []

    @contextlib.contextmanager
    def resource(name: str) -> Any:
        try:
            yield
        finally:
            left.append(name)

    async def around(scope: Any, receive: Any, send: Any) -> None:
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(resource("application"))
            stack.push_async_callback(anyio.lowlevel.checkpoint)
            stack.callback(left.append, "callback")
            await application(endpoint, count, way)(scope, receive, send)

    async def endpoint(request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            with resource("stream"):
                yield b"first"
                if when == "mid-stream":
                    exchange.disconnect()
                await anyio.lowlevel.checkpoint()
                yield b"second"

        return StreamingResponse(chunks())

    exchange = leaving(around, spec_version, when)
    await exchange.run()
    assert left == ["stream", "callback", "application"]


# --- case 7: a client that leaves in the middle of a stream ---


@each_face
@each_layering
@pytest.mark.parametrize("idle", [False, True], ids=["busy", "idle"])
async def test_the_work_of_a_stream_runs_when_the_client_left_in_the_middle(
    count: int, way: str, spec_version: str, idle: bool, face: Any
) -> None:
    order: list[str] = []

    async def endpoint(request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            try:
                yield b"first"
                exchange.disconnect()
                while True:
                    if idle:
                        await anyio.Event().wait()
                    await anyio.lowlevel.checkpoint()
                    yield b"more"
            finally:
                order.append("closed")

        return StreamingResponse(chunks(), background=BackgroundTask(order.append, "work"))

    exchange = Exchange(application(endpoint, count, way, face=face), http_scope(spec_version=spec_version))
    with anyio.fail_after(10):
        await exchange.run()
    assert order == ["closed", "work"]
    assert not exchange.complete


# --- case 8: work that dispatch adds ---


@each_face
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
async def test_work_of_dispatch_and_of_the_endpoint_both_run_in_that_order(
    count: int, way: str, spec_version: str, face: Any, streamed: bool
) -> None:
    """Dropped in upstream's 0.38.3, restored in 0.38.5 (issue 2688)."""
    done: list[tuple[str, bool]] = []

    async def note(name: str) -> None:
        done.append((name, exchange.complete))

    async def endpoint(request: Request) -> Response:
        background = BackgroundTask(note, "endpoint")
        if streamed:
            return StreamingResponse(iter([b"a", b"b"]), background=background)
        return PlainTextResponse("ab", background=background)

    async def own(name: str, request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.background = BackgroundTask(note, name)
        return response

    dispatches = [functools.partial(own, f"layer {number}") for number in range(count)]
    exchange = Exchange(application(endpoint, 0, way, *dispatches, face=face), http_scope(spec_version=spec_version))
    await exchange.run()
    assert exchange.body == b"ab"
    assert done == [(f"layer {number}", True) for number in range(count)] + [("endpoint", True)]


# --- case 9: work that fails ---


@each_face
@each_layering
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
async def test_an_error_of_the_work_surfaces_exactly_once_as_itself(
    count: int, way: str, spec_version: str, face: Any, streamed: bool
) -> None:
    """Swallowed by upstream until 0.46 (issue 2812)."""
    reported: list[Exception] = []

    async def fail() -> None:
        raise Boom("work")

    async def endpoint(request: Request) -> Response:
        if streamed:
            return StreamingResponse(iter([b"x"]), background=BackgroundTask(fail))
        return PlainTextResponse("x", background=BackgroundTask(fail))

    async def report(request: Request, error: Exception) -> Response:
        reported.append(error)
        return PlainTextResponse("too late", 500)

    app = application(endpoint, count, way, face=face, exception_handlers={Exception: report})
    exchange = Exchange(app, http_scope(spec_version=spec_version))
    with pytest.raises(Boom, match="work") as caught:
        await exchange.run()
    assert reported == [caught.value]
    assert (exchange.status, exchange.body, exchange.complete) == (200, b"x", True)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@each_layered
async def test_an_error_of_the_work_that_dispatch_added_surfaces_as_itself(
    count: int, way: str, spec_version: str
) -> None:
    done: list[str] = []

    async def fail() -> None:
        raise Boom("work")

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("x", background=BackgroundTask(done.append, "endpoint"))

    async def own(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.background = BackgroundTask(fail)
        return response

    exchange = Exchange(application(endpoint, count, way, own), http_scope(spec_version=spec_version))
    with pytest.raises(Boom, match="work"):
        await exchange.run()
    assert exchange.complete
    assert done == ["endpoint"]


@each_layered
async def test_an_error_that_dispatch_has_handled_is_not_raised_again(count: int, way: str, spec_version: str) -> None:
    """Issues 2893 and 2911: raised again after dispatch had answered it, in upstream's 0.46.0 and 0.46.1."""

    async def endpoint(request: Request) -> Response:
        raise Boom("endpoint")

    done: list[str] = []

    async def handle(request: Request, call_next: Any) -> Any:
        try:
            return await call_next(request)
        except Boom as error:
            return PlainTextResponse(f"handled {error}", background=BackgroundTask(done.append, "work"))

    answer = await request(application(endpoint, count, way, handle, face=Starlette), spec_version=spec_version)
    assert answer.body == b"handled endpoint"
    assert done == ["work"]


@pytest.mark.parametrize(("face", "expected"), [(Asterion, ["first", "third"]), (Starlette, ["first"])])
@each_layering
async def test_a_task_that_fails_ends_the_others_on_upstreams_face_only(
    count: int, way: str, face: Any, expected: list[str]
) -> None:
    done: list[str] = []

    async def fail() -> None:
        raise Boom("second")

    async def endpoint(request: Request) -> Response:
        tasks = BackgroundTasks([BackgroundTask(done.append, "first"), BackgroundTask(fail)])
        tasks.add_task(done.append, "third")
        return PlainTextResponse("x", background=tasks)

    with pytest.raises(Boom, match="second"):
        await request(application(endpoint, count, way, face=face))
    assert done == expected


# --- cases 10 and 11, open upstream: dispatch fails, or answers itself ---


@pytest.mark.failure(row=2, says="They run where dispatch fails after `call_next`, too.")
@each_face
@each_layered
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
async def test_work_runs_though_dispatch_fails_after_call_next(
    count: int, way: str, spec_version: str, face: Any, streamed: bool
) -> None:
    done: list[str] = []

    async def endpoint(request: Request) -> Response:
        background = BackgroundTask(done.append, "work")
        if streamed:
            return StreamingResponse(iter([b"a", b"b"]), background=background)
        return PlainTextResponse("x", background=background)

    async def fails(request: Request, call_next: Any) -> Any:
        await call_next(request)
        raise Boom("dispatch")

    exchange = Exchange(application(endpoint, count, way, fails, face=face), http_scope(spec_version=spec_version))
    with pytest.raises(Boom, match="dispatch"):
        await exchange.run()
    assert done == ["work"]
    assert exchange.status == 500


@each_face
@each_layered
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
async def test_work_of_a_response_that_dispatch_replaced_runs(
    count: int, way: str, spec_version: str, face: Any, streamed: bool
) -> None:
    """The choice: work that was asked for is done, after the response that the client gets."""
    done: list[tuple[str, bool]] = []

    async def note(name: str) -> None:
        done.append((name, exchange.complete))

    async def endpoint(request: Request) -> Response:
        background = BackgroundTask(note, "endpoint")
        if streamed:
            return StreamingResponse(iter([b"a", b"b"]), background=background)
        return PlainTextResponse("x", background=background)

    async def replace(request: Request, call_next: Any) -> Any:
        await call_next(request)
        return PlainTextResponse("instead", background=BackgroundTask(note, "dispatch"))

    exchange = Exchange(application(endpoint, count, way, replace, face=face), http_scope(spec_version=spec_version))
    await exchange.run()
    assert exchange.body == b"instead"
    assert done == [("dispatch", True), ("endpoint", True)]


# --- case 12, open upstream: an exception that has a handler ---


@pytest.mark.failure(row=2, says="An exception of a task reaches its handler.")
@each_face
@each_layering
@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
async def test_a_handler_gets_an_exception_of_the_work(
    count: int, way: str, spec_version: str, face: Any, sync: bool
) -> None:
    """Issue 3459: the handler was never called, and the exception replaced by a RuntimeError about the response."""
    handled: list[Exception] = []

    async def fail() -> None:
        raise Boom("work")

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("x", background=BackgroundTask(fail))

    async def handle(request: Request, error: Exception) -> Response:
        handled.append(error)
        return PlainTextResponse("nobody sees this")

    def handle_sync(request: Request, error: Exception) -> Response:
        handled.append(error)
        return PlainTextResponse("nobody sees this")

    handlers = {Boom: handle_sync if sync else handle}
    exchange = Exchange(
        application(endpoint, count, way, face=face, exception_handlers=handlers), http_scope(spec_version=spec_version)
    )
    await exchange.run()
    assert [str(error) for error in handled] == ["work"]
    assert (exchange.status, exchange.body) == (200, b"x")


@each_layering
async def test_a_handler_that_fails_on_an_exception_of_the_work_is_seen(count: int, way: str) -> None:
    async def fail() -> None:
        raise Boom("work")

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("x", background=BackgroundTask(fail))

    async def handle(request: Request, error: Exception) -> Response:
        raise ValueError("handler") from error

    with pytest.raises(ValueError, match="handler") as caught:
        await request(application(endpoint, count, way, exception_handlers={Boom: handle}))
    assert isinstance(caught.value.__cause__, Boom)


# --- cancellation ---


@pytest.mark.parametrize(("face", "expected"), [(Asterion, ["done"]), (Starlette, [])])
@each_layering
async def test_work_survives_the_cancellation_of_its_request_on_our_face(
    count: int, way: str, face: Any, expected: list[str]
) -> None:
    """A server or a time limit may cancel a request. Shutdown waits for what is left."""
    done: list[str] = []
    begun, release = anyio.Event(), anyio.Event()

    async def work() -> None:
        begun.set()
        await release.wait()
        done.append("done")

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("x", background=BackgroundTask(work))

    app = application(endpoint, count, way, face=face)
    async with anyio.create_task_group() as group:
        group.start_soon(Exchange(app).run)
        await begun.wait()
        group.cancel_scope.cancel()
    assert done == []
    release.set()
    await app.drain_background_work()
    assert done == expected


# --- the sibling: "No response returned." ---


async def _quiet(scope: Any, receive: Any, send: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@each_face
@each_layering
async def test_an_application_that_ends_quietly_with_its_client_is_no_fault_of_the_server(
    count: int, way: str, spec_version: str, face: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Issues 1527, 1634 and 2516: a RuntimeError and a logged 500, for a client that was not there any more."""
    app = face(routes=[Mount("/", _quiet)], middleware=function_layers(count, way))
    exchange = Exchange(app, http_scope(spec_version=spec_version))
    exchange.disconnect()
    await exchange.run()
    assert exchange.messages == []
    assert exchange.sent_after_disconnect == []
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


@each_layered
async def test_a_client_that_leaves_while_the_endpoint_reads_is_no_fault_of_the_server(
    count: int, way: str, spec_version: str
) -> None:
    """Issue 2620: a race that needed several layers."""
    ended: list[str] = []

    async def endpoint(request: Request) -> Response:
        exchange.disconnect()
        try:
            await request.body()
        finally:
            ended.append("endpoint")
        return PlainTextResponse("never")  # pragma: no cover - the body never comes

    exchange = Exchange(
        application(endpoint, count, way), http_scope("GET", spec_version=spec_version), body=[b"first", b"second"]
    )
    exchange._pieces = [b"first"]
    original = exchange.receive

    async def receive() -> Any:
        message = await original()
        return {**message, "more_body": True} if message["type"] == "http.request" else message

    exchange.receive = receive  # type: ignore[method-assign]
    await exchange.run()
    assert ended == ["endpoint"]
    assert exchange.messages == []


@each_layered
async def test_an_application_that_sends_nothing_to_a_client_that_waits_is_an_error(count: int, way: str) -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        return

    exchange = Exchange(Asterion(routes=[Mount("/", silent)], middleware=function_layers(count, way)))
    with pytest.raises(RuntimeError, match=r"No response returned\."):
        await exchange.run()
    assert exchange.status == 500


async def test_a_sync_task_runs_in_a_worker_thread(way: str) -> None:
    threads: list[int] = []

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("x", background=BackgroundTask(lambda: threads.append(threading.get_ident())))

    await request(application(endpoint, 1, way))
    assert threads
    assert threads != [threading.get_ident()]
