"""A form that a server hands over without ever waiting leaves turns to others; long fields are unquoted elsewhere."""

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from asterion.concurrency import _turns
from asterion.requests import Request
from tests.asgi import http_scope

pytestmark = pytest.mark.anyio

PART = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n%s\r\n'


class Clock:
    """One that has gone on by so many seconds whenever somebody looks at it."""

    def __init__(self, step: float) -> None:
        self.step = step
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each slice takes longer than others should have to wait."""
    monkeypatch.setattr(_turns, "time", Clock(2 * _turns.SECONDS_PER_TURN))


async def turns_beside(content_type: str, pieces: list[bytes]) -> tuple[int, list[Any]]:
    """How many turns another task has while a form is read, and the values of the form."""
    turns = 0
    pieces = [*pieces, b""]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    request = Request(http_scope("POST", headers=[("content-type", content_type)]), receive)
    async with anyio.create_task_group() as group:
        group.start_soon(count)
        await anyio.lowlevel.checkpoint()
        before = turns
        values = [value for _, value in (await request.form()).multi_items()]
        after = turns
        group.cancel_scope.cancel()
    return after - before, values


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("at_once", [1, 10], ids=["in ten pieces", "in one piece"])
@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=b", "application/x-www-form-urlencoded"])
async def test_others_have_a_turn_after_each_64_kib_that_took_long(kind: str, at_once: int) -> None:
    one = PART % (b"v" * 65536) if kind.startswith("multipart") else b"a=" + b"v" * 65536 + b"&"
    pieces = [one * at_once] * (10 // at_once)
    if kind.startswith("multipart"):
        pieces[-1] += b"--b--\r\n"
    turns, values = await turns_beside(kind, pieces)
    assert values == ["v" * 65536] * 10
    assert turns >= 9


async def test_a_form_that_is_read_in_no_time_takes_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_turns, "time", Clock(0))
    turns, values = await turns_beside("application/x-www-form-urlencoded", [b"a=" + b"v" * 65536 + b"&"] * 10)
    assert (turns, values) == (0, ["v" * 65536] * 10)


async def test_a_small_form_is_read_without_a_turn() -> None:
    turns, values = await turns_beside("application/x-www-form-urlencoded", [b"a=1&b=2"])
    assert (turns, values) == (0, ["1", "2"])


@pytest.mark.parametrize("end", [b"", b"&b=1"], ids=["last", "followed"])
async def test_a_long_field_of_escapes_is_read_as_any_other(end: bytes) -> None:
    turns, values = await turns_beside("application/x-www-form-urlencoded", [b"a=" + b"%41" * 100_000 + end])
    assert values == ["A" * 100_000, "1"][: 1 + bool(end)]
    assert turns > 1
