"""A WebSocket as an application sees it.

Laws: what may be sent and received in which state is one table; a call in the wrong state is a `RuntimeError` that
names the state and the call to make. A client that leaves is a `WebSocketDisconnect`, wherever it is noticed. A frame
that the application cannot use is the client's fault: a `WebSocketException` with close code 1003, which closes the
connection and is no server error. Closing twice, or closing after the client has left, is harmless.
"""

import enum
import json
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Literal, NoReturn

from asterion._core.jsoncodec import JSON, STANDARD
from asterion._core.policies import policies_of
from asterion.requests import HTTPConnection
from asterion.types import Message, Receive, Scope, Send
from asterion.websockets._frames import (
    ClientHasLeft,
    Frames,
    WebSocketDisconnect,
    WebSocketDisconnected,
    check_size,
    disconnect_of,
    frame_of,
    read_json,
)

DENIAL = "websocket.http.response"
"""The extension by which a server lets a handshake be refused with an HTTP response."""


class WebSocketState(enum.Enum):
    """Where one side of a WebSocket stands."""

    CONNECTING = 0
    CONNECTED = 1
    DISCONNECTED = 2
    RESPONSE = 3


# (state, message type) -> state after it. What is not in here is not allowed.
_Table = dict[tuple[WebSocketState, str], WebSocketState]

_RECEIVED: _Table = {
    (WebSocketState.CONNECTING, "websocket.connect"): WebSocketState.CONNECTED,
    (WebSocketState.CONNECTED, "websocket.receive"): WebSocketState.CONNECTED,
    (WebSocketState.CONNECTED, "websocket.disconnect"): WebSocketState.DISCONNECTED,
}

_SENT: _Table = {
    (WebSocketState.CONNECTING, "websocket.accept"): WebSocketState.CONNECTED,
    (WebSocketState.CONNECTING, "websocket.close"): WebSocketState.DISCONNECTED,
    (WebSocketState.CONNECTING, f"{DENIAL}.start"): WebSocketState.RESPONSE,
    (WebSocketState.CONNECTED, "websocket.send"): WebSocketState.CONNECTED,
    (WebSocketState.CONNECTED, "websocket.close"): WebSocketState.DISCONNECTED,
    (WebSocketState.RESPONSE, f"{DENIAL}.body"): WebSocketState.RESPONSE,
}

_ADVICE = {
    WebSocketState.CONNECTING: "call accept() first (or close() to refuse the handshake)",
    WebSocketState.CONNECTED: "the handshake is done: send and receive data, or call close()",
    WebSocketState.DISCONNECTED: "the connection is over: nothing can be sent or received any more",
    WebSocketState.RESPONSE: "a denial response is being sent: only its body may follow",
}


class WebSocket(HTTPConnection):
    """One WebSocket connection, made from its scope, `receive` and `send`.

    `client_state` follows the messages received, `application_state` those sent.
    """

    _client_left = False  # a send has found it, in whichever task; `receive` may not have come to it yet
    _size_limit: int | None = None  # of a message, in bytes
    _short = 0  # characters of which no number of bytes is above the limit

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            raise RuntimeError(
                f"WebSocket needs a scope of type 'websocket', not {scope['type']!r}: use Request for HTTP requests"
            )
        super().__init__(scope)
        self._receive = receive
        self._send = send
        self.client_state = WebSocketState.CONNECTING
        self.application_state = WebSocketState.CONNECTING
        self._size_limit = limit = policies_of(scope).websocket_message_size
        self._short = sys.maxsize if limit is None else limit // 4

    # --- raw messages ------------------------------------------------------------------------------------------------

    async def receive(self) -> Message:
        """The next raw ASGI message.

        Raises `WebSocketDisconnected` after a disconnect was received, `RuntimeError` when the server sends what
        cannot come now, `FrameTooLarge` for more than the application's policy `websocket_message_size`.
        """
        if self.client_state is WebSocketState.DISCONNECTED:
            raise WebSocketDisconnected(
                "receive() was called on a WebSocket in state DISCONNECTED: the client's disconnect was received "
                "before, and nothing follows it; stop receiving when WebSocketDisconnect is raised"
            )
        message = await self._receive()
        self._note_received(message)
        check_size(message, self._size_limit)
        return message

    def _note_received(self, message: Message) -> None:
        following = _RECEIVED.get((self.client_state, message["type"]))
        if following is None:
            raise RuntimeError(
                f"the server sent {message['type']!r} to a WebSocket whose client is {self.client_state.name}; "
                "expected: " + " or ".join(kind for state, kind in _RECEIVED if state is self.client_state)
            )
        self.client_state = following

    async def send(self, message: Message) -> None:
        """Send a raw ASGI message.

        Raises `WebSocketDisconnect` with code 1006 when the client has left, `WebSocketDisconnected` after the
        connection was closed from this side, `RuntimeError` for a message that may not be sent now.
        """
        kind = message["type"]
        following = _SENT.get((self.application_state, kind))
        if following is None:
            self._out_of_turn(kind)
        if kind == f"{DENIAL}.body" and not message.get("more_body", False):
            following = WebSocketState.DISCONNECTED
        self.application_state = following
        try:
            await self._send(message)
        except OSError as error:
            self._client_left = True
            self.application_state = WebSocketState.DISCONNECTED
            raise WebSocketDisconnect(1006) from error

    def _out_of_turn(self, kind: str) -> NoReturn:
        if self._client_left:
            raise ClientHasLeft(1006)
        state = self.application_state
        error = WebSocketDisconnected if state is WebSocketState.DISCONNECTED else RuntimeError
        raise error(f"{kind!r} cannot be sent on a WebSocket in state {state.name}: {_ADVICE[state]}")

    # --- handshake ---------------------------------------------------------------------------------------------------

    async def accept(
        self, subprotocol: str | None = None, headers: Iterable[tuple[bytes, bytes]] | None = None
    ) -> None:
        """Accept the handshake, with one of the subprotocols the client offered and with more response headers.

        Raises as `send`, and `ValueError` for a header that would end its line (CR, LF, NUL).
        """
        raw = list(headers or ())
        for name, value in raw:
            if any(byte in b"\r\n\0" for byte in name + value):
                raise ValueError(f"header {name!r} of accept() has a CR, LF or NUL in its name or value: {value!r}")
        await self._connect()
        await self.send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": raw})

    async def send_denial_response(self, response: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        """Refuse the handshake with an HTTP `response`.

        Raises `RuntimeError` when the server does not offer the extension `websocket.http.response`; `close()` refuses
        on every server, with status 403.
        """
        if DENIAL not in (self.scope.get("extensions") or {}):
            raise RuntimeError(
                f"send_denial_response() needs the ASGI extension {DENIAL!r}, and this server offers "
                f"{sorted(self.scope.get('extensions') or {})}: call close() to refuse the handshake with status 403"
            )
        await self._connect()
        await response(self.scope, self.receive, self.send)

    async def _connect(self) -> None:
        """Take the `websocket.connect` that precedes any answer."""
        if self.client_state is WebSocketState.CONNECTING:
            await self.receive()

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Close the connection, or refuse the handshake if it was not accepted. Harmless when it is closed already.

        `code` and `reason` are those of RFC 6455 section 7.4; a reason has 123 bytes of UTF-8 at most.
        """
        if self.application_state is WebSocketState.DISCONNECTED:
            return
        if self.client_state is WebSocketState.DISCONNECTED:
            self.application_state = WebSocketState.DISCONNECTED
            return
        try:
            await self.send({"type": "websocket.close", "code": code, "reason": reason or ""})
        except WebSocketDisconnect:
            pass  # the client was faster: closed is what was wanted

    # --- frames ------------------------------------------------------------------------------------------------------

    async def receive_text(self) -> str:
        """The next frame, which must be text.

        Raises `WebSocketDisconnect` when the client left, `UnexpectedFrame` for a binary frame, `FrameTooLarge` for a
        message above the application's limit.
        """
        text: str
        # PERF(benchmarks/websocket_echo): both sides open, and `receive` the one of this class: then a frame needs
        # no look into the tables, and a coroutine less. In place, as a call for it costs as much as it saves.
        if (
            self.application_state is _CONNECTED
            and self.client_state is _CONNECTED
            and "receive" not in self.__dict__
            and type(self).receive is _RECEIVE
        ):
            message = await self._receive()
            if message["type"] == "websocket.receive":
                text = frame_of(message, "text")
                if len(text) > self._short:
                    check_size(message, self._size_limit)
                return text
            self._note_received(message)
            raise disconnect_of(message)
        text = await self._frame("text")
        return text

    async def receive_bytes(self) -> bytes:
        """The next frame, which must be binary. Raises as `receive_text`."""
        data: bytes = await self._frame("bytes")
        return data

    async def receive_json(self, mode: str = "text") -> Any:
        """The next frame, read as JSON from text or, with mode "binary", from UTF-8 bytes.

        Raises as `receive_text`, and `MalformedFrame` for what is not JSON, or nests deeper than the application's
        policy `json_depth`.
        """
        return await read_json(await self._frame(_field(mode)), policies_of(self.scope).json_depth)

    async def _frame(self, field: str) -> Any:
        # Where a send has found that the client left, the frames it sent before are still to come, and then its end.
        still_to_come = self._client_left and self.client_state is WebSocketState.CONNECTED
        if self.application_state is not WebSocketState.CONNECTED and not still_to_come:
            state = self.application_state
            error = WebSocketDisconnected if state is WebSocketState.DISCONNECTED else RuntimeError
            raise error(f"a frame cannot be received on a WebSocket in state {state.name}: {_ADVICE[state]}")
        message = await self.receive()
        if message["type"] == "websocket.disconnect":
            raise disconnect_of(message)
        return frame_of(message, field)

    def iter_text(self) -> "Frames[str]":
        """All text frames until the client leaves."""
        return Frames(self.receive_text)

    def iter_bytes(self) -> "Frames[bytes]":
        """All binary frames until the client leaves."""
        return Frames(self.receive_bytes)

    def iter_json(self) -> "Frames[Any]":
        """All frames, read as JSON text, until the client leaves."""
        return Frames(self.receive_json)

    async def send_text(self, data: str) -> None:
        """Send a text frame. Raises as `send`."""
        if (  # as `receive_text`; that the client has left is found by sending
            self.application_state is not _CONNECTED or "send" in self.__dict__ or type(self).send is not _SEND
        ):
            await self.send({"type": "websocket.send", "text": data})
            return
        try:
            await self._send({"type": "websocket.send", "text": data})
        except OSError as error:
            self._client_left = True
            self.application_state = WebSocketState.DISCONNECTED
            raise WebSocketDisconnect(1006) from error

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary frame. Raises as `send`."""
        await self.send({"type": "websocket.send", "bytes": data})

    async def send_json(self, data: Any, mode: str = "text") -> None:
        """Send `data` as compact JSON, in a text frame or, with mode "binary", as UTF-8 in a binary one."""
        field = _field(mode)
        codec = JSON.codec
        if codec is STANDARD:
            text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)  # with NaN, which peers in Python read
        else:
            text = codec.encode(data).decode("utf-8")
        await self.send({"type": "websocket.send", field: text if field == "text" else text.encode("utf-8")})


_CONNECTED = WebSocketState.CONNECTED
_RECEIVE, _SEND = WebSocket.receive, WebSocket.send


def _field(mode: str) -> Literal["text", "bytes"]:
    """The field of a message that JSON travels in."""
    if mode not in ("text", "binary"):
        raise RuntimeError(f"the mode of JSON frames is 'text' or 'binary', not {mode!r}")
    return "text" if mode == "text" else "bytes"
