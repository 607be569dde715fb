"""Rows 70 to 72: a WebSocket ends in order, whoever ends it."""

import contextlib
import logging

import anyio
import pytest

from asterion.applications import Asterion, Starlette
from asterion.endpoints import WebSocketEndpoint
from asterion.middleware import Middleware
from asterion.middleware.httpsredirect import HTTPSRedirectMiddleware
from asterion.middleware.trustedhost import TrustedHostMiddleware
from asterion.routing import WebSocketRoute
from asterion.websockets import WebSocketDisconnect
from tests.failures.serving import Wire, application, at_root, each_face

pytestmark = pytest.mark.anyio


def text(data):
    return {"type": "websocket.receive", "text": data}


def binary(data):
    return {"type": "websocket.receive", "bytes": data}


# --- row 70: frames that the application cannot use -------------------------------------------------------------------


@pytest.mark.failure(
    row=70,
    says="A frame of the wrong type, or one that is not JSON where JSON is read, closes the connection with 1003 and a "
    "reason; nothing is raised to the server.",
)
@each_face
@pytest.mark.parametrize(
    ("read", "frame"),
    [
        ("receive_text", binary(b"x")),
        ("receive_bytes", text("x")),
        ("receive_json", text("{")),
        ("receive_json", binary(b"{}")),
        ("receive_json", text("")),
    ],
    ids=["bytes for text", "text for bytes", "cut JSON", "binary for JSON", "nothing for JSON"],
)
async def test_2310_a_frame_that_cannot_be_used_is_close_code_1003(face, read, frame, layers):
    async def endpoint(websocket):
        await websocket.accept()
        await getattr(websocket, read)()

    wire = Wire(frame)
    await wire.run(at_root(face, layers, endpoint))
    [(code, reason)] = wire.closes
    assert code == 1003
    assert reason


@each_face
@pytest.mark.parametrize(("encoding", "frame"), [("text", binary(b"x")), ("bytes", text("x")), ("json", text("{"))])
async def test_3372_an_endpoint_class_closes_with_1003_too(face, encoding, frame, layers):
    ended = []

    class Endpoint(WebSocketEndpoint):
        async def on_disconnect(self, websocket, close_code):
            ended.append(close_code)

    Endpoint.encoding = encoding
    wire = Wire(frame)
    await wire.run(at_root(face, layers, Endpoint))
    assert [code for code, _ in wire.closes] == [1003]
    assert ended == [1003]


async def test_2310_an_endpoint_may_go_on_after_a_frame_it_cannot_use(layers):
    """It is an exception of the reading alone: code that caught upstream's KeyError still does."""

    async def endpoint(websocket):
        await websocket.accept()
        try:
            await websocket.receive_text()
        except KeyError:
            await websocket.send_text("text, please")
        await websocket.send_text(await websocket.receive_text())
        await websocket.close()

    sent = await Wire(binary(b"x"), text("hello")).run(at_root(Asterion, layers, endpoint))
    assert [one["text"] for one in sent if one["type"] == "websocket.send"] == ["text, please", "hello"]


# --- row 71: clients that leave ---------------------------------------------------------------------------------------


async def reading_for_ever(websocket):
    await websocket.accept()
    while True:
        await websocket.receive_text()


async def reading_in_a_task_group(websocket):
    await websocket.accept()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(websocket.receive_text)


def raising_on(one, face):
    """The disconnect comes out of the application on that face, and nothing does on the other."""
    return pytest.raises(WebSocketDisconnect) if face is one else contextlib.nullcontext()


@pytest.mark.failure(
    row=71,
    says="On `Asterion` a client that leaves is no error of the application, also out of a task group; `Starlette` "
    "raises the WebSocketDisconnect, for which tests written against upstream wait.",
)
@each_face
@pytest.mark.parametrize("code", [1000, 1001, 1006])
async def test_759_a_client_that_leaves_is_no_error(face, code, layers, caplog):
    caplog.set_level(logging.INFO)
    wire = Wire(text("a"), code=code)
    with raising_on(Starlette, face):
        await wire.run(at_root(face, layers, reading_for_ever))
    assert wire.closes == []
    assert caplog.records == []


@each_face
async def test_759_a_client_that_leaves_is_no_error_out_of_a_task_group(face, layers, caplog):
    caplog.set_level(logging.INFO)
    with raising_on(Starlette, face):
        await Wire().run(at_root(face, layers, reading_in_a_task_group))
    assert caplog.records == []


@each_face
async def test_759_an_error_beside_the_disconnect_is_still_an_error(face, layers):
    async def endpoint(websocket):
        await websocket.accept()
        try:
            await websocket.receive_text()
        except WebSocketDisconnect:
            raise LookupError("a mistake on the way out") from None

    with pytest.raises(LookupError):
        await Wire().run(at_root(face, layers, endpoint))


@pytest.mark.failure(row=71, says="Handlers for any exception class are called for WebSockets.")
@each_face
@pytest.mark.parametrize("registered", [LookupError, Exception])
async def test_759_handlers_are_called_for_websockets(face, registered, layers):
    handled = []

    async def endpoint(websocket):
        await websocket.accept()
        raise KeyError("in the endpoint")

    async def handler(websocket, error):
        handled.append(type(error))
        await websocket.close(1011, "handled")

    wire = Wire()
    app = at_root(face, layers, endpoint, exception_handlers={registered: handler})
    try:
        await wire.run(app)
    except KeyError:
        assert registered is Exception  # a handler of last resort answers, and the server still learns of it
    assert handled == [KeyError]
    assert wire.closes == [(1011, "handled")]


@pytest.mark.failure(row=71, says="Closing twice, or after the client has left, is harmless.")
@each_face
async def test_759_closing_twice_or_after_the_client_is_harmless(face, layers):
    async def endpoint(websocket):
        await websocket.accept()
        await websocket.close(1000)
        await websocket.close(1000)

    async def late(websocket):
        await websocket.accept()
        try:
            await websocket.receive_text()
        except WebSocketDisconnect:
            await websocket.close()

    wire = Wire()
    await wire.run(at_root(face, layers, endpoint))
    assert wire.closes == [(1000, "")]
    after = Wire()
    await after.run(at_root(face, layers, late))
    assert after.closes == []


# --- row 72: refusing a handshake -------------------------------------------------------------------------------------

DENIAL = "websocket.http.response"


@pytest.mark.failure(
    row=72,
    says="A handshake is refused by an HTTP response only where the server offers that extension, and by a close on "
    "all others, by middleware as by endpoints.",
)
@each_face
@pytest.mark.parametrize(
    ("middleware", "status"),
    [
        (Middleware(TrustedHostMiddleware, allowed_hosts=["other.example"]), 400),
        (Middleware(HTTPSRedirectMiddleware), 307),
    ],
    ids=["host", "https"],
)
@pytest.mark.parametrize("extensions", [(), (DENIAL,), None], ids=["none", "denial", "no key"])
async def test_2041_a_handshake_is_refused_in_a_way_the_server_knows(face, middleware, status, extensions, layers):
    app = application(face, layers, WebSocketRoute("/", reading_for_ever), middleware=(middleware,))
    wire = Wire(extensions=extensions or ())
    if extensions is None:
        del wire.scope["extensions"]
    sent = await wire.run(app)
    if extensions == (DENIAL,):
        assert [one["type"] for one in sent][:2] == [f"{DENIAL}.start", f"{DENIAL}.body"]
        assert sent[0]["status"] == status
    else:
        assert [one["type"] for one in sent] == ["websocket.close"]


@each_face
@pytest.mark.parametrize("extensions", [(), (DENIAL,)], ids=["none", "denial"])
async def test_3189_a_path_without_a_route_is_refused_in_a_way_the_server_knows(face, extensions, layers):
    wire = Wire(extensions=extensions)
    wire.scope["path"] = "/missing"
    sent = await wire.run(at_root(face, layers, reading_for_ever))
    assert sent[0]["type"] in ("websocket.close", f"{DENIAL}.start" if extensions else "websocket.close")
