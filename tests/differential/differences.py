"""Where Asterion's Starlette face answers otherwise than Starlette 1.10, each with its reason.

A difference has a condition, and takes what it explains out of both answers; what is left must be equal. Anything that
is not explained here fails.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from asterion._core.hosts import parse_host

Case = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """`settle(case, ours, theirs)` changes the two answers, which are copies, such that they agree on this matter."""

    name: str
    reason: str
    settle: Callable[[Case, Case, Case], None]


def _get(answer: Case, name: str) -> str | None:
    return next((value for other, value in answer["headers"] if other == name), None)


def _drop(answer: Case, *names: str) -> None:
    answer["headers"] = [pair for pair in answer["headers"] if pair[0] not in names]


def _sent(case: Case, name: str) -> str:
    return ", ".join(value for other, value in case["headers"] if other == name)


def _same(ours: Case, theirs: Case) -> None:
    """The whole answers are explained."""
    ours.clear()
    theirs.clear()


def _head(case: Case, ours: Case, theirs: Case) -> None:
    if case["method"] == "HEAD" and ours["body"] == "":
        theirs["body"] = ""


def _allow(case: Case, ours: Case, theirs: Case) -> None:
    for answer in (ours, theirs):
        found = _get(answer, "allow")
        if found is not None:
            _drop(answer, "allow")
            answer["headers"].append(["allow", ", ".join(sorted(found.split(", ")))])


def _locations(case: Case, ours: Case, theirs: Case) -> None:
    mine, other = _get(ours, "location"), _get(theirs, "location")
    if ours["status"] != 307 or theirs["status"] != 307 or mine is None or other is None:
        return
    asked = urlsplit(other)._replace(path=case["target"].partition("?")[0], query="")
    absolute = mine if mine.startswith("http") else urljoin(urlunsplit(asked), mine)
    if absolute == other or (case["app"] == "https" and mine.lower() == other.lower()):
        _drop(ours, "location")
        _drop(theirs, "location")


def _no_redirect_to_405(case: Case, ours: Case, theirs: Case) -> None:
    if ours["status"] == 405 and theirs["status"] == 307 and case["method"] not in ("GET", "HEAD"):
        _same(ours, theirs)


def _etags(case: Case, ours: Case, theirs: Case) -> None:
    if _get(ours, "etag") and _get(theirs, "etag"):
        _drop(ours, "etag")
        _drop(theirs, "etag")


def _nosniff(case: Case, ours: Case, theirs: Case) -> None:
    if "/static" in case["target"] or "/site" in case["target"]:
        _drop(ours, "x-content-type-options")


def _boundaries(case: Case, ours: Case, theirs: Case) -> None:
    for answer in (ours, theirs):
        kind = _get(answer, "content-type") or ""
        boundary = kind.partition("multipart/byteranges; boundary=")[2]
        if boundary:
            _drop(answer, "content-type", "content-length")
            answer["body"] = answer["body"].replace(boundary, "B").replace("\r\n", "\n").strip("\n")


def _bad_body(case: Case, ours: Case, theirs: Case) -> None:
    errors = ("JSONDecodeError", "UnicodeDecodeError", "ValueError")
    if (ours["status"], ours["raised"], theirs["status"]) == (400, None, 500) and theirs["raised"] in errors:
        _same(ours, theirs)


def _form_words(case: Case, ours: Case, theirs: Case) -> None:
    if "/form" in case["target"] and ours.get("status") == theirs.get("status") == 400:
        for answer in (ours, theirs):
            answer["body"] = ""
            _drop(answer, "content-length", "content-encoding", "vary")


def _truncated(case: Case, ours: Case, theirs: Case) -> None:
    is_form = "/form" in case["target"] and "multipart" in _sent(case, "content-type")
    truncated = is_form and "--B--" not in "".join(case["body"])
    if truncated and ours.get("status") == 400 and theirs.get("status") == 200:
        _same(ours, theirs)


def _line_breaks(case: Case, ours: Case, theirs: Case) -> None:
    if "%0A" in case["target"].upper().partition("?")[0]:
        _same(ours, theirs)


def _bad_hosts(case: Case, ours: Case, theirs: Case) -> None:
    if not ours or parse_host(_sent(case, "host")) is not None:
        return
    if case["app"] == "https" and ours["status"] == 400 and theirs["status"] == 307:
        _same(ours, theirs)


def _queries(case: Case, ours: Case, theirs: Case) -> None:
    path, _, query = case["target"].partition("?")
    if path.endswith("/address") and " " in query and ours.get("status") == 200:
        ours["body"] = unquote(ours["body"])
        theirs["body"] = unquote(theirs["body"])
        _drop(ours, "content-length")
        _drop(theirs, "content-length")


def _compressed(case: Case, ours: Case, theirs: Case) -> None:
    if case["app"] != "gzip" or not ours:
        return
    if _get(ours, "vary") == "Accept-Encoding" and _get(theirs, "vary") is None:
        _drop(ours, "vary")
    is_ours, is_theirs = (_get(answer, "content-encoding") == "gzip" for answer in (ours, theirs))
    wanted = _sent(case, "accept-encoding")
    if is_ours and _get(ours, "accept-ranges") is None:
        _drop(theirs, "accept-ranges")
    larger = is_theirs and len(theirs["body"]) >= len(ours["body"])
    if is_ours != is_theirs and (larger or ("gzip;q=0" in wanted if is_theirs else "*" in wanted)):
        for answer in (ours, theirs):
            _drop(answer, "content-encoding", "content-length", "vary")
            answer["body"] = ""
    if case["method"] == "HEAD" and _get(ours, "content-length") is None:
        _drop(theirs, "content-length", "content-encoding")


def _conditions(case: Case, ours: Case, theirs: Case) -> None:
    asked = "*" in _sent(case, "if-none-match") or ("/file" in case["target"] and _sent(case, "if-modified-since"))
    if asked and ours.get("status") == 304 and theirs.get("status") in (200, 206, 416):
        _same(ours, theirs)


def _head_of_ranges(case: Case, ours: Case, theirs: Case) -> None:
    if case["method"] == "HEAD" and ours.get("status") == 200 and theirs.get("status") in (206, 416):
        _same(ours, theirs)


def _satisfiable(case: Case, ours: Case, theirs: Case) -> None:
    several = "," in _sent(case, "range")
    if several and ours.get("status") == 206 and theirs.get("status") == 416:
        _same(ours, theirs)


def _unsatisfiable(case: Case, ours: Case, theirs: Case) -> None:
    if ours.get("status") == theirs.get("status") == 416:
        _drop(ours, "accept-ranges", "etag")
        _drop(theirs, "content-type", "accept-ranges", "etag")


def _unknown_ranges(case: Case, ours: Case, theirs: Case) -> None:
    if "x=1" in _sent(case, "range") and ours.get("status") == 200 and theirs.get("status") == 400:
        _same(ours, theirs)


def _cors(case: Case, ours: Case, theirs: Case) -> None:
    if not case["app"].startswith("cors") or not ours:
        return
    preflight = case["method"] == "OPTIONS" and _sent(case, "access-control-request-method")
    if preflight or (case["app"] == "cors-any" and _get(ours, "vary") is None):
        _drop(ours, "vary")
        _drop(theirs, "vary")
    if _get(ours, "access-control-allow-origin") is None and _get(theirs, "access-control-allow-origin") is None:
        for answer in (ours, theirs):
            _drop(answer, "access-control-allow-credentials", "access-control-expose-headers")


DIFFERENCES = [
    Difference(
        "line-breaks",
        "A path matches as a whole: a final line break is not overlooked (it went past guards), one inside is routed.",
        _line_breaks,
    ),
    Difference(
        "no-redirect-to-405",
        "A path is not redirected to its other slash to be told there that the method is not allowed: 405 at once.",
        _no_redirect_to_405,
    ),
    Difference(
        "malformed-body", "A body that is not JSON is the client's fault: 400 and not an exception (500).", _bad_body
    ),
    Difference(
        "truncated-form", "A form without its closing boundary has lost parts: 400, not an empty form.", _truncated
    ),
    Difference("unknown-range-unit", "A Range in another unit is ignored (RFC 9110 14.2), not a 400.", _unknown_ranges),
    Difference(
        "conditions",
        "`If-None-Match: *` is met by whatever there is (RFC 9110 13.1.2); a FileResponse knows conditions by itself.",
        _conditions,
    ),
    Difference("head-of-ranges", "A Range counts for GET only (RFC 9110 14.2).", _head_of_ranges),
    Difference("satisfiable", "One range of several that exists is answered (RFC 9110 14.1.2).", _satisfiable),
    Difference("unsatisfiable", "A 416 without a body has no type, and says that ranges are served.", _unsatisfiable),
    Difference("bad-host", "No redirect is made of a Host header that is no host: 400.", _bad_hosts),
    Difference("head", "The answer to HEAD has no body, whether the server would cut it off or not.", _head),
    Difference(
        "allow-order", "The methods in Allow are sorted, so that answers are the same in every process.", _allow
    ),
    Difference(
        "locations",
        "A redirect to another slash is relative, so that no Host header leads elsewhere; hosts are in lower case.",
        _locations,
    ),
    Difference(
        "etag", "An entity tag is made of time and size without a hash; weak where the body is compressed.", _etags
    ),
    Difference("nosniff", "Static files are served with X-Content-Type-Options: nosniff.", _nosniff),
    Difference(
        "boundaries",
        "Boundaries between ranges are random on both sides; the lines around ours end with CR LF throughout.",
        _boundaries,
    ),
    Difference("form-words", "What was wrong with a form is said in other words.", _form_words),
    Difference("query-text", "Spaces and controls of a raw query are percent-encoded in `request.url`.", _queries),
    Difference(
        "compression",
        "q=0 refuses gzip and * takes it; what would grow is left as it is; what could have been compressed varies by "
        "Accept-Encoding; compressed answers take no ranges; HEAD does not announce what GET would compress.",
        _compressed,
    ),
    Difference(
        "cors",
        "A preflight cannot be cached, so it does not list what it varies by; an open policy does not vary by Origin; "
        "an origin that is not allowed is told nothing else either.",
        _cors,
    ),
]


def unexplained(case: Case, ours: Case, theirs: Case) -> tuple[list[str], list[str]]:
    """The fields in which two answers differ for no reason above, and the names of the reasons that were needed."""
    mine, other = _copy(ours), _copy(theirs)
    used = []
    for difference in DIFFERENCES:
        if mine == other:
            break
        before = _copy(mine), _copy(other)
        difference.settle(case, mine, other)
        if (mine, other) != before:
            used.append(difference.name)
        for answer in (mine, other):
            if "headers" in answer:
                answer["headers"].sort()
    return [field for field in mine.keys() | other.keys() if mine.get(field) != other.get(field)], used


def _copy(answer: Case) -> Case:
    return {**answer, "headers": [list(pair) for pair in answer["headers"]]} if "headers" in answer else {}
