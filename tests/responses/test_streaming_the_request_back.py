"""A stream that reads its request's body while it answers: nobody takes a message away from the reader."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import pytest

from asterion.applications import Asterion
from asterion.middleware import Middleware
from asterion.requests import ClientDisconnect, Request
from asterion.responses import StreamingResponse
from asterion.routing import Route
from tests.asgi import http_scope, layer_class, wait_all_blocked
from tests.responses.servers import QueueServer

pytestmark = pytest.mark.anyio

Source = Callable[[Request], AsyncIterator[bytes]]
Client = Callable[[QueueServer], Awaitable[None]]


async def pass_through(request: Request, call_next: Any) -> Any:
    return await call_next(request)


async def rewrap(request: Request, call_next: Any) -> Any:
    """What people write most often: a new response around the inner one's iterator."""
    response = await call_next(request)
    return StreamingResponse(response.body_iterator, response.status_code)


@pytest.fixture(params=["bare", "layer", "task", "rewrapped"])
def around(request: pytest.FixtureRequest) -> list[Middleware]:
    """What stands around the endpoint."""
    kind: str = request.param
    if kind == "bare":
        return []
    dispatch = rewrap if kind == "rewrapped" else pass_through
    return [Middleware(layer_class("task" if kind == "task" else "nested"), dispatch=dispatch)]


async def converse(source: Source, client: Client, around: list[Middleware], spec_version: str, **more: Any) -> Any:
    """Serve one POST on a server with a queue while `client` does its part; all of it must end by itself."""
    server = QueueServer()

    async def endpoint(request: Request) -> StreamingResponse:
        return StreamingResponse(source(request), **more)

    app = Asterion(routes=[Route("/", endpoint, methods=["POST"])], middleware=around)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(app, http_scope("POST", spec_version=spec_version), server.receive, server.send)
            await wait_all_blocked()
            await client(server)
    return server


async def echo(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk


async def test_a_body_is_streamed_back_as_it_comes(around: list[Middleware], spec_version: str) -> None:
    async def client(server: QueueServer) -> None:
        for number in range(5):
            server.give(b"%d" % number, more=number < 4)
            await wait_all_blocked()
            assert server.body == b"01234"[: number + 1]

    server = await converse(echo, client, around, spec_version)
    assert server.complete


async def test_a_source_that_waits_before_it_reads_still_gets_everything(
    around: list[Middleware], spec_version: str
) -> None:
    """By then the response is waiting in `receive` for a disconnect, and stands first in the server's queue."""
    go = anyio.Event()

    async def source(request: Request) -> AsyncIterator[bytes]:
        await go.wait()
        async for chunk in echo(request):
            yield chunk

    async def client(server: QueueServer) -> None:
        go.set()
        await wait_all_blocked()
        server.give(b"one", more=True)
        await wait_all_blocked()
        server.give(b"two", more=False)

    server = await converse(source, client, around, spec_version)
    assert (server.body, server.complete) == (b"onetwo", True)


async def test_what_came_before_anybody_read_is_not_lost(around: list[Middleware], spec_version: str) -> None:
    go = anyio.Event()

    async def source(request: Request) -> AsyncIterator[bytes]:
        await go.wait()
        yield await request.body()

    async def client(server: QueueServer) -> None:
        server.give(b"one", more=True)
        server.give(b"two", more=True)
        await wait_all_blocked()
        go.set()
        await wait_all_blocked()
        server.give(b"three", more=False)

    server = await converse(source, client, around, spec_version)
    assert (server.body, server.complete) == (b"onetwothree", True)


async def test_a_source_may_pause_between_two_pieces(around: list[Middleware], spec_version: str) -> None:
    pauses = [anyio.Event() for _ in range(3)]

    async def source(request: Request) -> AsyncIterator[bytes]:
        async for chunk in request.stream():
            if not chunk:
                return
            yield chunk
            await pauses[int(chunk)].wait()

    async def client(server: QueueServer) -> None:
        for number, pause in enumerate(pauses):
            server.give(b"%d" % number, more=number < 2)
            await wait_all_blocked()
            pause.set()
            await wait_all_blocked()

    server = await converse(source, client, around, spec_version)
    assert (server.body, server.complete) == (b"012", True)


async def test_only_one_caller_waits_in_receive(around: list[Middleware], spec_version: str) -> None:
    go = anyio.Event()

    async def source(request: Request) -> AsyncIterator[bytes]:
        await go.wait()
        async for chunk in echo(request):
            yield chunk

    async def client(server: QueueServer) -> None:
        assert server.asking == 1
        go.set()
        await wait_all_blocked()
        assert server.asking == 1
        server.give(b"x", more=False)

    server = await converse(source, client, around, spec_version)
    assert server.complete


async def test_what_a_lookout_got_before_anybody_read_has_passed_the_layers_of_the_reader(
    around: list[Middleware], spec_version: str
) -> None:
    """Else a limit within, which counts what goes through it, would not see it."""
    go = anyio.Event()
    log: list[bytes] = []

    def counting(app: Any) -> Any:
        async def counted(scope: Any, receive: Any, send: Any) -> None:
            async def count() -> Any:
                message = await receive()
                if message["type"] == "http.request":
                    log.append(message["body"])
                return message

            await app(scope, count, send)

        return counted

    async def source(request: Request) -> AsyncIterator[bytes]:
        yield b"first "
        await go.wait()
        yield await request.body()

    async def endpoint(request: Request) -> StreamingResponse:
        return StreamingResponse(source(request))

    server = QueueServer()
    route = Route("/", endpoint, methods=["POST"], middleware=[Middleware(counting)])
    app = Asterion(routes=[route], middleware=around)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(app, http_scope("POST", spec_version=spec_version), server.receive, server.send)
            await wait_all_blocked()
            server.give(b"body", more=False)
            await wait_all_blocked()
            go.set()
    assert (server.body, log) == (b"first body", [b"body"])


async def test_a_client_that_leaves_in_the_middle_is_told_to_the_reader(
    around: list[Middleware], spec_version: str
) -> None:
    told: list[str] = []

    async def source(request: Request) -> AsyncIterator[bytes]:
        try:
            async for chunk in request.stream():
                yield chunk
        except ClientDisconnect:
            told.append("gone")
            raise
        finally:
            told.append("closed")

    async def client(server: QueueServer) -> None:
        server.give(b"one", more=True)
        await wait_all_blocked()
        server.leave()

    server = await converse(source, client, around, spec_version)
    assert told[-1] == "closed"
    assert not server.complete


async def test_background_work_runs_though_the_reader_was_told_that_the_client_left(spec_version: str) -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("work")

    async def client(server: QueueServer) -> None:
        server.give(b"one", more=True)
        await wait_all_blocked()
        server.leave()

    await converse(echo, client, [], spec_version, background=work)
    assert done == ["work"]


async def test_a_client_that_leaves_after_its_body_was_read_ends_an_idle_stream(
    around: list[Middleware], spec_version: str
) -> None:
    closed: list[bool] = []

    async def source(request: Request) -> AsyncIterator[bytes]:
        try:
            yield await request.body()
            await anyio.sleep_forever()
        finally:
            closed.append(True)

    async def client(server: QueueServer) -> None:
        server.give(b"body", more=False)
        await wait_all_blocked()
        assert server.body == b"body"
        server.leave()

    server = await converse(source, client, around, spec_version)
    assert (closed, server.complete) == ([True], False)


async def test_a_client_that_leaves_while_a_body_that_nobody_reads_is_on_its_way_ends_an_idle_stream(
    around: list[Middleware], spec_version: str
) -> None:
    closed: list[bool] = []

    async def source(request: Request) -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await anyio.sleep_forever()
        finally:
            closed.append(True)

    async def client(server: QueueServer) -> None:
        for _ in range(3):
            server.give(b"unwanted", more=True)
            await wait_all_blocked()
        server.leave()

    server = await converse(source, client, around, spec_version)
    assert (server.body, closed, server.complete) == (b"first", [True], False)


async def test_a_body_that_nobody_reads_fills_no_memory(spec_version: str) -> None:
    """The look-out for a disconnect keeps a megabyte for a reader who may still come, and then leaves the rest."""
    go = anyio.Event()
    piece = bytes(300 * 1024)

    async def source(request: Request) -> AsyncIterator[bytes]:
        await go.wait()
        yield b"%d" % len(await request.body())

    async def client(server: QueueServer) -> None:
        for number in range(10):
            server.give(piece, more=number < 9)
        await wait_all_blocked()
        assert len(server._queue) == 6
        go.set()

    server = await converse(source, client, [], spec_version)
    assert server.body == b"%d" % (10 * len(piece))


async def test_is_disconnected_asks_the_lookout_and_takes_nothing_from_it(spec_version: str) -> None:
    answers: list[bool] = []
    ask = anyio.Event()

    async def source(request: Request) -> AsyncIterator[bytes]:
        yield b"x"
        await ask.wait()
        answers.append(await request.is_disconnected())
        yield await request.body()

    async def client(server: QueueServer) -> None:
        ask.set()
        await wait_all_blocked()
        assert server.most_asking == 1
        server.give(b"body", more=False)

    server = await converse(source, client, [], spec_version)
    assert answers == [False]
    assert (server.body, server.complete) == (b"xbody", True)
