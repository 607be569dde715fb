"""Uploaded files: in memory or on disk, written by the right threads, closed on every way out; and forms read twice."""

import threading
from collections.abc import Callable
from tempfile import SpooledTemporaryFile
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

from asterion import formparsers
from asterion.datastructures import Headers, UploadFile
from asterion.formparsers import FormLimits, MultiPartException, MultiPartParser
from asterion.requests import ClientDisconnect, Request
from tests.requests.building import (
    BOUNDARY,
    END,
    MULTIPART,
    URL_ENCODED,
    Channel,
    field,
    file,
    http_scope,
    make_request,
)

pytestmark = pytest.mark.anyio

MEBIBYTE = 1024 * 1024


class Watched(SpooledTemporaryFile[bytes]):
    """A spooled file that remembers how it was written, and whose writes may be held up."""

    hold: Callable[[], None] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.writes: list[tuple[bool, bool]] = []

    def write(self, data: Any) -> int:
        self.writes.append((self.on_disk, threading.current_thread() is threading.main_thread()))
        if self.hold is not None:
            self.hold()
        return super().write(data)

    @property
    def on_disk(self) -> bool:
        return bool(self._rolled)  # type: ignore[attr-defined]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Watched]:
    """The temporary files that the parser opens, in order."""
    files: list[Watched] = []

    def open_file(**kwargs: Any) -> Watched:
        files.append(Watched(**kwargs))
        return files[-1]

    monkeypatch.setattr(formparsers, "SpooledTemporaryFile", open_file)
    return files


def in_chunks(body: bytes, size: int = 64 * 1024) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


@pytest.mark.parametrize(
    ("size", "on_disk"), [(0, False), (1, False), (MEBIBYTE, False), (MEBIBYTE + 1, True), (3 * MEBIBYTE, True)]
)
async def test_a_file_is_in_memory_up_to_one_mebibyte_and_else_on_disk(
    opened: list[Watched], size: int, on_disk: bool
) -> None:
    content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    for chunk_size in (64 * 1024, 10 * MEBIBYTE):
        body = in_chunks(file("f", "f", content) + END, chunk_size)
        async with make_request(body, MULTIPART).form() as form:
            upload = form["f"]
            assert isinstance(upload, UploadFile)
            assert upload.size == size
            assert await upload.read() == content
            assert opened[-1].on_disk is on_disk


async def test_nothing_is_written_to_disk_by_the_event_loop_and_little_by_little(opened: list[Watched]) -> None:
    body = in_chunks(field("a") + file("f", "f", bytes(5 * MEBIBYTE)) + file("g", "g", b"x") + END)
    await make_request(body, MULTIPART).form()
    large, small = opened
    assert large.writes
    assert not any(on_loop for _, on_loop in large.writes)
    assert small.writes == [(False, True)]
    large.close()
    small.close()


async def test_user_threads_cannot_hold_an_upload_up(opened: list[Watched]) -> None:
    limiter = anyio.to_thread.current_default_thread_limiter()
    holders = [object() for _ in range(int(limiter.total_tokens))]
    for holder in holders:
        limiter.acquire_on_behalf_of_nowait(holder)
    try:
        with anyio.fail_after(10):
            async with make_request(file("f", "f", bytes(2 * MEBIBYTE)) + END, MULTIPART).form() as form:
                assert form["f"].size == 2 * MEBIBYTE  # type: ignore[union-attr]
    finally:
        for holder in holders:
            limiter.release_on_behalf_of(holder)


async def test_many_small_files_do_not_fill_the_memory(opened: list[Watched]) -> None:
    body = in_chunks(b"".join(file("f", "f", bytes(1000)) for _ in range(20)) + END, 1100)
    async with make_request(body, MULTIPART).form(limits=FormLimits(max_total_memory=5000)) as form:
        assert sum(not watched.on_disk for watched in opened) == 5
        for upload in form.getlist("f"):
            assert isinstance(upload, UploadFile)
            assert await upload.read() == bytes(1000)


@pytest.mark.parametrize("how", ["class attribute", "limits"])
async def test_the_size_at_which_files_go_to_disk_can_be_set(
    opened: list[Watched], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    body = file("f", "f", bytes(10)) + file("g", "g", bytes(11)) + END
    if how == "class attribute":
        monkeypatch.setattr(MultiPartParser, "spool_max_size", 10)

        async def stream() -> Any:
            yield body

        form = await MultiPartParser(Headers({"content-type": MULTIPART}), stream()).parse()
    else:
        form = await make_request(body, MULTIPART).form(limits=FormLimits(spool_size=10))
    assert [watched.on_disk for watched in opened] == [False, True]
    await form.close()


async def test_a_size_of_zero_puts_every_byte_on_disk(opened: list[Watched]) -> None:
    async with make_request(file("f", "f", b"x") + END, MULTIPART).form(limits=FormLimits(spool_size=0)):
        assert opened[0].on_disk


# --- closing ---

ONE_OF_EACH = file("f", "f", bytes(2 * MEBIBYTE)) + file("g", "g", b"small")


async def test_the_form_as_context_manager_closes_its_files(opened: list[Watched]) -> None:
    async with make_request(ONE_OF_EACH + END, MULTIPART).form():
        assert [watched.closed for watched in opened] == [False, False]
    assert [watched.closed for watched in opened] == [True, True]


async def test_an_error_in_the_block_closes_them_too(opened: list[Watched]) -> None:
    with pytest.raises(LookupError):
        async with make_request(ONE_OF_EACH + END, MULTIPART).form():
            raise LookupError
    assert [watched.closed for watched in opened] == [True, True]


async def test_closing_the_request_closes_its_files(opened: list[Watched]) -> None:
    request = make_request(ONE_OF_EACH + END, MULTIPART)
    await request.close()
    await request.form()
    assert [watched.closed for watched in opened] == [False, False]
    await request.close()
    assert [watched.closed for watched in opened] == [True, True]


@pytest.mark.parametrize(
    ("tail", "limits"),
    [
        (b"", {}),
        (b"--" + BOUNDARY.encode() + b"garbage", {}),
        (field("a", b"\xff") + END, {}),
        (file("h", "h") + END, {"max_files": 2}),
        (field("a") + END, {"max_fields": 0}),
        (field("a", b"xx") + END, {"max_part_size": 1}),
    ],
)
async def test_every_error_of_a_form_closes_its_files(opened: list[Watched], tail: bytes, limits: Any) -> None:
    with pytest.raises(MultiPartException):
        await make_request(in_chunks(ONE_OF_EACH + tail), MULTIPART).form(**limits)
    assert [watched.closed for watched in opened] == [True] * len(opened)
    assert len(opened) >= 2


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
async def test_an_error_of_the_channel_closes_its_files(opened: list[Watched], error: type[BaseException]) -> None:
    channel = Channel(in_chunks(ONE_OF_EACH), cut_short=True)

    async def receive() -> Any:
        if not channel.messages:
            raise error
        return await channel()

    with pytest.raises(error):
        await Request[Any](http_scope(MULTIPART), receive).form()
    assert [watched.closed for watched in opened] == [True, True]


async def test_a_client_that_leaves_during_an_upload_leaves_no_open_file(opened: list[Watched]) -> None:
    request: Request[Any] = Request(http_scope(MULTIPART), Channel(in_chunks(ONE_OF_EACH), cut_short=True))
    with pytest.raises(ClientDisconnect):
        await request.form()
    assert [watched.closed for watched in opened] == [True, True]


async def test_a_full_disk_closes_the_files_and_is_the_error(
    opened: list[Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Watched, "hold", staticmethod(fail))
    with pytest.raises(OSError, match="No space"):
        await make_request(in_chunks(ONE_OF_EACH + END), MULTIPART).form()
    assert [watched.closed for watched in opened] == [True]


async def test_a_form_cancelled_while_it_waits_for_the_body_leaves_no_open_file(opened: list[Watched]) -> None:
    channel = Channel(in_chunks(ONE_OF_EACH), cut_short=True)
    scope = anyio.CancelScope()

    async def receive() -> Any:
        if channel.messages:
            return await channel()
        scope.cancel()
        return await anyio.sleep_forever()

    request: Request[Any] = Request(http_scope(MULTIPART), receive)
    with scope:
        await request.form()
    assert scope.cancelled_caught
    assert [watched.closed for watched in opened] == [True, True]


async def test_a_form_cancelled_while_a_thread_writes_leaves_no_open_file(
    opened: list[Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go_on = anyio.Event(), threading.Event()

    def hold() -> None:
        anyio.from_thread.run_sync(writing.set)
        go_on.wait()

    monkeypatch.setattr(Watched, "hold", staticmethod(hold))
    request = make_request(in_chunks(ONE_OF_EACH + END), MULTIPART)
    async with anyio.create_task_group() as group:

        async def read() -> None:
            await request.form()

        group.start_soon(read)
        await writing.wait()
        group.cancel_scope.cancel()
        go_on.set()
    assert [watched.closed for watched in opened] == [True]


# --- the form and the body, twice ---


async def test_the_form_is_kept() -> None:
    request = make_request(b"a=1", URL_ENCODED)
    assert await request.form() is await request.form()


async def test_the_form_can_be_read_after_the_body() -> None:
    body = field("a") + END
    request = make_request(body, MULTIPART)
    assert await request.body() == body
    assert (await request.form())["a"] == "x"


async def test_a_second_request_over_the_same_scope_finds_the_form_issue_495() -> None:
    """A form read in a middleware was `{}` in the endpoint."""
    for body, content_type in ((field("a") + END, MULTIPART), (b"a=x", URL_ENCODED)):
        scope, channel = http_scope(content_type), Channel([body])
        form = await Request[Any](scope, channel).form()
        assert await Request[Any](scope, channel).form() is form
        assert form.multi_items() == [("a", "x")]


async def test_a_form_that_was_refused_is_refused_again_for_the_same_reason() -> None:
    request = make_request([field("a"), b"--garbage", field("b") + END], MULTIPART)
    with pytest.raises(MultiPartException) as first:
        await request.form(max_fields=0)
    with pytest.raises(MultiPartException) as second:
        await request.form()
    assert second.value.message == first.value.message


async def test_a_form_that_was_refused_for_a_limit_can_be_read_with_another_if_the_body_is_kept() -> None:
    request = make_request(field("a") + END, MULTIPART)
    await request.body()
    with pytest.raises(MultiPartException):
        await request.form(max_fields=0)
    assert (await request.form())["a"] == "x"


async def test_a_form_that_was_interrupted_says_so_instead_of_giving_its_second_half() -> None:
    scope = anyio.CancelScope()
    channel = Channel([b"a=1&", b"b=2"])

    async def receive() -> Any:
        if channel.calls == 1 and not scope.cancel_called:
            scope.cancel()
            await anyio.sleep_forever()
        return await channel()

    request: Request[Any] = Request(http_scope(URL_ENCODED), receive)
    with scope:
        await request.form()
    with pytest.raises(RuntimeError, match="interrupted"):
        await request.form()
