"""The WebSocket session of a test on the event loop. The logic is in `asterion.testclient._websocket`."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Literal, Self

from asterion.testclient._faces import OnLoop
from asterion.testclient._settings import Settings
from asterion.testclient._websocket import SessionCore, frame, limits
from asterion.types import ASGIApp, Message, Scope


class AsyncWebSocketTestSession(SessionCore):
    """A WebSocket connection to `app`, opened by entering it with `async with`.

    `handshake` is awaited then, and gives the scope. `timeout` is the longest that a `receive` waits, in seconds.
    `grace` is how long, in seconds, the application may take to end after the test has left; then it is cancelled.

    Once entered, `accepted_subprotocol` and `extra_headers` (raw pairs) say what the application accepted with.
    Entering raises `WebSocketDisconnect` when the application refused by closing, `WebSocketDenialResponse` when it
    refused with an HTTP response, and whatever the application raised.
    """

    def __init__(self, app: ASGIApp, handshake: Callable[[], Awaitable[Scope]], settings: Settings) -> None:
        super().__init__(app, {"type": "websocket"}, **limits(settings))
        self._handshake = handshake

    async def __aenter__(self) -> Self:
        self.scope = await self._handshake()
        await self._open(OnLoop())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._end(error)

    # --- messages to the application ---------------------------------------------------------------------------------

    async def send(self, message: Message) -> None:
        """As `WebSocketTestSession.send`."""
        await self._send(message)

    async def send_text(self, data: str) -> None:
        """As `WebSocketTestSession.send_text`."""
        await self._send(frame("text", data))

    async def send_bytes(self, data: bytes) -> None:
        """As `WebSocketTestSession.send_bytes`."""
        await self._send(frame("bytes", data))

    async def send_json(self, data: Any, mode: Literal["text", "binary"] = "text") -> None:
        """As `WebSocketTestSession.send_json`."""
        await self._send_json(data, mode)

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """As `WebSocketTestSession.close`."""
        await self._close(code, reason)

    # --- messages of the application ---------------------------------------------------------------------------------

    async def receive(self, timeout: float | None = None) -> Message:
        """As `WebSocketTestSession.receive`."""
        return await self._receive(timeout)

    async def receive_text(self, timeout: float | None = None) -> str:
        """As `WebSocketTestSession.receive_text`."""
        text: str = await self._receive_field("text", timeout)
        return text

    async def receive_bytes(self, timeout: float | None = None) -> bytes:
        """As `WebSocketTestSession.receive_bytes`."""
        data: bytes = await self._receive_field("bytes", timeout)
        return data

    async def receive_json(self, mode: Literal["text", "binary"] = "text", timeout: float | None = None) -> Any:
        """As `WebSocketTestSession.receive_json`."""
        return await self._receive_json(mode, timeout)
