"""The router: a list of routes that may change, a default, redirects, and ways to add routes."""

from collections.abc import Callable
from typing import Any

import pytest

from asterion.applications import Asterion
from asterion.middleware import Middleware
from asterion.middleware.exceptions import ExceptionMiddleware
from asterion.requests import Request
from asterion.responses import PlainTextResponse, Response
from asterion.routing import Host, Mount, Route, Router, WebSocketRoute
from tests.asgi import request

pytestmark = pytest.mark.anyio


def says(text: str) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(text)

    endpoint.__name__ = text
    return endpoint


def route(path: str, text: str) -> Route:
    return Route(path, says(text))


async def text_at(app: Any, path: str = "/x") -> str:
    answer = await request(app, path=path)
    return answer.body.decode() if answer.status == 200 else str(answer.status)


# --- the first declared match wins ---


async def test_the_first_declared_match_wins_and_not_the_most_literal() -> None:
    assert await text_at(Router([route("/{name}", "template"), route("/x", "literal")])) == "template"
    assert await text_at(Router([route("/x", "literal"), route("/{name}", "template")])) == "literal"
    assert await text_at(Router([Mount("/", route("/x", "mounted")), route("/x", "literal")])) == "mounted"


async def test_a_mount_takes_all_that_is_under_it_and_nothing_declared_later_is_asked() -> None:
    router = Router([Mount("/x", routes=[]), route("/x/y", "later")])
    assert await text_at(router, "/x/y") == "404"


# --- the list may change ---


def replace_slice(routes: list[Any]) -> None:
    routes[:] = [route("/x", "new")]


def replace_first(routes: list[Any]) -> None:
    routes[0] = route("/x", "new")


def delete_first(routes: list[Any]) -> None:
    del routes[0]


def add_in_place(routes: list[Any]) -> None:
    routes += [route("/x", "new")]


CHANGES: list[tuple[Callable[[list[Any]], object], str]] = [
    (lambda routes: routes.insert(0, route("/x", "new")), "new"),
    (lambda routes: routes.append(route("/x", "new")), "old"),
    (lambda routes: routes.extend([route("/x", "new")]), "old"),
    (add_in_place, "old"),
    (lambda routes: routes.clear(), "404"),
    (lambda routes: routes.pop(0), "catch-all"),
    (lambda routes: routes.remove(routes[0]), "catch-all"),
    (lambda routes: routes.reverse(), "catch-all"),
    (lambda routes: routes.sort(key=lambda one: one.path, reverse=True), "catch-all"),
    (replace_slice, "new"),
    (replace_first, "new"),
    (delete_first, "catch-all"),
]


@pytest.mark.parametrize(("change", "then"), CHANGES)
async def test_a_change_of_the_list_counts_from_the_next_request_on(
    change: Callable[[list[Any]], object], then: str
) -> None:
    router = Router([route("/x", "old"), route("/{any}", "catch-all")])
    assert await text_at(router) == "old"
    change(router.routes)
    assert await text_at(router) == then


async def test_the_list_itself_may_be_replaced() -> None:
    router = Router([route("/x", "old")])
    assert await text_at(router) == "old"
    replacement = [route("/x", "new")]
    router.routes = replacement
    assert await text_at(router) == "new"
    router.routes.insert(0, route("/x", "newer"))
    assert await text_at(router) == "newer"
    assert len(replacement) == 1


async def test_the_list_that_a_router_was_made_from_stays_the_callers() -> None:
    given = [route("/x", "old")]
    router = Router(given)
    given.clear()
    assert await text_at(router) == "old"


async def test_an_application_and_its_router_have_one_list() -> None:
    app = Asterion(routes=[route("/x", "old")])
    assert await text_at(app) == "old"
    app.routes.insert(0, route("/x", "new"))
    app.router.routes.append(route("/y", "more"))
    assert await text_at(app) == "new"
    assert await text_at(app, "/y") == "more"


async def test_the_list_of_a_mounted_router_may_change_too() -> None:
    inner = Router([route("/x", "old")])
    outer = Router([Mount("/in", inner)])
    assert await text_at(outer, "/in/x") == "old"
    inner.routes.insert(0, route("/x", "new"))
    assert await text_at(outer, "/in/x") == "new"


# --- no route ---


async def test_nothing_here_is_404_and_for_a_websocket_a_refused_handshake() -> None:
    router = Router()
    answer = await request(router)
    assert (answer.status, answer.body) == (404, b"Not Found")
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await router({"type": "websocket", "path": "/", "headers": []}, None, send)  # type: ignore[arg-type]
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_in_an_application_a_404_can_be_handled() -> None:
    async def handler(request: Request, error: Any) -> Response:
        return PlainTextResponse("lost", 404)

    answer = await request(Asterion(exception_handlers={404: handler}))
    assert (answer.status, answer.body) == (404, b"lost")


async def test_the_default_answers_what_no_route_takes() -> None:
    router = Router([route("/x", "x")], default=PlainTextResponse("default"))
    assert await text_at(router) == "x"
    assert await text_at(router, "/y") == "default"


async def test_not_found_may_be_overridden() -> None:
    class Mine(Router):
        async def not_found(self, scope: Any, receive: Any, send: Any) -> None:
            await PlainTextResponse("mine")(scope, receive, send)

    assert await text_at(Mine()) == "mine"


# --- ways to add routes ---


async def test_routes_can_be_added_by_methods_and_decorators() -> None:
    router = Router()
    router.add_route("/added", says("added"), methods=["GET"], name="a", include_in_schema=False)
    router.mount("/mounted", Router([route("/x", "mounted")]), name="m")
    router.host("example.org", Router([route("/h", "host")]), name="h")

    @router.route("/decorated", methods=["POST"], name="d")
    async def decorated(request: Request) -> Response:
        return PlainTextResponse("decorated")

    @router.websocket_route("/ws", name="ws")
    async def ws(websocket: Any) -> None:
        """A WebSocket endpoint."""

    router.add_websocket_route("/ws2", ws)
    kinds = [type(one) for one in router.routes]
    assert kinds == [Route, Mount, Host, Route, WebSocketRoute, WebSocketRoute]
    assert [one.name for one in router.routes] == ["a", "m", "h", "d", "ws", "ws"]  # type: ignore[attr-defined]
    assert router.routes[0].include_in_schema is False  # type: ignore[attr-defined]
    assert await text_at(router, "/added") == "added"
    assert await text_at(router, "/mounted/x") == "mounted"
    assert (await request(router, path="/h", headers=[("host", "example.org:8000")])).body == b"host"
    assert (await request(router, "POST", "/decorated")).body == b"decorated"
    assert decorated.__name__ == "decorated"


async def test_middleware_of_a_router_is_around_all_of_it() -> None:
    seen: list[str] = []

    def layer(app: Any, name: str) -> Any:
        async def wrapped(scope: Any, receive: Any, send: Any) -> None:
            seen.append(name)
            await app(scope, receive, send)

        return wrapped

    router = Router([route("/x", "x")], middleware=[Middleware(layer, "outer"), Middleware(layer, "inner")])
    assert await text_at(Asterion(routes=[Mount("/r", router)]), "/r/x") == "x"
    assert await text_at(router, "/nothing") == "404"
    assert seen == ["outer", "inner", "outer", "inner"]


def test_routers_are_equal_if_their_routes_are() -> None:
    endpoint = says("x")
    assert Router([Route("/", endpoint)]) == Router([Route("/", endpoint)])
    assert Router([Route("/", endpoint)]) != Router([Route("/y", endpoint)])
    assert Router() != []


# --- slashes ---


async def location(router: Any, path: str, **more: Any) -> str | None:
    answer = await request(router, path=path, **more)
    return answer.headers.get("location") if answer.status == 307 else None


async def test_a_path_with_a_slash_too_few_or_too_many_is_redirected() -> None:
    router = Router([route("/with/", "with"), route("/without", "without"), route("/{id:int}/", "id")])
    assert await location(router, "/with") == "/with/"
    assert await location(router, "/without/") == "/without"
    assert await location(router, "/7") == "/7/"
    assert await location(router, "/nothing") is None
    assert await location(router, "/nothing/") is None


async def test_the_redirect_keeps_the_method_and_the_query() -> None:
    router = Router([Route("/x/", says("x"), methods=["POST"])])
    answer = await request(router, "POST", "/x", query=b"a=1&b=%20&c=/?", body=b"data")
    assert (answer.status, answer.headers["location"]) == (307, "/x/?a=1&b=%20&c=/?")


async def test_redirects_can_be_switched_off() -> None:
    assert (await request(Router([route("/x/", "x")], redirect_slashes=False), path="/x")).status == 404


async def test_the_root_is_never_redirected() -> None:
    assert (await request(Router([Mount("", routes=[])]), path="/")).status == 404


async def test_a_redirect_stays_under_root_path() -> None:
    assert await location(Router([route("/x/", "x")]), "/api/x", scope={"root_path": "/api"}) == "/api/x/"
    mounted = Router([Mount("/m", routes=[route("/x/", "x"), route("/y", "y")]), Mount("/app", PlainTextResponse(""))])
    assert await location(mounted, "/m/x") == "/m/x/"
    assert await location(mounted, "/m/y/") == "/m/y"


@pytest.mark.parametrize(
    "path", ["//evil.example", "//evil.example/", "///evil.example/", "//evil.example/x/", "/\\evil.example/", "//"]
)
async def test_no_path_leads_to_another_host(path: str) -> None:
    """An open redirect: `//host` in a Location is a host, and browsers read a backslash as a slash."""
    router = Router([Route("/{rest:path}", says("x"), methods=["GET"]), Route("/{rest:path}/", says("y"))])
    refused = Router([route("/{rest:path}/", "x")])
    narrow = Router([route("/evil.example", "x"), route("/{name}", "y")])
    for app in (router, refused, narrow):
        answer = await request(app, path=path)
        assert not answer.headers.get("location", "").startswith(("//", "/\\", "\\", "http"))


async def test_a_redirect_says_nothing_of_a_host_that_the_client_has_sent() -> None:
    answer = await request(Router([route("/x/", "x")]), path="/x", headers=[("host", "evil.example")])
    assert answer.headers["location"] == "/x/"


async def test_what_a_url_cannot_hold_is_percent_encoded_in_a_redirect() -> None:
    router = Router([route("/{name}/", "x")])
    assert await location(router, "/a b?c#d%e\r\nx: y") == "/a%20b%3Fc%23d%25e%0D%0Ax:%20y/"
    assert await location(router, "/ü") == "/%C3%BC/"
    assert await location(router, "/\\evil.example") == "/%5Cevil.example/"


async def test_a_method_that_is_not_allowed_behind_the_slash_is_refused_and_not_redirected() -> None:
    router = Router([Route("/x/", says("x"), methods=["PUT"]), Route("/x/", says("y"), methods=["GET"])])
    answer = await request(router, "POST", "/x")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, PUT")


async def test_a_method_that_is_not_allowed_here_is_refused_though_the_other_path_would_take_it() -> None:
    router = Router([Route("/x", says("x"), methods=["PUT"]), Route("/x/", says("y"), methods=["POST"])])
    assert (await request(router, "POST", "/x")).status == 405


async def test_websockets_are_not_redirected() -> None:
    async def ws(websocket: Any) -> None:
        """A WebSocket endpoint."""

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/ws", "headers": [], "root_path": ""}
    await Router([WebSocketRoute("/ws/", ws)])(scope, None, send)  # type: ignore[arg-type]
    assert [message["type"] for message in sent] == ["websocket.close"]


# --- methods that somebody has put in place ---


@pytest.mark.parametrize("method", ["matches", "handle"])
async def test_a_method_of_every_route_that_was_replaced_is_called(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """As instrumentations replace them, before the first request."""
    called: list[str] = []
    original = getattr(Route, method)

    def replacement(self: Route, *arguments: Any) -> Any:
        called.append(self.path)
        return original(self, *arguments)

    monkeypatch.setattr(Route, method, replacement)
    app = Asterion(
        routes=[route("/x", "literal"), route("/{name}/y", "template"), Mount("/m", routes=[route("/z", "z")])]
    )
    for path, said, of in (("/x", "literal", "/x"), ("/a/y", "template", "/{name}/y"), ("/m/z", "z", "/z")):
        called.clear()
        assert await text_at(app, path) == said
        assert called.count(of) == 1


async def test_a_router_with_an_app_of_its_own_is_called_by_it() -> None:
    class Own(Router):
        async def app(self, scope: Any, receive: Any, send: Any) -> None:
            await PlainTextResponse("of its own")(scope, receive, send)

    assert await text_at(ExceptionMiddleware(Own([route("/x", "literal")]).app)) == "of its own"


async def test_a_route_with_an_answer_of_its_own_to_other_methods_gives_it() -> None:
    class Own(Route):
        async def handle(self, scope: Any, receive: Any, send: Any) -> None:
            await PlainTextResponse(f"no {scope['method']} here", 405)(scope, receive, send)

    answer = await request(Router([Own("/x", says("x"))]), "POST", "/x")
    assert (answer.status, answer.body) == (405, b"no POST here")
