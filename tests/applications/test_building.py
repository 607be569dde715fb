"""Putting an application together: middleware and its order, decorators, state, and what is passed on to the router."""

from typing import Any

import pytest

from asterion.applications import Asterion, Starlette
from asterion.middleware import Middleware
from asterion.requests import Request
from asterion.responses import PlainTextResponse, Response
from asterion.routing import Host, Mount, Route, Router, WebSocketRoute
from tests.asgi import request

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[Asterion, Starlette])
def face(request: pytest.FixtureRequest) -> Any:
    """Both classes of application."""
    return request.param


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


class Note:
    """A middleware that notes its name on the way in and out."""

    def __init__(self, app: Any, name: str, *, log: list[str]) -> None:
        self.app, self.name, self.log = app, name, log

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.log.append(f"> {self.name}")
        await self.app(scope, receive, send)
        if scope["type"] == "http":
            self.log.append(f"< {self.name}")


def function_note(app: Any, log: list[str]) -> Any:
    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        log.append("factory")
        await app(scope, receive, send)

    return wrapped


# --- middleware ---


async def test_middleware_given_is_outermost_first(face: Any) -> None:
    log: list[str] = []
    layers = [Middleware(Note, "a", log=log), Middleware(Note, name="b", log=log), Middleware(function_note, log)]
    await request(face(routes=[Route("/", hello)], middleware=layers))
    assert log == ["> a", "> b", "factory", "< b", "< a"]


async def test_middleware_added_is_outside_of_what_is_there(face: Any) -> None:
    log: list[str] = []
    app = face(routes=[Route("/", hello)], middleware=[Middleware(Note, "given", log=log)])
    app.add_middleware(Note, "first", log=log)
    app.add_middleware(Note, name="second", log=log)

    @app.middleware("http")
    async def third(request: Request, call_next: Any) -> Any:
        log.append("> third")
        response = await call_next(request)
        log.append("< third")
        return response

    answer = await request(app)
    assert answer.body == b"hello"
    assert [line for line in log if line[0] == ">"] == ["> third", "> second", "> first", "> given"]
    assert third.__name__ == "third"


async def test_middleware_is_built_once(face: Any) -> None:
    built: list[int] = []

    def factory(app: Any) -> Any:
        built.append(1)
        return app

    app = face(routes=[Route("/", hello)], middleware=[Middleware(factory)])
    assert built == []
    for _ in range(3):
        await request(app)
    assert built == [1]


async def test_middleware_cannot_be_added_once_the_application_has_started(face: Any) -> None:
    app = face(routes=[Route("/", hello)])
    await request(app)
    with pytest.raises(RuntimeError, match="cannot add middleware 'Note' after the application has started"):
        app.add_middleware(Note, "late", log=[])


def test_function_middleware_is_for_http(face: Any) -> None:
    with pytest.raises(ValueError, match="function middleware is for \"http\", got 'websocket'"):
        face().middleware("websocket")


async def test_an_http_exception_of_a_route_is_a_response_for_middleware(face: Any) -> None:
    statuses: list[int] = []
    app = face()

    @app.middleware("http")
    async def look(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        statuses.append(response.status_code)
        return response

    assert (await request(app, path="/nowhere")).status == 404
    assert statuses == [404]


def test_middleware_has_a_readable_repr() -> None:
    assert repr(Middleware(Note, "a", log=[])) == "Middleware(Note, 'a', log=[])"
    assert list(Middleware(Note, "a", log=[])) == [Note, ("a",), {"log": []}]


# --- parts ---


async def test_routes_are_added_by_methods_and_decorators(face: Any) -> None:
    app = face()
    app.add_route("/added", hello, methods=["GET"], name="added", include_in_schema=False)
    app.mount("/mounted", Router([Route("/x", hello)]), name="mounted")
    app.host("example.org", Router([Route("/h", hello)]), name="host")

    @app.route("/decorated", methods=["POST"])
    def decorated(request: Request) -> Response:
        return PlainTextResponse("sync")

    @app.websocket_route("/ws")
    async def ws(websocket: Any) -> None:
        """A WebSocket endpoint."""

    app.add_websocket_route("/ws2", ws, name="ws2")
    assert [type(one) for one in app.routes] == [Route, Mount, Host, Route, WebSocketRoute, WebSocketRoute]
    assert (await request(app, path="/added")).body == b"hello"
    assert (await request(app, path="/mounted/x")).body == b"hello"
    assert (await request(app, path="/h", headers=[("host", "example.org")])).body == b"hello"
    assert (await request(app, "POST", "/decorated")).body == b"sync"
    assert app.url_path_for("added") == "/added"
    assert app.url_path_for("ws") == "/ws"


async def test_routes_may_be_added_after_the_first_request(face: Any) -> None:
    app = face()
    assert (await request(app, path="/late")).status == 404
    app.add_route("/late", hello)
    assert (await request(app, path="/late")).status == 200


async def test_an_application_has_a_state_of_its_own(face: Any) -> None:
    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(request.app.state.greeting)

    app = face(routes=[Route("/", endpoint)])
    app.state.greeting = "hello"
    assert (await request(app)).body == b"hello"
    with pytest.raises(AttributeError):
        _ = face().state.greeting


async def test_the_scope_names_the_application(face: Any) -> None:
    seen: list[Any] = []

    async def endpoint(request: Request) -> Response:
        seen.append((request.app, request.scope["app"]))
        return Response()

    app = face(routes=[Route("/", endpoint)])
    await request(app)
    assert seen == [(app, app)]


async def test_an_application_can_be_subclassed_with_a_router_of_its_own() -> None:
    class Loud(Router):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await PlainTextResponse("LOUD")(scope, receive, send)

    app = Asterion()
    app.router = Loud()
    assert (await request(app)).body == b"LOUD"


def test_the_two_faces_are_one_class_with_other_policies() -> None:
    assert issubclass(Starlette, Asterion)
    own = {name for name in vars(Starlette) if not name.startswith("__")}
    assert own == {"policies"}


async def test_a_stack_of_ones_own_may_be_built() -> None:
    class Mine(Asterion):
        def build_middleware_stack(self) -> Any:
            return function_note(super().build_middleware_stack(), log)

    log: list[str] = []
    assert (await request(Mine(routes=[Route("/", hello)]))).body == b"hello"
    assert log == ["factory"]


async def test_a_scope_of_an_unknown_type_is_an_error_and_no_http_answer(face: Any) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {}

    scope = {"type": "telepathy", "path": "/", "headers": []}
    with pytest.raises(Exception, match="telepathy"):
        await face()(scope, receive, send)
    assert sent == []
