"""What comes from the client of a WebSocket: frames, and the end; and the exceptions that tell what was wrong."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from asterion._core.jsonbody import AT_ONCE, parse_json, parse_json_slices
from asterion.concurrency import in_turns
from asterion.exceptions import WebSocketException
from asterion.types import Message

T = TypeVar("T")

UNSUPPORTED_DATA = 1003
"""Close code for a frame the application cannot use (RFC 6455 section 7.4.1)."""

MESSAGE_TOO_BIG = 1009
"""Close code for a message that is too big to process (RFC 6455 section 7.4.1)."""


class WebSocketDisconnect(Exception):
    """The client has left, with this close code and reason (1006: it vanished)."""

    def __init__(self, code: int = 1000, reason: str | None = None) -> None:
        super().__init__(code, reason or "")
        self.code = code
        self.reason = reason or ""

    def __str__(self) -> str:
        return f"the WebSocket is disconnected with code {self.code}" + (f": {self.reason}" if self.reason else "")


class WebSocketDisconnected(RuntimeError):
    """A message was sent or awaited on a WebSocket that is closed already."""


class ClientHasLeft(WebSocketDisconnect, WebSocketDisconnected):
    """A message for a client that an earlier `send` found gone: both a disconnect and a message on a closed WebSocket.

    Somebody else's `send` may have found it (a chat room), so code that only catches `WebSocketDisconnect` is right.
    """


class UnexpectedFrame(WebSocketException, RuntimeError, KeyError):
    """A text frame came where a binary one is expected, or the other way round: close code 1003.

    A `KeyError` and a `RuntimeError` too, because that is what code written for Starlette catches.
    """

    __str__ = WebSocketException.__str__


class MalformedFrame(WebSocketException, RuntimeError, json.JSONDecodeError):
    """A frame that should be JSON is not: close code 1003. Also the `json.JSONDecodeError` it comes from."""

    __str__ = WebSocketException.__str__
    __reduce__ = WebSocketException.__reduce__

    def __init__(self, code: int, reason: str, doc: str = "", pos: int = 0) -> None:
        json.JSONDecodeError.__init__(self, reason, doc, pos)
        WebSocketException.__init__(self, code, reason)


class FrameTooLarge(WebSocketException):
    """A message came that is larger than the application's policy `websocket_message_size`: close code 1009."""


class Frames(Generic[T]):
    """An async iterator over what `receive` gives, which ends when the client leaves.

    A class, not an async generator: a loop over it can be left at any time and leaves nothing to clean up.
    """

    __slots__ = ("_receive",)

    def __init__(self, receive: Callable[[], Awaitable[T]]) -> None:
        self._receive = receive

    def __aiter__(self) -> "Frames[T]":
        return self

    async def __anext__(self) -> T:
        try:
            return await self._receive()
        except WebSocketDisconnect:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        """Nothing to do; for code that closes its iterators."""


def disconnect_of(message: Message) -> WebSocketDisconnect:
    """The exception that a `websocket.disconnect` message stands for (no code means 1005, RFC 6455 7.1.5)."""
    return WebSocketDisconnect(message.get("code") or 1005, message.get("reason"))


def check_size(message: Message, limit: int | None) -> None:
    """Raise `FrameTooLarge` for a message with more than `limit` bytes of data; text is counted in UTF-8."""
    if limit is None:
        return
    text, data = message.get("text"), message.get("bytes")
    size = len(data or b"") if text is None else len(text)
    # A character has one to four bytes: text is encoded only where that decides.
    if text is not None and size <= limit < 4 * size and not text.isascii():
        size = len(text.encode("utf-8", "surrogatepass"))
    if size > limit:
        raise FrameTooLarge(MESSAGE_TOO_BIG, f"more than {limit} bytes (websocket_message_size)")


def frame_of(message: Message, field: str) -> Any:
    """The data of a `websocket.receive` message. Raises `UnexpectedFrame` when it is of the other type."""
    data = message.get(field)
    if data is None:
        wanted, got = ("text", "binary") if field == "text" else ("binary", "text")
        raise UnexpectedFrame(UNSUPPORTED_DATA, f"expected a {wanted} frame, got a {got} one")
    return data


async def read_json(data: str | bytes, max_depth: int | None = None) -> Any:
    """The value of a frame that holds JSON. While a long one is read, other tasks have their turns.

    Raises `MalformedFrame`, also for more than `max_depth` lists and objects within each other.
    """
    body = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data)
    try:
        if len(body) > AT_ONCE:
            return await in_turns(parse_json_slices(body, max_depth))
        return parse_json(body, max_depth)
    except json.JSONDecodeError as error:
        reason = f"expected JSON: {error.msg} at character {error.pos}"
        raise MalformedFrame(UNSUPPORTED_DATA, reason, error.doc, error.pos) from error
