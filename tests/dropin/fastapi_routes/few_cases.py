"""A request costs what one route costs, however many there are, and whoever reads routes sees all of them."""

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request, WebSocket
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.responses import PlainTextResponse
from starlette.routing import Route, Router

import asterion.routing

asked: list[str] = []


class Counted(APIRoute):
    """Notes which of its kind are asked."""

    matches_only_its_path = True

    def matches(self, scope: Any) -> Any:
        asked.append(self.path)
        return super().matches(scope)


class AskedAlways(Counted):
    """Matches in a way of its own, as far as anybody knows."""

    def matches(self, scope: Any) -> Any:
        return super().matches({**scope, "path": scope["path"].lower()})


@pytest.fixture(autouse=True)
def nothing_asked() -> None:
    asked.clear()


async def answer(request: Request) -> dict[str, Any]:
    return {"path": request.scope["route"].path, **request.path_params}


def router_of(count: int, prefix: str = "", kind: type[APIRoute] = Counted) -> APIRouter:
    router = APIRouter(prefix=prefix, route_class=kind)
    for number in range(count):
        router.get(f"/literal{number}", response_model=None)(answer)
        router.get(f"/of{number}/{{x}}", response_model=None)(answer)
    return router


def app_of(*routers: APIRouter, **options: Any) -> FastAPI:
    app = FastAPI()
    for router in routers:
        app.include_router(router, **options)
    return app


def test_fastapi_runs_on_asterion() -> None:
    assert Router is asterion.routing.Router


def test_the_last_of_many_routes_is_the_only_one_that_is_asked() -> None:
    app = FastAPI()
    app.router.route_class = Counted
    for number in range(100):
        app.get(f"/of{number}/{{x}}", response_model=None)(answer)
    client = TestClient(app)
    assert client.get("/of99/7").json() == {"path": "/of99/{x}", "x": "7"}
    assert asked == ["/of99/{x}"]


@pytest.mark.parametrize("path", ["/api/of49/7", "/api/literal49"])
def test_in_an_included_router_too(path: str) -> None:
    client = TestClient(app_of(router_of(50), prefix="/api"))
    assert client.get(path).status_code == 200
    # Twice, for FastAPI matches an included router, and then within it once more.
    assert len(asked) == 2
    assert len(set(asked)) == 1


def test_of_many_included_routers_one_is_asked() -> None:
    inner = app_of(*(router_of(2, prefix=f"/p{number}") for number in range(20))).router
    client = TestClient(app_of(inner, prefix="/v1"))
    assert client.get("/v1/p19/of1/7").status_code == 200
    assert set(asked) == {"/p19/of1/{x}"}


def test_a_path_that_is_not_there_asks_nobody_also_with_another_slash() -> None:
    client = TestClient(app_of(router_of(20), prefix="/api"))
    assert client.get("/api/nothing").status_code == 404
    assert asked == []


def test_a_path_with_a_slash_too_many_leads_to_the_one_without() -> None:
    app = FastAPI()
    app.router.routes.extend(router_of(20).routes)
    client = TestClient(app, follow_redirects=False)
    answer = client.get("/literal7/")
    assert (answer.status_code, answer.headers["location"]) == (307, "http://testserver/literal7")
    assert asked == ["/literal7"]


def test_a_class_that_matches_in_its_own_way_is_always_asked() -> None:
    client = TestClient(app_of(router_of(3, kind=AskedAlways)))
    assert client.get("/LITERAL2").status_code == 200
    assert len(asked) > 3


def test_a_router_that_matches_in_its_own_way_is_always_asked() -> None:
    class Everything(APIRouter):
        def matches(self, scope: Any) -> Any:
            asked.append("router")
            return super().matches(scope)

    app = app_of(router_of(1))
    app.include_router(Everything())
    TestClient(app).get("/nothing")
    assert "router" in asked


def test_a_route_by_a_pattern_of_its_own_is_found() -> None:
    import re

    app = FastAPI()
    app.get("/about")(lambda: "here")
    for route in app.routes:
        if isinstance(route, Route):
            route.path_regex = re.compile(route.path_regex.pattern, re.IGNORECASE)
    assert TestClient(app).get("/ABOUT").json() == "here"


def test_whoever_reads_the_routes_sees_all() -> None:
    router = router_of(10)
    app = FastAPI(openapi_url=None)

    @app.get("/count")
    async def count(request: Request) -> list[int]:
        app = request.app
        return [len(app.routes), len(app.router.routes), len(app.openapi()["paths"])]

    app.include_router(router)
    app.include_router(router, prefix="/again")
    client = TestClient(app)
    # The docs, the route above, and two routers.
    assert client.get("/count").json() == [3, 3, 41]
    assert client.get("/again/of9/7").status_code == 200
    assert client.get("/count").json() == [3, 3, 41]
    assert str(app.url_path_for("answer")) == "/literal0"


def test_routes_that_are_added_later_are_found_and_removed_ones_are_not() -> None:
    inner, middle = router_of(1), APIRouter()
    middle.include_router(inner, prefix="/inner")
    app = app_of(middle, prefix="/api")
    client = TestClient(app)
    assert client.get("/api/inner/literal0").status_code == 200
    assert client.get("/api/inner/late").status_code == 404
    inner.get("/late", response_model=None)(answer)
    assert client.get("/api/inner/late").json() == {"path": "/late"}
    middle.include_router(router_of(1), prefix="/more")
    assert client.get("/api/more/of0/1").status_code == 200
    app.get("/top", response_model=None)(answer)
    assert client.get("/top").status_code == 200
    del app.router.routes[-1]
    assert client.get("/top").status_code == 404
    app.router.routes = [*app.router.routes, Route("/plain", lambda request: PlainTextResponse("plain"))]
    assert client.get("/plain").text == "plain"
    assert client.get("/api/more/of0/1").status_code == 200
    app.router.routes = []
    assert client.get("/plain").status_code == 404


def test_a_router_whose_routes_are_a_property_of_its_own_is_walked_by_that() -> None:
    extra: list[Any] = []

    class Changing(APIRouter):
        @property
        def routes(self) -> Any:
            return [*super().routes, *extra]

        @routes.setter
        def routes(self, value: Any) -> None:
            APIRouter.routes.fset(self, value)  # type: ignore[attr-defined]

    changing = Changing()
    app = FastAPI()
    app.include_router(changing)
    app.router.__class__ = Changing
    client = TestClient(app)
    assert client.get("/literal0").status_code == 404
    extra.extend(router_of(1).routes)
    assert client.get("/literal0").status_code == 200


def test_a_refused_method_tells_what_the_first_route_of_the_path_takes() -> None:
    app = FastAPI()
    app.get("/a", response_model=None)(answer)
    app.put("/a", response_model=None)(answer)
    refused = TestClient(app).post("/a")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    assert TestClient(app).put("/a").status_code == 200


def test_websockets_are_found_by_their_path() -> None:
    app, router = FastAPI(), APIRouter()

    @router.websocket("/echo/{x}")
    async def echo(socket: WebSocket, x: str) -> None:
        await socket.accept()
        await socket.send_text(x)
        await socket.close()

    app.include_router(router_of(3), prefix="/api")
    app.include_router(router, prefix="/api")
    with TestClient(app).websocket_connect("/api/echo/7") as session:
        assert session.receive_text() == "7"
    assert asked == []


def test_an_included_route_that_sends_its_request_on_is_known_there_by_its_path_where_it_is_included() -> None:
    """So it is on Starlette: FastAPI leaves in the scope where the route is included, and the route goes by that."""
    router = router_of(1)

    class SentOn(PlainTextResponse):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await router({**scope, "method": "POST", "path": scope["headers"][-1][1].decode()}, receive, send)

    router.get("/again", response_model=None)(lambda: SentOn())
    client = TestClient(app_of(router, prefix="/api"))
    assert client.get("/api/again", headers={"x-to": "/api/again"}).status_code == 405
    assert client.get("/api/again", headers={"x-to": "/of0/7"}).status_code == 405
    assert client.get("/api/again", headers={"x-to": "/again"}).status_code == 404
