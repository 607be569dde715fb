"""Class-based WebSocket endpoints: one method per event, frames decoded, and always told of the end."""

import anyio
import pytest

from asterion.applications import Asterion
from asterion.endpoints import WebSocketEndpoint
from asterion.routing import WebSocketRoute
from asterion.testclient import TestClient, WebSocketDisconnect


class Recording(WebSocketEndpoint):
    """Keeps its events in a list of the class."""

    events: list

    async def on_receive(self, websocket, data):
        self.events.append(data)
        await websocket.send_json(repr(data))

    async def on_disconnect(self, websocket, close_code):
        self.events.append(close_code)


@pytest.fixture
def endpoint():
    """`endpoint(**attributes)` is a recording endpoint class with these attributes."""
    return lambda **attributes: type("Endpoint", (Recording,), {"events": [], **attributes})


@pytest.fixture
def connect(anyio_backend):
    return lambda app: TestClient(app, backend=anyio_backend).websocket_connect("/")


@pytest.mark.parametrize(
    ("encoding", "send", "data"),
    [
        (None, lambda session: session.send_text("a"), "a"),
        (None, lambda session: session.send_bytes(b"a"), b"a"),
        ("text", lambda session: session.send_text("a"), "a"),
        ("bytes", lambda session: session.send_bytes(b"a"), b"a"),
        ("json", lambda session: session.send_json({"a": 1}), {"a": 1}),
        ("json", lambda session: session.send_json({"a": 1}, mode="binary"), {"a": 1}),
    ],
)
def test_frames_are_decoded_by_the_encoding(connect, endpoint, encoding, send, data):
    cls = endpoint(encoding=encoding)
    with connect(cls) as session:
        send(session)
        assert session.receive_json() == repr(data)
        session.close(4000)
    assert cls.events == [data, 4000]


WRONG = [
    ("text", lambda session: session.send_bytes(b"a"), "expected a text frame"),
    ("bytes", lambda session: session.send_text("a"), "expected a binary frame"),
    ("json", lambda session: session.send_text("{"), "expected JSON"),
    ("json", lambda session: session.send_bytes(b"\xff"), "expected JSON"),
]


@pytest.mark.parametrize(("encoding", "send", "words"), WRONG)
def test_a_frame_that_is_something_else_closes_with_1003(connect, endpoint, encoding, send, words):
    cls = endpoint(encoding=encoding)
    with connect(Asterion(routes=[WebSocketRoute("/", cls)])) as session:
        send(session)
        with pytest.raises(WebSocketDisconnect) as caught:
            session.receive_text()
    assert caught.value.code == 1003
    assert caught.value.reason.startswith(words)
    assert cls.events == [1003]


@pytest.mark.parametrize(("encoding", "send", "words"), WRONG)
def test_outside_of_an_application_it_is_also_raised(connect, endpoint, encoding, send, words):
    with pytest.raises(RuntimeError, match=words), connect(endpoint(encoding=encoding)) as session:
        send(session)


def test_an_encoding_that_does_not_exist_is_named(connect, endpoint):
    with pytest.raises(ValueError, match="encoding is 'xml'"), connect(endpoint(encoding="xml")) as session:
        session.send_text("a")


def test_the_client_that_leaves_is_reported_once(connect, endpoint):
    cls = endpoint()
    with connect(cls):
        pass
    assert cls.events == [1000]


def test_an_error_ends_with_on_disconnect_and_1011(connect, endpoint):
    async def on_receive(self, websocket, data):
        raise KeyError("broken")

    cls = endpoint(on_receive=on_receive)
    with pytest.raises(KeyError, match="broken"), connect(cls) as session:
        session.send_text("a")
    assert cls.events == [1011]


def test_a_cancelled_connection_is_told_to_the_end(anyio_backend, endpoint):
    async def on_receive(self, websocket, data):
        await anyio.sleep_forever()

    async def on_disconnect(self, websocket, close_code):
        await anyio.lowlevel.checkpoint()
        self.events.append(close_code)

    cls = endpoint(on_receive=on_receive, on_disconnect=on_disconnect)
    client = TestClient(cls, backend=anyio_backend)
    client.settings.leave_grace = 0.01
    with client.websocket_connect("/") as session:
        session.send_text("a")
    assert cls.events == [1011]


def test_events_may_be_sync(connect, endpoint):
    def on_disconnect(self, websocket, close_code):
        self.events.append(("sync", close_code))

    cls = endpoint(on_disconnect=on_disconnect)
    with connect(cls):
        pass
    assert cls.events == [("sync", 1000)]


def test_on_connect_may_choose_the_subprotocol_or_refuse(anyio_backend, endpoint):
    async def on_connect(self, websocket):
        if "good" in websocket.scope["subprotocols"]:
            await websocket.accept(subprotocol="good")
        else:
            await websocket.close(4001)

    cls = endpoint(on_connect=on_connect)
    client = TestClient(cls, backend=anyio_backend)
    with client.websocket_connect("/", subprotocols=["bad", "good"]) as session:
        assert session.accepted_subprotocol == "good"
    with pytest.raises(WebSocketDisconnect) as caught, client.websocket_connect("/"):
        pass
    assert caught.value.code == 4001
    assert cls.events == [1000, 1006]


def test_a_scope_of_http_is_refused_with_words():
    with pytest.raises(RuntimeError, match="Recording serves WebSockets, not a scope of type 'http'"):
        Recording({"type": "http"}, None, None)


@pytest.mark.anyio
async def test_an_endpoint_that_never_answers_the_handshake_is_told_of_the_end(endpoint):
    async def on_connect(self, websocket):
        """Neither accept nor close."""

    messages = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1005}])
    sent = []

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message)

    cls = endpoint(on_connect=on_connect)
    await cls({"type": "websocket", "path": "/", "headers": []}, receive, send)
    assert (cls.events, sent) == ([1005], [])
