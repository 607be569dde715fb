"""Compression on the way out.

Laws: what was agreed with the client decides (RFC 9110 12.5.3), never a substring; a response is compressed as a whole
or not touched; a compressed one is another representation, so its entity tag is weak, it takes no ranges and `Vary`
names the request header; each chunk of a stream goes out when it came; every message that is not a start or a body
passes as it is, in its order.
"""

import zlib
from typing import NoReturn

from asterion._core.negotiation import accepts_encoding
from asterion._core.wire import PassThrough
from asterion.concurrency import run_framework_io
from asterion.datastructures import Headers, MutableHeaders
from asterion.types import ASGIApp, Message, Receive, Scope, Send

DEFAULT_EXCLUDED_CONTENT_TYPES = (
    "application/grpc",
    "application/gzip",
    "application/x-gzip",
    "application/zip",
    "audio/*",
    "font/woff",
    "font/woff2",
    "image/avif",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/event-stream",
    "video/*",
)

# No content, or a part of the content of the untouched representation (RFC 9110 15.3.5, 15.3.7, 15.4.5).
_UNTOUCHED_STATUSES = frozenset({204, 205, 206, 304})

# Messages of extensions that may stand between a start and its body, and keep their place.
_SIDE_MESSAGES = frozenset({"http.response.debug", "http.response.push", "http.response.early_hint"})


class GZipMiddleware:
    """Compress responses with gzip for clients that accept it.

    Bodies of fewer than `minimum_size` bytes stay as they are; `compresslevel` goes from 0 to 9; chunks of
    `thread_minimum_size` bytes and more are compressed in a worker thread. `exclude_content_types` are media types, or
    all of a kind (`video/*`), that are never compressed. Untouched too: what has a Content-Encoding already, partial
    content, answers to HEAD, and `Cache-Control: no-transform`. Responses that mix secrets with what a visitor sent
    should not be compressed at all (the BREACH attack): mark them `no-transform`.
    """

    def __init__(
        self,
        app: ASGIApp,
        minimum_size: int = 500,
        compresslevel: int = 9,
        thread_minimum_size: int = 128 * 1024,
        *,
        exclude_content_types: tuple[str, ...] = DEFAULT_EXCLUDED_CONTENT_TYPES,
    ) -> None:
        if not 0 <= compresslevel <= 9:
            raise ValueError(f"compresslevel must be 0 (none) to 9 (best), got {compresslevel!r}")
        self.app = app
        self.minimum_size = minimum_size
        self.compresslevel = compresslevel
        self.thread_minimum_size = thread_minimum_size
        self.exclude_content_types = exclude_content_types

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the inner app with a `send` that compresses, or only marks what could have been compressed."""
        serve = self._responder(scope) if scope["type"] == "http" else self.app
        await serve(scope, receive, send)

    def _responder(self, scope: Scope) -> "IdentityResponder":
        excluded = self.exclude_content_types
        accepted = ", ".join(Headers(scope=scope).getlist("accept-encoding"))
        if not accepts_encoding(accepted, "gzip"):
            return IdentityResponder(self.app, self.minimum_size, exclude_content_types=excluded)
        threads, level = self.thread_minimum_size, self.compresslevel
        return GZipResponder(
            self.app, self.minimum_size, level, thread_minimum_size=threads, exclude_content_types=excluded
        )


class IdentityResponder(PassThrough):
    """One response that is not compressed: only `Vary` is added.

    A subclass that compresses sets `content_encoding` and gives `apply_compression`.
    """

    __slots__ = ("_held", "_method", "app", "exclude_content_types", "minimum_size", "send")

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
        self.send: Send = unattached_send
        self.leads_to = None
        self._method = "GET"
        # The start, and what came after it: they wait for the first chunk, which tells whether to compress.
        self._held: list[Message] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the inner app; whatever start it left waiting when it ended goes out as it is."""
        self.send = send
        self._method = scope["method"]
        await self.app(scope, receive, self.send_with_compression)
        await self._let_pass()

    async def send_with_compression(self, message: Message) -> None:
        """The `send` of the inner app."""
        if self.leads_to is not None:
            await self.leads_to(message)
        elif message["type"] == "http.response.start":
            await self._take_start(message)
        elif message["type"] == "http.response.body":
            await self._take_body(message)
        elif self._held and message["type"] in _SIDE_MESSAGES:
            self._held.append(message)
        else:
            # A body of another kind (a path, a file descriptor), trailers, or something unknown: not ours to compress.
            await self._let_pass()
            await self.send(message)

    async def apply_compression(self, body: bytes, *, more_body: bool) -> bytes:
        """What goes out for one chunk; the last one comes with `more_body` False."""
        return body

    async def _take_start(self, message: Message) -> None:
        # The list may be shared with other requests: change a copy.
        headers = MutableHeaders(raw=list(message.get("headers", ())))
        if not self._is_excluded(headers):
            headers.add_vary_header("Accept-Encoding")
        self._held = [{**message, "headers": headers.raw}]
        if not self._may_compress(message["status"], headers):
            await self._let_pass()

    def _is_excluded(self, headers: Headers) -> bool:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        family = kind.partition("/")[0] + "/*"
        return kind in self.exclude_content_types or family in self.exclude_content_types

    def _may_compress(self, status: int, headers: Headers) -> bool:
        if self.content_encoding is None or self._method == "HEAD" or status in _UNTOUCHED_STATUSES or status < 200:
            return False
        if "content-encoding" in headers or "content-range" in headers or self._is_excluded(headers):
            return False
        if "no-transform" in headers.get("cache-control", "").lower():
            return False
        length = headers.get("content-length", "")
        return not (length.isdecimal() and len(length) < 10 and int(length) < self.minimum_size)

    async def _let_pass(self) -> None:
        if self._held:
            await self._release()
            # From here on nobody looks at this response any more.
            self.leads_to = self.send

    async def _release(self) -> None:
        held, self._held = self._held, []
        for message in held:
            await self.send(message)

    async def _take_body(self, message: Message) -> None:
        body = message.get("body", b"")
        more_body = message.get("more_body", False)
        first = bool(self._held)
        compressed = body
        if not first or more_body or len(body) >= self.minimum_size:
            compressed = await self.apply_compression(body, more_body=more_body)
        if first and not more_body and len(compressed) >= len(body):
            await self._let_pass()
            await self.send(message)
            return
        if first:
            self._mark(MutableHeaders(raw=self._held[0]["headers"]), None if more_body else len(compressed))
            await self._release()
        await self.send({**message, "body": compressed})

    def _mark(self, headers: MutableHeaders, length: int | None) -> None:
        headers["Content-Encoding"] = self.content_encoding or "identity"
        for name in ("accept-ranges", "content-length"):
            if name in headers:
                del headers[name]
        if length is not None:
            headers["Content-Length"] = str(length)
        etag = headers.get("etag")
        if etag is not None and not etag.startswith("W/"):
            # RFC 9110 8.8.1: two representations that differ in bytes cannot share a strong validator.
            headers["ETag"] = "W/" + etag


class GZipResponder(IdentityResponder):
    """One response that is compressed with gzip if it is worth it."""

    __slots__ = ("_compresslevel", "_compressor", "thread_minimum_size")

    content_encoding = "gzip"

    def __init__(
        self,
        app: ASGIApp,
        minimum_size: int,
        compresslevel: int = 9,
        *,
        thread_minimum_size: int = 128 * 1024,
        exclude_content_types: tuple[str, ...] = DEFAULT_EXCLUDED_CONTENT_TYPES,
    ) -> None:
        super().__init__(app, minimum_size, exclude_content_types=exclude_content_types)
        self.thread_minimum_size = thread_minimum_size
        self._compresslevel = compresslevel
        self._compressor: zlib._Compress | None = None

    @property
    def compressor(self) -> "zlib._Compress":
        """The compressor of this response, made when it is first needed."""
        if self._compressor is None:
            # 16 + 15: the gzip format with the full window; the time in its header is 0, so equal bodies stay equal.
            self._compressor = zlib.compressobj(self._compresslevel, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        return self._compressor

    async def apply_compression(self, body: bytes, *, more_body: bool) -> bytes:
        """`body` compressed so far that the client can read all of it, and closed if it is the last."""
        if len(body) >= self.thread_minimum_size:
            return await run_framework_io(self._compress, body, more_body)
        return self._compress(body, more_body)

    def _compress(self, body: bytes, more_body: bool) -> bytes:
        if more_body and not body:
            return b""  # a flush of nothing would still cost bytes
        mode = zlib.Z_SYNC_FLUSH if more_body else zlib.Z_FINISH
        return self.compressor.compress(body) + self.compressor.flush(mode)


async def unattached_send(message: Message) -> NoReturn:
    """The `send` of a responder that was not called yet. Raises RuntimeError."""
    raise RuntimeError(f"cannot send {message['type']!r}: this responder has no request yet; call it with one first")
