"""Cross-origin requests: who may ask, who may read, and what caches are told (row 58)."""

import logging

import pytest

from asterion._core.wire import straight
from asterion.datastructures import Headers
from asterion.middleware.cors import ALL_METHODS, SAFELISTED_HEADERS, CORSMiddleware
from asterion.responses import PlainTextResponse
from tests.asgi import request

pytestmark = pytest.mark.anyio

ORIGIN = "https://a.example"


async def ask(origin=ORIGIN, response=None, headers=(), **options):
    sent = [("origin", origin)] if origin else []
    return await request(CORSMiddleware(response or PlainTextResponse("ok"), **options), headers=[*sent, *headers])


async def preflight(origin=ORIGIN, method="GET", headers=None, more=(), **options):
    sent = [("origin", origin), ("access-control-request-method", method), *more]
    if headers is not None:
        sent.append(("access-control-request-headers", headers))
    return await request(CORSMiddleware(PlainTextResponse("app"), **options), method="OPTIONS", headers=sent)


async def test_a_listed_origin_may_read_and_caches_keep_it_apart():
    answer = await ask(allow_origins=[ORIGIN], expose_headers=["x-a", "x-b"])
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-expose-headers"] == "x-a, x-b"
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://a.example.evil", "https://a", "null", "HTTPS://A.EXAMPLE"]
)
async def test_another_origin_gets_the_answer_without_leave_to_read_it(origin):
    answer = await ask(origin, allow_origins=[ORIGIN], allow_credentials=True)
    assert (answer.status, answer.body) == (200, b"ok")
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.headers["vary"] == "Origin"


async def test_an_answer_to_a_request_without_origin_varies_too():
    """A cache that kept it would hand it to a page that then may not read it."""
    assert (await ask(None, allow_origins=[ORIGIN])).headers["vary"] == "Origin"
    assert "vary" not in (await ask(None, allow_origins=["*"])).headers


async def test_everybody_may_read_without_credentials():
    answer = await ask(allow_origins=["*"])
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "vary" not in answer.headers


async def test_everybody_with_credentials_is_refused_with_what_to_write():
    with pytest.raises(ValueError, match=r"lets every site act as its visitor: list the origins.*allow_origin_regex"):
        CORSMiddleware(PlainTextResponse("ok"), allow_origins=["*", ORIGIN], allow_credentials=True)


@pytest.mark.parametrize("cookie", [(), [("cookie", "a=b")]])
@pytest.mark.parametrize("how", ["expression", "drop-in"])
async def test_whoever_means_it_lets_everybody_in_with_a_warning(caplog, monkeypatch, cookie, how):
    """Browsers refuse `*` with credentials, so the origin is echoed; existing applications rely on it."""
    if how == "drop-in":
        monkeypatch.setattr(CORSMiddleware, "everybody_with_credentials", True)
    options = {"allow_origins": ["*"]} if how == "drop-in" else {"allow_origin_regex": ".*"}
    with caplog.at_level(logging.WARNING):
        answer = await ask(**options, allow_credentials=True, headers=cookie)
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["vary"] == "Origin"
    assert "lets every site act as its visitor" in caplog.text


@pytest.mark.parametrize("expression", [r"https://.*\.example", r"https?://[a-z]+\.invalid", "http://.*"])
async def test_an_expression_that_does_not_let_everybody_in_is_no_warning(caplog, expression):
    await ask(allow_origin_regex=expression, allow_credentials=True)
    assert not caplog.records


async def test_a_regular_expression_must_match_the_whole_origin():
    options = {"allow_origin_regex": r"https://.*\.example"}
    assert (await ask("https://b.example", **options)).headers["access-control-allow-origin"] == "https://b.example"
    for origin in ("https://b.example.evil", "xhttps://b.example", "https://b.example\n"):
        answer = await request(
            CORSMiddleware(PlainTextResponse("ok"), **options), headers=[(b"origin", origin.encode())]
        )
        assert "access-control-allow-origin" not in answer.headers


async def test_a_lone_string_is_one_origin_not_a_text_to_search():
    assert "access-control-allow-origin" not in (await ask("https://a", allow_origins=ORIGIN)).headers
    assert (await ask(allow_origins=ORIGIN)).headers["access-control-allow-origin"] == ORIGIN


async def test_vary_of_the_application_is_kept():
    response = PlainTextResponse("ok", headers={"vary": "Accept-Encoding"})
    assert (await ask(response=response, allow_origins=[ORIGIN])).headers["vary"] == "Accept-Encoding, Origin"
    # One instance, two visitors: nothing of the first is left for the second.
    other = await ask("https://b.example", response=response, allow_origins=[ORIGIN])
    assert "access-control-allow-origin" not in other.headers


async def test_a_preflight_request_is_answered_here():
    options = {"allow_origins": [ORIGIN], "allow_methods": ["GET", "PUT"], "allow_headers": ["X-A"], "max_age": 5}
    answer = await preflight(method="PUT", headers="x-a, content-type", **options)
    assert (answer.status, answer.body) == (200, b"OK")
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-methods"] == "GET, PUT"
    assert answer.headers["access-control-max-age"] == "5"
    assert answer.headers["access-control-allow-headers"] == ", ".join(sorted({"X-A", *SAFELISTED_HEADERS}))
    assert answer.headers["vary"] == "Origin"


async def test_a_preflight_request_that_is_not_allowed_says_what():
    answer = await preflight("https://evil.example", "PUT", "x-a", allow_origins=[ORIGIN])
    assert (answer.status, answer.body) == (400, b"Disallowed CORS origin, method, headers")
    assert "access-control-allow-origin" not in answer.headers


async def test_stars_allow_all_methods_and_echo_the_headers():
    answer = await preflight(
        method="DELETE", headers="x-a, x-b", allow_origins=["*"], allow_methods=["*"], allow_headers=["*"]
    )
    assert answer.status == 200
    assert answer.headers["access-control-allow-methods"] == ", ".join(ALL_METHODS)
    assert answer.headers["access-control-allow-headers"] == "x-a, x-b"
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_a_private_network_is_closed_unless_it_is_opened():
    more = [("access-control-request-private-network", "true")]
    refused = await preflight(more=more, allow_origins=["*"])
    assert (refused.status, refused.body) == (400, b"Disallowed CORS private-network")
    allowed = await preflight(more=more, allow_origins=["*"], allow_private_network=True)
    assert allowed.headers["access-control-allow-private-network"] == "true"


async def test_plain_options_requests_belong_to_the_application():
    answer = await request(
        CORSMiddleware(PlainTextResponse("app"), allow_origins=["*"]), method="OPTIONS", headers=[("origin", ORIGIN)]
    )
    assert answer.body == b"app"


async def test_it_stands_aside_once_the_start_is_out():
    async def app(scope, receive, send):
        assert straight(send) is send
        await send({"type": "http.response.start", "status": 200, "headers": []})
        assert straight(send) is not send
        await send({"type": "http.response.body", "body": b"ok"})

    assert (await ask(response=app, allow_origins=[ORIGIN])).body == b"ok"


async def test_a_subclass_with_a_send_of_its_own_sees_every_message():
    seen = []

    class Watching(CORSMiddleware):
        async def send(self, message, send, request_headers):
            seen.append(message["type"])
            await super().send(message, send, request_headers)

    await request(Watching(PlainTextResponse("ok"), allow_origins=[ORIGIN]), headers=[("origin", ORIGIN)])
    assert seen == ["http.response.start", "http.response.body"]


@pytest.mark.parametrize("origin", ["https://a.example/", "a.example"])
def test_an_origin_no_browser_sends_is_logged(caplog, origin):
    with caplog.at_level(logging.WARNING):
        CORSMiddleware(None, allow_origins=[origin])
    assert repr(origin) in caplog.text


def test_origins_that_browsers_send_are_no_warning(caplog):
    with caplog.at_level(logging.WARNING):
        CORSMiddleware(None, allow_origins=[ORIGIN, "http://localhost:3000", "null", "*"])
    assert caplog.text == ""


@pytest.mark.parametrize("origin", ["https://a.example\x01", "https://a.example\x7f", "https://é.example"])
@pytest.mark.parametrize("options", [{"allow_origins": ["*"]}, {"allow_origin_regex": "(?s).*"}])
async def test_what_is_no_plain_text_is_no_origin_whoever_is_allowed(origin, options):
    answer = await ask(origin, **options)
    assert "access-control-allow-origin" not in answer.headers
    assert b"origin" in (await preflight(origin, **options)).body


@pytest.mark.parametrize("wanted", ["x-a\x01", "x-é"])
async def test_names_of_headers_that_are_no_plain_text_are_not_echoed(wanted):
    answer = await preflight(headers=wanted, allow_origins=["*"], allow_headers=["*"])
    assert (answer.status, answer.body) == (400, b"Disallowed CORS headers")
    assert "access-control-allow-headers" not in answer.headers


async def test_the_method_that_marks_answers_can_be_called_without_an_origin():
    """Subclasses and other middleware call it with messages of their own."""
    sent = []

    async def send(message):
        sent.append(message)

    middleware = CORSMiddleware(PlainTextResponse("ok"), allow_origins=["*"])
    await middleware.send({"type": "http.response.start", "status": 200}, send, Headers())
    assert sent == [{"type": "http.response.start", "status": 200, "headers": []}]
