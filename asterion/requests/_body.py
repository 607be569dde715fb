"""The body of a request: read once from `receive`, kept or streamed.

Laws of this module: no byte that was taken from `receive` is lost, whoever was interrupted; whoever asks for a body
that is gone is told so and never waits for ever.
"""

from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any
from weakref import ref

from asterion._core.bodylimits import MAX_BODY_SIZE_SCOPE_KEY, RequestBodyTooLarge
from asterion._core.jsonbody import AT_ONCE, parse_json, parse_json_slices
from asterion._core.policies import policies_of
from asterion._core.scopekeys import LISTENERS, READING, STASHED, Listener
from asterion.concurrency import in_turns
from asterion.datastructures import FormData
from asterion.requests._connection import HTTPConnection, StateT
from asterion.types import Message, Receive

BODY = "asterion.body"
"""Scope key of what became of the body (`KeptBody`), for a second request over the same scope."""

_NEVER_TOO_LARGE = 64 * 1024
"""Bytes up to which no policy is asked: what servers hand over in one piece."""


class ClientDisconnect(Exception):
    """The client went away before its request body was complete."""


_SAME: Any = object.__eq__
_Weak = tuple[Callable[[], Any], Any]
"""What gives an object or None, and the function of which it is the `self`, if it is that."""


def _origin(receive: Any) -> Any:
    """The `receive` that this one stands for: one that counts, say, names it in `counted`."""
    while type(receive) not in (MethodType, FunctionType) and hasattr(receive, "counted"):
        receive = receive.counted
    return receive


def _weakly(receive: Any) -> _Weak:
    receive = _origin(receive)
    if type(receive) is MethodType:
        owner, function = receive.__self__, receive.__func__
    else:
        owner, function = receive, None
    # Not where a class has __slots__, say, nor for the method of an object made by C: the next one taken from there is
    # equal, also when this one has gone.
    if type(owner).__weakrefoffset__ and (function is not None or type(owner).__eq__ is _SAME):
        return ref(owner), function
    return (lambda: owner), function


def _is(kept: _Weak, receive: Any) -> bool:
    owner, function = kept
    if function is None:
        return bool(owner() == receive)
    return type(receive) is MethodType and owner() is receive.__self__ and function is receive.__func__


class KeptBody:
    """What became of a body that was read to its end: where it came from, and what was kept of it.

    A request made later over the same scope and the same `receive` finds the bytes or the form here, instead of waiting
    for a body that will not come again (issue 495). Several callables may stand for the same body.

    They are referred to weakly: servers keep the scope in the object whose method `receive` is, and neither would be
    freed but by the garbage collector.
    """

    body: bytes | None = None
    form: FormData | None = None
    _owner: Callable[[], Any]
    _function: Any = None
    _others: tuple[_Weak, ...] = ()

    def __init__(self, receive: Receive) -> None:
        # PERF(benchmarks/json_echo.py): what `_weakly` does for the method of a server.
        if type(receive) is MethodType and type(owner := receive.__self__).__weakrefoffset__:
            self._owner = ref(owner)
            self._function = receive.__func__
        else:
            self._owner, self._function = _weakly(receive)

    def add(self, *receives: Receive) -> None:
        """Let these stand for this body as well."""
        self._others += tuple(map(_weakly, receives))

    def is_from(self, receive: Receive) -> bool:
        """Whether `receive` stands for this body."""
        receive = _origin(receive)
        return any(_is(kept, receive) for kept in ((self._owner, self._function), *self._others))


class BodyStream:
    """The body of a request, chunk by chunk, then one empty chunk.

    A class and not an async generator: a loop that is left early leaves nothing to finish, and another `stream()` goes
    on where it stopped.
    """

    __slots__ = ("_replay", "_request", "_state")

    def __init__(self, request: "BodyRequest[Any]") -> None:
        self._request = request
        self._state = "fresh"

    def __aiter__(self) -> "BodyStream":
        return self

    async def __anext__(self) -> bytes:
        """The next chunk. Raises ClientDisconnect, and RuntimeError if the body is gone."""
        if self._state == "reading":
            return await self._read()
        if self._state == "fresh":
            cached = self._request._find_body()
            if cached is None:
                self._state = "reading"
                return await self._read()
            if cached:
                self._state = "last"
                return cached
        elif self._state == "done":
            raise StopAsyncIteration
        self._state = "done"
        return b""

    async def aclose(self) -> None:
        """End this stream; what was not read stays for another."""
        self._state = "done"

    async def _read(self) -> bytes:
        request = self._request
        while not request._stream_consumed:
            if request._unread:
                return request._unread.pop(0)
            chunk, more = await request._receive_chunk()
            if not more:
                self._state = "last" if chunk else "done"
            if chunk or not more:
                return chunk
        self._state = "done"
        return b""


class BodyRequest(HTTPConnection[StateT]):
    """The part of a request that reads its body."""

    # Defaults stand on the class, so that construction does not set them. `_body`, `_json` and their like exist only
    # when they are known: subclasses ask `hasattr(self, "_body")`.
    _stream_consumed: bool = False
    _is_disconnected: bool = False
    _unread: list[bytes] | None = None
    _record: KeptBody | None = None

    _receive: Receive
    _body: bytes
    _json: Any

    def stream(self) -> BodyStream:
        """The body chunk by chunk, then one empty chunk; a cached body in one piece.

        Iterating raises ClientDisconnect if the client goes before the end, and RuntimeError once the body was read
        without being kept.
        """
        return BodyStream(self)

    async def body(self) -> bytes:
        """The whole body, kept for the next call. Raises as `stream` does, and RequestBodyTooLarge (413) for a body of
        more than the application's policy `kept_body_size` where no `max_body_size` was set.

        If it is interrupted, what was read so far is put back.
        """
        if not hasattr(self, "_body"):
            chunks: list[bytes] = []
            try:
                if type(self).stream is BodyRequest.stream:
                    await self._collect(chunks)
                else:
                    await self._collect_own(chunks)
            except BaseException:
                if type(self).stream is BodyRequest.stream and chunks:
                    self._unread = chunks
                raise
            self._body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            self._remember("body", self._body)
        return self._body

    async def _collect(self, chunks: list[bytes]) -> None:
        """Append the rest of the body to `chunks`, piece by piece, so that the caller has them if this is interrupted.

        PERF(benchmarks/json_echo.py): the same as a loop over `stream()`, without an iterator and its steps.
        """
        cached = self._find_body()
        if cached is not None:
            chunks.append(cached)
            return
        size, more = 0, True
        if self._unread:
            chunks += self._unread
            self._unread = None
            size = sum(map(len, chunks))
        while more:
            chunk, more = await self._receive_chunk()
            if chunk:
                chunks.append(chunk)
                size += len(chunk)
                if size > _NEVER_TOO_LARGE:
                    self._judge_size(size)

    async def _collect_own(self, chunks: list[bytes]) -> None:
        """Append what a subclass's own `stream` gives, which is closed if it is more than may be kept."""
        size, stream = 0, self.stream()
        try:
            async for chunk in stream:
                chunks.append(chunk)
                size += len(chunk)
                self._judge_size(size)
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()

    def _judge_size(self, size: int, policy: str = "kept_body_size") -> None:
        """Raise RequestBodyTooLarge if `size` bytes are more than `policy` allows and nobody has set another limit."""
        scope = self.scope
        if size <= _NEVER_TOO_LARGE or MAX_BODY_SIZE_SCOPE_KEY in scope:
            return
        # Only an application has policies: a request made of a bare scope is its maker's.
        policies = getattr(scope.get("app"), "policies", None)
        limit: int | None = None if policies is None else getattr(policies, policy)
        if limit is not None and size > limit:
            raise RequestBodyTooLarge(limit)

    async def json(self) -> Any:
        """The body as JSON, kept for the next call. While a long one is read, other tasks have their turns.

        Raises as `body` does, MalformedJSON (400), and RequestBodyTooLarge (413) for more than the application's policy
        `json_size` where no `max_body_size` was set.
        """
        if not hasattr(self, "_json"):
            body = await self.body()
            if len(body) > _NEVER_TOO_LARGE:
                self._judge_size(len(body), "json_size")
            depth = policies_of(self.scope).json_depth
            if len(body) > AT_ONCE:
                self._json = await in_turns(parse_json_slices(body, depth))
            else:
                self._json = parse_json(body, depth)
        return self._json

    async def _receive_chunk(self) -> tuple[bytes, bool]:
        """The next piece of the body, which may be empty, and whether more follows.

        Messages that a listener for disconnects took came earlier than any we get now.
        """
        scope = self.scope
        stashed = scope.get(STASHED)
        if stashed:
            message = stashed.pop(0)
            for listener in scope.get(LISTENERS, ()):
                listener.resume()  # there is room again
        elif self._is_disconnected:
            raise ClientDisconnect("The client disconnected before its request body was complete.")
        elif LISTENERS in scope:
            message = await self._receive_alone(scope[LISTENERS])
        else:
            scope[READING] = True
            try:
                message = await self._receive()
            finally:
                scope[READING] = False
                for listener in scope.get(LISTENERS, ()):
                    listener.resume()  # one that came meanwhile
            stashed = scope.get(STASHED)
            if stashed:
                message = self._put_behind(stashed, message)
        if message["type"] == "http.request":
            more = bool(message.get("more_body", False))
            if not more:
                self._stream_consumed = True
                self._record = self.scope[BODY] = KeptBody(self._receive)
            chunk = message.get("body", b"")
            return (chunk if type(chunk) is bytes else bytes(chunk or b"")), more
        if message["type"] == "http.disconnect":
            self._is_disconnected = True
            raise ClientDisconnect("The client disconnected before its request body was complete.")
        raise RuntimeError(
            f"`receive` gave a message of type {message['type']!r} while the request body was read; "
            "an HTTP server gives 'http.request' or 'http.disconnect'."
        )

    async def _receive_alone(self, listeners: list[Listener]) -> Message:
        """The next message, with nobody else in `receive`; what a listener gets before it stands aside comes first."""
        scope = self.scope
        scope[READING] = True
        try:
            for listener in tuple(listeners):
                await listener.stand_aside()
            # A listener whose `receive` cannot be interrupted has got something by now.
            stashed = scope.get(STASHED)
            if stashed:
                first: Message = stashed.pop(0)
                return first
            if any(listener.gone for listener in listeners):
                return {"type": "http.disconnect"}
            message = await self._receive()
            if message["type"] == "http.disconnect":
                for listener in listeners:
                    listener.note_gone()
            return message
        finally:
            scope[READING] = False
            for listener in listeners:
                listener.resume()

    def _put_behind(self, stashed: list[Message], message: Message) -> Message:
        if message["type"] == "http.disconnect":
            self._is_disconnected = True
        else:
            stashed.append(message)
        return stashed.pop(0)

    def _find_body(self) -> bytes | None:
        """The body if it was kept, None if it is still to be read. Raises RuntimeError if it is gone."""
        if hasattr(self, "_body"):
            return self._body
        if not self._stream_consumed:
            record = self._kept() if BODY in self.scope else None
            if record is None:
                return None
            if record.body is not None:
                self._body = record.body
                return record.body
        raise RuntimeError(
            "Stream consumed: the body was read as a stream and not kept. Use `await request.body()` first."
        )

    def _kept(self) -> KeptBody | None:
        record = self.scope.get(BODY)
        return record if record is not None and record.is_from(self._receive) else None

    def _remember(self, what: str, value: Any) -> None:
        # PERF(benchmarks/json_echo.py): who has read it has made the record.
        record = self._record or self._kept()
        if record is not None:
            setattr(record, what, value)
