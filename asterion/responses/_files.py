"""Files: whole, in ranges, or not at all if the client has them already.

What is sent is decided by a plain function of the request, the headers and the size of the descriptor that is then
read (`_openfile`). Laws: Content-Length is always what is sent, a file that shrinks meanwhile raises rather than ending
like a complete body, the headers of an instance are never changed by sending it, and every way out closes the file.
"""

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from asterion._core.conditional import if_range_matches, is_not_modified, precondition_failed
from asterion._core.filehead import render_disposition, render_stat_headers
from asterion._core.ranges import Unsatisfiable, parse_range
from asterion._core.wire import means_client_gone, straight
from asterion.background import run_background
from asterion.concurrency import run_framework_io
from asterion.datastructures import Headers
from asterion.responses._base import Response, headers_without_content, sends_body
from asterion.responses._mediatypes import guess_media_type
from asterion.responses._openfile import OpenFile
from asterion.responses._watch import ClientWatch
from asterion.types import Message, Receive, Scope, Send

# RFC 9110 15.4.5: an answer without the content does not describe it.
_DESCRIBES_CONTENT = (
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-type",
    "last-modified",
)
# An answer without the content because something was wrong with the request is not to be kept for long either.
_NOT_OF_REFUSALS = (*_DESCRIBES_CONTENT, "cache-control", "expires")


class MalformedRangeHeader(Exception):
    """A Range header that does not follow the grammar. FileResponse ignores such a header (RFC 9110 14.2)."""

    def __init__(self, content: str = "Malformed range header.") -> None:
        super().__init__(content)
        self.content = content


class RangeNotSatisfiable(Exception):
    """No range that was asked for lies within the `max_size` bytes there are."""

    def __init__(self, max_size: int) -> None:
        super().__init__(max_size)
        self.max_size = max_size


class _Plan:
    """What to send: a status, changes to the headers (None drops one), and pieces.

    A piece is bytes, or a half-open range of the file.
    """

    __slots__ = ("changes", "pieces", "status", "whole")

    def __init__(
        self,
        status: int,
        changes: dict[str, str | None] | None = None,
        pieces: list[bytes | tuple[int, int]] | None = None,
        whole: bool = False,
    ) -> None:
        self.status = status
        self.changes = {} if changes is None else changes
        self.pieces = [] if pieces is None else pieces
        self.whole = whole


_READ_AHEAD = 4
"""Chunks that are read at once, in the end: the way to a worker thread and back costs more than a chunk does."""


class FileResponse(Response):
    """The file at `path`, read in worker threads in chunks of `chunk_size` bytes.

    A response with status 200 to GET or HEAD is conditional: 304 by If-None-Match or If-Modified-Since, 412 by If-Match
    or If-Unmodified-Since (RFC 9110 13). GET may ask for up to `max_ranges` ranges, guarded by a strong If-Range: 206,
    or 416 if none can be satisfied (RFC 9110 14); the header `Accept-Ranges: none` says that there are none to be had.
    `media_type` is guessed from `filename` or `path` if
    it is not given. With `filename`, clients are told to save the file under that name (`content_disposition_type`:
    `attachment`, or `inline`). `stat_result` saves nothing but lets the headers be seen before the response is sent.
    Where the server lists the extension `http.response.pathsend`, it is asked to send a whole file itself.

    Sending raises RuntimeError if there is no regular file at `path` that may be read, and if it gets shorter while it
    is sent; OSError for other failures of the system.
    """

    chunk_size = 64 * 1024
    max_ranges = 100

    def __init__(
        self,
        path: str | os.PathLike[str],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: Any = None,
        filename: str | None = None,
        stat_result: os.stat_result | None = None,
        content_disposition_type: str = "attachment",
    ) -> None:
        self.path = path
        self.status_code = status_code
        self.filename = filename
        self.media_type = media_type or guess_media_type(filename or os.fspath(path))
        self.background = background
        self.init_headers(headers)
        self.headers.setdefault("accept-ranges", "bytes")
        if filename is not None:
            self.headers.setdefault("content-disposition", render_disposition(content_disposition_type, filename))
        self.stat_result = stat_result
        self._stated: dict[str, str] = {}
        if stat_result is not None:
            self.set_stat_headers(stat_result)

    def set_stat_headers(self, stat_result: os.stat_result) -> None:
        """Set Content-Length, and Last-Modified and ETag unless the application gave its own, from `stat_result`."""
        size, modified, modified_ns = stat_result.st_size, stat_result.st_mtime, stat_result.st_mtime_ns
        fresh = render_stat_headers(size, modified, modified_ns, self.headers.get("content-encoding", ""))
        for name, value in fresh.items():
            present = self.headers.get(name)
            if name == "content-length" or present is None or present == self._stated.get(name):
                self.headers[name] = value
        self._stated = fresh

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file or what was asked of it, close it, then run the background work."""
        opened = OpenFile(self.path)
        watch = ClientWatch(scope, receive)
        try:
            stat_result = await run_framework_io(opened.open)
            # One instance may be sent many times, and at once: what this sending says is its own.
            answer = copy.copy(self)
            answer.raw_headers = self.raw_headers.copy()
            answer.set_stat_headers(stat_result)
            plan = answer._plan(scope, stat_result.st_size)
            await _Delivery(answer, plan, scope, send, watch).run(opened)
            await run_framework_io(opened.close)
        except BaseException:
            # On the way of an error or a cancellation there is no time for a thread.
            opened.close()
            await watch.abandon()
            raise
        await watch.close()
        watch.check()
        if self.background is not None:
            await run_background(self.background, scope)

    def _plan(self, scope: Scope, size: int) -> _Plan:
        whole = _Plan(self.status_code, pieces=[(0, size)], whole=True)
        if scope["type"] != "http" or self.status_code != 200 or scope["method"] not in ("GET", "HEAD"):
            return whole
        request_headers = Headers(scope=scope)
        if precondition_failed(self.headers, request_headers):
            return _Plan(412, {**dict.fromkeys(_NOT_OF_REFUSALS), "content-length": "0"})
        if is_not_modified(self.headers, request_headers):
            return _Plan(304, dict.fromkeys(_DESCRIBES_CONTENT))
        # RFC 9110 14.2: a range is defined for GET only.
        may_ask = scope["method"] == "GET" and self.headers.get("accept-ranges") != "none"
        wanted = request_headers.get("range") if may_ask else None
        if wanted is None or not if_range_matches(self.headers, request_headers):
            return whole
        try:
            ranges = parse_range(wanted, size, self.max_ranges)
        except Unsatisfiable:
            described: dict[str, str | None] = {**dict.fromkeys(_NOT_OF_REFUSALS), "content-length": "0"}
            return _Plan(416, {**described, "content-range": f"bytes */{size}"})
        if ranges is None:
            return whole
        if len(ranges) > 1:
            return self._plan_multipart(ranges, size)
        start, end = ranges[0]
        described = {"content-range": f"bytes {start}-{end - 1}/{size}", "content-length": str(end - start)}
        return _Plan(206, described, [(start, end)])

    def _plan_multipart(self, ranges: Sequence[tuple[int, int]], size: int) -> _Plan:
        boundary = os.urandom(16).hex()
        length, head = self.generate_multipart(ranges, boundary, size, self.headers["content-type"])
        pieces: list[bytes | tuple[int, int]] = []
        for start, end in ranges:
            pieces += [head(start, end), (start, end), b"\r\n"]
        pieces.append(_closing(boundary))
        return _Plan(
            206,
            {"content-type": f"multipart/byteranges; boundary={boundary}", "content-length": str(length)},
            pieces,
        )

    def generate_multipart(
        self, ranges: Sequence[tuple[int, int]], boundary: str, max_size: int, content_type: str
    ) -> tuple[int, Callable[[int, int], bytes]]:
        """The length of a `multipart/byteranges` body (RFC 9110 14.6), and the function that makes a part's head.

        `ranges` are half-open, `max_size` is the size of the file. Each head is followed by the bytes of its range and
        CRLF, the last part by the closing delimiter.
        """
        common = f"--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: bytes "

        def head(start: int, end: int) -> bytes:
            return f"{common}{start}-{end - 1}/{max_size}\r\n\r\n".encode("latin-1")

        parts = sum(len(head(start, end)) + end - start + len(b"\r\n") for start, end in ranges)
        return parts + len(_closing(boundary)), head


class _Delivery:
    """One sending of one plan. An OSError of `send` is a client that has gone; one of the file is an error."""

    __slots__ = ("_answer", "_kind", "_plan", "_scope", "_send", "_watch")

    def __init__(self, answer: FileResponse, plan: _Plan, scope: Scope, send: Send, watch: ClientWatch) -> None:
        self._answer = answer
        self._plan = plan
        self._scope = scope
        self._send = send
        self._watch = watch
        self._kind = "http.response" if scope["type"] == "http" else "websocket.http.response"

    async def run(self, opened: OpenFile) -> None:
        plan = self._plan
        with_body = self._kind != "http.response" or sends_body(plan.status, self._scope)
        await self._put({"type": f"{self._kind}.start", "status": plan.status, "headers": self._headers(with_body)})
        if with_body and plan.whole and self._server_sends_paths():
            await self._put({"type": "http.response.pathsend", "path": absolute_path(self._answer.path)})
        elif with_body and plan.pieces:
            await self._put_pieces(opened)
        else:
            await self._put({"type": f"{self._kind}.body", "body": b"", "more_body": False})

    def _headers(self, with_body: bool) -> list[tuple[bytes, bytes]]:
        headers = self._answer.headers
        for name, value in self._plan.changes.items():
            if value is None:
                del headers[name]
            else:
                headers[name] = value
        # To HEAD, the length is that of the answer to GET (RFC 9110 8.6).
        if with_body or self._scope.get("method") == "HEAD":
            return headers.raw
        return headers_without_content(headers.raw, self._plan.status)

    def _server_sends_paths(self) -> bool:
        return self._scope["type"] == "http" and "http.response.pathsend" in (self._scope.get("extensions") or {})

    async def _put(self, message: Message, send: Send | None = None) -> None:
        if self._watch.gone:
            return
        try:
            await (send or self._send)(message)
            self._watch.complete = message["type"] == f"{self._kind}.body" and not message["more_body"]
        except OSError as error:
            if not means_client_gone(error):
                raise
            self._watch.gone = True

    async def _put_pieces(self, opened: OpenFile) -> None:
        left = sum(len(piece) if isinstance(piece, bytes) else piece[1] - piece[0] for piece in self._plan.pieces)
        if not left:
            await self._put({"type": f"{self._kind}.body", "body": b"", "more_body": False})
            return
        self._watch.open()
        outermost = straight(self._send)
        for piece in self._plan.pieces:
            chunks, (at, end) = ([piece], (0, len(piece))) if isinstance(piece, bytes) else ([], piece)
            ahead = 1
            while at < end and not self._watch.gone:
                if not chunks:
                    chunks = await self._read(opened, at, end, ahead)
                    ahead = min(2 * ahead, _READ_AHEAD)
                chunk = chunks.pop(0)
                at += len(chunk)
                left -= len(chunk)
                # The last message goes the whole way, so that every layer knows that the response is complete.
                send = outermost if left else self._send
                await self._put({"type": f"{self._kind}.body", "body": chunk, "more_body": left > 0}, send)

    async def _read(self, opened: OpenFile, start: int, end: int, count: int) -> list[bytes]:
        chunks = await run_framework_io(opened.read, start, end, self._answer.chunk_size, count)
        if not chunks:
            path = os.fspath(self._answer.path)
            raise RuntimeError(
                f"{path!r} got shorter while it was sent: it ends at byte {start}, before {end}; the response stays "
                "incomplete, so that the client can tell. Replace files by renaming, do not truncate them"
            )
        return chunks


def absolute_path(path: str | os.PathLike[str]) -> str:
    """`path` from the root, as the extension `http.response.pathsend` wants it."""
    return os.path.abspath(path)


def _closing(boundary: str) -> bytes:
    return f"--{boundary}--\r\n".encode("latin-1")
