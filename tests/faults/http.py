"""The HTTP applications that are cut: each a function from a stage to its endpoint and what goes around it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anyio

from tests.faults.kit import AppError, Stage
from tests.faults.server import suspend


@dataclass(frozen=True, eq=False)
class Scenario:
    """One application, the request it gets, and what is right for it without a fault."""

    name: str
    make: Callable[[Stage], Any]
    method: str = "GET"
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    body: tuple[bytes, ...] = (b"",)
    status: int = 200
    raises: bool = False
    """Whether the application raises an error of its own, which has to reach the server."""
    ends_started: bool = False
    """Whether that error comes after the start: the response may never look complete then."""
    work: tuple[str, ...] = ()
    """The background work that has to run once the response is complete."""
    dispatch: Callable[[Stage], Any] | None = None
    """A function middleware in the place of the ones that do nothing."""
    around: Callable[[Stage], list[Any]] = lambda stage: []
    kind: str = "http"
    frames: tuple[dict[str, Any], ...] = ()
    """What a WebSocket or a lifespan is told after its first message."""


CATALOGUE: list[Scenario] = []


def scenario(name: str, **options: Any) -> Callable[[Callable[[Stage], Any]], Callable[[Stage], Any]]:
    """Add the decorated function to the catalogue."""

    def add(make: Callable[[Stage], Any]) -> Callable[[Stage], Any]:
        CATALOGUE.append(Scenario(name, make, **options))
        return make

    return add


def _by_name(name: str) -> Callable[[Stage], Any]:
    return next(one.make for one in CATALOGUE if one.name == name)


LONG = bytes(range(256)) * 48
BOUNDARY = b"cut-here"
FIELDS = (
    b'--cut-here\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
    b'--cut-here\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
)
UPLOAD = (
    FIELDS,
    LONG[:5000],
    LONG[:5000] + b'\r\n--cut-here\r\nContent-Disposition: form-data; name="small"; filename="b.txt"\r\n\r\nsmall\r\n',
    b"--cut-here--\r\n",
)
UPLOAD_HEADERS = (("content-type", "multipart/form-data; boundary=cut-here"),)


# --- whole bodies ---


@scenario("plain")
def plain(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        await suspend()
        return stage.kit.responses.PlainTextResponse("hello")

    return endpoint


@scenario("plain, sync endpoint")
def plain_sync(stage: Stage) -> Any:
    def endpoint(request: Any) -> Any:
        return stage.kit.responses.PlainTextResponse("hello")

    return endpoint


@scenario("json", method="POST", body=(b'{"a":', b"1}"), headers=(("content-type", "application/json"),))
def json_echo(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        return stage.kit.responses.JSONResponse({"got": await request.json()})

    return endpoint


@scenario("body left unread", method="POST", body=(b"one", b"two", b"three"))
def unread(stage: Stage) -> Any:
    return plain(stage)


@scenario("HTTP exception", status=404)
def http_exception(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        await suspend()
        raise stage.kit.exceptions.HTTPException(404)

    return endpoint


@scenario("error", status=500, raises=True)
def error(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        await suspend()
        raise stage.ledger.fail(AppError("the endpoint failed"))

    return endpoint


@scenario("template")
def template(stage: Stage) -> Any:
    import jinja2

    loader = jinja2.DictLoader({"page.html": "<p>{{ name }}</p>"})
    templates = stage.kit.templating.Jinja2Templates(env=jinja2.Environment(loader=loader, autoescape=True))

    async def endpoint(request: Any) -> Any:
        return templates.TemplateResponse(request, "page.html", {"name": "a & b"})

    return endpoint


def _sessions(stage: Stage) -> list[Any]:
    return [stage.kit.Middleware(stage.kit.SessionMiddleware, secret_key="a secret of these tests, long enough")]


@scenario("session", around=_sessions)
def session(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        request.session["visits"] = request.session.get("visits", 0) + 1
        await suspend()
        return stage.kit.responses.PlainTextResponse("counted")

    return endpoint


# --- streams ---


class ClassIterator:
    """An async iterator that is no generator, and has to be closed."""

    def __init__(self, stage: Stage) -> None:
        self.left = 3
        self.stage = stage
        self.held: Any = None

    def __aiter__(self) -> "ClassIterator":
        return self

    async def __anext__(self) -> bytes:
        if self.held is None:
            self.held = self.stage.ledger.open("iterator object")
        await suspend()
        if not self.left:
            self.held.close()  # used up: nobody need close it
            raise StopAsyncIteration
        self.left -= 1
        return b"chunk"

    async def aclose(self) -> None:
        try:
            await suspend()
        finally:  # also where a cancellation of the task cuts into this very wait
            if self.held is not None:
                self.held.close()


async def chunks(stage: Stage, count: int = 4, *, waits: bool = True, fail_at: int | None = None) -> Any:
    """The usual async generator: with a resource, that it gives back with an await."""
    held = stage.ledger.open("async generator")
    try:
        for number in range(count):
            if number == fail_at:
                raise stage.ledger.fail(AppError("the stream failed"))
            if waits:
                await suspend()
            yield b"chunk %d\n" % number
    finally:
        held.close()


async def slow_to_close(stage: Stage) -> Any:
    """An async generator whose clean-up takes turns of the loop."""
    held = stage.ledger.open("generator that is slow to close")
    try:
        for _ in range(3):
            await suspend()
            yield b"chunk"
    finally:
        try:
            with anyio.CancelScope(shield=True):
                await suspend()
                await suspend()
        finally:  # also where a cancellation of the task cuts into these very waits
            held.close()


def sync_chunks(stage: Stage) -> Any:
    """The usual sync generator."""
    held = stage.ledger.open("sync generator", sync=True)
    try:
        for number in range(3):
            yield b"chunk %d\n" % number
    finally:
        held.close()


def _stream(name: str, source: Callable[[Stage], Any], **options: Any) -> None:
    def make(stage: Stage) -> Any:
        async def endpoint(request: Any) -> Any:
            return stage.kit.responses.StreamingResponse(source(stage), media_type="text/plain")

        return endpoint

    scenario(name, **options)(make)


def _gzip(stage: Stage) -> list[Any]:
    return [stage.kit.Middleware(stage.kit.GZipMiddleware, minimum_size=10)]


_ZIPPED = {"around": _gzip, "headers": (("accept-encoding", "gzip"),)}
_stream("stream, async generator", chunks)
_stream("stream, generator that never waits", lambda stage: chunks(stage, waits=False))
_stream("stream, generator slow to close", slow_to_close)
_stream("stream, iterator object", ClassIterator)
_stream("stream, sync generator", sync_chunks)
_stream("stream, list", lambda stage: [b"a", b"b", b"c"])
_stream("stream, error at once", lambda stage: chunks(stage, fail_at=0), raises=True, ends_started=True)
_stream("stream, error in the middle", lambda stage: chunks(stage, fail_at=2), raises=True, ends_started=True)
_stream("stream, compressed", chunks, **_ZIPPED)
_stream("stream, compressed, error", lambda stage: chunks(stage, fail_at=2), raises=True, ends_started=True, **_ZIPPED)
_stream("stream to HEAD", chunks, method="HEAD")


@scenario("plain, compressed", **_ZIPPED)
def plain_compressed(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        return stage.kit.responses.PlainTextResponse("hello " * 200)

    return endpoint


@scenario("stream of the request body", method="POST", body=(b"one", b"two", b"three"))
def echo_stream(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        return stage.kit.responses.StreamingResponse(request.stream(), media_type="text/plain")

    return endpoint


# --- files ---


@scenario("file")
def whole_file(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        response = stage.kit.responses.FileResponse(stage.folder + "/data.bin")
        response.chunk_size = 4096
        return response

    return endpoint


scenario("file, one range", headers=(("range", "bytes=10-9000"),), status=206)(whole_file)
scenario("file, two ranges", headers=(("range", "bytes=10-5000,6000-11000"),), status=206)(whole_file)
scenario("file, range that cannot be", headers=(("range", "bytes=99999-"),), status=416)(whole_file)
scenario("file, compressed", **_ZIPPED)(whole_file)


@scenario("file that is not there", status=500, raises=True)
def no_file(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        return stage.kit.responses.FileResponse(stage.folder + "/missing.bin")

    return endpoint


def _static(stage: Stage) -> Any:
    return stage.kit.staticfiles.StaticFiles(directory=stage.folder)


scenario("static file", path="/data.bin")(_static)
scenario("static file, missing", path="/missing.bin", status=404)(_static)


# --- what comes in ---


@scenario(
    "form", method="POST", body=(b"a=1&b", b"=2"), headers=(("content-type", "application/x-www-form-urlencoded"),)
)
def form(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        async with request.form() as data:
            return stage.kit.responses.JSONResponse(dict(data))

    return endpoint


@scenario("upload", method="POST", body=UPLOAD, headers=UPLOAD_HEADERS)
def upload(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        async with request.form() as data:
            contents = await data["file"].read()
            return stage.kit.responses.PlainTextResponse(str(len(contents)))

    return endpoint


@scenario("upload, not closed by the endpoint", method="POST", body=UPLOAD, headers=UPLOAD_HEADERS)
def upload_left(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        data = await request.form()
        return stage.kit.responses.PlainTextResponse(str(data["file"].size))

    return endpoint


@scenario("upload cut short", method="POST", body=UPLOAD[:2], headers=UPLOAD_HEADERS, status=400)
def upload_cut(stage: Stage) -> Any:
    return upload(stage)


@scenario("request stream, left early", method="POST", body=(b"one", b"two", b"three"))
def left_early(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        async for _ in request.stream():
            break
        return stage.kit.responses.PlainTextResponse("enough")

    return endpoint


def _reads_body(stage: Stage) -> Any:
    async def dispatch(request: Any, call_next: Any) -> Any:
        await request.body()
        return await call_next(request)

    return dispatch


def _reads_form(stage: Stage) -> Any:
    async def dispatch(request: Any, call_next: Any) -> Any:
        await request.form()
        return await call_next(request)

    return dispatch


def _replaces(stage: Stage) -> Any:
    async def dispatch(request: Any, call_next: Any) -> Any:
        await call_next(request)
        return stage.kit.responses.PlainTextResponse("replaced")

    return dispatch


def _rereads(stage: Stage) -> Any:
    async def dispatch(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        parts = [part async for part in response.body_iterator]
        return stage.kit.responses.Response(b"".join(parts), media_type="text/plain")

    return dispatch


scenario("body read in middleware", method="POST", body=(b'{"a":', b"1}"), dispatch=_reads_body)(json_echo)
scenario("form read in middleware", method="POST", body=UPLOAD, headers=UPLOAD_HEADERS, dispatch=_reads_form)(upload)
scenario("stream replaced in middleware", dispatch=_replaces)(_by_name("stream, async generator"))
scenario("stream read in middleware", dispatch=_rereads)(_by_name("stream, async generator"))


# --- background ---


def _tasks(stage: Stage, *, fails: bool = False) -> Any:
    async def work() -> None:
        log = stage.ledger
        log.begin("async")
        await suspend()
        if fails:
            raise log.fail(AppError("background work failed"))
        await suspend()
        log.end("async")

    def blocking(log: Any) -> None:
        log.begin("sync")
        log.end("sync")

    tasks = stage.kit.background.BackgroundTasks()
    tasks.add_task(work)
    tasks.add_task(blocking, stage.ledger)
    return tasks


@scenario("background", work=("async", "sync"))
def background(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        return stage.kit.responses.PlainTextResponse("hello", background=_tasks(stage))

    return endpoint


@scenario("background of a stream", work=("async", "sync"))
def background_stream(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        return stage.kit.responses.StreamingResponse(chunks(stage), background=_tasks(stage))

    return endpoint


@scenario("background of a file", work=("async", "sync"))
def background_file(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        return stage.kit.responses.FileResponse(stage.folder + "/data.bin", background=_tasks(stage))

    return endpoint


@scenario("background, the first task raises", work=("sync",), raises=True)
def background_fails(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        return stage.kit.responses.PlainTextResponse("hello", background=_tasks(stage, fails=True))

    return endpoint
