"""JSON bodies: whatever is sent, a value or a 400 with a position."""

import json
import sys

import pytest

from asterion._core.policies import policies_of
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
