"""Routes: what an endpoint may be, methods, HEAD, parameters, and middleware of one route."""

import functools
import re
from typing import Any

import pytest

from asterion.applications import Asterion
from asterion.endpoints import HTTPEndpoint
from asterion.middleware import Middleware
from asterion.requests import Request
from asterion.responses import JSONResponse, PlainTextResponse, Response
from asterion.routing import BaseRoute, Match, Route, Router, WebSocketRoute, get_name
from tests.asgi import http_scope, request
from tests.names import without_address

pytestmark = pytest.mark.anyio


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


def sync_hello(request: Request) -> Response:
    return PlainTextResponse("hello")


async def params(request: Request) -> Response:
    return JSONResponse({key: [type(value).__name__, str(value)] for key, value in request.path_params.items()})


class Plain:
    """An ASGI application as an object."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse(scope["method"])(scope, receive, send)


class Callable1:
    """An object that takes a request."""

    async def __call__(self, request: Request) -> Response:
        return PlainTextResponse("hello")

    async def method(self, request: Request) -> Response:
        return PlainTextResponse("hello")


class Endpoint(HTTPEndpoint):
    async def get(self, request: Request) -> Response:
        return PlainTextResponse("hello")


class OwnAsgi:
    """A class whose instances are awaited, three arguments each: upstream's shape of an endpoint class."""

    def __init__(self, scope: Any, receive: Any, send: Any) -> None:
        self.args = (scope, receive, send)

    def __await__(self) -> Any:
        return PlainTextResponse("hello")(*self.args).__await__()


# --- what an endpoint may be ---


@pytest.mark.parametrize(
    "endpoint",
    [
        hello,
        sync_hello,
        functools.partial(hello),
        Callable1(),
        Callable1().method,
        lambda request: hello(request),
        lambda request: PlainTextResponse("hello"),
        Endpoint,
        OwnAsgi,
    ],
    ids=without_address,
)
async def test_anything_that_takes_a_request_or_a_scope_can_be_an_endpoint(endpoint: Any) -> None:
    answer = await request(Router([Route("/", endpoint)]))
    assert (answer.status, answer.body) == (200, b"hello")


async def test_an_asgi_application_as_an_endpoint_gets_every_method() -> None:
    router = Router([Route("/", Plain())])
    for method in ("GET", "POST", "DELETE", "BREW"):
        assert (await request(router, method)).body == method.encode()


@pytest.mark.parametrize("endpoint", [42, None, "module:function"])
def test_what_cannot_be_called_is_refused_when_the_route_is_made(endpoint: Any) -> None:
    with pytest.raises(TypeError, match=f"an endpoint must be callable, got {endpoint!r}"):
        Route("/", endpoint)


def test_a_class_that_cannot_be_an_application_is_refused_when_the_route_is_made() -> None:
    class NoEndpoint:
        """Takes no arguments."""

    with pytest.raises(TypeError, match="NoEndpoint is a class that cannot be called with"):
        Route("/", NoEndpoint)


@pytest.mark.parametrize("make", [Route, WebSocketRoute])
def test_a_function_that_yields_is_refused_when_the_route_is_made(make: Any) -> None:
    async def stream(request: Any) -> Any:
        yield b"x"

    with pytest.raises(TypeError, match=r"endpoint .*stream yields; return StreamingResponse"):
        make("/", stream)


@pytest.mark.parametrize("made", [None, "text", {"a": 1}, 200])
async def test_an_endpoint_that_returns_no_response_is_a_clear_error(made: Any) -> None:
    async def endpoint(request: Request) -> Any:
        return made

    with pytest.raises(TypeError, match=r"endpoint .*endpoint returned .*; return a Response"):
        await request(Router([Route("/", endpoint)]))


@pytest.mark.parametrize("make", [Route, WebSocketRoute])
@pytest.mark.parametrize("path", ["users", "", " /users", "{id}"])
def test_a_path_begins_with_a_slash(make: Any, path: str) -> None:
    with pytest.raises(ValueError, match="path must start with '/'"):
        make(path, hello)


# --- methods ---


async def test_a_function_takes_get_and_head_unless_told_otherwise() -> None:
    assert Route("/", hello).methods == {"GET", "HEAD"}
    assert Route("/", hello, methods=["post"]).methods == {"POST"}
    assert Route("/", hello, methods=["get", "Put"]).methods == {"GET", "HEAD", "PUT"}
    assert Route("/", Endpoint).methods is None


async def test_head_is_answered_with_the_head_of_get_and_no_body() -> None:
    answer = await request(Router([Route("/", hello)]), "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == "5"


async def test_another_method_is_refused_with_those_that_are_allowed_sorted() -> None:
    router = Router([Route("/", hello, methods=["PUT", "GET", "DELETE"])])
    answer = await request(router, "POST")
    assert (answer.status, answer.headers["allow"]) == (405, "DELETE, GET, HEAD, PUT")


async def test_method_names_are_matched_exactly() -> None:
    """A method is case-sensitive (RFC 9110 9.1)."""
    assert (await request(Router([Route("/", hello)]), "get")).status == 405


async def test_allow_lists_what_every_route_of_the_path_takes() -> None:
    """Issue 12: two routes of one path, each with a method of its own."""
    router = Router(
        [
            Route("/x", hello, methods=["PUT"]),
            Route("/{name}", hello, methods=["GET", "DELETE"]),
            Route("/x", hello, methods=["PATCH"]),
            Route("/y", hello, methods=["OPTIONS"]),
        ]
    )
    answer = await request(router, "POST", "/x")
    assert (answer.status, answer.headers["allow"]) == (405, "DELETE, GET, HEAD, PATCH, PUT")


async def test_a_later_route_that_takes_the_method_is_taken() -> None:
    router = Router([Route("/x", sync_hello, methods=["PUT"]), Route("/x", Plain())])
    assert (await request(router, "POST", "/x")).body == b"POST"


async def test_in_an_application_a_refused_method_can_be_handled() -> None:
    async def handler(request: Request, error: Any) -> Response:
        return PlainTextResponse(f"no, {error.headers['Allow']}", 405)

    app = Asterion(routes=[Route("/", hello)], exception_handlers={405: handler})
    assert (await request(app, "POST")).body == b"no, GET, HEAD"


# --- paths and parameters ---


async def test_parameters_arrive_converted() -> None:
    router = Router([Route("/{name}/{n:int}/{x:float}/{rest:path}", params)])
    answer = await request(router, path="/tom/7/1.5/a/b")
    assert answer.body == b'{"name":["str","tom"],"n":["int","7"],"x":["float","1.5"],"rest":["str","a/b"]}'


@pytest.mark.parametrize(
    "path", ["/users/7\n", "/users/7/", "/users/x", "/users/" + "9" * 5000, "/users/7\r\n", "/Users/7"]
)
async def test_a_path_that_is_not_the_routes_is_not_found(path: str) -> None:
    router = Router([Route("/users/{id:int}", params)], redirect_slashes=False)
    assert (await request(router, path=path)).status == 404


async def test_a_literal_path_with_a_newline_behind_it_is_another_path() -> None:
    assert (await request(Router([Route("/x", hello)], redirect_slashes=False), path="/x\n")).status == 404


async def test_a_newline_inside_of_a_parameter_is_a_character() -> None:
    answer = await request(Router([Route("/{name}", params)]), path="/a\nb")
    assert answer.body == b'{"name":["str","a\\nb"]}'


async def test_routing_looks_behind_root_path_on_a_segment_boundary() -> None:
    router = Router([Route("/users", hello), Route("/apiary", sync_hello)], redirect_slashes=False)
    scope = {"root_path": "/api"}
    assert (await request(router, path="/api/users", scope=scope)).status == 200
    assert (await request(router, path="/users", scope=scope)).status == 200
    assert (await request(router, path="/apiary", scope=scope)).status == 200
    assert (await request(router, path="/api/api/users", scope=scope)).status == 404


async def test_the_scope_tells_what_was_matched() -> None:
    seen: dict[str, Any] = {}

    async def endpoint(request: Request) -> Response:
        seen.update(request.scope)
        return Response()

    route = Route("/{id:int}", endpoint)
    router = Router([route])
    await request(router, path="/7")
    assert (seen["route"], seen["endpoint"], seen["path_params"]) == (route, endpoint, {"id": 7})
    assert seen["router"] is router


async def test_a_route_can_be_served_alone() -> None:
    route = Route("/x", hello)
    assert (await request(route, path="/x")).status == 200
    assert (await request(route, path="/y")).status == 404
    assert (await request(route, "POST", "/x")).status == 405


# --- middleware of a route ---


class Tag:
    """Notes the way in and puts a header on the way out."""

    def __init__(self, app: Any, name: str, log: list[str]) -> None:
        self.app, self.name, self.log = app, name, log

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def tagged(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-tag", self.name.encode())]
            await send(message)

        self.log.append(self.name)
        await self.app(scope, receive, tagged)


async def test_middleware_of_a_route_is_around_that_route_only_the_first_outermost() -> None:
    log: list[str] = []
    layers = [Middleware(Tag, "outer", log), Middleware(Tag, name="inner", log=log)]
    router = Router([Route("/tagged", hello, middleware=layers), Route("/plain", hello)])
    answer = await request(router, path="/tagged")
    assert log == ["outer", "inner"]
    assert [value for name, value in answer.raw_headers if name == b"x-tag"] == [b"inner", b"outer"]
    assert "x-tag" not in (await request(router, path="/plain")).headers


async def test_middleware_of_a_route_does_not_see_a_refused_method() -> None:
    log: list[str] = []
    router = Router([Route("/", hello, middleware=[Middleware(Tag, "t", log)])])
    assert (await request(router, "POST")).status == 405
    assert log == []


async def test_middleware_of_a_route_sees_the_response_of_an_exception_handler() -> None:
    async def broken(request: Request) -> Response:
        raise KeyError("x")

    async def handler(request: Request, error: Exception) -> Response:
        return PlainTextResponse("handled", 400)

    route = Route("/", broken, middleware=[Middleware(Tag, "t", [])])
    answer = await request(Asterion(routes=[route], exception_handlers={KeyError: handler}))
    assert (answer.status, answer.headers["x-tag"]) == (400, "t")


# --- as values ---


def test_routes_are_equal_if_path_endpoint_and_methods_are() -> None:
    assert Route("/", hello) == Route("/", hello, name="other")
    assert Route("/", hello) != Route("/", sync_hello)
    assert Route("/", hello) != Route("/x", hello)
    assert Route("/", hello) != Route("/", hello, methods=["POST"])
    assert WebSocketRoute("/", hello) == WebSocketRoute("/", hello)
    assert WebSocketRoute("/", hello) != Route("/", hello)


def test_routes_have_a_readable_repr() -> None:
    assert repr(Route("/x", hello)) == "Route(path='/x', name='hello', methods=['GET', 'HEAD'])"
    assert repr(Route("/x", Plain())) == "Route(path='/x', name='Plain', methods=[])"
    assert repr(WebSocketRoute("/x", hello, name="ws")) == "WebSocketRoute(path='/x', name='ws')"


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        (hello, "hello"),
        (functools.partial(hello), "hello"),
        (Callable1(), "Callable1"),
        (Callable1().method, "method"),
        (Endpoint, "Endpoint"),
    ],
)
def test_a_route_without_a_name_has_that_of_its_endpoint(endpoint: Any, name: str) -> None:
    assert get_name(endpoint) == name
    assert Route("/", endpoint).name == name


async def test_a_base_route_says_what_a_subclass_must_define() -> None:
    class Mine(BaseRoute):
        """Nothing yet."""

    with pytest.raises(NotImplementedError, match=r"Mine must define matches\(scope\)"):
        Mine().matches(http_scope())
    with pytest.raises(NotImplementedError, match="Mine must define url_path_for"):
        Mine().url_path_for("x")
    with pytest.raises(NotImplementedError, match="Mine must define handle"):
        await Mine().handle({}, None, None)  # type: ignore[arg-type]


async def test_a_route_of_ones_own_may_match_by_anything_and_change_the_scope() -> None:
    class ByHeader(BaseRoute):
        def matches(self, scope: Any) -> Any:
            wanted = dict(scope["headers"]).get(b"x-version") == b"2"
            return (Match.FULL, {"version": 2}) if wanted else (Match.NONE, {})

        async def handle(self, scope: Any, receive: Any, send: Any) -> None:
            await PlainTextResponse(f"version {scope['version']}")(scope, receive, send)

    router = Router([ByHeader(), Route("/", hello)])
    assert (await request(router, headers=[("x-version", "2")])).body == b"version 2"
    assert (await request(router)).body == b"hello"


class Asked(Route):
    """Counts how often it is asked."""

    matches_only_its_path = True

    def __init__(self, path: str) -> None:
        super().__init__(path, hello)
        self.asked = 0

    def matches(self, scope: Any) -> Any:
        self.asked += 1
        return super().matches(scope)


class AskedAlways(Asked):
    """Overrides once more, without a word."""

    def matches(self, scope: Any) -> Any:
        return super().matches(scope)


class Mixed:
    """Overrides from the side."""

    def matches(self, scope: Any) -> Any:
        return super().matches(scope)  # type: ignore[misc]


class AskedThroughMixin(Asked, Mixed, Route):
    """Promises for itself, which is not enough: it asks a class that does not."""


class AskedOfWebSockets(WebSocketRoute):
    """Counts how often it is asked."""

    matches_only_its_path = True

    def __init__(self, path: str) -> None:
        super().__init__(path, hello)
        self.asked = 0

    def matches(self, scope: Any) -> Any:
        self.asked += 1
        return super().matches(scope)


@pytest.mark.parametrize(
    ("cls", "asked"), [(Asked, 0), (AskedOfWebSockets, 0), (AskedAlways, 1), (AskedThroughMixin, 1)]
)
async def test_a_route_that_promises_to_match_only_its_path_is_not_asked_about_others(cls: Any, asked: int) -> None:
    routes = [cls("/a"), cls("/b/{x}")]
    assert (await request(Router([*routes, Route("/c", hello)]), path="/c")).body == b"hello"
    assert [route.asked for route in routes] == [asked, asked]


@pytest.mark.parametrize("path", ["/About", "/ABOUT"])
async def test_a_route_whose_pattern_was_replaced_matches_by_that(path: str) -> None:
    route = Route("/about", hello)
    route.path_regex = re.compile(route.path_regex.pattern, re.IGNORECASE)
    assert (await request(Router([route]), path=path)).body == b"hello"


@pytest.mark.parametrize(("path", "status"), [("/items/7", 200), ("/items/x", 404)])
async def test_a_route_whose_parameters_were_taken_away_matches_by_its_pattern(path: str, status: int) -> None:
    route = Route("/items/{id}", hello)
    route.path_regex = re.compile("^/items/[0-9]+$")
    route.param_convertors = {}
    assert (await request(Router([route]), path=path)).status == status


def test_a_class_in_c_whose_arguments_are_not_known_is_taken_for_an_application() -> None:
    assert Route("/", dict).app is dict
