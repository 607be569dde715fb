"""Foreign pages do not send our forms: tokens against cross-site request forgery (OWASP ASVS 5.0, 3.5).

Laws: a request with an unsafe method is believed if its browser does not say that a page of another origin sent it, and
if it brings a token that a page of ours was given for this very visitor. The secret is in the visitor's session, or
derived from a cookie by a key of ours; what is in a page is that secret under a new mask each time. The endpoint reads
the body as if nobody had looked into it; no more of it is kept meanwhile than `max_form_size` and one message.
"""

import logging
import secrets
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from html import escape
from typing import Any

from asterion._core.cookies import find_cookie, render_set_cookie
from asterion._core.csrftokens import SECRET_SIZE, derived_secret, is_token_of, masked, read_secret, written_secret
from asterion._core.headers import encode_header_value
from asterion._core.origins import SAFE_METHODS, OriginPolicy
from asterion._core.paths import get_route_path
from asterion._core.scopekeys import CSRF, KEPT_CSRF
from asterion._core.wire import StartWatch
from asterion.datastructures import MutableHeaders, Secret
from asterion.requests import HTTPConnection, Request
from asterion.requests._field import LookedAt, field_of
from asterion.responses import PlainTextResponse, Response
from asterion.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ("FIELD", "HEADER", "CSRFMiddleware", "csrf_input", "csrf_token", "csrf_valid")

logger = logging.getLogger("asterion.csrf")

HEADER = "X-CSRF-Token"
FIELD = "csrf_token"

FOREIGN = "This request was sent by a page of another site, and was refused."
MISSING = "This request has no CSRF token: send it in the header {header} or in the field {field}, in front of others."
WRONG = "The CSRF token is of an earlier session. Go back, load the page again, and send it anew."

Exempt = Iterable[str] | Callable[[Request], bool]


class _Markup(str):
    """HTML that templates do not escape again."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


class CSRFMiddleware:
    """Refuse requests that change something (403) unless a page of this application sent them.

    Every request with an unsafe method must come from this origin, or one of `allowed_origins`, as far as its browser
    says where from (`Origin`, `Sec-Fetch-Site`), and must bring the token of its visitor: in the header
    `X-CSRF-Token`, or else in the field `csrf_token` of a url-encoded or multipart form, which is looked for in the
    first `max_form_size` bytes. Forms get it by `csrf_input(request)`, scripts by `csrf_token(request)`.

    Without `secret_key` the secret is in the session: put SessionMiddleware, or another that provides
    `scope["session"]`, outside of this. With it (or with a list of keys, of which the first makes tokens and all are
    accepted) it belongs to a cookie of its own, called `cookie`, over TLS `__Host-` and that; `bind` gives what else a
    token is bound to, such as the user's id, as the layers outside of this one know it. `https_only` makes the cookie
    Secure always (True) or never (False); by default it is so over TLS.

    `exempt` are paths, as routes write them (`/hooks/` stands for all below it as well), or a function of the request:
    for what authenticates by other means than cookies. `refuse` makes the response from the request and the reason.
    WebSockets pass. Raises ValueError for empty keys and for what is no exact origin; RuntimeError while a request is
    judged, if there is neither a key nor a session.
    """

    def __init__(
        self,
        app: ASGIApp,
        secret_key: str | Secret | Sequence[str | Secret] | None = None,
        *,
        allowed_origins: Iterable[str] = (),
        exempt: Exempt = (),
        header: str = HEADER,
        field: str = FIELD,
        max_form_size: int = 64 * 1024,
        cookie: str = "csrf",
        bind: Callable[[HTTPConnection], str] | None = None,
        https_only: bool | None = None,
        refuse: Callable[[Request, str], Response] | None = None,
    ) -> None:
        keys = [secret_key] if isinstance(secret_key, str | Secret) else list(secret_key or ())
        if secret_key is not None and not (keys and all(map(str, keys))):
            raise ValueError("secret_key is empty: anybody could make tokens; use secrets.token_urlsafe(32) once")
        self.app = app
        self.keys = [str(key).encode() for key in keys]
        self.policy = OriginPolicy(allowed_origins, always=True)
        self.exempt = exempt if callable(exempt) else _is_one_of([exempt] if isinstance(exempt, str) else exempt)
        self.header = header
        self.field = field
        self.max_form_size = max_form_size
        self.cookie = cookie
        self.bind = bind
        self.https_only = https_only
        self.refuse = refuse or _plain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge the request; pass it on with a way to get tokens, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        visit = scope[CSRF] = self._visit(scope)
        if scope["method"] not in SAFE_METHODS:
            request = Request(scope, receive)
            if not self.exempt(request):
                looked_at = LookedAt(receive)
                reason = await self._refusal(request, visit, looked_at)
                if reason is not None:
                    await self.refuse(request, reason)(scope, receive, send)
                    return
                receive = looked_at if looked_at.messages else receive
        await self.app(scope, receive, _Marking(visit, send).send)

    def _visit(self, scope: Scope) -> "_Visit":
        if self.keys:
            return _CookieVisit(self, scope)
        session = scope.get("session")
        return _Visit(self.field, session if isinstance(session, MutableMapping) else None)

    async def _refusal(self, request: Request, visit: "_Visit", receive: LookedAt) -> str | None:
        foreign = self.policy.refusal(request.scope)
        if foreign is not None:
            hint = "If that page is yours, add its origin to allowed_origins"
            return self._logged(request, FOREIGN, f"{foreign}. {hint}")
        lines = request.headers.getlist(self.header)
        token = lines[0] if len(lines) == 1 else None
        if not lines:
            token = await field_of(request, self.field, receive, self.max_form_size)
        if token is None:
            hint = f"write {{{{ csrf_input(request) }}}} in front of the fields of the form, or send {self.header}"
            missing = MISSING.format(header=self.header, field=self.field)
            return self._logged(request, missing, f"it has no token: {hint}")
        if not visit.accepts(token, request):
            return self._logged(request, WRONG, "its token is not one of this visitor's, or no cookie came with it")
        return None

    def _logged(self, request: Request, reason: str, why: str) -> str:
        logger.warning("refused a %s request for %r: %s", request.method, request.scope["path"][:200], why)
        return reason

    def cookie_name(self, scope: Scope) -> str:
        """What the cookie of this request is called: over TLS no other host, and no plain page, can set it."""
        return f"__Host-{self.cookie}" if self.is_secure(scope) else self.cookie

    def is_secure(self, scope: Scope) -> bool:
        """Whether the cookie of this request is Secure."""
        return scope.get("scheme") == "https" if self.https_only is None else self.https_only


class _Visit:
    """The secret of one visitor, in his session."""

    def __init__(self, field: str, session: MutableMapping[str, Any] | None) -> None:
        self.field = field
        self.session = session
        self.asked_for = False
        self.started = False

    def token(self, connection: HTTPConnection) -> str:
        """A token for a page, under a new mask."""
        secret = self._secret(connection)
        self.asked_for = True
        return masked(secret, secrets.token_bytes(SECRET_SIZE))

    def accepts(self, token: str, connection: HTTPConnection) -> bool:
        """Whether a page of this visitor's has this token."""
        found = read_secret(self._session().get(KEPT_CSRF))
        return found is not None and is_token_of(token, found)

    def mark(self, headers: MutableHeaders) -> None:
        """Note in the head of the response that it is this visitor's alone."""
        headers.add_vary_header("Cookie")
        headers.setdefault("cache-control", "private")

    def _secret(self, connection: HTTPConnection) -> bytes:
        session = self._session()
        found = read_secret(session.get(KEPT_CSRF))
        if found is None:
            self._check_not_started()
            found = secrets.token_bytes(SECRET_SIZE)
            session[KEPT_CSRF] = written_secret(found)
        return found

    def _session(self) -> MutableMapping[str, Any]:
        if self.session is None:
            raise RuntimeError(
                "CSRF tokens need a session or a key: put Middleware(SessionMiddleware, ...) in front of "
                "Middleware(CSRFMiddleware), or write Middleware(CSRFMiddleware, secret_key=...)"
            )
        return self.session

    def _check_not_started(self) -> None:
        if self.started:
            raise RuntimeError(
                "a CSRF token was first asked for when the response had begun, and the visitor cannot get its cookie "
                "any more: call csrf_token(request) before the response is sent"
            )


class _CookieVisit(_Visit):
    """The secret of one visitor, derived from the seed in his cookie."""

    def __init__(self, middleware: CSRFMiddleware, scope: Scope) -> None:
        super().__init__(middleware.field, None)
        self._middleware = middleware
        # Not the scope, which refers to this.
        self._cookie, self._secure = middleware.cookie_name(scope), middleware.is_secure(scope)
        self._seed = read_secret(find_cookie(scope["headers"], self._cookie))
        self._is_new = False

    def accepts(self, token: str, connection: HTTPConnection) -> bool:
        if self._seed is None:
            return False
        bound_to = self._bound_to(connection)
        known = [derived_secret(key, self._seed, bound_to) for key in self._middleware.keys]
        return any(is_token_of(token, secret) for secret in known)

    def mark(self, headers: MutableHeaders) -> None:
        super().mark(headers)
        if self._is_new and self._seed is not None:
            value = written_secret(self._seed)
            cookie = render_set_cookie(self._cookie, value, secure=self._secure, httponly=True, samesite="lax")
            headers.raw.append((b"set-cookie", encode_header_value(cookie, "set-cookie")))

    def _secret(self, connection: HTTPConnection) -> bytes:
        if self._seed is None:
            self._check_not_started()
            self._seed, self._is_new = secrets.token_bytes(SECRET_SIZE), True
        return derived_secret(self._middleware.keys[0], self._seed, self._bound_to(connection))

    def _bound_to(self, connection: HTTPConnection) -> str:
        return "" if self._middleware.bind is None else self._middleware.bind(connection)


class _Marking(StartWatch):
    """The `send` of one request: marks a response whose maker asked for a token, then leads on."""

    __slots__ = ("_visit",)

    def __init__(self, visit: _Visit, send: Send) -> None:
        super().__init__(send)
        self._visit = visit

    async def send(self, message: Message) -> None:
        if self.leads_to is None and message["type"] == "http.response.start":
            self._visit.started = True
            if self._visit.asked_for:
                # The list may be shared with other requests: change a copy.
                headers = MutableHeaders(raw=list(message.get("headers", ())))
                self._visit.mark(headers)
                message = {**message, "headers": headers.raw}
        await super().send(message)


def csrf_token(request: HTTPConnection) -> str:
    """A token for the pages of this visitor: another text with every call, and each is good as long as his session.

    For scripts, which send it in the header `X-CSRF-Token`. It works without CSRFMiddleware where there is a session;
    `csrf_valid` judges it then. Raises RuntimeError where there is neither, and when the response has begun.
    """
    return _visit_of(request).token(request)


def csrf_input(request: HTTPConnection) -> str:
    """The hidden field for a form, as HTML that templates do not escape; write it in front of the other fields."""
    visit = _visit_of(request)
    return _Markup(f'<input type="hidden" name="{escape(visit.field)}" value="{visit.token(request)}">')


def csrf_valid(request: HTTPConnection, token: object) -> bool:
    """Whether `token` is one that a page of this visitor was given, for endpoints that judge it themselves."""
    return isinstance(token, str) and _visit_of(request).accepts(token, request)


def _visit_of(request: HTTPConnection) -> _Visit:
    visit: _Visit | None = request.scope.get(CSRF)
    return _Visit(FIELD, request.scope.get("session")) if visit is None else visit


def _plain(request: Request, reason: str) -> Response:
    return PlainTextResponse(reason, status_code=403)


def _is_one_of(paths: Iterable[str]) -> Callable[[Request], bool]:
    listed = list(paths)
    for path in listed:
        if not path.startswith("/"):
            raise ValueError(f"{path!r} in exempt is no path: write it as routes do, with a slash in front")
    exact, below = frozenset(listed), tuple(path for path in listed if path.endswith("/"))

    def is_exempt(request: Request) -> bool:
        path = get_route_path(request.scope)
        # An application further in may take dots out, and get to another place than it said.
        return path in exact or (path.startswith(below) and not {".", ".."} & set(path.split("/")))

    return is_exempt
