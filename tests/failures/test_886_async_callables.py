"""Issue 886: whatever a user hands over is called and, if it can be awaited, awaited. Nothing is silently not run.

Upstream asked "is this a coroutine function?" of the object, believed the answer, and dropped what came back. Here
every place that takes a callable gets every kind of it (`callable_kinds`).
"""

import asyncio
import contextlib
import functools
import inspect
import sys
import threading
from typing import Any
from unittest import mock

import anyio
import anyio.from_thread
import pytest

from asterion._core.callables import is_async_callable
from asterion.applications import Asterion, Starlette
from asterion.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, SimpleUser, requires
from asterion.background import BackgroundTask, BackgroundTasks
from asterion.endpoints import HTTPEndpoint, WebSocketEndpoint
from asterion.exceptions import HTTPException, WebSocketException
from asterion.middleware import Middleware
from asterion.middleware.authentication import AuthenticationMiddleware
from asterion.requests import Request
from asterion.responses import PlainTextResponse, Response
from asterion.routing import Route, Router, WebSocketRoute
from asterion.testclient import TestClient
from tests.asgi import Exchange, function_layers, layer_class, request
from tests.failures import callable_kinds as kinds

each_face = pytest.mark.parametrize("face", [Asterion, Starlette])
each_layering = pytest.mark.parametrize(
    ("count", "way"),
    [(0, "nested"), (1, "nested"), (3, "nested"), (1, "turns"), (3, "turns"), (1, "task"), (3, "task")],
)
WITH_ARGUMENT = {**kinds.EVERY, **kinds.SINGLE_DISPATCH}
ANY_COUNT = {**WITH_ARGUMENT, **kinds.MOCKS}


class Boom(Exception):
    """An error of the application's own."""


class Ledger:
    """Work that notes that it was done, to its end, and with what."""

    def __init__(self, result: Any = None) -> None:
        self.result = result
        self.done: list[tuple[Any, Any]] = []

    async def work(self, request: Any = None, error: Any = None) -> Any:
        await anyio.lowlevel.checkpoint()
        return self.sync_work(request, error)

    def sync_work(self, request: Any = None, error: Any = None) -> Any:
        self.done.append((request, error))
        return self.result() if callable(self.result) and not isinstance(self.result, Response) else self.result


def answering() -> Ledger:
    return Ledger(lambda: PlainTextResponse("done"))


async def _agen(request: Any = None, error: Any = None) -> Any:
    yield PlainTextResponse("never")


def _gen(request: Any = None, error: Any = None) -> Any:
    yield PlainTextResponse("never")


class _AgenInstance:
    async def __call__(self, request: Any = None, error: Any = None) -> Any:
        yield PlainTextResponse("never")


YIELDING = {
    "async generator function": _agen,
    "partial of one": functools.partial(_agen),
    "instance whose __call__ is one": _AgenInstance(),
    "generator function": _gen,
}
each_yielding = pytest.mark.parametrize("func", YIELDING.values(), ids=YIELDING)


# --- the truth table ---


@pytest.mark.parametrize("make", kinds.KNOWN.values(), ids=kinds.KNOWN)
def test_what_can_be_known_to_be_async_is_known(make: Any) -> None:
    assert is_async_callable(make(Ledger().work)) is True


def test_an_async_mock_is_async_and_a_magic_mock_is_not() -> None:
    assert is_async_callable(mock.AsyncMock()) is True
    assert is_async_callable(mock.MagicMock()) is False


@pytest.mark.parametrize("make", kinds.SYNC.values(), ids=kinds.SYNC)
def test_a_sync_callable_is_not_taken_for_async(make: Any) -> None:
    assert is_async_callable(make(Ledger().sync_work)) is False


def test_a_class_is_not_async_though_its_instances_are() -> None:
    """Issue 886 as upstream left it: the class was called async, and the instance it made was awaited."""
    cls = type(kinds.instance(Ledger().work))
    assert is_async_callable(cls) is False
    assert is_async_callable(functools.partial(cls)) is False
    assert is_async_callable(cls()) is True


@pytest.mark.parametrize("func", [_agen, functools.partial(_agen), _AgenInstance(), _gen])
def test_an_async_generator_function_is_not_async(func: Any) -> None:
    assert is_async_callable(func) is False


@pytest.mark.skipif(sys.version_info < (3, 12), reason="inspect.markcoroutinefunction is new in Python 3.12")
def test_a_function_marked_as_a_coroutine_function_is_async() -> None:
    """Issue 2984: `asyncio.iscoroutinefunction` and `inspect.iscoroutinefunction` differ by version."""
    marked = inspect.markcoroutinefunction(lambda: None)
    assert is_async_callable(marked) is True
    assert is_async_callable(functools.partial(marked)) is True


def test_an_endless_chain_of_partials_ends() -> None:
    func: Any = kinds.function(Ledger().work)
    for _ in range(30):
        func = functools.partial(func)
    assert is_async_callable(func) is True


# --- endpoints ---


@pytest.mark.failure(
    row=1,
    says="Every place that takes a callable takes any kind of it; what comes back is awaited if it can be, so "
    "that nothing is silently not run.",
)
@pytest.mark.anyio
@each_face
@each_layering
@pytest.mark.parametrize("make", WITH_ARGUMENT.values(), ids=WITH_ARGUMENT)
async def test_an_endpoint_may_be_any_callable(make: Any, count: int, way: str, face: Any, spec_version: str) -> None:
    """Issues 984, 1106, 1107, 1751: among them instances with an async `__call__` and partials of these."""
    ledger = answering()
    app = face(routes=[Route("/", make(ledger.work))], middleware=function_layers(count, way))
    answer = await request(app, spec_version=spec_version)
    assert (answer.status, answer.body) == (200, b"done")
    assert len(ledger.done) == 1


@pytest.mark.anyio
@each_layering
@pytest.mark.parametrize("make", kinds.SYNC.values(), ids=kinds.SYNC)
async def test_a_sync_endpoint_runs_in_a_worker_thread(make: Any, count: int, way: str) -> None:
    threads: list[int] = []

    def work(request: Any, error: Any) -> Any:
        threads.append(threading.get_ident())
        return PlainTextResponse("done")

    app = Asterion(routes=[Route("/", make(work))], middleware=function_layers(count, way))
    assert (await request(app)).body == b"done"
    assert threads != [threading.get_ident()]


@pytest.mark.anyio
@pytest.mark.parametrize("add", ["add_route", "decorator", "router"])
@pytest.mark.parametrize("make", WITH_ARGUMENT.values(), ids=WITH_ARGUMENT)
async def test_every_way_to_add_an_endpoint_takes_any_callable(make: Any, add: str) -> None:
    ledger = answering()
    app: Any = Router() if add == "router" else Asterion()
    if add == "decorator":
        app.route("/")(make(ledger.work))
    else:
        app.add_route("/", make(ledger.work))
    assert (await request(app)).body == b"done"


@pytest.mark.anyio
async def test_a_mock_is_a_raw_application_since_it_takes_three_arguments() -> None:
    """The choice: a callable that takes both one argument and three is an ASGI application, as upstream has it."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("raw")(scope, receive, send)

    endpoint = mock.AsyncMock(side_effect=answer)
    assert (await request(Asterion(routes=[Route("/", endpoint)]))).body == b"raw"
    endpoint.assert_awaited_once()


@pytest.mark.parametrize("route", [Route, WebSocketRoute])
@each_yielding
def test_an_endpoint_that_yields_is_refused_when_it_is_declared(route: Any, func: Any) -> None:
    with pytest.raises(TypeError, match=r"yields; return StreamingResponse\(generator\(\)\)"):
        route("/", func)


@pytest.mark.parametrize("route", [Route, WebSocketRoute])
def test_a_class_whose_instances_are_endpoints_is_refused_when_it_is_declared(route: Any) -> None:
    cls = type(kinds.instance(Ledger().work))
    with pytest.raises(TypeError, match=r"pass an instance"):
        route("/", cls)


@pytest.mark.parametrize("endpoint", [None, "name", 3, PlainTextResponse.media_type])
def test_an_endpoint_that_cannot_be_called_is_refused(endpoint: Any) -> None:
    with pytest.raises(TypeError, match="callable"):
        Route("/", endpoint)


@pytest.mark.anyio
async def test_an_endpoint_that_gives_no_response_is_a_clear_error() -> None:
    with pytest.raises(TypeError, match=r"returned None; return a Response"):
        await request(Asterion(routes=[Route("/", kinds.instance(Ledger(None).work))]))


@pytest.mark.anyio
async def test_a_decorated_endpoint_class_stays_an_application() -> None:
    """Issue 734: a class that a decorator gave back as a partial of itself."""

    class Page(HTTPEndpoint):
        async def get(self, request: Request) -> Response:
            return PlainTextResponse("page")

    for endpoint in (Page, functools.partial(Page)):
        assert (await request(Asterion(routes=[Route("/", endpoint)]))).body == b"page"


# --- methods of HTTPEndpoint ---


@pytest.mark.anyio
@pytest.mark.parametrize("make", ANY_COUNT.values(), ids=ANY_COUNT)
async def test_a_method_of_an_http_endpoint_may_be_any_callable(make: Any) -> None:
    ledger = answering()
    endpoint = type("Page", (HTTPEndpoint,), {"get": staticmethod(make(ledger.work))})
    assert (await request(Asterion(routes=[Route("/", endpoint)]))).body == b"done"
    assert len(ledger.done) == 1


@pytest.mark.anyio
@each_yielding
async def test_a_method_of_an_http_endpoint_that_yields_is_a_clear_error(func: Any) -> None:
    endpoint = type("Page", (HTTPEndpoint,), {"get": staticmethod(func)})
    with pytest.raises(TypeError, match=r"return a Response"):
        await request(Asterion(routes=[Route("/", endpoint)]))


# --- background tasks ---


@pytest.mark.failure(row=1, says="Background tasks may be wrappers, lambdas and objects, too.")
@pytest.mark.anyio
@each_face
@each_layering
@pytest.mark.parametrize("several", [False, True], ids=["one", "several"])
@pytest.mark.parametrize("make", ANY_COUNT.values(), ids=ANY_COUNT)
async def test_a_background_task_may_be_any_callable(make: Any, several: bool, count: int, way: str, face: Any) -> None:
    """A lambda or a wrapper around an async function never ran upstream, and nothing was raised."""
    ledger = Ledger()
    background: Any = BackgroundTask(make(ledger.work), "x")
    if several:
        background = BackgroundTasks([background])
        background.add_task(make(ledger.work), "y")

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("x", background=background)

    app = face(routes=[Route("/", endpoint)], middleware=function_layers(count, way))
    assert (await request(app)).complete
    assert [given for given, _ in ledger.done] == (["x", "y"] if several else ["x"])


@pytest.mark.anyio
@pytest.mark.parametrize("make", kinds.SYNC.values(), ids=kinds.SYNC)
async def test_a_sync_background_task_runs(make: Any) -> None:
    ledger = Ledger()
    await BackgroundTask(make(ledger.sync_work), "x")()
    assert ledger.done == [("x", None)]


@pytest.mark.anyio
async def test_a_class_as_a_background_task_is_called_and_not_awaited() -> None:
    made: list[Any] = []

    class Later:
        def __init__(self) -> None:
            made.append(self)

        async def __call__(self) -> None:  # pragma: no cover - the class is the callable, not the instance
            raise AssertionError("nobody asked for this call")

    await BackgroundTask(Later)()
    assert len(made) == 1


@pytest.mark.failure(row=1, says="A function that yields is refused where it would do nothing.")
@pytest.mark.anyio
@each_yielding
async def test_a_background_task_that_yields_is_a_clear_error(func: Any) -> None:
    """Called, it would do nothing at all."""
    with pytest.raises(TypeError, match="yields"):
        BackgroundTask(func)
    with pytest.raises(TypeError, match="yields"):
        BackgroundTasks().add_task(func)
    with pytest.raises(TypeError, match="yields"):
        await BackgroundTask(lambda: func())()


@pytest.mark.parametrize("value", [None, 3, "name"])
def test_a_background_task_that_cannot_be_called_is_a_clear_error(value: Any) -> None:
    with pytest.raises(TypeError, match="needs a callable"):
        BackgroundTask(value)


# --- exception handlers ---

HANDLERS = {"class": (Boom, Boom("x")), "status": (418, HTTPException(418)), "base": (Exception, Boom("x"))}


@pytest.mark.anyio
@each_face
@each_layering
@pytest.mark.parametrize("make", ANY_COUNT.values(), ids=ANY_COUNT)
@pytest.mark.parametrize("key", ["class", "status"])
async def test_an_exception_handler_may_be_any_callable(make: Any, key: str, count: int, way: str, face: Any) -> None:
    handled, error = HANDLERS[key]
    ledger = answering()

    async def endpoint(request: Request) -> Response:
        raise error

    app = face(
        routes=[Route("/", endpoint)],
        middleware=function_layers(count, way),
        exception_handlers={handled: make(ledger.work)},
    )
    assert (await request(app)).body == b"done"
    assert ledger.done[0][1] is error


@pytest.mark.anyio
@each_layering
@pytest.mark.parametrize("key", [500, Exception])
@pytest.mark.parametrize("make", ANY_COUNT.values(), ids=ANY_COUNT)
async def test_the_handler_of_last_resort_may_be_any_callable(make: Any, key: Any, count: int, way: str) -> None:
    ledger = answering()

    async def endpoint(request: Request) -> Response:
        raise Boom("x")

    app = Asterion(
        routes=[Route("/", endpoint)],
        middleware=function_layers(count, way),
        exception_handlers={key: make(ledger.work)},
    )
    exchange = Exchange(app)
    with pytest.raises(Boom, match="x"):
        await exchange.run()
    assert exchange.body == b"done"


@pytest.mark.anyio
@pytest.mark.parametrize("key", [Boom, 418, 500])
@each_yielding
async def test_an_exception_handler_that_yields_is_a_clear_error(func: Any, key: Any) -> None:
    async def endpoint(request: Request) -> Response:
        raise HTTPException(418) if key == 418 else Boom("x")

    with pytest.raises(TypeError, match=r"return a Response"):
        await request(Asterion(routes=[Route("/", endpoint)], exception_handlers={key: func}))


@pytest.mark.anyio
@pytest.mark.parametrize("key", [Boom, 418, 500])
async def test_an_exception_handler_that_forgets_the_response_is_a_clear_error(key: Any) -> None:
    async def endpoint(request: Request) -> Response:
        raise HTTPException(418) if key == 418 else Boom("x")

    async def forgets(request: Request, error: Exception) -> None:
        return None

    with pytest.raises(TypeError, match=r"forgets returned None .*return a Response"):
        await request(Asterion(routes=[Route("/", endpoint)], exception_handlers={key: forgets}))


# --- guards, authentication, function middleware ---


class Everybody(AuthenticationBackend):
    async def authenticate(self, conn: Any) -> Any:
        return AuthCredentials(["read"]), SimpleUser("somebody")


@pytest.mark.anyio
@pytest.mark.parametrize("granted", ["read", "write"])
@pytest.mark.parametrize("make", WITH_ARGUMENT.values(), ids=WITH_ARGUMENT)
async def test_a_guarded_endpoint_may_be_any_callable(make: Any, granted: str) -> None:
    ledger = answering()
    app = Asterion(
        routes=[Route("/", requires(granted)(make(ledger.work)))],
        middleware=[Middleware(AuthenticationMiddleware, backend=Everybody())],
    )
    answer = await request(app)
    assert (answer.status, len(ledger.done)) == ((200, 1) if granted == "read" else (403, 0))


@pytest.mark.anyio
@pytest.mark.parametrize("make", ANY_COUNT.values(), ids=ANY_COUNT)
async def test_an_authentication_backend_and_its_error_handler_may_be_any_callable(make: Any) -> None:
    asked = Ledger(lambda: (AuthCredentials(), SimpleUser("somebody")))
    answered = Ledger(lambda: PlainTextResponse("refused", 401))

    class Backend(AuthenticationBackend):
        authenticate = staticmethod(make(asked.work))

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(request.user.display_name)

    answer = await request(AuthenticationMiddleware(Route("/", endpoint), Backend()))
    assert answer.body == b"somebody"

    def refuse() -> Any:
        raise AuthenticationError("no")

    asked.result = refuse
    answer = await request(AuthenticationMiddleware(Route("/", endpoint), Backend(), on_error=make(answered.work)))
    assert (answer.status, answer.body) == (401, b"refused")


@pytest.mark.anyio
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("make", ANY_COUNT.values(), ids=ANY_COUNT)
async def test_a_function_middleware_may_be_any_callable(make: Any, count: int, way: str) -> None:
    done: list[Any] = []

    async def work(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        done.append(response.status_code)
        return response

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("x")

    layers = [Middleware(layer_class(way), dispatch=make(work)) for _ in range(count)]
    assert (await request(Asterion(routes=[Route("/", endpoint)], middleware=layers))).body == b"x"
    assert done == [200] * count


@pytest.mark.anyio
async def test_a_function_middleware_that_yields_is_a_clear_error(way: str) -> None:
    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("x")

    with pytest.raises(TypeError, match=r"_agen returned .*; return a response"):
        await request(layer_class(way)(Route("/", endpoint), dispatch=_agen))


# --- WebSocket endpoints ---


@pytest.fixture(params=["asyncio", "trio"])
def client_of(request: pytest.FixtureRequest) -> Any:
    """Makes a test client on one event loop or the other."""
    return lambda app, **options: TestClient(app, backend=request.param, **options)


@pytest.mark.parametrize("layers", [0, 3])
@pytest.mark.parametrize("make", WITH_ARGUMENT.values(), ids=WITH_ARGUMENT)
def test_a_websocket_endpoint_may_be_any_callable(make: Any, layers: int, client_of: Any) -> None:
    """Issue 1356."""

    async def work(websocket: Any, error: Any = None) -> None:
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    app = Asterion(routes=[WebSocketRoute("/", make(work))], middleware=function_layers(layers))
    with client_of(app) as client, client.websocket_connect("/") as session:
        assert session.receive_text() == "hello"


@pytest.mark.parametrize("make", kinds.SYNC.values(), ids=kinds.SYNC)
def test_a_websocket_endpoint_may_be_sync(make: Any, client_of: Any) -> None:
    def work(websocket: Any, error: Any = None) -> None:
        anyio.from_thread.run(websocket.accept)
        anyio.from_thread.run(websocket.send_text, threading.current_thread().name)
        anyio.from_thread.run(websocket.close)

    with client_of(Asterion(routes=[WebSocketRoute("/", make(work))])) as client:
        with client.websocket_connect("/") as session:
            assert session.receive_text() != threading.current_thread().name


def test_a_sync_websocket_endpoint_that_does_nothing_is_no_error(client_of: Any) -> None:
    """Upstream: `object NoneType can't be used in 'await' expression`."""
    seen: list[str] = []
    app = Asterion(routes=[WebSocketRoute("/", lambda websocket: seen.append(websocket.url.path))])
    with client_of(app) as client, pytest.raises(Exception, match="."), client.websocket_connect("/"):
        pass  # pragma: no cover - the handshake was not accepted
    assert seen == ["/"]


@pytest.mark.parametrize("make", ANY_COUNT.values(), ids=ANY_COUNT)
def test_the_methods_of_a_websocket_endpoint_may_be_any_callable(make: Any, client_of: Any) -> None:
    events: list[str] = []

    async def connect(websocket: Any, _: Any = None) -> None:
        events.append("connect")
        await websocket.accept()

    async def receive(websocket: Any, data: Any) -> None:
        events.append(f"receive {data}")
        await websocket.send_text("seen")

    async def disconnect(websocket: Any, code: Any) -> None:
        events.append(f"disconnect {code}")

    members = {"on_connect": connect, "on_receive": receive, "on_disconnect": disconnect}
    endpoint = type(
        "Echo",
        (WebSocketEndpoint,),
        {"encoding": "text", **{name: staticmethod(make(func)) for name, func in members.items()}},
    )
    with client_of(Asterion(routes=[WebSocketRoute("/", endpoint)])) as client:
        with client.websocket_connect("/") as session:
            session.send_text("a")
            assert session.receive_text() == "seen"
    assert events[:2] == ["connect", "receive a"]
    assert events[2].startswith("disconnect")


@pytest.mark.parametrize("make", ANY_COUNT.values(), ids=ANY_COUNT)
def test_a_handler_of_a_websockets_exception_may_be_any_callable(make: Any, client_of: Any) -> None:
    async def work(websocket: Any, error: Any) -> None:
        await websocket.send_text(f"handled {error}")
        await websocket.close()

    async def endpoint(websocket: Any) -> None:
        await websocket.accept()
        raise Boom("x")

    app = Asterion(routes=[WebSocketRoute("/", endpoint)], exception_handlers={Boom: make(work)})
    with client_of(app) as client, client.websocket_connect("/") as session:
        assert session.receive_text() == "handled x"


@pytest.mark.parametrize("make", WITH_ARGUMENT.values(), ids=WITH_ARGUMENT)
def test_a_guarded_websocket_endpoint_may_be_any_callable(make: Any, client_of: Any) -> None:
    async def work(websocket: Any, error: Any = None) -> None:
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    inner = make(work)

    async def endpoint(websocket: Any) -> Any:
        result = inner(websocket)
        return await result

    app = Asterion(
        routes=[WebSocketRoute("/", requires("read")(endpoint))],
        middleware=[Middleware(AuthenticationMiddleware, backend=Everybody())],
    )
    with client_of(app) as client, client.websocket_connect("/") as session:
        assert session.receive_text() == "hello"


def test_a_websocket_exception_closes_the_socket_whoever_raises_it(client_of: Any) -> None:
    def endpoint(websocket: Any) -> None:
        anyio.from_thread.run(websocket.accept)
        raise WebSocketException(1008, "no")

    with client_of(Asterion(routes=[WebSocketRoute("/", endpoint)])) as client:
        with client.websocket_connect("/") as session:
            assert session.receive()["code"] == 1008


@pytest.mark.parametrize("method", ["on_connect", "on_receive", "on_disconnect"])
@each_yielding
def test_a_method_of_a_websocket_endpoint_that_yields_is_a_clear_error(func: Any, method: str, client_of: Any) -> None:
    endpoint = type("Echo", (WebSocketEndpoint,), {method: staticmethod(func)})
    with (
        client_of(Asterion(routes=[WebSocketRoute("/", endpoint)])) as client,
        pytest.raises(TypeError, match="yields"),
    ):
        with client.websocket_connect("/") as session:
            session.send_text("a")
            if method == "on_receive":
                session.receive()


def test_a_websocket_endpoint_or_handler_that_turns_out_to_yield_is_a_clear_error(client_of: Any) -> None:
    async def fails(websocket: Any) -> None:
        raise Boom("x")

    for endpoint, handlers in ((lambda websocket: _agen(), {}), (fails, {Boom: _agen})):
        app = Asterion(routes=[WebSocketRoute("/", endpoint)], exception_handlers=handlers)
        with client_of(app) as client, pytest.raises(TypeError, match="yields"), client.websocket_connect("/"):
            pass  # pragma: no cover - the handshake fails


# --- hooks ---

HOOKS = {**kinds.EVERY, **kinds.MOCKS}


@each_face
@pytest.mark.parametrize("how", ["argument", "add_event_handler", "decorator"])
@pytest.mark.parametrize("make", HOOKS.values(), ids=HOOKS)
def test_a_hook_may_be_any_callable(make: Any, how: str, face: Any, client_of: Any) -> None:
    """The story of issue 886: start-up "succeeded" and the work had never begun."""
    up, down = Ledger(), Ledger()
    start, stop = make(up.work), make(down.work)
    if how == "argument":
        app = face(on_startup=[start], on_shutdown=[stop])
    else:
        app = face()
        for event, hook in (("startup", start), ("shutdown", stop)):
            if how == "decorator":
                app.on_event(event)(hook)
            else:
                app.add_event_handler(event, hook)
    with client_of(app):
        assert (len(up.done), len(down.done)) == (1, 0)
    assert (len(up.done), len(down.done)) == (1, 1)


@pytest.mark.parametrize("event", ["on_startup", "on_shutdown"])
@pytest.mark.parametrize("make", HOOKS.values(), ids=HOOKS)
def test_a_failing_hook_surfaces_as_itself(make: Any, event: str, client_of: Any) -> None:
    def fail() -> None:
        raise Boom("hook")

    app: Any = Asterion(**{event: [make(Ledger(fail).work)]})
    with pytest.raises(Boom, match="hook"), client_of(app):
        assert event == "on_shutdown"


@pytest.mark.parametrize("make", kinds.SYNC.values(), ids=kinds.SYNC)
def test_a_sync_hook_runs_on_the_loop(make: Any) -> None:
    """So that it may start tasks there. (A hook that blocks on the loop blocks itself: issue 885; make it async.)"""
    tasks: list[Any] = []
    app = Asterion(on_startup=[make(lambda *_: tasks.append(asyncio.current_task()))])
    with TestClient(app):
        assert tasks != [None]


@pytest.mark.parametrize("event", ["on_startup", "on_shutdown"])
@each_yielding
def test_a_hook_that_yields_is_a_clear_error(func: Any, event: str, client_of: Any) -> None:
    app: Any = Asterion(**{event: [func]})
    with pytest.raises(TypeError, match=r"yields; use a lifespan"), client_of(app):
        assert event == "on_shutdown"


# --- lifespans ---

Events = list[str]


async def _async_generator(events: Events, app: Any) -> Any:
    events.append("up")
    yield {"key": "value"}
    events.append("down")


def _sync_generator(events: Events, app: Any) -> Any:
    events.append("up")
    yield {"key": "value"}
    events.append("down")


def _bind(func: Any, events: Events) -> Any:
    """`func` without its first argument, as a function of the same kind."""
    if inspect.isasyncgenfunction(func):

        async def bound(app: Any) -> Any:
            async for item in func(events, app):
                yield item

        return bound

    def bound_sync(app: Any) -> Any:
        yield from func(events, app)

    return bound_sync


class _Manager:
    def __init__(self, events: Events, app: Any) -> None:
        self.events = events

    async def __aenter__(self) -> Any:
        self.events.append("up")
        return {"key": "value"}

    async def __aexit__(self, *args: Any) -> None:
        self.events.append("down")


def _instance_calling(func: Any) -> Any:
    class Instance:
        def __call__(self, app: Any) -> Any:
            return func(app)

    return Instance()


def _instance_of_generators(events: Events) -> Any:
    class Instance:
        async def __call__(self, app: Any) -> Any:
            events.append("up")
            yield {"key": "value"}
            events.append("down")

    return Instance()


def _instance_of_managers(events: Events) -> Any:
    class Instance:
        @contextlib.asynccontextmanager
        async def __call__(self, app: Any) -> Any:
            events.append("up")
            yield {"key": "value"}
            events.append("down")

    return Instance()


def _wrapped(events: Events) -> Any:
    inner = contextlib.asynccontextmanager(_bind(_async_generator, events))

    @functools.wraps(inner)
    def outer(app: Any) -> Any:
        return inner(app)

    return outer


def _wrapped_generator(events: Events) -> Any:
    inner = _bind(_sync_generator, events)

    @functools.wraps(inner)
    def outer(app: Any) -> Any:
        yield from inner(app)

    return outer


def _lambda_of_generator(events: Events) -> Any:
    return lambda app: _async_generator(events, app)


def _lambda_of_sync_generator(events: Events) -> Any:
    return lambda app: _sync_generator(events, app)


def _bound_method(events: Events) -> Any:
    class Holder:
        @contextlib.asynccontextmanager
        async def lifespan(self, app: Any) -> Any:
            events.append("up")
            yield {"key": "value"}
            events.append("down")

    return Holder().lifespan


LIFESPANS: dict[str, Any] = {
    "asynccontextmanager": lambda events: contextlib.asynccontextmanager(_bind(_async_generator, events)),
    "contextmanager": lambda events: contextlib.contextmanager(_bind(_sync_generator, events)),
    "async generator function": lambda events: _bind(_async_generator, events),
    "generator function": lambda events: _bind(_sync_generator, events),
    "class of async context managers": lambda events: functools.partial(_Manager, events),
    "partial of asynccontextmanager": lambda events: functools.partial(
        contextlib.asynccontextmanager(_async_generator), events
    ),
    "partial of async generator function": lambda events: functools.partial(_async_generator, events),
    "partial of generator function": lambda events: functools.partial(_sync_generator, events),
    "lambda": lambda events: lambda app: _Manager(events, app),
    "wraps wrapper": _wrapped,
    "wrapped generator function": _wrapped_generator,
    "lambda giving an async generator": _lambda_of_generator,
    "lambda giving a generator": _lambda_of_sync_generator,
    "bound method": _bound_method,
    "instance giving a context manager": lambda events: _instance_calling(lambda app: _Manager(events, app)),
    "instance whose __call__ is an asynccontextmanager": _instance_of_managers,
    "instance whose __call__ is an async generator": _instance_of_generators,
}
each_lifespan = pytest.mark.parametrize("make", LIFESPANS.values(), ids=LIFESPANS)


@each_face
@each_lifespan
def test_a_lifespan_may_have_any_form(make: Any, face: Any, client_of: Any) -> None:
    events: Events = []

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(request.state.key)

    app = face(routes=[Route("/", endpoint)], lifespan=make(events))
    with client_of(app) as client:
        assert events == ["up"]
        assert client.get("/").text == "value"
    assert events == ["up", "down"]


@each_lifespan
def test_hooks_run_inside_of_the_lifespan(make: Any, client_of: Any) -> None:
    events: Events = []
    app = Asterion(
        lifespan=make(events),
        on_startup=[lambda: events.append("hook up")],
        on_shutdown=[lambda: events.append("hook down")],
    )
    with client_of(app):
        assert events == ["up", "hook up"]
    assert events == ["up", "hook up", "hook down", "down"]


@pytest.mark.parametrize("call", [False, True], ids=["function", "instance"])
def test_a_lifespan_that_is_a_coroutine_function_is_refused_when_it_is_given(call: bool) -> None:
    """Upstream: `'coroutine' object does not support the asynchronous context manager protocol`, at the start."""

    async def lifespan(app: Any) -> None: ...

    with pytest.raises(TypeError, match="coroutine function.*asynccontextmanager"):
        Asterion(lifespan=kinds.instance(Ledger().work) if call else lifespan)  # type: ignore[arg-type]


def test_a_lifespan_that_turns_out_to_give_a_coroutine_is_a_clear_error(client_of: Any) -> None:
    lifespan: Any = lambda app: Ledger().work()  # noqa: E731
    with pytest.raises(TypeError, match="is not an async context manager"), client_of(Asterion(lifespan=lifespan)):
        pass  # pragma: no cover - it does not start


@pytest.mark.parametrize("value", [None, 3, "text"])
def test_a_lifespan_that_gives_something_else_is_a_clear_error(value: Any, client_of: Any) -> None:
    with (
        pytest.raises(TypeError, match="is not an async context manager"),
        client_of(Asterion(lifespan=lambda app: value)),
    ):
        pass  # pragma: no cover - it does not start


@pytest.mark.parametrize("phase", ["start-up", "shutdown"])
@pytest.mark.parametrize("kind", [contextlib.asynccontextmanager, lambda func: func], ids=["manager", "generator"])
def test_a_failing_lifespan_surfaces_as_itself(kind: Any, phase: str, client_of: Any) -> None:
    @kind
    async def lifespan(app: Any) -> Any:
        if phase == "start-up":
            raise Boom(phase)
        yield
        raise Boom(phase)

    with pytest.raises(Boom, match=phase), client_of(Asterion(lifespan=lifespan)):
        assert phase == "shutdown"


# --- the test client ---


async def _asgi3(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("x")(scope, receive, send)


class _Asgi3Instance:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await _asgi3(scope, receive, send)


class _Asgi3SyncInstance:
    def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        return _asgi3(scope, receive, send)


class _Asgi2:
    def __init__(self, scope: Any) -> None:
        self.scope = scope

    async def __call__(self, receive: Any, send: Any) -> None:
        await _asgi3(self.scope, receive, send)


@functools.wraps(_asgi3)
def _wrapped_asgi3(*args: Any) -> Any:
    return _asgi3(*args)


APPLICATIONS: dict[str, Any] = {
    "function": _asgi3,
    "partial": functools.partial(_asgi3),
    "instance": _Asgi3Instance(),
    "bound method": _Asgi3Instance().__call__,
    "partial of instance": functools.partial(_Asgi3Instance()),
    "sync __call__ giving a coroutine": _Asgi3SyncInstance(),
    "lambda": lambda scope, receive, send: _asgi3(scope, receive, send),
    "wraps wrapper": _wrapped_asgi3,
    "AsyncMock": mock.AsyncMock(side_effect=_asgi3),
    "ASGI 2 class": _Asgi2,
    "ASGI 2 lambda": lambda scope: functools.partial(_asgi3, scope),
    "ASGI 2 partial": functools.partial(_Asgi2),
}


@pytest.mark.parametrize("app", APPLICATIONS.values(), ids=APPLICATIONS)
def test_the_test_client_takes_an_application_of_any_kind(app: Any, client_of: Any) -> None:
    """Whether it is of ASGI 2 or 3 is asked of its signature, not of what it is made of."""
    assert client_of(app).get("/").text == "x"
