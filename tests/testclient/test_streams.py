"""Streamed bodies pass chunk by chunk, each way."""

import anyio
import pytest

from asterion.testclient import TestClient

START = {"type": "http.response.start", "status": 200, "headers": []}


async def body_of(receive):
    """All request messages up to the last, as (body, more_body)."""
    messages = []
    while not messages or messages[-1][1]:
        message = await receive()
        messages.append((message["body"], message["more_body"]))
    return messages


async def echoing(scope, receive, send):
    """Answers with the number of request messages and their bodies."""
    messages = await body_of(receive)
    echoing.messages = messages
    await send(START)
    await send({"type": "http.response.body", "body": b"|".join(body for body, _ in messages)})


@pytest.fixture
def client_of(anyio_backend):
    return lambda app, **options: TestClient(app, backend=anyio_backend, **options)


# --- requests ---------------------------------------------------------------------------------------------------------


def test_a_generator_is_delivered_chunk_by_chunk(client_of):
    response = client_of(echoing).post("/", content=iter([b"a", b"b", b"c"]))
    assert response.text == "a|b|c|"
    assert echoing.messages == [(b"a", True), (b"b", True), (b"c", True), (b"", False)]


def test_a_generator_is_run_only_as_far_as_the_application_reads(client_of):
    made = []

    def chunks():
        for number in range(10):
            made.append(number)
            yield b"x"

    async def reads_two(scope, receive, send):
        await receive()
        await receive()
        await send(START)
        await send({"type": "http.response.body", "body": b"enough"})

    assert client_of(reads_two).post("/", content=chunks()).text == "enough"
    assert made == [0, 1]


def test_the_application_sees_the_first_chunk_before_the_second_is_made(client_of):
    seen = []

    async def app(scope, receive, send):
        while (message := await receive())["more_body"]:
            seen.append(message["body"])
        await send(START)
        await send({"type": "http.response.body"})

    def chunks():
        yield b"first"
        assert seen == [b"first"]
        yield b"second"

    client_of(app).post("/", content=chunks())
    assert seen == [b"first", b"second"]


def test_empty_chunks_are_not_sent(client_of):
    assert client_of(echoing).post("/", content=iter([b"", b"a", b""])).text == "a|"


def test_an_error_of_the_generator_is_raised_and_the_application_sees_a_disconnect(client_of):
    seen = []

    async def app(scope, receive, send):
        seen.append((await receive())["type"])
        seen.append((await receive())["type"])

    def chunks():
        yield b"a"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        client_of(app).post("/", content=chunks())
    assert seen == ["http.request", "http.disconnect"]


def test_a_body_that_is_known_is_one_message(client_of):
    client_of(echoing).post("/", content=b"abc")
    assert echoing.messages == [(b"abc", False)]
    with client_of(echoing).stream("POST", "/", content=b"abc") as response:
        response.read()
    assert echoing.messages == [(b"abc", False)]


# --- responses --------------------------------------------------------------------------------------------------------


class Counting:
    """Sends chunks without end, and notes what happens to it."""

    def __init__(self, chunks=1000):
        self.sent = 0
        self.chunks = chunks
        self.seen = []

    async def __call__(self, scope, receive, send):
        await receive()
        await send(START)
        try:
            for number in range(self.chunks):
                await send({"type": "http.response.body", "body": b"%d" % number, "more_body": True})
                self.sent += 1
            await send({"type": "http.response.body", "body": b""})
        except OSError as error:
            self.seen.append(type(error).__mro__)
            raise
        self.seen.append((await receive())["type"])


def test_chunks_arrive_as_the_application_sends_them(client_of):
    app = Counting(3)
    with client_of(app).stream("GET", "/") as response:
        assert app.sent == 0
        chunks = response.iter_raw()
        assert next(chunks) == b"0"
        assert app.sent <= 1
        assert list(chunks) == [b"1", b"2"]
    assert app.seen == ["http.disconnect"]


def test_leaving_early_gives_the_application_a_disconnect(client_of):
    app = Counting(5)
    with client_of(app).stream("GET", "/") as response:
        next(response.iter_raw())
    assert app.seen == ["http.disconnect"]


def test_sending_after_the_client_left_is_an_oserror_since_asgi_2_4(client_of):
    app = Counting()
    client = client_of(app)
    client.settings.spec_versions["http"] = "2.4"
    with client.stream("GET", "/") as response:
        next(response.iter_raw())
    assert OSError in app.seen[0]
    assert app.sent <= 2


def test_an_application_that_does_not_notice_is_cancelled_after_the_grace(client_of):
    ended = []

    async def app(scope, receive, send):
        await send(START)
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(1)

    client = client_of(app)
    client.settings.leave_grace = 0.01
    with client.stream("GET", "/") as response:
        next(response.iter_raw())
    assert ended == [1]


def test_an_error_in_the_middle_is_raised_from_the_iteration(client_of):
    async def app(scope, receive, send):
        await send(START)
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        raise KeyError("middle")

    with client_of(app).stream("GET", "/") as response, pytest.raises(KeyError, match="middle"):
        list(response.iter_raw())
    with client_of(app, raise_server_exceptions=False).stream("GET", "/") as response:
        assert list(response.iter_raw()) == [b"a"]


def test_an_error_before_the_start_is_raised_at_once(client_of):
    async def app(scope, receive, send):
        raise KeyError("early")

    with pytest.raises(KeyError, match="early"), client_of(app).stream("GET", "/"):
        pass
    with client_of(app, raise_server_exceptions=False).stream("GET", "/") as response:
        assert (response.status_code, response.read()) == (500, b"")


def test_a_streamed_response_ends_when_the_application_has_ended(client_of):
    done = []

    async def app(scope, receive, send):
        await send(START)
        await send({"type": "http.response.body", "body": b"a"})
        await anyio.lowlevel.checkpoint()
        done.append(1)

    with client_of(app).stream("GET", "/") as response:
        assert response.read() == b"a"
        assert done == [1]


def test_both_bodies_can_be_streamed_at_once(client_of):
    async def app(scope, receive, send):
        await send(START)
        while (message := await receive())["more_body"]:
            await send({"type": "http.response.body", "body": message["body"].upper(), "more_body": True})
        await send({"type": "http.response.body"})

    with client_of(app).stream("POST", "/", content=iter([b"a", b"b"])) as response:
        assert list(response.iter_raw()) == [b"A", b"B"]


def test_streams_of_one_client_can_be_open_at_the_same_time(client_of):
    client = client_of(Counting(2))
    with client.stream("GET", "/") as one, client.stream("GET", "/") as other:
        assert one.read() == other.read() == b"01"
