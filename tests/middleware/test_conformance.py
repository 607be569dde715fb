"""`ConformanceMiddleware`: names every breach of ASGI, and changes nothing."""

from typing import Any

import anyio
import pytest

from asterion.applications import Asterion
from asterion.middleware import Middleware
from asterion.middleware.conformance import ConformanceError, ConformanceMiddleware
from asterion.responses import PlainTextResponse, StreamingResponse
from asterion.routing import Mount, Route, WebSocketRoute
from asterion.testclient import TestClient
from tests.asgi import Exchange, function_layers, http_scope, request
from tests.conformance_cases import RIGHT, WRONG, WRONG_ORDER, body, http, scripted, server_says, start

pytestmark = pytest.mark.anyio

BROKEN = {**WRONG_ORDER, **WRONG}


class Server:
    """A server that gives its messages in turn and takes everything."""

    def __init__(self, scope: dict[str, Any]) -> None:
        self.scope = scope
        self.sent: list[Any] = []
        self._says = iter(server_says(scope["type"]))

    async def receive(self) -> Any:
        return next(self._says)

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def serve(self, app: Any) -> "Server":
        await app(self.scope, self.receive, self.send)
        return self


@pytest.mark.parametrize(("scope", "steps"), RIGHT.values(), ids=RIGHT)
async def test_a_clean_application_passes_message_by_message(scope, steps):
    server = await Server(scope).serve(ConformanceMiddleware(scripted(steps)))
    assert server.sent == [step for step in steps if isinstance(step, dict)]


@pytest.mark.parametrize(("scope", "steps", "words"), BROKEN.values(), ids=BROKEN)
async def test_each_broken_application_is_named(scope, steps, words):
    with pytest.raises(ConformanceError, match=words):
        await Server(scope).serve(ConformanceMiddleware(scripted(steps)))


async def test_what_was_refused_does_not_reach_the_server():
    server = Server(http())
    with pytest.raises(ConformanceError):
        await server.serve(ConformanceMiddleware(scripted([start(), start()])))
    assert server.sent == [start()]


async def test_the_error_is_raised_in_the_applications_own_send():
    caught = []

    async def app(scope, receive, send):
        try:
            await send(body())
        except ConformanceError as error:
            caught.append(error)
        await send(start())
        await send(body())

    with pytest.raises(ConformanceError) as raised:
        await Server(http()).serve(ConformanceMiddleware(app))
    assert caught == [raised.value]


async def test_an_exception_of_the_application_comes_before_a_missing_answer():
    async def app(scope, receive, send):
        await send(start())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Server(http()).serve(ConformanceMiddleware(app))


async def test_scopes_of_other_types_pass():
    called = []

    async def app(scope, receive, send):
        called.append((scope, receive, send))

    arguments = ({"type": "house"}, object(), object())
    await ConformanceMiddleware(app)(*arguments)
    assert called == [arguments]


async def test_an_answer_that_ends_because_the_client_has_gone_is_no_breach(spec_version):
    async def app(scope, receive, send):
        await send(start())
        try:
            while True:
                await send(body(b"x", True))
                if spec_version == "2.3":
                    await receive()  # the empty request body
                    assert (await receive())["type"] == "http.disconnect"
                    return
        except OSError:
            return

    def leave(message):
        if message["type"] == "http.response.body":
            exchange.disconnect()

    exchange = Exchange(ConformanceMiddleware(app), http_scope(spec_version=spec_version), on_send=leave)
    await exchange.run()
    assert exchange.gone


# --- in and around an application -------------------------------------------------------------------------------------


async def home(request):
    return PlainTextResponse(await request.body() or b"home")


async def chunks(request):
    async def source():
        for number in range(3):
            yield str(number)

    return StreamingResponse(source())


async def fails(request):
    raise ZeroDivisionError


async def echo(websocket):
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


async def breaks(scope, receive, send):
    await scripted([start(200, (b"X-Upper", b"1"))])(scope, receive, send)


def application(**options):
    return Asterion(
        routes=[
            Route("/", home, methods=["GET", "POST"]),
            Route("/chunks", chunks),
            Route("/fails", fails),
            WebSocketRoute("/echo", echo),
            Mount("/breaks", breaks),
        ],
        **options,
    )


@pytest.mark.parametrize("place", ["inside", "outside"])
async def test_our_own_applications_are_clean(place, layers, way, spec_version):
    middleware = function_layers(layers, way)
    if place == "inside":
        app: Any = application(middleware=[*middleware, Middleware(ConformanceMiddleware)])
    else:
        app = ConformanceMiddleware(application(middleware=middleware))
    for method, path, status in [
        ("GET", "/", 200),
        ("POST", "/", 200),
        ("HEAD", "/", 200),
        ("HEAD", "/chunks", 200),
        ("GET", "/chunks", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/", 405),
    ]:
        answer = await request(app, method, path, body=b"x" if method == "POST" else b"", spec_version=spec_version)
        assert (answer.status, answer.complete) == (status, True), path
    with pytest.raises(ZeroDivisionError):
        await request(app, "GET", "/fails", spec_version=spec_version)


async def test_a_breach_deep_inside_becomes_an_error_of_the_application(layers, spec_version):
    app = application(middleware=[Middleware(ConformanceMiddleware), *function_layers(layers)])
    exchange = Exchange(app, http_scope(path="/breaks/", spec_version=spec_version))
    with pytest.raises(ConformanceError, match="header name b'X-Upper'"):
        await exchange.run()
    assert exchange.status == 500


def test_a_whole_life_under_a_test_client(anyio_backend):
    with TestClient(ConformanceMiddleware(application()), backend=anyio_backend) as client:
        assert client.get("/").text == "home"
        with client.websocket_connect("/echo") as websocket:
            websocket.send_text("hello")
            assert websocket.receive_text() == "hello"
        with client.stream("GET", "/chunks") as response:
            assert next(response.iter_text()) == "0"


async def test_a_cancelled_application_is_not_judged():
    async def app(scope, receive, send):
        await anyio.sleep_forever()

    with anyio.move_on_after(0) as scope:
        await Server(http()).serve(ConformanceMiddleware(app))
    assert scope.cancelled_caught
