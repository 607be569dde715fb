"""Routes: one path, one endpoint."""

import logging
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar

from asterion._core.bodylimits import MAX_BODY_SIZE_SCOPE_KEY, check_announced_length
from asterion._core.index import Place
from asterion._core.middleware import Middleware, wrap_app
from asterion._core.origins import OriginPolicy
from asterion._core.paths import (
    Tail,
    compile_path,
    get_route_path,
    parse_params,
    pattern_of,
    replace_params,
    static_prefix,
    tail_of,
)
from asterion._core.policies import policies_of
from asterion._core.scopekeys import ORIGIN_JUDGED
from asterion._core.urltext import quote_path
from asterion.convertors import Convertor
from asterion.datastructures import URLPath
from asterion.exceptions import HTTPException
from asterion.responses import PlainTextResponse
from asterion.routing._endpoints import as_app, get_name, is_handler, request_response, websocket_session
from asterion.routing._limits import limit_body
from asterion.types import ASGIApp, Receive, Scope, Send
from asterion.websockets import WebSocketClose, refuse_connection


class NoMatchFound(Exception):
    """Raised when no route bears a name, or none that takes these parameters."""

    def __init__(self, name: str, path_params: dict[str, Any]) -> None:
        self.name = name
        self.path_params = path_params
        given = ", ".join(path_params)
        super().__init__(f'No route exists for name "{name}" and params "{given}".')


class Match(Enum):
    """How well a route fits a scope: PARTIAL fits the path but not the method."""

    NONE = 0
    PARTIAL = 1
    FULL = 2


# PERF(benchmarks/plain_text): a look-up of an Enum member less per route that is asked.
FULL, PARTIAL = Match.FULL, Match.PARTIAL
NONE: tuple[Match, Scope] = (Match.NONE, {})

logger = logging.getLogger("asterion.origin")

OWN_ORIGIN = OriginPolicy()
"""Whoever brings credentials must come from our own origin."""


class BaseRoute:
    """What a router asks of a route. A subclass may match in any way it likes."""

    matches_only_its_path: ClassVar[bool] = False
    """A promise of a class that overrides `matches`: it takes no path that its own path template does not take.

    Such a `matches` asks the inherited one, and may then say no or tell something else of the match. The route index
    then files the route by its path, as if nothing were overridden. It is for the class that says it: a subclass which
    overrides `matches` once more has to say it again.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """How well the route fits, and what the scope is updated with if it is taken."""
        raise NotImplementedError(f"{type(self).__qualname__} must define matches(scope)")

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """The path of the route `name`. Raises NoMatchFound."""
        raise NotImplementedError(f"{type(self).__qualname__} must define url_path_for(name, **path_params)")

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a scope that the route matches."""
        raise NotImplementedError(f"{type(self).__qualname__} must define handle(scope, receive, send)")

    def index_places(self) -> Sequence[Place]:
        """Where the route index may file this route; nowhere means that it is asked about every path."""
        return ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the scope as an ASGI application of its own: 404 (or a close) where it does not match."""
        match, child_scope = self.matches(scope)
        if match is Match.NONE:
            await not_found(scope, receive, send)
            return
        scope.update(child_scope)
        await self.handle(scope, receive, send)


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer that nothing is here: 404, or a refused handshake."""
    if scope["type"] == "websocket":
        await WebSocketClose()(scope, receive, send)
    elif scope["type"] != "http":
        raise ValueError(f"a router serves scopes of type 'http', 'websocket' and 'lifespan', got {scope['type']!r}")
    elif "app" in scope:
        raise HTTPException(404)
    else:
        await PlainTextResponse("Not Found", 404)(scope, receive, send)


async def method_not_allowed(allowed: Collection[str], scope: Scope, receive: Receive, send: Send) -> None:
    """Answer that the path is here but not for this method (RFC 9110 15.5.6), telling which are."""
    headers = {"Allow": ", ".join(sorted(allowed))}
    if "app" in scope:
        raise HTTPException(405, headers=headers)
    await PlainTextResponse("Method Not Allowed", 405, headers)(scope, receive, send)


def with_params(scope: Scope, params: dict[str, Any]) -> dict[str, Any]:
    """The path parameters of outer routes and these."""
    outer = scope.get("path_params")
    return {**outer, **params} if outer else params


def reverse(path_format: str, convertors: dict[str, Convertor[Any]], name: str, path_params: dict[str, Any]) -> str:
    """The URL text of the path of that format with exactly these parameters. Raises NoMatchFound for any others.

    Percent-encoded (RFC 3986 3.3), slashes of a `path` parameter excepted: whatever a value holds, the route gets it
    back.
    """
    if path_params.keys() != convertors.keys():
        raise NoMatchFound(name, path_params)
    return quote_path(replace_params(path_format, convertors, path_params)[0])


class PathRoute(BaseRoute):
    """What routes with a path template share.

    Everything is read from `path_regex`, `path_format` and `param_convertors`: a subclass with a constructor of its own
    (FastAPI's have one) sets these three.
    """

    path_regex: re.Pattern[str]
    path_format: str
    param_convertors: dict[str, Convertor[Any]]
    tail: Tail | None = None

    def params_of(self, path: str) -> dict[str, Any] | None:
        """The parameters in `path`, or None if the path is not this route's."""
        if not self.param_convertors and path == self.path_format:
            return {}
        return parse_params(self.path_regex, self.param_convertors, path)

    def path_places(self) -> Sequence[Place]:
        """Where the route index files a route with this path."""
        return template_places(self.path_regex, self.path_format, self.param_convertors)


def template_places(
    regex: re.Pattern[str], path_format: str, convertors: Mapping[str, Convertor[Any]]
) -> Sequence[Place]:
    """Where the route index files what matches by that pattern: nowhere if it is not the pattern of the path format.

    Programs put patterns of their own in place of a route's, to match in any case of letters for example.
    """
    if regex.flags != re.UNICODE or regex.pattern != pattern_of(path_format, convertors):
        return ()
    if not convertors:
        return (Place(literal=path_format),)
    return (Place(prefix=static_prefix(path_format)),)


def keeps_to_path(cls: type, known: type) -> bool:
    """Whether every class that overrides the `matches` of `known` for `cls` says `matches_only_its_path`."""
    overriding = [vars(each) for each in cls.__mro__[: cls.__mro__.index(known)] if "matches" in vars(each)]
    return all(own.get("matches_only_its_path", False) for own in overriding)


def checked_path(path: str, kind: str) -> str:
    """`path`. Raises ValueError unless it begins with a slash."""
    if not path.startswith("/"):
        raise ValueError(f"a {kind}'s path must start with '/', got {path!r}; write {'/' + path!r}")
    return path


class Route(PathRoute):
    """An HTTP endpoint at a path.

    `endpoint` is a function of a request (any callable that takes one), a class such as `HTTPEndpoint`, or an ASGI
    application. `methods` defaults to GET (and so HEAD) for a function, and to all for the others. `middleware` stands
    around this endpoint only; `max_body_size` is in bytes and replaces the application's limit.
    """

    methods: set[str] | None = None
    max_body_size: int | None = None

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        methods: Collection[str] | None = None,
        name: str | None = None,
        include_in_schema: bool = True,
        middleware: Sequence[Middleware] | None = None,
        max_body_size: int | None = None,
    ) -> None:
        self.path = checked_path(path, "route")
        self.endpoint = endpoint
        self.name = get_name(endpoint) if name is None else name
        self.include_in_schema = include_in_schema
        self.max_body_size = max_body_size
        self.app: ASGIApp
        if is_handler(endpoint):
            self.app = request_response(endpoint)
            methods = ["GET"] if methods is None else methods
        else:
            self.app = as_app(endpoint)
        self.app = wrap_app(self.app, middleware or ())
        self.methods = None if methods is None else {method.upper() for method in methods}
        if self.methods is not None and "GET" in self.methods:
            self.methods.add("HEAD")
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        self.tail = tail_of(self.path_regex, self.path_format, self.param_convertors)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See `BaseRoute`."""
        if scope["type"] != "http":
            return NONE
        # PERF(benchmarks/plain_text): `get_route_path` without the call, where there is no prefix.
        params = self.params_of(get_route_path(scope) if scope.get("root_path") else scope["path"])
        if params is None:
            return NONE
        if "path_params" in scope:
            params = with_params(scope, params)
        child: Scope = {"endpoint": self.endpoint, "path_params": params, "route": self}
        methods = self.methods
        if methods is None or scope["method"] in methods:
            return FULL, child
        return PARTIAL, child

    def index_places(self) -> Sequence[Place]:
        """See `BaseRoute`. A subclass that matches in its own way, and promises nothing, is asked about every path."""
        return self.path_places() if keeps_to_path(type(self), Route) else ()

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """See `BaseRoute`."""
        if name != self.name:
            raise NoMatchFound(name, path_params)
        return URLPath(path=reverse(self.path_format, self.param_convertors, name, path_params), protocol="http")

    def handle(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:  # type: ignore[override]
        """Call the endpoint; 405 with `Allow` for a method it does not take."""
        # PERF(benchmarks/plain_text): no coroutine of its own.
        if self.methods is not None and scope["method"] not in self.methods:
            return method_not_allowed(self.methods, scope, receive, send)
        if self.max_body_size is not None:
            receive = limit_body(scope, receive, self.max_body_size)
        elif MAX_BODY_SIZE_SCOPE_KEY in scope:
            check_announced_length(scope)  # before anything of the application runs, and where its handlers apply
        return self.app(scope, receive, send)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Route) and (self.path, self.endpoint, self.methods) == (
            other.path,
            other.endpoint,
            other.methods,
        )

    __hash__ = BaseRoute.__hash__

    def __repr__(self) -> str:
        methods = sorted(self.methods or ())
        return f"{type(self).__name__}(path={self.path!r}, name={self.name!r}, methods={methods!r})"


class WebSocketRoute(PathRoute):
    """A WebSocket endpoint at a path: a function of a WebSocket, a class like `WebSocketEndpoint`, or an ASGI app.

    `allowed_origins` are the exact origins whose pages may connect beside our own: a handshake from another is refused
    with 403. "any" leaves the origin alone. By default a handshake that carries credentials must come from our own
    origin, where the application's policies say so. Raises ValueError for what is no exact origin.
    """

    origins: OriginPolicy | None = None
    any_origin = False

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        name: str | None = None,
        middleware: Sequence[Middleware] | None = None,
        allowed_origins: Collection[str] | None = None,
    ) -> None:
        self.path = checked_path(path, "WebSocket route")
        self.endpoint = endpoint
        self.name = get_name(endpoint) if name is None else name
        app = websocket_session(endpoint) if is_handler(endpoint) else as_app(endpoint)
        self.app: ASGIApp = wrap_app(app, middleware or ())
        self.any_origin = allowed_origins == "any"
        if allowed_origins is not None and not self.any_origin:
            self.origins = OriginPolicy(allowed_origins, always=True)
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See `BaseRoute`."""
        if scope["type"] != "websocket":
            return NONE
        params = self.params_of(get_route_path(scope))
        if params is None:
            return NONE
        return Match.FULL, {"endpoint": self.endpoint, "path_params": with_params(scope, params), "route": self}

    def index_places(self) -> Sequence[Place]:
        """See `BaseRoute`."""
        return self.path_places() if keeps_to_path(type(self), WebSocketRoute) else ()

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """See `BaseRoute`."""
        if name != self.name:
            raise NoMatchFound(name, path_params)
        return URLPath(path=reverse(self.path_format, self.param_convertors, name, path_params), protocol="websocket")

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the endpoint, unless the handshake comes from an origin that may not connect."""
        origins = self.origins
        judged = self.any_origin or ORIGIN_JUDGED in scope
        if origins is None and not judged and policies_of(scope).websocket_same_origin:
            origins = OWN_ORIGIN
        why = None if origins is None else origins.refusal(scope)
        if why is None:
            await self.app(scope, receive, send)
            return
        logger.warning("refused a WebSocket at %r: %s; allowed_origins of its route names further ones", self.path, why)
        answer = PlainTextResponse("Origin not allowed", 403)
        await refuse_connection(scope, receive, send, answer, reason="Origin not allowed")

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, WebSocketRoute) and (self.path, self.endpoint) == (other.path, other.endpoint)

    __hash__ = BaseRoute.__hash__

    def __repr__(self) -> str:
        return f"{type(self).__name__}(path={self.path!r}, name={self.name!r})"
