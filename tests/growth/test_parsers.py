"""Every parser takes time within twice linear from 16 KB to 1 MB, for each shape that was ever an attack on one."""

from collections.abc import Callable, Iterable
from typing import Any

import anyio
import pytest

from asterion._core import conditional, cookies, forms, hosts, negotiation, paths, ranges, urltext
from asterion._core.headertext import encode_header_value
from asterion._core.origins import canonical_origin
from asterion.datastructures import URL, Headers, MutableHeaders, QueryParams
from asterion.exceptions import HTTPException
from asterion.formparsers import FormParser, MultiPartParser
from asterion.middleware.sessions import SessionMiddleware
from asterion.requests import Request
from asterion.routing import Mount, Route, Router
from tests.asgi import http_scope
from tests.growth.measure import ALLOWED, growth

REFUSALS = (ValueError, HTTPException, ranges.Unsatisfiable)
UNLIMITED = 10**9


def repeated(unit: str, *, start: str = "", end: str = "") -> Callable[[int], str]:
    """Text of a size: `unit` again and again between `start` and `end`."""
    return lambda size: start + unit * ((size - len(start) - len(end)) // len(unit)) + end


def as_bytes(shape: Callable[[int], str]) -> Callable[[int], bytes]:
    return lambda size: shape(size).encode("latin-1")


def numbered(form: str) -> Callable[[int], str]:
    """Text of a size: `form` with ever another number in it."""
    return lambda size: "".join(form.format(number) for number in range(size // (len(form) + 4)))


def unlimited(header: str) -> Any:
    return ranges.parse_range(header, 10**9, max_ranges=UNLIMITED)


def header_pairs(size: int) -> list[tuple[bytes, bytes]]:
    return [(b"x-%d" % number, b"value") for number in range(size // 12)]


def same_header(size: int) -> list[tuple[bytes, bytes]]:
    return [(b"accept", b"a,b")] * (size // 12)


def read_headers(raw: list[tuple[bytes, bytes]]) -> None:
    headers = Headers(raw=raw)
    headers.get("x-none")
    headers.getlist("accept")
    headers.items()
    dict(headers)
    len(headers)


def change_headers(raw: list[tuple[bytes, bytes]]) -> None:
    headers = MutableHeaders(raw=list(raw))
    headers["accept"] = "one"
    headers.add_vary_header("accept")
    del headers["x-1"]


def read_query(text: str) -> None:
    parameters = QueryParams(text)
    parameters.get("a")
    parameters.getlist("a")
    dict(parameters)
    str(parameters)


def read_url(text: str) -> None:
    url = URL(text)
    _ = url.hostname, url.port, url.path, url.query
    url.include_query_params(a=1)
    url.replace(path="/")
    repr(url)


def read_scope_url(path: str) -> None:
    scope = http_scope(path=path, headers=[("host", "example.org")], query=path.encode("latin-1", "replace"))
    _ = str(Request(scope).url), Request(scope).url.path, str(Request(scope).base_url)


def read_cookies(text: str) -> None:
    _ = Request(http_scope(headers=[("cookie", text)])).cookies


def write_cookie(text: str) -> None:
    cookies.render_set_cookie("a", text)


SESSIONS = SessionMiddleware(lambda *_: None, "k" * 32)  # type: ignore[arg-type, return-value]

LIMITS = forms.FormLimits()


def forms_without_limits() -> dict[str, Any]:
    return {"max_fields": UNLIMITED, "max_files": UNLIMITED, "max_part_size": UNLIMITED}


async def _pieces(body: bytes, cut: int) -> Any:
    for at in range(0, len(body), cut):
        yield body[at : at + cut]


def drive(parse: Any) -> None:
    """Run to its end what never waits for a loop."""
    anyio.run(parse.parse)


def multipart(cut: int = 65536) -> Callable[[bytes], None]:
    def parse(body: bytes) -> None:
        headers = Headers({"content-type": "multipart/form-data; boundary=b"})
        drive(MultiPartParser(headers, _pieces(body, cut), **forms_without_limits()))

    return parse


def urlencoded(cut: int = 65536) -> Callable[[bytes], None]:
    def parse(body: bytes) -> None:
        headers = Headers({"content-type": "application/x-www-form-urlencoded"})
        drive(FormParser(headers, _pieces(body, cut), max_fields=UNLIMITED))

    return parse


FIELD = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
FILE = '--b\r\nContent-Disposition: form-data; name="f"; filename="n"\r\n\r\n'


def _routes() -> Router:
    async def endpoint(request: Any) -> None:
        return None

    return Router(
        routes=[
            Route("/a/{one}/{two}/{three}/end", endpoint),
            Route("/{path:path}/x", endpoint),
            Route("/n/{number:int}/{real:float}", endpoint),
            Mount("/a/{b}", routes=[Route("/{c:path}/y", endpoint)]),
        ]
    )


ROUTER = _routes()


def route(path: str) -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        return None

    work = ROUTER(http_scope(path=path), receive, send)
    try:
        work.send(None)
    except StopIteration:
        pass
    finally:
        work.close()


def of(name: str, parse: Callable[[Any], Any], /, **shapes: Callable[[int], Any]) -> Iterable[Any]:
    for shape, made in shapes.items():
        yield pytest.param(parse, made, id=f"{name}-{shape}")


QUOTES = {"quotes": repeated('"'), "escapes": repeated("\\", start='a="', end='"'), "late": repeated(" ", end="a")}

CASES = [
    *of("headers", read_headers, different=header_pairs, same=same_header),
    *of("changed-headers", change_headers, different=header_pairs, same=same_header),
    *of("header-value", encode_header_value, plain=repeated("a"), late_break=repeated("a", end="\r")),
    *of(
        "cookies",
        read_cookies,
        many=numbered("a{}=b; "),
        semicolons=repeated(";"),
        escaped_quotes=repeated('\\"', start='a="', end='"'),
        octals=repeated("\\303\\251", start='a="', end='"'),
        equals=repeated("="),
        spaces=repeated(" ", start="a", end="b"),
        **QUOTES,
    ),
    *of("set-cookie", write_cookie, plain=repeated("a"), quotes=repeated('"'), wide=repeated("\u4e00")),
    *of(
        "set-cookie-path",
        lambda path: cookies.render_set_cookie("a", "b", path=path),
        slashes=repeated("/"),
        late_semicolon=repeated("/", end=";"),
    ),
    *of(
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
    ),
    *of("urlencoded-text", urltext.parse_urlencoded, pairs=repeated("a=b&"), percent=repeated("%zz")),
    *of(
        "range",
        unlimited,
        apart=lambda size: "bytes=" + ",".join(f"{2 * at}-{2 * at}" for at in range(size // 12)),
        backwards=lambda size: "bytes=" + ",".join(f"{at}-{at}" for at in range(size // 6, 0, -2)),
        overlapping=repeated("0-,", start="bytes="),
        commas=repeated(",", start="bytes="),
        digits=repeated("1", start="bytes=0-"),
        spaces=repeated(" ", start="bytes=", end="x"),
        dashes=repeated("-", start="bytes="),
    ),
    *of(
        "accept",
        negotiation.parse_accept,
        members=repeated("text/html;q=0.5,"),
        commas=repeated(","),
        parameters=repeated(";a=b", start="text/html"),
        quoted=repeated('a;b="\\"",'),
        **QUOTES,
    ),
    *of("accept-type", lambda text: negotiation.media_type_quality(text, "a/b"), members=repeated("text/*;q=0.5,")),
    *of(
        "accept-encoding",
        lambda text: negotiation.choose_encoding(text, ["gzip", "br"]),
        members=repeated("gzip;q=0.5,"),
        **QUOTES,
    ),
    *of(
        "if-none-match",
        lambda text: conditional.entity_tags([text]),
        tags=repeated('"a",'),
        weak=repeated('W/"a",'),
        weak_marks=repeated("W/"),
        open=repeated('"a'),
        commas=repeated(", "),
        **QUOTES,
    ),
    *of(
        "not-modified",
        lambda text: conditional.is_not_modified(Headers({"etag": '"x"'}), Headers({"if-none-match": text})),
        tags=repeated('"a",'),
    ),
    *of(
        "if-modified-since",
        lambda text: conditional.is_not_modified(
            Headers({"last-modified": "Sat, 21 Nov 2026 07:00:00 GMT"}), Headers({"if-modified-since": text})
        ),
        digits=repeated("1"),
        words=repeated("Sat, "),
        colons=repeated("1:"),
        spaces=repeated(" ", end="x"),
        dots=repeated("."),
        quotes=repeated('"'),
        brackets=repeated("("),
    ),
    *of(
        "host",
        hosts.parse_host,
        labels=repeated("a."),
        colons=repeated(":"),
        brackets=repeated("["),
        address=repeated("0:", start="[", end="]"),
        digits=repeated("1", start="a:"),
        hyphens=repeated("-"),
        dots=repeated("."),
    ),
    *of("origin", canonical_origin, labels=repeated("a.", start="https://"), slashes=repeated("/", start="https:")),
    *of(
        "url",
        read_url,
        slashes=repeated("/"),
        colons=repeated(":", start="http://a"),
        ats=repeated("@", start="http://"),
        brackets=repeated("[", start="http://"),
        path=repeated("/a", start="http://a"),
        query=repeated("a=b&", start="http://a/?"),
        questions=repeated("?"),
        numbers=repeated("#"),
        spaces=repeated(" "),
        wide=repeated("\u4e00", start="http://a/"),
        dots=repeated("/..", start="http://a"),
    ),
    *of("scope-url", read_scope_url, slashes=repeated("/"), spaces=repeated(" ", start="/"), percent=repeated("%")),
    *of("quoted-path", urltext.quote_path, wide=repeated("\u4e00"), percent=repeated("%"), slashes=repeated("/")),
    *of(
        "template",
        paths.compile_path,
        literal=repeated("/a"),
        open=repeated("{"),
        close=repeated("}"),
        open_names=repeated("{a", start="/"),
        colons=repeated("{a:", start="/"),
        slashes=repeated("/"),
        stars=repeated("(a*)*", start="/"),
    ),
    *of(
        "routing",
        route,
        slashes=repeated("/"),
        deep=repeated("/a"),
        nearly=repeated("/x", end="!"),
        digits=repeated("1", start="/n/"),
        float=repeated("1.", start="/n/1/"),
        wide=repeated("/\u4e00"),
    ),
]


def refusing(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`parse`, where a refusal is an answer like any other."""

    def parsed(given: Any) -> Any:
        try:
            return parse(given)
        except REFUSALS:
            return None

    return parsed


@pytest.mark.parametrize(("parse", "shape"), CASES)
def test_time_grows_at_most_twice_as_fast_as_the_input(
    parse: Callable[[Any], Any], shape: Callable[[int], Any]
) -> None:
    assert growth(refusing(parse), shape) <= ALLOWED


def test_the_measure_finds_quadratic_work_inside_of_one_call_into_c() -> None:
    def quadratic(text: str) -> None:
        for at in range(0, len(text), 128):
            text.count("b", at)

    assert growth(quadratic, repeated("a")) > ALLOWED


def test_the_measure_takes_linear_work_for_what_it_is() -> None:
    assert growth(lambda text: sum(1 for _ in text), repeated("a")) <= ALLOWED


def test_a_long_list_of_headers_is_read_as_it_is_now_and_not_as_it_was_when_its_names_were_asked_for() -> None:
    headers = MutableHeaders(raw=[(b"x-%d" % number, b"old") for number in range(100)] + [(b"x-7", b"second")])
    assert dict(headers) == {f"x-{number}": "old" for number in range(100)}
    headers["x-5"] = "new"
    headers.raw[6] = (b"x-6", b"new")
    del headers["x-3"]
    assert (headers["x-5"], headers["x-6"], headers["x-7"], headers["x-99"]) == ("new", "new", "old", "old")
    assert "x-3" not in dict(headers)
