"""Trusted hosts and the redirect to https: strict about the Host header, and about WebSockets (row 72)."""

import pytest

from asterion.middleware.httpsredirect import HTTPSRedirectMiddleware
from asterion.middleware.trustedhost import ENFORCE_DOMAIN_WILDCARD, TrustedHostMiddleware
from asterion.responses import PlainTextResponse
from tests.asgi import request

pytestmark = pytest.mark.anyio

OK = PlainTextResponse("ok")


async def trusted(host, allowed, **options):
    headers = [("host", host)] if isinstance(host, str) else [("host", one) for one in host]
    return await request(TrustedHostMiddleware(OK, allowed, **options), path="/a", query=b"b=c", headers=headers)


@pytest.mark.parametrize(
    "host", ["example.com", "EXAMPLE.com:8000", "a.b.example.org", "127.0.0.1:1", "[::1]", "[::1]:8000"]
)
async def test_a_host_of_ours_gets_in(host):
    assert (await trusted(host, ["example.com", "*.example.org", "127.0.0.1", "[::1]"])).body == b"ok"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "example.com.evil",
        "xexample.org",
        "example.org",
        ".example.org",
        "example.com:99999999",
        "::1",
        "example.com/?",
        "example.com:",
        "user@example.com",
        "example.com,evil.example",
        "",
        "exampleXcom",
        "0177.0.0.1",
        "*.example.org",
        ("example.com", "evil.example"),
        ("example.com", "example.com"),
        (),
    ],
)
async def test_another_or_malformed_or_second_or_missing_host_does_not(host):
    answer = await trusted(host, ["example.com", "*.example.org"])
    assert (answer.status, answer.body) == (400, b"Invalid host header")


@pytest.mark.parametrize("allowed", [None, ["*"], "*"])
async def test_a_star_lets_everything_pass(allowed):
    assert (await trusted("any thing", allowed)).status == 200


async def test_a_host_that_needs_its_www_is_sent_there():
    answer = await trusted("example.com:81", ["www.example.com"])
    assert (answer.status, answer.headers["location"]) == (307, "http://www.example.com:81/a?b=c")
    assert (await trusted("example.com", ["www.example.com"], www_redirect=False)).status == 400


async def test_a_pattern_may_be_of_a_name_with_one_letter():
    assert (await trusted("b.a", ["*.a"])).status == 200
    assert (await trusted("b.c", ["*.a"])).status == 400


@pytest.mark.parametrize(
    "pattern", ["*.*.example.com", "a.*.com", "*example.com", "https://a.example", "a.example:80", ""]
)
def test_a_pattern_that_means_nothing_is_refused(pattern):
    with pytest.raises(ValueError, match="wildcard patterns must be like") as caught:
        TrustedHostMiddleware(OK, ["example.com", pattern])
    assert str(caught.value).startswith(ENFORCE_DOMAIN_WILDCARD)
    assert repr(pattern) in str(caught.value)


async def secure(host="example.com", path="/a", **scope):
    return await request(HTTPSRedirectMiddleware(OK), path=path, query=b"b=c", headers=[("host", host)], scope=scope)


@pytest.mark.parametrize(
    ("host", "netloc"),
    [
        ("example.com", "example.com"),
        ("example.com:80", "example.com"),
        ("example.com:443", "example.com"),
        ("example.com:8000", "example.com:8000"),
        ("[::1]:80", "[::1]"),
        ("[::1]:8000", "[::1]:8000"),
    ],
)
async def test_a_plain_request_is_redirected(host, netloc):
    answer = await secure(host)
    assert (answer.status, answer.headers["location"]) == (307, f"https://{netloc}/a?b=c")


async def test_a_secure_request_passes():
    assert (await secure(scheme="https")).body == b"ok"


@pytest.mark.parametrize("host", ["example.com/?", "a b", "example.com:99999999", "evil.example\\@example.com"])
async def test_no_redirect_is_built_from_what_is_no_host(host):
    answer = await secure(host)
    assert (answer.status, answer.body) == (400, b"Invalid host header")


async def test_two_hosts_are_none():
    answer = await request(HTTPSRedirectMiddleware(OK), headers=[("host", "a.example"), ("host", "b.example")])
    assert answer.status == 400


async def test_a_request_of_before_the_host_header_is_redirected_to_the_server():
    assert (await request(HTTPSRedirectMiddleware(OK))).headers["location"] == "https://127.0.0.1:8000/"


@pytest.mark.parametrize(
    ("middleware", "answer"),
    [
        (lambda app: TrustedHostMiddleware(app, ["other.example"]), b"Invalid host header"),
        (HTTPSRedirectMiddleware, b""),
    ],
)
async def test_a_websocket_is_refused_by_a_response_only_where_the_server_offers_that(middleware, answer):
    async def app(scope, receive, send):
        raise AssertionError("must not be called")

    async def refuse(extensions):
        sent = []

        async def send(message):
            sent.append(message)

        scope = {"type": "websocket", "scheme": "ws", "path": "/a", "query_string": b"", **extensions}
        await middleware(app)({**scope, "headers": [(b"host", b"example.com")]}, None, send)
        return sent

    for extensions in ({}, {"extensions": None}, {"extensions": {}}):
        [closed] = await refuse(extensions)
        assert (closed["type"], closed["code"]) == ("websocket.close", 1008)
    start, body = await refuse({"extensions": {"websocket.http.response": {}}})
    assert start["type"] == "websocket.http.response.start"
    assert body["body"] == answer
    if start["status"] == 307:
        assert dict(start["headers"])[b"location"] == b"wss://example.com/a"
