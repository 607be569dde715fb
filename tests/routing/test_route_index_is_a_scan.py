"""The first declared route that matches is taken: the router with its index against a plain scan of its routes."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterion.responses import PlainTextResponse
from asterion.routing import BaseRoute, Host, Match, Mount, Route, Router, WebSocketRoute
from tests.asgi import http_scope

steady = settings(derandomize=True, database=None, deadline=None)


async def endpoint(request: Any) -> PlainTextResponse:
    return PlainTextResponse("")


class Suffix(BaseRoute):
    """A route that matches in its own way."""

    def __init__(self, suffix: str) -> None:
        self.suffix = suffix

    def matches(self, scope: Any) -> Any:
        return (Match.FULL if scope["path"].endswith(self.suffix) else Match.NONE), {}


class Shouting(Route):
    """A route that looks at the path in its own way before it asks the inherited one."""

    def matches(self, scope: Any) -> Any:
        return super().matches({**scope, "path": scope["path"].lower()})


class Relabelling(Route):
    """A route that only says no, or tells something else, where the inherited one says yes."""

    matches_only_its_path = True

    def matches(self, scope: Any) -> Any:
        match, child = super().matches(scope)
        return (match, {**child, "label": 1}) if scope["path"] != "/a/b" else (Match.NONE, {})


class Again(Relabelling):
    """Overrides once more, and promises nothing."""

    def matches(self, scope: Any) -> Any:
        return super().matches({**scope, "path": scope["path"].lower()})


class AnyCase(Route):
    """A route whose pattern was replaced after it was made."""

    def __init__(self, path: str) -> None:
        super().__init__(path, endpoint)
        self.path_regex = re.compile(self.path_regex.pattern, re.IGNORECASE)


class Narrow(Mount):
    """A mount that matches in its own way."""

    def matches(self, scope: Any) -> Any:
        return (Match.NONE, {}) if scope["path"].endswith("b") else super().matches(scope)


class Duck:
    """Not derived from anything, as some libraries' routes are."""

    def __init__(self, path: str) -> None:
        self.path = path

    def matches(self, scope: Any) -> Any:
        return (Match.FULL if scope["path"] == self.path else Match.NONE), {}


PIECES = ["", "a", "b", "A", "{x}", "a{x}", "{n:int}", "{p:path}", "7"]
templates = st.lists(st.sampled_from(PIECES), max_size=3).map(lambda parts: "/" + "/".join(parts))
methods = st.sampled_from([None, ["GET"], ["POST"], ["GET", "PUT"]])


def unique(path: str) -> str:
    """`path` with a number at the end of a name that stands in it twice."""
    for name in ("x", "n", "p"):
        for mark in ("}", ":"):
            first = path.find(f"{{{name}{mark}")
            while (again := path.find(f"{{{name}{mark}", first + 1)) > first >= 0:
                path = f"{path[: again + 2]}{again}{path[again + 2 :]}"
                first = again
    return path


paths = templates.map(unique)
routes = st.one_of(
    st.builds(lambda path, allowed: Route(path, endpoint, methods=allowed), paths, methods),
    st.builds(lambda path: Shouting(path, endpoint), paths),
    st.builds(lambda path: Relabelling(path, endpoint), paths),
    st.builds(lambda path: Again(path, endpoint), paths),
    st.builds(AnyCase, paths),
    st.builds(lambda path: WebSocketRoute(path, endpoint), paths),
    st.builds(
        lambda path: Mount(path, routes=[]), paths.filter(lambda path: "p:path" not in path and ":path" not in path)
    ),
    st.builds(lambda path: Narrow(path, routes=[]), st.sampled_from(["/a", "/a/b", "/{x}"])),
    st.builds(lambda host: Host(host, endpoint), st.sampled_from(["example.org", "{t}.example.org"])),
    st.builds(Suffix, st.sampled_from(["", "a", "/b"])),
    st.builds(Duck, st.sampled_from(["/a", "/a/b", "*"])),
)
requested = st.lists(st.sampled_from(["", "a", "b", "A", "7", "ab", "\n"]), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


def by_scan(table: list[Any], scope: dict[str, Any]) -> Any:
    """What the contract says, without an index."""
    for route in table:
        if route.matches(scope)[0] is Match.FULL:
            return route
    return None


def by_index(router: Router, scope: dict[str, Any]) -> Any:
    """Which route the router hands the scope to."""
    taken: list[Any] = []

    def record(route: Any) -> Any:
        async def handle(scope: Any, receive: Any, send: Any) -> None:
            if not getattr(route, "methods", None) or scope["method"] in route.methods:  # else it would answer 405
                taken.append(route)

        return handle

    for route in router.routes:
        route.handle = record(route)  # type: ignore[method-assign]

    async def nothing(scope: Any, receive: Any, send: Any) -> None:
        """Nobody took it."""

    router.default = nothing

    async def send(message: Any) -> None:
        """A refused method."""

    serving = router(scope, nothing, send)  # type: ignore[arg-type]
    with pytest.raises(StopIteration):
        serving.send(None)  # nothing in it waits
    return taken[0] if taken else None


@given(st.lists(routes, max_size=10), requested, st.sampled_from(["GET", "POST", "HEAD"]), st.sampled_from(["", "/a"]))
@steady
def test_the_index_takes_the_route_that_a_scan_takes(table: list[Any], path: str, method: str, root_path: str) -> None:
    scope = http_scope(method, path, headers=[("host", "acme.example.org")], root_path=root_path)
    expected = by_scan(table, dict(scope))
    assert by_index(Router(table, redirect_slashes=False), scope) is expected


@given(st.lists(routes, max_size=10), requested)
@steady
def test_the_index_takes_the_websocket_route_that_a_scan_takes(table: list[Any], path: str) -> None:
    scope = {**http_scope("GET", path, headers=[("host", "example.org")]), "type": "websocket"}
    expected = by_scan(table, dict(scope))
    assert by_index(Router(table), scope) is expected


@given(st.lists(routes, max_size=6), st.lists(routes, min_size=1, max_size=3), requested, st.data())
@steady
def test_an_index_that_was_in_use_notices_a_change(table: list[Any], more: list[Any], path: str, data: Any) -> None:
    router = Router(table, redirect_slashes=False)
    by_index(router, http_scope("GET", path))
    at = data.draw(st.integers(0, len(table)))
    router.routes[at:at] = more
    scope = http_scope("GET", path)
    expected = by_scan(list(router.routes), dict(scope))
    assert by_index(router, scope) is expected
