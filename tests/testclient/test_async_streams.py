"""`AsyncTestClient`: streamed bodies pass chunk by chunk, each way."""

import anyio
import httpx2
import pytest

from asterion.applications import Asterion
from asterion.requests import ClientDisconnect
from asterion.responses import StreamingResponse
from asterion.routing import Route
from asterion.testclient import AsyncTestClient, ConformanceError, StillRunning, _conversation
from asterion.testclient.asynctransport import Pieces
from tests.asgi import function_layers, wait_all_blocked

pytestmark = pytest.mark.anyio

START = {"type": "http.response.start", "status": 200, "headers": []}


def chunk(data, more=True):
    return {"type": "http.response.body", "body": data, "more_body": more}


class Reading:
    """Reads at most `count` request messages, and answers with the bodies of them."""

    def __init__(self, count=100):
        self.count = count
        self.messages = []

    async def __call__(self, scope, receive, send):
        while len(self.messages) < self.count:
            message = await receive()
            self.messages.append((message["body"], message["more_body"]))
            if not message["more_body"]:
                break
        await send(START)
        await send(chunk(b"|".join(body for body, _ in self.messages), False))


class Source:
    """The pieces of a request body, sync or async; it knows how many were made and whether it was closed."""

    def __init__(self, kind, pieces=(b"a", b"b", b"c")):
        self.pieces = pieces
        self.made = 0
        self.closed = False
        self.body = self.plain() if kind == "sync" else self.awaited()

    def plain(self):
        try:
            for piece in self.pieces:
                self.made += 1
                yield piece
        finally:
            self.closed = True

    async def awaited(self):
        try:
            for piece in self.pieces:
                await anyio.lowlevel.checkpoint()
                self.made += 1
                yield piece
        finally:
            self.closed = True


@pytest.fixture(params=["sync", "async"])
def source_of(request):
    return lambda *pieces: Source(request.param, pieces or (b"a", b"b", b"c"))


# --- requests ---------------------------------------------------------------------------------------------------------


async def test_a_generator_is_delivered_chunk_by_chunk(source_of):
    app = Reading()
    response = await AsyncTestClient(app).post("/", content=source_of(b"a", b"", b"b").body)
    assert response.text == "a|b|"
    assert app.messages == [(b"a", True), (b"b", True), (b"", False)]


async def test_a_generator_is_run_only_as_far_as_the_application_reads_and_then_closed(source_of):
    source = source_of()
    assert (await AsyncTestClient(Reading(2)).post("/", content=source.body)).text == "a|b"
    assert (source.made, source.closed) == (2, True)


async def test_a_generator_in_a_request_that_was_made_by_hand_is_delivered_too(source_of):
    client = AsyncTestClient(Reading())
    request = httpx2.Request("POST", "http://testserver/", content=source_of().body)
    assert (await client.send(request)).text == "a|b|c|"


async def test_an_error_of_the_generator_is_raised_and_the_application_sees_a_disconnect():
    seen = []

    async def app(scope, receive, send):
        seen.append((await receive())["type"])
        seen.append((await receive())["type"])

    async def pieces():
        yield b"a"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await AsyncTestClient(app).post("/", content=pieces())
    assert seen == ["http.request", "http.disconnect"]


async def test_a_generator_cannot_be_sent_twice(source_of):
    async def app(scope, receive, send):
        await receive()
        await send({**START, "status": 307, "headers": [(b"location", b"/again")]})
        await send(chunk(b"", False))

    with pytest.raises(httpx2.StreamConsumed):
        await AsyncTestClient(app).post("/", content=source_of().body)


async def test_bodies_can_pass_both_ways_at_once(source_of):
    async def app(scope, receive, send):
        await send(START)
        while (message := await receive())["more_body"]:
            await send(chunk(message["body"]))
        await send(chunk(b"", False))

    source = source_of()
    async with AsyncTestClient(app).stream("POST", "/", content=source.body) as response:
        got = [(data, source.made) async for data in response.aiter_raw()]
    assert got == [(b"a", 1), (b"b", 2), (b"c", 3)]


# --- responses --------------------------------------------------------------------------------------------------------


class Counting:
    """Sends chunks without end, and notes what happens to it."""

    def __init__(self):
        self.sent = 0
        self.ended = None
        self.told = None

    async def __call__(self, scope, receive, send):
        await receive()
        await send(START)
        try:
            while True:
                self.sent += 1
                await send(chunk(b"x"))
                if scope["asgi"]["spec_version"] == "2.3" and self.sent > 3:
                    self.told = (await receive())["type"]
                    return
        except BaseException as error:
            self.ended = type(error)
            raise


async def test_chunks_arrive_as_they_are_sent_and_no_faster_than_they_are_taken():
    app = Counting()
    async with AsyncTestClient(app).stream("GET", "/") as response:
        chunks = response.aiter_raw()
        assert await anext(chunks) == b"x"
        await wait_all_blocked()
        assert app.sent <= 2
        await chunks.aclose()


async def test_leaving_early_gives_the_application_a_disconnect(spec_version):
    app = Counting()
    client = AsyncTestClient(app)
    client.settings.spec_versions["http"] = spec_version
    async with client.stream("GET", "/") as response:
        assert response.status_code == 200
    if spec_version == "2.3":
        assert (app.told, app.ended) == ("http.disconnect", None)
    else:
        assert issubclass(app.ended, OSError)


@pytest.mark.parametrize("kind", ["quick", "idle"])
async def test_leaving_early_ends_the_source_of_a_streaming_response_through_any_middleware(kind, layers, spec_version):
    ended = []

    async def endpoint(request):
        async def source():
            try:
                while True:
                    yield "x"
                    await (anyio.sleep_forever() if kind == "idle" else anyio.lowlevel.checkpoint())
            finally:
                ended.append(1)

        return StreamingResponse(source())

    client = AsyncTestClient(Asterion(routes=[Route("/", endpoint)], middleware=function_layers(layers)))
    client.settings.spec_versions["http"] = spec_version
    async with client.stream("GET", "/") as response:
        chunks = response.aiter_raw()
        assert await anext(chunks) == b"x"
        await chunks.aclose()
    assert ended == [1]


@pytest.mark.parametrize("error", [OSError("gone"), ClientDisconnect()], ids=["OSError", "ClientDisconnect"])
async def test_what_only_says_that_the_client_has_gone_is_no_failure(error):
    async def app(scope, receive, send):
        await send(START)
        await receive()
        await receive()
        raise error

    async with AsyncTestClient(app).stream("GET", "/"):
        pass


async def test_but_another_error_after_leaving_is():
    async def app(scope, receive, send):
        await send(START)
        await receive()
        await receive()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with AsyncTestClient(app).stream("GET", "/"):
            pass


async def test_an_error_in_the_middle_comes_out_of_the_iteration():
    async def app(scope, receive, send):
        await send(START)
        await send(chunk(b"x"))
        raise ZeroDivisionError

    got = []
    with pytest.raises(ZeroDivisionError):
        async with AsyncTestClient(app).stream("GET", "/") as response:
            async for data in response.aiter_raw():
                got.append(data)
    assert got == [b"x"]


async def test_an_application_that_does_not_leave_is_cancelled():
    ended = []

    async def app(scope, receive, send):
        await send(START)
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(1)

    client = AsyncTestClient(app)
    client.settings.leave_grace = 0
    async with client.stream("GET", "/"):
        pass
    assert ended == [1]


async def test_one_that_cannot_be_cancelled_either_is_named_and_the_test_goes_on(monkeypatch):
    monkeypatch.setattr(_conversation, "END_SECONDS", 0.01)
    release = anyio.Event()

    async def app(scope, receive, send):
        await send(START)
        with anyio.CancelScope(shield=True):
            await release.wait()

    client = AsyncTestClient(app)
    client.settings.leave_grace = 0
    with pytest.raises(StillRunning, match="still running"):
        async with client.stream("GET", "/"):
            pass
    release.set()
    await wait_all_blocked()


async def test_a_test_that_is_cancelled_leaves_and_the_application_hears_of_it():
    app = Counting()
    client = AsyncTestClient(app)
    client.settings.spec_versions["http"] = "2.4"
    with anyio.CancelScope() as scope:
        async with client.stream("GET", "/"):
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert issubclass(app.ended, OSError)


async def test_work_after_the_last_chunk_is_done_when_the_stream_ends():
    done = []

    async def app(scope, receive, send):
        await send(START)
        await send(chunk(b"x", False))
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"
        done.append(1)

    async with AsyncTestClient(app).stream("GET", "/") as response:
        assert await response.aread() == b"x"
        assert done == [1]


async def test_the_answer_to_head_has_no_body_in_the_clients_eyes():
    async def app(scope, receive, send):
        await send(START)
        await send(chunk(b"x", False))

    async with AsyncTestClient(app).stream("HEAD", "/") as response:
        assert await response.aread() == b""


async def test_no_response_is_an_error_in_a_stream_too():
    async def app(scope, receive, send):
        pass

    with pytest.raises(ConformanceError, match="did not receive any response"):
        async with AsyncTestClient(app).stream("GET", "/"):
            pass
    async with AsyncTestClient(app, raise_server_exceptions=False).stream("GET", "/") as response:
        assert response.status_code == 500


async def test_a_body_that_is_never_asked_for_need_not_be_closed():
    await Pieces(iter([b"x"])).aclose()


async def test_a_source_that_cannot_be_closed_is_left_where_it_is():
    given = []

    class Counted:
        """An async iterator that is no generator: there is nothing to close."""

        def __aiter__(self):
            return self

        async def __anext__(self):
            given.append(b"x")
            return b"x" if len(given) < 100 else None

    class Stream(httpx2.AsyncByteStream):
        def __aiter__(self):
            return Counted()

    headers = {"transfer-encoding": "chunked"}
    request = httpx2.Request("POST", "http://testserver/", headers=headers, stream=Stream())
    assert (await AsyncTestClient(Reading(2)).send(request)).text == "x|x"
    assert len(given) == 2


async def test_a_test_that_was_cancelled_before_it_asks_leaves_nothing_running():
    ended = []

    async def app(scope, receive, send):
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("ended")

    client = AsyncTestClient(app)
    client.settings.leave_grace = 0
    with anyio.move_on_after(5) as limit:
        with anyio.CancelScope() as scope:
            scope.cancel()
            async with client.stream("GET", "/"):
                pass
    assert not limit.cancelled_caught
    await wait_all_blocked()
    assert ended == ["ended"]
