"""Forms: the bytes of a request body to fields and files.

Laws of this package: nothing is lost silently (a truncated or malformed form is an error); every temporary file is
closed on every way out but success; no form blocks the event loop (files that outgrow memory are written by the
framework's own threads); limits are on from the start (`asterion._core.forms.FormLimits`).

Multipart forms are decoded by a library (`_library` says which, and why); url-encoded forms need none.
"""

from collections.abc import AsyncIterable
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import Any

from asterion._core.forms import (
    FormLimits,
    MultiPartException,
    decode_text,
    find_charset,
    parse_boundary,
    parse_disposition,
    parse_options,
)
from asterion.concurrency import Turns, run_framework_io
from asterion.datastructures import FormData, Headers, UploadFile
from asterion.formparsers._library import MissingFormLibrary, MultipartDecoder
from asterion.formparsers._slices import slices
from asterion.formparsers._urlencoded import FormMessage, FormParser

__all__ = (
    "FormLimits",
    "FormMessage",
    "FormParser",
    "MissingFormLibrary",
    "MultiPartException",
    "MultiPartParser",
    "MultipartPart",
)

FLUSH_SIZE = 512 * 1024
"""Bytes gathered before one write to disk. PERF(benchmarks/parsers.py, 10 MB upload): a write in a thread costs about
50 µs whatever its size, so one for each 64 KiB chunk would cost more than all the rest."""


@dataclass
class MultipartPart:
    """One part of a multipart form while it is read: `data` holds a text field, `file` a file (else None)."""

    content_disposition: bytes | None = None
    field_name: str = ""
    data: bytearray = field(default_factory=bytearray)
    file: UploadFile | None = None
    item_headers: list[tuple[bytes, bytes]] = field(default_factory=list)


class _Spool:
    """The file of one part on its way to memory or disk: bytes are gathered here and written in few large pieces."""

    __slots__ = ("gathered", "gathered_size", "on_disk", "upload", "written")

    def __init__(self, upload: UploadFile) -> None:
        self.upload = upload
        self.gathered: list[bytes] = []
        self.gathered_size = 0
        self.written = 0
        self.on_disk = False

    @property
    def size(self) -> int:
        return self.written + self.gathered_size

    def take(self) -> list[bytes]:
        """What was gathered, counted as written from now on."""
        chunks, self.gathered = self.gathered, []
        self.written += self.gathered_size
        self.gathered_size = 0
        self.upload.size = self.written
        return chunks


def _write(file: Any, chunks: list[bytes], *, to_disk: bool, rewind: bool) -> None:
    if to_disk:
        file.rollover()  # does nothing the second time
    for chunk in chunks:
        file.write(chunk)
    if rewind:
        file.seek(0)


class MultiPartParser:
    """Reads a `multipart/form-data` body (RFC 7578) from `stream`.

    `await parse()` gives the form: a part with a filename is an `UploadFile`, any other is text. The decoder drives the
    `on_*` methods: those for the whole of a part's headers, its data and its end; those for single header bytes are
    there for other tokenizers. `limits`, if given, stands in place of the three numbers and of `spool_max_size`.
    """

    spool_max_size = 1024 * 1024
    max_part_size = 1024 * 1024

    def __init__(
        self,
        headers: Headers,
        stream: AsyncIterable[bytes],
        *,
        max_files: int | float = 1000,
        max_fields: int | float = 1000,
        max_part_size: int = 1024 * 1024,
        limits: FormLimits | None = None,
    ) -> None:
        self.headers = headers
        self.stream = stream
        if limits is not None:
            self.spool_max_size = limits.spool_size
        self.limits = limits or FormLimits(max_files=max_files, max_fields=max_fields, max_part_size=max_part_size)
        self.max_files = self.limits.max_files
        self.max_fields = self.limits.max_fields
        self.max_part_size = self.limits.max_part_size
        self._total_memory = self.limits.total_memory
        self.items: list[tuple[str, str | UploadFile]] = []
        self._charset = "utf-8"
        self._part = MultipartPart()
        self._part_codec = "utf-8"
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._files = 0
        self._fields = 0
        self._text_memory = 0
        self._file_memory = 0
        self._spool: _Spool | None = None
        self._ended: list[_Spool] = []
        self._opened: list[Any] = []

    async def parse(self) -> FormData:
        """Read the stream to its end, also behind the closing boundary, and return the form.

        Raises MultiPartException if the form is malformed, truncated or over a limit, and MissingFormLibrary if there
        is no decoder. The files that were opened are closed then, and also if the reading is cancelled.
        """
        boundary, self._charset = parse_boundary(self.headers.get("content-type") or "", self.limits.charsets)
        decoder = MultipartDecoder(boundary, self.limits)
        try:
            turns = Turns()
            async for chunk in self.stream:
                for piece in slices(chunk):
                    for event in decoder.feed(piece):
                        self._take(event)
                    if self._spool is not None or self._ended:
                        await self._write_files()
                    await turns.give()
            decoder.finish()
            self.on_end()
            return FormData(self.items)
        except BaseException:
            self.close_files()
            raise

    def close_files(self) -> None:
        """Close every temporary file of this form, here and now: a cancelled task could not wait for a thread."""
        for file in self._opened:
            file.close()

    def _take(self, event: Any) -> None:
        if event is None:
            self.on_part_end()
        elif type(event) is bytes:
            self.on_part_data(event, 0, len(event))
        else:
            self.on_part_begin()
            # The library was told Latin-1, so these are the very bytes that were sent.
            self._part.item_headers = [
                (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in event.headerlist
            ]
            self.on_headers_finished()

    # --- what a part is made of ---

    def on_part_begin(self) -> None:
        """A part begins."""
        self._part = MultipartPart()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        """`data[start:end]` belongs to the name of a header line."""
        self._header_name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        """`data[start:end]` belongs to the value of a header line."""
        self._header_value += data[start:end]

    def on_header_end(self) -> None:
        """The header line is complete."""
        self._part.item_headers.append((bytes(self._header_name).lower(), bytes(self._header_value)))
        self._header_name.clear()
        self._header_value.clear()

    def on_headers_finished(self) -> None:
        """The headers of the part are complete: it is a file or a text field, and counts against its limit."""
        part = self._part
        content_type = None
        for name, value in part.item_headers:
            size = len(name) + len(value)
            if size > self.limits.max_header_size:
                raise self.limits.headers_exceeded()
            self._count_text(size)
            if b"\n" in value or b"\r" in value or b"\0" in value:
                raise MultiPartException("A header of a part of the form contains CR, LF or NUL.")
            if name == b"content-disposition":
                if part.content_disposition is not None:
                    raise MultiPartException("A part of the form has two Content-Disposition headers.")
                part.content_disposition = value
            elif name == b"content-type":
                content_type = value
        if part.content_disposition is None:
            raise MultiPartException("A part of the form has no Content-Disposition header (RFC 7578 4.2).")
        disposition = decode_text(part.content_disposition, self._charset, None)
        part.field_name, filename = parse_disposition(disposition)
        if filename is None:
            self._begin_field(content_type)
        else:
            self._begin_file(filename)

    def _begin_field(self, content_type: bytes | None) -> None:
        self._fields += 1
        if self._fields > self.limits.max_fields:
            raise self.limits.too_many("fields")
        self._part_codec = self._charset
        if content_type is not None and b"charset" in content_type.lower():
            try:
                _, options = parse_options(content_type.decode("latin-1"))
            except ValueError as error:
                raise MultiPartException(f"A part of the form has a malformed Content-Type: {error}.") from None
            if "charset" in options:
                self._part_codec = find_charset(options["charset"], self.limits.charsets)

    def _begin_file(self, filename: str) -> None:
        self._files += 1
        if self._files > self.limits.max_files:
            raise self.limits.too_many("files")
        file = SpooledTemporaryFile(max_size=self.spool_max_size)  # noqa: SIM115 - closed by close_files or the form
        self._opened.append(file)
        part = self._part
        part.file = UploadFile(file=file, size=0, filename=filename, headers=Headers(raw=part.item_headers))  # type: ignore[arg-type]
        self._spool = _Spool(part.file)

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """`data[start:end]` belongs to the content of the part."""
        piece = data if end - start == len(data) else data[start:end]
        spool = self._spool
        if spool is not None:
            spool.gathered.append(piece)
            spool.gathered_size += len(piece)
            if not spool.on_disk:
                self._file_memory += len(piece)
            return
        part = self._part
        if len(part.data) + len(piece) > self.max_part_size:
            raise self.limits.part_too_large(part.field_name)
        self._count_text(len(piece))
        part.data += piece

    def on_part_end(self) -> None:
        """The part is complete: it becomes an item of the form."""
        part, spool = self._part, self._spool
        if spool is None:
            self.items.append((part.field_name, decode_text(part.data, self._part_codec, part.field_name)))
            return
        self.items.append((part.field_name, spool.upload))
        self._ended.append(spool)
        self._spool = None

    def on_end(self) -> None:
        """The form is complete."""

    def _count_text(self, size: int) -> None:
        self._text_memory += size
        if self._text_memory > self._total_memory:
            raise self.limits.memory_exceeded()

    # --- files: memory while they are small, else disk, by the framework's threads ---

    async def _write_files(self) -> None:
        ended, self._ended = self._ended, []
        for spool in ended:
            await self._write_file(spool, ended=True)
        spool_now = self._spool
        if spool_now is not None and (spool_now.gathered_size >= FLUSH_SIZE or self._must_leave(spool_now)):
            await self._write_file(spool_now, ended=False)

    async def _write_file(self, spool: _Spool, *, ended: bool) -> None:
        file = spool.upload.file
        if not spool.on_disk and self._must_leave(spool):
            spool.on_disk = True
            self._file_memory -= spool.size
        if spool.on_disk:
            await run_framework_io(_write, file, spool.take(), to_disk=True, rewind=ended)
        elif ended:
            # At most `spool_max_size` bytes to memory: a thread would cost more than the copy.
            _write(file, spool.take(), to_disk=False, rewind=True)

    def _must_leave(self, spool: _Spool) -> bool:
        """Whether a file in memory has to go to disk: it is too large, or all of them together are."""
        return not spool.on_disk and (spool.size > self.spool_max_size or self._file_memory > self.limits.total_memory)
