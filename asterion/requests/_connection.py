"""A connection: a thin view on one scope, of whatever is common to requests and WebSockets."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Generic, cast

from asterion._core.cookies import parse_cookie_header
from asterion._core.session import Session
from asterion.datastructures import URL, Address, Headers, QueryParams, State
from asterion.types import Receive, Scope

if sys.version_info >= (3, 13):
    from typing import TypeVar
else:
    from typing_extensions import TypeVar

StateT = TypeVar("StateT", bound=Mapping[str, Any] | State, default=State)


class WrongScope(RuntimeError, AssertionError):
    """A connection was made from the scope of something else. An AssertionError too, as upstream raises."""

    def __init__(self, wanted: str, scope: Scope) -> None:
        super().__init__(
            f"This class reads scopes of type {wanted}, and got one of type {scope.get('type')!r}. Use Request for "
            "'http', WebSocket for 'websocket', and handle 'lifespan' in the application."
        )


class MissingMiddleware(RuntimeError, AssertionError):
    """Something was asked of a connection that a middleware provides. An AssertionError too, as upstream raises."""

    def __init__(self, attribute: str, middleware: str) -> None:
        super().__init__(
            f"connection.{attribute} is provided by {middleware}, and the scope has no {attribute!r}: add "
            f"Middleware({middleware}, ...) to the application's middleware, outside of the code that reads it."
        )


def cookie_parser(cookie_string: str) -> dict[str, str]:
    """The cookies of a `Cookie` header by name; of two with one name the last counts."""
    return parse_cookie_header(cookie_string)


class HTTPConnection(Mapping[str, Any], Generic[StateT]):
    """What a request and a WebSocket have in common. As a mapping it is its scope.

    Equal only to itself. Raises WrongScope unless the scope is of type "http" or "websocket".
    """

    # Each is set when it is first asked for. PERF(benchmarks/plain_text): a default on the class costs nothing at
    # construction, and asking for it less than an AttributeError.
    _url: URL | None = None
    _base_url: URL | None = None
    _headers: Headers | None = None
    _query_params: QueryParams | None = None
    _cookies: dict[str, str] | None = None
    _state: State | None = None

    def __init__(self, scope: Scope, receive: Receive | None = None) -> None:
        if scope["type"] not in ("http", "websocket"):
            raise WrongScope("'http' or 'websocket'", scope)
        self.scope = scope

    def __getitem__(self, key: str) -> Any:
        return self.scope[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.scope)

    def __len__(self) -> int:
        return len(self.scope)

    # Mapping compares contents; two requests with equal scopes are two requests, and go into sets and weak mappings.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @property
    def app(self) -> Any:
        """The application that serves this connection. Raises KeyError outside of one."""
        return self.scope["app"]

    @property
    def url(self) -> URL:
        """The URL that was asked for, made from the scope."""
        known = self._url
        if known is None:
            known = self._url = URL(scope=self.scope)
        return known

    @property
    def base_url(self) -> URL:
        """The URL of the application's root, with a slash at its end; no query."""
        known = self._base_url
        if known is None:
            root = self.scope.get("app_root_path", self.scope.get("root_path", ""))
            path = root if root.endswith("/") else f"{root}/"
            known = URL(scope={**self.scope, "path": path, "query_string": b"", "root_path": root})
            self._base_url = known
        return known

    @property
    def headers(self) -> Headers:
        """The request headers."""
        known = self._headers
        if known is None:
            known = self._headers = Headers(scope=self.scope)
        return known

    @property
    def query_params(self) -> QueryParams:
        """The parameters of the query string."""
        known = self._query_params
        if known is None:
            known = self._query_params = QueryParams(self.scope.get("query_string", b""))
        return known

    @property
    def path_params(self) -> dict[str, Any]:
        """What the route took from the path, converted."""
        return cast(dict[str, Any], self.scope.get("path_params", {}))

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies by name, of all `Cookie` headers (HTTP/2 may send several: RFC 9113 section 8.2.3)."""
        known = self._cookies
        if known is None:
            known = self._cookies = cookie_parser("; ".join(self.headers.getlist("cookie")))
        return known

    @property
    def client(self) -> Address | None:
        """Host and port of the peer as the server names it, if it does."""
        peer = self.scope.get("client")
        return None if peer is None else Address(*peer)

    @property
    def session(self) -> Session:
        """The session, a dict. Raises MissingMiddleware without SessionMiddleware."""
        return cast(Session, self._provided("session", "SessionMiddleware"))

    @property
    def auth(self) -> Any:
        """The credentials. Raises MissingMiddleware without AuthenticationMiddleware."""
        return self._provided("auth", "AuthenticationMiddleware")

    @property
    def user(self) -> Any:
        """The user. Raises MissingMiddleware without AuthenticationMiddleware."""
        return self._provided("user", "AuthenticationMiddleware")

    def _provided(self, key: str, middleware: str) -> Any:
        try:
            return self.scope[key]
        except KeyError:
            raise MissingMiddleware(key, middleware) from None

    @property
    def state(self) -> StateT:
        """Data of this request, and what the lifespan gave: a view on `scope["state"]`, which is made if missing."""
        if self._state is None:
            self._state = State(self.scope.setdefault("state", {}))
        return cast(StateT, self._state)

    def url_for(self, name: str, /, **path_params: Any) -> URL:
        """The absolute URL of the route `name`. Raises RuntimeError outside of a router."""
        finder = self.scope.get("router")
        if finder is None:
            finder = self.scope.get("app")
        if finder is None:
            raise RuntimeError(
                f"url_for({name!r}) needs routes: the scope has neither 'router' nor 'app'. Call it while an "
                "application or a Router serves the request."
            )
        return cast(URL, finder.url_path_for(name, **path_params).make_absolute_url(base_url=self.base_url))
