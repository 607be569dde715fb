"""Origins: whose page a browser speaks for (RFC 6454, and the Fetch standard's `Origin` and `Sec-Fetch-Site`).

Laws of this module:

- An origin is a scheme, a host and a port, and is compared as a whole after default ports are left out. Never a
  regular expression, a prefix or a suffix (CVE-2026-25478).
- `null`, several `Origin` headers and what is malformed are the origin of nobody: they are equal to nothing and cannot
  be allowed. Every sandboxed frame of every site is `null`.
- A browser cannot be made to lie in these headers by a page, and what is no browser carries no cookies of others. So a
  request without them is not forged; one that has them is judged.
"""

from collections.abc import Collection, Iterable, MutableMapping
from typing import Any

from asterion._core.hosts import host_header, parse_host

__all__ = ("SAFE_METHODS", "OriginPolicy", "canonical_origin", "origin_allowed", "own_origin", "same_origin")

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "QUERY", "TRACE"})
"""Methods that change nothing (RFC 9110 9.2.1, and QUERY), which are never refused."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PAGE_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_SCHEME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+-.")
_MAX_ORIGIN = 512

_READ = frozenset({b"origin", b"sec-fetch-site", b"cookie", b"authorization"})

Scope = MutableMapping[str, Any]


def canonical_origin(text: str) -> str | None:
    """Give `scheme://host[:port]` in lower case without a default port; None if `text` is no such origin."""
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator or len(text) > _MAX_ORIGIN or not text.isascii():
        return None
    if not scheme[:1].isalpha() or not _SCHEME_CHARACTERS.issuperset(scheme):
        return None
    parsed = parse_host(rest)
    if parsed is None:
        return None
    host, port = parsed
    return f"{scheme}://{host}" if port is None or port == _DEFAULT_PORTS.get(scheme) else f"{scheme}://{host}:{port}"


def own_origin(scope: Scope) -> str | None:
    """Give the origin of the pages that this very address serves, by the scheme of the scope and its one `Host` header.

    None if there is no valid one. Behind a proxy that ends TLS the scheme is right if the server is told to believe
    the proxy.
    """
    scheme = _PAGE_SCHEMES.get(scope.get("scheme") or ("ws" if scope["type"] == "websocket" else "http"))
    host = host_header(scope["headers"])
    return None if scheme is None or host is None else canonical_origin(f"{scheme}://{host}")


def same_origin(scope: Scope) -> bool:
    """Whether the request has an `Origin` header and it is this server's own (see `own_origin`)."""
    origin = _origin_of(scope)
    return origin is not None and origin == own_origin(scope)


def origin_allowed(scope: Scope, allowed: Collection[str]) -> bool:
    """Whether the `Origin` header of the request is this server's own or one of `allowed`, which must be canonical."""
    origin = _origin_of(scope)
    return origin is not None and (origin in allowed or origin == own_origin(scope))


def _origin_of(scope: Scope) -> str | None:
    lines = [value for name, value in scope["headers"] if name == b"origin"]
    return canonical_origin(lines[0].decode("latin-1")) if len(lines) == 1 else None


class OriginPolicy:
    """Which origins may speak to this server with its visitors' credentials.

    `allowed_origins` are exact (`https://app.example`, `http://localhost:3000`); the server's own is always allowed.
    Without `always`, requests that carry neither `Cookie` nor `Authorization` are not looked at: there is nothing in
    them that a foreign page could abuse. With `require_origin`, what says nothing about its origin (any client that is
    no browser) is refused as well. If `always` is None it is as if set where there are `allowed_origins` or
    `require_origin`.

    Raises ValueError for what is no exact origin.
    """

    __slots__ = ("allowed", "always", "require_origin")

    def __init__(
        self, allowed_origins: Iterable[str] = (), *, always: bool | None = None, require_origin: bool = False
    ) -> None:
        # A lone string would be taken for its characters.
        given = [allowed_origins] if isinstance(allowed_origins, str) else list(allowed_origins)
        self.allowed = frozenset(_checked(origin) for origin in given)
        self.always = bool(self.allowed) or require_origin if always is None else always
        self.require_origin = require_origin

    def refusal(self, scope: Scope) -> str | None:
        """Why this request or handshake is refused, for the log; None if it may go on."""
        found: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            if name in _READ:
                found.setdefault(name, []).append(value)
        if not self.always and b"cookie" not in found and b"authorization" not in found:
            return None
        lines = found.get(b"origin", [])
        if origin_allowed(scope, self.allowed):
            return None
        site = b",".join(found.get(b"sec-fetch-site", []))
        if site == b"same-origin":
            # The browser knows better than we do behind a proxy; and a page with `Referrer-Policy: no-referrer` is
            # `null` to us.
            return None
        shown = ", ".join(repr(line[:100].decode("latin-1")) for line in lines[:3])
        if lines:
            return f"its origin {shown} is neither {own_origin(scope)!r} nor one of {len(self.allowed)} allowed ones"
        if site in (b"cross-site", b"same-site"):
            return f"its browser says that a page of another origin sent it (Sec-Fetch-Site: {site.decode()})"
        return "it has no Origin header" if self.require_origin else None


def _checked(origin: Any) -> str:
    canonical = canonical_origin(origin) if isinstance(origin, str) else None
    if canonical is None:
        hint = "write scheme://host[:port] without path, pattern or final slash, in ASCII (xn--...)"
        if origin == "*":
            hint = "every site would act as its visitors; to check nothing, leave the check out"
        elif origin == "null":
            hint = "sandboxed frames of every site have that origin"
        raise ValueError(f"{origin!r} in allowed_origins is no exact origin: {hint}")
    scheme = canonical.partition(":")[0]
    if _PAGE_SCHEMES.get(scheme, scheme) != scheme:
        page = _PAGE_SCHEMES[scheme] + canonical[len(scheme) :]
        raise ValueError(f"{origin!r} in allowed_origins is no origin of a page: write {page!r}")
    return canonical
