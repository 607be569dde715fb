"""What an application may send, and in which order: the ASGI specification as tables.

Pure: no event loop, no client. A `Conformance` is told of every message in turn and of the end of the call, and raises
`ConformanceError` at the first one that a server would refuse, drop or garble. Sources: the ASGI HTTP and WebSocket
message formats 2.5 with their extensions, RFC 9110 (sections 6.4, 8.6, 15.3.5, 15.4.5) and RFC 9112 (section 6).
"""

from enum import Enum
from typing import Any

from asterion.types import Message, Scope


class ConformanceError(AssertionError):
    """The application sent what ASGI does not allow."""


class Phase(Enum):
    """Where an answer stands."""

    WAITING = "nothing that counts has been sent yet"
    BODY = "the response has started"
    TRAILERS = "the body is complete and trailers are to follow"
    OPEN = "the WebSocket is accepted"
    DENYING = "a denial response has started"
    OVER = "the answer is complete"


# (phase, message type) -> (phase after it, phase after it if it says that more of its kind follows)
_Table = dict[tuple[Phase, str], tuple[Phase, Phase]]

HTTP_ORDER: _Table = {
    (Phase.WAITING, "http.response.debug"): (Phase.WAITING, Phase.WAITING),
    (Phase.WAITING, "http.response.early_hint"): (Phase.WAITING, Phase.WAITING),
    (Phase.WAITING, "http.response.push"): (Phase.WAITING, Phase.WAITING),
    (Phase.WAITING, "http.response.start"): (Phase.BODY, Phase.BODY),
    (Phase.BODY, "http.response.push"): (Phase.BODY, Phase.BODY),
    (Phase.BODY, "http.response.body"): (Phase.OVER, Phase.BODY),
    (Phase.BODY, "http.response.zerocopysend"): (Phase.OVER, Phase.BODY),
    (Phase.BODY, "http.response.pathsend"): (Phase.OVER, Phase.OVER),
    (Phase.TRAILERS, "http.response.trailers"): (Phase.OVER, Phase.TRAILERS),
}

WEBSOCKET_ORDER: _Table = {
    (Phase.WAITING, "websocket.accept"): (Phase.OPEN, Phase.OPEN),
    (Phase.WAITING, "websocket.close"): (Phase.OVER, Phase.OVER),
    (Phase.WAITING, "websocket.http.response.start"): (Phase.DENYING, Phase.DENYING),
    (Phase.DENYING, "websocket.http.response.body"): (Phase.OVER, Phase.DENYING),
    (Phase.OPEN, "websocket.send"): (Phase.OPEN, Phase.OPEN),
    (Phase.OPEN, "websocket.close"): (Phase.OVER, Phase.OVER),
}

# Message type -> the extension that the scope must offer before it may be sent.
EXTENSIONS = {
    **{
        f"http.response.{name}": f"http.response.{name}"
        for name in ("debug", "early_hint", "push", "pathsend", "trailers", "zerocopysend")
    },
    "websocket.http.response.start": "websocket.http.response",
    "websocket.http.response.body": "websocket.http.response",
}

_TYPES = {type for _, type in (*HTTP_ORDER, *WEBSOCKET_ORDER)}
_STARTS = ("http.response.start", "websocket.http.response.start")
_BY_REFERENCE = ("http.response.pathsend", "http.response.zerocopysend")
_BODIES = ("http.response.body", "websocket.http.response.body")


class Conformance:
    """The state of one answer, and the judge of every message of it.

    Not `strict`, only the order of the messages it knows is judged, and a call may end in the middle of an answer. With
    `strict`, so are the types of all fields, extensions that were not offered, unknown messages, the length of the body
    against `content-length`, a body where none may be, and the end of the call.
    """

    __slots__ = (
        "_extensions",
        "_length",
        "_method",
        "_sent",
        "_status",
        "_table",
        "_trailers",
        "mistake",
        "phase",
        "strict",
    )

    def __init__(self, scope: Scope, *, strict: bool = True) -> None:
        self.strict = strict
        self.phase = Phase.WAITING
        self.mistake: ConformanceError | None = None
        self._table = WEBSOCKET_ORDER if scope["type"] == "websocket" else HTTP_ORDER
        self._extensions = scope.get("extensions") or {}
        self._method = scope.get("method", "GET")
        self._status = 0
        self._length: int | None = None
        self._sent = 0
        self._trailers = False

    def check(self, message: Message) -> None:
        """Judge the next message.

        Raises `ConformanceError` naming the message, what stood before it, and what is allowed instead. The first one
        is kept in `mistake`, because an application may catch it.
        """
        try:
            self._step(message)
        except ConformanceError as error:
            self.mistake = self.mistake or error
            raise

    def _step(self, message: Message) -> None:
        kind = message.get("type")
        if not isinstance(kind, str):
            raise ConformanceError(f"a message needs a 'type' that is a str, not {kind!r}")
        following = self._table.get((self.phase, kind))
        if following is None:
            self._judge_stranger(kind)
            return
        if self.strict:
            self._judge_fields(kind, message)
        if kind in _STARTS:
            self._trailers = bool(message.get("trailers", False))
        elif kind in _BY_REFERENCE:
            self._length = None  # what a file adds to the body is not seen here
        more = message.get("more_body", False) or message.get("more_trailers", False)
        after = following[1] if more else following[0]
        ended = self.phase is Phase.BODY and after is Phase.OVER
        if self.strict and ended:
            self._judge_length()
        self.phase = Phase.TRAILERS if ended and self._trailers else after

    def finish(self) -> None:
        """The application has returned, with the client still there.

        Raises `ConformanceError` for a mistake that the application caught, and when the answer is missing or only half
        given.
        """
        if self.mistake is not None:
            raise self.mistake
        if not self.strict or self.phase in (Phase.OVER, Phase.OPEN):
            return
        raise ConformanceError(
            f"the application returned while {self.phase.value}: it must still send {self._allowed()}"
        )

    # --- order -------------------------------------------------------------------------------------------------------

    def _allowed(self) -> str:
        types = [type for phase, type in self._table if phase is self.phase]
        return " or ".join(types) or "nothing more"

    def _judge_stranger(self, kind: str) -> None:
        """A message the table has no row for: out of order, or of no known type."""
        known = any(type == kind for _, type in self._table)
        if known or (self.strict and kind in _TYPES):
            raise ConformanceError(f"{kind!r} was sent while {self.phase.value}: allowed now is {self._allowed()}")
        if self.strict:
            raise ConformanceError(f"{kind!r} is no message of ASGI that an application may send here")

    # --- fields ------------------------------------------------------------------------------------------------------

    def _judge_fields(self, kind: str, message: Message) -> None:
        extension = EXTENSIONS.get(kind)
        if extension is not None and extension not in self._extensions:
            raise ConformanceError(f"{kind!r} was sent, but the scope's 'extensions' do not offer {extension!r}")
        if kind in _STARTS:
            self._judge_start(kind, message)
        elif kind in _BODIES:
            self._judge_body(kind, message)
        elif kind == "websocket.accept":
            self._judge_accept(message)
        elif kind == "websocket.send":
            _judge_frame(message)
        elif kind == "websocket.close":
            _expect(kind, "code", message.get("code", 1000), int)
            _expect(kind, "reason", message.get("reason") or "", str)
        elif kind == "http.response.trailers":
            _judge_headers(kind, message.get("headers", ()))

    def _judge_start(self, kind: str, message: Message) -> None:
        status = message.get("status")
        if not isinstance(status, int) or isinstance(status, bool):
            raise ConformanceError(f"{kind!r} needs a 'status' that is an int, not {status!r}")
        if not 200 <= status <= 999:
            raise ConformanceError(f"{kind!r} has status {status}: a final status is 200 or more (RFC 9110 15)")
        lengths = _judge_headers(kind, message.get("headers", ()))
        if len(lengths) > 1:
            raise ConformanceError(f"{kind!r} has more than one content-length: {lengths!r} (RFC 9110 8.6)")
        if lengths and not lengths[0].isdigit():
            raise ConformanceError(f"{kind!r} has content-length {lengths[0]!r}, which is no number of bytes")
        if lengths and status == 204:
            raise ConformanceError("a 204 answer must not have a content-length (RFC 9110 8.6)")
        if message.get("trailers") and "http.response.trailers" not in self._extensions:
            raise ConformanceError(f"{kind!r} promises trailers, but the scope does not offer 'http.response.trailers'")
        self._status = status
        self._length = int(lengths[0]) if lengths else None

    def _judge_body(self, kind: str, message: Message) -> None:
        body = message.get("body", b"")
        _expect(kind, "body", body, bytes, bytearray, memoryview)
        _expect(kind, "more_body", message.get("more_body", False), bool)
        size = body.nbytes if isinstance(body, memoryview) else len(body)
        if size and self._status in (204, 304):
            raise ConformanceError(f"a {self._status} answer has no body, but {size} bytes were sent (RFC 9110 6.4.1)")
        if size and self._method == "HEAD":
            raise ConformanceError(f"the answer to HEAD has no body, but {size} bytes were sent (RFC 9110 9.3.2)")
        self._sent += size
        if self._length is not None and self._sent > self._length:
            raise ConformanceError(f"the body is longer ({self._sent} bytes) than content-length said ({self._length})")

    def _judge_length(self) -> None:
        """At the end of the body: as long as announced, unless it was never to be sent."""
        if self._length is None or self._method == "HEAD" or self._status == 304 or self._sent == self._length:
            return
        if self._sent < self._length and self._table is HTTP_ORDER:
            raise ConformanceError(f"the body ended after {self._sent} bytes, but content-length said {self._length}")

    def _judge_accept(self, message: Message) -> None:
        kind = "websocket.accept"
        subprotocol = message.get("subprotocol")
        if subprotocol is not None:
            _expect(kind, "subprotocol", subprotocol, str)
        _judge_headers(kind, message.get("headers", ()))


def _judge_frame(message: Message) -> None:
    text, data = message.get("text"), message.get("bytes")
    if (text is None) == (data is None):
        raise ConformanceError("'websocket.send' carries either 'text' or 'bytes': exactly one of the two is not None")
    if text is not None:
        _expect("websocket.send", "text", text, str)
    else:
        _expect("websocket.send", "bytes", data, bytes, bytearray, memoryview)


def _judge_headers(kind: str, headers: Any) -> list[bytes]:
    """The values of content-length among `headers`, all of which are judged."""
    lengths = []
    for header in headers:
        try:
            name, value = header
        except (TypeError, ValueError):
            raise ConformanceError(f"{kind!r} has the header {header!r}: it must be a pair of name and value") from None
        if not isinstance(name, bytes) or not isinstance(value, bytes):
            raise ConformanceError(f"{kind!r} has the header {header!r}: name and value must be bytes")
        if not name or name != name.lower() or not name.isascii() or any(byte <= 32 for byte in name):
            raise ConformanceError(f"{kind!r} has the header name {name!r}: it must be a token in lower case")
        if b"\r" in value or b"\n" in value or b"\0" in value:
            raise ConformanceError(f"{kind!r} has the header {header!r}: CR, LF and NUL are not allowed in a value")
        if name == b"content-length":
            lengths.append(value)
    return lengths


def _expect(kind: str, field: str, value: object, *types: type) -> None:
    if not isinstance(value, types):
        names = " or ".join(type.__name__ for type in types)
        raise ConformanceError(f"{kind!r} needs {field!r} to be {names}, not {value!r}")
