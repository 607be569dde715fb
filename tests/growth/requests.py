"""Requests as large as they may be: what a server passes on and the limits allow that are on from the start.

The head of a request has 64 KiB, which is what uvicorn takes; bodies come in pieces of 64 KiB, and the limits are those
of docs/security.md. On Starlette the same requests are asked, whether it has those limits or not.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.growth import bodies, heads
from tests.growth.shapes import Kit, http_scope, numbered, repeated
from tests.growth.steps import Server

HEAD = 64 * 1024 - 500
MEBIBYTE = 1024 * 1024
BODY = 32 * MEBIBYTE


@dataclass(frozen=True)
class Large:
    """A kind of request, and what it is made of. `make` gives an application, its scope and the pieces of the body.

    `units` is the bound of its longest step, in times of `known_work`, where it is not 1, and `because` says why.
    """

    kind: str
    make: Callable[[Kit], tuple[Any, dict[str, Any], Sequence[bytes]]]
    waits: bool = True
    units: float = 1.0
    because: str = ""
    slow: bool = False
    """Whether only `make growth` asks it."""

    def __str__(self) -> str:
        return self.kind

    def prepared(self, kit: Kit) -> Callable[[], Any]:
        """What asks once: a coroutine function. What makes the request is not part of it."""
        app, scope, pieces = self.make(kit)

        async def ask() -> None:
            server = Server(pieces, waits=self.waits)
            try:
                await app(dict(scope), server.receive, server.send)
            except Exception:  # for the server's log
                pass

        return ask


LARGE: list[Large] = []


def large(kind: str, make: Callable[..., Any], *args: Any, **options: Any) -> None:
    """Register a kind of request."""
    LARGE.append(Large(kind, partial(make, *args), **options))


# --- heads ---


async def read_head(request: Any) -> None:
    """All that is asked of a head."""
    _ = dict(request.headers), request.cookies, request.query_params.multi_items(), str(request.url), request.base_url


def head(headers: Any, query: str, path: str, kit: Kit) -> Any:
    """An endpoint that asks everything of a head of this size."""

    async def endpoint(request: Any) -> Any:
        await read_head(request)
        return kit.responses.PlainTextResponse("hello")

    given = [(name, text(HEAD) if callable(text) else text) for name, text in headers]
    scope = http_scope(path=path, headers=[("host", "example.org"), *given], query=query.encode())
    return kit.app(routes=[kit.routing.Route("/{rest:path}", endpoint)]), scope, [b""]


def around(make_app: Callable[[Kit], Any], header: str, text: Callable[[int], str], kit: Kit) -> Any:
    """A middleware or a response that reads one header."""
    app = make_app(kit)
    return app, http_scope(headers=[("host", "example.org"), (header, text(HEAD))]), [b""]


large("headers", head, [(f"x{one}", "") for one in range(HEAD // 10)], "", "/")
for _name, _shape in {
    "cookies": numbered("a{}=b; "),
    "semicolons": repeated(";"),
    "quoted": repeated('\\"', start='a="', end='"'),
}.items():
    large(f"cookies: {_name}", head, [("cookie", _shape)], "", "/")
QUERIES = {
    "pairs": "a=b&", "names": "a&", "bad escapes": "%", "escapes": "%41", "names of bad escapes": "%&",
    "pairs of bad escapes": "%=%&", "names of escapes": "%41&", "encoded separators": "%26&", "spaces": "+&",
    "what is no escape": "%g", "wide": "一", "what URLs cannot hold": "<",
}  # fmt: skip
for _name, _text in QUERIES.items():
    large(f"query: {_name}", head, [], repeated(_text)(HEAD // (len(_text.encode()) // len(_text))), "/")
for _name, _text in {"slashes": "/", "spaces": " ", "percent": "%", "wide": "一"}.items():
    large(f"path of 64 KiB: {_name}", head, [], "", "/" + repeated(_text)(HEAD // len(_text.encode())))
    large(f"path of 8 KiB: {_name}", head, [], "", "/" + repeated(_text)(8000))
large(
    "100 ranges",
    around,
    heads.file_app,
    "range",
    lambda size: "bytes=" + ",".join(f"{2 * n}-{2 * n}" for n in range(100)),
)
for _name, _shape in heads.RANGES.items():
    large(f"Range: {_name}", around, heads.file_app, "range", _shape)
for _name, _shape in {**heads.LISTS, **heads.QUOTES}.items():
    large(f"Accept-Encoding: {_name}", around, heads.gzip_app, "accept-encoding", _shape)
large("preflight", around, heads.cors_app, "access-control-request-headers", repeated("x-1, "))
for _name in ("long", "dots", "many"):
    _shape = {
        "long": repeated("a", start="session="),
        "dots": repeated(".", start="session="),
        "many": repeated("session=e30=.aR8AAA.aaaa; "),
    }[_name]
    large(f"forged session: {_name}", around, heads.session_app, "cookie", _shape)


def static(text: Callable[[int], str], kit: Kit) -> Any:
    """A file that the client has already."""
    files = kit.staticfiles.StaticFiles(directory=heads.a_file().parent)
    return files, http_scope(path="/file.txt", headers=[("if-none-match", text(HEAD))]), [b""]


for _name, _shape in {"tags": repeated('"a",'), "quotes": repeated('"'), "commas": repeated(", ")}.items():
    large(f"If-None-Match: {_name}", static, _shape)

# --- bodies ---


def posted(read: Callable[[Any], Any], kind: str, make_body: Callable[[], bytes], kit: Kit) -> Any:
    """An endpoint that reads a body."""

    async def endpoint(request: Any) -> Any:
        await read(request)
        return kit.responses.PlainTextResponse("hello")

    app = kit.app(routes=[kit.routing.Route("/", endpoint, methods=["POST"])])
    return app, http_scope("POST", headers=[("content-type", kind)]), bodies.pieces(make_body(), bodies.CHUNK)


async def default_form(request: Any) -> None:
    """A form under the limits that are on from the start."""
    async with request.form():
        pass


async def streamed(request: Any) -> None:
    """A body of which nothing is kept."""
    async for _ in request.stream():
        pass


WAVES = "What it makes, 500,000 lists within each other, is freed in one go when the request is over."
for _name in ("numbers", "floats", "lists", "objects", "keys", "open", "waves", "wide", "escapes", "quotes"):
    _json = bodies.JSON[_name]
    large(
        f"JSON of 1 MiB: {_name}",
        posted, bodies.read_json, "application/json", lambda shape=_json: shape(MEBIBYTE).encode(),
        units=3.0 if _name == "waves" else 1.0, because=WAVES if _name == "waves" else "",
    )  # fmt: skip
for _name in ("lists", "waves"):
    _json = bodies.JSON[_name]
    large(
        f"JSON of 64 KiB: {_name}",
        posted, bodies.read_json, "application/json", lambda shape=_json: shape(64 * 1024).encode(),
    )  # fmt: skip
FIELD, FILE, END = bodies.FIELD, bodies.FILE, bodies.END
PARTS = b"".join(b"x-%d: %s\r\n" % (n, b"a" * 4080) for n in range(7))
FORMS: dict[str, Callable[[], bytes]] = {
    "1,000 fields": lambda: (FIELD + b"v\r\n") * 1000 + END,
    "1,000 files of no bytes": lambda: (FILE + b"\r\n") * 1000 + END,
    "1,000 files of 20,000 bytes": lambda: (FILE + b"v" * 20_000 + b"\r\n") * 1000 + END,
    "1,000 fields with 8 headers of 4,080 bytes": lambda: (FIELD[:-2] + PARTS + b"\r\nv\r\n") * 1000 + END,
    "30 fields of 1 MiB": lambda: (FIELD + b"v" * (MEBIBYTE - 3) + b"\r\n") * 30 + END,
    "a file of 32 MiB": lambda: FILE + b"v" * BODY + END,
    "a file of 8 MiB that is all but boundaries": lambda: FILE + b"\r\n--" * (2 * MEBIBYTE) + END,
    "names of 4,000 bytes": lambda: (FIELD.replace(b'"a"', b'"%s"' % (b'\\"' * 1900)) + b"v\r\n") * 1000 + END,
    "names of semicolons": lambda: (FIELD.replace(b'"a"', b'"a"%s' % (b";" * 3900)) + b"v\r\n") * 1000 + END,
}
PAIRS: dict[str, Callable[[], bytes]] = {
    "1,000 fields": lambda: b"a=b&" * 1000,
    "a field of 1 MiB": lambda: b"a=" + b"%" * (MEBIBYTE - 2),
    "30 fields of 1 MiB": lambda: (b"a=" + b"v" * (MEBIBYTE - 2) + b"&") * 30,
    "30 fields of escapes": lambda: (b"a=" + b"%41" * (MEBIBYTE // 3 - 2) + b"&") * 30,
    "200 fields of bad escapes, as long as the loop reads": lambda: (b"a=" + b"%g" * (15 * 1024 + 512) + b"&") * 200,
    "ampersands": lambda: b"&" * BODY,
}
SLOW = {"names of 4,000 bytes", "names of semicolons", "ampersands", "a field of 1 MiB"}
"""What takes more than half a second in all; handed over at once, which is worse, it is asked in every run."""

for _waits, _how in ((True, ""), (False, ", all at once")):
    for _name, _body in FORMS.items():
        _slow = _waits and _name in SLOW
        large(f"multipart: {_name}{_how}", posted, default_form, bodies.MULTIPART, _body, waits=_waits, slow=_slow)
    for _name, _body in PAIRS.items():
        _slow = _waits and _name in SLOW
        large(f"url-encoded: {_name}{_how}", posted, default_form, bodies.URLENCODED, _body, waits=_waits, slow=_slow)
    large(f"body() of 32 MiB{_how}", posted, bodies.read_body, "text/plain", lambda: b"a" * BODY, waits=_waits)
    large(f"stream() of 32 MiB{_how}", posted, streamed, "text/plain", lambda: b"a" * BODY, waits=_waits)

# --- answers ---


def sent(make_app: Callable[[Kit], Any], headers: Any, kit: Kit) -> Any:
    """An application that sends something large."""
    return make_app(kit), http_scope(headers=headers), [b""]


def compressed(piece: int, kit: Kit) -> Any:
    """A response of 8 MiB, compressed, in pieces."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        for _ in range(8 * MEBIBYTE // piece):
            await send({"type": "http.response.body", "body": NOISE[:piece], "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return kit.sub("middleware.gzip").GZipMiddleware(app)


NOISE = json.dumps([number * 7919 % 100_003 for number in range(400_000)]).encode()


def failing(kit: Kit) -> Any:
    """A traceback as deep as they get, shown as a page."""

    def down(left: int) -> None:
        if left:
            down(left - 1)
        raise LookupError("deep")

    async def endpoint(request: Any) -> Any:
        down(800)

    return kit.app(routes=[kit.routing.Route("/", endpoint)], debug=True)


def chained(kit: Kit) -> Any:
    """Errors that came of each other."""

    async def endpoint(request: Any) -> Any:
        error: Exception | None = None
        for number in range(100):
            try:
                raise LookupError(number) from error
            except LookupError as caught:
                error = caught
        raise LookupError("last") from error

    return kit.app(routes=[kit.routing.Route("/", endpoint)], debug=True)


def fed(kit: Kit) -> Any:
    """A stream whose source never waits."""

    async def source() -> Any:
        for _ in range(20_000):
            yield b"a" * 100

    return kit.responses.StreamingResponse(source())


PAGE = [("accept", "text/html")]
large("gzip in pieces of 64 KiB", sent, partial(compressed, 64 * 1024), [("accept-encoding", "gzip")])
large("gzip in pieces of 127 KiB", sent, partial(compressed, 127 * 1024), [("accept-encoding", "gzip")], slow=True)
large("gzip in pieces of 1 MiB", sent, partial(compressed, MEBIBYTE), [("accept-encoding", "gzip")], slow=True)
large("debug page of 800 calls", sent, failing, PAGE)
large("debug text of 800 calls", sent, failing, [])
large("debug page of 100 errors", sent, chained, PAGE)
large("a stream of 20,000 pieces", sent, fed, [])
