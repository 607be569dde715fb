"""Which loops of another package's functions are narrowed, and that what looks different is left alone."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from asterion.dropin._fastapi import adapt
from asterion.dropin._walks import Walks, asks_only, attributes, claims
from asterion.responses import PlainTextResponse
from asterion.routing import Match, Route, Router, WebSocketRoute
from tests.asgi import request

OTHER = {"path": "other"}


class Owner:
    """Loops of all kinds over the same list."""

    @property
    def routes(self) -> Any:
        return [WALKS.scope_in(sys._getframe(1))]

    def walk(self, scope: Any, again: bool = False) -> Any:
        """A line less indented than its body
        is no hindrance."""
        found = []
        for route in self.routes:
            found.append(route)
            route.matches(scope) if hasattr(route, "matches") else None
        if again:
            other = OTHER
            for route in self.routes:
                if route is not None and hasattr(route, "matches") and route.matches(other):
                    pass
                found.append(route)
        for route in self.routes:
            found.append(route)
        for route in self.routes:
            scope = found[0]
            found.append(route)
            if route is False:
                route.matches(scope)
        found.extend(self.routes)
        return found


WALKS = Walks(Owner.walk, "self.routes")


def test_a_loop_that_asks_for_one_scope_is_told_from_whoever_else_reads_the_same() -> None:
    scope = {"path": "/a"}
    assert Owner().walk(scope) == [scope, None, None, None]
    assert Owner().walk(scope, again=True) == [scope, OTHER, None, None, None]
    assert Owner().routes == [None]
    # What the places of instructions mean is kept.
    assert Owner().walk(OTHER, again=True) == [OTHER, OTHER, None, None, None]


class Counting:
    """Two loops in whose lines the list is mentioned twice, and one that is as any other."""

    routes: Any = ()

    def walk(self, scope: Any) -> Any:
        for route in self.routes: route.matches(scope) or self.routes  # fmt: skip # noqa: E701
        for route in self.routes: self.routes or route.matches(scope)  # fmt: skip # noqa: E701
        for route in self.routes:
            route.matches(scope)


def test_of_a_line_that_mentions_the_list_twice_it_is_not_told_which_is_meant() -> None:
    walks = Walks(Counting.walk, "self.routes")
    assert list(walks._names) == [Counting.walk.__code__.co_firstlineno + 3]


@pytest.mark.parametrize("function", [len, None, eval("lambda self: self.routes"), property(lambda self: None)])
def test_of_a_function_without_a_source_nothing_is_known(function: Any) -> None:
    assert not Walks(function, "self.routes")
    assert not asks_only(function, "super().matches(scope)")
    assert claims(function)
    assert attributes(function) == set()


async def hello(request: Any) -> PlainTextResponse:
    return PlainTextResponse("hello")


def module(**replaced: Any) -> Any:
    """A module that is like FastAPI's at the places that matter."""

    class APIRoute(Route):
        asked = 0

        def matches(self, scope: Any) -> Any:
            APIRoute.asked += 1
            match, child = super().matches(scope)
            return match, {**child, "label": 1}

    class APIWebSocketRoute(WebSocketRoute):
        def matches(self, scope: Any) -> Any:
            return super().matches(scope)

    class APIRouter(Router):
        async def app(self, scope: Any, receive: Any, send: Any) -> None:
            for route in self.routes:
                match, child = route.matches(scope)
                if match is Match.FULL:
                    scope.update(child)
                    await route.handle(scope, receive, send)
                    return
            await self.default(scope, receive, send)

    names = {"APIRoute": APIRoute, "APIWebSocketRoute": APIWebSocketRoute, "APIRouter": APIRouter, **replaced}
    return SimpleNamespace(**{name: value for name, value in names.items() if value is not None})


async def asked_of(found: Any) -> tuple[int, bytes]:
    """How many of 20 routes are asked until the last one answers, and what it says."""
    routes = [found.APIRoute(f"/p{number}", hello) for number in range(20)]
    answer = await request(found.APIRouter(routes), path="/p19")
    return found.APIRoute.asked, answer.body


pytestmark = pytest.mark.anyio


async def test_a_router_that_walks_its_routes_itself_asks_those_that_can_match() -> None:
    found = module()
    assert await asked_of(found) == (20, b"hello")
    found = module()
    adapt(found)
    adapt(found)
    assert await asked_of(found) == (1, b"hello")
    assert found.APIRoute.matches_only_its_path
    assert found.APIWebSocketRoute.matches_only_its_path
    assert not Route.matches_only_its_path


async def test_the_list_of_routes_stays_one_that_may_be_changed_and_replaced() -> None:
    found = module()
    adapt(found)
    router = found.APIRouter([found.APIRoute("/a", hello)])
    assert (await request(router, path="/a")).status == 200
    router.routes.append(found.APIRoute("/b", hello))
    assert (await request(router, path="/b")).status == 200
    router.routes = router.routes[1:]
    assert [route.path for route in router.routes] == ["/b"]
    assert (await request(router, path="/a")).status == 404


class Claiming(Route):
    """Says yes where nobody asked has."""

    asked = 0

    def matches(self, scope: Any) -> Any:
        Claiming.asked += 1
        match, child = super().matches(scope)
        return (Match.FULL, child) if scope["path"] == "/special" else (match, child)


class AskingElse(Route):
    """Asks for another scope."""

    asked = 0

    def matches(self, scope: Any) -> Any:
        AskingElse.asked += 1
        return super().matches({**scope, "path": scope["path"].lower()})


class WalkingElse(Router):
    """Goes over its routes in a way that nobody has heard of."""

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        position = 0
        while position < len(self.routes):
            match, child = self.routes[position].matches(scope)
            if match is Match.FULL:
                scope.update(child)
                await self.routes[position].handle(scope, receive, send)
                return
            position += 1


@pytest.mark.parametrize(
    "other", [{"APIRoute": Claiming}, {"APIRoute": AskingElse}, {"APIRouter": WalkingElse}, {"APIRouter": None}]
)
async def test_what_has_another_shape_is_left_alone(other: dict[str, Any]) -> None:
    found = module(**other)
    found.APIRoute.asked = 0
    adapt(found)
    if "APIRouter" in other:
        found.APIRouter = WalkingElse
    assert await asked_of(found) == (20, b"hello")


@pytest.mark.parametrize("name", ["APIRoute", "APIWebSocketRoute", "APIRouter"])
@pytest.mark.parametrize("found", [None, 7, object])
async def test_a_name_that_is_absent_or_something_else_is_left_alone(name: str, found: Any) -> None:
    made = module(**{name: found})
    adapt(made)
    assert getattr(made, name, None) is found
