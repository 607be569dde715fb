"""FileResponse: the whole file, parts of it, or nothing, and never a wrong length."""

import errno
import os
from pathlib import Path

import anyio
import pytest

from asterion.background import BackgroundTask
from asterion.responses import FileResponse, MalformedRangeHeader, RangeNotSatisfiable
from asterion.responses._openfile import OpenFile
from tests.asgi import Exchange, request

pytestmark = pytest.mark.anyio

TEXT = bytes(range(256)) * 1000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "data.bin"
    file.write_bytes(TEXT)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    return file


async def get(path, method="GET", status_code=200, **headers):
    sent = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return await request(FileResponse(path, status_code=status_code), method=method, headers=sent)


async def test_a_file_is_sent_in_chunks_with_its_length_type_date_and_tag(path):
    answer = await get(path)
    assert answer.status == 200
    assert answer.body == TEXT
    assert max(map(len, answer.chunks)) == 64 * 1024
    assert answer.headers["content-length"] == str(len(TEXT))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["last-modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert answer.headers["etag"].startswith('"')


async def test_a_small_file_is_one_message(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"hello")
    answer = await get(tmp_path / "a.txt")
    assert answer.chunks == [b"hello"]
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


async def test_an_empty_file_is_an_empty_complete_body(tmp_path):
    (tmp_path / "empty.txt").write_bytes(b"")
    answer = await get(tmp_path / "empty.txt")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")


async def test_head_tells_the_length_and_sends_nothing(path):
    answer = await get(path, "HEAD")
    assert (answer.body, answer.headers["content-length"]) == (b"", str(len(TEXT)))


async def test_a_compressed_file_is_typed_as_what_it_is(tmp_path):
    """The bytes go out as they are, so `application/x-tar` would be a lie."""
    (tmp_path / "a.tar.gz").write_bytes(b"x")
    assert (await get(tmp_path / "a.tar.gz")).headers["content-type"] == "application/gzip"


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=100-", 100, len(TEXT)),
        ("bytes=-5", len(TEXT) - 5, len(TEXT)),
        ("bytes=-999999999", 0, len(TEXT)),
        ("bytes=0-0,999999999-", 0, 1),
        ("BYTES=10-19, ", 10, 20),
        ("bytes=0-9,5-19", 0, 20),
        ("bytes=70000-199999", 70_000, 200_000),
    ],
)
async def test_a_range_is_answered_by_exactly_that_part(path, wanted, start, end):
    answer = await get(path, range=wanted)
    assert answer.status == 206
    assert answer.body == TEXT[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(TEXT)}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize(
    "wanted", ["items=0-5", "bytes=a-b", "bytes=5-4", "bytes=1_0-2_0", "bytes=+1-5", "bytes", "bytes=-", "bytes=٣-٥"]
)
async def test_an_unknown_unit_or_malformed_range_is_ignored(path, wanted):
    """RFC 9110 14.2: the answer is the whole file, not an error."""
    answer = await request(FileResponse(path), headers=[(b"range", wanted.encode("utf-8"))])
    assert (answer.status, answer.body) == (200, TEXT)
    assert "content-range" not in answer.headers


async def test_416_only_if_no_range_can_be_satisfied(path):
    answer = await get(path, range="bytes=999999999-")
    assert (answer.status, answer.body) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{len(TEXT)}"
    assert answer.headers["content-length"] == "0"
    assert "content-type" not in answer.headers


@pytest.mark.parametrize(("method", "status"), [("POST", 200), ("GET", 404), ("HEAD", 200)])
async def test_ranges_are_for_successful_get_only(path, method, status):
    answer = await get(path, method, status, range="bytes=0-9")
    assert answer.status == status
    assert answer.headers["content-length"] == str(len(TEXT))


async def test_several_ranges_are_parts_of_a_multipart_body(path):
    answer = await get(path, range="bytes=0-1,70000-70002,-1")
    assert answer.status == 206
    assert "content-range" not in answer.headers
    media_type, _, boundary = answer.headers["content-type"].partition("; boundary=")
    assert media_type == "multipart/byteranges"
    expected = b""
    for start, end in ((0, 2), (70_000, 70_003), (len(TEXT) - 1, len(TEXT))):
        expected += (
            (
                f"--{boundary}\r\nContent-Type: application/octet-stream\r\n"
                f"Content-Range: bytes {start}-{end - 1}/{len(TEXT)}\r\n\r\n"
            ).encode()
            + TEXT[start:end]
            + b"\r\n"
        )
    assert answer.body == expected + f"--{boundary}--\r\n".encode()
    assert answer.headers["content-length"] == str(len(answer.body))


async def test_each_multipart_answer_has_a_boundary_of_its_own(path):
    types = {(await get(path, range="bytes=0-0,9-9")).headers["content-type"] for _ in range(2)}
    assert len(types) == 2


async def test_too_many_ranges_are_ignored(path):
    wanted = "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 2 * FileResponse.max_ranges + 2, 2))
    assert (await get(path, range=wanted)).status == 200


async def test_if_range_needs_the_same_strong_tag_or_the_same_date(path):
    whole = await get(path)
    tag, date = whole.headers["etag"], whole.headers["last-modified"]
    for current in (tag, date):
        assert (await get(path, range="bytes=0-1", if_range=current)).status == 206
    for other in ('"other"', "W/" + tag, "Tue, 14 Nov 2023 22:13:21 GMT", "nonsense"):
        assert (await get(path, range="bytes=0-1", if_range=other)).status == 200


async def test_the_client_that_has_it_gets_304_without_a_description_of_content(path):
    whole = await get(path)
    tag, date = whole.headers["etag"], whole.headers["last-modified"]
    conditions = [{"if_none_match": tag}, {"if_none_match": f'"x", W/{tag}'}, {"if_none_match": "*"}]
    for condition in [*conditions, {"if_modified_since": date}]:
        answer = await get(path, **condition)
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["etag"] == tag
        assert not {"content-length", "content-type"} & set(answer.headers)
    assert (await get(path, "HEAD", if_none_match=tag)).status == 304
    # The tag decides alone, whatever the date says.
    assert (await get(path, if_none_match='"x"', if_modified_since=date)).status == 200
    assert (await get(path, "POST", if_none_match=tag)).status == 200


async def test_a_failed_precondition_is_412(path):
    assert (await get(path, if_match='"other"')).status == 412
    assert (await get(path, if_unmodified_since="Tue, 14 Nov 2000 22:13:20 GMT")).status == 412
    assert (await get(path, if_match="*")).status == 200


async def test_a_304_keeps_policies_and_cookies(path):
    response = FileResponse(path, headers={"content-security-policy": "default-src 'self'", "etag": '"mine"'})
    response.set_cookie("a", "1")
    answer = await request(response, headers=[("if-none-match", '"mine"')])
    assert answer.status == 304
    assert {"content-security-policy", "set-cookie"} <= set(answer.headers)


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("report.pdf", 'attachment; filename="report.pdf"'),
        ("你好.txt", "attachment; filename*=utf-8''%E4%BD%A0%E5%A5%BD.txt"),
        ('a "b"\r\nX: y.txt', "attachment; filename*=utf-8''a%20%22b%22%0D%0AX%3A%20y.txt"),
        ("../../etc/passwd", "attachment; filename*=utf-8''..%2F..%2Fetc%2Fpasswd"),
    ],
)
async def test_the_name_to_save_under_is_quoted_or_extended(path, filename, expected):
    answer = await request(FileResponse(path, filename=filename))
    assert answer.headers["content-disposition"] == expected


async def test_a_name_may_be_for_inline_display_and_sets_the_type(path):
    answer = await request(FileResponse(path, filename="a.png", content_disposition_type="inline"))
    assert answer.headers["content-disposition"] == 'inline; filename="a.png"'
    assert answer.headers["content-type"] == "image/png"


async def test_an_instance_that_is_sent_again_tells_about_the_file_as_it_is_then(path):
    """Sending changes nothing in the instance (a range must not show up in the next answer)."""
    response = FileResponse(path, stat_result=os.stat(path))
    before = list(response.raw_headers)
    part = await request(response, headers=[("range", "bytes=0-1")])
    assert response.raw_headers == before
    path.write_bytes(b"new")
    whole = await request(response)
    assert (whole.status, whole.body, whole.headers["content-length"]) == (200, b"new", "3")
    assert whole.headers["etag"] != part.headers["etag"]


async def test_headers_the_application_sets_are_kept_but_never_a_wrong_length(path):
    response = FileResponse(path, headers={"etag": '"mine"', "content-length": "7", "x-a": "b"})
    answer = await request(response)
    assert (answer.headers["etag"], answer.headers["x-a"]) == ('"mine"', "b")
    assert answer.headers["content-length"] == str(len(TEXT))


async def test_with_a_stat_result_the_headers_are_there_at_once(path):
    assert FileResponse(path, stat_result=os.stat(path)).headers["content-length"] == str(len(TEXT))


async def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(RuntimeError, match=r"nowhere\.txt' does not exist"):
        await get(tmp_path / "nowhere.txt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
async def test_what_is_not_a_regular_file_is_an_error_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for name in ("fifo", "."):
        with pytest.raises(RuntimeError, match="is not a file"):
            await get(tmp_path / name)


async def test_background_work_runs_after_the_file(path):
    ran = []
    await request(FileResponse(path, background=BackgroundTask(ran.append, 1)))
    assert ran == [1]


async def test_a_server_that_sends_paths_is_given_the_path_of_a_whole_file(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    extensions = {"http.response.pathsend": {}}
    answer = await request(FileResponse("data.bin"), extensions=extensions)
    assert answer.messages[1] == {"type": "http.response.pathsend", "path": str(path)}
    assert len(answer.messages) == 2
    part = await request(FileResponse("data.bin"), headers=[("range", "bytes=0-1")], extensions=extensions)
    assert part.body == TEXT[:2]


class Opened:
    """Watches which files FileResponse opens, and what happens to them."""

    def __init__(self, monkeypatch) -> None:
        self.files: list[OpenFile] = []
        self.reads = 0
        real_open, real_read = OpenFile.open, OpenFile.read

        def open_(file: OpenFile):
            self.files.append(file)
            return real_open(file)

        def read(file: OpenFile, start: int, end: int, size: int, count: int) -> list[bytes]:
            self.reads += 1
            return real_read(file, start, end, size, count)

        monkeypatch.setattr(OpenFile, "open", open_)
        monkeypatch.setattr(OpenFile, "read", read)

    @property
    def all_closed(self) -> bool:
        return bool(self.files) and all(file._file is None and file._closed for file in self.files)


@pytest.fixture
def opened(monkeypatch) -> Opened:
    return Opened(monkeypatch)


def scope_for(spec_version: str = "2.4", **more):
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": spec_version},
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [],
        **more,
    }


async def wait_for_ever():
    await anyio.sleep_forever()
    raise AssertionError("unreachable")


async def test_the_file_is_opened_once_and_closed(path, opened):
    await get(path)
    assert len(opened.files) == 1
    assert opened.all_closed


@pytest.mark.parametrize("wanted", [None, "bytes=10-250000", "bytes=0-1,100000-250000"])
async def test_a_file_that_shrinks_while_it_is_sent_raises(path, opened, wanted):
    """It must never end like a complete body (attack 12)."""
    sent = []

    async def send(message):
        sent.append(message)
        os.truncate(path, 5)

    headers = [(b"range", wanted.encode())] if wanted else []
    with pytest.raises(RuntimeError, match="got shorter while it was sent"):
        await FileResponse(path)(scope_for(headers=headers), wait_for_ever, send)
    assert all(message["more_body"] for message in sent[1:])
    assert opened.all_closed


async def test_a_file_that_grows_is_sent_up_to_the_length_that_was_told(path):
    async def app(scope, receive, send):
        async def grow(message):
            await send(message)
            with path.open("ab") as file:
                file.write(b"more")

        await FileResponse(path)(scope, receive, grow)

    assert (await request(app)).body == TEXT


async def test_a_file_that_is_replaced_while_it_is_sent_stays_the_one_that_was_opened(path):
    async def app(scope, receive, send):
        async def replace(message):
            await send(message)
            other = path.with_name("other")
            other.write_bytes(b"other")
            os.replace(other, path)

        await FileResponse(path)(scope, receive, replace)

    assert (await request(app)).body == TEXT


async def test_a_send_that_fails_is_a_client_that_left_and_ends_the_reading(path, opened):
    """ASGI 2.4. Background work is still done."""
    ran = []
    count = 0

    async def send(message):
        nonlocal count
        count += 1
        if count == 2:
            raise OSError("gone")

    await FileResponse(path, background=BackgroundTask(ran.append, 1))(scope_for(), wait_for_ever, send)
    assert (count, opened.reads, ran) == (2, 1, [1])
    assert opened.all_closed


async def test_a_disconnect_ends_the_reading(path, opened):
    """ASGI 2.3, where `send` says nothing (issue 3523)."""
    left = anyio.Event()
    sent = []

    async def receive():
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)
        if len(sent) == 2:
            left.set()
            await anyio.wait_all_tasks_blocked()

    path.write_bytes(TEXT * 20)
    await FileResponse(path)(scope_for("2.3"), receive, send)
    assert opened.reads < 5
    assert opened.all_closed


async def test_other_errors_of_send_pass_and_close_the_file(path, opened):
    async def send(message):
        if message["type"] == "http.response.body":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await FileResponse(path)(scope_for(), wait_for_ever, send)
    assert opened.all_closed


async def test_cancelling_a_scope_around_it_closes_the_file(path, opened):
    with anyio.CancelScope() as scope:

        async def send(message):
            scope.cancel()
            await anyio.lowlevel.checkpoint()

        await FileResponse(path)(scope_for(), wait_for_ever, send)
    assert scope.cancelled_caught
    assert opened.all_closed


async def test_framework_threads_are_used_not_those_of_the_user(path):
    limiter = anyio.to_thread.current_default_thread_limiter()
    total, limiter.total_tokens = limiter.total_tokens, 1
    try:
        await limiter.acquire()
        with anyio.fail_after(10):
            assert (await get(path)).body == TEXT
    finally:
        limiter.release()
        limiter.total_tokens = total


async def test_a_denied_websocket_may_be_answered_by_a_file(path):
    sent = []

    async def send(message):
        sent.append(message)

    await FileResponse(path)({"type": "websocket", "path": "/", "headers": []}, wait_for_ever, send)
    assert sent[0]["type"] == "websocket.http.response.start"
    assert b"".join(message["body"] for message in sent[1:]) == TEXT


def test_the_exceptions_about_ranges_say_what_they_are_about():
    """Programs that parse ranges themselves raise and catch them, as upstream does."""
    assert MalformedRangeHeader().content == "Malformed range header."
    assert RangeNotSatisfiable(10).max_size == 10


async def test_another_error_of_send_than_a_client_that_goes_is_raised(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)

    def full(message):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        await Exchange(FileResponse(path), on_send=full).run()
