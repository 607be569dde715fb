"""Forms as the test client encodes them come back, wherever the network cuts their bytes."""

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterion.datastructures import UploadFile
from asterion.requests import Request
from tests.properties.profiles import steady
from tests.requests.building import BOUNDARY, END, MULTIPART, URL_ENCODED, Channel, cut, field, file, http_scope

pytestmark = pytest.mark.anyio

NAMES = st.text(st.characters(exclude_categories=["C"], exclude_characters='"\\'), max_size=8)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NEAR = st.sampled_from(
    [b"\r\n--", b"\r", b"\n", b"--", BOUNDARY[:-1].encode(), b"\r\n--" + BOUNDARY[:-1].encode(), b"\0"]
)
CONTENT = st.binary(max_size=20) | st.lists(NEAR, max_size=6).map(b"".join)


async def read(chunks: list[bytes], content_type: str) -> list[Any]:
    """The form, files as filename and content."""
    async with Request(http_scope(content_type), Channel(chunks)).form() as form:
        return [
            (name, (value.filename, await value.read()) if isinstance(value, UploadFile) else value)
            for name, value in form.multi_items()
        ]


ITEMS = st.lists(st.tuples(NAMES, TEXT) | st.tuples(NAMES, st.tuples(NAMES, CONTENT)), max_size=5)
CUTS = st.lists(st.integers(0, 5000), max_size=20)


@given(ITEMS, CUTS)
@steady(60)
async def test_fields_and_files_come_back_cut_once_and_cut_everywhere(items: list[Any], places: list[int]) -> None:
    body = b""
    for name, value in items:
        body += field(name, value.encode()) if isinstance(value, str) else file(name, *value)
    body += END
    for some in ([], places, *([place] for place in places[:8])):
        assert await read(cut(body, some), MULTIPART) == items


async def test_one_form_comes_back_with_every_cut_and_every_pair_of_neighbouring_cuts() -> None:
    content = b"a\r\n--" + BOUNDARY[:-1].encode() + b"\r"
    body = field("a", b"1") + file("f", "x.bin", content) + END
    expected = [("a", "1"), ("f", ("x.bin", content))]
    for place in range(len(body)):
        assert await read(cut(body, [place]), MULTIPART) == expected
        assert await read(cut(body, [place, place + 1]), MULTIPART) == expected


@given(st.lists(st.tuples(TEXT, TEXT), max_size=8), st.lists(st.integers(0, 1000), max_size=10))
@steady(60)
async def test_a_url_encoded_form_comes_back_cut_anywhere(pairs: list[tuple[str, str]], places: list[int]) -> None:
    body = urlencode(pairs).encode()
    assert await read(cut(body, places), URL_ENCODED) == pairs
