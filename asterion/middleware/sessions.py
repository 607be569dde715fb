"""Sessions kept in a signed cookie.

Laws: a signature is good for one cookie name only; a cookie that cannot be verified or decoded is an empty session,
never an error; a session is written when its contents differ from those that came in (nested ones too), and now and
then while it is used, so that who is active stays logged in; who reads a session makes the response vary by cookie.
The data is signed, not encrypted, and cannot be revoked on the server before it expires.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, NamedTuple

from asterion._core.cookies import MAX_COOKIE_SIZE, find_cookie, render_set_cookie
from asterion._core.headers import encode_header_value
from asterion._core.session import Session
from asterion._core.wire import StartWatch
from asterion.datastructures import MutableHeaders, Secret
from asterion.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ("COOKIE_SIZE", "Session", "SessionMiddleware", "SessionTooLarge")

COOKIE_SIZE = MAX_COOKIE_SIZE
"""Bytes that browsers keep of a cookie's name and value together (RFC 6265 6.1); longer ones they drop."""

# The messages that carry the headers of a response or of a handshake.
_HEADS = ("http.response.start", "websocket.accept", "websocket.http.response.start")

_EMPTY = b"{}"

# RFC 6265bis 4.1.3: what a cookie's name promises about it.
_SECURE_PREFIXES = ("__Secure-", "__Host-")

# A session in use is signed anew once it has used up this part of its life: rare enough that two requests at once
# hardly ever both write.
_REFRESH_AFTER = 0.1

# In the cookie, beside the contents: when the session began. Not part of the contents.
_START = "asterion.start"


class SessionTooLarge(ValueError):
    """The session does not fit into a cookie."""


class SessionMiddleware:
    """Give every request and WebSocket handshake a `Session` in `scope["session"]`, kept in a signed cookie.

    `secret_key` signs; it may be a list of keys, of which the first signs and all are accepted, so that keys can be
    changed while sessions live on. The cookie is called `session_cookie`, lives `max_age` seconds after it was last
    written (None: until the browser is closed), is `HttpOnly`, and `Secure` if `https_only`, or if that is None (the
    default) and the request came over TLS. `same_site`, `path`, `domain` and `partitioned` are its other attributes.
    `salt` is what keeps signatures of different purposes apart; by default it names the cookie.

    With `absolute_age`, a session ends that many seconds after it began, however much it is used; it begins when
    something is first put into it, and anew with `session.regenerate()`. A cookie that does not tell when (it was
    written without this setting) counts from when it was last written.

    In a WebSocket, what was changed up to `accept` is kept. Raises ValueError for an empty key and for attributes that
    make browsers drop the cookie, RuntimeError if itsdangerous is missing. While a response starts: SessionTooLarge
    for more than browsers keep, TypeError for values JSON cannot hold.
    """

    default_salt: ClassVar[str | None] = None
    """The salt where none is given; None makes it of the cookie's name. The drop-in sets Starlette's, so that a change
    of engine, there or back, logs nobody out."""

    max_cookie_size: ClassVar[int] = COOKIE_SIZE
    """Bytes that the cookie's name and value may have together."""

    def __init__(
        self,
        app: ASGIApp,
        secret_key: str | Secret | Sequence[str | Secret],
        session_cookie: str = "session",
        max_age: int | None = 14 * 24 * 60 * 60,
        path: str = "/",
        same_site: Literal["lax", "strict", "none"] = "lax",
        https_only: bool | None = None,
        domain: str | None = None,
        partitioned: bool = False,
        *,
        salt: str | None = None,
        absolute_age: int | None = None,
    ) -> None:
        keys = [str(key) for key in ([secret_key] if isinstance(secret_key, str | Secret) else secret_key)]
        if not keys or not all(keys):
            raise ValueError("secret_key is empty: anybody could sign sessions; use secrets.token_urlsafe(32) once")
        _check_attributes(session_cookie, path, same_site, https_only, domain)
        if absolute_age is not None and (type(absolute_age) is not int or absolute_age <= 0):
            raise ValueError(
                f"absolute_age is a number of seconds above 0, or None for no such end; got {absolute_age!r}"
            )
        self.app = app
        self.session_cookie = session_cookie
        self.max_age = max_age
        self.absolute_age = absolute_age
        self.path = path
        self.same_site = same_site
        self.domain = domain
        self.partitioned = partitioned
        # Browsers keep cross-site, partitioned and prefixed cookies only if they are secure.
        needs_secure = same_site == "none" or partitioned or session_cookie.startswith(_SECURE_PREFIXES)
        self.https_only = True if needs_secure and https_only is None else https_only
        self.signer = _make_signer(keys, salt or self.default_salt or f"asterion.session.{session_cookie}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the session, call the inner app, and write the session with the head of its response."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        keeper = _Keeper(self, scope, send)
        scope["session"] = keeper.session
        await self.app(scope, receive, keeper.send)

    def load(self, cookie: str) -> "Loaded":
        """What is in a cookie's value: nothing at all if it is forged, too old or cannot be decoded."""
        from itsdangerous import BadData

        try:
            signed, signed_at = self.signer.unsign(cookie, max_age=self.max_age, return_timestamp=True)
            payload = b64decode(signed, validate=True)
            data = json.loads(payload)
        except (BadData, ValueError, RecursionError):
            return _NOTHING
        if not isinstance(data, dict):
            return _NOTHING
        now, written_at = self.signer.get_timestamp(), int(signed_at.timestamp())
        start = written_at
        if _START in data:
            noted = data.pop(_START)
            payload = _serialise(data)
            start = noted if type(noted) is int else start
        if self.absolute_age is not None and now - start > self.absolute_age:
            return _NOTHING
        is_due = self.max_age is not None and now - written_at > self.max_age * _REFRESH_AFTER
        return Loaded(data, payload, is_due, start)

    def dump(self, payload: bytes) -> str:
        """The cookie's value for serialised data. Raises SessionTooLarge."""
        value: str = self.signer.sign(b64encode(payload)).decode("ascii")
        size = len(self.session_cookie) + len(value)
        if size > self.max_cookie_size:
            raise SessionTooLarge(
                f"the session is {size} bytes as a cookie, which is more than {self.max_cookie_size} (max_cookie_size; "
                f"browsers drop cookies of more than {COOKIE_SIZE}): keep an id in the session and the data in a store"
            )
        return value

    def write(self, contents: bytes, start: int | None, scope: Scope) -> str:
        """The Set-Cookie header for serialised contents of a session that began at `start` (None: now).

        Raises SessionTooLarge.
        """
        if self.absolute_age is None:
            return self.render_cookie(self.dump(contents), scope)
        now: int = self.signer.get_timestamp()
        began = now if start is None else start
        value = self.dump(b'%b,"%b":%d}' % (contents[:-1], _START.encode(), began))
        return self.render_cookie(value, scope, began + self.absolute_age - now)

    def render_cookie(self, value: str | None, scope: Scope, at_most: int | None = None) -> str:
        """The Set-Cookie header for a value, or the one that deletes the cookie for None.

        Browsers keep it for `max_age` seconds, or `at_most` if that is less.
        """
        age = self.max_age if at_most is None or self.max_age is None else min(self.max_age, at_most)
        secure = scope.get("scheme") in ("https", "wss") if self.https_only is None else self.https_only
        return render_set_cookie(
            self.session_cookie,
            "null" if value is None else value,
            max_age=age if value is not None else 0,
            expires=None if value is not None else "Thu, 01 Jan 1970 00:00:00 GMT",
            path=self.path,
            domain=self.domain,
            secure=secure,
            httponly=True,
            samesite=self.same_site,
            partitioned=self.partitioned,
        )


class Loaded(NamedTuple):
    """What a cookie held: the contents, the same serialised, whether to sign it anew, and when the session began."""

    data: dict[str, Any]
    payload: bytes
    is_due: bool
    started_at: int | None


_NOTHING = Loaded({}, _EMPTY, False, None)


class _Keeper(StartWatch):
    """The session of one request: what came in, and what has to go out."""

    __slots__ = ("_came_in", "_middleware", "_scope", "session")

    def __init__(self, middleware: SessionMiddleware, scope: Scope, send: Send) -> None:
        self._middleware = middleware
        super().__init__(send)
        self._scope = scope
        cookie = find_cookie(scope["headers"], middleware.session_cookie)
        self._came_in = _NOTHING if cookie is None else middleware.load(cookie)
        self.session = Session(self._came_in.data)
        self.session.started_at = self._came_in.started_at

    async def send(self, message: Message) -> None:
        if self.leads_to is None and message["type"] in _HEADS:
            session = self._session_now()
            if not isinstance(session, Session) or session.accessed:
                message = self._with_cookie(message, session)
            self.leads_to = self._send
        await super().send(message)

    def _session_now(self) -> Any:
        # The application may have put a dict of its own into the scope; a `Session` there that is not ours belongs to
        # another of these middlewares, with another cookie.
        found = self._scope.get("session", self.session)
        return self.session if isinstance(found, Session) else found

    def _with_cookie(self, message: Message, session: Any) -> Message:
        # The list may be shared with other requests: change a copy.
        headers = MutableHeaders(raw=list(message.get("headers", ())))
        headers.add_vary_header("Cookie")
        goes_out, came_in = _serialise(session), self._came_in
        changed = getattr(session, "modified", False) or goes_out != came_in.payload
        if goes_out != _EMPTY and (changed or came_in.is_due):
            start = getattr(session, "started_at", came_in.started_at)
            cookie = self._middleware.write(goes_out, start, self._scope)
        elif goes_out != _EMPTY or came_in.payload == _EMPTY:
            return {**message, "headers": headers.raw}
        else:
            cookie = self._middleware.render_cookie(None, self._scope)
        headers.raw.append((b"set-cookie", encode_header_value(cookie, "set-cookie")))
        return {**message, "headers": headers.raw}


def _serialise(data: Any) -> bytes:
    try:
        return json.dumps(data, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError) as error:
        raise TypeError(f"the session holds something JSON cannot hold: {error}; store text, numbers, lists") from error


def _check_attributes(name: str, path: str, same_site: str, https_only: bool | None, domain: str | None) -> None:
    if same_site not in ("lax", "strict", "none"):
        raise ValueError(f"same_site must be 'lax', 'strict' or 'none', got {same_site!r}")
    if https_only is False and (same_site == "none" or name.startswith(_SECURE_PREFIXES)):
        raise ValueError(
            f"browsers drop the cookie {name!r} with SameSite={same_site} unless it is Secure; leave https_only out"
        )
    if name.startswith("__Host-") and (path != "/" or domain is not None):
        raise ValueError(f"the cookie {name!r} must have path '/' and no domain, got {path!r} and {domain!r}")


def _make_signer(keys: Sequence[str], salt: str) -> Any:
    try:
        from itsdangerous import TimestampSigner
    except ImportError as error:
        raise RuntimeError("SessionMiddleware needs itsdangerous: pip install 'asterion[sessions]'") from error
    # itsdangerous signs with the last key of its list.
    return TimestampSigner(list(reversed(keys)), salt=salt)
