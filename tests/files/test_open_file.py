"""The file behind a FileResponse, closed on every way out, native cancellation included."""

import asyncio
import os
import threading
import warnings

import pytest

from asterion.responses import FileResponse
from asterion.responses._openfile import FileIsClosed, FileNotAvailable, OpenFile


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "data.bin"
    file.write_bytes(b"x" * 200_000)
    return file


def test_closing_twice_or_before_opening_is_harmless_and_final(path):
    file = OpenFile(path)
    file.close()
    file.close()
    with pytest.raises(FileIsClosed):
        file.open()


def lowest_descriptor():
    """POSIX: what is opened gets the lowest number that is free."""
    descriptor = os.open(os.devnull, os.O_RDONLY)
    os.close(descriptor)
    return descriptor


@pytest.mark.skipif(os.name != "posix", reason="a directory cannot be opened elsewhere")
def test_what_turns_out_to_be_no_file_is_not_left_open(tmp_path):
    before = lowest_descriptor()
    with pytest.raises(FileNotAvailable, match="not a file with contents"):
        OpenFile(tmp_path).open()
    assert lowest_descriptor() == before


def test_a_file_that_was_not_opened_cannot_be_read(path):
    with pytest.raises(FileIsClosed, match="is not open"):
        OpenFile(path).read(0, 1, 1, 1)


def test_a_file_that_is_being_read_is_closed_when_the_read_is_done(path):
    """`close` does not wait, and the descriptor is not taken away under a thread."""
    file = OpenFile(path)
    file.open()
    reading, go_on = threading.Event(), threading.Event()
    real = file._file

    class Slow:
        def seek(self, start):
            reading.set()
            go_on.wait(10)
            return real.seek(start)

        def read(self, size):
            return real.read(size)

        def close(self):
            real.close()

    file._file = Slow()
    found = []
    thread = threading.Thread(target=lambda: found.extend(file.read(0, 3, 3, 1)))
    thread.start()
    assert reading.wait(10)
    file.close()
    assert not real.closed
    go_on.set()
    thread.join(10)
    assert found == [b"xxx"]
    assert real.closed


def native_cancel_at(path, step: int) -> bool:
    """Cancel the task that sends the file right after its `step`-th suspension; False if it ended before."""
    cancelled = False

    async def main() -> None:
        nonlocal cancelled
        loop = asyncio.get_running_loop()
        steps = 0
        task: asyncio.Task | None = None

        class Stepped:
            def __init__(self, coroutine):
                self.coroutine = coroutine

            def __await__(self):
                nonlocal steps
                iterator = self.coroutine.__await__()
                value, error = None, None
                while True:
                    try:
                        wanted = iterator.throw(error) if error is not None else iterator.send(value)
                    except StopIteration:
                        return
                    steps += 1
                    if steps == step:
                        loop.call_soon(task.cancel)
                    value, error = None, None
                    try:
                        value = yield wanted
                    except BaseException as raised:
                        error = raised

        async def send(message):
            await asyncio.sleep(0)

        async def receive():
            await asyncio.Event().wait()

        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "asgi": {"spec_version": "2.4"}}

        async def run():
            await Stepped(FileResponse(path)(scope, receive, send))

        task = asyncio.create_task(run())
        try:
            await task
        except asyncio.CancelledError:
            cancelled = True
        # A thread that was on its way ends by itself.
        await loop.shutdown_default_executor()

    asyncio.run(main())
    return cancelled


def test_native_cancellation_at_any_await_closes_the_file(path, monkeypatch):
    """Seen upstream as a ResourceWarning: the thread opened the file after the task was gone."""
    files: list[OpenFile] = []
    done = threading.Event()
    real_open, real_done = OpenFile.open, OpenFile._done

    def open_(file):
        files.append(file)
        done.clear()
        return real_open(file)

    def finished(file):
        real_done(file)
        done.set()

    monkeypatch.setattr(OpenFile, "open", open_)
    monkeypatch.setattr(OpenFile, "_done", finished)
    step = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        while True:
            step += 1
            was_cancelled = native_cancel_at(path, step)
            if files:
                assert done.wait(10)
                assert files[-1]._file is None
            if not was_cancelled:
                break
    assert step > 5
