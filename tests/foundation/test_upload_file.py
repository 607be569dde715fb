"""An uploaded file never blocks the event loop, and is always closed."""

import io
import tempfile
import threading

import anyio
import pytest

from asterion.datastructures import FormData, Headers, UploadFile

pytestmark = pytest.mark.anyio


class Watched:
    """A spooled file that notes in which thread each of its methods ran."""

    def __init__(self, max_size):
        self.spool = tempfile.SpooledTemporaryFile(max_size=max_size)  # noqa: SIM115
        self.ran: list[tuple[str, bool]] = []

    def __getattr__(self, name):
        attribute = getattr(self.spool, name)
        if name not in ("write", "read", "seek", "close"):
            return attribute

        def noted(*args):
            self.ran.append((name, threading.current_thread() is threading.main_thread()))
            return attribute(*args)

        return noted

    def where(self, name):
        return ["loop" if main else "thread" for ran, main in self.ran if ran == name]


async def test_what_fits_in_memory_is_done_at_once():
    watched = Watched(max_size=10)
    file = UploadFile(watched)
    await file.write(b"12345")
    await file.seek(0)
    assert await file.read(2) == b"12"
    assert await file.read() == b"345"
    await file.close()
    assert {where for _, where in watched.ran} == {True}


async def test_the_write_that_rolls_over_runs_in_a_thread():
    """CVE-2025-54121: the file is in memory before this write and on disk after it."""
    watched = Watched(max_size=10)
    file = UploadFile(watched)
    await file.write(b"1" * 10)
    assert not watched.spool._rolled
    await file.write(b"2")
    assert watched.spool._rolled
    await file.write(b"3")
    await file.seek(9)
    assert await file.read() == b"123"
    await file.close()
    assert watched.where("write") == ["loop", "thread", "thread"]
    assert watched.where("seek") == watched.where("read") == watched.where("close") == ["thread"]


async def test_one_long_write_rolls_over_in_a_thread():
    watched = Watched(max_size=10)
    await UploadFile(watched).write(b"1" * 11)
    assert watched.where("write") == ["thread"]
    watched.spool.close()


async def test_the_smallest_limit_is_one_byte():
    watched = Watched(max_size=1)
    file = UploadFile(watched)
    await file.write(b"1")
    await file.write(b"2")
    assert watched.where("write") == ["loop", "thread"]
    await file.close()


async def test_a_spool_without_a_limit_stays_in_memory():
    watched = Watched(max_size=0)
    file = UploadFile(watched)
    await file.write(b"1" * 100_000)
    assert watched.where("write") == ["loop"]
    await file.close()


async def test_writing_over_what_is_there_counts_from_the_position():
    watched = Watched(max_size=10)
    file = UploadFile(watched)
    await file.write(b"1" * 10)
    await file.seek(0)
    await file.write(b"2" * 10)
    assert watched.where("write") == ["loop", "loop"]
    await file.close()


async def test_the_size_grows_with_what_is_written_if_it_is_known():
    known, unknown = UploadFile(io.BytesIO(), size=0), UploadFile(io.BytesIO())
    for file in (known, unknown):
        await file.write(b"abc")
        await file.write(b"")
        await file.write(b"d")
    assert (known.size, unknown.size) == (4, None)


async def test_a_write_that_fails_leaves_the_size():
    file = UploadFile(io.BytesIO(), size=0)
    await file.close()
    with pytest.raises(ValueError, match="closed"):
        await file.write(b"abc")
    assert file.size == 0


async def test_a_real_file_is_read_in_threads(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    with (tmp_path / "a").open("rb") as real:
        file = UploadFile(real)
        await file.seek(1)
        assert await file.read() == b"bc"
        await file.close()
        assert real.closed


async def test_closing_twice_does_nothing():
    watched = Watched(max_size=1)
    file = UploadFile(watched)
    await file.write(b"123")
    await file.close()
    await file.close()
    assert watched.spool.closed
    assert len(watched.where("close")) == 1


async def test_a_cancelled_task_closes_its_files_all_the_same():
    """The clean-up of a form runs when the request is cancelled; the temporary file must go then."""
    watched = Watched(max_size=1)
    file = UploadFile(watched)
    await file.write(b"123")
    with anyio.CancelScope() as scope:
        scope.cancel()
        await file.close()
    assert watched.spool.closed


async def test_closing_a_form_closes_every_file_and_then_raises_the_first_error():
    class Broken(io.BytesIO):
        tries = 0

        def close(self):
            self.tries += 1
            if self.tries == 1:  # the second comes from the interpreter, which complains of errors there under -X dev
                raise OSError("disk on fire")
            super().close()

    good = UploadFile(io.BytesIO())
    form = FormData([("a", "text"), ("b", UploadFile(Broken())), ("b", UploadFile(Broken())), ("c", good)])
    with pytest.raises(OSError, match="disk on fire"):
        await form.close()
    assert good.file.closed


async def test_a_form_keeps_every_file_of_one_name_and_closes_all():
    """A file that another one with its name hides is a file all the same (CVE-2023-31047)."""
    files = [UploadFile(io.BytesIO()), UploadFile(io.BytesIO())]
    form = FormData([("a", files[0]), ("a", files[1])])
    assert form["a"] is files[1]
    assert form.getlist("a") == files
    await form.close()
    assert all(file.file.closed for file in files)


def test_what_the_client_said_is_kept_as_it_is():
    file = UploadFile(io.BytesIO(), filename="../../etc/passwd", headers=Headers({"Content-Type": "text/plain"}))
    assert file.filename == "../../etc/passwd"
    assert file.content_type == "text/plain"
    assert repr(file) == (
        "UploadFile(filename='../../etc/passwd', size=None, headers=Headers({'content-type': 'text/plain'}))"
    )
    assert UploadFile(io.BytesIO()).content_type is None


def test_a_form_is_shown_with_its_fields():
    assert repr(FormData([("a", "b")], c="d")) == "FormData([('a', 'b'), ('c', 'd')])"
    assert FormData(a="b") == FormData([("a", "b")])
