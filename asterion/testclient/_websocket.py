"""The test's end of a WebSocket: the logic behind both kinds of session.

Laws: nothing here hangs. `receive` gives the application's next message, raises what the application raised, says that
the application has returned, or gives up after `timeout` seconds. Leaving the session disconnects, and then waits for
the application, so that what it does on a disconnect is done when the `with` block is over.
"""

import json
from typing import Any

from asterion._core.conformance import Conformance, ConformanceError
from asterion.testclient._conversation import Conversation
from asterion.testclient._faces import Door
from asterion.testclient._httpx import httpx
from asterion.testclient._settings import Settings, refuses_after_leaving
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


class SessionCore:
    """What the two kinds of session share: `app`, `scope`, the limits, and the conversation once it is open.

    Its coroutines await nothing but the door they are opened with.
    """

    def __init__(self, app: ASGIApp, scope: Scope, *, timeout: float, grace: float, strict: bool) -> None:
        self.app = app
        self.scope = scope
        self.timeout = timeout
        self.grace = grace
        self.accepted_subprotocol: str | None = None
        self.extra_headers: list[tuple[bytes, bytes]] | None = None
        self.strict = strict
        self._talk: Conversation | None = None
        self._closed: WebSocketDisconnect | None = None
        self._left = False

    # --- opening and leaving -----------------------------------------------------------------------------------------

    async def _open(self, door: Door) -> None:
        self._door = door
        self._judge = Conformance(self.scope, strict=self.strict)
        refuses = refuses_after_leaving(self.scope.get("asgi", {}).get("spec_version", "2.0"))
        self._talk = Conversation(
            self.app,
            self.scope,
            inbox=[{"type": "websocket.connect"}],
            gone={"type": "websocket.disconnect", "code": 1006, "reason": ""},
            judge=self._judge,
            # A server drops a close that crosses the client's own; data for a client that left is an error.
            refuse=lambda message: refuses and message["type"] != "websocket.close",
        )
        door.start(self._talk.run)
        try:
            await self._answered(await self._receive())
        except BaseException as error:
            await self._end(error)
            raise

    async def _answered(self, message: Message) -> None:
        """Take the application's answer to the handshake."""
        kind = message["type"]
        if kind == "websocket.accept":
            self.accepted_subprotocol = message.get("subprotocol")
            self.extra_headers = [(bytes(name), bytes(value)) for name, value in message.get("headers") or ()]
        elif kind == "websocket.close":
            raise _disconnect(message)
        elif kind == "websocket.http.response.start":
            raise await self._denial(message)
        else:
            raise ConformanceError(
                "does not answer a handshake",
                message=kind,
                expected="'websocket.accept', 'websocket.close' or, where the server offers the extension, "
                "'websocket.http.response.start'",
            )

    async def _denial(self, start: Message) -> WebSocketDenialResponse:
        parts = []
        more = True
        while more:
            message = await self._receive()
            parts.append(bytes(message.get("body", b"")))
            more = message.get("more_body", False)
        return WebSocketDenialResponse(start["status"], headers=start.get("headers"), content=b"".join(parts))

    async def _end(self, error: BaseException | None) -> None:
        """Leave because of `error`, or because the test is done. Raises what the application raised, if it is news."""
        talk, self._talk = self._talk, None
        if talk is None:
            return
        if not self._left:
            await self._door.call(talk.give, {"type": "websocket.disconnect", "code": 1000, "reason": ""})
        failure = await self._door.call(talk.finish, self.grace)
        if failure is None and error is None:
            failure = self._judge.mistake
        if failure is None or failure is error:
            return
        if error is not None and isinstance(failure, WebSocketDisconnect):
            return  # the application ended because the test left, and the test left because of `error`
        raise failure

    # --- messages ----------------------------------------------------------------------------------------------------

    async def _send(self, message: Message) -> None:
        talk = self._running()
        if talk.over and talk.error is not None:
            raise talk.error
        await self._door.call(talk.give, message)

    async def _send_json(self, data: Any, mode: str) -> None:
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
        await self._send(frame("bytes", text.encode("utf-8")) if _binary(mode) else frame("text", text))

    async def _close(self, code: int, reason: str | None) -> None:
        if self._left:
            return
        self._left = True
        talk = self._running()
        await self._door.call(talk.give, {"type": "websocket.disconnect", "code": code, "reason": reason})
        await self._door.call(talk.leave)

    async def _receive(self, timeout: float | None = None) -> Message:
        talk = self._running()
        seconds = self.timeout if timeout is None else timeout
        try:
            message = await self._door.call(talk.take, seconds)
        except TimeoutError:
            raise ReceiveTimeout(
                f"the application has sent nothing for {seconds} seconds and is still running: if it needs longer, "
                "call receive(timeout=...) or set client.settings.websocket_timeout"
            ) from None
        if message is not None:
            return message
        if talk.error is not None:
            raise talk.error
        self._judge.finish()
        raise ApplicationReturned(
            "the application has returned without sending another message, so there is nothing to receive"
        )

    async def _receive_field(self, field: str, timeout: float | None) -> Any:
        """The next frame's `text` or `bytes`."""
        if self._closed is not None:
            raise self._closed
        message = await self._receive(timeout)
        if message["type"] == "websocket.close":
            self._closed = _disconnect(message)
            raise self._closed
        data = message.get(field)
        if data is None:
            other = "receive_bytes()" if field == "text" else "receive_text()"
            raise WrongFrame(f"a frame with {field!r} was expected, not {dict(message)!r}: call {other} for that one")
        return data if field == "text" else bytes(data)

    async def _receive_json(self, mode: str, timeout: float | None) -> Any:
        data = await self._receive_field("bytes" if _binary(mode) else "text", timeout)
        return json.loads(data.decode("utf-8") if isinstance(data, bytes) else data)

    def _running(self) -> Conversation:
        if self._talk is None:
            raise RuntimeError(
                "the WebSocket session is not open: use it inside `with client.websocket_connect(...) as websocket:` "
                "(`async with` on an AsyncTestClient)"
            )
        return self._talk


def limits(settings: Settings) -> dict[str, Any]:
    """A session's limits, as its constructor takes them."""
    return {"timeout": settings.websocket_timeout, "grace": settings.leave_grace, "strict": settings.strict}


def frame(field: str, data: str | bytes) -> Message:
    """A frame that carries `data` as its "text" or "bytes"."""
    return {"type": "websocket.receive", field: data}


def _disconnect(message: Message) -> WebSocketDisconnect:
    return WebSocketDisconnect(message.get("code", 1000), message.get("reason") or "")


def _binary(mode: str) -> bool:
    if mode not in ("text", "binary"):
        raise ValueError(f"mode is 'text' or 'binary', not {mode!r}")
    return mode == "binary"
