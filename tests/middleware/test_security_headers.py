"""Headers that make browsers stricter: there from the start, to be turned off, and never over what a response says."""

import re
from contextlib import asynccontextmanager
from typing import Any

import pytest

from asterion.applications import Asterion, Starlette
from asterion.exceptions import HTTPException
from asterion.middleware import Middleware
from asterion.middleware.conditional import ConditionalMiddleware
from asterion.middleware.cors import CORSMiddleware
from asterion.middleware.securityheaders import (
    NONCE,
    SecurityHeadersMiddleware,
    StrictTransportSecurity,
    csp_nonce,
)
from asterion.requests import Request
from asterion.responses import HTMLResponse, PlainTextResponse, StreamingResponse
from asterion.routing import Mount, Route, WebSocketRoute
from asterion.staticfiles import StaticFiles
from asterion.templating import Jinja2Templates
from asterion.testclient import TestClient
from tests.asgi import Exchange, function_layers, http_scope, request

pytestmark = pytest.mark.anyio

DEFAULTS = {
    "content-security-policy": "base-uri 'self'; object-src 'none'; frame-ancestors 'self'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "strict-origin-when-cross-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
STRICT = {"default-src": "'self'", "script-src": ["'self'", NONCE], "style-src": ["'self'", NONCE]}


async def headers_of(app: Any = None, *, scheme: str = "http", host: str = "shop.example", **options: Any) -> Any:
    inner = PlainTextResponse("a page") if app is None else app
    app = SecurityHeadersMiddleware(inner, **options)
    return (await request(app, headers=[("host", host)], scope={"scheme": scheme})).headers


async def test_a_page_has_them_all_from_the_start_and_none_twice() -> None:
    answer = await request(SecurityHeadersMiddleware(PlainTextResponse("a page")))
    names = [name.decode() for name, _ in answer.raw_headers]
    assert len(names) == len(set(names))
    assert DEFAULTS.items() <= answer.headers.items()
    assert "strict-transport-security" not in answer.headers
    assert "permissions-policy" not in answer.headers


async def test_what_a_response_says_itself_stays() -> None:
    own = {"X-Frame-Options": "DENY", "content-security-policy": "default-src 'none'", "referrer-policy": ""}
    headers = await headers_of(PlainTextResponse("a page", headers=own))
    assert (headers["x-frame-options"], headers["referrer-policy"]) == ("DENY", "")
    assert headers["content-security-policy"] == "default-src 'none'"
    assert headers["x-content-type-options"] == "nosniff"


async def test_a_response_is_not_changed_for_the_next_request() -> None:
    response = PlainTextResponse("a page")
    before = list(response.raw_headers)
    await headers_of(response)
    assert response.raw_headers == before


async def test_each_can_be_set_and_turned_off() -> None:
    off = dict.fromkeys(
        [
            "content_security_policy",
            "content_type_options",
            "frame_options",
            "referrer_policy",
            "cross_origin_opener_policy",
            "cross_origin_resource_policy",
            "strict_transport_security",
        ]
    )
    assert set(await headers_of(scheme="https", **off)) == {"content-type", "content-length"}
    headers = await headers_of(
        content_security_policy="default-src 'self';",
        content_security_policy_report_only={"script-src": "'none'", "report-uri": "/violations"},
        frame_options="DENY",
        referrer_policy="no-referrer, same-origin",
        cross_origin_opener_policy="same-origin-allow-popups",
        cross_origin_resource_policy="same-site",
        cross_origin_embedder_policy="require-corp",
        permissions_policy={"camera": (), "geolocation": ["self", "https://maps.example"], "usb": "*", "midi": "self"},
    )
    assert headers["content-security-policy"] == "default-src 'self'"
    assert headers["content-security-policy-report-only"] == "script-src 'none'; report-uri /violations"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer, same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin-allow-popups"
    assert headers["cross-origin-resource-policy"] == "same-site"
    assert headers["cross-origin-embedder-policy"] == "require-corp"
    expected = 'camera=(), geolocation=(self "https://maps.example"), usb=*, midi=(self)'
    assert headers["permissions-policy"] == expected
    assert (await headers_of(permissions_policy=expected))["permissions-policy"] == expected


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"content_security_policy": "default-src 'self'\r\nSet-Cookie: s=1"}, "printable ASCII on one line"),
        ({"content_security_policy": ""}, "or None for no such header"),
        ({"content_security_policy": ";"}, "has no directive"),
        ({"content_security_policy": {}}, "has no directive"),
        ({"content_security_policy": {"script-src": "'self'; frame-ancestors *"}}, "write one directive for each key"),
        ({"content_security_policy": {"script-src": ["'self'\n"]}}, "printable ASCII on one line"),
        ({"content_security_policy": {"script src": "'self'"}}, "is no directive"),
        ({"content_security_policy": "img-src *; script_src 'self'"}, "'script_src' .* is no directive"),
        ({"content_security_policy": "img-src *; IMG-SRC 'self'"}, "is twice in .*browsers ignore the second"),
        ({"content_security_policy": "script-src self"}, "write it in quotes, \"'self'\""),
        ({"content_security_policy": "script-src nonce-{nonce}"}, "write it in quotes"),
        ({"content_security_policy": "script-src 'nonce-abc'"}, "protects nothing: write NONCE"),
        ({"content_security_policy": "script-src 'none' 'self'"}, "write it alone or leave it out"),
        ({"content_security_policy": "script-src 'self', img-src *"}, "would begin another policy"),
        ({"content_security_policy": "script-src https://{host}"}, "the one place-holder is NONCE"),
        ({"content_security_policy_report_only": "script-src self"}, "content_security_policy_report_only"),
        ({"content_type_options": "sniff"}, "content_type_options='sniff' is unknown to browsers"),
        ({"frame_options": "ALLOW-FROM https://a.example"}, "unknown to browsers"),
        ({"frame_options": "DENY\r\nX: y"}, "printable ASCII on one line"),
        ({"referrer_policy": "same-origin, sometimes"}, "unknown to browsers"),
        ({"cross_origin_opener_policy": "same-site"}, "unknown to browsers"),
        ({"cross_origin_resource_policy": "*"}, "unknown to browsers"),
        ({"cross_origin_embedder_policy": 1}, "printable ASCII on one line"),
        ({"permissions_policy": {"Camera": ()}}, "'Camera' in permissions_policy is no feature"),
        ({"permissions_policy": {"camera": ["https://a.example other"]}}, "is neither 'self', 'src' nor an origin"),
        ({"permissions_policy": {"camera": ["maps.example"]}}, "nor an origin"),
        ({"permissions_policy": {"camera": ['https://a"b']}}, "nor an origin"),
        ({"permissions_policy": {}}, "or None for no such header"),
        ({"permissions_policy": "camera=()\n"}, "printable ASCII on one line"),
        ({"strict_transport_security": "max-age=1"}, "or None; got 'max-age=1'"),
    ],
)
async def test_what_browsers_would_ignore_is_refused_when_the_middleware_is_made(options: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        SecurityHeadersMiddleware(PlainTextResponse("a page"), **options)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"max_age": -1}, "0 or more; got -1"),
        ({"max_age": 1.5}, "number of seconds"),
        ({"preload": True}, "preload needs include_subdomains=True"),
        ({"preload": True, "include_subdomains": True, "max_age": 31535999}, "max_age of a year"),
    ],
)
async def test_transport_security_that_nobody_would_take_is_refused(options: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        StrictTransportSecurity(**options)


async def test_transport_security_is_told_over_tls_alone_and_never_by_localhost() -> None:
    name = "strict-transport-security"
    assert (await headers_of(scheme="https"))[name] == "max-age=31536000"
    assert name not in await headers_of(scheme="http")
    for host in ("localhost", "localhost:8000", "app.localhost"):
        assert name not in await headers_of(scheme="https", host=host)
    assert name in await headers_of(scheme="https", host="no host at all")
    for age in (31536000, 63072000):
        all_of_it = StrictTransportSecurity(age, include_subdomains=True, preload=True)
        headers = await headers_of(scheme="https", strict_transport_security=all_of_it)
        assert headers[name] == f"max-age={age}; includeSubDomains; preload"
    taken_back = StrictTransportSecurity(0)
    assert (await headers_of(scheme="https", strict_transport_security=taken_back))[name] == "max-age=0"


async def page(request: Request[Any]) -> HTMLResponse:
    assert csp_nonce(request) == request.state.csp_nonce
    return HTMLResponse(f'<script nonce="{csp_nonce(request)}">1</script>')


async def test_every_response_has_a_nonce_of_its_own_in_policy_and_page() -> None:
    app = SecurityHeadersMiddleware(
        Asterion(routes=[Route("/", page)]),
        content_security_policy=STRICT,
        content_security_policy_report_only=f"script-src {NONCE}",
    )
    seen = set()
    for _ in range(5):
        answer = await request(app)
        [nonce] = re.findall(rb'nonce="([\w-]{22})"', answer.body)
        source = f"'nonce-{nonce.decode()}'"
        policy = answer.headers["content-security-policy"]
        assert policy == f"default-src 'self'; script-src 'self' {source}; style-src 'self' {source}"
        assert answer.headers["content-security-policy-report-only"] == f"script-src {source}"
        seen.add(nonce)
    assert len(seen) == 5


async def test_templates_read_the_nonce(tmp_path: Any) -> None:
    (tmp_path / "page.html").write_text('<script nonce="{{ request.state.csp_nonce }}"></script>')
    templates = Jinja2Templates(tmp_path)

    async def endpoint(request: Request[Any]) -> Any:
        return templates.TemplateResponse(request, "page.html")

    app = SecurityHeadersMiddleware(Asterion(routes=[Route("/", endpoint)]), content_security_policy=STRICT)
    answer = await request(app)
    assert answer.body.decode() == f'<script nonce="{policy_nonce(answer)}"></script>'


def policy_nonce(answer: Any) -> str:
    return str(re.findall(r"'nonce-([\w-]+)'", answer.headers["content-security-policy"])[0])


async def test_a_layer_further_out_sees_the_nonce_and_two_of_these_have_one() -> None:
    inner = SecurityHeadersMiddleware(Asterion(routes=[Route("/", page)]), content_security_policy=STRICT)
    for app in (inner, SecurityHeadersMiddleware(inner, content_security_policy={"script-src": NONCE})):
        scope = http_scope()
        outer = Request(scope)
        _ = outer.state
        answer = await Exchange(app, scope).run()
        assert outer.state.csp_nonce == policy_nonce(answer)
        assert answer.headers["content-security-policy"].startswith("default-src 'self'; ")


async def test_without_a_nonce_in_the_policy_there_is_none_to_be_read() -> None:
    scope = http_scope()
    await Exchange(SecurityHeadersMiddleware(PlainTextResponse("a page")), scope).run()
    with pytest.raises(RuntimeError, match="this request has no nonce: add SecurityHeadersMiddleware with NONCE"):
        csp_nonce(Request(scope))
    assert not hasattr(Request(scope).state, "csp_nonce")


async def test_a_304_leaves_the_policy_of_the_page_that_the_client_has() -> None:
    async def endpoint(request: Request[Any]) -> HTMLResponse:
        return HTMLResponse("always the same", headers={"etag": '"1"'})

    inner = ConditionalMiddleware(Asterion(routes=[Route("/", endpoint)]))
    app = SecurityHeadersMiddleware(inner, content_security_policy=STRICT)
    answer = await request(app, headers=[("if-none-match", '"1"')])
    assert answer.status == 304
    assert "content-security-policy" not in answer.headers
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    fixed = await request(SecurityHeadersMiddleware(inner), headers=[("if-none-match", '"1"')])
    assert fixed.headers["content-security-policy"] == DEFAULTS["content-security-policy"]


async def broken(request: Request[Any]) -> None:
    raise LookupError("a mistake")


async def forbidden(request: Request[Any]) -> None:
    raise HTTPException(403)


async def stream(request: Request[Any]) -> StreamingResponse:
    return StreamingResponse(iter(["a", "b", "c"]))


ROUTES = [Route("/broken", broken), Route("/forbidden", forbidden), Route("/stream", stream)]


@pytest.mark.parametrize(("path", "status"), [("/broken", 500), ("/forbidden", 403), ("/x", 404), ("/stream", 200)])
async def test_errors_and_streams_have_them_too(
    path: str, status: int, layers: int, way: str, spec_version: str
) -> None:
    ours = Middleware(SecurityHeadersMiddleware)
    for middleware in ([*function_layers(layers, way), ours], [ours, *function_layers(layers, way)]):
        app = Asterion(routes=ROUTES, middleware=middleware)
        scope = http_scope("GET", path, spec_version=spec_version)
        exchange = await answered(app, scope)
        assert exchange.status == status
        assert DEFAULTS.items() <= exchange.headers.items()
        assert status != 200 or exchange.body == b"abc"


async def answered(app: Any, scope: Any) -> Any:
    exchange = Exchange(app, scope)
    try:
        await exchange.run()
    except LookupError:
        assert exchange.status == 500
    return exchange


async def test_on_the_other_face_the_last_answer_is_made_outside_of_the_list() -> None:
    listed = Starlette(routes=ROUTES, middleware=[Middleware(SecurityHeadersMiddleware)])
    around = SecurityHeadersMiddleware(Starlette(routes=ROUTES))
    for app, has_them in ((listed, False), (around, True)):
        exchange = await answered(app, http_scope("GET", "/broken"))
        assert ("x-frame-options" in exchange.headers) is has_them
        assert "x-frame-options" in (await request(app, path="/forbidden")).headers


async def test_what_cors_gives_to_others_is_no_resource_of_ours_alone() -> None:
    inner = CORSMiddleware(PlainTextResponse("a picture"), allow_origins=["https://app.example"])
    app = SecurityHeadersMiddleware(inner)
    name = "cross-origin-resource-policy"
    shared = await request(app, headers=[("origin", "https://app.example")])
    assert name not in shared.headers
    assert (await request(app, headers=[("origin", "https://evil.example")])).headers[name] == "same-origin"
    assert (await request(app)).headers[name] == "same-origin"


async def test_files_say_nosniff_once(tmp_path: Any) -> None:
    (tmp_path / "a.txt").write_text("a")
    app = Asterion(
        routes=[Mount("/", StaticFiles(directory=tmp_path))], middleware=[Middleware(SecurityHeadersMiddleware)]
    )
    answer = await request(app, path="/a.txt")
    assert [value for name, value in answer.raw_headers if name == b"x-content-type-options"] == [b"nosniff"]
    assert "content-security-policy" in answer.headers


def test_websockets_and_lifespans_pass() -> None:
    events = []

    async def socket(websocket: Any) -> None:
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    async def lifespan(app: Any) -> Any:
        events.append("start")
        yield
        events.append("end")

    inner = Asterion(routes=[WebSocketRoute("/ws", socket)], lifespan=asynccontextmanager(lifespan))
    app = SecurityHeadersMiddleware(inner, content_security_policy=STRICT)
    with TestClient(app) as client, client.websocket_connect("/ws") as websocket:
        assert websocket.receive_text() == "hello"
    assert events == ["start", "end"]


async def test_words_of_directives_without_sources_are_written_as_they_are() -> None:
    headers = await headers_of(content_security_policy={"sandbox": ["allow-scripts", "allow-forms"]})
    assert headers["content-security-policy"] == "sandbox allow-scripts allow-forms"
