"""One field out of a form that somebody else will read: looked for while the body comes, without keeping a file."""

from typing import Any

from asterion._core.forms import FormLimits, UrlEncodedDecoder, parse_boundary, parse_disposition
from asterion.datastructures import Headers
from asterion.formparsers._library import MultipartDecoder

_LONGEST_VALUE = 1024


class FieldFinder:
    """Looks for the text field `name` in a url-encoded or multipart body that is pushed in chunk by chunk.

    `value` is its text once it has come whole; the first of several counts. Values of more than 1,024 bytes are not
    what is looked for. `fits` says whether the request has such a body at all. Raises MultiPartException for a form
    that is malformed, and MissingFormLibrary if multipart cannot be read here.
    """

    def __init__(self, headers: Headers, name: str) -> None:
        self.name = name
        self.value: str | None = None
        self._content = bytearray()
        self._collects = False
        content_type = headers.get("content-type") or ""
        kind = content_type.partition(";")[0].strip().lower()
        limits = FormLimits()
        self._pairs = UrlEncodedDecoder(limits) if kind == "application/x-www-form-urlencoded" else None
        self._parts: MultipartDecoder | None = None
        if kind == "multipart/form-data":
            self._parts = MultipartDecoder(parse_boundary(content_type, limits.charsets)[0], limits)

    @property
    def fits(self) -> bool:
        """Whether the body is a form."""
        return self._pairs is not None or self._parts is not None

    def feed(self, chunk: bytes, *, is_last: bool) -> None:
        """Take the next bytes."""
        if self._parts is not None:
            for event in self._parts.feed(chunk):
                if self.value is None:
                    self._take(event)
        elif self._pairs is not None:
            self._pairs.feed(chunk)
            if is_last:
                self._pairs.finish()
            found = [value for name, value in self._pairs.items if name == self.name]
            self._pairs.items.clear()
            if found and self.value is None:
                self.value = found[0][: _LONGEST_VALUE + 1]

    def _take(self, event: Any) -> None:
        if event is None:
            if self._collects:
                self.value = self._content.decode("latin-1")
            self._collects = False
        elif type(event) is bytes:
            if self._collects:
                self._content += event
                self._collects = len(self._content) <= _LONGEST_VALUE
        else:
            disposition = next((value for key, value in event.headerlist if key.lower() == "content-disposition"), "")
            name, filename = parse_disposition(disposition)
            self._content.clear()
            self._collects = name == self.name and filename is None
