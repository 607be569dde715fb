"""FastAPI's routes by the route index.

FastAPI walks its routes itself, and those of included routers by candidates of its own. Its functions stay as they are:
where one of its loops over routes begins, the loop is handed those that can match the path it asks for, in declared
order, instead of all. Whoever else reads the same list gets all of it. Each step looks whether FastAPI has the shape
that it counts on, and where it has not, leaves that part alone: slower, as right.
"""

import functools
import sys
from collections.abc import Sequence
from typing import Any, Final

from asterion._core.index import RouteList, note_change
from asterion.dropin._filing import Filing, Included
from asterion.dropin._walks import Walks, asks_only, attributes, claims
from asterion.routing import BaseRoute, Route, Router, WebSocketRoute

_SCOPE_KEY: Final = "fastapi"
_COUNTED: Final = "_asterion_counted"
_VERSION: Final = "_routes_version"


def adapt(module: Any) -> None:
    """Make the routers of `module`, which is `fastapi.routing`, find routes by the index. Twice does no harm."""
    route: Any = getattr(module, "APIRoute", None)
    websocket_route: Any = getattr(module, "APIWebSocketRoute", None)
    context_of = _context_of(module)
    if _is_a(route, Route) and _relabels(route.matches, *(() if context_of is None else ("effective_context",))):
        route.matches_only_its_path = True
    if _is_a(websocket_route, WebSocketRoute) and _relabels(websocket_route.matches):
        websocket_route.matches_only_its_path = True
    router = getattr(module, "APIRouter", None)
    if not _is_a(router, Router) or "routes" in vars(router):
        return
    names = Included(
        router, route, getattr(module, "_IncludedRouter", None), getattr(module, "_EffectiveRouteContext", None)
    )
    included = names if _are_known(names) else None
    filing = Filing(included)
    _narrow_routes(router, route, filing, context_of)
    if included is not None:
        _keep_versions(included)
        _narrow_candidates(included, filing)


def _context_of(module: Any) -> Any:
    """The function that tells at which place of an included route a scope is matched, if FastAPI keeps it as known."""
    found = getattr(module, "_get_scope_effective_route_context", None)
    named = getattr(module, "_FASTAPI_SCOPE_KEY", None) == _SCOPE_KEY
    return found if named and "_FASTAPI_SCOPE_KEY" in getattr(found, "__code__", _is_a.__code__).co_names else None


def _is_a(found: Any, base: type) -> bool:
    return isinstance(found, type) and issubclass(found, base)


def _relabels(matches: Any, *others: str) -> bool:
    """Whether `matches` passes on what the inherited one (or one of the others) says of the scope."""
    return asks_only(matches, *(f"{one}.matches(scope)" for one in ("super()", *others))) and not claims(matches)


def _are_known(names: Included) -> bool:
    """Whether included routers match by their candidates, and these by paths, as far as can be seen."""
    branch, context = names.branch, names.context
    if not (_is_a(names.route, Route) and _is_a(branch, BaseRoute) and isinstance(context, type)):
        return False
    walk = getattr(branch, "_match", None)
    by_pattern, by_route = "self.path_regex.match(route_path)", "self.starlette_route.matches(scope)"
    return (
        asks_only(branch.matches, "self.original_router.matches(scope)")
        and not claims(branch.matches)
        and asks_only(getattr(names.router, "matches", None), "included_router._match(scope)")
        and not claims(names.router.matches)
        and asks_only(getattr(context, "matches", None), by_pattern, by_route)
        and asks_only(walk, "candidate.matches(scope)", "candidate.original_route.matches(scope)")
        and bool(Walks(walk, "self.effective_candidates()"))
        and attributes(getattr(names.router, "_get_routes_version", None))
        == {"add", "original_router", "routes", "_get_routes_version", _VERSION}
    )


def _narrow_routes(router: Any, route: Any, filing: Filing, context_of: Any) -> None:
    """Hand the loops of `APIRouter.app` the routes that can match."""
    walks = Walks(router.app, "self.routes")
    code = walks.code
    of_table: Any = Router.routes

    def elsewhere(scope: Any) -> bool:
        # Such a route asks for the path at which its router was included, and not for its own.
        found = None if context_of is None else context_of(scope)
        return found is not None and isinstance(getattr(found, "original_route", None), route)

    def routes(self: Any) -> list[BaseRoute]:
        """The routes in declared order: a real list, which may be changed at any time."""
        every: list[BaseRoute] = self._routes
        frame = sys._getframe(1)
        if frame.f_code is not code:
            return every
        scope = walks.scope_in(frame)
        if scope is None or (_SCOPE_KEY in scope and elsewhere(scope)):
            return every
        return filing.candidates(self, every, scope)

    def set_routes(self: Any, value: Sequence[BaseRoute]) -> None:
        of_table.fset(self, value)
        self._routes.changed()

    walk = router.app

    @functools.wraps(walk)
    async def app(self: Any, scope: Any, receive: Any, send: Any) -> None:
        walks.begin(scope)
        await walk(self, scope, receive, send)

    router.app = app
    router.routes = property(routes, set_routes)


def _narrow_candidates(included: Included, filing: Filing) -> None:
    """Hand the loop of `_IncludedRouter._match` the candidates that can match."""
    walks = Walks(included.branch._match, "self.effective_candidates()")
    code = walks.code
    walk, every_candidate = included.branch._match, included.branch.effective_candidates

    @functools.wraps(walk)
    def match(self: Any, scope: Any) -> Any:
        walks.begin(scope)
        return walk(self, scope)

    @functools.wraps(every_candidate)
    def effective_candidates(self: Any) -> list[Any]:
        every: list[Any] = every_candidate(self)
        frame = sys._getframe(1)
        scope = walks.scope_in(frame) if frame.f_code is code else None
        return every if scope is None else filing.candidates(self, every, scope)

    included.branch._match = match
    included.branch.effective_candidates = effective_candidates


class _NotedChanges:
    """FastAPI's count of the changes of a router's routes, an attribute like any other, noted when it is set."""

    # Without `__get__`: it is read from the instance, as if nothing stood here.
    def __set__(self, router: Any, value: int) -> None:
        vars(router)[_VERSION] = value
        note_change()


def _keep_versions(included: Included) -> None:
    """Count the routes of a router, and of all that it includes, only once while none of them changes."""
    count, router = included.router._get_routes_version, included.router

    @functools.wraps(count)
    def get_routes_version(self: Any, seen: set[int] | None = None) -> int:
        if seen is not None:
            inner: int = count(self, seen)
            return inner
        latest = RouteList.latest
        kept: tuple[int, int] | None = vars(self).get(_COUNTED)
        if kept is not None and kept[0] == latest:
            return kept[1]
        version: int = count(self)
        if all_noticed(self):
            vars(self)[_COUNTED] = (latest, version)
        return version

    def all_noticed(found: Any) -> bool:
        """Whether nothing changes unnoticed: a subclass may have routes, or a count, in a way of its own."""
        kind = type(found)
        if kind.routes is not router.routes or kind._get_routes_version is not get_routes_version:
            return False
        inner = (each.original_router for each in found.routes if isinstance(each, included.branch))
        return all(all_noticed(each) for each in inner)

    router._routes_version = _NotedChanges()
    router._get_routes_version = get_routes_version
