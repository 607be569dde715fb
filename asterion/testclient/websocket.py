"""The WebSocket session of a test beside the event loop. The logic is in `asterion.testclient._websocket`."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Literal, Self

from anyio.from_thread import BlockingPortal

from asterion.testclient._faces import Beside, at_once
from asterion.testclient._websocket import SessionCore, frame
from asterion.types import ASGIApp, Message, Scope


class WebSocketTestSession(SessionCore):
    """A WebSocket connection to `app`, opened by entering it as a context.

    `portal_factory` gives a context with the portal of the event loop to use. `timeout` is the longest that a `receive`
    waits, in seconds. `grace` is how long, in seconds, the application may take to end after the test has left; then
    it is cancelled. `strict` judges the application's messages by `Conformance`.

    Once entered, `accepted_subprotocol` and `extra_headers` (raw pairs) say what the application accepted with.
    Entering raises `WebSocketDisconnect` when the application refused by closing, `WebSocketDenialResponse` when it
    refused with an HTTP response, and whatever the application raised.
    """

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        portal_factory: Callable[[], AbstractContextManager[BlockingPortal]],
        *,
        timeout: float = 5.0,
        grace: float = 1.0,
        strict: bool = False,
    ) -> None:
        super().__init__(app, scope, timeout=timeout, grace=grace, strict=strict)
        self.portal_factory = portal_factory

    def __enter__(self) -> Self:
        self._holder = self.portal_factory()
        door = Beside(self._holder.__enter__())
        try:
            at_once(self._open(door))
        except BaseException:
            self._holder.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._talk is None:
            return
        try:
            at_once(self._end(error))
        finally:
            self._holder.__exit__(None, None, None)

    # --- messages to the application ---------------------------------------------------------------------------------

    def send(self, message: Message) -> None:
        """Give the application a raw ASGI message. Raises what the application raised if it has failed already."""
        at_once(self._send(message))

    def send_text(self, data: str) -> None:
        """Send a text frame."""
        at_once(self._send(frame("text", data)))

    def send_bytes(self, data: bytes) -> None:
        """Send a binary frame."""
        at_once(self._send(frame("bytes", data)))

    def send_json(self, data: Any, mode: Literal["text", "binary"] = "text") -> None:
        """Send `data` as JSON, in a text frame or, as UTF-8, in a binary one."""
        at_once(self._send_json(data, mode))

    def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Close the connection from the test's side. Harmless the second time."""
        at_once(self._close(code, reason))

    # --- messages of the application ---------------------------------------------------------------------------------

    def receive(self, timeout: float | None = None) -> Message:
        """The application's next raw ASGI message.

        Waits `timeout` seconds at most, or the session's own `timeout`. Raises what the application raised,
        `ApplicationReturned` when it ended without another message, `ReceiveTimeout` when it is silent.
        """
        return at_once(self._receive(timeout))

    def receive_text(self, timeout: float | None = None) -> str:
        """The text of the next frame. Raises as `receive`.

        And `WebSocketDisconnect` if the application closed, `WrongFrame` if the frame is a binary one.
        """
        text: str = at_once(self._receive_field("text", timeout))
        return text

    def receive_bytes(self, timeout: float | None = None) -> bytes:
        """The data of the next frame. Raises as `receive_text`, with `WrongFrame` if it is a text frame."""
        data: bytes = at_once(self._receive_field("bytes", timeout))
        return data

    def receive_json(self, mode: Literal["text", "binary"] = "text", timeout: float | None = None) -> Any:
        """The next frame, read as JSON. Raises as `receive_text`, and `json.JSONDecodeError`."""
        return at_once(self._receive_json(mode, timeout))
