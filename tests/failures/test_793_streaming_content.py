"""Issue 793: whatever can be iterated can be streamed, and whatever cannot is told so at once.

Upstream asked "is it an async generator?" and took everything else for a sync iterable, which it stepped in a worker
thread. Here are all kinds of content, and what goes wrong while a stream runs.
"""

import array
import contextvars
import io
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest

from asterion.applications import Asterion, Starlette
from asterion.requests import Request
from asterion.responses import PlainTextResponse, Response, StreamingResponse
from asterion.routing import Route
from tests.asgi import Exchange, function_layers, http_scope, request
from tests.names import without_address

pytestmark = pytest.mark.anyio

each_face = pytest.mark.parametrize("face", [Asterion, Starlette])
each_layering = pytest.mark.parametrize(
    ("count", "way"),
    [(0, "nested"), (1, "nested"), (3, "nested"), (1, "turns"), (3, "turns"), (1, "task"), (3, "task")],
)


class Boom(Exception):
    """An error of the application's own."""


def streaming(make: Callable[[], Any], count: int = 0, way: str = "nested", face: Any = Asterion) -> Asterion:
    """An application that streams what `make` gives."""

    async def endpoint(request: Request) -> Response:
        return StreamingResponse(make())

    app: Asterion = face(routes=[Route("/", endpoint)], middleware=function_layers(count, way))
    return app


# --- kinds of content ---


class AsyncIterator_:
    """Written by hand, as Azure's blob downloader is: no generator."""

    def __init__(self, *chunks: Any) -> None:
        self.chunks = list(chunks)

    def __aiter__(self) -> "AsyncIterator_":
        return self

    async def __anext__(self) -> Any:
        await anyio.lowlevel.checkpoint()
        if not self.chunks:
            raise StopAsyncIteration
        return self.chunks.pop(0)


class AsyncIterable_:
    """Not its own iterator."""

    def __init__(self, *chunks: Any) -> None:
        self.chunks = chunks

    def __aiter__(self) -> AsyncIterator[Any]:
        return AsyncIterator_(*self.chunks)


class AsyncIterableByGenerator:
    async def __aiter__(self) -> AsyncIterator[Any]:
        yield b"a"
        await anyio.lowlevel.checkpoint()
        yield b"b"


class OnlyNext:
    """An async iterator that is given by its iterable, and has no `__aiter__` itself."""

    def __init__(self) -> None:
        self.left = 2

    async def __anext__(self) -> Any:
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        return b"x"


class GivesOnlyNext:
    def __aiter__(self) -> Any:
        return OnlyNext()


class Both:
    def __iter__(self) -> Iterator[Any]:
        return iter([b"sync"])

    async def __aiter__(self) -> AsyncIterator[Any]:
        yield b"async"


class OnlyGetItem:
    def __getitem__(self, place: int) -> bytes:
        return [b"a", b"b"][place]


class SyncIterable:
    def __iter__(self) -> Iterator[Any]:
        return iter([b"a", b"b"])


async def _agen(*chunks: Any) -> AsyncIterator[Any]:
    for chunk in chunks:
        await anyio.lowlevel.checkpoint()
        yield chunk


def _gen(*chunks: Any) -> Iterator[Any]:
    yield from chunks


CONTENT: dict[str, tuple[Callable[[], Any], list[bytes]]] = {
    "async iterator": (lambda: AsyncIterator_(b"a", b"b"), [b"a", b"b"]),
    "async iterable": (lambda: AsyncIterable_(b"a", b"b"), [b"a", b"b"]),
    "async iterable by an async generator": (AsyncIterableByGenerator, [b"a", b"b"]),
    "async iterable whose iterator has no __aiter__": (GivesOnlyNext, [b"x", b"x"]),
    "async generator": (lambda: _agen(b"a", b"b"), [b"a", b"b"]),
    "empty async iterator": (AsyncIterator_, []),
    "both sync and async iterable": (Both, [b"async"]),
    "list": (lambda: [b"a", b"b"], [b"a", b"b"]),
    "empty list": (list, []),
    "tuple of text beyond ASCII": (
        lambda: ("gr\u00fc\u00df", "\u20ac"),
        ["gr\u00fc\u00df".encode(), "\u20ac".encode()],
    ),
    "generator": (lambda: _gen(b"a", b"b"), [b"a", b"b"]),
    "iterator": (lambda: iter([b"a", b"b"]), [b"a", b"b"]),
    "map": (lambda: map(str, range(2)), [b"0", b"1"]),
    "sync iterable": (SyncIterable, [b"a", b"b"]),
    "object with only __getitem__": (OnlyGetItem, [b"a", b"b"]),
    "binary file": (lambda: io.BytesIO(b"a\nb"), [b"a\n", b"b"]),
    "text file": (lambda: io.StringIO("a\n\u00e9"), [b"a\n", b"\xc3\xa9"]),
    "dict": (lambda: {"a": 1, "b": 2}, [b"a", b"b"]),
    "set": (lambda: {"a"}, [b"a"]),
    "str": (lambda: "whole text \u00e9", ["whole text \u00e9".encode()]),
    "empty str": (lambda: "", []),
    "bytes": (lambda: b"whole bytes", [b"whole bytes"]),
    "bytearray": (lambda: bytearray(b"whole"), [b"whole"]),
    "memoryview": (lambda: memoryview(b"whole"), [b"whole"]),
    "chunks that are bytearray": (lambda: [bytearray(b"a"), bytearray(b"b")], [b"a", b"b"]),
    "chunks that are memoryview": (lambda: _agen(memoryview(b"ab")[1:]), [b"b"]),
    "chunks that are typed memoryviews": (
        lambda: [memoryview(array.array("H", [1, 2]))],
        [array.array("H", [1, 2]).tobytes()],
    ),
    "chunks that are many-dimensional memoryviews": (
        lambda: [memoryview(b"abcdef").cast("B", (2, 3))],
        [b"abcdef"],
    ),
    "chunks that are strided memoryviews": (lambda: [memoryview(b"abcd")[::2]], [b"ac"]),
    "chunks of text and bytes": (lambda: _agen("a", b"b", "\u00e9"), [b"a", b"b", b"\xc3\xa9"]),
    "subclasses of str and bytes": (
        lambda: [type("S", (str,), {})("a"), type("B", (bytes,), {})(b"b")],
        [b"a", b"b"],
    ),
}
each_content = pytest.mark.parametrize(("make", "chunks"), CONTENT.values(), ids=CONTENT)


@pytest.mark.failure(
    row=3,
    says="Whatever can be iterated, sync or async, is streamed; chunks may be of any type that holds bytes or text.",
)
@each_face
@each_layering
@each_content
async def test_whatever_can_be_iterated_is_streamed(
    make: Any, chunks: list[bytes], count: int, way: str, spec_version: str, face: Any
) -> None:
    """Issues 457, 461, 462 and 793; bytes and text as a whole, and bytearray chunks, were open upstream."""
    answer = await request(streaming(make, count, way, face), spec_version=spec_version)
    assert [chunk for chunk in answer.chunks if chunk] == chunks
    assert answer.complete


@each_layering
@pytest.mark.parametrize("make", [lambda *chunks: list(chunks), _agen, _gen], ids=["list", "async", "sync"])
async def test_an_empty_chunk_is_no_end(make: Any, count: int, way: str, spec_version: str) -> None:
    answer = await request(streaming(lambda: make(b"a", b"", b"b"), count, way), spec_version=spec_version)
    assert answer.body == b"ab"
    assert answer.complete


@pytest.mark.failure(row=3, says="What cannot be iterated is refused when the response is made.")
@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (None, "cannot iterate over None: pass an iterable of bytes or str"),
        (3, "cannot iterate over 3: pass an iterable"),
        (object, "it is a function: call it"),
        (_agen, r"it is a function: call it, StreamingResponse\(_agen\(\)\)"),
        (_gen, r"it is a function: call it, StreamingResponse\(_gen\(\)\)"),
    ],
    ids=["None", "int", "class", "async generator function", "generator function"],
)
def test_what_cannot_be_iterated_is_refused_when_it_is_given(content: Any, hint: str) -> None:
    with pytest.raises(TypeError, match=hint):
        StreamingResponse(content)


def test_a_coroutine_is_refused_when_it_is_given() -> None:
    """And closed: no warning later that it was never awaited."""

    async def coroutine() -> list[bytes]:
        return [b"x"]  # pragma: no cover - never awaited

    with pytest.raises(TypeError, match="it is a coroutine: await it first"):
        StreamingResponse(coroutine())  # type: ignore[arg-type]


@each_layering
@pytest.mark.parametrize("chunk", [3, None, 1.5, {"a": 1}, object(), ["a"]], ids=without_address)
@pytest.mark.parametrize("make", [_agen, _gen], ids=["async", "sync"])
async def test_a_chunk_of_another_type_is_one_clear_error(
    make: Any, chunk: Any, count: int, way: str, spec_version: str
) -> None:
    """It comes after the start: the client must be able to tell that the body is not complete."""
    exchange = Exchange(streaming(lambda: make(b"first", chunk), count, way), http_scope(spec_version=spec_version))
    with pytest.raises(TypeError, match=f"must be bytes or str, got {type(chunk).__name__}"):
        await exchange.run()
    assert exchange.body == b"first"
    assert not exchange.complete


@pytest.mark.parametrize(
    "view",
    [memoryview(array.array("I", [1, 2, 3])), memoryview(bytes(range(6))).cast("B", (2, 3)), memoryview(b"abcd")[::2]],
    ids=["typed", "many-dimensional", "strided"],
)
@pytest.mark.parametrize("count", [0, 1, 3])
async def test_any_memoryview_is_a_plain_body(view: memoryview, count: int, way: str) -> None:
    """Issue 3622: its length was counted in items, not in bytes."""
    app = Asterion(routes=[Route("/", lambda request: Response(view))], middleware=function_layers(count, way))
    answer = await request(app)
    assert answer.body == view.tobytes()
    assert answer.headers["content-length"] == str(len(view.tobytes()))


# --- one instance, two requests ---


@pytest.mark.parametrize("make", [lambda: [b"a", b"b"], lambda: AsyncIterable_(b"a", b"b"), lambda: b"ab"])
async def test_a_response_over_an_iterable_can_be_sent_twice(make: Any, spec_version: str) -> None:
    response = StreamingResponse(make())
    for _ in range(2):
        answer = await request(response, spec_version=spec_version)
        assert (answer.body, answer.complete) == (b"ab", True)


@pytest.mark.parametrize(
    "make", [lambda: _gen(b"a"), lambda: _agen(b"a"), lambda: AsyncIterator_(b"a"), lambda: iter([b"a"])]
)
@each_layering
async def test_a_response_over_an_iterator_is_not_silently_empty_the_second_time(
    make: Any, count: int, way: str, spec_version: str
) -> None:
    response = StreamingResponse(make())
    app = Asterion(routes=[Route("/", lambda request: response)], middleware=function_layers(count, way))
    assert (await request(app, spec_version=spec_version)).body == b"a"
    exchange = Exchange(app, http_scope(spec_version=spec_version))
    with pytest.raises(RuntimeError, match="make a response per request"):
        await exchange.run()
    assert exchange.status == 500


# --- errors in the middle ---


def _failing_agen(error: BaseException) -> Callable[[], Any]:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"part"
        await anyio.lowlevel.checkpoint()
        raise error

    return chunks


def _failing_gen(error: BaseException) -> Callable[[], Any]:
    def chunks() -> Iterator[bytes]:
        yield b"part"
        raise error

    return chunks


@each_face
@each_layering
@pytest.mark.parametrize("make", [_failing_agen, _failing_gen], ids=["async", "sync"])
@pytest.mark.parametrize("handled", [False, True])
async def test_an_error_in_the_middle_reaches_the_server(
    make: Any, count: int, way: str, spec_version: str, face: Any, handled: bool
) -> None:
    """Issues 1433 and 1459: hidden once the start was sent. A handler is told, and cannot make it a whole response."""
    error = Boom("stream")
    seen: list[Exception] = []

    async def endpoint(request: Request) -> Response:
        return StreamingResponse(make(error)())

    async def handle(request: Request, error: Exception) -> Response:
        seen.append(error)
        return PlainTextResponse("too late")

    app = face(
        routes=[Route("/", endpoint)],
        middleware=function_layers(count, way),
        exception_handlers={Boom: handle} if handled else {},
    )
    exchange = Exchange(app, http_scope(spec_version=spec_version))
    with pytest.raises(Boom, match="stream") as caught:
        await exchange.run()
    assert caught.value is error
    assert seen == ([error] if handled else [])
    assert (exchange.status, exchange.body, exchange.complete) == (200, b"part", False)


@each_layering
async def test_an_error_before_the_first_chunk_is_raised_after_the_start(count: int, way: str) -> None:
    """The head has gone out by then: it is not held back for the first chunk."""

    async def chunks() -> AsyncIterator[bytes]:
        raise Boom("at once")
        yield b""  # pragma: no cover

    exchange = Exchange(streaming(chunks, count, way))
    with pytest.raises(Boom, match="at once"):
        await exchange.run()
    assert (exchange.status, exchange.complete) == (200, False)


@each_layering
@pytest.mark.parametrize("error", [StopIteration("mine"), StopAsyncIteration("mine")], ids=without_address)
@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
async def test_a_stop_raised_by_an_endpoint_is_an_error_and_no_end(
    error: Exception, sync: bool, count: int, way: str
) -> None:
    def plain(request: Request) -> Response:
        raise error

    async def coroutine(request: Request) -> Response:
        raise error

    app = Asterion(routes=[Route("/", plain if sync else coroutine)], middleware=function_layers(count, way))
    exchange = Exchange(app)
    with pytest.raises((RuntimeError, StopAsyncIteration)):
        await exchange.run()
    assert exchange.status == 500


@pytest.mark.parametrize(
    ("make", "error"),
    [
        pytest.param(_failing_agen, StopIteration("mine"), id="async-StopIteration"),
        pytest.param(_failing_agen, StopAsyncIteration("mine"), id="async-StopAsyncIteration"),
        pytest.param(_failing_gen, StopIteration("mine"), id="sync-StopIteration"),
        pytest.param(_failing_gen, StopAsyncIteration("mine"), id="sync-StopAsyncIteration"),
    ],
)
async def test_a_stop_raised_by_a_generator_is_an_error_and_no_end(make: Any, error: Exception) -> None:
    exchange = Exchange(streaming(make(error)))
    with pytest.raises(RuntimeError, match="Stop(Async)?Iteration"):
        await exchange.run()
    assert not exchange.complete


# --- context variables and threads ---

flag: contextvars.ContextVar[str] = contextvars.ContextVar("flag", default="unset")


@each_layering
@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_context_variable_set_in_one_step_is_there_in_the_next(kind: str, count: int, way: str) -> None:
    """Open upstream: each step of a sync generator ran in a fresh copy of the context."""

    def steps() -> Iterator[str]:
        yield flag.get()
        token = flag.set("step")
        yield flag.get()
        yield flag.get()
        flag.reset(token)
        yield flag.get()

    async def async_steps() -> AsyncIterator[str]:
        for step in steps():
            yield step + " "

    def spaced() -> Iterator[str]:
        for step in steps():
            yield step + " "

    async def endpoint(request: Request) -> Response:
        flag.set("endpoint")
        return StreamingResponse(spaced() if kind == "sync" else async_steps())

    app = Asterion(routes=[Route("/", endpoint)], middleware=function_layers(count, way))
    assert (await request(app)).body == b"endpoint step step endpoint "


@each_layering
async def test_a_sync_generator_is_stepped_and_closed_off_the_loop(count: int, way: str) -> None:
    threads: set[int] = set()

    def chunks() -> Iterator[bytes]:
        try:
            for _ in range(3):
                threads.add(threading.get_ident())
                yield b"x"
        finally:
            threads.add(threading.get_ident())

    assert (await request(streaming(chunks, count, way))).body == b"xxx"
    assert threads
    assert threading.get_ident() not in threads


# --- clean-up when the client leaves ---


class Probe:
    """A source that never ends and notes where it was closed, in the forms a source may have."""

    def __init__(self) -> None:
        self.closed: list[str] = []
        self.tasks: list[int] = []
        self.exchange: Exchange

    async def agen(self) -> AsyncIterator[bytes]:
        try:
            self.tasks.append(anyio.get_current_task().id)
            yield b"first"
            self.exchange.disconnect()
            while True:
                await anyio.lowlevel.checkpoint()
                yield b"more"
        finally:
            self.tasks.append(anyio.get_current_task().id)
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
            self.closed.append("source")

    async def idle(self) -> AsyncIterator[bytes]:
        try:
            self.tasks.append(anyio.get_current_task().id)
            yield b"first"
            self.exchange.disconnect()
            await anyio.Event().wait()
        finally:
            self.tasks.append(anyio.get_current_task().id)
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
            self.closed.append("source")

    async def hot(self) -> AsyncIterator[bytes]:
        try:
            self.tasks.append(anyio.get_current_task().id)
            yield b"first"
            self.exchange.disconnect()
            while True:
                yield b"more"
        finally:
            self.tasks.append(anyio.get_current_task().id)
            self.closed.append("source")

    def sync(self) -> Iterator[bytes]:
        try:
            yield b"first"
            anyio.from_thread.run_sync(self.exchange.disconnect)
            while True:
                yield b"more"
        finally:
            self.closed.append("source")

    async def within_a_scope(self) -> AsyncIterator[bytes]:
        """A time limit, as of many clients of HTTP and databases, kept open between the chunks."""
        try:
            with anyio.fail_after(60):
                async for chunk in self.agen():
                    yield chunk
        finally:
            self.closed.append("outer")


each_source = pytest.mark.parametrize("source", ["agen", "idle", "hot", "sync"])


@each_face
@each_layering
@each_source
async def test_a_source_is_closed_before_the_application_returns(
    source: str, count: int, way: str, spec_version: str, face: Any
) -> None:
    """In the task that ran it, whatever it was doing. One without a real wait must notice as well (issue 1775)."""
    probe = Probe()
    exchange = probe.exchange = Exchange(
        streaming(getattr(probe, source), count, way, face), http_scope(spec_version=spec_version)
    )
    with anyio.fail_after(10):
        await exchange.run()
    assert probe.closed == ["source"]
    assert len(set(probe.tasks)) == (0 if source == "sync" else 1)
    assert not exchange.complete


@each_layering
async def test_a_source_that_keeps_a_scope_open_between_its_chunks_is_closed(
    count: int, way: str, spec_version: str
) -> None:
    probe = Probe()

    async def chunks() -> AsyncIterator[bytes]:
        inner = probe.agen()
        try:
            with anyio.fail_after(60):
                async for chunk in inner:
                    yield chunk
        finally:
            await inner.aclose()  # type: ignore[attr-defined]
            probe.closed.append("outer")

    exchange = probe.exchange = Exchange(streaming(chunks, count, way), http_scope(spec_version=spec_version))
    with anyio.fail_after(10):
        await exchange.run()
    assert probe.closed == ["source", "outer"]


@each_layering
@pytest.mark.parametrize("source", ["agen", "idle", "hot"])
async def test_a_source_that_fails_while_it_is_closed_is_seen(
    source: str, count: int, way: str, spec_version: str
) -> None:
    probe = Probe()

    async def chunks() -> AsyncIterator[bytes]:
        inner = getattr(probe, source)()
        try:
            async for chunk in inner:
                yield chunk
        finally:
            with anyio.CancelScope(shield=True):
                await inner.aclose()
            raise Boom("clean-up")

    exchange = probe.exchange = Exchange(streaming(chunks, count, way), http_scope(spec_version=spec_version))
    with anyio.fail_after(10), pytest.raises(Boom, match="clean-up"):
        await exchange.run()


@each_layering
@each_source
async def test_a_source_is_closed_when_the_request_is_cancelled(
    source: str, count: int, way: str, spec_version: str
) -> None:
    probe = Probe()
    reached = anyio.Event()

    def on_send(message: dict[str, Any]) -> None:
        if message.get("body") == b"first":
            reached.set()

    probe.exchange = exchange = Exchange(
        streaming(getattr(probe, source), count, way), http_scope(spec_version=spec_version), on_send=on_send
    )
    exchange.disconnect = lambda: None  # type: ignore[method-assign] # this client stays
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(exchange.run)
            await reached.wait()
            group.cancel_scope.cancel()
    assert probe.closed == ["source"]


@pytest.mark.parametrize("kind", ["custom", "agen"])
async def test_a_source_is_closed_once_also_when_it_ends_by_itself(kind: str, spec_version: str) -> None:
    class Source(AsyncIterator_):
        closes = 0

        async def aclose(self) -> None:
            self.closes += 1

    source = Source(b"a")
    finished: list[int] = []

    async def agen() -> AsyncIterator[bytes]:
        try:
            yield b"a"
        finally:
            finished.append(1)

    await request(streaming(lambda: source if kind == "custom" else agen()), spec_version=spec_version)
    assert source.closes == (1 if kind == "custom" else 0)
    assert finished == ([] if kind == "custom" else [1])


async def test_a_stream_of_a_head_request_is_closed_without_a_step(spec_version: str) -> None:
    steps: list[int] = []

    class Source(AsyncIterator_):
        async def __anext__(self) -> Any:
            steps.append(1)
            return await super().__anext__()

        async def aclose(self) -> None:
            steps.append(-1)

    answer = await request(StreamingResponse(Source(b"a")), "HEAD", spec_version=spec_version)
    assert (answer.body, steps) == (b"", [-1])
