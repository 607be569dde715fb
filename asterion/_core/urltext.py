"""The text of URLs (RFC 3986): taking it apart, putting it together, quoting, and url-encoded pairs.

Laws of this module:

- Nothing is ever dropped. `urllib.parse.urlsplit` removes tabs and line breaks, so that what a guard compares differs
  from what was routed; the splitter here keeps every character.
- A component stays where it was put: whatever a path contains, putting a URL together and taking it apart again gives
  the same host. Characters that would end the component are percent-encoded.
- One pass, linear time.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable
from typing import Any
from urllib.parse import SplitResult, quote_plus

from asterion._core.percent import split_fields

__all__ = (
    "TooManyFields",
    "join_url",
    "parse_urlencoded",
    "quote_path",
    "quote_path_text",
    "quote_query",
    "quote_query_bytes",
    "quote_userinfo",
    "render_urlencoded",
    "split_url",
)


# Everything in ASCII that a path cannot hold as it is (RFC 3986 section 3.3), the C1 controls, line and paragraph
# separators, and surrogates, which no encoding can write. Other text beyond ASCII stays readable.
@functools.cache
def _not_in_path_text() -> re.Pattern[str]:
    return re.compile('[\\x00-\\x20"#<>?\\[\\\\\\]^`{|}\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff]')


@functools.cache
def _not_in_path() -> re.Pattern[str]:
    return re.compile(_not_in_path_text().pattern[:-1] + "%]")


@functools.cache
def _not_in_query() -> re.Pattern[str]:
    return re.compile('[\\x00-\\x20"#<>\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff]')


_NOT_IN_USERINFO = re.compile("[^A-Za-z0-9!$%&'()*+,;=._~-]")
_NOT_IN_AUTHORITY = re.compile('[\\x00-\\x20"<>\\\\^`{|}\\x7f]')
_END_OF_AUTHORITY = re.compile("[/?#]")
# Schemes whose URLs have a place for an authority even when it is empty ("file:///etc").
_WITH_AUTHORITY = frozenset(("file", "ftp", "http", "https", "ws", "wss"))
_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*", re.ASCII)


class TooManyFields(ValueError):
    """A url-encoded text has more fields than the reader allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"Too many fields: at most {limit} are allowed here.")
        self.limit = limit


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match.group().encode("utf-8", "surrogatepass"))


@functools.cache
def _written(not_in: re.Pattern[str]) -> list[str]:
    """What is written for each of the 256 bytes."""
    return [not_in.sub(_percent, chr(byte)) if byte < 0x80 else f"%{byte:02X}" for byte in range(256)]


def _quote(text: str, not_in: re.Pattern[str]) -> str:
    if not_in.search(text) is None:
        return text
    if text.isascii():
        # No steps of Python's own for each character: `<`, say, is one that servers let into a query 64,000 times.
        return "".join(map(_written(not_in).__getitem__, text.encode()))
    return not_in.sub(_percent, text)


def quote_path(path: str) -> str:
    """Give the URL text of a **decoded** path, such as `scope["path"]`: a `%` in it is an ordinary character.

    `unquote` of the result is `path` again, whatever it holds.
    """
    return _quote(path, _not_in_path())


def quote_path_text(path: str) -> str:
    """Make path text that is encoded already (its `%41` stay) safe: what would end or hide in the path is encoded."""
    return _quote(path, _not_in_path_text())


def quote_query(query: str) -> str:
    """Make query text safe: white space, controls and `#` are percent-encoded, everything else stays."""
    return _quote(query, _not_in_query())


def quote_query_bytes(query: bytes) -> str:
    """`quote_query` for what servers pass on: each byte beyond ASCII is percent-encoded as well."""
    if query.isascii():
        return _quote(query.decode("ascii"), _not_in_query())
    return "".join(map(_written(_not_in_query()).__getitem__, query))


def quote_userinfo(text: str) -> str:
    """Make a user name or password safe for the authority; percent-encoded text stays as it is."""
    return _NOT_IN_USERINFO.sub(_percent, text)


def split_url(text: str) -> SplitResult:
    """Take a URL or a relative reference apart into scheme (lower case), netloc, path, query and fragment.

    Raises ValueError for an authority that readers disagree about: unbalanced brackets, white space, controls, a
    backslash (browsers take it for a slash), or characters that turn into delimiters when normalised (NFKC).
    """
    scheme = netloc = ""
    rest, _, fragment = text.partition("#")
    head = _SCHEME.match(rest)
    if head is not None and rest[head.end() : head.end() + 1] == ":":
        scheme, rest = head.group().lower(), rest[head.end() + 1 :]
    if rest.startswith("//"):
        end = _END_OF_AUTHORITY.search(rest, 2)
        stop = end.start() if end is not None else len(rest)
        netloc, rest = rest[2:stop], rest[stop:]
        _check_authority(netloc)
    path, _, query = rest.partition("?")
    return SplitResult(scheme, netloc, path, query, fragment)


def _check_authority(netloc: str) -> None:
    bad = _NOT_IN_AUTHORITY.search(netloc)
    if bad is not None:
        raise ValueError(f"The host part of a URL cannot contain {bad.group()!r}: {netloc[:100]!r}")
    host = netloc.rpartition("@")[2]
    opened, closed = host.count("["), host.count("]")
    around = opened == 0 or (opened == 1 and host[0] == "[" and host.partition("]")[2][:1] in ("", ":"))
    if opened != closed or not around or netloc.count("[") != opened:
        raise ValueError(f"Brackets belong around the whole IPv6 address of a URL: {netloc[:100]!r}")
    if not netloc.isascii():
        plain = "".join(char for char in netloc if char not in "@:#?")
        if any(char in "/?#@:" for char in unicodedata.normalize("NFKC", plain)):
            raise ValueError(f"The host part of a URL turns into another one when it is normalised: {netloc[:100]!r}")


def join_url(scheme: str, netloc: str, path: str, query: str, fragment: str) -> str:
    """Put a URL together so that `split_url` finds every component where it was.

    `path` and `query` are URL text. A path can neither become nor move the authority: with a `netloc` it starts with a
    slash, without one a second leading slash is encoded, and so is a colon that would make the first segment a scheme.
    """
    if not netloc and path.startswith("//"):
        path = f"/%2F{path[2:]}"
    if netloc or scheme in _WITH_AUTHORITY:
        slash = "/" if path and not path.startswith("/") else ""
        text = f"//{netloc}{slash}{path}"
    elif not scheme:
        first, slash, rest = path.partition("/")
        text = first.replace(":", "%3A") + slash + rest
    else:
        text = path
    if scheme:
        text = f"{scheme}:{text}"
    if query:
        text = f"{text}?{query}"
    if fragment:
        text = f"{text}#{fragment}"
    return text


def parse_urlencoded(data: str | bytes, max_fields: int | None = None) -> list[tuple[str, str]]:
    """Read `application/x-www-form-urlencoded` text: pairs in order, empty values kept, empty fields skipped.

    `&` is the only separator. Bytes are UTF-8, percent-encoded ones too; what is not valid becomes U+FFFD.
    Raises TooManyFields (a ValueError) if there are more than `max_fields`, before anything is decoded.
    """
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    if not text:
        return []
    if max_fields is not None and sum(map(bool, text.split("&"))) > max_fields:
        raise TooManyFields(max_fields)
    return split_fields(text)


def render_urlencoded(pairs: Iterable[tuple[Any, Any]]) -> str:
    """Write pairs as `application/x-www-form-urlencoded` text in UTF-8, spaces as `+`; anything goes through `str`."""
    return "&".join(
        f"{quote_plus(str(name), errors='surrogatepass')}={quote_plus(str(value), errors='surrogatepass')}"
        for name, value in pairs
    )
