"""Foreign pages do not speak for our visitors: WebSockets, and HTTP requests with unsafe methods (attack 104)."""

import logging

import pytest

from asterion.applications import Asterion
from asterion.middleware import Middleware
from asterion.middleware.origin import SAFE_METHODS, OriginMiddleware
from asterion.responses import PlainTextResponse
from asterion.routing import Route, WebSocketRoute
from asterion.testclient import TestClient, WebSocketDenialResponse
from asterion.websockets import WebSocketDisconnect
from tests.asgi import request

pytestmark = pytest.mark.anyio

EVIL = [("cookie", "session=a"), ("origin", "https://evil.example")]
OWN = [("cookie", "session=a"), ("origin", "https://app.example")]


def greeting(seen):
    async def app(scope, receive, send):
        seen.append(scope["type"])
        await receive()
        await send({"type": "websocket.accept"})

    return app


async def shake(headers, *args, extensions=None, **options):
    """Whether the application saw the handshake, and what was sent."""
    seen, sent = [], []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    lines = [(name.encode(), value.encode()) for name, value in [("host", "app.example"), *headers]]
    scope = {"type": "websocket", "scheme": "wss", "path": "/ws", "headers": lines}
    if extensions is not None:
        scope["extensions"] = extensions
    await OriginMiddleware(greeting(seen), *args, **options)(scope, receive, send)
    return bool(seen), sent


async def test_a_page_of_another_origin_cannot_open_a_websocket_with_our_cookies():
    assert await shake(EVIL) == (
        False,
        [{"type": "websocket.close", "code": 1008, "reason": "Origin not allowed"}],
    )


async def test_it_gets_a_403_where_the_server_can_send_one():
    seen, sent = await shake(EVIL, extensions={"websocket.http.response": {}})
    assert not seen
    assert [message["type"] for message in sent] == ["websocket.http.response.start", "websocket.http.response.body"]
    assert sent[0]["status"] == 403
    assert sent[1]["body"] == b"Origin not allowed"


@pytest.mark.parametrize("headers", [OWN, [], [("cookie", "session=a")], [("origin", "https://evil.example")]])
async def test_own_pages_clients_without_origin_and_strangers_without_credentials_get_in(headers):
    assert await shake(headers) == (True, [{"type": "websocket.accept"}])


async def test_listed_origins_get_in_and_then_all_others_are_judged_with_or_without_cookies():
    allowed = ["https://evil.example"]
    assert (await shake(EVIL, allowed))[0]
    assert (await shake(OWN, allowed))[0]
    assert not (await shake([("origin", "https://other.example")], allowed))[0]
    assert (await shake([], allowed))[0]
    assert not (await shake([], allowed, require_origin=True))[0]
    assert not (await shake([("origin", "https://other.example")], always=True))[0]


async def post(headers, method="POST", path="/", **options):
    app = OriginMiddleware(PlainTextResponse("done"), **options)
    scope = {"scheme": "https"}
    return await request(app, method, path, headers=[("host", "app.example"), *headers], scope=scope)


async def test_http_requests_pass_unless_they_are_to_be_checked():
    assert (await post(EVIL)).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "INVENTED"])
async def test_an_unsafe_request_of_a_foreign_page_is_refused(method):
    answer = await post(EVIL, method, check_http=True)
    assert (answer.status, answer.body) == (403, b"Origin not allowed")
    assert (await post(OWN, method, check_http=True)).status == 200
    assert (await post([("cookie", "a=b")], method, check_http=True)).status == 200
    cross = [("cookie", "a=b"), ("sec-fetch-site", "cross-site")]
    assert (await post(cross, method, check_http=True)).status == 403


@pytest.mark.parametrize("method", sorted(SAFE_METHODS))
async def test_safe_requests_are_never_refused(method):
    assert (await post(EVIL, method, check_http=True)).status == 200


async def test_why_is_in_the_log_in_one_line_and_not_in_the_answer(caplog):
    with caplog.at_level(logging.WARNING, "asterion.origin"):
        await shake([("cookie", "a=b"), ("origin", "https://evil.example\r\nadmin logged in")])
    (record,) = caplog.records
    text = record.getMessage()
    assert "\n" not in text
    assert r"'https://evil.example\r\nadmin logged in' is neither 'https://app.example'" in text
    assert "allowed_origins" in text


async def test_the_log_has_the_beginning_of_a_long_path(caplog):
    with caplog.at_level(logging.WARNING, "asterion.origin"):
        await post(EVIL, check_http=True, path="/" + "a" * 500)
    (record,) = caplog.records
    assert f"'/{'a' * 199}'" in record.getMessage()


def test_what_is_no_origin_is_refused_when_the_application_is_built():
    with pytest.raises(ValueError, match="'\\*' in allowed_origins is no exact origin"):
        OriginMiddleware(None, ["*"])


def test_with_the_test_client():
    async def home(request):
        return PlainTextResponse("home")

    async def echo(websocket):
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.close()

    app = Asterion(
        routes=[Route("/", home, methods=["GET", "POST"]), WebSocketRoute("/ws", echo)],
        middleware=[Middleware(OriginMiddleware, check_http=True)],
    )
    with TestClient(app, cookies={"session": "a"}) as client:
        with client.websocket_connect("/ws", headers={"origin": "http://testserver"}) as websocket:
            websocket.send_text("hello")
            assert websocket.receive_text() == "hello"
        with pytest.raises((WebSocketDenialResponse, WebSocketDisconnect)) as refused:
            with client.websocket_connect("/ws", headers={"origin": "https://evil.example"}):
                raise AssertionError("the handshake was accepted")
        assert refused.value.status_code == 403
        assert client.post("/", headers={"origin": "https://evil.example"}).status_code == 403
        assert client.post("/", headers={"origin": "http://testserver"}).status_code == 200
