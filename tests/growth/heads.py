"""Parsers of what stands in the head of a request: headers, cookies, queries, hosts, origins, conditions, ranges."""

import json
import tempfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asterion._core import conditional, cookies, hosts, negotiation, ranges, urltext
from asterion._core.origins import canonical_origin
from tests.growth.shapes import LOCAL, Kit, cases, http_scope, numbered, repeated

OURS = ("asterion",)
UNLIMITED = 10**9
QUOTES = {"quotes": repeated('"'), "escapes": repeated("\\", start='a="', end='"'), "late": repeated(" ", end="a")}


def plain(parse: Callable[[Any], Any]) -> Callable[[Kit], Callable[[Any], Any]]:
    """A parser of Asterion's that stands by itself."""
    return lambda kit: parse


def hello(kit: Kit) -> Any:
    """An application that says hello."""
    return kit.responses.PlainTextResponse("hello")


def asked_of(make_app: Callable[[Kit], Any], header: str, **scope: Any) -> Callable[[Kit], Callable[[str], Any]]:
    """A parser: an application that gets its input in a header."""

    def make(kit: Kit) -> Callable[[str], Any]:
        app = make_app(kit)
        return lambda text: LOCAL.ask(app, headers=[("host", "example.org"), (header, text)], **scope)

    return make


# --- headers ---


def header_pairs(size: int) -> list[tuple[bytes, bytes]]:
    """Headers of `size` bytes, each another."""
    return [(b"x-%d" % number, b"value") for number in range(size // 12)]


def same_header(size: int) -> list[tuple[bytes, bytes]]:
    """Headers of `size` bytes, all of one name."""
    return [(b"accept", b"a,b")] * (size // 12)


def read_headers(kit: Kit) -> Callable[[Any], None]:
    """All that is asked of headers."""

    def read(raw: Any) -> None:
        headers = kit.datastructures.Headers(raw=raw)
        headers.get("x-none")
        headers.getlist("accept")
        headers.items()
        dict(headers.items())
        len(headers)

    return read


def walk_headers(kit: Kit) -> Callable[[Any], Any]:
    """A dict of headers, each of which is looked up by its name."""
    return lambda raw: dict(kit.datastructures.Headers(raw=raw))


def change_headers(kit: Kit) -> Callable[[Any], None]:
    """Headers changed in every way."""

    def change(raw: Any) -> None:
        headers = kit.datastructures.MutableHeaders(raw=list(raw))
        headers["accept"] = "one"
        headers.add_vary_header("accept")
        del headers["x-1"]

    return change


def vary(kit: Kit) -> Callable[[str], None]:
    """One more name in a long `Vary`."""

    def add(text: str) -> None:
        headers = kit.datastructures.MutableHeaders({"vary": text})
        for name in ("Cookie", "Accept", "Origin"):
            headers.add_vary_header(name)

    return add


cases("headers", read_headers, different=header_pairs, same=same_header)
cases("a dict of headers", walk_headers, different=header_pairs, same=same_header)
cases("changed headers", change_headers, different=header_pairs, same=same_header)
cases("Vary", vary, names=numbered("x-{}, "), commas=repeated(","), spaces=repeated(" ", end="a"))

# --- cookies and sessions ---


def read_cookies(kit: Kit) -> Callable[[str], None]:
    """`request.cookies`."""

    def read(text: str) -> None:
        _ = kit.requests.Request(http_scope(headers=[("cookie", text)])).cookies

    return read


def cookie_lines(kit: Kit) -> Callable[[Any], None]:
    """`request.cookies` of many lines, as HTTP/2 sends them."""

    def read(lines: Any) -> None:
        _ = kit.requests.Request(http_scope(headers=lines)).cookies

    return read


def session_app(kit: Kit) -> Any:
    """An application that reads its session."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        dict(scope["session"].items())
        await kit.responses.PlainTextResponse("hello")(scope, receive, send)

    return kit.sub("middleware.sessions").SessionMiddleware(app, secret_key="k" * 32)


def signed_session(kit: Kit) -> Callable[[Any], None]:
    """A session of any size, well signed."""
    app = session_app(kit)

    def read(kept: Any) -> None:
        signed = app.signer.sign(b64encode(json.dumps(kept, separators=(",", ":")).encode())).decode()
        LOCAL.ask(app, headers=[("cookie", f"session={signed}")])

    return read


cases(
    "cookies",
    read_cookies,
    many=numbered("a{}=b; "),
    semicolons=repeated(";"),
    escaped_quotes=repeated('\\"', start='a="', end='"'),
    octals=repeated("\\303\\251", start='a="', end='"'),
    open_octals=repeated("\\30", start='a="', end='"'),
    equals=repeated("="),
    spaces=repeated(" ", start="a", end="b"),
    **QUOTES,
)
cases("lines of cookies", cookie_lines, many=lambda size: [(b"cookie", b"a%d=b" % one) for one in range(size // 12)])
cases(
    "session",
    signed_session,
    text=lambda size: {"text": "a" * (size // 2)},
    keys=lambda size: {f"key {number}": number for number in range(size // 24)},
    lists=lambda size: {"lists": [[]] * (size // 4)},
)
cases(
    "forged session",
    asked_of(session_app, "cookie"),
    long=repeated("a", start="session="),
    dots=repeated(".", start="session="),
    parts=repeated("a.", start="session="),
    signature=repeated("a", start="session=e30=.aR8AAA."),
    many=repeated("session=e30=.aR8AAA.aaaa; "),
)

# --- queries ---


def read_query(kit: Kit) -> Callable[[str], None]:
    """All that is asked of a query."""

    def read(text: str) -> None:
        parameters = kit.datastructures.QueryParams(text)
        parameters.get("a")
        parameters.getlist("a")
        dict(parameters)
        str(parameters)

    return read


cases(
    "query",
    read_query,
    pairs=numbered("a{}=b&"),
    same=repeated("a=b&"),
    ampersands=repeated("&"),
    semicolons=repeated("a=b;"),
    escapes=repeated("%41"),
    bad_escapes=repeated("%"),
    pluses=repeated("+"),
    equals=repeated("="),
)
cases("url-encoded text", plain(urltext.parse_urlencoded), OURS, pairs=repeated("a=b&"), percent=repeated("%zz"))

# --- ranges and conditions: a file of 1,000 bytes is asked for ---

RANGES = {
    "apart": lambda size: "bytes=" + ",".join(f"{2 * at}-{2 * at}" for at in range(size // 12)),
    "backwards": lambda size: "bytes=" + ",".join(f"{at}-{at}" for at in range(size // 6, 0, -2)),
    "overlapping": repeated("0-,", start="bytes="),
    "commas": repeated(",", start="bytes="),
    "digits": repeated("1", start="bytes=0-"),
    "spaces": repeated(" ", start="bytes=", end="x"),
    "dashes": repeated("-", start="bytes="),
}

_FOLDER: list[Any] = []


def a_file() -> Path:
    """A file of 1,000 bytes, as long as this process runs."""
    if not _FOLDER:
        _FOLDER.append(tempfile.TemporaryDirectory())
        Path(_FOLDER[0].name, "file.txt").write_bytes(b"a" * 1000)
    return Path(_FOLDER[0].name, "file.txt")


def file_app(kit: Kit) -> Any:
    """An application that sends the file."""
    return kit.responses.FileResponse(a_file())


def not_modified(kit: Kit, header: str, **known: str) -> Callable[[str], Any]:
    """What StaticFiles asks before it sends a file."""
    files = kit.staticfiles.StaticFiles(directory=a_file().parent)
    headers = kit.datastructures.Headers
    return lambda text: files.is_not_modified(headers(known), headers({header: text}))


def unlimited_ranges(header: str) -> Any:
    """All ranges of a header."""
    return ranges.parse_range(header, 10**9, max_ranges=UNLIMITED)


cases("Range", asked_of(file_app, "range"), **RANGES)
cases("Range without a limit", plain(unlimited_ranges), OURS, **RANGES)
cases("If-Range", asked_of(file_app, "if-range"), tags=repeated('"a",'), digits=repeated("1"), words=repeated("Sat, "))
cases(
    "If-None-Match",
    lambda kit: not_modified(kit, "if-none-match", etag='"x"'),
    tags=repeated('"a",'),
    weak=repeated('W/"a",'),
    weak_marks=repeated("W/"),
    open=repeated('"a'),
    commas=repeated(", "),
    **QUOTES,
)
cases("entity tags", plain(lambda text: conditional.entity_tags([text])), OURS, tags=repeated('"a",'), **QUOTES)
cases(
    "If-Modified-Since",
    lambda kit: not_modified(kit, "if-modified-since", **{"last-modified": "Sat, 21 Nov 2026 07:00:00 GMT"}),
    digits=repeated("1"),
    words=repeated("Sat, "),
    colons=repeated("1:"),
    spaces=repeated(" ", end="x"),
    dots=repeated("."),
    quotes=repeated('"'),
    brackets=repeated("("),
)

# --- negotiation ---

LISTS = {"members": repeated("gzip;q=0.5,"), "commas": repeated(","), "parameters": repeated(";q=1", start="gzip")}


def gzip_app(kit: Kit) -> Any:
    """A compressed hello."""
    return kit.sub("middleware.gzip").GZipMiddleware(hello(kit), minimum_size=1)


cases("Accept-Encoding", asked_of(gzip_app, "accept-encoding"), **LISTS, **QUOTES)
cases(
    "Accept",
    plain(negotiation.parse_accept),
    OURS,
    members=repeated("text/html;q=0.5,"),
    commas=repeated(","),
    parameters=repeated(";a=b", start="text/html"),
    quoted=repeated('a;b="\\"",'),
    **QUOTES,
)
cases(
    "a type in Accept",
    plain(lambda text: negotiation.media_type_quality(text, "a/b")),
    OURS,
    members=repeated("text/*;q=0.5,"),
)

# --- hosts, origins, protocols ---

HOSTS = {
    "labels": repeated("a."),
    "colons": repeated(":"),
    "brackets": repeated("["),
    "address": repeated("0:", start="[", end="]"),
    "digits": repeated("1", start="a:"),
    "hyphens": repeated("-"),
    "dots": repeated("."),
}
ORIGINS = {"labels": repeated("a.", start="https://"), "slashes": repeated("/", start="https:")}


def host_app(kit: Kit) -> Any:
    """An application for some hosts."""
    hosts = ["example.org", "*.example.org"]
    return kit.sub("middleware.trustedhost").TrustedHostMiddleware(hello(kit), allowed_hosts=hosts)


def hosted(make_app: Callable[[Kit], Any]) -> Callable[[Kit], Callable[[str], Any]]:
    """A parser: an application that gets its input as the host."""

    def make(kit: Kit) -> Callable[[str], Any]:
        app = make_app(kit)
        return lambda text: LOCAL.ask(app, headers=[("host", text)])

    return make


def cors_app(kit: Kit) -> Any:
    """An application that other sites may ask."""
    return kit.sub("middleware.cors").CORSMiddleware(
        hello(kit),
        allow_origins=["https://example.org"],
        allow_origin_regex=r"https://[a-z0-9.-]+\.example\.org",
        allow_headers=[f"x-{number}" for number in range(50)],
        allow_methods=["GET", "PUT"],
    )


def preflight(kit: Kit) -> Callable[[str], Any]:
    """A preflight that wants to send many headers."""
    app, asked = cors_app(kit), ("access-control-request-method", "PUT")

    def ask(text: str) -> Any:
        headers = [("origin", "https://example.org"), asked, ("access-control-request-headers", text)]
        return LOCAL.ask(app, method="OPTIONS", headers=headers)

    return ask


def subprotocols(kit: Kit) -> Callable[[list[str]], Any]:
    """A handshake that offers many subprotocols, of which the last one is taken."""

    def shake(offered: list[str]) -> None:
        scope = {**http_scope(headers=[("sec-websocket-protocol", ", ".join(offered))]), "type": "websocket"}
        scope["subprotocols"] = offered

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            return None

        websocket = kit.websockets.WebSocket(scope, receive, send)
        _ = websocket.headers.get("sec-websocket-protocol"), websocket.url
        LOCAL.run(websocket.accept(subprotocol=offered[-1]))

    return shake


cases("Host", hosted(host_app), **HOSTS)
cases("a host by itself", plain(hosts.parse_host), OURS, **HOSTS)
cases("Origin", asked_of(cors_app, "origin"), **ORIGINS)
cases("an origin by itself", plain(canonical_origin), OURS, **ORIGINS)
cases("preflight", preflight, names=repeated("x-1, "), commas=repeated(","), spaces=repeated(" ", end="a"))
cases(
    "subprotocols",
    subprotocols,
    many=lambda size: [f"p{number}" for number in range(size // 8)],
    long=lambda size: ["p" * size],
)

# --- cookies that go out ---


def set_cookie(kit: Kit, **fixed: str) -> Callable[[str], Any]:
    """`response.set_cookie`, with the input as the value or, where that is fixed, as the path."""
    name = "path" if "value" in fixed else "value"
    return lambda text: kit.responses.Response().set_cookie("a", **{name: text}, **fixed)


cases("Set-Cookie", set_cookie, plain=repeated("a"), quotes=repeated('"'), spaces=repeated(" "))
cases("Set-Cookie, beyond Latin-1", plain(lambda text: cookies.render_set_cookie("a", text)), OURS, wide=repeated("一"))
cases(
    "path of Set-Cookie",
    lambda kit: set_cookie(kit, value="b"),
    slashes=repeated("/"),
    late_semicolon=repeated("/", end=";"),
)
