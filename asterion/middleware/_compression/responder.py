"""One response on its way out, compressed or not.

Laws: a response is compressed as a whole or not touched; each chunk of a stream goes out when it came; every message
that is not a start or a body passes as it is, in its order.
"""

from __future__ import annotations

from typing import NoReturn

import anyio

from asterion._core.wire import PassThrough
from asterion.concurrency import run_framework_io
from asterion.middleware._compression.coders import Coder, MakeCoder
from asterion.middleware._compression.rules import (
    DEFAULT_EXCLUDED_CONTENT_TYPES,
    Verdict,
    compressed,
    confirmed,
    excluded_types,
    judge,
    read_head,
    varying,
)
from asterion.types import ASGIApp, Message, Receive, Scope, Send

# Messages of extensions that may stand between a start and its body, and keep their place.
_SIDE_MESSAGES = frozenset({"http.response.debug", "http.response.push", "http.response.early_hint"})

LOOP_SIZE = 64 * 1024
"""Bytes that are compressed on the event loop before a thread is asked: gzip takes some 5 ms for them, at level 9."""

_ZERO_COPY = "http.response.zerocopysend"
_OTHER_BODIES = frozenset({_ZERO_COPY, "http.response.pathsend"})


async def unattached_send(message: Message) -> NoReturn:
    """The `send` of a responder that was not called yet. Raises RuntimeError."""
    raise RuntimeError(f"cannot send {message['type']!r}: this responder has no request yet; call it with one first")


class IdentityResponder(PassThrough):
    """One response that is not compressed: only `Vary` is added.

    A subclass that compresses sets `content_encoding` and gives `apply_compression`.
    """

    __slots__ = (
        "_busy",
        "_free",
        "_held",
        "_scope",
        "app",
        "complete",
        "exclude_content_types",
        "leads_to",
        "minimum_size",
        "plain_is_refused",
        "send",
        "started",
    )

    content_encoding: str | None = None

    def __init__(
        self,
        app: ASGIApp,
        minimum_size: int,
        *,
        exclude_content_types: tuple[str, ...] = DEFAULT_EXCLUDED_CONTENT_TYPES,
    ) -> None:
        self.app = app
        self.minimum_size = minimum_size
        self.exclude_content_types = exclude_content_types
        self.plain_is_refused = False
        """Whether the client takes no plain body: small ones are compressed too then."""
        self.send: Send = unattached_send
        self.leads_to: Send | None = None
        self.started = self.complete = False
        self._scope: Scope = {}
        # The start, and what came after it: they wait for the first chunk, which tells whether to compress.
        self._held: list[Message] = []
        self._busy = False
        self._free: anyio.Event | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the inner app; whatever start it left waiting when it ended goes out as it is."""
        self._scope = scope
        self.send = send
        await self.app(scope, receive, self.send_with_compression)
        await self._let_pass()

    async def send_with_compression(self, message: Message) -> None:
        """The `send` of the inner app."""
        kind = message["type"]
        if self.leads_to is not None:
            if kind == "http.response.body" or kind in _OTHER_BODIES:
                self.complete = not message.get("more_body", False)
            await self.leads_to(message)
        elif kind == "http.response.body":
            await self._take_body(message)
        elif kind == "http.response.start" and not self.started:
            await self._take_start(message)
        elif self._held and kind in _SIDE_MESSAGES:
            self._held.append(message)
        else:
            # A body of another kind (a path, a file descriptor), trailers, or something unknown: not ours to compress.
            if kind in _OTHER_BODIES:
                self.complete = not message.get("more_body", False)
            await self._let_pass()
            await self.send(message)

    async def apply_compression(self, body: bytes, *, more_body: bool) -> bytes:
        """What goes out for one chunk; the last one comes with `more_body` False."""
        return body

    async def _take_start(self, message: Message) -> None:
        self.started = True
        # The list may be shared with other requests: only copies are changed.
        headers = list(message.get("headers", ()))
        found = read_head(headers)
        minimum = 1 if self.plain_is_refused else self.minimum_size
        excluded = excluded_types(tuple(self.exclude_content_types))
        verdict = judge(found, message["status"], self._scope["method"], excluded, minimum)
        if verdict is not Verdict.LEAVE:
            headers = varying(headers, found)
        if message["status"] == 304:
            headers = confirmed(headers, found, self._scope["headers"])
        if verdict is Verdict.NAME and self.content_encoding is not None:
            # The coding is not named: whether the body of a GET would be worth it is not known without it.
            headers = compressed(headers, None, None)
        self._held = [{**message, "headers": headers}]
        if verdict is not Verdict.COMPRESS or self.content_encoding is None:
            await self._let_pass()

    async def _let_pass(self) -> None:
        if self._held:
            await self._release()
            # From here on nobody looks at this response any more, but for its end.
            self.leads_to = self.send

    async def _release(self) -> None:
        held, self._held = self._held, []
        for message in held:
            await self.send(message)

    async def _take_body(self, message: Message) -> None:
        # Tasks of an application may send at once. Chunks are compressed in the order in which they came, and no coder
        # is used from two threads.
        while self._busy:
            if self._free is None:
                self._free = anyio.Event()
            await self._free.wait()
        self._busy = True
        try:
            await self._send_body(message)
        finally:
            self._busy = False
            if self._free is not None:
                self._free.set()
                self._free = None

    async def _send_body(self, message: Message) -> None:
        body, more_body = message.get("body", b""), message.get("more_body", False)
        self.complete = not more_body
        if self._held and not self._is_worth_it(len(body), more_body):
            await self._let_pass()
        if self.leads_to is not None or not self.started:
            await self.send(message)
            return
        coded = await self.apply_compression(body, more_body=more_body)
        if self._held:
            if not more_body and len(coded) >= len(body) and not self.plain_is_refused:
                await self._let_pass()
                await self.send(message)
                return
            start = self._held[0]
            length = None if more_body else len(coded)
            self._held[0] = {**start, "headers": compressed(start["headers"], self.content_encoding, length)}
            await self._release()
        await self.send({**message, "body": coded})

    def _is_worth_it(self, size: int, more_body: bool) -> bool:
        """Whether to compress a body that begins with a chunk of `size` bytes."""
        if more_body:
            # A later part of it could come by file descriptor then, and would stand in the clear amid compressed ones.
            return _ZERO_COPY not in (self._scope.get("extensions") or {})
        return size >= (1 if self.plain_is_refused else self.minimum_size)


class CodingResponder(IdentityResponder):
    """One response that is compressed, if it is worth it, by what `make_coder` makes.

    Chunks of `thread_minimum_size` bytes and more are compressed in a worker thread, and so is each chunk that would
    bring what was compressed on the event loop since then above `LOOP_SIZE`: an application that sends without ever
    waiting would hold the loop else.
    """

    __slots__ = ("_coder", "_make_coder", "_on_loop", "thread_minimum_size")

    def __init__(
        self,
        app: ASGIApp,
        minimum_size: int,
        content_encoding: str,
        make_coder: MakeCoder,
        *,
        thread_minimum_size: int = 128 * 1024,
        exclude_content_types: tuple[str, ...] = DEFAULT_EXCLUDED_CONTENT_TYPES,
    ) -> None:
        super().__init__(app, minimum_size, exclude_content_types=exclude_content_types)
        self.content_encoding = content_encoding
        self.thread_minimum_size = thread_minimum_size
        self._make_coder = make_coder
        self._coder: Coder | None = None
        self._on_loop = 0

    async def apply_compression(self, body: bytes, *, more_body: bool) -> bytes:
        """`body` compressed so far that the client can read all of it, and closed if it is the last."""
        if self._coder is None:
            # The first chunk and the last one at once: the size of the whole is known.
            self._coder = self._make_coder(None if more_body else len(body))
        self._on_loop += len(body)
        if len(body) >= self.thread_minimum_size or self._on_loop > LOOP_SIZE:
            self._on_loop = 0
            return await run_framework_io(self._coder.encode, body, more_body)
        return self._coder.encode(body, more_body)
