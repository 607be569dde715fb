"""What users import of the rules in `_core`, and the structures that need files or hide values.

`URL`, `URLPath`, `Headers`, `MutableHeaders`, `QueryParams`, `ImmutableMultiDict`, `MultiDict` and `State` live in
`_core`, where they are tested without an event loop; here are the rest and one place to import all from.

Law of this module: an `UploadFile` never blocks the event loop. What is in memory is done at once; what is on disk, or
goes to disk by this very write, is done in a thread.
"""

from __future__ import annotations

import io
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple

import anyio

from asterion._core.filenames import safe_filename
from asterion._core.headers import Headers, MutableHeaders
from asterion._core.multidict import ImmutableMultiDict, MultiDict, QueryParams
from asterion._core.state import State
from asterion._core.urls import URL, URLPath
from asterion.concurrency import run_framework_io

__all__ = (
    "URL",
    "Address",
    "CommaSeparatedStrings",
    "FormData",
    "Headers",
    "ImmutableMultiDict",
    "MultiDict",
    "MutableHeaders",
    "QueryParams",
    "Secret",
    "State",
    "URLPath",
    "UploadFile",
    "safe_filename",
)


class Address(NamedTuple):
    """The host and port of one end of a connection."""

    host: str
    port: int


class Secret:
    """A text that does not show in `repr`, so not in tracebacks and logs either. `str(secret)` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __str__(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}('**********')"


class CommaSeparatedStrings(Sequence[str]):
    """A sequence of texts, read from `a, "b, c", d` (quotes as in a shell) or given as a sequence.

    Raises ValueError if a quote is not closed.
    """

    __slots__ = ("_items",)

    def __init__(self, value: str | Sequence[str]) -> None:
        if isinstance(value, str):
            lexer = shlex.shlex(value, posix=True)
            lexer.whitespace, lexer.whitespace_split, lexer.commenters = ",", True, ""
            self._items = [item for item in (piece.strip() for piece in lexer) if item]
        else:
            self._items = list(value)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int | slice) -> Any:
        return self._items[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CommaSeparatedStrings) and self._items == other._items

    def __hash__(self) -> int:
        return hash(tuple(self._items))

    def __str__(self) -> str:
        return ", ".join(map(repr, self._items))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._items!r})"


class UploadFile:
    """A file that a client sent in a form.

    `file` is the underlying binary file, `size` its length in bytes as far as it is known, `filename` what the client
    called it (no path: `safe_filename` makes a name of it), `headers` those of its part.
    """

    def __init__(
        self, file: BinaryIO, *, size: int | None = None, filename: str | None = None, headers: Headers | None = None
    ) -> None:
        self.file = file
        self.size = size
        self.filename = filename
        self.headers = headers if headers is not None else Headers()

    @property
    def content_type(self) -> str | None:
        """The content type the client gave, if any. It proves nothing about the content."""
        return self.headers.get("content-type")

    async def write(self, data: bytes) -> None:
        """Write `data` at the current position. Raises ValueError if the file is closed."""
        # A spooled file moves to disk inside of the write that makes it too long (CVE-2025-54121): that write is one
        # for a thread, though the file is still in memory before it.
        if self._in_memory() and not self._rolls_over(len(data)):
            self.file.write(data)
        else:
            await run_framework_io(self.file.write, data)
        if self.size is not None:
            self.size += len(data)

    async def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes from the current position, by default all. Raises ValueError if closed."""
        if self._in_memory():
            return self.file.read(size)
        return await run_framework_io(self.file.read, size)

    async def seek(self, offset: int) -> None:
        """Go to `offset` bytes from the start. Raises ValueError if the file is closed."""
        if self._in_memory():
            self.file.seek(offset)
        else:
            await run_framework_io(self.file.seek, offset)

    async def close(self) -> None:
        """Close the file; a temporary one is deleted. Closing twice is fine, and cancellation cannot prevent it."""
        if self.file.closed:
            return
        if self._in_memory():
            self.file.close()
            return
        try:
            with anyio.CancelScope(shield=True):
                await run_framework_io(self.file.close)
        except BaseException:
            # A task of asyncio can be cancelled through a shield. There is no time for a thread then, and closing what
            # is deleted does not block. (A thread that was on its way closes a closed file, which is harmless.)
            self.file.close()
            raise

    def _in_memory(self) -> bool:
        # `_rolled` is how tempfile.SpooledTemporaryFile says that it is on disk; it has no public name for that.
        return isinstance(self.file, io.BytesIO) or not getattr(self.file, "_rolled", True)

    def _rolls_over(self, length: int) -> bool:
        limit: int = getattr(self.file, "_max_size", 0)
        return limit > 0 and self.file.tell() + length > limit

    def __repr__(self) -> str:
        return f"{type(self).__name__}(filename={self.filename!r}, size={self.size!r}, headers={self.headers!r})"


class FormData(ImmutableMultiDict[str, UploadFile | str]):
    """The fields of a form: text, or an `UploadFile` where a file was sent."""

    __slots__ = ()

    def __init__(
        self,
        *args: FormData | Mapping[str, str | UploadFile] | list[tuple[str, str | UploadFile]],
        **kwargs: str | UploadFile,
    ) -> None:
        super().__init__(*args, **kwargs)

    async def close(self) -> None:
        """Close every uploaded file. All are tried; then the first error, if there was one, is raised."""
        first: BaseException | None = None
        for _, value in self._list:
            if isinstance(value, UploadFile):
                try:
                    await value.close()
                except BaseException as exc:  # noqa: BLE001 - every file must be tried; raised below
                    first = first or exc
        if first is not None:
            raise first
