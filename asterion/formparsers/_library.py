"""The multipart library behind one small class, and why it is this one.

Multipart decoding is the library `multipart` (defnull; 2.0.1 at the time of writing). The other candidate was
`python-multipart` 0.0.34. Measured alone, by `python -m benchmarks.parsers` (Python 3.11, 64 KiB chunks, medians of 15
interleaved rounds): 1,000 fields 2.0 ms against 6.1 ms, a 10 MB file 1.2 ms against 1.3 ms. Both are pure Python push
parsers without I/O. `multipart` also tells a body that ends before its closing boundary, refuses what is not
`form-data` and stray bytes around boundaries (strict mode), writes no logs, and has had one advisory
(CVE-2026-28356), where the other has had at least three (CVE-2024-24762, CVE-2024-53981, CVE-2026-53540).

Law of this module: a form means the same however its bytes were cut into chunks.
"""

import functools
import importlib
import warnings
from collections.abc import Iterator
from typing import Any

from asterion._core.forms import FormLimits, MultiPartException


class MissingFormLibrary(RuntimeError):
    """A multipart form was asked for, and the library that decodes it is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "Reading a multipart form needs the library 'multipart', which is not installed. Install it with: "
            "pip install 'asterion[forms]' (or: pip install multipart). The library 'python-multipart' is another one."
        )


@functools.cache
def library() -> Any:
    """The library, or None. Imported when the first form comes: an application without forms does without it."""
    # python-multipart installs a package `multipart` as well: it hands over to the real one if that is there, and is
    # itself, with a warning, if not.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = importlib.import_module("multipart")
        except ImportError:
            return None
    return found if hasattr(found, "PushMultipartParser") else None


@functools.cache
def _parser_class() -> Any:
    """The library's push parser, but without line breaks in header lines.

    It refuses a bare LF if it has not seen the end of the line yet, and takes the LF off the name of the header if it
    has: `\\nContent-Disposition: ...` would be a header or an error by where the network cut the body.
    """
    found = library()
    base: Any = found.PushMultipartParser

    read_line = base._on_segment_headerline

    class Parser(base):  # type: ignore[misc]
        def _on_segment_headerline(self, line: bytes) -> None:
            if b"\n" in line or b"\r" in line:
                raise found.ParserError("Invalid line break in segment header")
            read_line(self, line)

    return Parser


class MultipartDecoder:
    """The library's push parser behind our rules for what stands before the first and after the last boundary.

    The library judges both by chunk; here a form means the same however it is cut. Line breaks before the first
    boundary are passed over (some clients send one), any other preamble is an error; what follows the closing
    boundary is ignored (RFC 2046 section 5.1.1).
    """

    __slots__ = ("_begun", "_boundary", "_ended", "_head", "_is_empty", "_library", "_limits", "_parser")

    def __init__(self, boundary: bytes, limits: FormLimits) -> None:
        self._library = library()
        if self._library is None:
            raise MissingFormLibrary
        self._boundary = b"--" + boundary
        self._limits = limits
        self._head = b""
        self._begun = False
        self._ended = False
        self._is_empty = True
        self._parser = _parser_class()(
            boundary,
            strict=True,
            header_charset="latin-1",
            # With room for colon and white space: name and value are measured where they are taken. Here is the guard
            # against lines that never end, which counts differently when the line end is in the next chunk.
            max_header_size=limits.max_header_size + 16,
            max_header_count=limits.max_part_headers,
        )

    def feed(self, chunk: bytes) -> Iterator[Any]:
        """The events of the next bytes: a segment with its headers, bytes, None at the end of a part.

        Raises MultiPartException.
        """
        if chunk:
            self._is_empty = False
        if not self._begun:
            chunk = self._skip_line_breaks(chunk)
        if not chunk or self._ended:
            return
        try:
            yield from self._parser.parse(chunk)
        except self._library.ParserLimitReached as error:
            error.__traceback__ = None  # the parser keeps it, and would be kept by its own frame
            raise self._limits.headers_exceeded() from error
        except self._library.MultipartError as error:
            # In strict mode it minds bytes behind the closing boundary too, if they come in a chunk of their own.
            error.__traceback__ = None  # as above
            self._ended = self._is_complete()
            if self._ended:
                return
            raise MultiPartException(f"The form is not valid multipart/form-data: {error}.") from None

    def finish(self) -> None:
        """The end of the body. Raises MultiPartException if the closing boundary has not come.

        A body of no bytes is a form without fields: some clients send that, and a body that was cut short is told by
        its length in HTTP, before it gets here.
        """
        if self._is_empty:
            return
        if not self._is_complete():
            raise MultiPartException(
                "The form is truncated: its closing boundary is missing, so parts may be lost. Send it again."
            )

    def _is_complete(self) -> bool:
        try:
            self._parser.close()
        except self._library.MultipartError as error:
            error.__traceback__ = None  # as above
            return False
        return True

    def _skip_line_breaks(self, chunk: bytes) -> bytes:
        head = (self._head + chunk).lstrip(b"\r\n")
        boundary = self._boundary
        if head.startswith(boundary):
            self._begun = True
            return head
        if not boundary.startswith(head):
            raise MultiPartException("The form does not begin with its boundary.")
        self._head = head
        return b""
