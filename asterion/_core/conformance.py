"""What an application may send, and in which order: the ASGI specification as state tables.

Pure: no event loop, no client, no server. A `Conformance` is told of every message in turn, both ways, and of the end
of the call, and raises `ConformanceError` at the first one that a server would refuse, drop or garble. What a message
may carry stands in `asterion._core.messagefields`. Sources: the ASGI specification 3.0 with the HTTP and WebSocket
message formats 2.5, their extensions, and the lifespan protocol 2.0.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from asterion._core.messagefields import (
    NO_BODY,
    ConformanceError,
    judge_accept,
    judge_close,
    judge_fields,
    judge_frame,
    judge_headers,
    judge_start,
)
from asterion.types import Message, Scope

__all__ = ("CONVERSATIONS", "Conformance", "ConformanceError", "Phase")


class Phase(Enum):
    """Where a conversation stands."""

    WAITING = "nothing that counts has been sent yet"
    BODY = "the response has started"
    TRAILERS = "the body is complete and trailers are to follow"
    OPEN = "the WebSocket is accepted"
    DENYING = "a denial response has started"
    STARTING = "the application was asked to start"
    STARTED = "the application has started and was not yet asked to shut down"
    STOPPING = "the application was asked to shut down"
    OVER = "the answer is complete"


# (phase, type of a message of the application) -> (phase after it, phase after it if it says that more follows)
_Order = dict[tuple[Phase, str], tuple[Phase, Phase]]


def _to(phase: Phase, or_else: Phase | None = None) -> tuple[Phase, Phase]:
    return phase, or_else or phase


HTTP_ORDER: _Order = {
    (Phase.WAITING, "http.response.debug"): _to(Phase.WAITING),
    (Phase.WAITING, "http.response.early_hint"): _to(Phase.WAITING),
    (Phase.WAITING, "http.response.push"): _to(Phase.WAITING),
    (Phase.WAITING, "http.response.start"): _to(Phase.BODY),
    (Phase.BODY, "http.response.push"): _to(Phase.BODY),
    (Phase.BODY, "http.response.body"): _to(Phase.OVER, Phase.BODY),
    (Phase.BODY, "http.response.zerocopysend"): _to(Phase.OVER, Phase.BODY),
    (Phase.BODY, "http.response.pathsend"): _to(Phase.OVER),
    (Phase.TRAILERS, "http.response.trailers"): _to(Phase.OVER, Phase.TRAILERS),
}

WEBSOCKET_ORDER: _Order = {
    (Phase.WAITING, "websocket.accept"): _to(Phase.OPEN),
    (Phase.WAITING, "websocket.close"): _to(Phase.OVER),
    (Phase.WAITING, "websocket.http.response.start"): _to(Phase.DENYING),
    (Phase.DENYING, "websocket.http.response.body"): _to(Phase.OVER, Phase.DENYING),
    (Phase.OPEN, "websocket.send"): _to(Phase.OPEN),
    (Phase.OPEN, "websocket.close"): _to(Phase.OVER),
}

LIFESPAN_ORDER: _Order = {
    # An application may say that it has started before it looks whether it was asked.
    (Phase.WAITING, "lifespan.startup.complete"): _to(Phase.STARTED),
    (Phase.WAITING, "lifespan.startup.failed"): _to(Phase.OVER),
    (Phase.STARTING, "lifespan.startup.complete"): _to(Phase.STARTED),
    (Phase.STARTING, "lifespan.startup.failed"): _to(Phase.OVER),
    (Phase.STOPPING, "lifespan.shutdown.complete"): _to(Phase.OVER),
    (Phase.STOPPING, "lifespan.shutdown.failed"): _to(Phase.OVER),
}

CONVERSATIONS: dict[str, _Order] = {"http": HTTP_ORDER, "websocket": WEBSOCKET_ORDER, "lifespan": LIFESPAN_ORDER}
"""The order of messages for each type of scope; other types are not judged."""

ASKED = {
    (Phase.WAITING, "lifespan.startup"): Phase.STARTING,
    (Phase.STARTED, "lifespan.shutdown"): Phase.STOPPING,
}
"""(phase, type of a message of the server) -> phase after it."""

RETURNS = {
    "http": {Phase.OVER},
    "websocket": {Phase.OPEN, Phase.OVER},  # the server closes what is still open
    "lifespan": {Phase.WAITING, Phase.OVER},  # an application that never asks has no lifespan
}
"""The phases in which an application may return."""

EXTENSIONS = {
    **{
        f"http.response.{name}": f"http.response.{name}"
        for name in ("debug", "early_hint", "push", "pathsend", "trailers", "zerocopysend")
    },
    "websocket.http.response.start": "websocket.http.response",
    "websocket.http.response.body": "websocket.http.response",
}
"""Message type -> the extension that the scope must offer before it may be sent."""

_TYPES = {type for order in CONVERSATIONS.values() for _, type in order}
_GONE = ("http.disconnect", "websocket.disconnect")
_STARTS = ("http.response.start", "websocket.http.response.start")
_BODIES = ("http.response.body", "websocket.http.response.body")
_BY_REFERENCE = ("http.response.pathsend", "http.response.zerocopysend")


class Conformance:
    """The state of one conversation, and the judge of every message of it.

    Not `strict`, only the order of the messages it knows is judged, and a call may end in the middle of an answer. With
    `strict`, so are presence and types of all fields, extensions that were not offered, unknown messages, the length of
    the body against `content-length`, a body where none may be, and the end of the call.
    """

    __slots__ = ("_gone", "_length", "_order", "_scope", "_sent", "_status", "_trailers", "mistake", "phase",
                 "strict")  # fmt: skip

    def __init__(self, scope: Scope, *, strict: bool = True) -> None:
        self.strict = strict
        self.phase = Phase.WAITING
        self.mistake: ConformanceError | None = None
        self._scope = scope
        self._order = CONVERSATIONS[scope["type"]]
        self._status = 0
        self._length: int | None = None
        self._sent = 0
        self._trailers = False
        self._gone = False

    # --- what happens ------------------------------------------------------------------------------------------------

    def told(self, message: Message) -> None:
        """The application has received `message`. Never raises: what the server says is not judged."""
        kind = message["type"]
        if kind in _GONE:
            self._gone = True
        else:
            self.phase = ASKED.get((self.phase, kind), self.phase)

    def left(self) -> None:
        """The application knows in some other way that the client has gone (its `send` has raised `OSError`)."""
        self._gone = True

    def check(self, message: Message) -> None:
        """Judge the next message of the application.

        Raises `ConformanceError` naming the message, the state before it, and what is expected instead. The first one
        is kept in `mistake`, because an application may catch it.
        """
        try:
            self._step(message)
        except ConformanceError as error:
            error.state = self.phase.value
            self.mistake = self.mistake or error
            raise

    def finish(self) -> None:
        """The application has returned.

        Raises `ConformanceError` for a mistake that the application caught, and when the answer is missing or only half
        given although the client, as far as the application knows, is still there.
        """
        if self.mistake is not None:
            raise self.mistake
        if not self.strict or self._gone or self.phase in RETURNS[self._scope["type"]]:
            return
        raise ConformanceError(
            "the application returned before its answer was complete",
            state=self.phase.value,
            expected=self._allowed() or "to wait for 'lifespan.shutdown'",
        )

    # --- order -------------------------------------------------------------------------------------------------------

    def _step(self, message: Message) -> None:
        kind = _type_of(message)
        following = self._order.get((self.phase, kind))
        if following is None:
            self._judge_stranger(kind)
            return
        if self.strict:
            self._judge_content(kind, message)
        if kind in _STARTS:
            self._trailers = bool(message.get("trailers", False))
        elif kind in _BY_REFERENCE:
            self._length = None  # what a file adds to the body is not seen here
        more = message.get("more_body", False) or message.get("more_trailers", False)
        after = following[1] if more else following[0]
        ended = after is Phase.OVER and self.phase in (Phase.BODY, Phase.DENYING)
        if self.strict and ended:
            self._judge_length(kind)
        self.phase = Phase.TRAILERS if ended and self._trailers else after

    def _allowed(self) -> str:
        return " or ".join(type for phase, type in self._order if phase is self.phase)

    def _judge_stranger(self, kind: str) -> None:
        """A message the table has no row for: out of order, or of no known type."""
        known = any(type == kind for _, type in self._order)
        if known or (self.strict and kind in _TYPES):
            raise ConformanceError("is out of order", message=kind, expected=self._allowed() or "nothing more")
        if self.strict and kind not in self._extensions:
            raise ConformanceError(
                "is no message of ASGI that an application may send here",
                message=kind,
                expected=self._allowed() or "nothing more",
            )

    # --- content -----------------------------------------------------------------------------------------------------

    @property
    def _extensions(self) -> Any:
        return self._scope.get("extensions") or {}

    def _judge_content(self, kind: str, message: Message) -> None:
        extension = EXTENSIONS.get(kind)
        if extension is not None:
            self._judge_offer(kind, extension)
        judge_fields(kind, message)
        if kind in _STARTS:
            if message.get("trailers"):
                self._judge_offer(kind, "http.response.trailers")
            self._length = judge_start(kind, message)
            self._status = message["status"]
        elif kind in _BODIES:
            self._judge_body(kind, message.get("body", b""))
        elif kind == "websocket.accept":
            judge_accept(kind, message, self._scope.get("subprotocols"))
        elif kind == "websocket.send":
            judge_frame(kind, message)
        elif kind == "websocket.close" and self.phase is Phase.OPEN:
            judge_close(kind, message)  # before the acceptance it is HTTP status 403, and its code is nobody's
        elif kind in ("http.response.trailers", "http.response.push"):
            judge_headers(kind, message.get("headers", ()))

    def _judge_offer(self, kind: str, extension: str) -> None:
        if extension not in self._extensions:
            raise ConformanceError(
                f"needs the extension {extension!r}, which the scope does not offer",
                message=kind,
                expected=f"to look for it in the scope's 'extensions', which are {sorted(self._extensions)!r}",
            )

    def _judge_body(self, kind: str, body: bytes | bytearray | memoryview) -> None:
        size = body.nbytes if isinstance(body, memoryview) else len(body)
        if size and self._status in NO_BODY:
            raise ConformanceError(f"has {size} bytes of body", message=kind, expected=NO_BODY[self._status])
        if size and self._scope.get("method") == "HEAD":
            raise ConformanceError(
                f"has {size} bytes of body", message=kind, expected="no body in the answer to HEAD (RFC 9110 9.3.2)"
            )
        self._sent += size
        if self._length is not None and self._sent > self._length:
            self._wrong_length(kind, "makes the body longer than announced")

    def _judge_length(self, kind: str) -> None:
        """At the end of the body: as long as announced, unless it was never to be sent."""
        if self._length is None or self._status == 304 or self._scope.get("method") == "HEAD":
            return
        if self._sent < self._length:
            self._wrong_length(kind, "ends a body that is shorter than announced")

    def _wrong_length(self, kind: str, problem: str) -> None:
        raise ConformanceError(
            f"{problem}: {self._sent} bytes",
            message=kind,
            expected=f"{self._length} bytes, as content-length says (RFC 9110 8.6)",
        )


def _type_of(message: Any) -> str:
    kind = message.get("type") if isinstance(message, Mapping) else None
    if not isinstance(kind, str):
        raise ConformanceError(f"the message {message!r} has no type", expected="a dict with a 'type' that is a str")
    return kind
