"""The test's end of a WebSocket.

Laws: `receive` never hangs. It gives the application's next message, raises what the application raised, says that the
application has returned, or gives up after `timeout` seconds. Leaving the session disconnects, and then waits for the
application, so that what it does on a disconnect is done when the `with` block is over.
"""

import json
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Literal, Self

from anyio.from_thread import BlockingPortal

from asterion.testclient._conversation import Conversation
from asterion.testclient._httpx import httpx
from asterion.testclient._settings import refuses_after_leaving
from asterion.testclient.conformance import Conformance, ConformanceError
from asterion.types import ASGIApp, Message, Scope
from asterion.websockets import WebSocketDisconnect


class NothingToReceive(AssertionError):
    """The test waits for a message that the application does not send."""


class ApplicationReturned(NothingToReceive):
    """The application has returned without another message."""


class ReceiveTimeout(NothingToReceive, TimeoutError):
    """The application is still running and has sent nothing for as long as the test was ready to wait."""


class WrongFrame(AssertionError, KeyError):
    """The application sent a text frame where the test asked for a binary one, or the other way round."""

    __str__ = Exception.__str__


class WebSocketDenialResponse(httpx.Response, WebSocketDisconnect):  # type: ignore[misc]
    """The HTTP response with which the application refused the handshake: a response, and raised.

    `code` is 1006, which is what a browser reports for a refused handshake (RFC 6455 section 7.1.5).
    """

    def __init__(self, status_code: int, *, headers: Any = None, content: bytes = b"") -> None:
        httpx.Response.__init__(self, status_code, headers=headers, content=content)
        self.code = 1006
        self.reason = f"the handshake was answered with HTTP status {status_code}"

    def __str__(self) -> str:
        return self.reason


class WebSocketTestSession:
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
        self.app = app
        self.scope = scope
        self.portal_factory = portal_factory
        self.timeout = timeout
        self.grace = grace
        self.accepted_subprotocol: str | None = None
        self.extra_headers: list[tuple[bytes, bytes]] | None = None
        self._conformance = Conformance(scope, strict=strict)
        self._talk: Conversation | None = None
        self._closed: WebSocketDisconnect | None = None
        self._left = False

    # --- opening and leaving -----------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._holder = self.portal_factory()
        self._portal = self._holder.__enter__()
        spec_version = self.scope.get("asgi", {}).get("spec_version", "2.0")
        refuses = refuses_after_leaving(spec_version)
        self._talk = Conversation(
            self.app,
            self.scope,
            inbox=[{"type": "websocket.connect"}],
            gone={"type": "websocket.disconnect", "code": 1006, "reason": ""},
            check=self._conformance.check,
            # A server drops a close that crosses the client's own; data for a client that left is an error.
            refuse=lambda message: refuses and message["type"] != "websocket.close",
        )
        try:
            self._portal.start_task_soon(self._talk.run)
            self._open(self.receive())
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def _open(self, message: Message) -> None:
        """Take the application's answer to the handshake."""
        kind = message["type"]
        if kind == "websocket.accept":
            self.accepted_subprotocol = message.get("subprotocol")
            self.extra_headers = [(bytes(name), bytes(value)) for name, value in message.get("headers") or ()]
        elif kind == "websocket.close":
            raise _disconnect(message)
        elif kind == "websocket.http.response.start":
            raise self._denial(message)
        else:
            raise ConformanceError(
                f"{kind!r} does not answer a handshake: send 'websocket.accept', 'websocket.close' or, where the "
                "server offers the extension, 'websocket.http.response.start'"
            )

    def _denial(self, start: Message) -> WebSocketDenialResponse:
        parts = []
        more = True
        while more:
            message = self.receive()
            parts.append(bytes(message.get("body", b"")))
            more = message.get("more_body", False)
        return WebSocketDenialResponse(start["status"], headers=start.get("headers"), content=b"".join(parts))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        talk = self._talk
        if talk is None:
            return
        self._talk = None
        try:
            if not self._left:
                self._portal.call(talk.give, {"type": "websocket.disconnect", "code": 1000, "reason": ""})
            failure = self._portal.call(talk.finish, self.grace)
        finally:
            self._holder.__exit__(None, None, None)
        if failure is None and error is None:
            failure = self._conformance.mistake
        if failure is None or failure is error:
            return
        if error is not None and isinstance(failure, WebSocketDisconnect):
            return  # the application ended because the test left, and the test left because of `error`
        raise failure

    # --- messages to the application ---------------------------------------------------------------------------------

    def send(self, message: Message) -> None:
        """Give the application a raw ASGI message. Raises what the application raised if it has failed already."""
        talk = self._running()
        if talk.over and talk.error is not None:
            raise talk.error
        self._portal.call(talk.give, message)

    def send_text(self, data: str) -> None:
        """Send a text frame."""
        self.send({"type": "websocket.receive", "text": data})

    def send_bytes(self, data: bytes) -> None:
        """Send a binary frame."""
        self.send({"type": "websocket.receive", "bytes": data})

    def send_json(self, data: Any, mode: Literal["text", "binary"] = "text") -> None:
        """Send `data` as JSON, in a text frame or, as UTF-8, in a binary one."""
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
        if _binary(mode):
            self.send_bytes(text.encode("utf-8"))
        else:
            self.send_text(text)

    def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Close the connection from the test's side. Harmless the second time."""
        if self._left:
            return
        self._left = True
        talk = self._running()
        self._portal.call(talk.give, {"type": "websocket.disconnect", "code": code, "reason": reason})
        self._portal.call(talk.leave)

    # --- messages of the application ---------------------------------------------------------------------------------

    def receive(self, timeout: float | None = None) -> Message:
        """The application's next raw ASGI message.

        Waits `timeout` seconds at most, or the session's own `timeout`. Raises what the application raised,
        `ApplicationReturned` when it ended without another message, `ReceiveTimeout` when it is silent.
        """
        talk = self._running()
        seconds = self.timeout if timeout is None else timeout
        try:
            message = self._portal.call(talk.take, seconds)
        except TimeoutError:
            raise ReceiveTimeout(
                f"the application has sent nothing for {seconds} seconds and is still running: if it needs longer, "
                "call receive(timeout=...) or set client.settings.websocket_timeout"
            ) from None
        if message is not None:
            return message
        if talk.error is not None:
            raise talk.error
        raise ApplicationReturned(
            "the application has returned without sending another message, so there is nothing to receive"
        )

    def receive_text(self) -> str:
        """The text of the next frame. Raises `WebSocketDisconnect` if the application closed, `WrongFrame` on data."""
        text: str = self._frame("text", "receive_bytes()")
        return text

    def receive_bytes(self) -> bytes:
        """The data of the next frame. Raises `WebSocketDisconnect` if the application closed, `WrongFrame` on text."""
        return bytes(self._frame("bytes", "receive_text()"))

    def receive_json(self, mode: Literal["text", "binary"] = "text") -> Any:
        """The next frame, read as JSON. Raises as `receive_text`, and `json.JSONDecodeError`."""
        return json.loads(self.receive_bytes().decode("utf-8") if _binary(mode) else self.receive_text())

    def _frame(self, field: str, other: str) -> Any:
        if self._closed is not None:
            raise self._closed
        message = self.receive()
        if message["type"] == "websocket.close":
            self._closed = _disconnect(message)
            raise self._closed
        data = message.get(field)
        if data is None:
            raise WrongFrame(f"a frame with {field!r} was expected, not {dict(message)!r}: call {other} for that one")
        return data

    def _running(self) -> Conversation:
        if self._talk is None:
            raise RuntimeError(
                "the WebSocket session is not open: use it inside `with client.websocket_connect(...) as websocket:`"
            )
        return self._talk


def offer(headers: MutableMapping[str, str], subprotocols: Sequence[str] | None) -> None:
    """Add to `headers` what a WebSocket handshake says of itself, unless it is there."""
    headers.setdefault("connection", "upgrade")
    headers.setdefault("sec-websocket-key", "testserver==")
    headers.setdefault("sec-websocket-version", "13")
    if subprotocols:
        headers.setdefault("sec-websocket-protocol", ", ".join(subprotocols))


def _disconnect(message: Message) -> WebSocketDisconnect:
    return WebSocketDisconnect(message.get("code", 1000), message.get("reason") or "")


def _binary(mode: str) -> bool:
    if mode not in ("text", "binary"):
        raise ValueError(f"mode is 'text' or 'binary', not {mode!r}")
    return mode == "binary"
