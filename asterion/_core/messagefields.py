"""What the messages of an application may carry: their fields, as tables, and the rules for heads, frames and closes.

Pure. Every judge raises `ConformanceError` with the message and what was expected; `asterion._core.conformance` adds
the state of the conversation. Sources: the ASGI HTTP and WebSocket message formats 2.5 with their extensions, the
lifespan protocol 2.0, RFC 9110 (sections 5.1, 5.5, 6.4, 8.6, 15) and RFC 6455 (sections 4.2.2, 5.5, 7.4).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from asterion.types import Message


class ConformanceError(AssertionError):
    """The application sent what ASGI does not allow.

    `problem` says what is wrong, `message` is the type of the message at fault (None: the end of the call), `state` is
    where the conversation stood, and `expected` is what the application should have sent.
    """

    def __init__(
        self, problem: str, *, message: str | None = None, state: str | None = None, expected: str | None = None
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.message = message
        self.state = state
        self.expected = expected

    def __str__(self) -> str:
        subject = "" if self.message is None else f"{self.message!r} "
        details = [f"{name}: {text}" for name, text in (("state", self.state), ("expected", self.expected)) if text]
        return f"{subject}{self.problem}" + (f" ({'; '.join(details)})" if details else "")


@dataclass(frozen=True, slots=True)
class Field:
    """One entry of a message: the types its value may have, in `words`, and whether it must be there."""

    name: str
    words: str
    types: tuple[type, ...]
    required: bool = False


_NONE = type(None)
_BYTES = (bytes, bytearray, memoryview)
_HEADERS = Field("headers", "an iterable of pairs", (Iterable,))
_MORE_BODY = Field("more_body", "a bool", (bool,))
_BODY = (Field("body", "bytes", _BYTES), _MORE_BODY)
_STATUS = Field("status", "an int", (int,), required=True)
_PATH = Field("path", "a str", (str,), required=True)
_WORDS = (Field("message", "a str", (str,)),)

FIELDS: dict[str, tuple[Field, ...]] = {
    "http.response.start": (_STATUS, _HEADERS, Field("trailers", "a bool", (bool,))),
    "http.response.body": _BODY,
    "http.response.trailers": (_HEADERS, Field("more_trailers", "a bool", (bool,))),
    "http.response.pathsend": (_PATH,),
    "http.response.zerocopysend": (
        Field("file", "a file descriptor or an object with fileno()", (object,), required=True),
        Field("offset", "an int", (int, _NONE)),
        Field("count", "an int", (int, _NONE)),
        _MORE_BODY,
    ),
    "http.response.push": (_PATH, _HEADERS),
    "http.response.early_hint": (Field("links", "an iterable of bytes", (Iterable,), required=True),),
    "http.response.debug": (Field("info", "a dict", (dict,), required=True),),
    "websocket.accept": (Field("subprotocol", "a str or None", (str, _NONE)), _HEADERS),
    "websocket.send": (Field("text", "a str or None", (str, _NONE)), Field("bytes", "bytes or None", (*_BYTES, _NONE))),
    "websocket.close": (Field("code", "an int", (int,)), Field("reason", "a str or None", (str, _NONE))),
    "websocket.http.response.start": (_STATUS, _HEADERS),
    "websocket.http.response.body": _BODY,
    "lifespan.startup.failed": _WORDS,
    "lifespan.shutdown.failed": _WORDS,
}
"""The fields of each message that has any; a message may carry others, which are the server's business."""

NO_BODY = {
    204: "a 204 answer has no body (RFC 9110 6.4.1)",
    205: "a 205 answer has no body (RFC 9110 15.3.6)",
    304: "a 304 answer has no body (RFC 9110 6.4.1)",
}
"""Status codes whose answers have no body, and what is to be said about one that has."""

_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
_RESERVED_CODES = frozenset((1004, 1005, 1006, 1015))
_MAX_REASON = 123
_MAX_DIGITS = 19


def judge_fields(kind: str, message: Message) -> None:
    """Judge presence and type of every field of `message`, which is of type `kind`, against `FIELDS`.

    An iterator in a field is replaced by the list of what it gives, so that the judge is not its only reader.
    """
    for field in FIELDS.get(kind, ()):
        if field.name not in message:
            if field.required:
                raise ConformanceError(
                    f"has no {field.name!r}", message=kind, expected=f"{field.name!r}, {field.words}"
                )
            continue
        value = message[field.name]
        # A bool is an int to Python, but no status, code or count to a server.
        if not isinstance(value, field.types) or (isinstance(value, bool) and bool not in field.types):
            raise ConformanceError(
                f"has {field.name!r} = {value!r}", message=kind, expected=f"{field.name!r} to be {field.words}"
            )
        if isinstance(value, Iterator):
            message[field.name] = list(value)  # an iterable that can be read once is read here
    if kind == "http.response.early_hint":
        for link in message["links"]:
            if not isinstance(link, bytes):
                raise ConformanceError(f"has the link {link!r}", message=kind, expected="every link to be bytes")


def judge_headers(kind: str, headers: Iterable[Any]) -> list[bytes]:
    """Judge the headers of a message of type `kind`. Returns the values of content-length among them."""
    lengths = []
    for header in headers:
        name, value = _pair(kind, header)
        if not name or not _TOKEN.issuperset(name):
            raise ConformanceError(
                f"has the header name {name!r}", message=kind, expected="a token in lower case (RFC 9110 5.1)"
            )
        if b"\r" in value or b"\n" in value or b"\0" in value:
            raise ConformanceError(
                f"has the header {header!r}", message=kind, expected="no CR, LF or NUL in a value (RFC 9110 5.5)"
            )
        if name == b"content-length":
            lengths.append(value)
    return lengths


def _pair(kind: str, header: Any) -> tuple[bytes, bytes]:
    # A str or bytes of length two would unpack as well, and be no pair.
    if not isinstance(header, (tuple, list)) or len(header) != 2:
        raise ConformanceError(f"has the header {header!r}", message=kind, expected="a pair of name and value")
    name, value = header
    if not isinstance(name, bytes) or not isinstance(value, bytes):
        raise ConformanceError(f"has the header {header!r}", message=kind, expected="name and value to be bytes")
    return name, value


def judge_start(kind: str, message: Message) -> int | None:
    """Judge the head of an answer, whose fields are right. Returns its content-length, if there is one."""
    status = message["status"]
    if not 200 <= status <= 999:
        raise ConformanceError(
            f"has status {status}", message=kind, expected="a final status, which is 200 or more (RFC 9110 15)"
        )
    lengths = judge_headers(kind, message.get("headers", ()))
    if len(lengths) > 1:
        raise ConformanceError(
            f"has more than one content-length: {lengths!r}", message=kind, expected="one at most (RFC 9110 8.6)"
        )
    if not lengths:
        return None
    if not lengths[0].isdigit() or len(lengths[0]) > _MAX_DIGITS:
        raise ConformanceError(
            f"has content-length {lengths[0]!r}", message=kind, expected="a number of bytes (RFC 9110 8.6)"
        )
    if status == 204:
        raise ConformanceError(
            "has status 204 and a content-length", message=kind, expected="none on a 204 answer (RFC 9110 8.6)"
        )
    return int(lengths[0])


def judge_accept(kind: str, message: Message, offered: Iterable[str] | None) -> None:
    """Judge the acceptance of a handshake that `offered` these subprotocols (None: not known)."""
    subprotocol = message.get("subprotocol")
    if subprotocol is not None and offered is not None and subprotocol not in (names := list(offered)):
        raise ConformanceError(
            f"has the subprotocol {subprotocol!r}",
            message=kind,
            expected=f"one that the client offered ({', '.join(names) or 'it offered none'}; RFC 6455 4.2.2)",
        )
    judge_headers(kind, message.get("headers", ()))


def judge_frame(kind: str, message: Message) -> None:
    """Judge a frame, whose fields have the right types."""
    if (message.get("text") is None) == (message.get("bytes") is None):
        raise ConformanceError(
            "carries both 'text' and 'bytes' or neither", message=kind, expected="exactly one of them that is not None"
        )


def judge_close(kind: str, message: Message) -> None:
    """Judge the close of a WebSocket that is open, whose fields have the right types."""
    code = message.get("code", 1000)
    if not 1000 <= code <= 4999 or code in _RESERVED_CODES:
        raise ConformanceError(
            f"has code {code}", message=kind, expected="1000 to 4999, not 1004, 1005, 1006 or 1015 (RFC 6455 7.4)"
        )
    size = len((message.get("reason") or "").encode("utf-8", "surrogatepass"))
    if size > _MAX_REASON:
        raise ConformanceError(
            f"has a reason of {size} bytes", message=kind, expected=f"{_MAX_REASON} bytes at most (RFC 6455 5.5)"
        )
