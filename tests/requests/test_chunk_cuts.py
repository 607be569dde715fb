"""A form means the same however the network cut its bytes."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterion.datastructures import UploadFile
from asterion.formparsers import MultiPartException
from tests.requests.building import BOUNDARY, END, MULTIPART, URL_ENCODED, cut, field, file, make_request

pytestmark = pytest.mark.anyio

CUTS = st.lists(st.integers(min_value=0, max_value=100_000), max_size=30)
BYTES = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"-", b"--", BOUNDARY.encode(), b"\r\n--" + BOUNDARY[:4].encode(), b"a"]),
    max_size=12,
).map(b"".join)
HARMLESS = BYTES.filter(lambda content: b"\r\n--" + BOUNDARY.encode() not in b"\r\n" + content + b"\r\n")
NAMES = st.text(st.characters(exclude_categories=["C"], exclude_characters='"\\\r\n'), max_size=8)
PARTS = st.lists(st.one_of(st.builds(field, NAMES, HARMLESS), st.builds(file, NAMES, NAMES, HARMLESS)), max_size=5)


async def outcome(chunks: list[bytes], content_type: str) -> Any:
    """The form as plain data, or that it is refused."""
    try:
        async with make_request(chunks, content_type).form() as form:
            return [
                (name, (value.filename, await value.read()) if isinstance(value, UploadFile) else value)
                for name, value in form.multi_items()
            ]
    except MultiPartException as error:
        return error.status_code


@settings(deadline=None, derandomize=True)
@given(PARTS, CUTS)
async def test_a_multipart_form_is_the_same_cut_anywhere(parts: list[bytes], places: list[int]) -> None:
    body = b"".join(parts) + END
    whole = await outcome([body], MULTIPART)
    assert len(whole) == len(parts)
    assert await outcome(cut(body, places), MULTIPART) == whole


@settings(deadline=None, derandomize=True)
@given(PARTS, BYTES, CUTS, st.integers(min_value=0, max_value=10_000))
async def test_a_damaged_multipart_form_is_refused_or_read_the_same_cut_anywhere(
    parts: list[bytes], junk: bytes, places: list[int], where: int
) -> None:
    body = b"".join(parts) + END
    where %= len(body) + 1
    body = body[:where] + junk + body[where:]
    assert await outcome(cut(body, places), MULTIPART) == await outcome([body], MULTIPART)


@settings(deadline=None, derandomize=True)
@given(PARTS)
async def test_a_multipart_form_is_the_same_byte_by_byte(parts: list[bytes]) -> None:
    body = b"".join(parts) + END
    assert await outcome([body[i : i + 1] for i in range(len(body))], MULTIPART) == await outcome([body], MULTIPART)


@pytest.mark.parametrize("line", [b"\n", b"\r", b"\nX: 1", b"\rX: 1", b"X\n: 1", b"X: 1\n", b"X: 1\r\r\nY: 2"])
async def test_a_line_break_in_a_header_line_of_a_part_is_refused_cut_anywhere(line: bytes) -> None:
    """The library takes a line break off the name of a header if it sees the whole line at once."""
    for lines in (
        [b'Content-Disposition: form-data; name="a"', line],
        [line + b"Content-Disposition: form-data; name=a"],
    ):
        body = b"--" + BOUNDARY.encode() + b"\r\n" + b"\r\n".join(lines) + b"\r\n\r\nx\r\n" + END
        for place in range(len(body)):
            assert await outcome(cut(body, [place]), MULTIPART) == 400


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.sampled_from([b"a", b"=", b"&", b"+", b"%", b"%4", b"%41", b"%C3%A9", b"\xc3", b"\xa9"]), max_size=20),
    CUTS,
)
async def test_a_url_encoded_form_is_the_same_cut_anywhere(tokens: list[bytes], places: list[int]) -> None:
    body = b"".join(tokens)
    assert await outcome(cut(body, places), URL_ENCODED) == await outcome([body], URL_ENCODED)


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=10), CUTS)
async def test_what_the_standard_library_encodes_comes_back(pairs: list[tuple[str, str]], places: list[int]) -> None:
    from urllib.parse import urlencode

    pairs = [
        (name.encode("utf-8", "replace").decode(), value.encode("utf-8", "replace").decode()) for name, value in pairs
    ]
    assert await outcome(cut(urlencode(pairs).encode(), places), URL_ENCODED) == pairs
