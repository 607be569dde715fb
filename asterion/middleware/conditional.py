"""Conditional requests for pages that are made anew each time: what the client has already is not sent again.

Laws (RFC 9110 section 13, by the same rules as files): only successful answers to GET and HEAD are concerned, and only
those that come in one piece, so that nothing is held back of a stream. A tag that the application has set stays. Making
the page is not saved, sending it is.
"""

from __future__ import annotations

import hashlib

from asterion._core.conditional import is_not_modified
from asterion.datastructures import Headers, MutableHeaders
from asterion.types import ASGIApp, Message, Receive, Scope, Send

_KEPT_BY_304 = frozenset(
    {b"cache-control", b"content-location", b"date", b"etag", b"expires", b"set-cookie", b"vary", b"last-modified"}
)


class ConditionalMiddleware:
    """Give complete answers an `ETag`, and answer 304 where the client's copy is current.

    The tag is a hash of the body: equal bodies are equal answers. It belongs inside of compression, which makes the tag
    weak, and inside of whatever adds headers that a 304 needs as well. Answers with `Cache-Control: no-store`, streams,
    and everything but status 200 to GET and HEAD pass untouched; HEAD gets no tag of its own, as its body is not there
    to be hashed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the inner app with a `send` that looks at the head and the first piece of the body."""
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            send = _Judge(scope, send).send
        await self.app(scope, receive, send)


class _Judge:
    """Holds the head of one response until the first piece of its body has come."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._head: Message | None = None
        self._unneeded = False  # a 304 is out; what else there is of the body goes nowhere

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            if message["status"] == 200 and "no-store" not in Headers(raw=message.get("headers", ())).get(
                "cache-control", ""
            ):
                self._head = message
                return
        elif self._unneeded and kind in ("http.response.body", "http.response.trailers"):
            return
        elif self._head is not None and kind in ("http.response.body", "http.response.pathsend"):
            head, self._head = self._head, None
            if kind == "http.response.body" and not message.get("more_body"):
                self._tag(head, message.get("body", b""))
            if is_not_modified(Headers(raw=head.get("headers", ())), Headers(scope=self._scope)):
                await self._not_modified(head)
                return
            await self._send(head)
        elif self._head is not None:
            # Of a kind that this knows nothing of: it keeps its place, and the head is not held any longer.
            head, self._head = self._head, None
            await self._send(head)
        await self._send(message)

    def _tag(self, head: Message, body: bytes) -> None:
        headers = MutableHeaders(raw=list(head.get("headers", ())))
        if self._scope["method"] == "GET" and "etag" not in headers:
            headers["etag"] = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
            head["headers"] = headers.raw

    async def _not_modified(self, head: Message) -> None:
        self._unneeded = True
        headers = [pair for pair in head.get("headers", ()) if pair[0].lower() in _KEPT_BY_304]
        await self._send({**head, "status": 304, "headers": headers})
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
