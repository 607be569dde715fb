"""Streaming: chunks one by one, a client that leaves at any moment, and an iterator that is always closed."""

import asyncio
import contextlib
import contextvars
import errno
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from asterion.background import BackgroundTask
from asterion.concurrency import running_task
from asterion.requests import ClientDisconnect, Request
from asterion.responses import StreamingResponse
from tests.asgi import Exchange, http_scope, request, wait_all_blocked

pytestmark = pytest.mark.anyio


class Source:
    """An async iterator of numbered chunks that notes what happens to it.

    `wait_before` is the number of the chunk before which it waits for ever, unless `go` is set.
    """

    def __init__(self, count: int = 3, *, wait_before: int | None = None) -> None:
        self.count = count
        self.wait_before = wait_before
        self.go = anyio.Event()
        self.log: list[str] = []
        self.task: Any = None
        self.closed_in: Any = None

    async def chunks(self) -> AsyncIterator[bytes]:
        self.task = running_task()
        try:
            for number in range(self.count):
                if number == self.wait_before:
                    await self.go.wait()
                yield b"%d" % number
            self.log.append("end")
        except BaseException as error:
            self.log.append(type(error).__name__)
            raise
        finally:
            self.closed_in = running_task()
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
            self.log.append("closed")


async def until_it_ends(exchange: Exchange, *steps: Any) -> None:
    """Serve `exchange`, and call each of `steps` once everything waits."""
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(exchange.run)
            for step in steps:
                await wait_all_blocked()
                step()


# --- chunks ---


async def test_chunks_are_sent_one_by_one_and_an_empty_last_one(spec_version: str) -> None:
    source = Source()
    answer = await request(
        StreamingResponse(source.chunks(), 201, {"x-a": "1"}, "text/plain"), spec_version=spec_version
    )
    assert (answer.status, answer.headers["x-a"]) == (201, "1")
    assert answer.chunks == [b"0", b"1", b"2", b""]
    assert "content-length" not in answer.headers
    assert source.log == ["end", "closed"]


@pytest.mark.parametrize(("status", "length"), [(200, "3"), (206, "3"), (204, None), (304, "3")])
async def test_a_length_that_is_known_is_told_unless_there_is_no_body(status: int, length: str | None) -> None:
    """RFC 9110 section 8.6: none with a 204; a 304 may tell that of the 200."""
    for method in ("GET", "HEAD"):
        response = StreamingResponse([b"a", b"bc"], status, {"content-length": "3"})
        answer = await request(response, method)
        assert answer.headers.get("content-length") == length
        assert answer.body == (b"abc" if method == "GET" and status < 300 and status != 204 else b"")


async def test_a_chunk_is_on_the_wire_before_the_next_is_asked_for(spec_version: str) -> None:
    source = Source(3, wait_before=1)
    exchange = Exchange(StreamingResponse(source.chunks()), http_scope(spec_version=spec_version))
    seen: list[int] = []
    await until_it_ends(exchange, lambda: seen.append(len(exchange.chunks)), source.go.set)
    assert seen == [1]
    assert exchange.body == b"012"


async def test_text_is_encoded_with_the_responses_charset() -> None:
    response = StreamingResponse(["ü", b"x", bytearray(b"y"), memoryview(b"zz")[:1]])
    response.charset = "latin-1"
    assert (await request(response)).chunks == [b"\xfc", b"x", b"y", b"z", b""]


# --- a client that leaves ---


async def test_an_idle_stream_ends_when_its_client_leaves(spec_version: str) -> None:
    source = Source(wait_before=1)
    exchange = Exchange(StreamingResponse(source.chunks()), http_scope(spec_version=spec_version))
    await until_it_ends(exchange, exchange.disconnect)
    assert exchange.chunks == [b"0"]
    assert not exchange.complete
    assert source.log[-1] == "closed"


async def test_a_stream_that_waits_before_its_first_chunk_ends_too(spec_version: str) -> None:
    source = Source(wait_before=0)
    exchange = Exchange(StreamingResponse(source.chunks()), http_scope(spec_version=spec_version))
    await until_it_ends(exchange, exchange.disconnect)
    assert (exchange.status, exchange.chunks, source.log[-1]) == (200, [], "closed")


async def test_a_client_that_leaves_while_a_chunk_is_sent_ends_the_stream(spec_version: str) -> None:
    source = Source(10)

    async def leave(message: Any) -> None:
        if message.get("body") == b"4":
            exchange.disconnect()
            await wait_all_blocked()

    exchange = Exchange(StreamingResponse(source.chunks()), http_scope(spec_version=spec_version), on_send=leave)
    await until_it_ends(exchange)
    assert exchange.body == b"0123"
    assert source.log[-1] == "closed"
    assert "end" not in source.log


async def test_a_send_that_waits_is_the_servers_and_is_not_cut_short(spec_version: str) -> None:
    """A layer outside may be in the middle of something; the stream ends when that is done."""
    done = anyio.Event()
    log: list[str] = []

    async def slow(message: Any) -> None:
        if message.get("body") == b"1":
            await done.wait()
            log.append("sent")

    source = Source(10)
    exchange = Exchange(StreamingResponse(source.chunks()), http_scope(spec_version=spec_version), on_send=slow)
    await until_it_ends(exchange, exchange.disconnect, done.set)
    assert log == ["sent"]
    assert source.log[-1] == "closed"
    assert "end" not in source.log


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_source_that_never_waits_cannot_run_for_ever_for_a_client_that_left(
    kind: str, spec_version: str
) -> None:
    """Issue 1775: nothing else gets a turn, unless the response gives one."""
    made = 0

    def forever() -> Iterator[bytes]:
        nonlocal made
        while True:
            made += 1
            yield b"x"

    class Forever:
        def __aiter__(self) -> "Forever":
            return self

        async def __anext__(self) -> bytes:
            nonlocal made
            made += 1
            return b"x"

    content: Any = Forever() if kind == "async" else forever()
    exchange = Exchange(StreamingResponse(content), http_scope(spec_version=spec_version))
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(exchange.run)
            while not made:
                await anyio.lowlevel.checkpoint()
            exchange.disconnect()
    assert not exchange.complete


async def test_other_tasks_get_their_turn_beside_a_source_that_never_waits(spec_version: str) -> None:
    stop = False

    class Forever:
        def __aiter__(self) -> "Forever":
            return self

        async def __anext__(self) -> bytes:
            if stop:
                raise StopAsyncIteration
            return b"x"

    async def other() -> None:
        nonlocal stop
        await anyio.lowlevel.checkpoint()
        stop = True

    exchange = Exchange(
        StreamingResponse(Forever()), http_scope(spec_version=spec_version), on_send=lambda message: None
    )
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(other)
            group.start_soon(exchange.run)
    assert exchange.complete


async def test_background_work_runs_after_the_client_left(spec_version: str) -> None:
    done: list[int] = []
    source = Source(wait_before=1)
    response = StreamingResponse(source.chunks(), background=BackgroundTask(done.append, 1))
    exchange = Exchange(response, http_scope(spec_version=spec_version))
    await until_it_ends(exchange, exchange.disconnect)
    assert done == [1]


async def test_an_error_of_receive_is_raised_as_itself(spec_version: str) -> None:
    source = Source(wait_before=1)

    async def receive() -> Any:
        raise KeyError("receive")

    async def send(message: Any) -> None:
        """Nobody looks."""

    with anyio.fail_after(10), pytest.raises(KeyError, match="receive"):
        await StreamingResponse(source.chunks())(http_scope(spec_version=spec_version), receive, send)
    assert source.log[-1] == "closed"


async def test_an_error_of_receive_that_comes_when_the_response_is_complete_is_none_of_its(spec_version: str) -> None:
    done: list[int] = []
    sending = anyio.Event()

    async def receive() -> Any:
        await sending.wait()
        raise KeyError("receive")

    async def last_takes_long(message: Any) -> None:
        if message.get("more_body") is False:
            sending.set()
        await wait_all_blocked()

    response = StreamingResponse(Source().chunks(), background=BackgroundTask(done.append, 1))
    exchange = Exchange(response, http_scope(spec_version=spec_version), on_send=last_takes_long)
    await response(exchange.scope, receive, exchange.send)
    assert (exchange.complete, done) == (True, [1])


# --- closing ---


@pytest.mark.parametrize("how", ["end", "idle disconnect", "sending disconnect", "cancelled", "bad chunk", "own error"])
async def test_the_iterator_is_closed_in_the_task_that_ran_it_on_every_way_out(how: str, spec_version: str) -> None:
    source = Source(3, wait_before=1 if how in ("idle disconnect", "cancelled") else None)

    async def chunks() -> AsyncIterator[Any]:
        inner = source.chunks()
        try:
            async for chunk in inner:
                yield 42 if how == "bad chunk" else chunk
                if how == "own error":
                    raise KeyError("own")
        finally:
            await inner.aclose()  # type: ignore[attr-defined]

    def leave(message: Any) -> None:
        if how == "sending disconnect" and message.get("body"):
            exchange.disconnect()

    exchange = Exchange(StreamingResponse(chunks()), http_scope(spec_version=spec_version), on_send=leave)
    errors: list[str] = []

    async def serve(scope: anyio.CancelScope) -> None:
        with scope:
            try:
                await exchange.run()
            except (TypeError, KeyError) as error:
                errors.append(type(error).__name__)
            assert source.log[-1] == "closed"  # by the time the response returns

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            scope = anyio.CancelScope()
            group.start_soon(serve, scope)
            await wait_all_blocked()
            if how == "idle disconnect":
                exchange.disconnect()
            if how == "cancelled":
                scope.cancel()
    assert source.closed_in is source.task
    assert source.log[-1] == "closed"
    assert errors == {"bad chunk": ["TypeError"], "own error": ["KeyError"]}.get(how, [])
    assert exchange.complete == (how == "end")


async def test_the_iterator_is_closed_where_the_start_could_not_be_sent() -> None:
    closed: list[bool] = []

    class Closable:
        def __aiter__(self) -> "Closable":
            return self

        async def __anext__(self) -> bytes:
            raise StopAsyncIteration

        async def aclose(self) -> None:
            closed.append(True)

    def fails(message: Any) -> None:
        raise KeyError("send")

    with pytest.raises(KeyError, match="send"):
        await Exchange(StreamingResponse(Closable()), http_scope(), on_send=fails).run()
    assert closed == [True]


async def test_an_iterable_and_the_iterator_it_gives_are_both_closed() -> None:
    log: list[str] = []

    class Steps:
        async def __anext__(self) -> bytes:
            raise StopAsyncIteration

        async def aclose(self) -> None:
            log.append("iterator")

    class Iterable:
        def __aiter__(self) -> Steps:
            return Steps()

        async def aclose(self) -> None:
            log.append("iterable")

    await request(StreamingResponse(Iterable()))  # type: ignore[arg-type]
    assert log == ["iterator", "iterable"]


async def test_a_context_variable_that_the_source_sets_is_there_in_the_background_work() -> None:
    """The source runs in the request's own task and context."""
    variable = contextvars.ContextVar("variable", default="unset")
    seen: list[str] = []

    async def chunks() -> AsyncIterator[bytes]:
        variable.set("set")
        yield b"x"

    await request(StreamingResponse(chunks(), background=BackgroundTask(lambda: seen.append(variable.get()))))
    assert seen == ["set"]


async def test_a_source_may_hold_a_task_group_open_between_chunks(spec_version: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep_forever)
            yield b"a"
            await anyio.lowlevel.checkpoint()
            yield b"b"
            group.cancel_scope.cancel()

    assert (await request(StreamingResponse(chunks()), spec_version=spec_version)).body == b"ab"


async def test_the_last_message_can_be_cancelled_after_a_source_was_closed() -> None:
    """Only the closing itself is shielded."""
    last_goes_out, may_end = anyio.Event(), anyio.Event()

    class Chunks:
        closed = False

        def __aiter__(self) -> AsyncIterator[bytes]:
            return self

        async def __anext__(self) -> bytes:
            raise StopAsyncIteration

        async def aclose(self) -> None:
            self.closed = True

    async def wait_at_the_last(message: Any) -> None:
        if message.get("more_body") is False:
            last_goes_out.set()
            await may_end.wait()

    source = Chunks()
    exchange = Exchange(StreamingResponse(source), on_send=wait_at_the_last)
    async with anyio.create_task_group() as group:
        group.start_soon(exchange.run)
        await last_goes_out.wait()
        group.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await wait_all_blocked()
            may_end.set()
    assert (source.closed, exchange.complete) == (True, False)


@pytest.mark.parametrize("handles", [True, False])
async def test_a_source_that_reads_the_request_learns_for_its_response_that_the_client_has_gone(handles: bool) -> None:
    """A server may say so once."""
    told, chunks = [{"type": "http.disconnect"}], 0

    async def receive() -> Any:
        if not told:
            await anyio.sleep_forever()
        await anyio.lowlevel.checkpoint()
        return told.pop()

    async def send(message: Any) -> None:
        await anyio.lowlevel.checkpoint()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def source() -> AsyncIterator[bytes]:
            nonlocal chunks
            yield b"begins"
            try:
                await Request(scope, receive).body()
            except ClientDisconnect:
                if not handles:
                    raise
            while chunks < 1000:
                chunks += 1
                yield b"x"

        await StreamingResponse(source())(scope, receive, send)

    await app(http_scope("POST"), receive, send)
    assert chunks < 100


# --- cost ---


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # on trio the look-out begins at once
async def test_a_stream_that_never_gives_the_loop_a_turn_makes_no_task() -> None:
    receives = 0

    async def receive() -> Any:
        nonlocal receives
        receives += 1
        await anyio.sleep_forever()

    async def send(message: Any) -> None:
        """Takes it at once."""

    before = asyncio.all_tasks()
    await StreamingResponse([b"a", b"b", b"c"])(http_scope(), receive, send)
    assert asyncio.all_tasks() == before
    assert receives == 0


@pytest.mark.parametrize("fails", [False, True])
async def test_nothing_is_left_waiting_in_receive_after_the_response(fails: bool, spec_version: str) -> None:
    waiting = 0

    async def receive() -> Any:
        nonlocal waiting
        waiting += 1
        try:
            await anyio.sleep_forever()
        finally:
            waiting -= 1

    async def send(message: Any) -> None:
        await anyio.lowlevel.checkpoint()

    async def source() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"a"
        assert waiting == 1
        if fails:
            raise KeyError("in the source")

    with pytest.raises(KeyError, match="in the source") if fails else contextlib.nullcontext():
        await StreamingResponse(source())(http_scope(spec_version=spec_version), receive, send)
    assert waiting == 0


async def test_one_may_listen_for_the_disconnect_oneself() -> None:
    messages = iter([{"type": "http.request", "body": b"x"}, {"type": "http.disconnect"}, {"type": "never"}])

    async def receive() -> Any:
        return next(messages)

    await StreamingResponse([b""]).listen_for_disconnect(receive)
    assert next(messages) == {"type": "never"}


def test_what_can_be_awaited_is_said_to_be_no_stream() -> None:
    class Promise:
        def __await__(self) -> Iterator[None]:
            yield

    with pytest.raises(TypeError, match="it is a coroutine: await it first"):
        StreamingResponse(Promise())  # type: ignore[arg-type]


# --- a response within the source of another ---


async def until_the_client_goes(app: Any, spec_version: str, moment: anyio.Event) -> Exchange:
    exchange = Exchange(app, http_scope(spec_version=spec_version))
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(exchange.run)
            await moment.wait()
            await wait_all_blocked()
            exchange.disconnect()
    return exchange


async def test_a_client_that_goes_is_noticed_after_a_response_within_the_source_has_ended(spec_version: str) -> None:
    """While that one is made, it is the one that listens."""
    moment = anyio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        inner: list[Any] = []

        async def keep(message: Any) -> None:
            inner.append(message)

        async def part() -> AsyncIterator[bytes]:
            await wait_all_blocked()
            yield b"within"

        async def source() -> AsyncIterator[bytes]:
            yield b"before"
            await StreamingResponse(part())(scope, receive, keep)
            yield inner[1]["body"]
            moment.set()
            await anyio.Event().wait()

        await StreamingResponse(source())(scope, receive, send)

    exchange = await until_the_client_goes(app, spec_version, moment)
    assert (exchange.chunks, exchange.complete) == ([b"before", b"within"], False)


async def test_a_client_that_goes_is_noticed_while_a_response_within_the_source_is_stuck(spec_version: str) -> None:
    """A `send` in progress is not broken off by the response that sends, but by the one around it."""
    ended: list[str] = []
    moment = anyio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def stuck(message: Any) -> None:
            if message["type"] == "http.response.body":
                await wait_all_blocked()
                moment.set()
                await anyio.Event().wait()

        async def part() -> AsyncIterator[bytes]:
            await wait_all_blocked()
            yield b"within"

        async def source() -> AsyncIterator[bytes]:
            try:
                yield b"before"
                await StreamingResponse(part())(scope, receive, stuck)
            finally:
                ended.append("source")

        await StreamingResponse(source())(scope, receive, send)

    exchange = await until_the_client_goes(app, spec_version, moment)
    assert (exchange.chunks, exchange.complete, ended) == ([b"before"], False, ["source"])


async def test_an_error_of_send_that_is_not_about_the_client_is_raised(spec_version: str) -> None:
    def full_disk(message: Any) -> None:
        if message.get("body") == b"b":
            raise OSError(errno.ENOSPC, "No space left on device")

    async def source() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    exchange = Exchange(StreamingResponse(source()), http_scope(spec_version=spec_version), on_send=full_disk)
    with pytest.raises(OSError, match="No space left"):
        await exchange.run()
    assert (exchange.chunks, exchange.complete) == ([b"a"], False)
