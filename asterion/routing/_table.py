"""The route table: finds the first declared route that matches, with the help of an index."""

from collections.abc import Sequence
from typing import Any, TypeGuard
from urllib.parse import quote

from asterion._core.bodylimits import MAX_BODY_SIZE_SCOPE_KEY
from asterion._core.fallthrough import FallThrough
from asterion._core.index import Place, RouteIndex, RouteList
from asterion._core.paths import get_route_path, parse_tail, path_with_encoded_slashes, with_slashes
from asterion._core.policies import policies_of
from asterion.datastructures import URLPath
from asterion.responses import RedirectResponse, Response
from asterion.routing._endpoints import Handler
from asterion.routing._limits import limit_body
from asterion.routing._pathlength import NEVER_TOO_LONG, longest_path, refuse_long_path
from asterion.routing._routes import (
    FULL,
    PARTIAL,
    BaseRoute,
    NoMatchFound,
    Route,
    method_not_allowed,
    not_found,
    with_params,
)
from asterion.types import ASGIApp, Receive, Scope, Send

# RFC 3986 3.3: what may stand in a path as it is.
PATH_SAFE = "/~!$&'()*+,;=:@"

_MISSING: Any = object()

_MATCHES, _HANDLE = Route.matches, Route.handle

Found = tuple[Handler, Route, dict[str, Any], str, str]
"""A route's function, the route, the parameters in the path, and the path and method that it was found for."""


class RouteTable:
    """An ASGI application that hands a scope to the first of its routes that matches."""

    def __init__(
        self,
        routes: Sequence[BaseRoute] | None = None,
        redirect_slashes: bool = True,
        default: ASGIApp | None = None,
        max_body_size: int | None = None,
    ) -> None:
        self._routes: RouteList[BaseRoute] = RouteList(routes or ())
        self._index: RouteIndex[BaseRoute] = RouteIndex(())
        self._indexed_version = -1
        self._plain = False
        self._literal: dict[str, Route] = {}
        self._others: dict[int, RouteTable] = {}
        self.redirect_slashes = redirect_slashes
        self.default: ASGIApp = self.not_found if default is None else default
        self.max_body_size = max_body_size

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes in declared order: a real list, which may be changed at any time."""
        return self._routes

    @routes.setter
    def routes(self, value: Sequence[BaseRoute]) -> None:
        self._routes = RouteList(value)
        self._indexed_version = -1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a scope."""
        await self.app(scope, receive, send)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: C901
        """Hand a request or a WebSocket to its route, a lifespan to `lifespan`."""
        kind = scope["type"]
        if kind == "lifespan":
            await self.lifespan(scope, receive, send)
            return
        if "router" not in scope:
            scope["router"] = self
        if self.max_body_size is not None and kind == "http":
            receive = limit_body(scope, receive, self.max_body_size)
        partial: list[tuple[BaseRoute, Scope]] = []
        # PERF(benchmarks/plain_text): `get_route_path` without the call, where there is no prefix.
        path: str = get_route_path(scope) if scope.get("root_path") else scope["path"]
        routes = self._routes
        if self._indexed_version != routes.version:
            self._make_index()
        index = self._index
        if len(path) > NEVER_TOO_LONG and path not in index.literals and len(path) > longest_path(scope):
            await refuse_long_path(scope, receive, send)
            return
        for route in index.literals.get(path) or index.candidates(path):
            if route.__class__ is Route and kind == "http" and self._plain:
                # PERF(benchmarks/plain_text): what `matches` and `update` come to for a plain route, without the
                # dictionary in between.
                params = route.params_of(path)
                methods = route.methods
                if params is None:
                    continue
                if methods is None or scope["method"] in methods:
                    scope["endpoint"] = route.endpoint
                    scope["path_params"] = with_params(scope, params) if "path_params" in scope else params
                    scope["route"] = route
                    await route.handle(scope, receive, send)
                    return
            match, child_scope = route.matches(scope)
            if match is FULL:
                if "root_path" in child_scope:
                    fallen = await _enter(route, child_scope, scope, receive, send)
                    if fallen is not None:
                        await self._go_on(route, fallen, scope, receive, send)
                else:
                    scope.update(child_scope)
                    await route.handle(scope, receive, send)
                return
            if match is PARTIAL:
                partial.append((route, child_scope))
        if partial:
            await self._refuse_method(partial, scope, receive, send)
        elif (found := self._find_with_encoded_slashes(scope)) is not None:
            scope.update(found[1])
            await found[0].handle(scope, receive, send)
        elif self.redirect_slashes and path != "/":
            await self._try_other_slash(scope, receive, send)
        else:
            await self.default(scope, receive, send)

    def find_plain(  # noqa: C901 - each branch is a reason to say no
        self, scope: Scope, entering: bool = False
    ) -> Found | None:
        """The function behind the route that takes the request of `scope`, the route, and the path's parameters.

        None where a request wants more than a plain route and its function. `entering` says in `scope` that the route
        was taken.
        """
        if "router" in scope or "path_params" in scope or MAX_BODY_SIZE_SCOPE_KEY in scope:
            return None
        if scope.get("root_path") or self.max_body_size is not None:
            return None
        if self._indexed_version != self._routes.version:
            self._make_index()
        path: str = scope["path"]
        # PERF(benchmarks/plain_text): the first route of a literal path is known, and that it has no parameters.
        route: Any = self._literal.get(path)
        params: Any = {}
        if route is None:
            index = self._index
            above, slash, last = path.rpartition("/")
            if not slash or len(path) > NEVER_TOO_LONG:
                return None
            for route in index.literals.get(path) or index.below.get(above) or index.by_prefix(path):
                if route.__class__ is not Route or not self._plain:
                    return None
                tail = route.tail
                if tail is not None and tail[0] is route.path_regex:
                    params = parse_tail(tail, above, last)
                else:
                    params = route.params_of(path)
                if params is not None:
                    break
            else:
                return None
        handler = route.app
        methods = route.methods
        if handler.__class__ is not Handler or route.max_body_size is not None:
            return None
        method: str = scope["method"]
        if methods is not None and method not in methods:
            return None
        if entering:
            scope["router"] = self
            scope["endpoint"] = route.endpoint
            scope["path_params"] = params
            scope["route"] = route
        return handler, route, params, path, method

    def _make_index(self) -> None:
        version = self._routes.version  # before: a route that another thread adds meanwhile is found the next time
        # Where somebody has put their own methods in place of these, they are asked.
        self._plain = Route.matches is _MATCHES and Route.handle is _HANDLE
        self._index = RouteIndex((route, places_of(route)) for route in self._routes)
        firsts = {path: found[0] for path, found in self._index.literals.items()} if self._plain else {}
        self._literal = {path: route for path, route in firsts.items() if _is_plain_literal(route, path)}
        self._indexed_version = version
        self._others.clear()

    async def _go_on(
        self, fallen_route: BaseRoute, fallen: FallThrough, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Ask the other routes, as the application of this one has nothing; then it has the last word."""
        others = self._others.get(id(fallen_route))
        if others is None:
            routes = [route for route in self._routes if route is not fallen_route]
            others = RouteTable(routes, self.redirect_slashes, _tell_that_none_matched)
            self._others[id(fallen_route)] = others
        try:
            await others.app(scope, receive, send)
        except _NoneMatched:
            pass
        else:
            return
        await (fallen.answer or self.default)(scope, receive, send)

    async def _refuse_method(
        self, partial: list[tuple[BaseRoute, Scope]], scope: Scope, receive: Receive, send: Send
    ) -> None:
        route, child_scope = partial[0]
        scope.update(child_scope)
        methods = [getattr(other, "methods", None) for other, _ in partial]
        # `Allow` lists what every route of this path takes (issue 12).
        allowed = {one for some in methods for one in some or ()}
        if scope["method"] == "OPTIONS" and all(methods) and policies_of(scope).automatic_options:
            headers = {"Allow": ", ".join(sorted({*allowed, "OPTIONS"}))}
            await Response(status_code=204, headers=headers)(scope, receive, send)
        elif len(partial) > 1 and all(methods):
            await method_not_allowed(allowed, scope, receive, send)
        else:
            await route.handle(scope, receive, send)

    def _find_with_encoded_slashes(self, scope: Scope) -> tuple[BaseRoute, Scope] | None:
        """The route that takes the path with `%2F` as part of a segment (issue 826), and what it puts in the scope."""
        marked = path_with_encoded_slashes(scope)
        if marked is None or not policies_of(scope).encoded_slashes:
            return None
        other: Scope = {**scope, "path": marked}
        for route in self._index.candidates(get_route_path(other)):
            match, child_scope = route.matches(other)
            if match is FULL and "root_path" not in child_scope:
                return route, {**child_scope, "path_params": with_slashes(child_scope.get("path_params", {}))}
        return None

    async def _try_other_slash(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Nothing matches: see what a slash at the end, or one less, would lead to."""
        full: str = scope["path"]
        # A path that begins with two slashes would name another host in a redirect.
        if full.startswith("//"):
            await self.default(scope, receive, send)
            return
        target = full.rstrip("/") if full.endswith("/") else f"{full}/"
        other: Scope = {**scope, "path": target}
        refused: list[tuple[BaseRoute, Scope]] = []
        for route in self._index.candidates(get_route_path(other)):
            match, child_scope = route.matches(other)
            if match is FULL and _is_bare_mount(route, scope, target):
                await _enter(route, {**child_scope, "path": target}, scope, receive, send)
                return
            if match is FULL and scope["type"] == "http":
                # A path alone: no host that a client has sent can lead anybody elsewhere (RFC 9110 10.2.2).
                location = quote(target, safe=PATH_SAFE)
                query: bytes = scope.get("query_string", b"")
                if query:
                    location += "?" + query.decode("latin-1")
                await RedirectResponse(location)(scope, receive, send)
                return
            if match is PARTIAL:
                refused.append((route, child_scope))
        if refused:
            await self._refuse_method(refused, scope, receive, send)
        else:
            await self.default(scope, receive, send)

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the ASGI lifespan protocol: a table has nothing to do before or after."""
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def not_found(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What answers if no route matches and no default was given."""
        await not_found(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """The path of the first route with this name and these parameters. Raises NoMatchFound."""
        for route in self._routes:
            try:
                return route.url_path_for(name, **path_params)
            except NoMatchFound:
                continue
        raise NoMatchFound(name, path_params)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, RouteTable) and self._routes == other._routes

    __hash__ = object.__hash__


def _is_plain_literal(route: BaseRoute, path: str) -> TypeGuard[Route]:
    return type(route) is Route and not route.param_convertors and route.path_format == path


def plain_table(app: Any) -> RouteTable | None:
    """The table whose `app` this is, if it is a table's own."""
    table = getattr(app, "__self__", None)
    return table if getattr(app, "__func__", None) is RouteTable.app else None


def places_of(route: Any) -> Sequence[Place]:
    """Where the index files anything that stands among routes."""
    # Anything with `matches` and `handle` may stand in a table; what does not know the index is always asked.
    places = getattr(route, "index_places", None)
    return places() if places is not None else ()


def _is_bare_mount(route: BaseRoute, scope: Scope, target: str) -> bool:
    """Whether `route` is a mount of routes, asked for without its slash, that answers so itself (issue 869)."""
    routes = getattr(route, "routes", None)
    return bool(routes) and target.endswith("/") and policies_of(scope).bare_mounts


class _NoneMatched(Exception):
    """None of the other routes takes a request that a mounted application has passed on."""


async def _tell_that_none_matched(scope: Scope, receive: Receive, send: Send) -> None:
    raise _NoneMatched


async def _enter(
    route: BaseRoute, child_scope: Scope, scope: Scope, receive: Receive, send: Send
) -> FallThrough | None:
    """Call a mounted application; where it stands in the path is not left in the scope behind it (issue 906).

    Returns what it raised to pass the request on to later routes, which then see nothing of it.
    """
    outer = {key: scope.get(key, _MISSING) for key in ("endpoint", "path_params")}
    before = {key: scope.get(key, _MISSING) for key in ("app", "app_root_path", "path", "root_path")}
    scope.update(child_scope)
    try:
        await route.handle(scope, receive, send)
    except FallThrough as error:
        before |= outer
        return error
    finally:
        for key, value in before.items():
            if value is _MISSING:
                scope.pop(key, None)
            else:
                scope[key] = value
    return None
