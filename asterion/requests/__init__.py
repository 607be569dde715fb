"""A connection as the handler sees it: `Request`, and what it has in common with a WebSocket.

Laws of this package: constructing a request stores three references, everything else is parsed when it is asked for and
kept; no byte of a body that was taken from `receive` is lost; whoever asks for a body that is gone is told so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import Any, NoReturn, cast

import anyio.lowlevel

from asterion._core.forms import FormLimits, MultiPartException
from asterion._core.headers import encode_header_value
from asterion._core.jsonbody import MalformedJSON
from asterion._core.scopekeys import LISTENERS, READING, STASH_LIMIT, STASHED, Listener, stashed_bytes
from asterion.datastructures import FormData
from asterion.requests._body import BodyRequest, BodyStream, ClientDisconnect
from asterion.requests._connection import HTTPConnection, MissingMiddleware, StateT, WrongScope, cookie_parser
from asterion.requests._glance import glance
from asterion.types import Message, Receive, Scope, Send

__all__ = (
    "BodyStream",
    "ClientDisconnect",
    "HTTPConnection",
    "MalformedJSON",
    "MissingMiddleware",
    "Request",
    "WrongScope",
    "cookie_parser",
    "empty_receive",
    "empty_send",
)

SERVER_PUSH_HEADERS_TO_COPY = {"accept", "accept-encoding", "accept-language", "cache-control", "user-agent"}
"""Request headers that a pushed request carries as well (`Request.send_push_promise`)."""


async def empty_receive() -> NoReturn:
    """The `receive` of a request made without one. Raises RuntimeError."""
    raise RuntimeError("This request was made without `receive`, so it has no body: use Request(scope, receive).")


async def empty_send(message: Message) -> NoReturn:
    """The `send` of a request made without one. Raises RuntimeError."""
    raise RuntimeError(
        f"This request was made without `send`, so {message.get('type')!r} cannot be sent: "
        "use Request(scope, receive, send)."
    )


class PendingForm:
    """A form to be: `await` it for the form, or `async with` it to have its files closed at the end."""

    __slots__ = ("_form", "_read")

    _form: FormData
    """There once the block was entered."""

    def __init__(self, read: Callable[[], Awaitable[FormData]]) -> None:
        self._read = read

    def __await__(self) -> Generator[Any, None, FormData]:
        return self._read().__await__()

    async def __aenter__(self) -> FormData:
        self._form = await self._read()
        return self._form

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._form.close()


class Request(BodyRequest[StateT]):
    """An HTTP request. Raises WrongScope unless the scope is of type "http"."""

    _form: FormData | None = None
    _form_error: Exception | None = None

    def __init__(self, scope: Scope, receive: Receive = empty_receive, send: Send = empty_send) -> None:
        # PERF(benchmarks/plain_text): one call less than through HTTPConnection.__init__, which does the same.
        if scope["type"] != "http":
            raise WrongScope("'http'", scope)
        self.scope = scope
        self._receive = receive
        self._send = send

    @property
    def method(self) -> str:
        """The request method, in capitals as the server gives it."""
        return cast(str, self.scope["method"])

    @property
    def receive(self) -> Receive:
        """The ASGI `receive` of this request."""
        return self._receive

    # --- forms ---

    def form(
        self,
        *,
        max_files: int | float = 1000,
        max_fields: int | float = 1000,
        max_part_size: int = 1024 * 1024,
        limits: FormLimits | None = None,
    ) -> PendingForm:
        """The form in the body: `await request.form()`, or `async with request.form() as form` to close its files.

        `multipart/form-data` and `application/x-www-form-urlencoded` are read; any other content type gives an empty
        form and leaves the body. `limits`, if given, stands in place of the three numbers and holds the others too.

        Awaiting raises MultiPartException (400, or 413) if the form is malformed, truncated or over a limit,
        MissingFormLibrary if multipart cannot be read here, and as `stream` does.
        """
        if limits is None:
            limits = FormLimits(max_files=max_files, max_fields=max_fields, max_part_size=max_part_size)
        return PendingForm(lambda: self._get_form(limits))

    async def _get_form(self, limits: FormLimits) -> FormData:
        if self._form is None:
            record = self._kept()
            if record is not None and record.form is not None:
                self._form = record.form
            else:
                self._form = await self._parse_form(limits)
                self._remember("form", self._form)
        return self._form

    async def _parse_form(self, limits: FormLimits) -> FormData:
        # Here and not above: what reads forms takes its time to import, and many an application has none.
        from asterion.formparsers import FormParser, MultiPartParser

        content_type = (self.headers.get("content-type") or "").partition(";")[0].strip().lower()
        parser: FormParser | MultiPartParser
        if content_type == "multipart/form-data":
            parser = MultiPartParser(self.headers, self.stream(), limits=limits)
        elif content_type == "application/x-www-form-urlencoded":
            parser = FormParser(self.headers, self.stream(), limits=limits)
        else:
            return FormData()
        if self._form_error is not None and not hasattr(self, "_body"):
            raise self._form_error
        self._form_error = RuntimeError("The reading of this form was interrupted half-way; its beginning is gone.")
        try:
            form = await parser.parse()
        except MultiPartException as error:
            # A copy without traceback: the error itself would hold this very frame, and with it the request.
            self._form_error = MultiPartException(error.message, error.status_code)
            raise
        self._form_error = None
        return form

    async def close(self) -> None:
        """Close the files of the form, if one was read."""
        if self._form is not None:
            await self._form.close()

    # --- the client ---

    async def is_disconnected(self) -> bool:
        """Whether the client has gone, without waiting.

        Body messages that are in the way are kept for whoever reads the body. While the body is being read elsewhere,
        or 1 MiB of it is kept already, nothing new is looked at.
        """
        if self._is_disconnected or self.scope.get(READING, False):
            return self._is_disconnected
        listeners: list[Listener] = self.scope.get(LISTENERS, [])
        if listeners:
            # They wait in `receive`; a second caller there would only take what they are to learn.
            await anyio.lowlevel.checkpoint()
            self._is_disconnected = any(listener.gone for listener in listeners)
        elif stashed_bytes(self.scope) < STASH_LIMIT:
            message = await glance(self._receive)
            if message is not None and message["type"] == "http.disconnect":
                self._is_disconnected = True
            elif message is not None:
                self.scope.setdefault(STASHED, []).append(message)
        return self._is_disconnected

    async def send_push_promise(self, path: str) -> None:
        """Push `path` to the client, if the server can (ASGI extension `http.response.push`); else do nothing.

        Raises ValueError for a path with control characters.
        """
        encode_header_value(path, "path of a push promise")
        if "http.response.push" not in (self.scope.get("extensions") or {}):
            return
        headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name in sorted(SERVER_PUSH_HEADERS_TO_COPY)
            for value in self.headers.getlist(name)
        ]
        await self._send({"type": "http.response.push", "path": path, "headers": headers})

    async def send_early_hints(self, link: str, /, *additional_links: str) -> None:
        """Send `Link` values ahead of the response (103, RFC 8297), if the server can; else do nothing.

        Raises ValueError for a link with control characters or characters outside of Latin-1.
        """
        links = [encode_header_value(value, "link") for value in (link, *additional_links)]
        if "http.response.early_hint" in (self.scope.get("extensions") or {}):
            await self._send({"type": "http.response.early_hint", "links": links})
