"""Rows 22 to 32 of docs/failures.md: streams whose client leaves, files and ranges, and responses that cannot be sent.

Files and ranges in all their detail are in tests/files/test_file_response.py.
"""

import array
import hashlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from asterion.applications import Asterion
from asterion.middleware import Middleware
from asterion.middleware.gzip import GZipMiddleware
from asterion.requests import Request
from asterion.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from asterion.routing import Mount, Route
from asterion.staticfiles import StaticFiles
from tests.asgi import Exchange, function_layers, http_scope, request, wait_all_blocked
from tests.failures.serving import each_face, outcome

pytestmark = pytest.mark.anyio

DIGITS = b"0123456789"


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A file of ten bytes."""
    path = tmp_path / "digits.txt"
    path.write_bytes(DIGITS)
    return path


def answering(response: Any, layers: int = 0, face: type[Asterion] = Asterion, way: str = "nested") -> Asterion:
    """An application whose one endpoint gives `response`, or what it returns, under function middlewares."""

    async def endpoint(request: Request) -> Any:
        return response() if callable(response) and not isinstance(response, Response) else response

    methods = ["GET", "POST", "HEAD"]
    return face(routes=[Route("/", endpoint, methods=methods)], middleware=function_layers(layers, way))


# --- rows 22 and 23: the client leaves ---


@pytest.mark.failure(
    row=22, says="A stream that waits for its next event notices that the client has left, on every version of ASGI."
)
@each_face
async def test_3390_an_idle_stream_notices_that_the_client_has_left(
    face: type[Asterion], layers: int, way: str, spec_version: str
) -> None:
    log: list[str] = []

    async def events() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await anyio.sleep_forever()
        finally:
            log.append("closed")

    app = answering(lambda: StreamingResponse(events()), layers, face, way)
    exchange = Exchange(app, http_scope(spec_version=spec_version))
    async with anyio.create_task_group() as group:
        group.start_soon(exchange.run)
        await wait_all_blocked()
        assert (exchange.body, log) == (b"first", [])
        exchange.disconnect()
    assert log == ["closed"]
    assert not exchange.complete


@pytest.mark.failure(row=23, says="A file is not read on for a client that has left.")
@each_face
async def test_3523_a_file_is_not_read_on_for_a_client_that_has_left(
    face: type[Asterion], layers: int, way: str, spec_version: str, tmp_path: Path
) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(FileResponse.chunk_size * 50))

    def on_send(message: Any) -> None:
        if message["type"] == "http.response.body":
            exchange.disconnect()

    app = answering(lambda: FileResponse(path), layers, face, way)
    exchange = Exchange(app, http_scope(spec_version=spec_version), on_send=on_send)
    await exchange.run()
    assert exchange.chunks == []
    assert len(exchange.sent_after_disconnect) <= 1 + layers  # on its way when the client left


# --- rows 24 to 28: ranges and conditions ---


@pytest.mark.failure(
    row=24, says="A file that was truncated while its ranges are sent ends the response with an error."
)
@pytest.mark.parametrize("ranges", ["0-9", "0-1,5-9", "0-0,2-2,9-9"])
async def test_3583_a_truncated_file_ends_its_ranges(
    ranges: str, layers: int, way: str, spec_version: str, digits: Path
) -> None:
    def on_send(message: Any) -> None:
        if message["type"] == "http.response.start":
            os.truncate(digits, 3)

    scope = http_scope(headers=[("range", f"bytes={ranges}")], spec_version=spec_version)
    app = answering(lambda: FileResponse(digits), layers, way=way)
    exchange = Exchange(app, scope, on_send=on_send)
    with anyio.fail_after(10), pytest.raises(RuntimeError, match="digits"):
        await exchange.run()
    assert exchange.status == 206
    assert not exchange.complete


def get_range(path: Path, ranges: str, **more: Any) -> Any:
    """The answer to a GET of these bytes."""
    headers = [("range", ranges), *more.pop("headers", ())]
    return request(answering(lambda: FileResponse(path, **more), 0), headers=headers)


@pytest.mark.failure(
    row=25, says="Several ranges are parts of a multipart body, with CRLF everywhere and its length told."
)
@each_face
async def test_3143_several_ranges_make_a_multipart_body(
    face: type[Asterion], layers: int, spec_version: str, digits: Path
) -> None:
    app = answering(lambda: FileResponse(digits), layers, face)
    answer = await request(app, headers=[("range", "bytes=0-1,5-6")], spec_version=spec_version)
    kind, _, boundary = answer.headers["content-type"].partition("; boundary=")
    assert (answer.status, kind) == (206, "multipart/byteranges")
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert "content-range" not in answer.headers
    head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Range: bytes %s/10\r\n\r\n"
    line = b"--" + boundary.encode()
    lines = [line, head % b"0-1" + b"01", line, head % b"5-6" + b"56", line + b"--"]
    assert answer.body.removesuffix(b"\r\n").lower() == b"\r\n".join(lines).lower()


@pytest.mark.failure(
    row=25, says="A suffix longer than the file is the whole file; a range that is upside down is ignored."
)
@pytest.mark.parametrize(
    ("ranges", "status", "body"),
    [
        ("bytes=-99", 206, DIGITS),
        ("bytes=-3", 206, b"789"),
        ("bytes=8-99", 206, b"89"),
        ("bytes=5-4", 200, DIGITS),
        ("bytes=10-", 416, None),
        ("bytes=-0", 416, None),
    ],
)
async def test_3307_a_range_says_what_the_rfc_says(ranges: str, status: int, body: bytes | None, digits: Path) -> None:
    answer = await get_range(digits, ranges)
    assert answer.status == status
    if body is not None:
        assert answer.body == body
        assert answer.headers["content-length"] == str(len(body))
    if status == 416:
        assert answer.headers["content-range"] == "bytes */10"


@pytest.mark.failure(row=25, says="Ranges are for GET and status 200 alone.")
@pytest.mark.parametrize(("method", "status"), [("POST", 200), ("HEAD", 200), ("GET", 404), ("GET", 201)])
async def test_3567_ranges_are_for_successful_get_only(method: str, status: int, digits: Path) -> None:
    app = answering(lambda: FileResponse(digits, status_code=status))
    answer = await request(app, method, headers=[("range", "bytes=0-1")])
    assert answer.status == status
    assert answer.headers["content-length"] == "10"
    assert answer.body == (b"" if method == "HEAD" else DIGITS)


@pytest.mark.failure(row=25, says="`If-Range` needs a strong match; a weak tag or another one gets the whole file.")
async def test_3679_a_weak_if_range_gets_the_whole_file(digits: Path) -> None:
    tag = (await request(answering(lambda: FileResponse(digits)))).headers["etag"]
    for given, status in [(tag, 206), (f"W/{tag}", 200), ('"other"', 200)]:
        assert (await get_range(digits, "bytes=0-1", headers=[("if-range", given)])).status == status


@pytest.mark.failure(row=25, says="Answering a range leaves the headers of the response object as they were.")
async def test_3141_one_response_object_can_answer_many_requests(digits: Path) -> None:
    response = FileResponse(digits, headers={"x-own": "1"})
    app = answering(response)
    before = list(response.raw_headers)
    partial = await request(app, headers=[("range", "bytes=0-1")])
    whole = await request(app)
    assert (partial.status, partial.body) == (206, b"01")
    assert (whole.status, whole.body, whole.headers["content-length"]) == (200, DIGITS, "10")
    assert "content-range" not in whole.headers
    assert response.raw_headers == before


@pytest.mark.failure(
    row=26, says="A unit that nobody knows, or a range that cannot be read, is ignored: the whole file, 200."
)
@each_face
@pytest.mark.parametrize("ranges", ["items=0-5", "bytes", "bytes=", "bytes=a-b", "bytes=1", "=0-1", "bytes=\u00b2-"])
async def test_row_26_a_range_that_is_not_understood_is_ignored(
    ranges: str, face: type[Asterion], layers: int, digits: Path
) -> None:
    static = Mount("/static", StaticFiles(directory=digits.parent))

    async def endpoint(request: Request) -> Response:
        return FileResponse(digits)

    app = face(routes=[Route("/", endpoint), static], middleware=function_layers(layers))
    for path in ("/", "/static/digits.txt"):
        answer = await request(app, path=path, headers=[("range", ranges)])
        assert (answer.status, answer.body) == (200, DIGITS)


@pytest.mark.failure(row=27, says="Of several ranges those count that lie in the file; 416 only if none does.")
@each_face
@pytest.mark.parametrize(
    ("ranges", "status", "body"),
    [("0-0,99999-", 206, b"0"), ("99999-,3-4", 206, b"34"), ("99999-", 416, None), ("99-,100-200", 416, None)],
)
async def test_row_27_the_ranges_that_can_be_satisfied_are_answered(
    ranges: str, status: int, body: bytes | None, face: type[Asterion], layers: int, digits: Path
) -> None:
    app = answering(lambda: FileResponse(digits), layers, face)
    answer = await request(app, headers=[("range", f"bytes={ranges}")])
    assert answer.status == status
    if body is not None:
        assert answer.body == body


@pytest.mark.failure(row=28, says="A FileResponse answers 304 to a client that has the file, wherever it comes from.")
@each_face
async def test_2955_a_file_that_the_client_has_is_not_sent_again(
    face: type[Asterion], layers: int, way: str, spec_version: str, digits: Path
) -> None:
    app = answering(lambda: FileResponse(digits), layers, face, way)
    first = await request(app, spec_version=spec_version)
    for name, value in [
        ("if-none-match", first.headers["etag"]),
        ("if-none-match", f'"other", W/{first.headers["etag"]}'),
        ("if-none-match", "*"),
        ("if-modified-since", first.headers["last-modified"]),
    ]:
        again = await request(app, headers=[(name, value)], spec_version=spec_version)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    changed = await request(app, headers=[("if-none-match", '"other"')], spec_version=spec_version)
    assert (changed.status, changed.body) == (200, DIGITS)


# --- rows 29 to 32: what cannot be sent ---


@pytest.mark.failure(
    row=29,
    says="A response whose status has no body sends none, and no length or type of one, whatever it was made with.",
)
@each_face
@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize(
    "make",
    [
        lambda status: JSONResponse(None, status_code=status),
        lambda status: PlainTextResponse("text", status_code=status),
        lambda status: StreamingResponse([b"a", b"b"], status_code=status),
    ],
    ids=["json", "text", "stream"],
)
async def test_1764_a_status_without_a_body_sends_none(
    make: Any, status: int, face: type[Asterion], layers: int, way: str, spec_version: str
) -> None:
    answer = await request(answering(lambda: make(status), layers, face, way), spec_version=spec_version)
    assert (answer.status, answer.body, answer.complete) == (status, b"", True)
    if status == 204:
        assert "content-length" not in answer.headers


@pytest.mark.failure(row=29, says="The same holds under compression.")
async def test_1764_a_status_without_a_body_sends_none_under_compression() -> None:
    async def endpoint(request: Request) -> Response:
        return JSONResponse(None, status_code=204)

    app = Asterion(routes=[Route("/", endpoint)], middleware=[Middleware(GZipMiddleware, minimum_size=1)])
    answer = await request(app, headers=[("accept-encoding", "gzip")])
    assert (answer.status, answer.body) == (204, b"")
    assert "content-encoding" not in answer.headers


HOSTILE = ["a\r\nset-cookie: x=1", "a\nb", "a\rb", "a\x00b"]


@pytest.mark.failure(
    row=30,
    says="A header value with CR, LF or NUL is a ValueError where it is set, so that the client gets a proper 500.",
)
@each_face
@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    "make",
    [
        lambda value: PlainTextResponse("x", headers={"x-reflected": value}),
        lambda value: PlainTextResponse("x", media_type=f"text/plain; {value}"),
        lambda value: _with_header(value),
        lambda value: _with_cookie(value),
    ],
    ids=["constructor", "media type", "item", "cookie attribute"],
)
async def test_row_30_a_header_value_with_a_line_break_is_a_proper_500(
    make: Any, value: str, face: type[Asterion], layers: int, way: str, spec_version: str
) -> None:
    answer, error = await outcome(answering(lambda: make(value), layers, face, way), spec_version=spec_version)
    assert isinstance(error, ValueError)
    assert (answer.status, answer.complete) == (500, True)
    assert not any(b"\n" in content for header in answer.raw_headers for content in header)


def _with_header(value: str) -> Response:
    response = PlainTextResponse("x")
    response.headers["x-reflected"] = value
    return response


def _with_cookie(value: str) -> Response:
    response = PlainTextResponse("x")
    response.set_cookie("name", "x", domain=value)
    return response


@pytest.mark.failure(row=30, says="In a redirect and in the value of a cookie they are encoded, and do no harm.")
@pytest.mark.parametrize("value", HOSTILE)
async def test_row_30_a_redirect_and_a_cookie_encode_line_breaks(value: str) -> None:
    def respond() -> Response:
        response = RedirectResponse(f"/next?q={value}")
        response.set_cookie("name", value)
        return response

    answer = await request(answering(respond))
    assert answer.status == 307
    assert not any(set(content) & set(b"\r\n\x00") for header in answer.raw_headers for content in header)


@pytest.mark.failure(
    row=31,
    says="A cookie may have any text as its value, and gives it back; another header says which value cannot be sent.",
)
@each_face
async def test_row_31_a_cookie_value_outside_of_latin_1_comes_back(
    face: type[Asterion], layers: int, spec_version: str
) -> None:
    def respond() -> Response:
        response = PlainTextResponse("x")
        response.set_cookie("a", "\u65e5\u672c")
        return response

    answer = await request(answering(respond, layers, face), spec_version=spec_version)
    sent = answer.headers["set-cookie"].partition(";")[0]

    async def tell(request: Request) -> Response:
        return JSONResponse(request.cookies)

    app = face(routes=[Route("/", tell)], middleware=function_layers(layers))
    back = await request(app, headers=[("cookie", sent)])
    assert json.loads(back.body) == {"a": "\u65e5\u672c"}


@pytest.mark.failure(row=31, says="A header value that is not Latin-1 is a ValueError that names the header.")
async def test_row_31_another_header_names_what_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="x-name"):
        PlainTextResponse("x", headers={"x-name": "\u65e5\u672c"})


@pytest.mark.failure(row=32, says="Tags of files need no md5, so they work where a FIPS build forbids it.")
async def test_1366_the_tag_of_a_file_needs_no_md5(digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*args: Any, **kwargs: Any) -> Any:
        raise ValueError("disabled for FIPS")

    real = hashlib.new
    monkeypatch.setattr(hashlib, "md5", forbidden)
    monkeypatch.setattr(hashlib, "new", lambda name, *a, **k: forbidden() if "md5" in name else real(name, *a, **k))
    answer = await request(answering(lambda: FileResponse(digits)))
    assert (answer.status, answer.body) == (200, DIGITS)
    assert answer.headers["etag"].startswith('"')


@pytest.mark.failure(row=32, says="A charset that is given is not given twice.")
@pytest.mark.parametrize(
    "media_type", ["text/plain; charset=utf-8", "text/plain;charset=latin-1", "text/csv; Charset=x"]
)
def test_2443_a_charset_is_not_given_twice(media_type: str) -> None:
    assert Response("x", media_type=media_type).headers["content-type"] == media_type
    assert Response("x", media_type="text/plain").headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.failure(row=32, says="The length of a memoryview is that of its bytes, whatever its items are.")
@each_face
async def test_3622_a_memoryview_has_the_length_of_its_bytes(face: type[Asterion], layers: int) -> None:
    numbers = array.array("I", [1, 2])
    answer = await request(answering(lambda: Response(memoryview(numbers)), layers, face))
    assert answer.body == numbers.tobytes()
    assert answer.headers["content-length"] == str(len(numbers.tobytes()))
