"""Content negotiation (RFC 9110 section 12): what a client accepts, and which of several answers it likes best.

Laws of this module:

- A member with quality 0 is refused, not liked little: `gzip;q=0` means no gzip, and `*;q=0` refuses all that is not
  named. The most specific member that fits decides, wherever it stands.
- A member that is malformed is as if it were not there.
- Of equal quality, the server's order counts. One pass over the header, linear time.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

__all__ = (
    "Accepted",
    "accepts_encoding",
    "accepts_media_type",
    "choose_encoding",
    "choose_media_type",
    "encoding_quality",
    "media_type_quality",
    "parse_accept",
)

# RFC 9110 section 8.4.1: the names of before 1999 mean the same.
_ALIASES = {"x-gzip": "gzip", "x-compress": "compress"}


class Accepted(NamedTuple):
    """One member of an `Accept` or `Accept-*` header."""

    value: str
    """What is accepted, in lower case: a media range, a content coding, a language."""
    params: tuple[tuple[str, str], ...]
    """Its parameters without the quality: names in lower case, values without quotes."""
    quality: float
    """From 0 (refused) to 1, in steps of a thousandth."""


def parse_accept(header: str) -> list[Accepted]:
    """Read the members of an `Accept`, `Accept-Encoding`, `Accept-Language` or `Accept-Charset` header, in order."""
    members = []
    for text in _split(header, ","):
        member = _member(text) if text else None
        if member is not None:
            members.append(member)
    return members


def _member(text: str) -> Accepted | None:
    value, *pieces = (piece.strip(" \t") for piece in _split(text, ";"))
    if not value or " " in value or "\t" in value:
        return None
    quality: float | None = 1.0
    params = []
    for piece in pieces:
        name, _, raw = piece.partition("=")
        name = name.lower()
        if name == "q":
            quality = _quality(raw)
            # What follows the quality is an extension that nobody has defined (RFC 9110 section 12.5.1).
            break
        if piece:
            params.append((name, _unquoted(raw)))
    return None if quality is None else Accepted(value.lower(), tuple(params), quality)


def _quality(text: str) -> float | None:
    """Read a qvalue (RFC 9110 section 12.4.2): 0 to 1 with at most three digits after the point; None if malformed."""
    whole, _, decimals = text.partition(".")
    if whole not in ("0", "1") or len(decimals) > 3 or not text.isascii() or not (decimals or "0").isdigit():
        return None
    quality = int(whole) + int(decimals.ljust(3, "0")) / 1000
    return quality if quality <= 1 else None


def _split(text: str, separator: str) -> list[str]:
    """Split at `separator` where it is not inside of a quoted string."""
    if '"' not in text:
        return text.split(separator)
    pieces, start, quoted, escaped = [], 0, False, False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == '"':
            quoted = not quoted
        elif char == "\\" and quoted:
            escaped = True
        elif char == separator and not quoted:
            pieces.append(text[start:at])
            start = at + 1
    pieces.append(text[start:])
    return pieces


def _unquoted(raw: str) -> str:
    if len(raw) < 2 or raw[0] != '"' or raw[-1] != '"':
        return raw
    halves = raw[1:-1].split("\\\\")
    return "\\".join(half.replace("\\", "") for half in halves)


def encoding_quality(header: str | Sequence[Accepted], coding: str) -> float:
    """Give the quality of a content coding under an `Accept-Encoding` header, or its members (RFC 9110 section 12.5.3).

    0 if it is refused or not named. `identity`, the answer as it is, is accepted unless it is refused by name or by
    `*;q=0`. `x-gzip` and `gzip` are the same.
    """
    # PERF: clients send a handful of different headers; a long one is not worth the memory to remember it.
    if isinstance(header, str):
        return (_remembered_quality if len(header) <= 200 else _quality_in)(header, coding)
    return _quality_among(header, coding)


def _quality_in(header: str, coding: str) -> float:
    return _quality_among(parse_accept(header), coding)


def _quality_among(members: Sequence[Accepted], coding: str) -> float:
    wanted = _coding(coding)
    anything: float | None = None
    for member in members:
        if _coding(member.value) == wanted:
            return member.quality
        if member.value == "*" and anything is None:
            anything = member.quality
    if wanted == "identity":
        return 0.0 if anything == 0 else 1.0
    return anything or 0.0


_remembered_quality = functools.lru_cache(maxsize=256)(_quality_in)


def _coding(name: str) -> str:
    lowered = name.lower()
    return _ALIASES.get(lowered, lowered)


def accepts_encoding(header: str | Sequence[Accepted], coding: str) -> bool:
    """Whether the client takes a body in this content coding. An empty header accepts `identity` only."""
    return encoding_quality(header, coding) > 0


def choose_encoding(header: str | Sequence[Accepted], available: Sequence[str]) -> str | None:
    """Give the coding to use: the one of `available` (best for the server first) that the client likes best.

    The header may be given as its members (`parse_accept`), so that a long one is read once.

    `"identity"` if it takes none of them, or likes the plain answer better by name; None if it refuses that as well.
    """
    members = parse_accept(header) if isinstance(header, str) else header
    best, best_quality = None, 0.0
    for coding in available:
        quality = encoding_quality(members, coding)
        if quality > best_quality:
            best, best_quality = coding, quality
    named = [member.quality for member in members if member.value == "identity"]
    if best is not None and not (named and named[0] > best_quality):
        return best
    return "identity" if accepts_encoding(members, "identity") else None


def media_type_quality(header: str, media_type: str) -> float:
    """Give the quality of a media type (`"text/html"`, parameters allowed) under an `Accept` header.

    The most specific range that fits decides: the type with parameters, the type, `text/*`, `*/*`. An empty header
    accepts everything (RFC 9110 section 12.5.1).
    """
    if not header.strip(" \t,"):
        return 1.0
    offered = _member(media_type)
    if offered is None:
        raise ValueError(f"Not a media type: {media_type!r}. Write type/subtype, as in 'text/html'.")
    params = {(name, value.lower()) for name, value in offered.params}
    family = offered.value.partition("/")[0]
    ranks = {"*/*": 1, f"{family}/*": 2, offered.value: 3}
    best, quality = 0, 0.0
    for member in parse_accept(header):
        rank = ranks.get(member.value, 0)
        if rank and {(name, value.lower()) for name, value in member.params} <= params:
            rank += len(member.params)
            if rank > best:
                best, quality = rank, member.quality
    return quality


def accepts_media_type(header: str, media_type: str) -> bool:
    """Whether the client takes an answer of this media type."""
    return media_type_quality(header, media_type) > 0


def choose_media_type(header: str, available: Sequence[str]) -> str | None:
    """Give the one of `available` (best for the server first) that the client likes best; None if it takes none."""
    best, best_quality = None, 0.0
    for media_type in available:
        quality = media_type_quality(header, media_type)
        if quality > best_quality:
            best, best_quality = media_type, quality
    return best
