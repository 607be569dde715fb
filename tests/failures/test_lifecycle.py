"""Rows 6 to 11 of docs/failures.md: lifespans, hooks, loops, handlers that come late, state, and the scope."""

import asyncio
import contextlib
import copy
import pickle
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest

from asterion.applications import Asterion, Starlette
from asterion.datastructures import State
from asterion.middleware import Middleware
from asterion.requests import Request
from asterion.responses import JSONResponse, PlainTextResponse, Response
from asterion.routing import Host, Mount, Route, Router
from asterion.testclient import TestClient
from asterion.websockets import WebSocket
from tests.asgi import function_layers, http_scope, layer_class, request
from tests.failures.serving import application, each_face, outcome, route

pytestmark = pytest.mark.anyio


class Boom(Exception):
    """An error of the application's own."""


# --- row 6: the lifespan of a mounted application ---


def lasting(log: list[str], name: str, fails: bool = False) -> Callable[[Any], Any]:
    """A lifespan that notes when it begins and ends, and yields state of its own name."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, str]]:
        log.append(f"{name} begins")
        if fails:
            raise Boom(name)
        try:
            yield {name: f"made by {name}", "who": name}
        finally:
            log.append(f"{name} ends")

    return lifespan


async def show_state(request: Request) -> Response:
    return JSONResponse({key: request.state[key] for key in request.state})


@pytest.mark.failure(
    row=6,
    says="The lifespans of mounted applications run inside of the outer one, in declared order, and end in reverse; "
    "the Starlette face runs the outermost only, as upstream does.",
)
@each_face
def test_649_the_lifespan_of_a_mounted_application_runs(
    face: type[Asterion], layers: int, anyio_backend: Any, way: str
) -> None:
    log: list[str] = []
    innermost = face(routes=[Route("/", show_state)], lifespan=lasting(log, "innermost"))
    inner = face(routes=[Mount("/deep", innermost)], lifespan=lasting(log, "inner"))
    hosted = face(lifespan=lasting(log, "hosted"))
    outer = face(
        routes=[Mount("/in", inner), Mount("/again", inner), Host("other.example", hosted)],
        middleware=function_layers(layers, way),
        lifespan=lasting(log, "outer"),
    )
    with TestClient(outer, backend=anyio_backend) as client:
        state = client.get("/in/deep/").json()
    if face is Starlette:
        assert log == ["outer begins", "outer ends"]
        assert state == {"outer": "made by outer", "who": "outer"}
        return
    names = ["outer", "inner", "innermost", "hosted"]  # mounted at two places, it still lives once
    assert log == [f"{name} begins" for name in names] + [f"{name} ends" for name in reversed(names)]
    assert state == {**{name: f"made by {name}" for name in names}, "who": "outer"}


@pytest.mark.failure(
    row=6, says="A mounted application that cannot start ends those that did, and is the start-up's error."
)
def test_649_a_mounted_start_up_that_fails_is_the_error_of_the_start_up(anyio_backend: Any) -> None:
    log: list[str] = []
    first = Asterion(lifespan=lasting(log, "first"))
    second = Asterion(lifespan=lasting(log, "second", fails=True))
    outer = Asterion(routes=[Mount("/1", first), Mount("/2", second)])
    with pytest.raises(Boom, match="second"), TestClient(outer, backend=anyio_backend):
        pytest.fail("it has started")
    assert log == ["first begins", "second begins", "first ends"]


# --- row 7: what upstream has taken away ---


@pytest.mark.failure(
    row=7,
    says="`on_startup`, `on_shutdown`, `on_event`, `add_event_handler` and all decorators are there, on both faces.",
)
@each_face
def test_3117_hooks_and_decorators_are_still_there(face: type[Asterion], anyio_backend: Any) -> None:
    log: list[str] = []
    app = face(on_startup=[lambda: log.append("given")], on_shutdown=[lambda: log.append("ended")])
    app.add_event_handler("startup", lambda: log.append("added"))

    @app.on_event("startup")
    async def decorated() -> None:
        log.append("decorated")

    @app.route("/hello/{name}", methods=["GET", "POST"], name="greeting")
    async def hello(request: Request) -> Response:
        if request.path_params["name"] == "boom":
            raise Boom
        return PlainTextResponse(f"hello {request.path_params['name']}")

    @app.websocket_route("/echo")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.close()

    @app.middleware("http")
    async def signed(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["x-signed"] = "yes"
        return response

    @app.exception_handler(Boom)
    async def handled(request: Request, error: Exception) -> Response:
        return PlainTextResponse("handled", status_code=418)

    with TestClient(app, backend=anyio_backend) as client:
        assert log == ["given", "added", "decorated"]
        answer = client.post(app.url_path_for("greeting", name="you"))
        assert (answer.text, answer.headers["x-signed"]) == ("hello you", "yes")
        assert client.get("/hello/boom").status_code == 418
        with client.websocket_connect("/echo") as session:
            session.send_text("x")
            assert session.receive_text() == "x"
    assert log[3:] == ["ended"]


@pytest.mark.failure(row=7, says="A router has hooks and decorators too.")
def test_3117_a_router_has_hooks_and_decorators_too(anyio_backend: Any) -> None:
    log: list[str] = []
    router = Router(on_startup=[lambda: log.append("given")])

    @router.on_event("shutdown")
    def ended() -> None:
        log.append("ended")

    @router.route("/")
    def hello(request: Request) -> Response:
        return PlainTextResponse("hello")

    with TestClient(router, backend=anyio_backend) as client:
        assert client.get("/").text == "hello"
    assert log == ["given", "ended"]


# --- row 8: one loop for a test client ---


@pytest.mark.failure(
    row=8, says="All requests of a test client run in one event loop, whether or not it is used in a `with` block."
)
@pytest.mark.parametrize("entered", [False, True], ids=["plain", "with"])
def test_1315_what_one_request_has_made_can_be_awaited_by_the_next(entered: bool, layers: int) -> None:
    kept: list[asyncio.Future[str]] = []

    async def endpoint(request: Request) -> Response:
        if not kept:
            kept.append(asyncio.get_running_loop().create_future())
            return PlainTextResponse("kept")
        asyncio.get_running_loop().call_soon(kept[0].set_result, "made by the first")
        return PlainTextResponse(await kept[0])

    client = TestClient(application(Asterion, layers, Route("/", endpoint)))
    with client if entered else contextlib.nullcontext():
        assert client.get("/").text == "kept"
        assert client.get("/").text == "made by the first"
    client.close()


@pytest.mark.failure(
    row=8,
    says="A task group that the lifespan opens can be used by requests, and is closed by the task that opened it.",
)
def test_1213_a_task_group_of_the_lifespan_serves_requests(anyio_backend: Any, layers: int) -> None:
    log: list[str] = []

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
        async with anyio.create_task_group() as group:
            yield {"group": group}
        log.append("the group is closed")

    async def endpoint(request: Request) -> Response:
        done = anyio.Event()

        async def work() -> None:
            log.append("worked")
            done.set()

        request.state.group.start_soon(work)
        await done.wait()
        return PlainTextResponse("done")

    app = application(Asterion, layers, Route("/", endpoint), lifespan=lifespan)
    with TestClient(app, backend=anyio_backend) as client:
        assert client.get("/").text == "done"
    assert log == ["worked", "the group is closed"]


# --- row 9: a handler added after the first request ---


def failing(error: BaseException) -> Callable[[Any], Any]:
    async def endpoint(request: Request) -> Response:
        raise error

    return endpoint


@pytest.mark.failure(
    row=9, says="An exception handler counts from the moment it is added, also after the first request."
)
@each_face
@pytest.mark.parametrize("key", [KeyError, LookupError, Exception, 500])
async def test_row_9_a_handler_added_after_the_first_request_counts(
    face: type[Asterion], key: Any, layers: int, way: str
) -> None:
    async def handler(request: Request, error: Exception) -> Response:
        return PlainTextResponse(f"handled {error!r}", status_code=503)

    app = application(face, 0, Route("/", failing(KeyError("x"))), middleware=tuple(function_layers(layers, way)))
    before, error = await outcome(app)
    assert before.status == 500
    assert isinstance(error, KeyError)
    app.add_exception_handler(key, handler)
    after, error = await outcome(app)
    assert (after.status, after.body) == (503, b"handled KeyError('x')")
    assert isinstance(error, KeyError) is (key in (Exception, 500))  # the server is told of what nobody expected


@pytest.mark.failure(
    row=9, says="A handler that replaces another one after the first request is the one that is called."
)
@each_face
async def test_row_9_a_handler_can_be_replaced_while_the_application_serves(face: type[Asterion], layers: int) -> None:
    async def first(request: Request, error: Exception) -> Response:
        return PlainTextResponse("first")

    async def second(request: Request, error: Exception) -> Response:
        return PlainTextResponse("second")

    app = application(face, layers, exception_handlers={404: first})
    assert (await request(app)).body == b"first"
    app.add_exception_handler(404, second)
    assert (await request(app)).body == b"second"


@pytest.mark.failure(
    row=9, says="Middleware cannot be added after the first request, and the error says so by its name."
)
@each_face
async def test_row_9_a_middleware_that_comes_too_late_is_refused(face: type[Asterion]) -> None:
    app = application(face, 0, route("/"))
    await request(app)
    with pytest.raises(RuntimeError, match="BaseHTTPMiddleware"):
        app.add_middleware(layer_class("nested"), dispatch=None)


# --- row 10: copies of State ---


@pytest.mark.failure(row=10, says="A State can be copied, deep-copied and pickled.")
@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))],
    ids=["copy", "deep", "pickle"],
)
def test_row_10_a_state_can_be_copied(duplicate: Callable[[State], State]) -> None:
    state = State({"items": [1]})
    twin = duplicate(state)
    twin.name = "twin"
    assert twin.items == [1]
    assert not hasattr(state, "name")


# --- row 11: what a call leaves in the scope ---


async def tell_place(request: Request) -> Response:
    return PlainTextResponse(f"{request.scope['root_path']} {request.path_params['name']}")


@pytest.mark.failure(
    row=11,
    says="After the call, a middleware finds `app`, `root_path` and `path` in the scope as they were; `route`, "
    "`endpoint` and `path_params` tell what was matched.",
)
@each_face
async def test_906_a_mounted_call_leaves_the_scope_as_it_was(
    face: type[Asterion], layers: int, way: str, spec_version: str
) -> None:
    seen: list[dict[str, Any]] = []

    class Watching:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            seen.append(dict(scope))
            await self.app(scope, receive, send)
            seen.append(dict(scope))

    inner = face(routes=[Route("/{name}", tell_place)], middleware=function_layers(layers, way))
    app = face(routes=[Mount("/s", inner, name="s")], middleware=[Middleware(Watching), *function_layers(layers, way)])
    answer = await request(app, path="/s/x", spec_version=spec_version, scope={"root_path": ""})
    assert answer.body == b"/s x"
    before, after = seen
    assert {key: after.get(key) for key in ("app", "path", "root_path")} == {
        "app": app,
        "path": "/s/x",
        "root_path": "",
    }
    assert before["app"] is app
    assert after["path_params"] == {"name": "x"}
    assert after["endpoint"] is tell_place


@pytest.mark.failure(row=11, says="The scope is as it was after a mounted call that failed, too.")
@each_face
async def test_906_a_mounted_call_that_fails_leaves_the_scope_as_it_was(face: type[Asterion], layers: int) -> None:
    app = application(face, layers, Mount("/s", face(routes=[Route("/", failing(Boom()))])))
    scope = http_scope(path="/s/")
    with pytest.raises(Boom):
        await app(scope, None, _swallow)
    assert (scope["root_path"], scope["path"], scope["app"]) == ("", "/s/", app)


async def _swallow(message: Any) -> None:
    pass
