"""Header text, cookies and ranges: what is written is read back, through whole responses and requests."""

import re
from http.cookies import Morsel, SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterion.datastructures import Headers, MutableHeaders
from asterion.requests import Request
from asterion.responses import FileResponse, Response
from tests.asgi import http_scope, request
from tests.properties.profiles import steady

pytestmark = pytest.mark.anyio

TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
NAMES = st.text(TOKEN, min_size=1, max_size=10)
VALUES = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]) | st.just("\t"), max_size=20)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
@steady(100)
async def test_header_text_reaches_the_wire_as_bytes_and_is_read_back(pairs: list[tuple[str, str]]) -> None:
    response = Response(b"")
    for name, value in pairs:
        response.headers.append(f"x-{name}", value)
    answer = await request(response)
    read = Headers(raw=answer.raw_headers)
    for name, _ in pairs:
        expected = [value.strip(" \t") for other, value in pairs if other.lower() == name.lower()]
        assert read.getlist(f"X-{name}") == expected
    assert all(name == name.lower() and value == value.strip(b" \t") for name, value in answer.raw_headers)


@given(st.lists(st.tuples(st.sampled_from(["set", "append", "delete", "default"]), st.sampled_from("aAbBc"), VALUES)))
@steady(100)
def test_changes_of_headers_are_those_of_a_plain_list(changes: list[tuple[str, str, str]]) -> None:
    headers, model = MutableHeaders(), list[tuple[str, str]]()
    for change, name, text in changes:
        value, key = text.strip(" \t"), name.lower()
        there = [at for at, (other, _) in enumerate(model) if other == key]
        if change == "append" or (not there and change != "delete"):
            model.append((key, value))
        elif change == "set":
            model[there[0]] = (key, value)
            model = [pair for at, pair in enumerate(model) if at not in there[1:]]
        elif change == "delete":
            model = [pair for pair in model if pair[0] != key]
        if change == "set":
            headers[name] = text
        elif change == "append":
            headers.append(name, text)
        elif change == "default":
            headers.setdefault(name, text)
        elif name in headers:
            del headers[name]
        assert headers.items() == model


COOKIE_NAMES = st.text(TOKEN + ":", min_size=1, max_size=8).filter(lambda name: not name.lower().startswith("__"))


@given(
    st.dictionaries(COOKIE_NAMES, TEXT, max_size=4),
    st.none() | st.integers(0, 10**9),
    st.sampled_from(["lax", "strict", "none"]),
    st.booleans(),
    st.sampled_from(["/", "/a b", None]),
)
@steady(100)
async def test_cookies_set_by_a_response_come_back_in_the_next_request(
    cookies: dict[str, str], max_age: int | None, samesite: Any, httponly: bool, path: str | None
) -> None:
    response = Response()
    for name, value in cookies.items():
        response.set_cookie(name, value, max_age=max_age, samesite=samesite, secure=True, httponly=httponly, path=path)
    answer = await request(response)
    lines = [value.decode("latin-1") for name, value in answer.raw_headers if name == b"set-cookie"]
    sent = "; ".join(line.partition(";")[0] for line in lines)
    assert Request(http_scope(headers=[("cookie", sent)] if sent else [])).cookies == cookies
    for line in lines:
        assert line.isascii()
        attributes = dict(part.partition("=")[::2] for part in line.split("; ")[1:])
        assert attributes.pop("SameSite") == samesite
        assert attributes.pop("Secure") == ""
        assert ("HttpOnly" in attributes) == httponly
        assert attributes.get("Max-Age") == (None if max_age is None else str(max_age))
        assert attributes.get("Path") == path


# Names of attributes, and those with a dollar sign of RFC 2109, are no cookies to it.
PLAIN_NAMES = COOKIE_NAMES.filter(lambda name: name[0] != "$" and name.lower() not in Morsel._reserved)  # type: ignore[attr-defined]


@given(PLAIN_NAMES, st.text(st.characters(max_codepoint=255), max_size=20))
@steady(60)
def test_the_standard_library_reads_our_latin_1_cookies_as_we_do(name: str, value: str) -> None:
    response = Response()
    response.set_cookie(name, value, path=None, samesite=None)
    line = response.headers["set-cookie"]
    jar: SimpleCookie = SimpleCookie()
    jar.load(line)
    read = jar[name].value if name in jar else None
    # What Latin-1 would read as UTF-8 we write as UTF-8, which the standard library does not know.
    assert read in (value, value.encode("utf-8").decode("latin-1"), None)
    assert read is not None or not re.fullmatch(r"[\w\d!#%&'~_`><@,:/$*+\-.^|)(?}{=]+", name, re.ASCII)


CONTENT = bytes(range(256)) * 3
BOUNDS = st.one_of(
    st.tuples(st.integers(0, 900), st.integers(0, 900)).map(lambda pair: f"{min(pair)}-{max(pair)}"),
    st.integers(0, 900).map(lambda first: f"{first}-"),
    st.integers(0, 900).map(lambda last: f"-{last}"),
)


@given(st.lists(BOUNDS, min_size=1, max_size=6))
@steady(60)
async def test_the_parts_of_a_file_that_are_sent_are_those_parts_and_cover_what_was_asked_for(
    tmp_path_factory: pytest.TempPathFactory, asked: list[str]
) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "ranges.bin"
    if not path.exists():
        path.write_bytes(CONTENT)
    size = len(CONTENT)
    answer = await request(FileResponse(path), headers=[("range", "bytes=" + ", ".join(asked))])
    wanted = {at for bounds in asked for at in positions(bounds, size)}
    if not wanted:
        assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{size}")
        return
    assert answer.status == 206
    assert len(answer.body) == int(answer.headers["content-length"])
    sent: list[int] = []
    for start, stop, content in parts_of(answer.headers, answer.body):
        assert content == CONTENT[start:stop]
        sent += range(start, stop)
    assert len(sent) == len(set(sent))
    assert wanted == set(sent)


def positions(bounds: str, size: int) -> range:
    """The places of a file that a member of a `Range` asks for."""
    first, _, last = bounds.partition("-")
    if not first:
        return range(max(size - int(last), 0), size)
    return range(int(first), min(int(last) + 1, size) if last else size)


def parts_of(headers: dict[str, str], body: bytes) -> list[tuple[int, int, bytes]]:
    """Start, stop and content of every part in an answer with status 206."""
    if not headers["content-type"].startswith("multipart/byteranges"):
        return [placed(headers["content-range"], body)]
    boundary = headers["content-type"].partition("boundary=")[2].encode()
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    assert pieces[0] == b""
    assert pieces[-1].strip() == b"--"
    found = []
    for piece in pieces[1:-1]:
        head, _, content = piece.partition(b"\r\n\r\n")
        line = re.search(rb"content-range: (.*)", head, re.IGNORECASE)
        assert line is not None
        found.append(placed(line.group(1).decode().strip(), content))
    return found


def placed(content_range: str, content: bytes) -> tuple[int, int, bytes]:
    """A part and where it belongs."""
    match = re.fullmatch(rf"bytes (\d+)-(\d+)/{len(CONTENT)}", content_range)
    assert match is not None
    return int(match.group(1)), int(match.group(2)) + 1, content
