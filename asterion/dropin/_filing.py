"""What another package's loops go over, filed by the route index: routes, and whole routers that were included.

FastAPI keeps an included router as one entry, whose candidates know at which paths it was included. It is filed at the
places of all of these, and the index over it is made anew when one of their routers has changed.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from asterion._core.index import Place, RouteIndex, RouteList
from asterion._core.paths import get_route_path
from asterion.routing import Route
from asterion.routing._routes import keeps_to_path, template_places
from asterion.routing._table import places_of

_FILED: Final = "_asterion_filed"

Nested = list[tuple[Any, int]]
"""Included routers, each with the version of its routes."""


class Included(NamedTuple):
    """The classes by which FastAPI includes routers, once they are known to match as they should."""

    router: Any
    """`APIRouter`."""
    route: Any
    """`APIRoute`."""
    branch: Any
    """What stands for an included router among the routes: `_IncludedRouter`."""
    context: Any
    """What stands for a route of it, at its path there: `_EffectiveRouteContext`."""


class Filed:
    """An index over one list of routes and candidates."""

    __slots__ = ("index", "latest", "nested", "routes", "version")

    def __init__(self, routes: list[Any], places: Callable[[Any, Nested], Sequence[Place]]) -> None:
        # Before anything is read: what another thread changes meanwhile is noticed the next time.
        self.latest = RouteList.latest
        self.routes = routes
        self.version = getattr(routes, "version", None)
        self.nested: Nested = []
        self.index: RouteIndex[Any] = RouteIndex([(route, places(route, self.nested)) for route in routes])

    def is_about(self, routes: list[Any]) -> bool:
        """Whether this is the index over `routes` as they are now, though some list has changed since it was made."""
        latest = RouteList.latest
        if routes is not self.routes:
            return False
        if self.version != getattr(routes, "version", None):
            return False
        if any(version_of(branch) != version for branch, version in self.nested):
            return False
        self.latest = latest  # some other list has changed
        return True


def version_of(branch: Any) -> int:
    """The version of the routes of an included router, by FastAPI's own count."""
    version: int = branch.original_router._get_routes_version()
    return version


class Filing:
    """Where to file what is walked over. Without `included`, included routers are candidates for every path."""

    def __init__(self, included: Included | None) -> None:
        self.included = included

    def candidates(self, holder: Any, every: list[Any], scope: Any) -> list[Any]:
        """Those of `every`, a list of `holder`'s, that can match the path of `scope`."""
        filed: Filed | None = holder.__dict__.get(_FILED)
        # PERF(benchmarks/many_routes): spares calls, of which each costs as much as asking a route does.
        if filed is None or (
            (filed.routes is not every or filed.latest != RouteList.latest) and not filed.is_about(every)
        ):
            filed = vars(holder)[_FILED] = Filed(every, self.places)
        path = get_route_path(scope) if scope.get("root_path") else scope["path"]
        index = filed.index
        return index.literals.get(path) or index.by_prefix(path)

    def places(self, candidate: Any, nested: Nested) -> Sequence[Place]:
        """Where to file `candidate`; the included routers that this depends on are added to `nested`."""
        included = self.included
        if included is not None and type(candidate) is included.branch:
            return self._places_of_branch(candidate, nested, included)
        if included is None or type(candidate) is not included.context:
            return places_of(candidate)
        original = candidate.original_route
        if not isinstance(original, included.route):
            return () if candidate.starlette_route is None else places_of(candidate.starlette_route)
        if not keeps_to_path(type(original), Route):
            return ()
        return template_places(candidate.path_regex, candidate.path_format, candidate.param_convertors)

    def _places_of_branch(self, branch: Any, nested: Nested, included: Included) -> Sequence[Place]:
        nested.append((branch, version_of(branch)))
        try:
            candidates = branch.effective_candidates()
        except Exception:  # noqa: BLE001 - told, as ever, to the request that comes as far as the route at fault
            return ()
        if type(branch.original_router).matches is not included.router.matches:
            return ()
        found: dict[tuple[str | None, str], Place] = {}
        for candidate in candidates:
            places = self.places(candidate, nested)
            if not places:
                return ()
            found |= {(place.literal, place.prefix): place for place in places}
        return tuple(found.values())
