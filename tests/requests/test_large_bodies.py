"""A body of more than 1 MiB is put together while it comes: in little more than its own memory, in turns."""

import dataclasses
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from asterion._core.bodylimits import RequestBodyTooLarge
from asterion.applications import Asterion
from asterion.concurrency import _turns
from asterion.requests import ClientDisconnect, Request
from tests.asgi import http_scope

pytestmark = pytest.mark.anyio

MEBIBYTE = 1024 * 1024
PIECE = 65536


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece takes longer than others should have to wait."""
    monkeypatch.setattr(_turns, "SECONDS_PER_TURN", -1)


class Channel:
    """Gives the pieces of a body without ever waiting, and `after` what comes behind them."""

    def __init__(self, pieces: Sequence[bytes], *, complete: bool = True) -> None:
        self.left = list(pieces)
        self.complete = complete

    async def __call__(self) -> dict[str, Any]:
        if not self.left:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": self.left.pop(0), "more_body": bool(self.left) or not self.complete}


class Held(Channel):
    """One that waits before its last piece until it is let on."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        super().__init__(pieces)
        self.go = anyio.Event()

    async def __call__(self) -> dict[str, Any]:
        if len(self.left) == 1:
            await self.go.wait()
        return await super().__call__()


def numbered(size: int, piece: int = PIECE) -> list[bytes]:
    """Pieces, each with other bytes, that are `size` bytes together."""
    return [bytes([start // piece % 251]) * min(piece, size - start) for start in range(0, size, piece)]


@pytest.mark.parametrize("last", [[], [b""]], ids=["", "then nothing"])
@pytest.mark.parametrize("piece", [PIECE, 100_003, MEBIBYTE, 5 * MEBIBYTE])
@pytest.mark.parametrize(
    "size",
    [MEBIBYTE - 1, MEBIBYTE, MEBIBYTE + 1, MEBIBYTE + PIECE + 1, 3 * MEBIBYTE + 7, 8 * MEBIBYTE, 8 * MEBIBYTE + 1,
     32 * MEBIBYTE, 33 * MEBIBYTE + 5],
)  # fmt: skip
async def test_a_body_of_any_size_is_all_its_pieces(size: int, piece: int, last: list[bytes]) -> None:
    pieces = numbered(size, piece)
    request: Request[Any] = Request(http_scope(), Channel(pieces + last))
    body = await request.body()
    assert type(body) is bytes
    assert body == b"".join(pieces)
    assert await request.body() is body
    assert [chunk async for chunk in request.stream()] == [body, b""]


async def test_a_body_that_came_in_one_piece_is_that_piece() -> None:
    piece = b"a" * (3 * MEBIBYTE)
    assert await Request[Any](http_scope(), Channel([piece, b""])).body() is piece


@pytest.mark.parametrize("size", [8 * MEBIBYTE, 32 * MEBIBYTE])
async def test_a_large_body_takes_little_more_than_its_own_memory(size: int) -> None:
    left = size // PIECE

    async def receive() -> dict[str, Any]:
        nonlocal left
        left -= 1
        return {"type": "http.request", "body": b"%c" % (left % 251) * PIECE, "more_body": left > 0}

    tracemalloc.start()
    try:
        body = await Request[Any](http_scope(), receive).body()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(body) == size
    assert peak < 1.3 * size


@pytest.mark.usefixtures("slow")
async def test_others_have_their_turns_while_a_large_body_is_put_together() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    pieces = numbered(4 * MEBIBYTE)
    async with anyio.create_task_group() as group:
        group.start_soon(count)
        assert await Request[Any](http_scope(), Channel(pieces)).body() == b"".join(pieces)
        group.cancel_scope.cancel()
    assert turns >= 45


@pytest.mark.parametrize("how", ["body", "stream"])
async def test_a_large_body_that_is_interrupted_while_it_waits_loses_nothing(how: str) -> None:
    pieces = numbered(3 * MEBIBYTE)
    channel = Held(pieces)
    request: Request[Any] = Request(http_scope(), channel)
    async with anyio.create_task_group() as group:
        group.start_soon(request.body)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    channel.go.set()
    assert await everything(request, how) == b"".join(pieces)


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("how", ["body", "stream"])
@pytest.mark.parametrize("turns", [1, 2, 10, 40])
async def test_a_large_body_that_is_interrupted_in_a_turn_loses_nothing(turns: int, how: str) -> None:
    pieces = numbered(4 * MEBIBYTE)
    request: Request[Any] = Request(http_scope(), Channel(pieces))
    async with anyio.create_task_group() as group:
        group.start_soon(request.body)
        for _ in range(turns):
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    assert await everything(request, how) == b"".join(pieces)


@pytest.mark.usefixtures("slow")
async def test_a_cancellation_that_comes_with_the_last_piece_does_not_lose_the_body() -> None:
    """No turn is given behind it: what is put back would be the rest of a body that has been read to its end."""
    pieces = numbered(2 * MEBIBYTE)
    channel = Channel(pieces)
    with anyio.CancelScope() as scope:

        async def receive() -> dict[str, Any]:
            message = await channel()
            if not channel.left:
                scope.cancel()
            return message

        request: Request[Any] = Request(http_scope(), receive)
        await request.body()
    assert await request.body() == b"".join(pieces)


async def test_of_a_large_body_whose_client_goes_what_had_come_can_be_read() -> None:
    pieces = numbered(2 * MEBIBYTE)
    request: Request[Any] = Request(http_scope(), Channel(pieces, complete=False))
    with pytest.raises(ClientDisconnect):
        await request.body()
    stream = request.stream()
    assert await anext(stream) == b"".join(pieces)
    with pytest.raises(ClientDisconnect):
        await anext(stream)


class Own(Request[Any]):
    """A request whose body is another one than was sent."""

    closed = False

    async def stream(self) -> AsyncIterator[bytes]:  # type: ignore[override]
        try:
            async for chunk in super().stream():
                yield chunk[::-1]
        finally:
            self.closed = True


@pytest.mark.parametrize("size", [MEBIBYTE + PIECE, 3 * MEBIBYTE])
async def test_a_large_body_of_a_subclass_s_own_stream_is_put_together_as_well(size: int) -> None:
    pieces = numbered(size)
    request = Own(http_scope(), Channel(pieces))
    assert await request.body() == b"".join(piece[::-1] for piece in pieces)
    assert request.closed


@pytest.mark.parametrize("kind", [Request, Own])
@pytest.mark.parametrize(("size", "kept"), [(3 * MEBIBYTE, True), (3 * MEBIBYTE + 1, False)])
async def test_the_limit_holds_beyond_the_first_mebibyte(kind: Any, size: int, kept: bool) -> None:
    app = Asterion()
    app.policies = dataclasses.replace(app.policies, kept_body_size=3 * MEBIBYTE)
    request = kind(http_scope(app=app), Channel(numbered(size)))
    if kept:
        assert len(await request.body()) == size
    else:
        with pytest.raises(RequestBodyTooLarge):
            await request.body()


async def everything(request: Request[Any], how: str) -> bytes:
    if how == "body":
        return await request.body()
    return b"".join([chunk async for chunk in request.stream()])
