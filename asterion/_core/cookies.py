"""Cookies: reading the `Cookie` header and writing `Set-Cookie` (RFC 6265).

Laws of this module:

- Reading never fails and takes linear time (unquoting in the standard library was quadratic, CVE-2024-7592). Of a name
  sent twice the last value counts; a cookie without a name is kept under "", so that `=__Host-id=x` can never pass for
  `__Host-id`.
- Writing either gives a line that a browser keeps as it was meant, or raises ValueError. Nothing in a name, value, path
  or domain can add an attribute or a line.
- Any text can be a value. What is not plain is quoted as `http.cookies` does it; characters outside of Latin-1 are
  quoted as their UTF-8 bytes, and reading gives the text back.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.utils import format_datetime, formatdate
from typing import Literal

from asterion._core.hosts import parse_host

__all__ = ("MAX_COOKIE_SIZE", "SameSite", "find_cookie", "parse_cookie_header", "render_set_cookie")

SameSite = Literal["lax", "strict", "none"]

# Browsers drop a cookie whose name and value are longer together (RFC 6265bis section 5.6).
MAX_COOKIE_SIZE = 4096

_PLAIN = frozenset("!#$%&'*+-.^_`|~:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_PLAIN_IN_QUOTES = _PLAIN | frozenset(" ()/<=>?@[]{}")
_ESCAPE = re.compile(r"\\(?:([0-3][0-7][0-7])|(.))", re.DOTALL)


def parse_cookie_header(text: str) -> dict[str, str]:
    """Give name to value for the cookies in the text of a `Cookie` header."""
    cookies: dict[str, str] = {}
    for piece in text.split(";"):
        name, equals, value = piece.partition("=")
        if not equals:
            name, value = "", name
        name, value = name.strip(), value.strip()
        if name or value:
            cookies[name] = _unquote(value) if value[:1] == '"' else value
    return cookies


def find_cookie(headers: Iterable[tuple[bytes, bytes]], name: str) -> str | None:
    """Give the value of one cookie in the header lines of a scope; None without it.

    HTTP/2 may send a line for each cookie (RFC 9113 section 8.2.3).
    """
    sent = "; ".join(value.decode("latin-1") for key, value in headers if key == b"cookie")
    return parse_cookie_header(sent).get(name) if name in sent else None


def _unquote(value: str) -> str:
    if len(value) < 2 or value[-1] != '"':
        return value
    inside = value[1:-1]
    if "\\" not in inside:
        return inside
    text = _ESCAPE.sub(_unescape, inside)
    # Escapes stand for bytes. If the bytes are UTF-8 that is what they mean, else Latin-1, as http.cookies writes them.
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _unescape(match: re.Match[str]) -> str:
    octal = match.group(1)
    return chr(int(octal, 8)) if octal else match.group(2)


def _quote(value: str) -> str:
    if value and _PLAIN.issuperset(value):
        return value
    return f'"{"".join(map(_escape, _as_bytes(value)))}"'


def _as_bytes(value: str) -> str:
    """Give text whose characters are the bytes to escape, such that `_unquote` finds its way back."""
    if value.isascii():
        return value
    try:
        raw = value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass").decode("latin-1")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return value
    # These Latin-1 bytes would be read as UTF-8, so they are written as UTF-8.
    return value.encode("utf-8").decode("latin-1")


def _escape(char: str) -> str:
    if char in _PLAIN_IN_QUOTES:
        return char
    return f"\\{char}" if char in '"\\' else f"\\{ord(char):03o}"


def render_set_cookie(
    key: str,
    value: str = "",
    max_age: int | None = None,
    expires: datetime | str | int | None = None,
    path: str | None = "/",
    domain: str | None = None,
    secure: bool = False,
    httponly: bool = False,
    samesite: SameSite | None = "lax",
    partitioned: bool = False,
    now: Callable[[], float] = time.time,
) -> str:
    """Give the value of a `Set-Cookie` header.

    `max_age` is in seconds; `expires` is a date (with a time zone), the text of one, or seconds from `now()`.
    Raises ValueError naming what is wrong: a name that is no token, a path or domain with characters that end an
    attribute, a cookie longer than 4,096 bytes, and the combinations browsers silently drop: SameSite=None, Partitioned
    and the prefixes `__Secure-` and `__Host-` without what they require (RFC 6265bis section 4.1.3).
    """
    if not key or not _PLAIN.issuperset(key):
        raise ValueError(f"Cookie name {key!r} is not a token: use letters, digits and !#$%&'*+-.^_`|~: only.")
    _check_combination(key, path, domain, secure, samesite, partitioned)
    pair = f"{key}={_quote(value)}"
    size = len(pair) - len("=")
    if size > MAX_COOKIE_SIZE:
        raise ValueError(
            f"Cookie {key!r} is {size} bytes long when quoted; browsers drop more than {MAX_COOKIE_SIZE}. "
            "Keep the data on the server and send a key."
        )
    attributes = (
        f"Domain={_domain(key, domain)}" if domain else None,
        None if expires is None else f"expires={_expires(key, expires, now)}",
        "HttpOnly" if httponly else None,
        None if max_age is None else f"Max-Age={int(max_age)}",
        "Partitioned" if partitioned else None,
        None if path is None else f"Path={_attribute(key, 'path', path)}",
        None if samesite is None else f"SameSite={samesite}",
        "Secure" if secure else None,
    )
    return "; ".join([pair, *filter(None, attributes)])


def _check_combination(
    key: str, path: str | None, domain: str | None, secure: bool, samesite: str | None, partitioned: bool
) -> None:
    if samesite is not None and samesite.lower() not in ("lax", "strict", "none"):
        raise ValueError(f"samesite of cookie {key!r} is 'lax', 'strict', 'none' or None, not {samesite!r}.")
    prefix = key.lower()
    needs_secure = {
        "SameSite=None": samesite is not None and samesite.lower() == "none",
        "Partitioned": partitioned,
        "the prefix __Secure-": prefix.startswith("__secure-"),
        "the prefix __Host-": prefix.startswith("__host-"),
    }
    if not secure and any(needs_secure.values()):
        reason = next(name for name, present in needs_secure.items() if present)
        raise ValueError(f"Cookie {key!r} has {reason}, which browsers accept with secure=True only.")
    if prefix.startswith("__host-") and (path != "/" or domain):
        raise ValueError(f"Cookie {key!r} has the prefix __Host-: it takes path='/' and no domain.")


def _domain(key: str, domain: str) -> str:
    host = parse_host(domain.removeprefix("."))
    if host is None or host[1] is not None:
        raise ValueError(f"domain of cookie {key!r} is not a host name: {domain!r}")
    return domain


def _attribute(key: str, attribute: str, text: str) -> str:
    if not text.isascii() or not text.isprintable() or ";" in text:
        raise ValueError(
            f"{attribute} of cookie {key!r} cannot contain semicolons, controls or non-ASCII characters: {text!r}"
        )
    return text


def _expires(key: str, expires: datetime | str | int, now: Callable[[], float]) -> str:
    if isinstance(expires, str):
        return _attribute(key, "expires", expires)
    if isinstance(expires, datetime):
        if expires.tzinfo is None:
            raise ValueError(
                f"expires of cookie {key!r} has no time zone: {expires!r}. Write datetime(..., tzinfo=timezone.utc)."
            )
        return format_datetime(expires.astimezone(UTC), usegmt=True)
    return formatdate(now() + expires, usegmt=True)
