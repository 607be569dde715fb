"""WSGI applications (PEP 3333) inside of an ASGI one.

Laws: the application runs in a worker thread of the user's limiter and waits there while each chunk is sent, so nothing
piles up; its iterable is closed in that thread on every way out; header names with an underscore never reach it,
because in `environ` they could not be told from those with a hyphen.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any, BinaryIO, cast
from urllib.parse import unquote

import anyio.from_thread

from asterion._core.headers import encode_header_name, encode_header_value
from asterion._core.paths import get_route_path
from asterion.concurrency import run_framework_io, run_in_threadpool
from asterion.types import Message, Receive, Scope, Send
from asterion.websockets import WebSocketClose

_SPOOL_SIZE = 1024 * 1024

StartResponse = Callable[..., Callable[[bytes], None]]


class WSGIMiddleware:
    """Serve `app`, a WSGI application, to be mounted under a path.

    A request's body is read before the application is called (on disk if it is large); put a body limit outside. A
    WebSocket is closed. Raises RuntimeError for scopes a WSGI application cannot serve (lifespan).
    """

    def __init__(self, app: Callable[..., Any]) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            await WSGIResponder(self.app, scope)(receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose()(scope, receive, send)
        else:
            raise RuntimeError(f"a WSGI application serves http requests only, got {scope['type']!r}; mount it")


class _ClientGone(Exception):
    """Ends the work of the thread; the iterable is closed on the way."""


class WSGIResponder:
    """One request to a WSGI application."""

    def __init__(self, app: Callable[..., Any], scope: Scope) -> None:
        self.app = app
        self.scope = scope
        self.status: int | None = None
        self.response_headers: list[tuple[bytes, bytes]] = []
        self.response_started = False
        self._environ: dict[str, Any] = {}
        self._emit: Callable[[Message], None] | None = None

    async def __call__(self, receive: Receive, send: Send) -> None:
        """Read the body, run the application and send its response. Raises what the application raises."""
        body = await read_body(receive)
        if body is None:
            return
        try:
            self._environ = build_environ(self.scope, body)
            await self.sender(send)
        except _ClientGone:
            return
        finally:
            # A spooled file that rolled over is an anonymous one: closing it does not wait for the disk.
            body.close()

    async def sender(self, send: Send) -> None:
        """Run the application in a worker thread, and send each of its messages while that thread waits."""
        self._emit = lambda message: anyio.from_thread.run(_deliver, send, message)
        await run_in_threadpool(self.wsgi, self._environ, self.start_response)

    def wsgi(self, environ: dict[str, Any], start_response: StartResponse) -> None:
        """Call the application and emit its chunks; runs in the worker thread."""
        chunks: Iterable[bytes] = self.app(environ, start_response)
        try:
            for chunk in chunks:
                # PEP 3333: the head waits for the first chunk that is not empty.
                if chunk:
                    self.write(chunk)
            self._start()
            self._put({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()

    def start_response(
        self, status: str, response_headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """Take the status (`"200 OK"`) and headers; returns the `write` callable of PEP 3333.

        Called again with `exc_info` it replaces what was not sent yet, or raises that error if it was. Raises
        RuntimeError when called again without, ValueError for a status or header that cannot be sent.
        """
        if exc_info is not None and self.response_started:
            raise exc_info[1].with_traceback(exc_info[2])
        if exc_info is None and self.status is not None:
            raise RuntimeError(f"start_response was called again ({status!r}) without exc_info; call it once")
        code = status[:3]
        if not (code.isascii() and code.isdecimal() and len(code) == 3):
            raise ValueError(f"a WSGI status starts with three digits, got {status!r}; write '200 OK'")
        self.status = int(code)
        self.response_headers = [
            (encode_header_name(name), encode_header_value(value, name)) for name, value in response_headers
        ]
        return self.write

    def write(self, chunk: bytes) -> None:
        """Send one chunk, after the head if that is still waiting."""
        self._start()
        self._put({"type": "http.response.body", "body": chunk, "more_body": True})

    def _start(self) -> None:
        if self.response_started:
            return
        if self.status is None:
            raise RuntimeError("the WSGI application gave its body without having called start_response")
        self.response_started = True
        self._put({"type": "http.response.start", "status": self.status, "headers": self.response_headers})

    def _put(self, message: Message) -> None:
        if self._emit is None:
            raise RuntimeError("this responder is not sending; call it with receive and send")
        try:
            self._emit(message)
        except OSError as error:
            # ASGI 2.4: the client has gone. Not to be mistaken for an OSError of the application.
            raise _ClientGone from error


async def _deliver(send: Send, message: Message) -> None:
    await send(message)


async def read_body(receive: Receive) -> BinaryIO | None:
    """The whole body of a request as a file; None if the client left before it was complete."""
    body = tempfile.SpooledTemporaryFile(max_size=_SPOOL_SIZE)  # noqa: SIM115 - the responder closes it
    size = 0
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                body.close()
                return None
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > _SPOOL_SIZE:
                await run_framework_io(body.write, chunk)
            else:
                body.write(chunk)
            if not message.get("more_body", False):
                return cast(BinaryIO, body)
    except BaseException:
        body.close()
        raise


def build_environ(scope: Scope, body: bytes | BinaryIO) -> dict[str, Any]:
    """The `environ` of PEP 3333 for a request with `body` (bytes, or a file, which is gone back to the start of)."""
    stream = BytesIO(body) if isinstance(body, bytes) else body
    size = stream.seek(0, 2)
    stream.seek(0)
    root = scope.get("root_path", "")
    server = scope.get("server") or ("localhost", None)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": _as_native(unquote(root)),
        "PATH_INFO": _as_native(get_route_path(scope)),
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "SERVER_NAME": server[0],
        # A Unix socket has no port, but PEP 3333 wants one that is not empty.
        "SERVER_PORT": str(server[1] or (443 if scope.get("scheme") == "https" else 80)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": stream,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope.get("client"):
        environ["REMOTE_ADDR"] = scope["client"][0]
        environ["REMOTE_PORT"] = str(scope["client"][1])
    environ.update(_header_variables(scope["headers"]))
    # A body that came in chunks has no length in its headers, and here it is complete.
    if size or "CONTENT_LENGTH" in environ:
        environ["CONTENT_LENGTH"] = str(size)
    return environ


def _header_variables(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    variables: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1")
        if "_" in name:
            continue
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        value = raw_value.decode("latin-1")
        if key in variables:
            value = variables[key] + ("; " if key == "HTTP_COOKIE" else ",") + value
        variables[key] = value
    return variables


def _as_native(text: str) -> str:
    # PEP 3333: text of bytes, each of which is one character.
    return text.encode("utf-8", "surrogateescape").decode("latin-1")
