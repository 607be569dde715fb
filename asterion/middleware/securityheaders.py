"""What browsers are told to forbid the pages of this application (OWASP ASVS 5.0, 3.4).

Laws: what a response says itself stays; a header that is turned off is not there; nothing that a client sent gets into
a value; a nonce is new in every response, and in no answer that makes a browser reuse an older page.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Literal

from asterion._core.contentpolicy import (
    NONCE,
    Policy,
    StrictTransportSecurity,
    checked_text,
    permissions_text,
    policy_text,
)
from asterion._core.hosts import host_header, parse_host
from asterion._core.scopekeys import CSP_NONCE
from asterion._core.wire import StartWatch
from asterion.requests import HTTPConnection
from asterion.types import ASGIApp, Message, Receive, Scope, Send

__all__ = (
    "DEFAULT_POLICY",
    "DEFAULT_TRANSPORT_SECURITY",
    "NONCE",
    "SecurityHeadersMiddleware",
    "StrictTransportSecurity",
    "csp_nonce",
)

DEFAULT_POLICY: Policy = {"base-uri": "'self'", "object-src": "'none'", "frame-ancestors": "'self'"}
"""What no plain page misses: plug-ins, a foreign base for its links, and frames of other sites around it."""

DEFAULT_TRANSPORT_SECURITY = StrictTransportSecurity()
"""A year over TLS alone, for this very host (ASVS 5.0, 3.4.1)."""

_NONCE_BYTES = 16  # 128 bits, as CSP level 3 asks for (section 2.3)

Line = tuple[bytes, bytes]


class SecurityHeadersMiddleware:
    """Add headers to every response that make browsers stricter, unless the response has them itself.

    Each setting is the text of a header, and None turns it off. `content_security_policy` and
    `content_security_policy_report_only` are a policy each, as text or by directive
    (`{"default-src": "'self'", "script-src": ["'self'", NONCE]}`); where `NONCE` stands, each response has a nonce of
    its own, which templates and endpoints read by `csp_nonce(request)` or `request.state.csp_nonce`.
    `strict_transport_security` is sent over TLS only, and never by `localhost`. `cross_origin_resource_policy` is left
    out of responses that CORS gives to others. `permissions_policy` is text, or origins by feature
    (`{"camera": (), "geolocation": "self"}`).

    Put it first in the list, or around the application: it adds to whatever the layers inside of it answer. WebSockets
    pass. Raises ValueError for a value that is no header, or that browsers would ignore.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        content_security_policy: Policy | None = DEFAULT_POLICY,
        content_security_policy_report_only: Policy | None = None,
        content_type_options: Literal["nosniff"] | None = "nosniff",
        frame_options: Literal["DENY", "SAMEORIGIN"] | None = "SAMEORIGIN",
        referrer_policy: str | None = "strict-origin-when-cross-origin",
        cross_origin_opener_policy: str | None = "same-origin",
        cross_origin_resource_policy: str | None = "same-origin",
        cross_origin_embedder_policy: str | None = None,
        permissions_policy: str | Mapping[str, str | Sequence[str]] | None = None,
        strict_transport_security: StrictTransportSecurity | None = DEFAULT_TRANSPORT_SECURITY,
    ) -> None:
        self.app = app
        words = {
            "content_type_options": (content_type_options, ("nosniff",)),
            "frame_options": (frame_options, ("DENY", "SAMEORIGIN")),
            "referrer_policy": (referrer_policy, _REFERRER_POLICIES),
            "cross_origin_opener_policy": (cross_origin_opener_policy, _OPENER_POLICIES),
            "cross_origin_resource_policy": (cross_origin_resource_policy, _RESOURCE_POLICIES),
            "cross_origin_embedder_policy": (cross_origin_embedder_policy, _EMBEDDER_POLICIES),
        }
        self._lines = [
            (_NAMES[setting], _word(setting, value, known))
            for setting, (value, known) in words.items()
            if value is not None
        ]
        if permissions_policy is not None:
            self._lines.append((b"permissions-policy", permissions_text(permissions_policy).encode()))
        self._with_nonce: list[tuple[bytes, str]] = []
        self._add_policy(b"content-security-policy", content_security_policy)
        self._add_policy(b"content-security-policy-report-only", content_security_policy_report_only)
        self._transport = None
        if strict_transport_security is not None:
            self._transport = (b"strict-transport-security", str(_transport(strict_transport_security)).encode())

    def _add_policy(self, name: bytes, policy: Policy | None) -> None:
        if policy is None:
            return
        text = policy_text(policy, name.decode().replace("-", "_"))
        if NONCE in text:
            self._with_nonce.append((name, text))
        else:
            self._lines.append((name, text.encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the inner app with a `send` that adds to the head of its response."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self._with_nonce:
            # One for all of these middlewares around a response: the innermost writes the policy.
            nonce = scope.get(CSP_NONCE) or secrets.token_urlsafe(_NONCE_BYTES)
            scope[CSP_NONCE] = scope.setdefault("state", {})["csp_nonce"] = nonce
        await self.app(scope, receive, _Adding(self, scope, send).send)

    def lines_for(self, scope: Scope, status: int) -> list[Line]:
        """What a response with this status gets if it has none of it itself.

        A 304 gets no policy with a nonce: the browser would take the new one for the page that it kept.
        """
        lines = self._lines
        if self._with_nonce and status != 304:
            nonce = scope[CSP_NONCE]
            lines = [*lines, *((name, text.replace("{nonce}", nonce).encode()) for name, text in self._with_nonce)]
        if self._transport is not None and scope.get("scheme") == "https" and not _is_localhost(scope):
            lines = [*lines, self._transport]
        return lines


class _Adding(StartWatch):
    """The `send` of one request: completes the head, then leads on."""

    __slots__ = ("_middleware", "_scope")

    def __init__(self, middleware: SecurityHeadersMiddleware, scope: Scope, send: Send) -> None:
        super().__init__(send)
        self._middleware = middleware
        self._scope = scope

    async def send(self, message: Message) -> None:
        if self.leads_to is None and message["type"] == "http.response.start":
            # The list may be shared with other requests: what is added goes into a copy.
            headers = list(message.get("headers", ()))
            there = {name.lower() for name, _ in headers}
            if b"access-control-allow-origin" in there:
                there.add(b"cross-origin-resource-policy")
            lines = self._middleware.lines_for(self._scope, message["status"])
            message = {**message, "headers": headers + [line for line in lines if line[0] not in there]}
        await super().send(message)


def csp_nonce(request: HTTPConnection) -> str:
    """The nonce of this response, for `<script nonce="...">` and `<style nonce="...">`.

    Raises RuntimeError where no policy has one.
    """
    nonce: str | None = request.scope.get(CSP_NONCE)
    if nonce is None:
        raise RuntimeError(
            "this request has no nonce: add SecurityHeadersMiddleware with NONCE among the sources of its policy, "
            "content_security_policy={'script-src': [\"'self'\", NONCE]}"
        )
    return nonce


_NAMES = {
    "content_type_options": b"x-content-type-options",
    "frame_options": b"x-frame-options",
    "referrer_policy": b"referrer-policy",
    "cross_origin_opener_policy": b"cross-origin-opener-policy",
    "cross_origin_resource_policy": b"cross-origin-resource-policy",
    "cross_origin_embedder_policy": b"cross-origin-embedder-policy",
}
_REFERRER_POLICIES = (
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
)
_OPENER_POLICIES = ("same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none")
_RESOURCE_POLICIES = ("same-origin", "same-site", "cross-origin")
_EMBEDDER_POLICIES = ("require-corp", "credentialless", "unsafe-none")


def _word(setting: str, value: str, known: tuple[str, ...]) -> bytes:
    text = checked_text(value, setting)
    # Referrer-Policy may list several, of which a browser takes the last that it knows.
    parts = [part.strip() for part in text.split(",")] if setting == "referrer_policy" else [text]
    for part in parts:
        if part not in known:
            raise ValueError(f"{setting}={value!r} is unknown to browsers, which would ignore it: write one of {known}")
    return text.encode()


def _transport(given: object) -> StrictTransportSecurity:
    if not isinstance(given, StrictTransportSecurity):
        raise ValueError(
            f"strict_transport_security is StrictTransportSecurity(max_age=<seconds>, ...) or None; got {given!r}"
        )
    return given


def _is_localhost(scope: Scope) -> bool:
    # It would be remembered for every port of the developer's machine, for a year.
    host = parse_host(host_header(scope["headers"]) or "")
    return host is not None and (host[0] == "localhost" or host[0].endswith(".localhost"))
