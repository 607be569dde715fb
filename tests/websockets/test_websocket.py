"""A WebSocket as an application sees it: states, frames, and what a client's mistakes lead to."""

import json
import pickle

import anyio
import pytest

from asterion.applications import Asterion
from asterion.exceptions import WebSocketException
from asterion.responses import JSONResponse, StreamingResponse
from asterion.routing import WebSocketRoute
from asterion.testclient import TestClient, WebSocketDenialResponse
from asterion.websockets import (
    MalformedFrame,
    UnexpectedFrame,
    WebSocket,
    WebSocketClose,
    WebSocketDisconnect,
    WebSocketDisconnected,
    WebSocketState,
)

pytestmark = pytest.mark.anyio  # of the tests that are async

CONNECT = {"type": "websocket.connect"}
GONE = {"type": "websocket.disconnect", "code": 1001, "reason": "away"}


class Server:
    """The server's side of one WebSocket: messages to give, messages taken."""

    def __init__(self, *messages, extensions=(), fails_from=None):
        self.messages = [CONNECT, *messages]
        self.sent = []
        self.fails_from = fails_from
        scope = {"type": "websocket", "path": "/", "headers": [], "extensions": {name: {} for name in extensions}}
        self.websocket = WebSocket(scope, self.receive, self.send)

    async def receive(self):
        return self.messages.pop(0)

    async def send(self, message):
        if self.fails_from is not None and len(self.sent) >= self.fails_from:
            raise OSError("gone")
        self.sent.append(message)


def text(data):
    return {"type": "websocket.receive", "text": data}


def data(data):
    return {"type": "websocket.receive", "bytes": data}


def test_a_disconnect_says_its_code_and_its_reason():
    assert str(WebSocketDisconnect(1001, "away")) == "the WebSocket is disconnected with code 1001: away"
    assert str(WebSocketDisconnect(1001)) == "the WebSocket is disconnected with code 1001"
    assert WebSocketDisconnect(1001).args == WebSocketDisconnect(1001, None).args == (1001, "")


async def accepted(*messages, **options):
    server = Server(*messages, **options)
    await server.websocket.accept()
    return server.websocket, server


# --- handshake --------------------------------------------------------------------------------------------------------


async def test_accept_takes_the_connect_and_says_yes():
    server = Server()
    websocket = server.websocket
    assert (websocket.client_state, websocket.application_state) == (WebSocketState.CONNECTING,) * 2
    await websocket.accept(subprotocol="one", headers=[(b"x-a", b"1")])
    assert server.sent == [{"type": "websocket.accept", "subprotocol": "one", "headers": [(b"x-a", b"1")]}]
    assert (websocket.client_state, websocket.application_state) == (WebSocketState.CONNECTED,) * 2


async def test_accept_after_receiving_the_connect_by_hand_is_the_same():
    server = Server()
    assert await server.websocket.receive() == CONNECT
    await server.websocket.accept()
    assert server.sent == [{"type": "websocket.accept", "subprotocol": None, "headers": []}]


@pytest.mark.parametrize("header", [(b"x\r\n", b"v"), (b"x", b"v\nset-cookie: a=b"), (b"x", b"\0")])
async def test_accept_refuses_headers_that_end_their_line(header):
    server = Server()
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        await server.websocket.accept(headers=[header])
    assert server.sent == []


async def test_close_before_accept_refuses():
    server = Server()
    await server.websocket.close(4001, "no")
    assert server.sent == [{"type": "websocket.close", "code": 4001, "reason": "no"}]


def test_a_scope_of_http_is_refused_with_words():
    with pytest.raises(RuntimeError, match="'http'.*use Request"):
        WebSocket({"type": "http", "headers": []}, None, None)


async def test_a_denial_response_needs_the_extension():
    server = Server()
    with pytest.raises(RuntimeError, match=r"'websocket\.http\.response'.*call close\(\)"):
        await server.websocket.send_denial_response(JSONResponse({}))
    assert server.sent == []


@pytest.mark.parametrize("kind", ["plain", "streamed"])
def test_a_denial_response_reaches_the_client(kind, anyio_backend):
    async def app(scope, receive, send):
        websocket = WebSocket(scope, receive, send)
        response = JSONResponse({"why": "no"}, status_code=401)
        if kind == "streamed":
            response = StreamingResponse(iter([b'{"why":', b'"no"}']), status_code=401)
        await websocket.send_denial_response(response)
        assert websocket.application_state is WebSocketState.DISCONNECTED
        await websocket.close()  # harmless

    client = TestClient(app, backend=anyio_backend, strict=True)
    with pytest.raises(WebSocketDenialResponse) as caught, client.websocket_connect("/"):
        pass
    assert (caught.value.status_code, caught.value.json()) == (401, {"why": "no"})


async def test_websocket_close_is_an_application_that_refuses():
    server = Server()
    await WebSocketClose(4000, "no")(server.websocket.scope, server.receive, server.send)
    assert server.sent == [{"type": "websocket.close", "code": 4000, "reason": "no"}]


# --- states -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["receive_text", "receive_bytes", "receive_json"])
async def test_frames_are_received_after_accept_only(call):
    with pytest.raises(RuntimeError, match=r"state CONNECTING: call accept\(\) first"):
        await getattr(Server().websocket, call)()


async def test_frames_are_sent_after_accept_only():
    with pytest.raises(RuntimeError, match=r"'websocket\.send' .* state CONNECTING: call accept\(\) first"):
        await Server().websocket.send_text("x")


async def test_accept_comes_once():
    websocket, _ = await accepted()
    with pytest.raises(RuntimeError, match=r"'websocket\.accept' .* state CONNECTED: the handshake is done"):
        await websocket.accept()


async def test_nothing_is_sent_after_close():
    websocket, _ = await accepted()
    await websocket.close()
    with pytest.raises(WebSocketDisconnected, match="state DISCONNECTED: the connection is over"):
        await websocket.send_text("x")
    with pytest.raises(WebSocketDisconnected, match="state DISCONNECTED"):
        await websocket.receive_text()


@pytest.mark.parametrize("call", ["receive", "receive_text", "receive_bytes", "receive_json"])
async def test_nothing_is_received_after_the_disconnect(call):
    websocket, _ = await accepted(GONE)
    with pytest.raises(WebSocketDisconnect):
        await websocket.receive_text()
    with pytest.raises(WebSocketDisconnected, match="disconnect was received before"):
        await getattr(websocket, call)()


async def test_what_the_server_may_not_send_is_named():
    server = Server()
    server.messages = [text("x")]
    with pytest.raises(RuntimeError, match=r"'websocket\.receive'.*CONNECTING; expected: websocket\.connect"):
        await server.websocket.receive()


async def test_a_denial_takes_the_connect_and_its_response_may_wait_for_the_client_to_go():
    server = Server(GONE, extensions=["websocket.http.response"])
    received = []

    async def response(scope, receive, send):
        received.append(await receive())
        await JSONResponse({}, 403)(scope, receive, send)

    await server.websocket.send_denial_response(response)
    assert received == [GONE]


async def test_only_the_body_of_a_denial_follows_its_start():
    server = Server(extensions=["websocket.http.response"])
    await server.websocket.receive()
    await server.websocket.send({"type": "websocket.http.response.start", "status": 403, "headers": []})
    with pytest.raises(RuntimeError, match="state RESPONSE: a denial response is being sent"):
        await server.websocket.accept()


# --- closing ----------------------------------------------------------------------------------------------------------


async def test_close_twice_is_harmless():
    websocket, server = await accepted()
    await websocket.close(1001)
    await websocket.close(1002)
    assert [message.get("code") for message in server.sent[1:]] == [1001]


async def test_close_after_the_client_left_is_harmless():
    websocket, server = await accepted(GONE)
    await websocket.receive()
    await websocket.close()
    await websocket.close()
    assert len(server.sent) == 1
    assert websocket.application_state is WebSocketState.DISCONNECTED


async def test_close_of_a_connection_that_broke_is_harmless():
    websocket, _ = await accepted(fails_from=1)
    await websocket.close()
    assert websocket.application_state is WebSocketState.DISCONNECTED


async def test_sending_to_a_client_that_left_is_a_disconnect_with_1006():
    websocket, _ = await accepted(fails_from=1)
    with pytest.raises(WebSocketDisconnect) as caught:
        await websocket.send_text("x")
    assert caught.value.code == 1006
    assert isinstance(caught.value.__cause__, OSError)
    with pytest.raises(WebSocketDisconnected):
        await websocket.send_text("x")


async def test_a_send_of_another_task_that_finds_the_client_gone_leaves_what_it_sent_before_to_its_reader():
    """A chat room: whoever speaks finds that a member has left, while that member's own handler still reads."""
    websocket, _ = await accepted(text("last"), text("words"), GONE, fails_from=1)
    with pytest.raises(WebSocketDisconnect):
        await websocket.send_text("to everybody")
    assert [frame async for frame in websocket.iter_text()] == ["last", "words"]
    with pytest.raises(WebSocketDisconnected):
        await websocket.receive_text()


async def test_no_frame_is_awaited_from_a_client_that_left_before_the_handshake_was_taken():
    server = Server(GONE, fails_from=0)
    await server.websocket.close()
    with pytest.raises(WebSocketDisconnected):
        await server.websocket.receive_text()


@pytest.mark.parametrize("send", [WebSocket.send_text, WebSocket.send_json])
async def test_every_further_message_to_a_client_that_left_is_a_disconnect_too(send):
    websocket, _ = await accepted(fails_from=1)
    for _ in range(3):
        with pytest.raises(WebSocketDisconnect) as caught:
            await send(websocket, "x")
        assert caught.value.code == 1006


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        (GONE, 1001, "away"),
        ({"type": "websocket.disconnect"}, 1005, ""),
        ({"type": "websocket.disconnect", "code": 1000, "reason": None}, 1000, ""),
    ],
)
async def test_a_disconnect_has_the_clients_code_and_reason(message, code, reason):
    websocket, _ = await accepted(message)
    with pytest.raises(WebSocketDisconnect) as caught:
        await websocket.receive_text()
    assert (caught.value.code, caught.value.reason) == (code, reason)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.code, copy.reason) == (code, reason)


# --- frames -----------------------------------------------------------------------------------------------------------


async def test_frames_arrive_as_what_they_are():
    websocket, _ = await accepted(text("tëxt"), data(b"\x00"), text('{"a":1}'), data('"ü"'.encode()), text(""))
    assert await websocket.receive_text() == "tëxt"
    assert await websocket.receive_bytes() == b"\x00"
    assert await websocket.receive_json() == {"a": 1}
    assert await websocket.receive_json(mode="binary") == "ü"
    assert await websocket.receive_text() == ""


async def test_a_frame_with_the_other_field_empty_is_what_it_is():
    websocket, _ = await accepted({**text("x"), "bytes": None}, {**data(b"x"), "text": None})
    assert await websocket.receive_text() == "x"
    assert await websocket.receive_bytes() == b"x"


async def test_frames_are_sent_as_what_they_are():
    websocket, server = await accepted()
    await websocket.send_text("tëxt")
    await websocket.send_bytes(b"\x00")
    await websocket.send_json({"a": "ü"})
    await websocket.send_json([1], mode="binary")
    assert [(message.get("text"), message.get("bytes")) for message in server.sent[1:]] == [
        ("tëxt", None),
        (None, b"\x00"),
        ('{"a":"ü"}', None),
        (None, b"[1]"),
    ]


async def test_a_mode_that_does_not_exist_is_named():
    websocket, _ = await accepted()
    with pytest.raises(RuntimeError, match="'xml'"):
        await websocket.receive_json(mode="xml")
    with pytest.raises(RuntimeError, match="'xml'"):
        await websocket.send_json({}, mode="xml")


@pytest.mark.parametrize(
    ("call", "frame", "words"),
    [
        ("receive_text", data(b"x"), "expected a text frame, got a binary one"),
        ("receive_bytes", text("x"), "expected a binary frame, got a text one"),
        ("receive_json", data(b"{}"), "expected a text frame, got a binary one"),
    ],
)
async def test_a_frame_of_the_other_type_is_the_clients_mistake(call, frame, words):
    websocket, _ = await accepted(frame)
    with pytest.raises(UnexpectedFrame, match=words) as caught:
        await getattr(websocket, call)()
    assert isinstance(caught.value, WebSocketException | KeyError)
    assert (caught.value.code, caught.value.reason) == (1003, words)
    assert pickle.loads(pickle.dumps(caught.value)).code == 1003


@pytest.mark.parametrize(
    ("frame", "mode"),
    [
        (text("{"), "text"),
        (text(""), "text"),
        (data(b"\xff"), "binary"),
        (text("[" * 100_000), "text"),
        (text("9" * 5_000), "text"),
    ],
    ids=["cut", "empty", "not utf-8", "deep", "long number"],
)
async def test_malformed_json_is_the_clients_mistake(frame, mode):
    websocket, _ = await accepted(frame)
    with pytest.raises(MalformedFrame, match="expected JSON") as caught:
        await websocket.receive_json(mode=mode)
    assert isinstance(caught.value, WebSocketException)
    assert isinstance(caught.value, json.JSONDecodeError)
    assert caught.value.code == 1003
    assert len(caught.value.reason.encode()) <= 123  # RFC 6455 5.5: a control frame holds no more
    assert pickle.loads(pickle.dumps(caught.value)).reason == caught.value.reason


@pytest.mark.parametrize(
    ("send", "receive"),
    [
        (lambda session: session.send_bytes(b"x"), lambda websocket: websocket.receive_text()),
        (lambda session: session.send_text("{"), lambda websocket: websocket.receive_json()),
    ],
    ids=["wrong type", "malformed"],
)
def test_in_an_application_it_closes_the_connection_with_1003_and_is_no_error(send, receive, anyio_backend):
    async def endpoint(websocket):
        await websocket.accept()
        await receive(websocket)

    app = Asterion(routes=[WebSocketRoute("/", endpoint)])
    with TestClient(app, backend=anyio_backend).websocket_connect("/") as session:
        send(session)
        with pytest.raises(WebSocketDisconnect) as caught:
            session.receive_text()
    assert caught.value.code == 1003
    assert caught.value.reason.startswith("expected")


# --- iteration --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("iterate", "frames", "values"),
    [
        ("iter_text", [text("a"), text("b")], ["a", "b"]),
        ("iter_bytes", [data(b"a"), data(b"b")], [b"a", b"b"]),
        ("iter_json", [text("1"), text("[2]")], [1, [2]]),
    ],
)
async def test_iteration_ends_quietly_when_the_client_leaves(iterate, frames, values):
    websocket, _ = await accepted(*frames, GONE)
    assert [value async for value in getattr(websocket, iterate)()] == values


async def test_a_loop_can_be_left_and_taken_up_again():
    websocket, _ = await accepted(text("a"), text("b"), GONE)
    frames = websocket.iter_text()
    async for frame in frames:
        assert frame == "a"
        break
    await frames.aclose()
    assert [frame async for frame in websocket.iter_text()] == ["b"]


async def test_a_wrong_frame_ends_the_iteration_with_its_error():
    websocket, _ = await accepted(data(b"x"))
    with pytest.raises(UnexpectedFrame):
        await anext(websocket.iter_text())


async def test_iteration_before_accept_is_an_error():
    with pytest.raises(RuntimeError, match=r"accept\(\)"):
        await anext(Server().websocket.iter_text())


def test_sending_and_receiving_at_once(anyio_backend):
    async def app(scope, receive, send):
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()

        async def count():
            for number in range(3):
                await websocket.send_json(number)

        async with anyio.create_task_group() as group:
            group.start_soon(count)
            async for frame in websocket.iter_text():
                await websocket.send_text(frame.upper())

    with TestClient(app, backend=anyio_backend).websocket_connect("/") as session:
        assert [session.receive_json() for _ in range(3)] == [0, 1, 2]
        session.send_text("a")
        assert session.receive_text() == "A"


async def test_methods_that_were_put_in_place_of_these_are_called():
    """On one WebSocket, or in a subclass, as wrappers do that record or compress."""
    seen = []

    def watch(websocket):
        receive, send = websocket.receive, websocket.send

        async def watched_receive():
            seen.append("received")
            return await receive()

        async def watched_send(message):
            seen.append("sent")
            await send(message)

        websocket.receive, websocket.send = watched_receive, watched_send

    websocket, server = await accepted(text("a"))
    watch(websocket)
    await websocket.send_text(await websocket.receive_text())
    assert (seen, server.sent[-1]["text"]) == (["received", "sent"], "a")


async def test_json_that_python_writes_and_reads_goes_through_with_the_standard_codec():
    websocket, server = await accepted()
    await websocket.send_json({"b": float("inf"), "a": [1, "é"]})
    assert server.sent[-1]["text"] == '{"b":Infinity,"a":[1,"é"]}'


@pytest.mark.parametrize(("mode", "frame"), [("text", text), ("binary", lambda long: data(long.encode()))])
async def test_a_long_frame_of_json_is_read_whole_and_a_fault_in_it_has_its_place(mode, frame):
    long = "[" + "[1, 2], " * 30_000 + "0]"
    websocket, _ = await accepted(frame(long), frame(long[:-1]))
    assert await websocket.receive_json(mode=mode) == json.loads(long)
    with pytest.raises(MalformedFrame) as caught:
        await websocket.receive_json(mode=mode)
    assert (caught.value.pos, caught.value.code) == (len(long) - 1, 1003)


async def test_a_frame_that_is_not_json_says_where():
    websocket, _ = await accepted(text('{"a": x}'))
    with pytest.raises(MalformedFrame) as caught:
        await websocket.receive_json()
    assert (caught.value.doc, caught.value.pos, caught.value.lineno, caught.value.colno) == ('{"a": x}', 6, 1, 7)
    assert caught.value.code == 1003


async def test_a_subclass_with_a_send_of_its_own_is_asked_for_every_frame():
    seen = []

    class Own(WebSocket):
        async def send(self, message):
            seen.append(message["type"])
            await super().send(message)

    server = Server()
    websocket = Own(server.websocket.scope, server.receive, server.send)
    await websocket.accept()
    await websocket.send_text("a")
    assert seen == ["websocket.accept", "websocket.send"]
    assert server.sent[-1] == {"type": "websocket.send", "text": "a"}
