"""Requests made by hand for the tests of this folder: a scope, and a `receive` that gives chosen chunks."""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from asterion.requests import Request

BOUNDARY = "B0undary"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
URL_ENCODED = "application/x-www-form-urlencoded"
END = f"--{BOUNDARY}--\r\n".encode()


def http_scope(content_type: str = "", /, **more: Any) -> dict[str, Any]:
    """A scope as a server makes it."""
    headers = [(b"host", b"example.org")]
    if content_type:
        headers.append((b"content-type", content_type.encode("latin-1")))
    return {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": "/path",
        "query_string": b"",
        "headers": headers,
        "server": ("example.org", 80),
        **more,
    }


class Channel:
    """A `receive`: the chunks of a body, then `http.disconnect` for ever. Counts its calls.

    `cut_short` leaves the body incomplete: the disconnect comes where the rest would.
    """

    def __init__(self, chunks: Sequence[bytes], *, cut_short: bool = False) -> None:
        more = [True] * len(chunks)
        if more and not cut_short:
            more[-1] = False
        self.messages: deque[dict[str, Any]] = deque(
            {"type": "http.request", "body": chunk, "more_body": flag} for chunk, flag in zip(chunks, more, strict=True)
        )
        self.calls = 0

    async def __call__(self) -> dict[str, Any]:
        self.calls += 1
        return self.messages.popleft() if self.messages else {"type": "http.disconnect"}


def make_request(chunks: bytes | Sequence[bytes] = b"", content_type: str = "", /, **more: Any) -> Request[Any]:
    """A request with this body."""
    pieces = [chunks] if isinstance(chunks, bytes) else chunks
    return Request(http_scope(content_type, **more), Channel(pieces))


def part(headers: str | bytes, content: bytes = b"x") -> bytes:
    """One part, its header lines as given."""
    head = headers if isinstance(headers, bytes) else headers.encode()
    return b"--" + BOUNDARY.encode() + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


def field(name: str, content: bytes = b"x") -> bytes:
    """A text field."""
    return part(f'Content-Disposition: form-data; name="{name}"', content)


def file(name: str, filename: str, content: bytes = b"x") -> bytes:
    """A file."""
    head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: text/plain'
    return part(head, content)


def cut(body: bytes, places: Iterable[int]) -> list[bytes]:
    """`body` in pieces, cut at these places (taken modulo its length; any order)."""
    edges = sorted({0, len(body), *(place % (len(body) + 1) for place in places)})
    return [body[start:end] for start, end in pairwise(edges)] or [b""]
