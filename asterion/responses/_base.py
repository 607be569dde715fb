"""Responses whose body is known when they are made.

A response is an ASGI application: calling it sends its start, its body, and then runs its background work. It can be
sent any number of times.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from asterion._core.cookies import render_set_cookie
from asterion._core.headers import encode_header_name, encode_header_value
from asterion._core.jsoncodec import JSON
from asterion._core.wire import means_client_gone
from asterion.background import run_background
from asterion.datastructures import URL, MutableHeaders
from asterion.types import Message, Receive, Scope, Send

SameSite = Literal["lax", "strict", "none"]

# RFC 9110 6.4.1: these never have content, whatever the application put into the body (issue 1764).
WITHOUT_BODY = frozenset({204, 304, *range(100, 200)})

# RFC 3986 reserved and unreserved characters, and `%` so that what is quoted already stays as it is.
_URL_SAFE = ":/%#?=@[]!$&'()*+,;"


Line = tuple[bytes, bytes]

# PERF(benchmarks/plain_text): header lines that are made again and again are made once; bounded, whatever is asked for.
_LINES_AT_MOST = 4096
_length_lines: dict[int, Line] = {}
_type_lines: dict[str, Line] = {}


def _length_line(length: int) -> Line:
    line = (b"content-length", b"%d" % length)
    if length < _LINES_AT_MOST:
        _length_lines[length] = line
    return line


def _type_line(media_type: str, charset: str) -> Line:
    with_charset = media_type.startswith("text/") and "charset=" not in media_type.lower()
    text = f"{media_type}; charset={charset}" if with_charset else media_type
    line = (b"content-type", encode_header_value(text, "content-type"))
    if len(_type_lines) < _LINES_AT_MOST and charset == "utf-8":
        _type_lines[media_type] = line
    return line


def sends_body(status_code: int, scope: Scope) -> bool:
    """Whether a response with this status to this request has content (RFC 9110 6.4.1 and 9.3.2)."""
    return status_code not in WITHOUT_BODY and scope.get("method") != "HEAD"


class Response:
    """A response with a body of bytes or text.

    `content` is bytes (or any bytes-like object), text (encoded with `charset`) or None; `headers` wins over the
    content type and length that are set by default; `background` runs after the last byte. Raises TypeError for
    other content and ValueError for header names or values that cannot be sent (RFC 9110 5.5).
    """

    media_type: str | None = None
    charset = "utf-8"

    prepares: ClassVar[bool] = False
    """Whether `prepare` has anything to do, in a subclass."""

    status_code: int
    body: bytes | memoryview
    raw_headers: list[tuple[bytes, bytes]]
    _headers: MutableHeaders | None = None

    def __init__(
        self,
        content: Any = None,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: Any = None,
    ) -> None:
        self.status_code = status_code
        if media_type is not None:
            self.media_type = media_type
        self.background = background
        kind = self.__class__
        body: bytes | memoryview
        # PERF(benchmarks/plain_text): what `render` and `init_headers` come to, nearly always, without the calls.
        if content.__class__ is str and kind.render is _RENDER and self.charset == "utf-8":
            body = self.body = content.encode()
        else:
            body = self.body = self.render(content)
        if headers is None and status_code == 200 and kind.init_headers is _INIT_HEADERS and body.__class__ is bytes:
            length = len(body)
            lines = self.raw_headers = [_length_lines.get(length) or _length_line(length)]
            media_type = self.media_type
            if media_type is not None:
                known = _type_lines.get(media_type) if self.charset == "utf-8" else None
                lines.append(known or _type_line(media_type, self.charset))
        else:
            self.init_headers(headers)

    def render(self, content: Any) -> bytes | memoryview:
        """The body that stands for `content`. Raises TypeError where it is neither bytes-like, text nor None."""
        if isinstance(content, str):
            return content.encode(self.charset)
        if type(content) is bytes:
            return content
        if content is None:
            return b""
        if isinstance(content, bytes | bytearray):
            return bytes(content)
        if isinstance(content, memoryview):
            # A typed or many-dimensional view counts items, not bytes (issue 3622).
            return content.cast("B") if content.c_contiguous else content.tobytes()
        raise TypeError(
            f"{type(self).__name__} content must be bytes, str or None, got {type(content).__name__}: {content!r:.80}; "
            "use JSONResponse for data and StreamingResponse for iterables"
        )

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Set `raw_headers` from `headers`, with content length and type where `headers` has none."""
        raw: list[Line] = []
        with_length = with_type = True
        if headers is not None:
            for name, value in headers.items():
                key = encode_header_name(name)
                raw.append((key, encode_header_value(value, name)))
                if key == b"content-length":
                    with_length = False
                elif key == b"content-type":
                    with_type = False
        body = getattr(self, "body", None)
        if with_length and body is not None and self.status_code not in WITHOUT_BODY:
            length = len(body)
            raw.append(_length_lines.get(length) or _length_line(length))
        media_type = self.media_type
        if with_type and media_type is not None:
            known = _type_lines.get(media_type) if self.charset == "utf-8" else None
            raw.append(known or _type_line(media_type, self.charset))
        self.raw_headers = raw

    @property
    def headers(self) -> MutableHeaders:
        """The headers, to read and to change."""
        view = self._headers
        if view is None or view._list is not self.raw_headers:
            # PERF(benchmarks/header_middleware): the constructor's choice between its sources is made already.
            view = self._headers = MutableHeaders.__new__(MutableHeaders)
            view._list = self.raw_headers
        return view

    def set_cookie(
        self,
        key: str,
        value: str = "",
        max_age: int | None = None,
        expires: datetime | str | int | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: SameSite | None = "lax",
        partitioned: bool = False,
    ) -> None:
        """Add a `Set-Cookie` header (RFC 6265). `max_age` is in seconds; `expires` a date or seconds from now.

        Raises ValueError, naming the attribute, for what a cookie cannot hold.
        """
        cookie = render_set_cookie(
            key,
            value,
            max_age=max_age,
            expires=expires,
            path=path,
            domain=domain,
            secure=secure,
            httponly=httponly,
            samesite=samesite,
            partitioned=partitioned,
        )
        self.raw_headers.append((b"set-cookie", encode_header_value(cookie, "set-cookie")))

    def delete_cookie(
        self,
        key: str,
        path: str = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: SameSite | None = "lax",
        partitioned: bool = False,
    ) -> None:
        """Tell the client to forget a cookie. Path, domain and flags must be those it was set with."""
        self.set_cookie(
            key,
            max_age=0,
            expires=0,
            path=path,
            domain=domain,
            secure=secure,
            httponly=httponly,
            samesite=samesite,
            partitioned=partitioned,
        )

    async def prepare(self, scope: Scope) -> Sequence[Message]:
        """Make head and body final, and give the messages that go before them. Called where `prepares` is true."""
        return ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, then run its background work."""
        if self.prepares:
            for message in await self.prepare(scope):
                await send(message)
        if scope["type"] == "http":
            status, headers, body = content_of(self, scope)
            try:
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": body})
            except OSError as error:
                # A client that has gone is no failure of ours, and the background work is done all the same.
                if not means_client_gone(error):
                    raise
        else:
            headers = self.raw_headers.copy()
            await send({"type": "websocket.http.response.start", "status": self.status_code, "headers": headers})
            await send({"type": "websocket.http.response.body", "body": self.body})
        if self.background is not None:
            await run_background(self.background, scope)


_RENDER, _INIT_HEADERS = Response.render, Response.init_headers


def content_of(response: Response, scope: Scope) -> tuple[int, list[Line], bytes | memoryview]:
    """Status, headers and body by which `response` answers the HTTP request of `scope`. The list may be changed."""
    status = response.status_code
    # A copy: layers outside may change the headers of this one sending.
    headers = response.raw_headers.copy()
    if status in WITHOUT_BODY:
        return status, headers_without_content(headers, status), b""
    return status, headers, b"" if scope.get("method") == "HEAD" else response.body


def headers_without_content(headers: list[tuple[bytes, bytes]], status: int) -> list[tuple[bytes, bytes]]:
    """The headers of a response without content: no length, but for a 304, which may tell that of the 200."""
    return headers if status == 304 else [pair for pair in headers if pair[0] != b"content-length"]


class HTMLResponse(Response):
    """A response of media type `text/html`."""

    media_type = "text/html"


class PlainTextResponse(Response):
    """A response of media type `text/plain`."""

    media_type = "text/plain"


class JSONResponse(Response):
    """A response whose body is `content` as JSON (RFC 8259: UTF-8, no NaN or infinity)."""

    media_type = "application/json"

    def __init__(
        self,
        content: Any,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: Any = None,
    ) -> None:
        # PERF(benchmarks/typed_parameter): what the base's constructor does, without the call.
        self.status_code = status_code
        if media_type is not None:
            self.media_type = media_type
        self.background = background
        kind = self.__class__
        body = self.body = self.render(content)
        # PERF(benchmarks/typed_parameter): what `init_headers` comes to, nearly always, without the call.
        if headers is None and status_code == 200 and kind.init_headers is _INIT_HEADERS and body.__class__ is bytes:
            length = len(body)
            lines = self.raw_headers = [_length_lines.get(length) or _length_line(length)]
            media_type = self.media_type
            if media_type is not None:
                known = _type_lines.get(media_type) if self.charset == "utf-8" else None
                lines.append(known or _type_line(media_type, self.charset))
        else:
            self.init_headers(headers)

    def render(self, content: Any) -> bytes:
        """`content` as compact JSON. Raises TypeError or ValueError for what JSON cannot hold."""
        return JSON.codec.encode(content)


class RedirectResponse(Response):
    """A redirect to `url`, which may be relative. What a URL cannot hold is percent-encoded (RFC 3986)."""

    def __init__(
        self,
        url: str | URL,
        status_code: int = 307,
        headers: Mapping[str, str] | None = None,
        background: Any = None,
    ) -> None:
        super().__init__(b"", status_code, headers, background=background)
        self.headers["location"] = quote(str(url), safe=_URL_SAFE)
