"""Where the two faces differ by choice: one test per policy, both faces side by side."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from asterion.applications import Asterion, Starlette
from asterion.concurrency import running_task
from asterion.endpoints import HTTPEndpoint
from asterion.exceptions import HTTPException
from asterion.middleware import Middleware
from asterion.middleware.cors import CORSMiddleware
from asterion.requests import Request
from asterion.responses import JSONResponse, PlainTextResponse, Response
from asterion.routing import Host, Mount, Route, Router, WebSocketRoute
from asterion.websockets import WebSocket
from tests.asgi import Exchange, function_layers, http_scope, layer_class, pass_through, request

pytestmark = pytest.mark.anyio

FACES = pytest.mark.parametrize("face", [Asterion, Starlette])


class Boom(Exception):
    """An error of the application's own."""


async def boom(request: Request) -> Response:
    raise Boom("inner")


async def hello(request: Request) -> Response:
    return PlainTextResponse(f"hello {request.scope['root_path']} {request.url.path}")


# --- errors_pass_middleware ---


@FACES
async def test_the_answer_to_an_error_passes_user_middleware(face: type[Asterion], layers: int, way: str) -> None:
    """Issues 1116 and 1175: CORS headers on a 500. Upstream's are only on what the application answers itself."""
    cors = Middleware(CORSMiddleware, allow_origins=["https://example.org"])
    app = face(routes=[Route("/", boom)], middleware=[cors, *function_layers(layers, way)])
    exchange = Exchange(app, http_scope(headers=[("origin", "https://example.org")]))
    with pytest.raises(Boom, match="inner"):
        await exchange.run()
    assert (exchange.status, exchange.complete) == (500, True)
    assert ("access-control-allow-origin" in exchange.headers) is (face is Asterion)


@FACES
async def test_a_handler_for_every_error_is_called_once(face: type[Asterion]) -> None:
    seen: list[Exception] = []

    async def handler(request: Request, error: Exception) -> Response:
        seen.append(error)
        return JSONResponse({"error": str(error)}, 500)

    app = face(routes=[Route("/", boom)], exception_handlers={Exception: handler}, middleware=function_layers(2))
    exchange = Exchange(app)
    with pytest.raises(Boom, match="inner"):
        await exchange.run()
    assert exchange.body == b'{"error":"inner"}'
    assert len(seen) == 1


@FACES
async def test_an_http_exception_raised_in_middleware(face: type[Asterion], way: str) -> None:
    """Answered by its handler on the one face, a 500 on the other (issues 1175 and 2723)."""

    async def refuse(request: Request, call_next: Any) -> Any:
        raise HTTPException(403, "not you")

    app = face(routes=[Route("/", hello)], middleware=[Middleware(layer_class(way), dispatch=refuse)])
    exchange = Exchange(app)
    if face is Asterion:
        await exchange.run()
        assert (exchange.status, exchange.body) == (403, b"not you")
    else:
        with pytest.raises(HTTPException):
            await exchange.run()
        assert exchange.status == 500


@pytest.mark.parametrize("where", ["application", "mount"])
async def test_the_answer_to_an_http_exception_of_a_function_passes_the_middleware_around_it(
    layers: int, way: str, where: str
) -> None:
    async def refuse(request: Request, call_next: Any) -> Any:
        raise HTTPException(403, "not you")

    cors = Middleware(CORSMiddleware, allow_origins=["https://example.org"])
    refusing = Middleware(layer_class(way), dispatch=refuse)
    middleware, routes = [cors, *function_layers(layers, way), refusing], [Route("/", hello)]
    app = Asterion(routes=routes, middleware=middleware)
    if where == "mount":
        app = Asterion(routes=[Mount("/", routes=routes, middleware=middleware)])
    answer = await request(app, headers=[("origin", "https://example.org")])
    assert (answer.status, answer.body) == (403, b"not you")
    assert answer.headers["access-control-allow-origin"] == "https://example.org"


async def test_dispatch_sees_the_response_to_an_error_on_the_one_face_and_the_error_on_the_other(way: str) -> None:
    seen: list[object] = []

    async def look(request: Request, call_next: Any) -> Any:
        try:
            response = await call_next(request)
        except Boom as error:
            seen.append(error)
            raise
        seen.append(response.status_code)
        return response

    for face in (Asterion, Starlette):
        with pytest.raises(Boom, match="inner"):
            await Exchange(
                face(routes=[Route("/", boom)], middleware=[Middleware(layer_class(way), dispatch=look)])
            ).run()
    assert seen[0] == 500
    assert isinstance(seen[1], Boom)


# --- automatic_options, and Allow ---


@FACES
async def test_options_of_a_path(face: type[Asterion]) -> None:
    app = face(routes=[Route("/", hello, methods=["GET"]), Route("/", hello, methods=["POST"])])
    answer = await request(app, "OPTIONS")
    if face is Asterion:
        assert (answer.status, answer.headers["allow"], answer.body) == (204, "GET, HEAD, OPTIONS, POST", b"")
    else:
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert (await request(app, "DELETE")).headers["allow"] == "GET, HEAD, POST"


@FACES
async def test_a_route_that_takes_options_answers_them_itself(face: type[Asterion]) -> None:
    app = face(routes=[Route("/", hello, methods=["GET"]), Route("/", hello, methods=["OPTIONS"])])
    assert (await request(app, "OPTIONS")).status == 200


@FACES
async def test_options_of_a_class_endpoint(face: type[Asterion]) -> None:
    class Page(HTTPEndpoint):
        async def get(self, request: Request) -> Response:
            return PlainTextResponse("page")

        def post(self, request: Request) -> Response:
            return PlainTextResponse("posted")

    answer = await request(face(routes=[Route("/", Page)]), "OPTIONS")
    if face is Asterion:
        assert (answer.status, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    else:
        assert (answer.status, answer.headers["allow"]) == (405, "GET, POST")


# --- bare_mounts ---


@FACES
async def test_a_mount_asked_for_without_its_slash(face: type[Asterion]) -> None:
    app = face(routes=[Mount("/m", routes=[Route("/", hello, methods=["GET", "POST"])])])
    for method in ("GET", "POST"):
        answer = await request(app, method, "/m")
        if face is Asterion:
            assert (answer.status, answer.body) == (200, b"hello /m /m/")
        else:
            assert (answer.status, answer.headers["location"]) == (307, "/m/")


async def test_a_bare_mount_takes_a_websocket() -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    sent: list[str] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    app = Asterion(routes=[Mount("/m", routes=[WebSocketRoute("/", endpoint)])])
    scope = {"type": "websocket", "path": "/m", "root_path": "", "headers": [], "query_string": b"", "extensions": {}}
    await app(scope, receive, send)
    assert sent == ["websocket.accept", "websocket.close"]


async def test_what_a_bare_mount_does_to_the_path_is_not_left_in_the_scope() -> None:
    app = Asterion(routes=[Mount("/m", routes=[Route("/", hello)])])
    scope = http_scope(path="/m")
    await Exchange(app, scope).run()
    assert (scope["path"], scope["root_path"]) == ("/m", "")


@FACES
async def test_the_slash_policy_can_be_set_on_the_application(face: type[Asterion]) -> None:
    app = face(routes=[Route("/x", hello)], redirect_slashes=False)
    assert (await request(app, path="/x/")).status == 404


# --- encoded_slashes ---


async def name(request: Request) -> Response:
    return JSONResponse(request.path_params)


@FACES
@pytest.mark.parametrize("prefix", ["", "/m"])
async def test_a_slash_that_is_encoded_is_part_of_its_segment(face: type[Asterion], prefix: str) -> None:
    """Issue 826. Where the decoded path has a route, that route answers as ever."""
    routes = [Route("/units/{name}", name), Route("/pairs/{a}/{b}", name)]
    app = face(routes=[Mount("/m", routes=routes), *routes])
    answer = await request(app, path=f"{prefix}/units/kg/s", scope={"raw_path": f"{prefix}/units/kg%2Fs".encode()})
    if face is Asterion:
        assert (answer.status, answer.body) == (200, b'{"name":"kg/s"}')
    else:
        assert answer.status == 404
    decoded = await request(app, path=f"{prefix}/pairs/x/y", scope={"raw_path": f"{prefix}/pairs/x%2fy".encode()})
    assert decoded.body == b'{"a":"x","b":"y"}'


async def test_a_raw_path_that_is_not_that_of_the_path_does_not_count() -> None:
    app = Asterion(routes=[Route("/units/{name}", name)])
    answer = await request(app, path="/rewritten/a/b", scope={"raw_path": b"/units/kg%2Fs"})
    assert answer.status == 404


# --- mounted_lifespans ---


def recording(name: str, log: list[str], *, fails: str = "") -> Any:
    """A lifespan that writes down when it begins and ends, and yields its name as state."""

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
        log.append(f"{name} starts")
        if fails == "startup":
            raise Boom(name)
        yield {name: True, "shared": name}
        if fails == "shutdown":
            raise Boom(name)
        log.append(f"{name} ends")

    return lifespan


async def live(app: Any, *, state: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Start the application and stop it; what it sent."""
    sent: list[dict[str, Any]] = []
    told = iter(("lifespan.startup", "lifespan.shutdown"))

    async def receive() -> Any:
        return {"type": next(told)}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "lifespan", "state": {} if state is None else state}, receive, send)
    return sent


@FACES
async def test_lifespans_of_mounted_applications_run_in_order_and_leave_in_reverse(face: type[Asterion]) -> None:
    """Issues 649 and 373."""
    log: list[str] = []
    state: dict[str, Any] = {}
    deepest = Asterion(lifespan=recording("deepest", log))
    first = Asterion(lifespan=recording("first", log), routes=[Mount("/deep", app=deepest)])
    second = Router(lifespan=recording("second", log))
    app = face(
        lifespan=recording("outer", log),
        routes=[Mount("/a", app=first), Host("b.example.org", app=second), Mount("/again", app=first)],
        on_startup=[lambda: log.append("hook starts")],
        on_shutdown=[lambda: log.append("hook ends")],
    )
    sent = await live(app, state=state)
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    if face is Starlette:
        assert log == ["outer starts", "hook starts", "hook ends", "outer ends"]
        assert state == {"outer": True, "shared": "outer"}
        return
    starts = ["outer starts", "hook starts", "first starts", "deepest starts", "second starts"]
    assert log == [*starts, *(line.replace("starts", "ends") for line in reversed(starts))]
    assert state == {"outer": True, "first": True, "deepest": True, "second": True, "shared": "outer"}


async def test_a_mounted_lifespan_is_found_beneath_middleware_and_in_routes() -> None:
    log: list[str] = []
    inner = Asterion(lifespan=recording("inner", log))
    app = Asterion(
        routes=[
            Mount("/a", routes=[Mount("/b", app=inner)]),
            Mount("/c", app=CORSMiddleware(Asterion(lifespan=recording("wrapped", log)))),
        ]
    )
    await live(app)
    assert log == ["inner starts", "wrapped starts", "wrapped ends", "inner ends"]


async def test_a_mounted_lifespan_runs_in_the_task_of_the_outer_one_also_beneath_middleware() -> None:
    """So that it may hold a cancel scope open while it serves."""
    tasks: list[Any] = []

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        tasks.append(running_task())
        yield
        tasks.append(running_task())

    inner = Asterion(lifespan=lifespan)
    await live(
        Asterion(
            lifespan=lifespan,
            routes=[Mount("/a", app=CORSMiddleware(layer_class("nested")(inner, dispatch=pass_through)))],
        )
    )
    assert len(tasks) == 4
    assert all(task is tasks[0] for task in tasks)


async def test_a_mounted_start_up_that_fails_leaves_what_was_entered_and_is_raised_as_itself() -> None:
    log: list[str] = []
    app = Asterion(
        lifespan=recording("outer", log),
        routes=[
            Mount("/a", app=Asterion(lifespan=recording("first", log))),
            Mount("/b", app=Asterion(lifespan=recording("second", log, fails="startup"))),
        ],
    )
    with pytest.raises(Boom, match="second"):
        await live(app)
    assert log[:3] == ["outer starts", "first starts", "second starts"]


async def test_other_asgi_applications_are_served_the_protocol() -> None:
    log: list[str] = []

    async def foreign(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"
        log.append((await receive())["type"])
        scope["state"]["foreign"] = True
        await send({"type": "lifespan.startup.complete"})
        log.append((await receive())["type"])
        await send({"type": "lifespan.shutdown.complete"})

    async def knows_nothing(scope: Any, receive: Any, send: Any) -> None:
        raise TypeError("what is a lifespan?")

    state: dict[str, Any] = {}
    app = Asterion(routes=[Mount("/a", app=foreign), Mount("/b", app=knows_nothing)])
    sent = await live(app, state=state)
    assert sent[-1]["type"] == "lifespan.shutdown.complete"
    assert (log, state) == (["lifespan.startup", "lifespan.shutdown"], {"foreign": True})


@pytest.mark.parametrize("stage", ["startup", "shutdown"])
async def test_other_asgi_applications_may_fail(stage: str) -> None:
    async def foreign(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if stage == "startup":
            await send({"type": "lifespan.startup.failed", "message": "no database"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "no database"})

    with pytest.raises(RuntimeError, match="no database"):
        await live(Asterion(routes=[Mount("/a", app=foreign)]))


# --- limits on the body, where a middleware reads it ---


async def length(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@FACES
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "in pieces"])
async def test_a_body_that_a_middleware_reads_is_under_the_limits_of_the_application_and_of_the_route(
    face: type[Asterion], announced: bool, way: str
) -> None:
    async def read(request: Request, call_next: Any) -> Any:
        await request.body()
        return await call_next(request)

    async def handler(request: Request, error: Exception) -> Response:
        return PlainTextResponse("too much", 413)

    def headers(body: list[bytes]) -> list[tuple[str, str]]:
        return [("content-length", str(len(b"".join(body))))] if announced else []

    limits = {"of the application": (5, None), "of the route": (10, 5)}
    for outer, inner in limits.values():
        app = face(
            routes=[Route("/", length, methods=["POST"], max_body_size=inner)],
            middleware=[Middleware(layer_class(way), dispatch=read)],
            exception_handlers={413: handler},
            max_body_size=outer,
        )
        for body, status, text in (([b"123", b"45"], 200, b"5"), ([b"123", b"456"], 413, b"too much")):
            answer = await request(app, "POST", body=body, headers=headers(body))
            assert (answer.status, answer.body) == (status, text)


async def test_other_asgi_applications_may_raise_at_the_end() -> None:
    async def foreign(scope: Any, receive: Any, send: Any) -> None:
        assert "state" not in scope
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise Boom("at the end")

    told = iter(("lifespan.startup", "lifespan.shutdown"))

    async def receive() -> Any:
        return {"type": next(told)}

    async def send(message: Any) -> None:
        """Nobody looks."""

    with pytest.raises(Boom, match="at the end"):
        await Asterion(routes=[Mount("/a", app=foreign)])({"type": "lifespan"}, receive, send)


async def test_an_application_that_wraps_itself_is_served_the_protocol_as_any_other() -> None:
    seen: list[str] = []

    class Ring:
        def __init__(self) -> None:
            self.app = self

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            seen.append(scope["type"])

    await live(Asterion(routes=[Mount("/a", app=Ring())]))
    assert seen == ["lifespan"]


@pytest.mark.parametrize(("last", "status"), [("end", 200), ("other", 404)])
async def test_a_path_with_an_encoded_slash_is_matched_as_a_whole(last: str, status: int) -> None:
    async def one(request: Request) -> Response:
        return PlainTextResponse("one")

    app = Asterion(routes=[Route("/a/{name}/end", one)])
    scope = {"raw_path": f"/a/x%2Fy/{last}".encode()}
    assert (await request(app, path=f"/a/x/y/{last}", scope=scope)).status == status
