"""Only requests for hosts we know get in.

Laws: a pattern is a literal or `*.` before a literal, never a regular expression; the header is parsed once and
strictly (no port out of range, no empty label), and a request with two Host headers has none (RFC 9112 3.2).
"""

from collections.abc import Sequence

from asterion._core.hosts import host_header, parse_host
from asterion.datastructures import URL
from asterion.responses import PlainTextResponse, RedirectResponse, Response
from asterion.types import ASGIApp, Receive, Scope, Send
from asterion.websockets import refuse_connection

ENFORCE_DOMAIN_WILDCARD = "Domain wildcard patterns must be like '*.example.com'."


class InvalidHostPattern(AssertionError, ValueError):
    """A pattern of `allowed_hosts` that could never mean what it says (upstream raised AssertionError)."""


class TrustedHostMiddleware:
    """Answer 400 unless the Host header names one of `allowed_hosts`.

    `allowed_hosts`: names, addresses (`127.0.0.1`, `[::1]`) or `*.example.com` for every subdomain; compared without
    case and without the port. `*` (the default) lets everything pass, unparsed. With `www_redirect`, a host that is
    allowed only with `www.` before it is redirected there. A WebSocket is refused by a denial response if the server
    offers that extension, else by closing.

    Raises InvalidHostPattern for a pattern of another form.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str] | None = None, www_redirect: bool = True) -> None:
        given = ["*"] if allowed_hosts is None else allowed_hosts
        patterns = [given] if isinstance(given, str) else list(given)
        for pattern in patterns:
            _check_pattern(pattern)
        self.app = app
        self.allowed_hosts = patterns
        self.allow_any = "*" in patterns
        self.www_redirect = www_redirect
        self._names = frozenset(p.lower() for p in patterns if not p.startswith("*"))
        self._suffixes = tuple(p[1:].lower() for p in patterns if p.startswith("*."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, redirect it or refuse it."""
        if self.allow_any or scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        host = host_of(scope)
        if host is not None and self._allows(host):
            await self.app(scope, receive, send)
            return
        await refuse_connection(scope, receive, send, self._refusal(host, scope), reason="Invalid host")

    def _allows(self, host: str) -> bool:
        # A suffix keeps its dot and something must stand before it, so `*.a.example` means neither `a.example` nor
        # `xa.example`.
        return host in self._names or (bool(self._suffixes) and host.endswith(self._suffixes) and host[0] != ".")

    def _refusal(self, host: str | None, scope: Scope) -> Response:
        if self.www_redirect and host is not None and "www." + host in self._names:
            url = URL(scope=scope)
            return RedirectResponse(url.replace(netloc="www." + url.netloc))
        return PlainTextResponse("Invalid host header", status_code=400)


def host_of(scope: Scope) -> str | None:
    """The lower-cased name or address in the one Host header of `scope`, without its port; None if it is not valid."""
    parsed = parse_host(host_header(scope["headers"]) or "")
    return None if parsed is None else parsed[0]


def _check_pattern(pattern: str) -> None:
    if pattern == "*":
        return
    literal = pattern[2:] if pattern.startswith("*.") else pattern
    parsed = parse_host(literal) if "*" not in literal else None
    if parsed is None or parsed[1] is not None:
        raise InvalidHostPattern(
            f"{ENFORCE_DOMAIN_WILDCARD} Got {pattern!r} in allowed_hosts; write a host name or address without scheme, "
            "port or path, '*.' followed by one, or '*' alone"
        )
