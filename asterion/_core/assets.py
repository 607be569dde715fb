"""What is decided of a file that is served by its URL: how long it is kept, in which coding it goes out, and what may
stand for it where it is missing.

Pure: from names and headers to a decision. Sources: RFC 9110 (12.5.1, 12.5.3), RFC 9111 and RFC 8246 for `immutable`,
Fetch Metadata for `Sec-Fetch-Mode`.
"""

import re
from collections.abc import Callable, Collection, Sequence

from asterion._core.headers import Headers
from asterion._core.headertext import encode_header_value
from asterion._core.negotiation import choose_encoding, media_type_quality, parse_accept

# What the sibling of a file in a coding is called, the coding that is best for the same content first.
CODING_ENDINGS = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}

IMMUTABLE = "public, max-age=31536000, immutable"

CacheControl = str | Callable[[str], str | None]

# What decides whether somebody gets a page in place of a missing file.
PAGE_VARIES_BY = "Accept, Sec-Fetch-Mode"
_PAGES = ("text/html", "application/xhtml+xml")


class CachePolicy:
    """The Cache-Control of files by their path: `immutable`, a regular expression, wins over `cache_control`.

    Raises ValueError for a value that no header can hold, `re.error` for a pattern that is none.
    """

    __slots__ = ("_cache_control", "_immutable")

    def __init__(self, cache_control: CacheControl | None, immutable: str | re.Pattern[str] | None) -> None:
        if isinstance(cache_control, str):
            encode_header_value(cache_control, "cache-control")
        self._cache_control = cache_control
        self._immutable = re.compile(immutable) if immutable is not None else None

    def value_for(self, path: str) -> str | None:
        """The value for the file at `path`, relative and with `/` between segments, or None for no such header."""
        if self._immutable is not None and self._immutable.search(path):
            return IMMUTABLE
        return self._cache_control(path) if callable(self._cache_control) else self._cache_control


def checked_codings(precompressed: bool | Sequence[str]) -> tuple[str, ...]:
    """The codings to look for, best first. Raises ValueError for one that has no file name ending."""
    if isinstance(precompressed, bool):
        return tuple(CODING_ENDINGS) if precompressed else ()
    codings = (precompressed,) if isinstance(precompressed, str) else tuple(precompressed)
    for coding in codings:
        if coding not in CODING_ENDINGS:
            known = ", ".join(map(repr, CODING_ENDINGS))
            raise ValueError(f"precompressed={precompressed!r} names {coding!r}, which is not one of {known}, or True")
    return codings


def pick_coding(method: str, headers: Headers, available: Collection[str], preferred: Sequence[str]) -> str | None:
    """Which of the `available` codings of a file to send; None for the file as it is.

    A part of a file is always a part of the file as it is, so whoever asks for a range gets that, unless it is refused.
    """
    header = ", ".join(headers.getlist("accept-encoding"))
    coding = choose_encoding(header, [one for one in preferred if one in available])
    if coding is None or coding == "identity":
        return None
    if method == "GET" and "range" in headers and choose_encoding(header, ()) is not None:
        return None
    return coding


def wants_page(path: str, headers: Headers) -> bool:
    """Whether a GET or HEAD for `path`, which is no file, is somebody opening a page.

    They must ask for HTML by name: `*/*` is what programs send. A browser that says what it is doing must be opening a
    page (`Sec-Fetch-Mode: navigate`). A path that ends like a file (`/app.js`) is a file that is missing.
    """
    if "." in path.rpartition("/")[2] and path != ".":
        return False
    if headers.get("sec-fetch-mode", "navigate").lower() != "navigate":
        return False
    accept = ", ".join(headers.getlist("accept"))
    named = {member.value for member in parse_accept(accept)}
    return any(page in named and media_type_quality(accept, page) > 0 for page in _PAGES)
