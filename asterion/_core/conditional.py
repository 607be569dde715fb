"""Conditional requests (RFC 9110 section 13): does the client have it already, and may this range be sent?

Laws of this module:

- `If-None-Match` is compared weakly and decides alone; `If-Modified-Since` counts only where it is absent.
- `If-Match` and `If-Range` are compared strongly: a weak tag never matches there.
- A date or a tag that is malformed matches nothing. The client then gets the whole answer, which is always right.

All functions take the headers the response would have with status 200, and the headers of the request.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from asterion._core.headers import Headers

__all__ = ("entity_tags", "if_range_matches", "is_not_modified", "precondition_failed", "strong_match", "weak_match")

# The longest HTTP-date (RFC 850 form, "Wednesday, ...") has 33 characters.
_MAX_DATE = 64


def weak_match(one: str, two: str) -> bool:
    """Whether two entity tags are equal, weak or not (RFC 9110 section 8.8.3.2). Both with their quotes."""
    return one.removeprefix("W/") == two.removeprefix("W/")


def strong_match(one: str, two: str) -> bool:
    """Whether two entity tags are equal and both are strong. Both with their quotes."""
    return one == two and not one.startswith("W/")


def is_not_modified(response_headers: Headers, request_headers: Headers) -> bool:
    """Whether the client's copy is current, so that the answer to its GET or HEAD is 304."""
    wanted = request_headers.getlist("if-none-match")
    if wanted:
        tags, anything = entity_tags(wanted)
        if anything:
            return True
        tag = response_headers.get("etag")
        return tag is not None and any(weak_match(tag, other) for other in tags)
    since = _http_date(request_headers.get("if-modified-since"))
    modified = _http_date(response_headers.get("last-modified"))
    return since is not None and modified is not None and modified <= since


def precondition_failed(response_headers: Headers, request_headers: Headers) -> bool:
    """Whether the client wanted this done to another version of the representation, so that the answer is 412.

    Asked before anything else (RFC 9110 section 13.2.2).
    """
    wanted = request_headers.getlist("if-match")
    if wanted:
        tags, anything = entity_tags(wanted)
        tag = response_headers.get("etag")
        return not anything and not (tag is not None and any(strong_match(tag, other) for other in tags))
    since = _http_date(request_headers.get("if-unmodified-since"))
    modified = _http_date(response_headers.get("last-modified"))
    return since is not None and modified is not None and modified > since


def if_range_matches(response_headers: Headers, request_headers: Headers) -> bool:
    """Whether a `Range` of this request may be answered by a part: there is no `If-Range`, or it names this version."""
    wanted = request_headers.get("if-range")
    if wanted is None:
        return True
    if wanted.startswith(('"', "W/")):
        tag = response_headers.get("etag")
        return tag is not None and strong_match(tag, wanted)
    # A date must be the very one (RFC 9110 section 13.1.5): "not changed since" is not enough to join two parts.
    date = _http_date(wanted)
    return date is not None and date == _http_date(response_headers.get("last-modified"))


_TAG = re.compile('(?:W/)?"[^"]*"')
_TAGS = re.compile(f"(?:[ \\t,]*+{_TAG.pattern})*+")


def entity_tags(values: list[str]) -> tuple[list[str], bool]:
    """Give the entity tags in the lines of a header, and whether it is the `*` that stands for any.

    A tag may contain commas and spaces but no quote, so it is found by its quotes, in one pass. What follows something
    that is no tag is not read.
    """
    text = ",".join(values)
    if text.strip(" \t") == "*":
        return [], True
    rest = _TAGS.sub("", text, count=1)
    return _TAG.findall(text, 0, len(text) - len(rest)), False


def _http_date(text: str | None) -> datetime | None:
    """Read a date in any of the three forms of RFC 9110 section 5.6.7; None if it is none."""
    if text is None or len(text) > _MAX_DATE or not text.isascii():
        return None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # "-0000" and the asctime form carry no zone: HTTP dates are in UTC.
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date
