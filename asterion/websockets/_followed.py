"""What an application has sent on a WebSocket, told to another WebSocket object over the same connection."""

from collections.abc import Awaitable

from asterion.types import Message, Send
from asterion.websockets._websocket import WebSocket, WebSocketState

_STATE_AFTER = {
    "websocket.accept": WebSocketState.CONNECTED,
    "websocket.close": WebSocketState.DISCONNECTED,
    "websocket.http.response.start": WebSocketState.RESPONSE,
}


class FollowedSend:
    """A `send` that keeps `websocket` up to date, so that an exception handler knows what it still may do with it."""

    def __init__(self, websocket: WebSocket, send: Send) -> None:
        self._websocket = websocket
        self._send = send

    def send(self, message: Message) -> Awaitable[None]:
        """Send the message and note what state it leads to."""
        # PERF(benchmarks/websocket_echo): a frame leads to no other state.
        return self._send(message) if message["type"] == "websocket.send" else self._follow(message)

    async def _follow(self, message: Message) -> None:
        await self._send(message)
        self._websocket.application_state = _STATE_AFTER.get(message["type"], self._websocket.application_state)
