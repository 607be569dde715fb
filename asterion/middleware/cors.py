"""Cross-origin resource sharing (the Fetch standard, section "HTTP-request").

Laws: an origin is compared as a whole string or matched as a whole by one regular expression; an answer that depends on
the Origin header says so in `Vary`, also to a request that had none, since a cache would hand it to others; no header
is set for an origin that is not allowed.
"""

import logging
import re
from collections.abc import Collection
from typing import ClassVar

from asterion._core.wire import StartWatch
from asterion.datastructures import Headers, MutableHeaders
from asterion.responses import PlainTextResponse, Response
from asterion.types import ASGIApp, Message, Receive, Scope, Send

ALL_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY")
SAFELISTED_HEADERS = {"Accept", "Accept-Language", "Content-Language", "Content-Type"}

# Origins of nobody (RFC 6761 6.4): an expression that lets both in lets everybody in.
_ANYBODY = ("https://anybody.invalid", "http://somebody-else.test:8081")

logger = logging.getLogger("asterion.cors")


class CORSMiddleware:
    """Let pages of other origins call this application.

    `allow_origins`: exact origins (`https://app.example`), or `*` for all; `allow_origin_regex` must match the whole
    origin. `allow_methods` and `allow_headers` (each may be `*`) answer preflight requests; `expose_headers` are the
    response headers scripts may read; `max_age` is how many seconds a browser may remember a preflight answer;
    `allow_private_network` lets public pages reach a private address.

    With `allow_credentials`, cookies count. `allow_origins=["*"]` together with it would let *every* site act as the
    user who visits it, and is refused: list the origins. Whoever means it writes `allow_origin_regex=".*"`, which a
    warning is logged for. Raises ValueError for that, and re.error for an expression that is none.
    """

    everybody_with_credentials: ClassVar[bool] = False
    """Whether `*` counts together with credentials. The drop-in sets it, as existing applications rely on it; then the
    origin is echoed, because browsers refuse `*` there, and a warning is logged when the middleware is built."""

    def __init__(
        self,
        app: ASGIApp,
        allow_origins: Collection[str] = (),
        allow_methods: Collection[str] = ("GET",),
        allow_headers: Collection[str] = (),
        allow_credentials: bool = False,
        allow_origin_regex: str | None = None,
        allow_private_network: bool = False,
        expose_headers: Collection[str] = (),
        max_age: int = 600,
    ) -> None:
        origins, methods, headers = _listed(allow_origins), _listed(allow_methods), _listed(allow_headers)
        if "*" in origins and allow_credentials and not self.everybody_with_credentials:
            raise ValueError(
                "allow_origins=['*'] with allow_credentials=True lets every site act as its visitor: list the origins, "
                "or leave the credentials out. If every site shall, write allow_origin_regex='.*' instead of '*'"
            )
        self.app = app
        self.allow_origins = origins
        self._expression = allow_origin_regex
        self.allow_origin_regex = None if allow_origin_regex is None else re.compile(allow_origin_regex)
        self.allow_methods = ALL_METHODS if "*" in methods else methods
        self.allow_all_origins = "*" in origins
        self.allow_all_headers = "*" in headers
        self.allow_headers = sorted({header.lower() for header in {*headers, *SAFELISTED_HEADERS}})
        self.allow_credentials = allow_credentials
        self.allow_private_network = allow_private_network
        self.preflight_explicit_allow_origin = not self.allow_all_origins or allow_credentials

        shared = {} if self.preflight_explicit_allow_origin else {"Access-Control-Allow-Origin": "*"}
        if allow_credentials:
            shared["Access-Control-Allow-Credentials"] = "true"
        exposed = ", ".join(_listed(expose_headers))
        self.simple_headers = {**shared, **({"Access-Control-Expose-Headers": exposed} if exposed else {})}
        self.preflight_headers = {
            **shared,
            "Access-Control-Allow-Methods": ", ".join(self.allow_methods),
            "Access-Control-Max-Age": str(max_age),
        }
        if not self.allow_all_headers:
            named = sorted({*SAFELISTED_HEADERS, *headers})
            self.preflight_headers["Access-Control-Allow-Headers"] = ", ".join(named)
        self._warn()
        # A subclass that watches messages in its own `send` must go on seeing them.
        self._own_send = type(self).send is not CORSMiddleware.send

    def _warn(self) -> None:
        if self.allow_credentials and all(map(self.is_allowed_origin, _ANYBODY)):
            said = "allow_origins=['*']" if self.allow_all_origins else f"allow_origin_regex={self._expression!r}"
            logger.warning("CORS: %s with allow_credentials=True lets every site act as its visitor", said)
        for origin in self.allow_origins:
            if origin not in ("*", "null") and ("://" not in origin or origin.endswith("/")):
                logger.warning(
                    "CORS: no browser sends the origin %r; write scheme://host[:port] without a path", origin
                )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight request; let the others pass and mark their answers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_headers = Headers(scope=scope)
        origin = request_headers.get("origin")
        asks_first = scope["method"] == "OPTIONS" and "access-control-request-method" in request_headers
        if origin is not None and asks_first:
            await self.preflight_response(request_headers)(scope, receive, send)
        elif origin is not None or self.preflight_explicit_allow_origin:
            await self.simple_response(scope, receive, send, request_headers)
        else:
            await self.app(scope, receive, send)

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether pages of `origin` may read what we answer. An origin is printable ASCII (RFC 6454 section 6.2)."""
        if not _is_plain(origin):
            return False
        if self.allow_all_origins or origin in self.allow_origins:
            return True
        return self.allow_origin_regex is not None and self.allow_origin_regex.fullmatch(origin) is not None

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a preflight request: 200, or 400 with the list of what is not allowed."""
        headers = MutableHeaders(self.preflight_headers)
        refused = []
        origin = request_headers["origin"]
        if not self.is_allowed_origin(origin):
            refused.append("origin")
        elif self.preflight_explicit_allow_origin:
            headers["Access-Control-Allow-Origin"] = origin
        if request_headers["access-control-request-method"] not in self.allow_methods:
            refused.append("method")
        wanted = request_headers.get("access-control-request-headers")
        if wanted is not None and self.allow_all_headers and _is_plain(wanted):
            headers["Access-Control-Allow-Headers"] = wanted
        elif wanted is not None and any(name.strip().lower() not in self.allow_headers for name in wanted.split(",")):
            refused.append("headers")
        if request_headers.get("access-control-request-private-network") == "true":
            if self.allow_private_network:
                headers["Access-Control-Allow-Private-Network"] = "true"
            else:
                refused.append("private-network")
        if self.preflight_explicit_allow_origin:
            headers.add_vary_header("Origin")
        if refused:
            return PlainTextResponse("Disallowed CORS " + ", ".join(refused), status_code=400, headers=headers)
        return PlainTextResponse("OK", headers=headers)

    async def simple_response(self, scope: Scope, receive: Receive, send: Send, request_headers: Headers) -> None:
        """Call the inner app, marking the head of its answer."""
        await self.app(scope, receive, _Marking(self, send, request_headers).send)

    async def send(self, message: Message, send: Send, request_headers: Headers) -> None:
        """Pass `message` on; the start of a response gets the headers that `request_headers` deserve."""
        if message["type"] == "http.response.start":
            # The list may be shared with other requests: change a copy.
            headers = MutableHeaders(raw=list(message.get("headers", ())))
            message = {**message, "headers": headers.raw}
            origin = request_headers.get("origin")
            if origin is not None and self.is_allowed_origin(origin):
                headers.update(self.simple_headers)
                if self.preflight_explicit_allow_origin:
                    self.allow_explicit_origin(headers, origin)
            elif self.preflight_explicit_allow_origin:
                headers.add_vary_header("Origin")
        await send(message)

    @staticmethod
    def allow_explicit_origin(headers: MutableHeaders, origin: str) -> None:
        """Allow just `origin`, and tell caches that the answer depends on it."""
        headers["Access-Control-Allow-Origin"] = origin
        headers.add_vary_header("Origin")


class _Marking(StartWatch):
    """The `send` of one request: looks at messages up to the start, then leads on."""

    __slots__ = ("_headers", "_middleware")

    def __init__(self, middleware: CORSMiddleware, send: Send, request_headers: Headers) -> None:
        super().__init__(send)
        self._middleware = middleware
        self._headers = request_headers

    async def send(self, message: Message) -> None:
        if self.leads_to is not None:
            await super().send(message)
            return
        await self._middleware.send(message, super().send, self._headers)
        if self._middleware._own_send:
            self.leads_to = None


def _is_plain(value: str) -> bool:
    # What is sent back must not have control characters.
    return value.isascii() and value.isprintable()


def _listed(values: Collection[str]) -> tuple[str, ...]:
    # A lone string would be searched for substrings: `"https://a"` is in `"https://a.example"`.
    return (values,) if isinstance(values, str) else tuple(values)
