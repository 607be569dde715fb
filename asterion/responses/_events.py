"""Server-sent events: a stream of small messages that a browser takes up again where it broke off.

What goes over the wire is the format of the HTML standard, 9.2 (https://html.spec.whatwg.org/multipage/server-sent-events.html).
A client that lost its connection comes back after a while with the id of the last event it got (`last_event_id`), so
that the stream goes on behind it. While there is no event, a comment now and then keeps proxies from giving the
connection up, and finds out that a client has gone whose machine never said so.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import anyio

from asterion.concurrency import Companion
from asterion.requests import HTTPConnection
from asterion.responses._streaming import ContentStream, StreamingResponse
from asterion.responses._watch import ClientWatch
from asterion.types import Message, Send

_HEARTBEAT = b":\n\n"


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event. `data` may have several lines; a client that gets no `event` calls it "message".

    `id` is what the client sends back as `Last-Event-ID`; "" makes it forget the one before. `retry` is how long it
    waits before it comes back, in milliseconds. `comment` is for people who look at the wire. Without `data`, a client
    takes note of `id` and `retry`, and no listener is called.

    Raises ValueError for an `event` or `id` with a line break in it, an `id` with NUL (clients would ignore it), and a
    negative `retry`.
    """

    data: str | None = None
    event: str | None = None
    id: str | None = None
    retry: int | None = None
    comment: str | None = None

    def __post_init__(self) -> None:
        for name, value, forbidden in (("event", self.event, "\r\n"), ("id", self.id, "\r\n\0")):
            if value is not None and any(character in value for character in forbidden):
                raise ValueError(f"the {name} of a server-sent event is one line, without NUL, got {value!r:.80}")
        _check_retry(self.retry)

    def encode(self) -> bytes:
        """The event as it goes over the wire, with the empty line at its end."""
        lines = [] if self.comment is None else [f": {line}" for line in _lines(self.comment)]
        for name, value in (("event", self.event), ("id", self.id), ("retry", self.retry)):
            if value is not None:
                lines.append(f"{name}: {value}")
        if self.data is not None:
            lines.extend(f"data: {line}" for line in _lines(self.data))
        return ("\n".join(lines) + "\n\n").encode()


class EventSourceResponse(StreamingResponse):
    """A stream of `ServerSentEvent`; a plain text in its place is the data of one.

    `ping` is after how many seconds without an event a comment is sent (None: never), `retry` what the client is told
    first: how long to wait before it comes back, in milliseconds. The source is not cancelled by either, and is closed
    when the client has gone, as with every StreamingResponse.

    A client comes back when the stream ends, too. To end it for good, send an event of which the page knows that it
    closes its `EventSource`; or answer with status 204, which every client takes as the end.

    Raises ValueError for a `ping` that is not above 0 and a negative `retry`; TypeError, when it is sent, for an item
    that is neither an event nor text.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        content: AsyncIterable[ServerSentEvent | str] | Iterable[ServerSentEvent | str],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        background: Any = None,
        *,
        ping: float | None = 15.0,
        retry: int | None = None,
    ) -> None:
        if ping is not None and not ping > 0:
            raise ValueError(f"ping is the seconds between two heartbeats, above 0, or None for none; got {ping!r}")
        _check_retry(retry)
        super().__init__(cast("ContentStream", content), status_code, headers, background=background)
        self.headers.setdefault("cache-control", "no-store")
        # Proxies that collect what they pass on are told not to.
        self.headers.setdefault("x-accel-buffering", "no")
        self.ping = ping
        self.retry = retry

    async def _pump(self, iterator: AsyncIterator[Any], kind: str, send: Send, watch: ClientWatch) -> None:
        wire = _Wire(send, kind)
        try:
            # Something at once: there are servers that keep the head until they see the first byte of the body.
            await wire.write(_HEARTBEAT if self.retry is None else f"retry: {self.retry}\n\n".encode())
        except OSError as error:
            watch.lost(error)
            return
        if self.ping is None:
            await super()._pump(_Encoded(iterator), kind, wire.send, watch)
            return
        heart = Companion(functools.partial(_beat, wire, self.ping, watch))
        try:
            await super()._pump(_Encoded(iterator), kind, wire.send, watch)
            async with wire.lock:  # a heartbeat that is being sent is sent to its end
                heart.cancel()
        finally:
            await heart.stop()


def last_event_id(request: HTTPConnection) -> str | None:
    """The id of the last event that this client got of the stream, or None: it comes for the first time.

    Anybody can send anything here, as with every header.
    """
    value = request.headers.get("last-event-id")
    return value.encode("latin-1").decode("utf-8", "replace") if value else None


class _Wire:
    """One response's `send`, for two tasks: one message at a time, and when the last one was."""

    __slots__ = ("_kind", "_send", "last", "lock")

    def __init__(self, send: Send, kind: str) -> None:
        self._send = send
        self._kind = kind
        self.lock = anyio.Lock()
        self.last = anyio.current_time()

    async def send(self, message: Message) -> None:
        async with self.lock:
            await self._send(message)
            self.last = anyio.current_time()

    async def write(self, chunk: bytes) -> None:
        await self.send({"type": self._kind, "body": chunk, "more_body": True})


async def _beat(wire: _Wire, ping: float, watch: ClientWatch) -> None:
    try:
        while not watch.gone:
            rest = wire.last + ping - anyio.current_time()
            if rest > 0:
                await anyio.sleep(rest)
            else:
                await wire.write(_HEARTBEAT)
    except Exception as error:  # noqa: BLE001 - raised by the response, in its own task
        watch.fail(error)


class _Encoded(AsyncIterator[bytes]):
    """The items of a source as bytes."""

    __slots__ = ("_iterator",)

    def __init__(self, iterator: AsyncIterator[Any]) -> None:
        self._iterator = iterator

    async def __anext__(self) -> bytes:
        item = await anext(self._iterator)
        if isinstance(item, str):
            item = ServerSentEvent(item)
        if not isinstance(item, ServerSentEvent):
            raise TypeError(
                f"EventSourceResponse got {item!r:.80} of its source; an item is a ServerSentEvent, or a str: its data"
            )
        return item.encode()


def _lines(text: str) -> list[str]:
    # A client takes these three for the end of a line, and no others.
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _check_retry(retry: int | None) -> None:
    if retry is not None and retry < 0:
        raise ValueError(f"retry is a number of milliseconds, 0 or more, got {retry!r}")
