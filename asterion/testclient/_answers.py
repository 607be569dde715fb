"""From the messages of an application to the response an HTTP client sees."""

import os
from typing import Any

from asterion._core.conformance import ConformanceError
from asterion.testclient._httpx import httpx
from asterion.types import Message

_DEBUG = "http.response.debug"


class Answer:
    """The head of a response and what came beside it, gathered message by message.

    `extensions` becomes the response's own dictionary: what arrives later (trailers) shows up there too.
    """

    __slots__ = ("extensions", "headers", "promises_trailers", "status")

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.promises_trailers = False
        self.extensions: dict[str, Any] = {}

    def absorb(self, message: Message) -> bytes:
        """Take the next message of the application; the bytes it adds to the body."""
        kind = message["type"]
        if kind == "http.response.body":
            return bytes(message.get("body", b""))
        if kind == "http.response.start":
            self.status = message["status"]
            self.headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
            self.promises_trailers = bool(message.get("trailers", False))
        elif kind == _DEBUG:
            self.extensions[_DEBUG] = message["info"]
        elif kind == "http.response.pathsend":
            with open(message["path"], "rb") as file:
                return file.read()
        elif kind == "http.response.zerocopysend":
            return _read_descriptor(message)
        elif kind == "http.response.trailers":
            self.extensions.setdefault(kind, []).extend(message.get("headers", ()))
        elif kind == "http.response.early_hint":
            self.extensions.setdefault(kind, []).extend(message.get("links", ()))
        elif kind == "http.response.push":
            self.extensions.setdefault(kind, []).append((message["path"], list(message.get("headers", ()))))
        return b""

    def ends_with(self, message: Message) -> bool:
        """Whether nothing of the response can follow `message`."""
        kind = message["type"]
        if kind == "http.response.trailers":
            return not message.get("more_trailers", False)
        if kind == "http.response.pathsend":
            return not self.promises_trailers
        if kind in ("http.response.body", "http.response.zerocopysend"):
            return not message.get("more_body", False) and not self.promises_trailers
        return False

    def response(self, request: "httpx.Request", body: "httpx.SyncByteStream | bytes") -> "httpx.Response":
        """The response as the client sees it: 500 if the application gave none."""
        if isinstance(body, bytes):
            body = httpx.ByteStream(b"" if request.method == "HEAD" else body)
        response = httpx.Response(self.status or 500, headers=self.headers, stream=body, request=request)
        response.extensions = self.extensions  # the very dictionary: the constructor would copy it
        info = self.extensions.get(_DEBUG, {})
        for name in ("template", "context"):
            if name in info:
                setattr(response, name, info[name])
        return response


def no_response() -> ConformanceError:
    """The error of an application that returned without a response."""
    return ConformanceError(
        "TestClient did not receive any response: the application returned without 'http.response.start'"
    )


def _read_descriptor(message: Message) -> bytes:
    """What a zero-copy message points at: `count` bytes (or all) from `offset` (or the current position)."""
    offset, count = message.get("offset"), message.get("count")
    descriptor = message["file"] if isinstance(message["file"], int) else message["file"].fileno()
    if offset is not None:
        os.lseek(descriptor, offset, os.SEEK_SET)
    parts: list[bytes] = []
    while count is None or count > 0:
        part = os.read(descriptor, 65536 if count is None else min(count, 65536))
        if not part:
            break
        parts.append(part)
        count = None if count is None else count - len(part)
    return b"".join(parts)
