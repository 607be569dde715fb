"""`AsyncTestClient.websocket_connect`: opening, frames, closing, and never a `receive` that hangs."""

import anyio
import pytest

from asterion.applications import Asterion
from asterion.responses import PlainTextResponse
from asterion.routing import WebSocketRoute
from asterion.testclient import (
    ApplicationReturned,
    AsyncTestClient,
    ConformanceError,
    ReceiveTimeout,
    WebSocketDenialResponse,
    WebSocketDisconnect,
    WrongFrame,
)
from tests.asgi import function_layers, wait_all_blocked

pytestmark = pytest.mark.anyio


class Boom(Exception):
    pass


def connect(app, url="/", *, client=None, **options):
    return (client or AsyncTestClient(app)).websocket_connect(url, **options)


def accepting(then=None):
    """An application that accepts, and then does what it is told."""

    async def app(scope, receive, send):
        app.scope = scope
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)})
        if then is not None:
            await then(receive, send)

    return app


async def echo(receive, send):
    """Sends every frame back, until the client leaves."""
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", **{key: message[key] for key in ("text", "bytes") if key in message}})


async def test_frames_pass_both_ways():
    async with connect(accepting(echo)) as session:
        await session.send_text("text")
        assert await session.receive_text() == "text"
        await session.send_bytes(b"bytes")
        assert await session.receive_bytes() == b"bytes"
        for mode in ("text", "binary"):
            await session.send_json({"a": "\u00e4"}, mode=mode)
            assert await session.receive_json(mode=mode) == {"a": "\u00e4"}


async def test_the_handshake_offers_and_the_session_shows_what_was_accepted():
    app = accepting()
    client = AsyncTestClient(app, base_url="https://host", cookies={"a": "b"})
    options = {"subprotocols": ["one", "two"], "headers": {"x-name": "v"}, "params": {"q": "1"}}
    async with connect(app, "/ws", client=client, **options) as session:
        assert (session.accepted_subprotocol, session.extra_headers) == ("one", [])
    scope, headers = app.scope, dict(app.scope["headers"])
    assert session.scope["path"] == "/ws"
    assert (scope["type"], scope["scheme"], scope["path"], scope["query_string"]) == ("websocket", "wss", "/ws", b"q=1")
    assert (headers[b"x-name"], headers[b"cookie"]) == (b"v", b"a=b")
    assert headers[b"sec-websocket-protocol"] == b"one, two"


async def test_an_endpoint_of_an_application_is_reached_through_any_middleware(layers):
    async def endpoint(websocket):
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.close(4000, "enough")

    app = Asterion(routes=[WebSocketRoute("/", endpoint)], middleware=function_layers(layers))
    async with connect(app) as session:
        await session.send_text("x")
        assert await session.receive_text() == "x"
        for _ in range(2):
            with pytest.raises(WebSocketDisconnect) as closed:
                await session.receive_text()
            assert (closed.value.code, closed.value.reason) == (4000, "enough")


async def test_a_session_is_used_inside_its_block_only():
    session = connect(accepting())
    with pytest.raises(RuntimeError, match="is not open"):
        await session.receive()
    async with session:
        pass
    with pytest.raises(RuntimeError, match="is not open"):
        await session.send_text("x")


# --- refusals ---------------------------------------------------------------------------------------------------------


async def test_a_close_instead_of_an_acceptance_is_raised():
    async def app(scope, receive, send):
        await send({"type": "websocket.close", "code": 4003, "reason": "no"})

    with pytest.raises(WebSocketDisconnect) as refused:
        async with connect(app):
            pass
    assert (refused.value.code, refused.value.reason) == (4003, "no")


async def test_a_denial_response_is_raised_as_a_response():
    async def endpoint(websocket):
        await websocket.send_denial_response(PlainTextResponse("not you", status_code=401))

    with pytest.raises(WebSocketDenialResponse) as denied:
        async with connect(Asterion(routes=[WebSocketRoute("/", endpoint)])):
            pass
    assert (denied.value.status_code, denied.value.text) == (401, "not you")


# --- never a hang -----------------------------------------------------------------------------------------------------


async def test_a_silent_application_is_a_time_out_of_the_session_or_of_one_call():
    client = AsyncTestClient(accepting(echo))
    client.settings.websocket_timeout = 0.01
    async with connect(None, client=client) as session:
        with pytest.raises(ReceiveTimeout, match=r"0\.01 seconds"):
            await session.receive_text()
        with pytest.raises(ReceiveTimeout, match=r"for 0 seconds"):
            await session.receive_json(timeout=0)
        await session.send_text("still open")
        assert await session.receive_text(timeout=5) == "still open"


async def test_an_application_that_never_answers_the_handshake_is_a_time_out():
    async def app(scope, receive, send):
        await anyio.sleep_forever()

    client = AsyncTestClient(app)
    client.settings.websocket_timeout = client.settings.leave_grace = 0.01
    with pytest.raises(ReceiveTimeout):
        async with connect(None, client=client):
            pass


async def test_an_application_that_has_returned_says_so_at_once():
    async with connect(accepting()) as session:
        with pytest.raises(ApplicationReturned):
            await session.receive()


async def test_an_application_that_stays_after_the_test_has_left_is_cancelled():
    ended = []

    async def stays(receive, send):
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(1)

    client = AsyncTestClient(accepting(stays))
    client.settings.leave_grace = 0
    async with connect(None, client=client):
        pass
    assert ended == [1]


async def test_a_test_that_is_cancelled_in_a_session_leaves_it():
    seen = []

    async def listens(receive, send):
        seen.append(await receive())

    with anyio.CancelScope() as scope:
        async with connect(accepting(listens)) as session:
            scope.cancel()
            await session.receive()
    assert [message["type"] for message in seen] == ["websocket.disconnect"]


# --- leaving and failing ----------------------------------------------------------------------------------------------


async def test_leaving_disconnects_and_waits_for_the_application():
    seen = []

    async def listens(receive, send):
        seen.append(await receive())
        await anyio.lowlevel.checkpoint()
        seen.append("done")

    async with connect(accepting(listens)):
        pass
    assert seen == [{"type": "websocket.disconnect", "code": 1000, "reason": ""}, "done"]


async def test_closing_carries_code_and_reason_and_is_harmless_twice():
    seen = []

    async def listens(receive, send):
        seen.append(await receive())

    async with connect(accepting(listens)) as session:
        await session.close(4001, "bye")
        await session.close()
    assert seen == [{"type": "websocket.disconnect", "code": 4001, "reason": "bye"}]


async def test_after_closing_the_application_has_nobody_to_talk_to():
    failed = []

    async def talks(receive, send):
        await receive()
        assert (await receive())["code"] == 1006
        try:
            await send({"type": "websocket.send", "text": "x"})
        except OSError as error:
            failed.append(str(error))

    async with connect(accepting(talks)) as session:
        await session.close()
        with pytest.raises(ApplicationReturned):
            await session.receive()
    assert failed == ["websocket.send was sent after the client had left"]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_exception_of_the_application_reaches_the_test_as_itself(when):
    async def fails(receive, send):
        raise Boom

    async def at_once(scope, receive, send):
        raise Boom

    with pytest.raises(Boom):
        async with connect(at_once if when == "before" else accepting(fails)) as session:
            await session.receive()


async def test_an_exception_nobody_waited_for_is_raised_on_leaving():
    async def fails(receive, send):
        await receive()
        raise Boom

    with pytest.raises(Boom):
        async with connect(accepting(fails)):
            pass


async def test_the_wrong_kind_of_frame_is_named():
    async with connect(accepting(echo)) as session:
        await session.send_text("x")
        with pytest.raises(WrongFrame, match=r"receive_text\(\)"):
            await session.receive_bytes()


async def test_a_breach_that_the_application_swallowed_is_raised_on_leaving():
    async def sends_nothing(receive, send):
        try:
            await send({"type": "websocket.send"})
        except ConformanceError:
            await receive()

    client = AsyncTestClient(accepting(sends_nothing), strict=True)
    with pytest.raises(ConformanceError, match="exactly one of them"):
        async with connect(None, client=client):
            pass


async def test_any_message_can_be_sent_as_it_is():
    async with connect(accepting(echo)) as session:
        await session.send({"type": "websocket.receive", "text": "raw"})
        assert await session.receive_text() == "raw"


async def test_leaving_twice_is_harmless():
    session = connect(accepting(echo))
    async with session:
        pass
    await session.__aexit__(None, None, None)


async def test_a_message_to_an_application_that_has_failed_raises_what_it_raised():
    async def fails(receive, send):
        raise Boom

    with pytest.raises(Boom):
        async with connect(accepting(fails)) as session:
            await wait_all_blocked()
            with pytest.raises(Boom):
                await session.send_text("too late")
