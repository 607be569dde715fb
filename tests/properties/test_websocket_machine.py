"""A WebSocket in any order of moves of application, server and client, against a model of its two states.

Laws: what reaches the server is a legal conversation; a move in the wrong state raises the same error whatever came
before; a frame is never lost or given twice; nobody waits for a client that has left.
"""

import json
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterion._core.conformance import Conformance
from asterion.testclient import TestClient
from asterion.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from tests.properties.profiles import steady

pytestmark = pytest.mark.anyio

FRAMES = st.sampled_from(["a", "[1]", b"b", b'{"k":2}'])
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("client sends"), FRAMES),
        st.tuples(
            st.sampled_from(
                [
                    "client leaves",
                    "accept",
                    "accept",
                    "close",
                    "receive_text",
                    "receive_bytes",
                    "receive_json",
                    "receive",
                ]
            ),
            st.none(),
        ),
        st.tuples(st.sampled_from(["send_text", "send_json"]), st.just("x")),
        st.tuples(st.just("send_bytes"), st.just(b"x")),
    ),
    max_size=14,
)
RAISED = (RuntimeError, WebSocketDisconnect)
CONNECTING, OPEN, OVER = WebSocketState.CONNECTING, WebSocketState.CONNECTED, WebSocketState.DISCONNECTED


class Server:
    """The server's side: what the client sends arrives here; sending to one that has left is an OSError."""

    def __init__(self) -> None:
        self.scope: dict[str, Any] = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "path": "/",
            "headers": [],
            "subprotocols": [],
        }
        self.judge = Conformance(self.scope)
        self.waiting: list[dict[str, Any]] = [{"type": "websocket.connect"}]
        self.sent: list[dict[str, Any]] = []
        self.left = False

    async def receive(self) -> dict[str, Any]:
        if not self.waiting:
            raise anyio.WouldBlock
        message = self.waiting.pop(0)
        self.judge.told(message)
        return message

    async def send(self, message: dict[str, Any]) -> None:
        self.judge.check(message)
        if self.left:
            self.judge.left()
            raise OSError("the client has left")
        self.sent.append(message)

    def client(self, move: str, frame: Any) -> None:
        """A move of the client."""
        if self.left:
            return
        if move == "client leaves":
            self.left = True
            self.waiting.append({"type": "websocket.disconnect", "code": 1001})
        elif any(message["type"] == "websocket.accept" for message in self.sent):
            field = "text" if isinstance(frame, str) else "bytes"
            self.waiting.append({"type": "websocket.receive", field: frame})


class Model:
    """Both states, as the documentation has them."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.client = self.application = CONNECTING
        self.noticed = False  # a send has found that the client left

    def take(self) -> dict[str, Any]:
        if self.client is OVER:
            raise RuntimeError
        if not self.server.waiting:
            raise anyio.WouldBlock
        message = self.server.waiting[0]
        if message["type"] == "websocket.disconnect" and self.client is CONNECTING:
            raise RuntimeError
        self.client = OVER if message["type"] == "websocket.disconnect" else OPEN
        return message

    def frame(self, move: str) -> Any:
        if self.application is not OPEN and not (self.noticed and self.client is OPEN):
            raise RuntimeError
        message = self.take()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(1001)
        field = "bytes" if move == "receive_bytes" else "text"
        if field not in message:
            raise RuntimeError
        if move == "receive_json":
            try:
                return json.loads(message[field])
            except ValueError:
                raise RuntimeError from None
        return message[field]

    def give(self, needed: WebSocketState, following: WebSocketState) -> None:
        if self.application is not needed:
            raise WebSocketDisconnect(1006) if self.noticed else RuntimeError
        self.noticed = self.server.left
        self.application = OVER if self.server.left else following
        if self.server.left:
            raise WebSocketDisconnect(1006)

    def move(self, name: str) -> Any:
        if name == "accept":
            if self.client is CONNECTING:
                self.take()
            return self.give(CONNECTING, OPEN)
        if name.startswith("send"):
            return self.give(OPEN, OPEN)
        if name == "close":
            if self.application is OVER or self.client is OVER:
                self.application = OVER
                return None
            self.application, self.noticed = OVER, self.server.left
            return None
        return self.take() if name == "receive" else self.frame(name)


def kind_of(error: Exception) -> Any:
    """What matters of an error: that it is the client's leaving, with its code, or a move in the wrong state."""
    return (WebSocketDisconnect, error.code) if isinstance(error, WebSocketDisconnect) else RuntimeError


@given(MOVES)
@steady(150)
async def test_a_websocket_does_what_the_model_says_in_every_order_of_moves(moves: list[tuple[str, Any]]) -> None:
    server = Server()
    websocket, model = WebSocket(server.scope, server.receive, server.send), Model(server)
    for name, value in moves:
        if name.startswith("client"):
            server.client(name, value)
            continue
        try:
            wanted = model.move(name)
        except (*RAISED, anyio.WouldBlock) as error:
            wanted = anyio.WouldBlock if isinstance(error, anyio.WouldBlock) else kind_of(error)
        try:
            found = await getattr(websocket, name)(*([] if value is None else [value]))
        except anyio.WouldBlock:
            found = anyio.WouldBlock
        except RAISED as error:
            found = kind_of(error)
        assert found == wanted
        assert (websocket.application_state, websocket.client_state) == (model.application, model.client)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Give every frame back as it came; close with 4000 after an empty text."""
    websocket = WebSocket(scope, receive, send)
    await websocket.accept()
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("text") == "":
                await websocket.close(4000, "asked to")
                return
            await websocket.send({**message, "type": "websocket.send"})
    except WebSocketDisconnect:
        return


@given(st.lists(FRAMES, max_size=6), st.sampled_from(["client", "server", "leaves"]))
@steady(15)
def test_frames_pass_between_the_test_client_and_an_application_in_order(frames: list[Any], who_ends: str) -> None:
    with TestClient(echo).websocket_connect("/") as session:
        for frame in frames:
            session.send_text(frame) if isinstance(frame, str) else session.send_bytes(frame)
        for frame in frames:
            assert (session.receive_text() if isinstance(frame, str) else session.receive_bytes()) == frame
        if who_ends == "client":
            session.close(1001)
        elif who_ends == "server":
            session.send_text("")
            with pytest.raises(WebSocketDisconnect) as caught:
                session.receive_text()
            assert (caught.value.code, caught.value.reason) == (4000, "asked to")
