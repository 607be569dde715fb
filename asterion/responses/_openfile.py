"""A file that is open while its response is being sent.

Laws: opened once and described by its own descriptor, so what is measured is what is sent; used by one worker thread at
a time; `close` may be called from anywhere at any moment, never waits and never lets the descriptor leak: a thread that
is still using the file, or is only about to open it, closes it when it is done.
"""

import os
import stat
import threading
from collections.abc import Callable
from io import FileIO
from typing import TypeVar

T = TypeVar("T")

# Without O_NONBLOCK, opening a FIFO waits for somebody to write to it. O_BINARY exists on Windows only.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class FileNotAvailable(RuntimeError):
    """There is no regular file at the path of a FileResponse."""


class FileNotReadable(FileNotAvailable, PermissionError):
    """There is a file, but the system does not let us read it."""


class FileIsClosed(RuntimeError):
    """The file was closed while a worker thread was on its way to use it."""


class OpenFile:
    """The regular file at `path`, to be opened and read in worker threads."""

    __slots__ = ("_busy", "_closed", "_file", "_lock", "path")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file: FileIO | None = None
        self._busy = False
        self._closed = False

    def open(self) -> os.stat_result:
        """Open the file and return what its descriptor says.

        Raises FileNotAvailable if there is none or it is not a regular file, FileNotReadable without permission.
        """
        return self._use(self._open)

    def read(self, start: int, end: int, size: int, count: int) -> list[bytes]:
        """Up to `count` chunks of up to `size` bytes each, from offset `start` to `end` at most. Raises OSError.

        There are fewer, or none, only where the file ends before `end`.
        """
        return self._use(lambda: self._read(start, end, size, count))

    def _open(self) -> os.stat_result:
        try:
            descriptor = os.open(self.path, _FLAGS)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FileNotAvailable(f"File at path {os.fspath(self.path)!r} does not exist.") from error
        except PermissionError as error:
            raise FileNotReadable(f"File at path {os.fspath(self.path)!r} may not be read.") from error
        try:
            result = os.fstat(descriptor)
            if not stat.S_ISREG(result.st_mode):
                raise FileNotAvailable(f"File at path {os.fspath(self.path)!r} is not a file with contents of its own.")
            self._file = FileIO(descriptor, "r")
        except BaseException:
            os.close(descriptor)
            raise
        return result

    def _read(self, start: int, end: int, size: int, count: int) -> list[bytes]:
        if self._file is None:
            raise FileIsClosed(f"{os.fspath(self.path)!r} is not open")
        self._file.seek(start)
        chunks: list[bytes] = []
        while start < end and len(chunks) < count:
            chunk = self._file.read(min(size, end - start))
            if not chunk:
                break
            chunks.append(chunk)
            start += len(chunk)
        return chunks

    def _use(self, work: Callable[[], T]) -> T:
        with self._lock:
            if self._closed:
                raise FileIsClosed(f"{os.fspath(self.path)!r} was closed before it could be used")
            self._busy = True
        try:
            return work()
        finally:
            self._done()

    def _done(self) -> None:
        with self._lock:
            self._busy = False
            if self._closed:
                self._shut()

    def close(self) -> None:
        """Close the file, now or as soon as the thread that uses it is done. Harmless if it is closed."""
        with self._lock:
            self._closed = True
            if not self._busy:
                self._shut()

    def _shut(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
