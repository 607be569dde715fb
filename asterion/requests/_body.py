"""The body of a request: read once from `receive`, kept or streamed.

Laws of this module: no byte that was taken from `receive` is lost, whoever was interrupted; whoever asks for a body
that is gone is told so and never waits for ever.
"""

from collections.abc import AsyncIterator
from typing import Any

from asterion._core.bodylimits import MAX_BODY_SIZE_SCOPE_KEY, RequestBodyTooLarge
from asterion._core.jsonbody import AT_ONCE, parse_json, parse_json_slices
from asterion._core.policies import policies_of
from asterion._core.scopekeys import LISTENERS, READING, STASHED, Listener
from asterion.concurrency import Turns, in_turns
from asterion.requests._connection import HTTPConnection, StateT
from asterion.requests._kept import BODY, KeptBody
from asterion.requests._whole import WholeBody
from asterion.types import Message, Receive

_NEVER_TOO_LARGE = 64 * 1024
"""Bytes up to which no policy is asked: what servers hand over in one piece."""

_PUT_TOGETHER = 1024 * 1024
"""Bytes up to which the pieces of a body are kept as they came, and put together at its end: that takes 0.3 ms."""


class ClientDisconnect(Exception):
    """The client went away before its request body was complete."""


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
                    if size > _PUT_TOGETHER and more and len(chunks) > 1:
                        await self._collect_large(chunks, BodyStream(self))
                        return

    async def _collect_own(self, chunks: list[bytes]) -> None:
        """Append what a subclass's own `stream` gives, which is closed if it is more than may be kept."""
        size, stream = 0, self.stream()
        pieces = aiter(stream)
        try:
            async for chunk in pieces:
                chunks.append(chunk)
                size += len(chunk)
                self._judge_size(size)
                if size > _PUT_TOGETHER and len(chunks) > 1:
                    await self._collect_large(chunks, pieces)
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()

    async def _collect_large(self, chunks: list[bytes], rest: AsyncIterator[bytes]) -> None:
        """Put `chunks` and `rest` together as it comes, with turns for others; `chunks` is one piece then."""
        whole, turns = WholeBody(), Turns()
        for chunk in chunks:
            whole.write(chunk)
        chunks.clear()
        try:
            async for chunk in rest:
                whole.write(chunk)
                self._judge_size(whole.size)
                if not self._stream_consumed:  # what is put back behind the last piece would never be asked for
                    await turns.give()
        finally:
            chunks.append(whole.getvalue())

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
