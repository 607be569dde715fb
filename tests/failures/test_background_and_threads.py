"""Rows 33 to 39 of docs/failures.md: background work, threads, memory, and handlers whose client has left.

Background work and the client that leaves, in all cases, is in test_1438_background.py.
"""

import gc
import tempfile
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest

from asterion.applications import Asterion, Starlette
from asterion.background import BackgroundTask, BackgroundTasks
from asterion.concurrency import run_in_threadpool
from asterion.datastructures import UploadFile
from asterion.exceptions import HTTPException
from asterion.requests import Request
from asterion.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from asterion.routing import Mount, Route
from asterion.staticfiles import StaticFiles
from tests.asgi import Exchange, function_layers, http_scope, request, wait_all_blocked
from tests.failures.serving import application, each_face, outcome

pytestmark = pytest.mark.anyio


class Boom(Exception):
    """An error of the application's own."""


async def fail() -> None:
    raise Boom("in the background")


# --- rows 33 and 34: background work that fails ---


@pytest.mark.failure(
    row=33,
    says="Every background task runs although an earlier one has failed, and the first error surfaces; the Starlette "
    "face stops there, as upstream documents.",
)
@each_face
async def test_row_33_a_failing_task_does_not_prevent_those_after_it(
    face: type[Asterion], layers: int, way: str, spec_version: str
) -> None:
    done: list[str] = []

    async def endpoint(request: Request) -> Response:
        tasks = BackgroundTasks([BackgroundTask(done.append, "first")])
        tasks.add_task(fail)
        tasks.add_task(done.append, "last")
        return PlainTextResponse("x", background=tasks)

    app = face(routes=[Route("/", endpoint)], middleware=function_layers(layers, way))
    answer, error = await outcome(app, spec_version=spec_version)
    assert (answer.body, answer.complete) == (b"x", True)
    assert isinstance(error, Boom)
    assert done == (["first"] if face is Starlette else ["first", "last"])


@pytest.mark.failure(
    row=34,
    says="A handler for an exception's class is called for errors after the start of the response too; its response is "
    "not sent, and where there is no handler the error surfaces as itself.",
)
@each_face
@pytest.mark.parametrize("where", ["background", "stream"])
@pytest.mark.parametrize("handles", [Boom, Exception, None])
async def test_3459_an_error_after_the_start_reaches_its_handler(
    where: str, handles: Any, face: type[Asterion], layers: int, way: str, spec_version: str
) -> None:
    handled: list[Exception] = []

    async def handler(request: Request, error: Exception) -> Response:
        handled.append(error)
        return PlainTextResponse("too late", status_code=500)

    async def chunks() -> Any:
        yield b"x"
        await fail()

    async def endpoint(request: Request) -> Response:
        if where == "stream":
            return StreamingResponse(chunks())
        return PlainTextResponse("x", background=BackgroundTask(fail))

    handlers = {handles: handler} if handles is not None else {}
    app = face(routes=[Route("/", endpoint)], middleware=function_layers(layers, way), exception_handlers=handlers)
    answer, error = await outcome(app, spec_version=spec_version)
    assert (answer.status, answer.body) == (200, b"x")
    assert answer.complete is (where == "background")
    assert [type(one) for one in handled] == ([] if handles is None else [Boom])
    assert error is None or type(error) is Boom
    if handles in (None, Exception) or where == "stream":
        assert type(error) is Boom  # the server must know, to break off a body that is not complete


# --- rows 35 and 36: threads ---


@pytest.fixture
async def two_threads() -> Any:
    """Only two threads for users' code, so that two blockers are as good as forty."""
    limiter = anyio.to_thread.current_default_thread_limiter()
    before = limiter.total_tokens
    limiter.total_tokens = 2
    yield limiter
    limiter.total_tokens = before


@pytest.mark.failure(
    row=35,
    says="Files and uploads have threads of their own: slow endpoints in every user thread do not make them wait.",
)
@each_face
async def test_1724_slow_sync_endpoints_starve_no_file_and_no_upload(
    face: type[Asterion], layers: int, way: str, two_threads: anyio.CapacityLimiter, tmp_path: Path
) -> None:
    (tmp_path / "style.css").write_bytes(b"body {}")
    release = threading.Event()
    blocked = anyio.Event()
    blockers: list[int] = []

    def block(request: Request) -> Response:
        blockers.append(1)
        if len(blockers) == 2:
            anyio.from_thread.run_sync(blocked.set)
        release.wait(10)
        return PlainTextResponse("late")

    async def upload(request: Request) -> Response:
        file = UploadFile(WatchedSpool(4), filename="x")
        await file.write(b"more than four")
        await file.seek(0)
        content = await file.read()
        await file.close()
        return Response(content)

    async def send_file(request: Request) -> Response:
        return FileResponse(tmp_path / "style.css")

    routes = [
        Route("/block", block),
        Route("/upload", upload),
        Route("/file", send_file),
        Mount("/static", StaticFiles(directory=tmp_path)),
    ]
    app = face(routes=routes, middleware=function_layers(layers, way))
    late: list[Exchange] = []

    async def ask_slowly() -> None:
        late.append(await request(app, path="/block"))

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(ask_slowly)
        await blocked.wait()
        try:
            with anyio.fail_after(5):
                assert (await request(app, path="/static/style.css")).body == b"body {}"
                assert (await request(app, path="/file")).body == b"body {}"
                assert (await request(app, path="/upload")).body == b"more than four"
            assert late == []
        finally:
            release.set()
    assert [exchange.body for exchange in late] == [b"late"] * 5


@pytest.mark.failure(
    row=36,
    says="A sync endpoint that needs another thread gets one, although all threads are held by such as wait for one.",
)
@each_face
async def test_row_36_sync_endpoints_that_need_another_thread_do_not_deadlock(
    face: type[Asterion], layers: int, way: str, two_threads: anyio.CapacityLimiter
) -> None:
    inside: list[int] = []
    both_inside = threading.Event()
    answers: list[bytes] = []

    def endpoint(request: Request) -> Response:
        inside.append(1)
        if len(inside) == 2:
            both_inside.set()
        both_inside.wait(10)  # now both threads are held
        doubled = anyio.from_thread.run(run_in_threadpool, lambda number: number * 2, 21)
        return PlainTextResponse(str(doubled))

    app = face(routes=[Route("/", endpoint)], middleware=function_layers(layers, way))

    async def ask() -> None:
        answers.append((await request(app)).body)

    stuck = False
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(ask)
        while len(answers) < 5 and not stuck:
            await anyio.lowlevel.checkpoint()
            # Three requests wait for a thread; if the two calls in the endpoints wait as well, nothing can ever move.
            stuck = two_threads.statistics().tasks_waiting == 5
        two_threads.total_tokens = 20  # lets go on what is stuck
    assert not stuck
    assert answers == [b"42"] * 5


# --- rows 37 and 38: the loop and memory ---


class WatchedSpool(tempfile.SpooledTemporaryFile[bytes]):
    """A spooled file that notes in which thread it went to disk."""

    def __init__(self, max_size: int) -> None:
        super().__init__(max_size)
        self.rolled_over_in: list[threading.Thread] = []

    def rollover(self) -> None:
        self.rolled_over_in.append(threading.current_thread())
        super().rollover()


@pytest.mark.failure(
    row=37, says="An upload that goes to disk does so in a worker thread, at whatever write that happens."
)
@pytest.mark.parametrize("pieces", [[b"12345"], [b"1234", b"5"], [b"1", b"23456", b"7"]])
async def test_cve_2025_54121_an_upload_goes_to_disk_in_a_thread(pieces: list[bytes]) -> None:
    spool = WatchedSpool(4)
    file = UploadFile(spool)
    for piece in pieces:
        await file.write(piece)
    assert len(spool.rolled_over_in) == 1
    assert spool.rolled_over_in[0] is not threading.current_thread()
    await file.close()


@pytest.mark.failure(
    row=38,
    says="An exception object that is raised again and again keeps no request: a handled one loses its traceback.",
)
@each_face
@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_3205_a_shared_exception_keeps_no_request_alive(
    kind: str, face: type[Asterion], layers: int, way: str
) -> None:
    shared = HTTPException(404, "shared")
    requests: list[weakref.ref[Request]] = []

    async def endpoint(request: Request) -> Response:
        requests.append(weakref.ref(request))
        raise shared

    def sync_endpoint(request: Request) -> Response:
        requests.append(weakref.ref(request))
        raise shared

    chosen: Callable[..., Any] = endpoint if kind == "async" else sync_endpoint
    app = face(routes=[Route("/", chosen)], middleware=function_layers(layers, way))
    for _ in range(5):
        assert (await request(app)).status == 404
    await anyio.lowlevel.checkpoint()
    gc.collect()
    assert [one() for one in requests] == [None] * 5


# --- row 39: a handler whose client has left ---


@pytest.mark.failure(
    row=39,
    says="A handler runs to its end although its client has left, so that nothing is left half done; a costly one "
    "asks `request.is_disconnected()`.",
)
@each_face
async def test_297_a_handler_runs_to_its_end_and_can_ask_for_its_client(
    face: type[Asterion], layers: int, way: str, spec_version: str
) -> None:
    log: list[str] = []

    async def endpoint(request: Request) -> Response:
        for step in range(3):
            if step == 1:
                exchange.disconnect()
            await wait_all_blocked()
            log.append(f"step {step}: {'gone' if await request.is_disconnected() else 'here'}")
        return JSONResponse(log)

    app = application(face, 0, Route("/", endpoint), middleware=tuple(function_layers(layers, way)))
    exchange = Exchange(app, http_scope(spec_version=spec_version))
    await exchange.run()
    assert log == ["step 0: here", "step 1: gone", "step 2: gone"]


@pytest.mark.failure(
    row=39, says="Reading the body of a client that has left is a ClientDisconnect, and no server error."
)
@each_face
async def test_297_a_client_that_left_in_its_upload_is_told_to_the_handler(
    face: type[Asterion], layers: int, way: str, spec_version: str
) -> None:
    log: list[str] = []

    async def endpoint(request: Request) -> Response:
        exchange.disconnect()
        try:
            await request.body()
        finally:
            log.append("left")
        return PlainTextResponse("x")

    class Leaving(Exchange):
        async def receive(self) -> dict[str, Any]:
            if self._told == 1:
                return {"type": "http.disconnect"}
            return await super().receive()

    app = face(routes=[Route("/", endpoint, methods=["POST"])], middleware=function_layers(layers, way))
    exchange = Leaving(app, http_scope("POST", spec_version=spec_version), body=[b"a", b"b"])
    await exchange.run()
    assert log == ["left"]
    assert exchange.messages == []
