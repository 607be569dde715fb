"""JSON bodies: whatever is sent, a value or a 400 with a position."""

import json
import sys

import anyio
import anyio.lowlevel
import pytest

from asterion._core.policies import policies_of
from asterion.config import JSONCodec, use_json_codec
from asterion.exceptions import HTTPException
from asterion.requests import MalformedJSON
from tests.requests.building import make_request

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-32-be"])
async def test_every_encoding_of_unicode_is_read(encoding: str) -> None:
    assert await make_request('{"name": "é"}'.encode(encoding)).json() == {"name": "é"}


async def test_the_value_is_kept() -> None:
    request = make_request([b'{"a":', b" 1}"])
    assert await request.json() is await request.json()


@pytest.mark.parametrize(
    ("body", "pos", "line", "column"),
    [
        (b"", 0, 1, 1),
        (b"{", 1, 1, 2),
        (b'{"a": 1,\n  x}', 11, 2, 3),
        (b"[1] 2", 4, 1, 5),
        (b'"\xff"', 1, 1, 2),
        (b'{"\xc3\xa9": "\xc3"}', 7, 1, 8),
        ('{"é": '.encode("utf-16-le") + b"\x00\xd8", 6, 1, 7),
        (b"[" * 100_000, 0, 1, 1),
        (b'{"a":' * 100_000, 0, 1, 1),
        (b"[12, " + b"9" * 5000 + b"]", 5, 1, 6),
    ],
)
async def test_a_bad_body_is_a_400_with_its_position(body: bytes, pos: int, line: int, column: int) -> None:
    with pytest.raises(MalformedJSON) as caught:
        await make_request(body).json()
    error = caught.value
    assert error.status_code == 400
    assert (error.pos, error.lineno, error.colno) == (pos, line, column)
    assert f"line {line} column {column}" in error.detail


async def test_the_error_is_both_an_http_error_and_the_decoders() -> None:
    for kind in (HTTPException, json.JSONDecodeError, ValueError):
        with pytest.raises(kind):
            await make_request(b"{").json()


async def test_the_answer_never_repeats_the_body() -> None:
    with pytest.raises(MalformedJSON) as caught:
        await make_request(b'{"password": "hunter2"').json()
    assert "hunter2" not in caught.value.detail
    assert "hunter2" in caught.value.doc


async def test_the_limit_for_integers_is_the_interpreters() -> None:
    longest = b"9" * sys.get_int_max_str_digits()
    assert await make_request(longest).json() == int(longest)
    with pytest.raises(MalformedJSON, match="digits"):
        await make_request(longest + b"9").json()


@pytest.mark.parametrize("around", [b"%s", b'["]", %s]', b'["[", "]", %s, "["]', b'[["[\\"", "\\\\"], %s]'])
async def test_levels_are_counted_outside_of_strings_only(around: bytes) -> None:
    """As many as the policy allows, whatever strings stand before and behind them."""
    levels = policies_of({}).json_depth or 0
    inside = levels - (0 if around == b"%s" else 1)
    for more in (0, 1):
        request = make_request(around % (b"[" * (inside + more) + b"]" * (inside + more)))
        if more:
            with pytest.raises(MalformedJSON, match=f"at most {levels} levels"):
                await request.json()
        else:
            await request.json()


# --- long bodies, which are read in slices ---

LONG = b"[" + b'{"a": [1, "x,]"]}, ' * 20_000 + b"0]"


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Turns are given whenever they can be; what other tasks note here, they did in one."""
    monkeypatch.setattr("asterion.concurrency._turns.SECONDS_PER_TURN", -1.0)
    return []


async def test_others_have_their_turns_while_a_long_body_is_read(turns: list[str]) -> None:
    async def other() -> None:
        while True:
            turns.append("a turn")
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(other)
        request = make_request(LONG)
        await request.body()
        before = len(turns)
        assert await request.json() == json.loads(LONG)
        assert len(turns) - before >= len(LONG) // (32 * 1024)
        group.cancel_scope.cancel()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-be"])
async def test_a_long_body_is_read_in_every_encoding_of_unicode(encoding: str) -> None:
    assert await make_request((" " + LONG.decode()).encode(encoding)).json() == json.loads(LONG)


@pytest.mark.parametrize(
    ("body", "pos", "detail"),
    [
        (LONG[:-1], len(LONG) - 1, "Expecting ',' delimiter"),
        (LONG + b" 2", len(LONG) + 1, "Extra data"),
        (LONG[:-2] + b"x]", len(LONG) - 2, "Expecting value"),
        (LONG[:-3] + b'\xff"]', len(LONG) - 3, "Bytes that are not UTF-8"),
        (LONG[:-2] + b"1" * 5000 + b"]", len(LONG) - 2, "Integer of more than 4300 digits"),
        (b"[" * 1000 + LONG, 0, "Nested too deeply, at most 200 levels"),
    ],
)
async def test_a_fault_in_a_long_body_is_told_with_its_place(body: bytes, pos: int, detail: str) -> None:
    with pytest.raises(MalformedJSON, match=detail) as caught:
        await make_request(body).json()
    assert (caught.value.pos, len(caught.value.doc)) == (pos, len(body))


async def test_a_long_body_that_was_not_read_to_its_end_can_be_read_again(turns: list[str]) -> None:
    request = make_request(LONG)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await request.json()
    assert scope.cancelled_caught
    assert await request.json() == json.loads(LONG)


async def test_a_codec_of_ones_own_reads_a_long_body_at_once() -> None:
    before = use_json_codec(JSONCodec("mine", lambda value: b"", lambda body: len(body)))
    try:
        assert await make_request(LONG).json() == len(LONG)
    finally:
        use_json_codec(before)


async def test_what_a_codec_of_ones_own_says_is_told_where_it_knows_no_place() -> None:
    def refuse(body: bytes) -> None:
        raise ValueError("not to my liking")

    before = use_json_codec(JSONCodec("mine", lambda value: b"", refuse))
    try:
        with pytest.raises(MalformedJSON, match="not to my liking") as caught:
            await make_request(b"[1]").json()
    finally:
        use_json_codec(before)
    assert (caught.value.doc, caught.value.pos) == ("[1]", 0)
