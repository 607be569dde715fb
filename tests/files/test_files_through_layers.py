"""Files through function middlewares: everything that a file's answer says and does, it does behind them too."""

import os
from pathlib import Path

import pytest

from asterion.applications import Asterion
from asterion.background import BackgroundTask
from asterion.responses import FileResponse
from asterion.responses._openfile import OpenFile
from asterion.routing import Mount, Route
from asterion.staticfiles import StaticFiles
from tests.asgi import Exchange, function_layers, http_scope, request, wait_all_blocked

pytestmark = pytest.mark.anyio

TEXT = bytes(range(256)) * 4000  # sixteen chunks


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "data.bin"
    file.write_bytes(TEXT)
    return file


@pytest.fixture
def ran():
    return []


@pytest.fixture
def app(path, layers, way, ran):
    """The file as a route's answer, and as one of a directory."""

    async def endpoint(request):
        return FileResponse(path, background=BackgroundTask(ran.append, "done"))

    routes = [Route("/file", endpoint), Mount("/static", StaticFiles(directory=path.parent))]
    return Asterion(routes=routes, middleware=function_layers(layers, way))


@pytest.fixture
def files(monkeypatch):
    """Every file that is opened, and how many chunks were read."""
    seen: list[OpenFile] = []
    reads: list[int] = []
    real_open, real_read = OpenFile.open, OpenFile.read

    def open_(file):
        seen.append(file)
        return real_open(file)

    def read(file, start, end, size, count):
        chunks = real_read(file, start, end, size, count)
        reads.extend(len(chunk) for chunk in chunks)
        return chunks

    monkeypatch.setattr(OpenFile, "open", open_)
    monkeypatch.setattr(OpenFile, "read", read)
    return seen, reads


each_url = pytest.mark.parametrize("url", ["/file", "/static/data.bin"])


@each_url
async def test_whole_or_in_parts_or_not_at_all(app, url, spec_version):
    async def ask(method="GET", **headers):
        sent = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return await request(app, method, url, headers=sent, spec_version=spec_version)

    size = len(TEXT)
    whole = await ask()
    assert (whole.status, whole.body, whole.headers["content-length"]) == (200, TEXT, str(size))
    tag, date = whole.headers["etag"], whole.headers["last-modified"]
    head = await ask("HEAD", range="bytes=0-1")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(size))
    for wanted, start, end in (
        ("bytes=5-69999", 5, 70_000),
        ("bytes=-9", size - 9, size),
        ("bytes=0-0,9999999-", 0, 1),
    ):
        part = await ask(range=wanted, if_range=tag)
        assert (part.status, part.body) == (206, TEXT[start:end])
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
    parts = await ask(range="bytes=0-1,70000-70001")
    assert (parts.status, parts.headers["content-length"]) == (206, str(len(parts.body)))
    assert parts.body.count(b"\r\n\r\n") == 2
    for ignored in ("items=0-5", "bytes=5-4", "bytes=a-b", "bytes=1_0-2_0"):
        assert (await ask(range=ignored)).body == TEXT
    assert (await ask(range="bytes=0-1", if_range=f"W/{tag}")).status == 200
    beyond = await ask(range="bytes=9999999-")
    assert (beyond.status, beyond.body, beyond.headers["content-range"]) == (416, b"", f"bytes */{size}")
    for condition in ({"if_none_match": f"W/{tag}"}, {"if_none_match": "*"}, {"if_modified_since": date}):
        current = await ask(**condition)
        assert (current.status, current.body, current.headers["etag"]) == (304, b"", tag)
    for condition in ({"if_match": '"other"'}, {"if_unmodified_since": "Thu, 01 Jan 1998 00:00:00 GMT"}):
        assert (await ask(**condition)).status == 412


@each_url
@pytest.mark.parametrize("wanted", [None, "bytes=5-900000", "bytes=0-400000,500000-1000000"])
async def test_reading_ends_when_the_client_leaves(app, url, wanted, files, ran, spec_version):
    """Issue 3523."""
    seen, reads = files

    async def leave_with_the_second_chunk(message):
        if exchange.chunks:
            exchange.disconnect()
            await wait_all_blocked()

    scope = http_scope(path=url, headers=[("range", wanted)] if wanted else [], spec_version=spec_version)
    exchange = Exchange(app, scope, on_send=leave_with_the_second_chunk)
    await exchange.run()
    assert not exchange.complete
    assert len(reads) < 6
    assert [file._file for file in seen] == [None]
    assert ran == (["done"] if url == "/file" else [])


@each_url
@pytest.mark.parametrize("wanted", [None, "bytes=5-900000", "bytes=0-400000,500000-1000000"])
async def test_a_file_that_is_cut_while_it_is_sent_raises_and_never_ends_like_a_complete_body(
    app, url, wanted, path, files, spec_version
):
    """Issue 3583: neither a loop without end nor a wrong length that nobody notices."""
    scope = http_scope(path=url, headers=[("range", wanted)] if wanted else [], spec_version=spec_version)
    exchange = Exchange(app, scope, on_send=lambda message: os.truncate(path, 5))
    with pytest.raises(RuntimeError, match="got shorter while it was sent"):
        await exchange.run()
    assert exchange.started
    assert not exchange.complete
    assert [file._file for file in files[0]] == [None]


@each_url
async def test_a_server_that_sends_paths_is_asked_to(app, url, path, spec_version):
    extensions = {"http.response.pathsend": {}}
    answer = await request(app, path=url, spec_version=spec_version, extensions=extensions)
    assert answer.messages[1:] == [{"type": "http.response.pathsend", "path": str(path)}]


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_without_content_sends_none(path, layers, status, spec_version):
    """Issue 1764."""

    async def endpoint(request):
        return FileResponse(path, status)

    app = Asterion(routes=[Route("/", endpoint)], middleware=function_layers(layers))
    answer = await request(app, spec_version=spec_version)
    assert (answer.status, answer.body, answer.complete) == (status, b"", True)


@pytest.mark.parametrize("filename", ['a"\r\nset-cookie: x=1', "日本.txt", "a\x00b", "a;b,c", "\ud800"])
async def test_no_file_name_breaks_the_header_it_stands_in(path, layers, filename, spec_version):
    async def endpoint(request):
        return FileResponse(path, filename=filename)

    app = Asterion(routes=[Route("/", endpoint)], middleware=function_layers(layers))
    answer = await request(app, spec_version=spec_version)
    assert answer.status == 200
    assert "set-cookie" not in answer.headers
    value = answer.headers["content-disposition"]
    assert value.startswith("attachment; filename*=utf-8''")
    assert value.isascii()
    assert value.isprintable()


@pytest.mark.parametrize(
    "options",
    [{"media_type": "text/plain\r\nx: y"}, {"headers": {"x": "a\nb"}}, {"content_disposition_type": "a\r\nb"}],
)
def test_a_header_that_cannot_be_is_refused_when_the_response_is_made(path, options):
    """Not when the status line has gone out already."""
    with pytest.raises(ValueError, match="control character|\\\\n"):
        FileResponse(path, filename="a.txt", **options)
