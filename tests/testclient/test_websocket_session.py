"""The test's end of a WebSocket: opening, frames, closing, and never a `receive` that hangs."""

import anyio
import pytest

from asterion.testclient import (
    ApplicationReturned,
    ConformanceError,
    ReceiveTimeout,
    TestClient,
    WebSocketDenialResponse,
    WebSocketDisconnect,
    WrongFrame,
)


class Boom(Exception):
    pass


@pytest.fixture
def connect(anyio_backend):
    """`connect(app, url="/", **options)` is a session with the application."""

    def connect(app, url="/", *, settings=None, base_url="http://testserver", **options):
        client = TestClient(app, backend=anyio_backend, base_url=base_url)
        for name, value in (settings or {}).items():
            setattr(client.settings, name, value)
        return client.websocket_connect(url, **options)

    return connect


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


# --- opening ----------------------------------------------------------------------------------------------------------


def test_the_scope_is_that_of_a_handshake(connect):
    app = accepting()
    with connect(app, "/ws%20x?a=1", subprotocols=["one", "two"], headers={"X-Name": "v"}) as session:
        assert session.accepted_subprotocol == "one"
        assert session.extra_headers == []
    scope = app.scope
    assert (scope["type"], scope["scheme"], scope["path"], scope["query_string"]) == (
        "websocket",
        "ws",
        "/ws x",
        b"a=1",
    )
    assert scope["subprotocols"] == ["one", "two"]
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.4"}
    assert scope["extensions"] == {"websocket.http.response": {}}
    headers = dict(scope["headers"])
    assert headers[b"x-name"] == b"v"
    assert headers[b"connection"] == b"upgrade"
    assert headers[b"sec-websocket-version"] == b"13"
    assert headers[b"sec-websocket-protocol"] == b"one, two"


@pytest.mark.parametrize(
    ("base_url", "url", "scheme", "server"),
    [
        ("http://testserver", "/", "ws", ["testserver", 80]),
        ("https://testserver", "/", "wss", ["testserver", 443]),
        ("http://other:81", "/", "ws", ["other", 81]),
        ("http://testserver", "wss://example.org/", "wss", ["example.org", 443]),
        ("http://testserver", "http://example.org/", "ws", ["example.org", 80]),
    ],
)
def test_the_address_is_the_clients_or_the_one_given(connect, base_url, url, scheme, server):
    app = accepting()
    with connect(app, url, base_url=base_url):
        pass
    assert (app.scope["scheme"], app.scope["server"]) == (scheme, server)


def test_cookies_and_parameters_of_the_client_are_sent():
    app = accepting()
    client = TestClient(app, cookies={"a": "1"})
    with client.websocket_connect("/", params={"q": "x"}):
        pass
    assert (b"cookie", b"a=1") in app.scope["headers"]
    assert app.scope["query_string"] == b"q=x"


def test_the_headers_of_the_acceptance_are_kept(connect):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept", "headers": [(b"x-a", b"1")]})

    with connect(app) as session:
        assert session.extra_headers == [(b"x-a", b"1")]


def test_a_refusal_by_close_is_a_disconnect_with_its_code(connect):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.close", "code": 4001, "reason": "no"})

    with pytest.raises(WebSocketDisconnect) as caught, connect(app):
        pass
    assert (caught.value.code, caught.value.reason) == (4001, "no")


def test_a_refusal_by_response_is_that_response(connect):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-a", b"1")]})
        await send({"type": "websocket.http.response.body", "body": b"not ", "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"you"})

    with pytest.raises(WebSocketDenialResponse) as caught, connect(app):
        pass
    assert (caught.value.status_code, caught.value.headers["x-a"], caught.value.text) == (401, "1", "not you")
    assert isinstance(caught.value, WebSocketDisconnect)
    assert caught.value.code == 1006


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_exception_of_the_application_is_raised_as_itself(connect, when):
    async def fail(receive, send):
        raise Boom

    async def app(scope, receive, send):
        if when == "before":
            raise Boom
        await accepting(fail)(scope, receive, send)

    with pytest.raises(Boom), connect(app) as session:
        session.receive_text()


def test_a_frame_before_the_acceptance_is_out_of_order(connect):
    async def app(scope, receive, send):
        await send({"type": "websocket.send", "text": "x"})

    with pytest.raises(ConformanceError, match=r"expected: websocket\.accept or websocket\.close"), connect(app):
        pass


# --- frames -----------------------------------------------------------------------------------------------------------


def test_text_and_bytes_go_both_ways(connect):
    with connect(accepting(echo)) as session:
        session.send_text("tëxt")
        assert session.receive_text() == "tëxt"
        session.send_bytes(b"\x00")
        assert session.receive_bytes() == b"\x00"
        session.send({"type": "websocket.receive", "text": "raw"})
        assert session.receive() == {"type": "websocket.send", "text": "raw"}


@pytest.mark.parametrize("mode", ["text", "binary"])
def test_json_goes_both_ways(connect, mode):
    with connect(accepting(echo)) as session:
        session.send_json({"a": ["ü", 1]}, mode=mode)
        assert session.receive_json(mode=mode) == {"a": ["ü", 1]}


def test_a_mode_that_does_not_exist_is_named(connect):
    with connect(accepting(echo)) as session:
        with pytest.raises(ValueError, match="'xml'"):
            session.send_json({}, mode="xml")
        with pytest.raises(ValueError, match="'xml'"):
            session.receive_json(mode="xml")


def test_a_frame_of_the_other_type_says_what_to_call(connect):
    with connect(accepting(echo)) as session:
        session.send_bytes(b"x")
        with pytest.raises(WrongFrame, match=r"call receive_bytes\(\)"):
            session.receive_text()
        session.send_text("x")
        with pytest.raises(WrongFrame, match=r"call receive_text\(\)"):
            session.receive_bytes()


def test_the_applications_close_is_a_disconnect_each_time(connect):
    async def close(receive, send):
        await send({"type": "websocket.close", "code": 3000, "reason": "done"})

    with connect(accepting(close)) as session:
        for _ in range(2):
            with pytest.raises(WebSocketDisconnect) as caught:
                session.receive_text()
            assert (caught.value.code, caught.value.reason) == (3000, "done")


# --- nothing to receive -----------------------------------------------------------------------------------------------


def test_receive_says_that_the_application_has_returned(connect):
    with connect(accepting()) as session, pytest.raises(ApplicationReturned, match="has returned"):
        session.receive_text()


def test_receive_gives_up_after_the_timeout(connect):
    with connect(accepting(echo)) as session, pytest.raises(ReceiveTimeout, match=r"0\.01 seconds"):
        session.receive(timeout=0.01)


def test_the_timeout_is_a_setting_of_the_client(connect):
    with connect(accepting(echo), settings={"websocket_timeout": 0.02}) as session:
        with pytest.raises(TimeoutError, match=r"0\.02 seconds"):
            session.receive_json()
        session.send_text("still open")
        assert session.receive_text() == "still open"


def test_messages_sent_before_the_end_are_received_first(connect):
    async def send_and_fail(receive, send):
        await send({"type": "websocket.send", "text": "last words"})
        raise Boom

    with pytest.raises(Boom), connect(accepting(send_and_fail)) as session:
        assert session.receive_text() == "last words"
        session.receive_text()


def test_a_session_that_is_not_open_says_how_to_open_it(connect):
    session = connect(accepting(echo))
    with pytest.raises(RuntimeError, match="with client"):
        session.receive()
    with session:
        pass
    with pytest.raises(RuntimeError, match="with client"):
        session.send_text("x")


# --- leaving ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leave", "code", "reason"),
    [
        (lambda session: None, 1000, ""),
        (lambda session: session.close(), 1000, None),
        (lambda session: session.close(4000, "bye"), 4000, "bye"),
    ],
)
def test_the_application_receives_the_disconnect(connect, leave, code, reason):
    seen = []

    async def listen(receive, send):
        seen.append(await receive())

    with connect(accepting(listen)) as session:
        leave(session)
    assert seen == [{"type": "websocket.disconnect", "code": code, "reason": reason}]


def test_closing_twice_is_harmless(connect):
    seen = []

    async def listen(receive, send):
        seen.append((await receive())["code"])

    with connect(accepting(listen)) as session:
        session.close(4000)
        session.close(4001)
    assert seen == [4000]


def test_what_the_application_does_on_a_disconnect_is_done_when_the_block_is_over(connect):
    done = []

    async def listen(receive, send):
        await receive()
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        done.append(1)

    with connect(accepting(listen)):
        pass
    assert done == [1]


def test_an_application_that_does_not_notice_is_cancelled_after_the_grace(connect):
    ended = []

    async def sleep(receive, send):
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(1)

    with connect(accepting(sleep), settings={"leave_grace": 0.01}):
        pass
    assert ended == [1]


def test_sending_after_the_client_left_is_an_oserror(connect):
    seen = []

    async def late(receive, send):
        await receive()
        await receive()  # the disconnect is given again and again
        try:
            await send({"type": "websocket.send", "text": "late"})
        except OSError:
            seen.append("refused")
        await send({"type": "websocket.close"})
        seen.append("closed")

    with connect(accepting(late)):
        pass
    assert seen == ["refused", "closed"]


def test_an_error_of_the_test_is_not_hidden_by_the_disconnect_it_causes(connect):
    async def listen(receive, send):
        message = await receive()
        raise WebSocketDisconnect(message["code"])

    with pytest.raises(ZeroDivisionError), connect(accepting(listen)):
        raise ZeroDivisionError


def test_an_exception_on_the_way_out_is_raised(connect):
    async def fail_late(receive, send):
        await receive()
        raise Boom

    with pytest.raises(Boom), connect(accepting(fail_late)):
        pass


def test_sessions_share_the_loop_of_their_client(anyio_backend):
    rooms = []

    async def relay(receive, send):
        rooms.append(send)
        if len(rooms) == 2:
            for other in rooms:
                await other({"type": "websocket.send", "text": "both here"})
        await receive()

    client = TestClient(accepting(relay), backend=anyio_backend)
    with client.websocket_connect("/") as one, client.websocket_connect("/") as two:
        assert one.receive_text() == two.receive_text() == "both here"


def test_leaving_twice_is_harmless(connect):
    session = connect(accepting())
    with session:
        pass
    session.__exit__(None, None, None)


def test_a_denial_says_what_it_is(connect):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.http.response.start", "status": 403, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"no"})

    with pytest.raises(WebSocketDenialResponse) as caught, connect(app):
        pass
    assert str(caught.value) == "the handshake was answered with HTTP status 403"


def test_what_does_not_answer_a_handshake_is_named_by_a_client_that_is_not_strict_too(anyio_backend):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.invented"})

    client = TestClient(app, backend=anyio_backend, strict=False)
    with (
        pytest.raises(ConformanceError, match=r"'websocket\.invented' does not answer a handshake"),
        client.websocket_connect("/"),
    ):
        pass


def test_an_application_is_cancelled_when_its_client_is_closed(anyio_backend):
    ended = []

    async def app(scope, receive, send):
        await send({"type": "websocket.accept"})
        try:
            await anyio.sleep_forever()
        except BaseException as error:
            ended.append(isinstance(error, anyio.get_cancelled_exc_class()))
            raise

    client = TestClient(app, backend=anyio_backend, strict=False)
    client.websocket_connect("/").__enter__()
    client.close()
    assert ended == [True]
