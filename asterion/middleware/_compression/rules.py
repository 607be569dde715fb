"""What is compressed, and what its head says then. Decisions on raw headers: no bytes are compressed here.

Laws: what was agreed with the client decides (RFC 9110 12.5.3), never a substring; an answer that another client could
have got in another coding says so in `Vary`; a compressed one is another representation, so its entity tag is weak
and it takes no ranges.
"""

import enum
import functools
from collections.abc import Sequence
from typing import NamedTuple

from asterion._core.conditional import entity_tags
from asterion._core.negotiation import accepts_encoding, choose_encoding, parse_accept
from asterion.datastructures import MutableHeaders

RawHeaders = list[tuple[bytes, bytes]]

DEFAULT_EXCLUDED_CONTENT_TYPES = (
    "application/grpc",
    "application/gzip",
    "application/x-gzip",
    "application/zip",
    "audio/*",
    "font/woff",
    "font/woff2",
    "image/avif",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/event-stream",
    "video/*",
)

# No content, or a part of the content of the untouched representation (RFC 9110 15.3.5 to 15.3.7, 15.4.5).
_UNTOUCHED_STATUSES = frozenset({204, 205, 206, 304})

# A digest is computed over the bytes as they were (RFC 9530 2 and 3, RFC 3230): other bytes would not match it.
_DIGESTS = frozenset({b"content-digest", b"repr-digest", b"digest", b"content-md5"})

_READ = _DIGESTS | {
    b"cache-control",
    b"content-encoding",
    b"content-length",
    b"content-range",
    b"content-type",
    b"etag",
    b"vary",
}

_VARY = (b"vary", b"Accept-Encoding")


class Agreement(NamedTuple):
    """What a client and this server agree on."""

    coding: str | None
    """The content coding to use; None for the body as it is."""
    plain_is_refused: bool
    """Whether the client refuses the body as it is (`identity;q=0`, or `*;q=0`)."""


class Verdict(enum.Enum):
    """What becomes of a response, as far as its start tells."""

    LEAVE = "no client gets it compressed: nothing is changed"
    VARY = "it goes out as it is, though another one may be compressed: only Vary is added"
    NAME = "a GET would be compressed and this is the answer to HEAD: the head fits that one, there is no body"
    COMPRESS = "it is compressed if its body is worth it"


def agree(scope_headers: Sequence[tuple[bytes, bytes]], offered: tuple[str, ...]) -> Agreement:
    """Negotiate: of `offered` (best for the server first), the coding that the client's headers like best.

    Several `Accept-Encoding` lines are one list (RFC 9110 5.3). A request without that header gets the plain body.
    """
    lines = [value for name, value in scope_headers if name == b"accept-encoding"]
    if not lines:
        return _PLAIN
    header = b",".join(lines)
    # PERF(benchmarks/compression): clients send a handful of different headers; long ones are not worth the memory.
    return (_remembered if len(header) <= 200 else _negotiate)(header, offered)


_PLAIN = Agreement(None, plain_is_refused=False)


def _negotiate(header: bytes, offered: tuple[str, ...]) -> Agreement:
    members = parse_accept(header.decode("latin-1"))
    chosen = choose_encoding(members, offered)
    return Agreement(chosen if chosen in offered else None, not accepts_encoding(members, "identity"))


_remembered = functools.lru_cache(maxsize=256)(_negotiate)


def read_head(headers: RawHeaders) -> dict[bytes, bytes]:
    """The headers that count here, by lower-cased name; of several lines, all with commas between them."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        key = name.lower()
        if key in _READ:
            found[key] = found[key] + b"," + value if key in found else value
    return found


@functools.lru_cache(maxsize=64)
def excluded_types(names: tuple[str, ...]) -> frozenset[bytes]:
    """Media types and families (`video/*`) as `judge` looks them up."""
    return frozenset(name.lower().encode("latin-1") for name in names)


def judge(found: dict[bytes, bytes], status: int, method: str, excluded: frozenset[bytes], minimum: int) -> Verdict:
    """Decide from what `read_head` found. `minimum` is the size in bytes from which a body is worth it."""
    kind = found.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind in excluded or kind.partition(b"/")[0] + b"/*" in excluded:
        return Verdict.LEAVE
    if not _DIGESTS.isdisjoint(found) or _forbids_transforming(found.get(b"cache-control")):
        return Verdict.LEAVE
    if status < 200 or status in _UNTOUCHED_STATUSES or b"content-encoding" in found or b"content-range" in found:
        return Verdict.VARY
    length = found.get(b"content-length", b"")
    if length.isdigit() and len(length) < 10 and int(length) < minimum:
        return Verdict.VARY
    return Verdict.NAME if method == "HEAD" else Verdict.COMPRESS


def _forbids_transforming(cache_control: bytes | None) -> bool:
    if cache_control is None:
        return False
    return any(directive.strip().lower() == b"no-transform" for directive in cache_control.split(b","))


def varying(headers: RawHeaders, found: dict[bytes, bytes]) -> RawHeaders:
    """A copy of `headers` that says that `Accept-Encoding` counts."""
    if b"vary" not in found:
        return [*headers, _VARY]
    merged = MutableHeaders(raw=list(headers))
    merged.add_vary_header("Accept-Encoding")
    return merged.raw


def compressed(headers: RawHeaders, coding: str | None, length: int | None) -> RawHeaders:
    """A copy of `headers` that fits a body in this coding with this many bytes; None where that is not known."""
    kept = []
    for name, value in headers:
        key = name.lower()
        if key in (b"content-length", b"accept-ranges"):
            # Ranges are parts of the plain body, and the one who would cut them stands behind us.
            continue
        kept.append((name, weak(value)) if key == b"etag" else (name, value))
    if coding is not None:
        kept.append((b"content-encoding", coding.encode("latin-1")))
    if length is not None:
        kept.append((b"content-length", b"%d" % length))
    return kept


def weak(tag: bytes) -> bytes:
    """The entity tag as a weak one: bodies that differ in bytes cannot share a strong one (RFC 9110 8.8.1)."""
    return tag if tag.startswith(b"W/") else b"W/" + tag


def confirmed(
    headers: RawHeaders, found: dict[bytes, bytes], scope_headers: Sequence[tuple[bytes, bytes]]
) -> RawHeaders:
    """The headers of a 304, its entity tag as the client knows it.

    Whoever got the compressed body has stored the weak tag; a strong one in the 304 selects none of what it stored, and
    the stored answer would never be refreshed (RFC 9111 4.3.4).
    """
    tag = found.get(b"etag")
    if tag is None or tag.startswith(b"W/"):
        return headers
    asked = [value.decode("latin-1") for name, value in scope_headers if name == b"if-none-match"]
    known, _ = entity_tags(asked)
    text = tag.decode("latin-1")
    if text in known or "W/" + text not in known:
        return headers
    return [(name, weak(value)) if name.lower() == b"etag" else (name, value) for name, value in headers]
