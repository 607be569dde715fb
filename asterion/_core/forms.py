"""The rules of forms: limits, header options, charsets and the url-encoded decoder.

Laws of this module: pure and synchronous; every scan is linear in its input; a limit has one home (`FormLimits`) and
the error that enforces it names it; a form means the same however its bytes were cut into chunks.
"""

from dataclasses import dataclass

from asterion._core.charsets import CHARSETS, check_charsets, codec_of
from asterion._core.percent import unquote_bytes
from asterion.exceptions import HTTPException

MEBIBYTE = 1024 * 1024
WINDOW = 64 * 1024
"""Bytes of a url-encoded body that are split at once, so that a huge chunk of `&` costs no huge list."""


class MultiPartException(HTTPException):
    """A form that cannot be read: malformed, truncated or over a limit.

    It is an `HTTPException`, so an application answers it with `status_code` (400; 413 for the total memory) and the
    message as detail; outside of an application it is raised as it is. `message` says what was wrong and, for a
    limit, the setting that holds it.
    """

    def __init__(self, message: str, status_code: int = 400) -> None:
        super().__init__(status_code=status_code, detail=message)
        self.message = message
        # Upstream's has the message as its only argument, and logs show `str(exc)`.
        self.args = (message,)

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True, eq=False)
class FormLimits:
    """What a form may cost. Sizes are bytes; `float("inf")` takes a count limit off.

    Raises ValueError on construction if a limit is negative, or a charset is none that Python knows.
    """

    max_files: int | float = 1000
    """Parts with a filename."""

    max_fields: int | float = 1000
    """Text fields (multipart parts without a filename, or url-encoded pairs)."""

    max_part_size: int = MEBIBYTE
    """One text field: its value in multipart, name and value as sent (percent-encoded) in a url-encoded body."""

    max_part_headers: int = 8
    """Header lines of one part; RFC 7578 section 4.8 knows three."""

    max_header_size: int = 4096
    """One header line of a part, name and value."""

    max_total_memory: int | None = None
    """All names, values and part headers together (of a url-encoded body: all its bytes), and, counted apart, all files
    that are not on disk yet (more of them go to disk early). None means 32 MiB beside one field of `max_part_size`, so
    that raising the one is enough."""

    spool_size: int = MEBIBYTE
    """A file larger than this is moved from memory to a temporary file on disk."""

    charsets: frozenset[str] = CHARSETS
    """What a client may name as the charset of a form or of a part, in small letters."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if name != "charsets" and value is not None and not value >= 0:
                raise ValueError(f"A form limit cannot be negative: got {name}={value!r}; use 0 or more.")
        if self.charsets is not CHARSETS:
            check_charsets(self.charsets)

    @property
    def total_memory(self) -> int:
        """The number of bytes that `max_total_memory` stands for."""
        if self.max_total_memory is not None:
            return self.max_total_memory
        return 32 * MEBIBYTE + self.max_part_size

    def too_many(self, kind: str) -> MultiPartException:
        """The error for one more of `kind` ("files" or "fields") than allowed."""
        setting = f"max_{kind}"
        return MultiPartException(f"The form has too many {kind}: at most {getattr(self, setting)} ({setting}).")

    def part_too_large(self, name: str) -> MultiPartException:
        """The error for a text field above `max_part_size`."""
        return MultiPartException(
            f"Field {name[:100]!r} of the form is too large: at most {self.max_part_size} bytes (max_part_size)."
        )

    def headers_exceeded(self) -> MultiPartException:
        """The error for a part with too many header lines, or one that is too long."""
        return MultiPartException(
            f"A part of the form has too many or too long headers: at most {self.max_part_headers} (max_part_headers) "
            f"of {self.max_header_size} bytes (max_header_size)."
        )

    def memory_exceeded(self) -> MultiPartException:
        """The error (413) for text above `max_total_memory`."""
        return MultiPartException(
            f"The text of the form is too large: at most {self.total_memory} bytes in all (max_total_memory).", 413
        )


def find_charset(label: str, allowed: frozenset[str]) -> str:
    """The codec for a charset that a client named. Raises MultiPartException for one that is not `allowed`."""
    codec = codec_of(label, allowed)
    if codec is None:
        known = ", ".join(sorted(allowed))
        raise MultiPartException(
            f"The form names the charset {label[:40]!r}, which is not accepted; use one of {known} (charsets)."
        )
    return codec


def decode_text(data: bytes | bytearray, codec: str, field: str | int | None) -> str:
    """`data` as text: of a field by name or number, or (None) a Content-Disposition. Raises MultiPartException."""
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        named = f"field number {field}" if isinstance(field, int) else f"field {field!r}"
        what = "the Content-Disposition of a part" if field is None else named
        raise MultiPartException(
            f"The bytes of {what} of the form are not {codec} (byte {error.start}); declare the charset, or send "
            "binary data as a file, with a filename."
        ) from None


def parse_options(value: str) -> tuple[str, dict[str, str]]:
    """A header value such as `form-data; name="a"` as its lower-cased first word and its options.

    Option names are lower-cased. A quoted value may contain `\\"` and `\\\\`; any other backslash stands for itself,
    because browsers send Windows paths unescaped. An option without `=` is passed over. `name*` is an option of its
    own and never stands for `name` (RFC 7578 section 4.2 forbids `filename*`).

    Raises ValueError for an option given twice, an unterminated quote, or text behind a closing quote: parsers differ
    there, and a filter in front of us may have seen another name.
    """
    length = len(value)
    end = value.find(";")
    position = length if end < 0 else end
    kind = value[:position].strip().lower()
    options: dict[str, str] = {}
    while position < length:
        equals = value.find("=", position + 1)
        if equals < 0:
            break
        # What has no equals sign is passed over, however much of it there is.
        start = value.rfind(";", position, equals) + 1
        end = value.find(";", equals)
        stop = length if end < 0 else end
        name = value[start:equals].strip().lower()
        text = value[equals + 1 : stop].lstrip()
        if text[:1] == '"':
            text, position = _read_quoted(value, value.index('"', equals) + 1)
        else:
            text, position = text.rstrip(), stop
        if name in options:
            raise ValueError(f"option {name[:40]!r} is given twice")
        options[name] = text
    return kind, options


def _read_quoted(value: str, start: int) -> tuple[str, int]:
    """The quoted text that begins at `start` (behind its quote), and where its `;` or the end of `value` is."""
    close = start
    while True:
        close = value.find('"', close)
        if close < 0:
            raise ValueError("a quoted value has no closing quote")
        before = close
        while before > start and value[before - 1] == "\\":
            before -= 1
        if (close - before) % 2 == 0:
            break
        close += 1
    text = value[start:close]
    if "\\" in text:
        text = "\\".join(run.replace('\\"', '"') for run in text.split("\\\\"))
    end = value.find(";", close)
    stop = len(value) if end < 0 else end
    if value[close + 1 : stop].strip():
        raise ValueError("there is text behind a quoted value")
    return text, stop


def parse_disposition(value: str) -> tuple[str, str | None]:
    """Name and filename (None: a text field) of a part's Content-Disposition (RFC 7578 section 4.2).

    Both are kept as they were sent, percent signs and paths included. Raises MultiPartException if it is malformed,
    not `form-data`, or has no name.
    """
    # PERF(benchmarks/parsers.py, 1,000 fields): what browsers and clients send, without a loop.
    pieces = value.split('"', 5)
    if pieces[0] == "form-data; name=" and pieces[-1] == "" and "\\" not in value:
        if len(pieces) == 3:
            return pieces[1], None
        if len(pieces) == 5 and pieces[2] == "; filename=":
            return pieces[1], pieces[3]
    try:
        kind, options = parse_options(value)
    except ValueError as error:
        raise MultiPartException(f"A part of the form has a malformed Content-Disposition: {error}.") from None
    if kind != "form-data":
        raise MultiPartException(
            f"A part of the form has the Content-Disposition {kind[:40]!r}; it must be 'form-data' (RFC 7578 4.2)."
        )
    if "name" not in options:
        raise MultiPartException("A part of the form has no name in its Content-Disposition (RFC 7578 4.2).")
    return options["name"], options.get("filename")


def parse_boundary(content_type: str, charsets: frozenset[str]) -> tuple[bytes, str]:
    """Boundary and codec of a multipart/form-data content type, which may name one of `charsets`.

    A boundary is 1 to 256 printable ASCII characters: RFC 2046 section 5.1.1 says 70, and clients go beyond.
    Raises MultiPartException if it is missing or none.
    """
    try:
        _, options = parse_options(content_type)
    except ValueError as error:
        raise MultiPartException(f"The content type of the form is malformed: {error}.") from None
    boundary = options.get("boundary", "")
    if not boundary:
        raise MultiPartException(
            "The content type of the form names no boundary; write multipart/form-data; boundary=..."
        )
    if len(boundary) > 256 or not boundary.isascii() or not boundary.isprintable():
        raise MultiPartException(
            f"The boundary of the form is not 1 to 256 printable ASCII characters: got {boundary[:70]!r}."
        )
    charset = find_charset(options["charset"], charsets) if "charset" in options else "utf-8"
    return boundary.encode("ascii"), charset


class UrlEncodedDecoder:
    """An `application/x-www-form-urlencoded` body, pushed in chunk by chunk, as pairs of text.

    The rules are those of the URL standard, section 5.1: `&` separates (a semicolon does not), `+` is a space, a
    percent sign that begins no two hexadecimal digits stands for itself, the bytes are UTF-8 (raw or percent-encoded).
    Unlike there, bytes that are not UTF-8 are an error, because replacing them would lose them.
    """

    __slots__ = ("_memory", "_tail", "items", "limits")

    def __init__(self, limits: FormLimits) -> None:
        self.limits = limits
        self.items: list[tuple[str, str]] = []
        self._tail = bytearray()
        self._memory = 0

    def completes_long(self, data: bytes | None) -> bool:
        """Whether `data`, or for None the end of the body, completes a field that takes long to unquote.

        That is one with escapes and more than half of `WINDOW` bytes before `data`: 96 KiB of them take up to 3 ms.
        """
        tail = self._tail
        return len(tail) > WINDOW // 2 and (data is None or b"&" in data) and b"%" in tail

    def feed(self, data: bytes) -> None:
        """Take the next bytes. Raises MultiPartException for bytes that are no text, and at a limit."""
        self._memory += len(data)
        if self._memory > self.limits.total_memory:
            raise self.limits.memory_exceeded()
        for start in range(0, len(data), WINDOW):
            window = data[start : start + WINDOW]
            complete, separator, rest = window.rpartition(b"&")
            if separator:
                if self._tail:
                    complete = bytes(self._tail) + complete
                    self._tail.clear()
                self._split(complete)
            self._tail += rest
            # One byte more than a field may have is its equals sign.
            if len(self._tail) > self.limits.max_part_size + 1:
                self._check_size(*_cut(bytes(self._tail)))

    def finish(self) -> list[tuple[str, str]]:
        """The end of the body: the last field counts with or without `&` behind it. Returns all pairs."""
        if self._tail:
            self._split(bytes(self._tail))
            self._tail.clear()
        return self.items

    def add(self, name: bytes, value: bytes) -> None:
        """Decode one pair as it was sent and keep it. Raises MultiPartException at a limit or for bytes not UTF-8."""
        if len(self.items) >= self.limits.max_fields:
            raise self.limits.too_many("fields")
        self._check_size(name, value)
        text = self._decode(name)
        self.items.append((text, self._decode(value)))

    def _split(self, pairs: bytes) -> None:
        limits = self.limits
        at_most = len(self.items) + pairs.count(b"&") + 1
        if b"%" not in pairs and at_most <= limits.max_fields and len(pairs) <= limits.max_part_size:
            # PERF(benchmarks/parsers.py, url-encoded): nothing to unquote and no limit within reach, so the text is
            # decoded and cut as a whole. Bytes that are no text go the long way, which says in which field they are.
            try:
                text = pairs.replace(b"+", b" ").decode()
            except UnicodeDecodeError:
                pass
            else:
                cuts = [pair.partition("=") for pair in text.split("&") if pair]
                self.items += [(name, value) for name, _, value in cuts]
                return
        for pair in filter(None, pairs.split(b"&")):
            self.add(*_cut(pair))

    def _check_size(self, name: bytes, value: bytes) -> None:
        if len(name) + len(value) > self.limits.max_part_size:
            raise self.limits.part_too_large(name[:100].decode("utf-8", "replace"))

    def _decode(self, text: bytes) -> str:
        if b"+" in text:
            text = text.replace(b"+", b" ")
        if b"%" in text:
            text = unquote_bytes(text)
        try:
            return text.decode()
        except UnicodeDecodeError:
            return decode_text(text, "utf-8", len(self.items) + 1)


def _cut(pair: bytes) -> tuple[bytes, bytes]:
    name, _, value = pair.partition(b"=")
    return name, value
