"""Where a client may send itself on to: `?next=` and its like (open redirects, ASVS 5.0 3.7.2).

Laws: the result is a path of this very host, whoever reads it and however often it is decoded on the way; what is not
surely one is refused and never repaired, as a repair is one more reader that may disagree with the others.
"""

import re
import unicodedata

from asterion._core.origins import canonical_origin
from asterion._core.percent import unquote_text

__all__ = ("next_path",)

LONGEST = 2048
"""Characters of a target. Longer ones are nobody's page, and normalising text takes its time (CVE-2025-64458)."""

_DECODINGS = 5
_END_OF_PATH = re.compile("[?#]")
_END_OF_AUTHORITY = re.compile("[/?#]")
_CONTROLS = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\\\]")


def next_path(target: str, own_origin: str | None) -> str | None:
    """Give `target` as a path with query and fragment if it leads to `own_origin`, else None.

    A target is a path that begins with one `/`, or a whole URL of `own_origin` (`scheme://host[:port]`, canonical; None
    if it is not known), of which the path is given.
    """
    # Browsers drop tabs and line breaks wherever they are, and white space and controls at the ends.
    if not target or len(target) > LONGEST or " " in target or not target.isprintable() or "\\" in target:
        return None
    if not target.startswith("/"):
        scheme, separator, rest = target.partition("://")
        end = _END_OF_AUTHORITY.search(rest)
        authority = rest if end is None else rest[: end.start()]
        if own_origin is None or canonical_origin(f"{scheme}{separator}{authority}") != own_origin:
            return None
        target = rest[len(authority) :]
        if not target.startswith("/"):
            target = "/" + target
    return target if _stays_a_path(_END_OF_PATH.split(target, maxsplit=1)[0]) else None


def _stays_a_path(path: str) -> bool:
    """Whether `path` begins with just one slash, also for those who decode it, fold its characters or clean it up."""
    for _ in range(_DECODINGS):
        folded = unicodedata.normalize("NFKC", path)
        if _CONTROLS.search(folded) or _begins_an_authority(folded):
            return False
        decoded = unquote_text(path)
        if decoded == path:
            return True
        path = decoded
    return False


def _begins_an_authority(path: str) -> bool:
    # `/.//host` and `/a/..//host` are `//host` once the dots are taken out (RFC 3986 section 5.2.4).
    depth: list[str] = []
    segments = path[1:].split("/")
    for segment in segments[:-1]:
        if segment == "..":
            del depth[-1:]
        elif segment != ".":
            depth.append(segment)
            if len(depth) == 1 and not segment:
                return True
    return False
