"""Bad input gives a clear answer: never a 500, never an exception, never a response that does not end.

One application reads everything there is to read of a request, in three settings: bare, under every built-in middleware
and as a mounted application. Known bad inputs are listed; random ones are Hypothesis's.
"""

import functools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asterion.applications import Asterion
from asterion.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, SimpleUser
from asterion.endpoints import HTTPEndpoint
from asterion.middleware import Middleware
from asterion.middleware.authentication import AuthenticationMiddleware
from asterion.middleware.body_limit import RequestBodyLimitMiddleware
from asterion.middleware.cors import CORSMiddleware
from asterion.middleware.gzip import GZipMiddleware
from asterion.middleware.httpsredirect import HTTPSRedirectMiddleware
from asterion.middleware.opentelemetry import OpenTelemetryMiddleware
from asterion.middleware.sessions import SessionMiddleware
from asterion.middleware.trustedhost import TrustedHostMiddleware
from asterion.requests import Request
from asterion.responses import FileResponse, JSONResponse, RedirectResponse, Response
from asterion.routing import Host, Mount, Route
from asterion.staticfiles import StaticFiles
from tests.asgi import Exchange, function_layers, http_scope

steady = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

MULTIPART = "multipart/form-data; boundary=b"
URL_ENCODED = "application/x-www-form-urlencoded"


# --- the application ---


async def read_everything(request: Request) -> Response:
    """Look at every part of a request, and tell what was there."""
    url = request.url
    seen = {
        "method": request.method,
        "headers": [
            request.headers.items(),
            request.headers.getlist("x-list"),
            dict(request.headers),
            request.headers.keys(),
        ],
        "cookies": request.cookies,
        "query": [request.query_params.multi_items(), str(request.query_params), dict(request.query_params)],
        "url": [
            str(url),
            repr(url),
            url.scheme,
            url.hostname,
            url.port,
            url.path,
            url.query,
            url.netloc,
            url.is_secure,
        ],
        "changed": str(url.include_query_params(a="b").remove_query_params("a").replace(path="/new", fragment="f")),
        "base_url": str(request.base_url),
        "path_params": request.path_params,
        "link": str(request.url_for("number", n=3)),
        "client": request.client,
        "state": request.state._state,
    }
    media_type = request.headers.get("content-type", "")
    how = request.path_params.get("how", "body")
    if how == "json":
        seen["json"] = await request.json()
    elif how == "form":
        async with request.form() as form:
            seen["form"] = [
                [
                    name,
                    value
                    if isinstance(value, str)
                    else [value.filename, value.content_type, (await value.read()).hex()],
                ]
                for name, value in form.multi_items()
            ]
    elif how == "stream":
        seen["stream"] = [chunk.hex() async for chunk in request.stream()]
    else:
        seen["body"] = (await request.body()).hex()
    return JSONResponse(
        json.loads(json.dumps(seen, default=repr, allow_nan=True), parse_constant=str),
        headers={"x-kind": media_type[:0]},
    )


class Methods(HTTPEndpoint):
    async def get(self, request: Request) -> Response:
        return Response(b"got")


class Backend(AuthenticationBackend):
    async def authenticate(self, conn: Any) -> Any:
        if "x-wrong" in conn.headers:
            raise AuthenticationError(f"wrong: {conn.headers['x-wrong']!r}")
        return AuthCredentials(), SimpleUser(conn.headers.get("x-user", ""))


async def use_session(request: Request) -> Response:
    request.session["last"] = str(request.query_params)
    return JSONResponse(dict(request.session))


async def redirect(request: Request) -> Response:
    return RedirectResponse(request.query_params.get("to", "/"))


def routes(files: Any) -> list[Any]:
    everything = ["GET", "POST", "PUT", "DELETE"]
    return [
        Route("/", read_everything, methods=everything),
        Route("/read/{how}", read_everything, methods=everything),
        Route("/n/{n:int}", read_everything, name="number"),
        Route("/f/{f:float}", read_everything),
        Route("/u/{u:uuid}", read_everything),
        Route("/s/{s}", read_everything),
        Route("/p/{p:path}", read_everything),
        Route("/slash/", read_everything),
        Route("/no-slash", read_everything),
        Route("/methods", Methods),
        Route("/redirect", redirect),
        Route("/file", lambda request: FileResponse(files / "file.txt")),
        Mount("/static", StaticFiles(directory=files, html=True)),
        Mount(
            "/inner", routes=[Route("/{n:int}", read_everything), Mount("/deep", routes=[Route("/", read_everything)])]
        ),
        Host("{name}.hosted.example", Route("/hosted", read_everything)),
    ]


LAYERS = [
    Middleware(OpenTelemetryMiddleware),
    Middleware(CORSMiddleware, allow_origin_regex="https?://.*", allow_credentials=True, allow_headers=["*"]),
    Middleware(GZipMiddleware, minimum_size=1),
    Middleware(SessionMiddleware, secret_key="key"),
    Middleware(AuthenticationMiddleware, backend=Backend()),
    Middleware(RequestBodyLimitMiddleware, max_body_size=1_000_000),
    *function_layers(1),
    *function_layers(1, "task"),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory = tmp_path_factory.mktemp("files")
    (directory / "file.txt").write_bytes(bytes(range(256)) * 4)
    (directory / "index.html").write_text("<p>index</p>")
    (directory / "sub").mkdir()
    (directory / "sub" / "index.html").write_text("<p>sub</p>")
    return directory


SETTINGS: dict[str, Any] = {
    "bare": lambda files: Asterion(routes=routes(files)),
    "layered": lambda files: Asterion(
        routes=[Route("/session", use_session), *routes(files)], middleware=LAYERS, max_body_size=1_000_000
    ),
    "mounted": lambda files: Asterion(
        routes=[Mount("/", Asterion(routes=routes(files), middleware=function_layers(3)))]
    ),
}


@pytest.fixture(
    scope="module",
    params=[("bare", "asyncio"), ("layered", "trio"), ("mounted", "asyncio")],
    ids="-".join,
)
def setting(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A setting of the application and an event loop library."""
    chosen: tuple[str, str] = request.param
    return chosen


@pytest.fixture(scope="module")
def app(setting: tuple[str, str], files: Any) -> Asterion:
    built: Asterion = SETTINGS[setting[0]](files)
    return built


@pytest.fixture(scope="module")
def portal(setting: tuple[str, str]) -> Iterator[BlockingPortal]:
    with start_blocking_portal(setting[1]) as opened:
        yield opened


def ask(
    portal: BlockingPortal, app: Any, method: str = "GET", path: str = "/", body: Any = b"", **more: Any
) -> Exchange:
    """The answer, which must be one: complete, with a status below 500, and with headers that can be sent."""
    more.setdefault("headers", [("host", "example.com")])
    scope = http_scope(method, **more)
    scope["path"], scope["raw_path"] = path, path.encode("utf-8", "surrogatepass")
    answer: Exchange = portal.call(Exchange(app, scope, body=body).run)
    assert answer.complete
    assert 200 <= answer.status < 500
    for name, value in answer.raw_headers:
        assert name == name.lower()
        assert not set(value) & {0, 10, 13}
    if answer.status in (400, 404, 405, 413) and method != "HEAD":
        assert answer.body  # it says something
        assert b"Traceback" not in answer.body
    return answer


# --- JSON ---

BAD_JSON = {
    "empty": b"",
    "blank": b" \n",
    "unfinished object": b'{"a": 1',
    "unfinished string": b'"abc',
    "unfinished word": b"nul",
    "single quotes": b"{'a': 1}",
    "comma too many": b"[1,]",
    "two values": b"1 2",
    "control character in a string": b'"a\nb"',
    "wrong escape": b'"\\x"',
    "unfinished escape": b'"\\u12"',
    "not UTF-8": b'"\xff"',
    "unfinished UTF-8": b'"\xe2\x82',
    "encoded surrogate": b'"\xed\xa0\x80"',
    "half of UTF-16": b'\xff\xfe"',
    "nested deeply": b"[" * 100_000,
    "nested deeply, objects": b'{"a":' * 100_000,
    "huge integer": b"9" * 10_000,
    "huge negative integer": b"-" + b"9" * 10_000,
    "leading zero": b"01",
    "binary": bytes(range(256)),
    "html": b"<html></html>",
}


@pytest.mark.parametrize("body", BAD_JSON.values(), ids=BAD_JSON)
def test_malformed_json_is_answered_400_and_says_where(app: Any, portal: BlockingPortal, body: bytes) -> None:
    answer = ask(portal, app, "POST", "/read/json", body=[body[:3], body[3:]])
    assert answer.status == 400
    assert b"not JSON that can be read" in answer.body


@pytest.mark.parametrize(
    "text",
    [
        '"\\ud800"',
        '"\\udfff\\ud800"',
        '{"\\udc00": 1}',
        '"\\u0000"',
        "1e999",
        "-1e999",
        "NaN",
        "Infinity",
        '{"a":1,"a":2}',
    ],
)
def test_json_that_is_odd_but_can_be_read_is_read_and_can_be_answered_with(
    app: Any, portal: BlockingPortal, text: str
) -> None:
    assert ask(portal, app, "POST", "/read/json", body=text.encode()).status == 200


@pytest.mark.parametrize("text", ['"\\ud800"', '["\\ude00 \u00e9"]', '{"\\udc00":"\\u0000"}'])
def test_a_lone_surrogate_comes_back_as_it_came(portal: BlockingPortal, text: str) -> None:
    """JSON may hold one (RFC 8259 section 8.2), UTF-8 may not: it goes out as an escape, as it came in."""

    async def echo(request: Request) -> Response:
        return JSONResponse(await request.json())

    answer = ask(portal, Asterion(routes=[Route("/", echo, methods=["POST"])]), "POST", body=text.encode())
    assert json.loads(answer.body) == json.loads(text)


@given(st.binary(max_size=60))
@steady
def test_any_bytes_are_json_or_a_400(app: Any, portal: BlockingPortal, body: bytes) -> None:
    assert ask(portal, app, "POST", "/read/json", body=body).status in (200, 400)


# --- queries ---

BAD_QUERIES = [
    b"%",
    b"%zz",
    b"a=%ff",
    b"a=%00",
    b"%0d%0ax=1",
    b"&&&",
    b"===",
    b"=",
    b"a;b",
    b"a=\xff\xfe",
    b"\xe2\x82",
    b"a=1&a=2&" * 3000,
    b"%ed%a0%80",
    b"a[b]=1&a[]=2",
    b"?a#b",
    b"a\r\nb=1",
    b"x" * 100_000,
]


@pytest.mark.parametrize("query", BAD_QUERIES, ids=lambda query: repr(query[:20]))
@pytest.mark.parametrize("path", ["/", "/no-slash/", "/slash", "/static/sub", "/redirect", "/file"])
def test_any_query_is_read(app: Any, portal: BlockingPortal, query: bytes, path: str) -> None:
    assert ask(portal, app, path=path, query=query).status < 400


def test_a_query_loses_nothing(portal: BlockingPortal) -> None:
    async def echo(request: Request) -> Response:
        return JSONResponse(request.query_params.multi_items())

    answer = ask(portal, Asterion(routes=[Route("/", echo)]), query=b"a=1&a=2&b=%ff&c&=d&e=%zz&f=+%2b")
    assert json.loads(answer.body) == [
        ["a", "1"],
        ["a", "2"],
        ["b", "\ufffd"],
        ["c", ""],
        ["", "d"],
        ["e", "%zz"],
        ["f", " +"],
    ]


@given(st.binary(max_size=80), st.sampled_from(["/", "/redirect", "/slash", "/n/1"]))
@steady
def test_any_bytes_are_a_query(app: Any, portal: BlockingPortal, query: bytes, path: str) -> None:
    ask(portal, app, path=path, query=query)


@pytest.mark.parametrize(
    "to", ["%0d%0aset-cookie:%20a=b", "%00", "//evil.example", "\\evil", "%ff", "http://[", "%ed%a0%80", "%e2%82%ac"]
)
def test_a_redirect_to_anything_is_a_header_that_can_be_sent(portal: BlockingPortal, app: Any, to: str) -> None:
    answer = ask(portal, app, path="/redirect", query=b"to=" + to.encode())
    assert answer.status == 307
    assert "set-cookie" not in answer.headers


# --- cookies ---

BAD_COOKIES = [
    b"",
    b";",
    b";;; ;",
    b"=",
    b"a",
    b"a=",
    b"=b",
    b'a="',
    b'a="\\777"',
    b'a="\\',
    b"a=\x00",
    b"a=\x01\x7f",
    b"a=\xff\xfe",
    b"a=1; a=2",
    b"a b=c d",
    b"a=b=c",
    b"$Version=1; a=b",
    b"a=1," * 100,
    b"x=" + b'"\\' * 20_000,
    b"a=b; " * 5000,
    b"session=" + b"x" * 10_000,
    b"session=e30=.bad.sig",
    b"session=",
    b"session=..",
    b"session=\xff.a.b",
    b'session="e30=.\\012.x"',
]


@pytest.mark.parametrize("cookie", BAD_COOKIES, ids=lambda cookie: repr(cookie[:20]))
@pytest.mark.parametrize("twice", [False, True])
def test_any_cookie_is_read(app: Any, portal: BlockingPortal, cookie: bytes, twice: bool) -> None:
    headers = [("host", "example.com")] + [("cookie", cookie)] * (2 if twice else 1)
    assert ask(portal, app, headers=headers).status == 200


@pytest.mark.parametrize("cookie", BAD_COOKIES, ids=lambda cookie: repr(cookie[:20]))
def test_a_session_cookie_that_is_no_session_is_an_empty_session(
    files: Any, portal: BlockingPortal, cookie: bytes
) -> None:
    app = SETTINGS["layered"](files)
    answer = ask(portal, app, path="/session", query=b"a=1", headers=[("host", "example.com"), ("cookie", cookie)])
    assert json.loads(answer.body) == {"last": "a=1"}


@given(st.binary(max_size=80))
@steady
def test_any_bytes_are_a_cookie(app: Any, portal: BlockingPortal, cookie: bytes) -> None:
    assert ask(portal, app, headers=[("host", "example.com"), ("cookie", cookie)]).status == 200


# --- hosts ---

BAD_HOSTS: dict[str, list[bytes]] = {
    "missing": [],
    "empty": [b""],
    "blank": [b" "],
    "twice": [b"example.com", b"example.com"],
    "two": [b"example.com", b"evil.example"],
    "three": [b"a", b"b", b"c"],
    "space": [b"a b"],
    "slash": [b"a/b"],
    "query": [b"a?b"],
    "fragment": [b"a#b"],
    "user": [b"user:pass@host"],
    "backslash": [b"a\\b"],
    "comma": [b"a,b"],
    "port that is none": [b"a:port"],
    "empty port": [b"a:"],
    "negative port": [b"a:-1"],
    "port too large": [b"a:65536"],
    "port of many digits": [b"a:" + b"9" * 5000],
    "port of other digits": ["a:\u00b2".encode("latin-1")],
    "open bracket": [b"[::1"],
    "closed bracket": [b"::1]"],
    "bracket and text": [b"[::1]x"],
    "no address in brackets": [b"[zz]"],
    "address with zone": [b"[fe80::1%25eth0]"],
    "bytes": [b"\xff\xfe"],
    "null": [b"a\x00b"],
    "newline": [b"a\r\nx: y"],
    "empty label": [b"a..b"],
    "only dots": [b"..."],
    "long": [b"a" * 70_000],
    "percent": [b"%0d%0a"],
    "url": [b"http://evil.example/"],
    "star": [b"*"],
}
each_bad_host = pytest.mark.parametrize("hosts", BAD_HOSTS.values(), ids=BAD_HOSTS)


@each_bad_host
@pytest.mark.parametrize("path", ["/", "/slash", "/no-slash/", "/static/sub", "/hosted", "/nothing"])
def test_any_host_is_read(app: Any, portal: BlockingPortal, hosts: list[bytes], path: str) -> None:
    answer = ask(portal, app, path=path, headers=[("host", host) for host in hosts])
    assert answer.status in (200, 307, 400, 404)
    assert "evil" not in answer.headers.get("location", "")


@each_bad_host
def test_a_host_that_is_none_is_refused_where_hosts_are_checked(portal: BlockingPortal, hosts: list[bytes]) -> None:
    async def endpoint(request: Request) -> Response:
        return Response(b"in")

    app = Asterion(
        routes=[Route("/", endpoint)],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["example.com", "*.hosted.example"])],
    )
    answer = ask(portal, app, headers=[("host", host) for host in hosts])
    assert (answer.status, answer.body) == (400, b"Invalid host header")


@each_bad_host
def test_a_redirect_to_https_is_never_built_from_a_host_that_is_none(
    portal: BlockingPortal, hosts: list[bytes]
) -> None:
    app = HTTPSRedirectMiddleware(Response(b"in"))
    answer = ask(portal, app, headers=[("host", host) for host in hosts])
    assert answer.status in (307, 400)
    location = answer.headers.get("location", "")
    assert "evil" not in location
    assert "@" not in location


@given(st.lists(st.binary(max_size=30), max_size=3), st.sampled_from(["/", "/slash", "/static/sub"]))
@steady
def test_any_bytes_are_a_host(app: Any, portal: BlockingPortal, hosts: list[bytes], path: str) -> None:
    ask(portal, app, path=path, headers=[("host", host) for host in hosts])


@pytest.mark.parametrize(("server", "client"), [(None, None), (["/run/socket", None], None), (["::1", 80], ["", 0])])
def test_a_server_and_a_client_without_an_address_are_no_problem(
    app: Any, portal: BlockingPortal, server: Any, client: Any
) -> None:
    assert ask(portal, app, headers=[], server=server, client=client).status == 200


# --- ranges and conditions ---

BAD_RANGES = [
    b"",
    b"bytes",
    b"bytes=",
    b"bytes=-",
    b"bytes=,",
    b"bytes=a-b",
    b"bytes=5-2",
    b"bytes=--5",
    b"bytes=-0",
    b"bytes=1-2-3",
    b"bytes=0x1-2",
    b"bytes=1.5-2",
    b"bytes= 1 - 2 ",
    b"bytes=2000-",
    b"bytes=-99999",
    b"bytes=" + b"9" * 5000 + b"-",
    b"bytes=-" + b"9" * 5000,
    b"bytes=0-" + b"9" * 5000,
    b"bytes=" + b"0-0," * 5000,
    b"bytes=" + b",".join(b"%d-%d" % (n, n) for n in range(0, 1000, 2)),
    b"bytes=0-" + b",0-" * 2000,
    "bytes=\u00b2-\u00b3".encode("latin-1"),
    b"bytes=\xff-",
    b"bytes=0-1\x00",
    b"items=0-5",
    b"BYTES=0-5",
    b"bytes=0-5, 7-9",
    b"bytes" + b" " * 50_000 + b"=0-1",
]
BAD_CONDITIONS = [
    b"",
    b'"',
    b'W/"',
    b"*, *",
    b"\xff",
    b'"a',
    b"," * 10_000,
    b'"a",' * 5000,
    b"\x00",
    b"W/W/W/",
    b" " * 30_000,
]
BAD_DATES = [
    b"",
    b"x",
    b"\xff",
    b"Fri, 99 Foo 99999 99:99:99 GMT",
    b"Thu, 01 Jan 0000 00:00:00 GMT",
    b"9" * 5000,
    b"\x00",
]
BAD_DATES += [
    b"Fri, 31 Dec 9999 23:59:60 -9999",
    b"Sun, 06 Nov 1994 08:49:37 +9999",
    b"(" * 5000,
    b"Sun, 06-Nov-94 08:49:37",
]


@pytest.mark.parametrize("path", ["/file", "/static/file.txt"])
@pytest.mark.parametrize("value", BAD_RANGES, ids=lambda value: repr(value[:20]))
def test_any_range_is_read_or_ignored_or_cannot_be_satisfied(
    app: Any, portal: BlockingPortal, value: bytes, path: str
) -> None:
    answer = ask(portal, app, path=path, headers=[("host", "example.com"), ("range", value)])
    assert answer.status in (200, 206, 416)


@pytest.mark.parametrize("name", ["if-match", "if-none-match", "if-range", "if-modified-since", "if-unmodified-since"])
@pytest.mark.parametrize("value", [*BAD_CONDITIONS, *BAD_DATES], ids=lambda value: repr(value[:20]))
@pytest.mark.parametrize("path", ["/file", "/static/file.txt"])
def test_any_condition_is_read_or_ignored(app: Any, portal: BlockingPortal, name: str, value: bytes, path: str) -> None:
    headers = [("host", "example.com"), ("range", "bytes=0-1"), (name, value)]
    assert ask(portal, app, path=path, headers=headers).status in (200, 206, 304, 412, 416)


@given(
    st.sampled_from(["range", "if-match", "if-none-match", "if-range", "if-modified-since", "if-unmodified-since"]),
    st.one_of(st.binary(max_size=40), st.from_regex(rb"bytes=[0-9, -]{0,30}", fullmatch=True)),
)
@steady
def test_any_bytes_are_a_range_or_a_condition(app: Any, portal: BlockingPortal, name: str, value: bytes) -> None:
    ask(portal, app, path="/file", headers=[("host", "example.com"), ("range", b"bytes=1-2"), (name, value)])


# --- forms ---

PART = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n'
BAD_MULTIPART: dict[str, tuple[str, bytes]] = {
    "no boundary": ("multipart/form-data", PART + b"--b--\r\n"),
    "empty boundary": ("multipart/form-data; boundary=", PART),
    "quoted empty boundary": ('multipart/form-data; boundary=""', PART),
    "long boundary": ("multipart/form-data; boundary=" + "b" * 5000, PART),
    "boundary of bytes": ("multipart/form-data; boundary=\u00e9", PART),
    "boundary with a newline": ("multipart/form-data; boundary=b\r\nx", PART),
    "two boundaries": ("multipart/form-data; boundary=b; boundary=c", PART),
    "other boundary": ("multipart/form-data; boundary=other", PART + b"--b--\r\n"),
    "empty": (MULTIPART, b""),
    "truncated head": (MULTIPART, b"--b\r\nContent-Dis"),
    "truncated value": (MULTIPART, PART[:-4]),
    "no end": (MULTIPART, PART),
    "no disposition": (MULTIPART, b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n"),
    "no name": (MULTIPART, b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"),
    "other disposition": (MULTIPART, b'--b\r\nContent-Disposition: attachment; name="a"\r\n\r\nx\r\n--b--\r\n'),
    "broken disposition": (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="a\r\n\r\nx\r\n--b--\r\n'),
    "header without a colon": (MULTIPART, b"--b\r\nContent-Disposition\r\n\r\nx\r\n--b--\r\n"),
    "null in a header": (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="a\x00b"\r\n\r\nx\r\n--b--\r\n'),
    "many headers": (MULTIPART, b"--b\r\n" + b"x: y\r\n" * 5000 + b"\r\nx\r\n--b--\r\n"),
    "long header": (MULTIPART, b"--b\r\nx: " + b"y" * 100_000 + b"\r\n\r\nx\r\n--b--\r\n"),
    "many parts": (MULTIPART, PART * 2000 + b"--b--\r\n"),
    "bare newlines": (MULTIPART, PART.replace(b"\r\n", b"\n") + b"--b--\n"),
    "not a form": (MULTIPART, b"hello"),
    "binary": (MULTIPART, bytes(range(256))),
    "unknown charset": (MULTIPART + "; charset=nonsense", PART + b"--b--\r\n"),
    "charset that is none": (MULTIPART + "; charset=base64", PART + b"--b--\r\n"),
    "bytes in a name": (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n--b--\r\n'),
    "bytes in a value": (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--b--\r\n'),
    "bytes in a file name": (
        MULTIPART,
        b'--b\r\nContent-Disposition: form-data; name="a"; filename="\xff/../\x01"\r\n\r\nx\r\n--b--\r\n',
    ),
    "broken extended file name": (
        MULTIPART,
        b"--b\r\nContent-Disposition: form-data; name=a; filename*=nonsense'%zz\r\n\r\nx\r\n--b--\r\n",
    ),
    "transfer encoding": (
        MULTIPART,
        b'--b\r\nContent-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64\r\n\r\n%%\r\n--b--\r\n',
    ),
    "text after the end": (MULTIPART, PART + b"--b--\r\nmore"),
}


@pytest.mark.parametrize(("media_type", "body"), BAD_MULTIPART.values(), ids=BAD_MULTIPART)
@pytest.mark.parametrize("cut", [None, 1, 7], ids=["whole", "by bytes", "by sevens"])
def test_any_multipart_body_is_read_or_refused(
    app: Any, portal: BlockingPortal, media_type: str, body: bytes, cut: int | None
) -> None:
    pieces = [body] if cut is None or len(body) > 1000 else [body[at : at + cut] for at in range(0, len(body), cut)]
    headers = [("host", "example.com"), ("content-type", media_type)]
    answer = ask(portal, app, "POST", "/read/form", body=pieces or [b""], headers=headers)
    assert answer.status in (200, 400, 413)


BAD_URL_ENCODED = [
    b"%",
    b"%z",
    b"a=%ff&b=\xff",
    b"&&==&&",
    b"=",
    b"a" * 2_000,
    b"a=1&" * 5000,
    b"\x00\x01=\r\n",
    b"a=%ed%a0%80",
    bytes(range(256)),
    b"a=" + b"%41" * 1000,
]


@pytest.mark.parametrize("body", BAD_URL_ENCODED, ids=lambda body: repr(body[:20]))
@pytest.mark.parametrize(
    "charset", ["", "; charset=nonsense", "; charset=utf-16", "; charset=base64", '; charset="', ";;;="]
)
def test_any_url_encoded_body_is_read_or_refused(app: Any, portal: BlockingPortal, body: bytes, charset: str) -> None:
    headers = [("host", "example.com"), ("content-type", URL_ENCODED + charset)]
    answer = ask(portal, app, "POST", "/read/form", body=[body[:5], body[5:]], headers=headers)
    assert answer.status in (200, 400, 413)


def test_a_url_encoded_body_loses_nothing(app: Any, portal: BlockingPortal) -> None:
    headers = [("host", "example.com"), ("content-type", URL_ENCODED), ("accept-encoding", "identity")]
    answer = ask(portal, app, "POST", "/read/form", body=[b"a=1&a=2&c&=d&e=%z", b"z&f=+%2", b"b"], headers=headers)
    fields = [["a", "1"], ["a", "2"], ["c", ""], ["", "d"], ["e", "%zz"], ["f", " +"]]
    assert json.loads(answer.body)["form"] == fields


def test_a_field_that_is_no_text_is_refused_and_not_changed(app: Any, portal: BlockingPortal) -> None:
    headers = [("host", "example.com"), ("content-type", URL_ENCODED), ("accept-encoding", "identity")]
    answer = ask(portal, app, "POST", "/read/form", body=b"a=1&b=%ff", headers=headers)
    assert (answer.status, b"field number 2" in answer.body) == (400, True)


@pytest.mark.parametrize(
    "media_type",
    ["", "/", "multipart", "multipart/", "multipart/form-data;" * 500, "\u00ff", ";", '"', "a/b; c=" + "\\" * 9000],
)
@pytest.mark.parametrize("how", ["form", "json", "body", "stream"])
def test_any_content_type_is_read(app: Any, portal: BlockingPortal, media_type: str, how: str) -> None:
    headers = [("host", "example.com"), ("content-type", media_type), ("content-type", "text/plain")]
    answer = ask(portal, app, "POST", f"/read/{how}", body=b'{"a": "b"}', headers=headers)
    assert answer.status in (200, 400)


@given(
    st.one_of(
        st.binary(max_size=80),
        st.lists(st.sampled_from([b"--b", b"--b--", b"\r\n", PART, b"x", b":", b'"', b";", b"--", b"\r", b"\n"])).map(
            b"".join
        ),
    ),
    st.sampled_from([MULTIPART, URL_ENCODED, "multipart/form-data; boundary=--", URL_ENCODED + "; charset=latin-1"]),
    st.integers(0, 20),
)
@steady
def test_any_bytes_are_a_form_or_refused(
    app: Any, portal: BlockingPortal, body: bytes, media_type: str, cut: int
) -> None:
    headers = [("host", "example.com"), ("content-type", media_type)]
    assert ask(portal, app, "POST", "/read/form", body=[body[:cut], body[cut:]], headers=headers).status in (200, 400)


# --- headers ---

NAMES = [
    "accept",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "if-none-match",
    "origin",
    "range",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-user",
    "x-wrong",
]
BAD_VALUES = [
    b"",
    b"\x00",
    b"a\x00b",
    b"a\rb",
    b"a\nb",
    b"a\r\nset-cookie: a=b",
    b"\x7f\x1b[31m",
    b"\xff\xfe",
    b"\t",
    b"," * 3000,
]
BAD_VALUES += [
    b";q=" * 500,
    b"gzip;q=abc",
    b"*;q=9" + b"9" * 5000,
    b"https://a.example\r\nx: y",
    b"https://\xff",
    b"-1",
    b"1, 1",
]
BAD_VALUES += [b"9" * 5000, b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-ff", b"\xc2\xb2"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", BAD_VALUES, ids=lambda value: repr(value[:20]))
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_any_header_is_read_and_nothing_of_it_becomes_a_header_of_the_answer(
    app: Any, portal: BlockingPortal, name: str, value: bytes, method: str
) -> None:
    headers: list[tuple[str, Any]] = [("host", "example.com"), (name, value), (name, value)]
    if method == "OPTIONS":
        headers += [("origin", "https://a.example"), ("access-control-request-method", "GET")]
    answer = ask(portal, app, method, headers=headers)
    assert b"a=b" not in dict(answer.raw_headers).get(b"set-cookie", b"")
    assert b"x" not in dict(answer.raw_headers)


@given(
    st.lists(st.tuples(st.one_of(st.sampled_from(NAMES), st.just("host")), st.binary(max_size=30)), max_size=5),
    st.sampled_from(["GET", "POST", "OPTIONS", "HEAD", "PUT"]),
    st.sampled_from(["/", "/file", "/static/file.txt", "/static/sub", "/slash", "/read/form", "/read/json"]),
)
@settings(steady, max_examples=150)
def test_any_bytes_are_headers(app: Any, portal: BlockingPortal, headers: Any, method: str, path: str) -> None:
    ask(portal, app, method, path, headers=headers)


@pytest.mark.parametrize("name", [b"", b" ", b"a b", b"a:b", b"a\x00", b"a\r\nb", b"\xff", b"_", b"x" * 10_000])
def test_any_header_name_is_read(app: Any, portal: BlockingPortal, name: bytes) -> None:
    assert ask(portal, app, headers=[("host", "example.com"), (name, b"value")]).status == 200


# --- paths and methods ---

BAD_PATHS = {
    "newline after an integer": "/n/1\n",
    "carriage return": "/n/1\r",
    "newline before": "\n/n/1",
    "newline in a segment": "/s/a\nb",
    "newlines in a path": "/p/a\r\nb/\n",
    "only a newline": "\n",
    "slash in a segment": "/s/a/b",
    "null": "/s/\x00",
    "control characters": "/s/\x01\x1b[31m\x7f",
    "replacement character": "/s/\ufffd",
    "undecodable byte": "/s/\udcff",
    "lone surrogate": "/s/\ud800",
    "undecodable byte in files": "/static/\udcff",
    "lone surrogate in files": "/static/\ud800",
    "emoji": "/s/\U0001f600",
    "percent": "/s/%",
    "percent of a slash": "/s/a%2fb",
    "huge integer": "/n/" + "9" * 100_000,
    "negative integer": "/n/-1",
    "other digits": "/n/\u0663",
    "signed integer": "/n/+1",
    "integer with underscores": "/n/1_0",
    "huge float": "/f/" + "9" * 400,
    "float in words": "/f/inf",
    "float with exponent": "/f/1e5",
    "long float": "/f/0." + "9" * 100_000,
    "uuid of other digits": "/u/" + "\u0663" * 32,
    "short uuid": "/u/0",
    "two slashes": "//",
    "three slashes": "///",
    "two slashes and a host": "//evil.example",
    "two slashes and a redirect": "//evil.example/slash",
    "two slashes and a route": "//slash",
    "slashes within": "/static//sub",
    "slashes before files": "/static//etc/passwd",
    "slashes after": "/slash//",
    "dots": "/static/../file.txt",
    "dots and slashes": "/static/..%2f..%2fetc/passwd",
    "more dots": "/static/" + "../" * 50 + "etc/passwd",
    "backslashes": "/static/..\\..\\etc",
    "null in files": "/static/file.txt\x00.html",
    "newline in files": "/static/file.txt\n",
    "slash after a file": "/static/file.txt/",
    "file as a directory": "/static/file.txt/x",
    "directory with an odd name": "/static/sub\n",
    "long name": "/static/" + "a" * 5000,
    "long path": "/static/" + "a/" * 5000,
    "drive": "/static/C:/x",
    "empty": "",
    "star": "*",
    "no slash": "n/1",
    "absolute": "http://evil.example/n/1",
    "long": "/" + "a" * 100_000,
    "long enough to be refused": "/" + "a" * 8192,
    "as long as may be": "/" + "a" * 8191,
    "many segments": "/a" * 20_000,
    "as many segments as may be": "/a" * 4096,
    "mount and newline": "/inner\n/1",
    "mount and slash": "/inner//1",
    "mount and nothing": "/inner",
    "deep": "/inner/deep",
    "deep and slashes": "/inner//deep//",
}


@pytest.mark.parametrize("path", BAD_PATHS.values(), ids=BAD_PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS"])
def test_any_path_is_answered(app: Any, portal: BlockingPortal, path: str, method: str) -> None:
    answer = ask(portal, app, method, path)
    assert answer.status in ((414,) if len(path) > 8192 else (200, 204, 307, 400, 404, 405))
    location = answer.headers.get("location", "")
    assert not location.startswith("//")
    assert "://evil" not in location
    if "passwd" in path:
        assert answer.status in (404, 405)


@pytest.mark.parametrize(
    "path",
    ["/n/1\n", "/n/1\r", "/n/\u0663", "/n/-1", "/n/+1", "/n/1_0", "/n/" + "9" * 5000, "/f/1e5", "/f/" + "9" * 400],
)
def test_a_number_that_is_none_is_not_found(app: Any, portal: BlockingPortal, path: str) -> None:
    assert ask(portal, app, path=path).status == 404


@pytest.mark.parametrize(("path", "value"), [("/s/a\nb", "a\nb"), ("/p/a/b//", "a/b//"), ("/s/\ufffd", "\ufffd")])
def test_a_path_parameter_loses_nothing(app: Any, portal: BlockingPortal, path: str, value: str) -> None:
    answer = ask(portal, app, path=path, headers=[("host", "example.com"), ("accept-encoding", "identity")])
    assert answer.status == 200
    assert list(json.loads(answer.body)["path_params"].values()) == [value]


@pytest.mark.parametrize("raw_path", ["absent", None, b"", b"/%ff%00", b"\xff"])
@pytest.mark.parametrize("root_path", ["", "/", "/n", "/n/1", "/no", "n", "//", "/\ud800"])
def test_any_raw_path_and_root_path_are_answered(
    app: Any, portal: BlockingPortal, raw_path: Any, root_path: str
) -> None:
    scope = http_scope(path="/n/1", root_path=root_path, headers=[("host", "example.com")])
    if raw_path == "absent":
        del scope["raw_path"]
    else:
        scope["raw_path"] = raw_path
    answer: Exchange = portal.call(Exchange(app, scope).run)
    assert answer.status in (200, 307, 404)


@pytest.mark.parametrize(
    "method",
    [
        "",
        "get",
        "GE T",
        "G\u00c9T",
        "GET\r\nx: y",
        "X" * 10_000,
        "__INIT__",
        "DISPATCH",
        "HANDLERS",
        "CONNECT",
        "TRACE",
    ],
)
@pytest.mark.parametrize("path", ["/", "/methods", "/n/1", "/static/file.txt", "/file", "/nothing"])
def test_any_method_is_answered(app: Any, portal: BlockingPortal, method: str, path: str) -> None:
    answer = ask(portal, app, method, path)
    assert answer.status in (404, 405) or (path in ("/static/file.txt", "/file", "/methods") and answer.status < 500)


@given(
    st.one_of(
        st.binary(max_size=30).map(lambda raw: raw.decode("utf-8", "replace")),
        st.binary(max_size=30).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
        st.text(alphabet="./\\%\n\r\x00ab0123456789-:", max_size=30),
    ),
    st.sampled_from(["", "/", "//", "/n/", "/f/", "/u/", "/s/", "/p/", "/static/", "/inner/", "/slash", "/no-slash/"]),
)
@settings(steady, max_examples=200)
def test_any_text_is_a_path(app: Any, portal: BlockingPortal, text: str, prefix: str) -> None:
    ask(portal, app, path=prefix + text)


# --- bodies that do not come as announced ---


@pytest.mark.parametrize("how", ["json", "form", "body", "stream"])
@pytest.mark.parametrize("length", [b"", b"-1", b"abc", b"1,1", b"1\x00", b"9" * 5000, b"0", b"1e3", b"\xb2", b" 3 "])
def test_any_content_length_is_read_or_refused(app: Any, portal: BlockingPortal, how: str, length: bytes) -> None:
    headers = [("host", "example.com"), ("content-length", length), ("content-type", URL_ENCODED)]
    answer = ask(portal, app, "POST", f"/read/{how}", body=b'{"a": 1}', headers=headers)
    assert answer.status in (200, 400, 413)


@pytest.mark.parametrize("how", ["json", "form", "body", "stream"])
def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_fault(
    app: Any, portal: BlockingPortal, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    headers = [("host", "example.com"), ("content-type", MULTIPART), ("content-length", "1000")]
    exchange = Exchange(app, http_scope("POST", f"/read/{how}", headers=headers))

    async def receive(messages: Any = iter([{"type": "http.request", "body": PART, "more_body": True}])) -> Any:  # noqa: B008
        return next(messages, {"type": "http.disconnect"})

    exchange.receive = functools.partial(receive)  # type: ignore[method-assign]
    portal.call(exchange.run)
    assert not any(record.levelname == "ERROR" for record in caplog.records)
    assert not exchange.started or exchange.status < 500
