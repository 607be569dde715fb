"""Server-sent events: the format, heartbeats, taking a stream up again, and a client that goes."""

import errno
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from asterion.applications import Asterion
from asterion.requests import Request
from asterion.responses import EventSourceResponse, Response, ServerSentEvent, last_event_id
from asterion.routing import Route
from asterion.testclient import Simulation, TestClient
from tests.asgi import Exchange, http_scope, request, wait_all_blocked

BEGIN = b":\n\n"


# --- the format ---


@pytest.mark.parametrize(
    ("event", "wire"),
    [
        (ServerSentEvent("hello"), b"data: hello\n\n"),
        (ServerSentEvent(""), b"data: \n\n"),
        (ServerSentEvent("one\ntwo\r\nthree\rfour"), b"data: one\ndata: two\ndata: three\ndata: four\n\n"),
        (ServerSentEvent("line\n"), b"data: line\ndata: \n\n"),
        (ServerSentEvent(" kept\u2028kept"), "data:  kept\u2028kept\n\n".encode()),
        (ServerSentEvent("x", event="tick", id="7", retry=100), b"event: tick\nid: 7\nretry: 100\ndata: x\n\n"),
        (ServerSentEvent(id=""), b"id: \n\n"),
        (ServerSentEvent(comment="still\nhere"), b": still\n: here\n\n"),
        (ServerSentEvent(), b"\n\n"),
    ],
)
def test_an_event_on_the_wire(event: ServerSentEvent, wire: bytes) -> None:
    assert event.encode() == wire


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "\n"])
@pytest.mark.parametrize("name", ["event", "id"])
def test_a_name_or_id_cannot_smuggle_in_another_line(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"the {name} of a server-sent event is one line"):
        ServerSentEvent("x", **{name: value})  # type: ignore[arg-type]


def test_what_clients_would_not_take_is_an_error_at_once() -> None:
    with pytest.raises(ValueError, match="without NUL"):
        ServerSentEvent("x", id="a\0b")
    with pytest.raises(ValueError, match="retry is a number of milliseconds"):
        ServerSentEvent("x", retry=-1)
    with pytest.raises(ValueError, match="retry is a number of milliseconds"):
        EventSourceResponse([], retry=-1)
    for ping in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="above 0, or None"):
            EventSourceResponse([], ping=ping)


# --- the response ---


@pytest.mark.anyio
async def test_events_and_texts_of_any_source_are_sent_one_by_one(spec_version: str) -> None:
    async def source() -> AsyncIterator[ServerSentEvent | str]:
        yield ServerSentEvent("first", id="1")
        yield "second"

    for content in (source(), ["first", "second"], iter(["first", "second"])):
        response = EventSourceResponse(content, headers={"x-a": "1"})
        answer = await request(response, spec_version=spec_version)
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert (answer.headers["cache-control"], answer.headers["x-a"]) == ("no-store", "1")
        assert answer.chunks[0] == BEGIN
        assert [chunk.split(b"data: ")[-1] for chunk in answer.chunks[1:]] == [b"first\n\n", b"second\n\n", b""]


@pytest.mark.anyio
async def test_the_client_is_told_first_when_to_come_back() -> None:
    answer = await request(EventSourceResponse(["x"], retry=2500, headers={"cache-control": "no-cache"}))
    assert answer.body == b"retry: 2500\n\ndata: x\n\n"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.anyio
async def test_an_item_that_is_no_event_is_an_error_that_shows_it() -> None:
    with pytest.raises(TypeError, match=r"got \{'data': 1\} of its source"):
        await request(EventSourceResponse([{"data": 1}]))  # type: ignore[list-item]


@pytest.mark.anyio
async def test_the_body_of_a_head_request_stays_away() -> None:
    answer = await request(EventSourceResponse(["x"]), method="HEAD")
    assert (answer.status, answer.body) == (200, b"")


# --- taking it up again ---


@pytest.mark.parametrize(
    ("header", "told"),
    [(None, "from 1"), ("", "from 1"), ("2", "from 3"), ("käse", "käse"), (b"\xff", "\ufffd")],
)
def test_the_last_event_id_of_a_client_that_comes_back(header: str | bytes | None, told: str) -> None:
    async def stream(request: Request) -> Response:
        last = last_event_id(request)
        told = f"from {int(last or 0) + 1}" if last is None or last.isdigit() else last
        return EventSourceResponse([told])

    value = header.encode() if isinstance(header, str) else header
    headers = {} if value is None else {"last-event-id": value}
    answer = TestClient(Asterion(routes=[Route("/", stream)])).get("/", headers=headers)  # type: ignore[arg-type]
    assert answer.text == f":\n\ndata: {told}\n\n"


# --- heartbeats, by a clock that jumps ---


class Times:
    """An exchange that notes when each piece of the body was sent."""

    def __init__(self, response: EventSourceResponse) -> None:
        self.response = response
        self.seen: list[tuple[float, bytes]] = []

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.body":
            self.seen.append((round(anyio.current_time() - self.start, 3), message["body"]))

    async def run(self) -> list[tuple[float, bytes]]:
        self.start = anyio.current_time()
        await self.response(http_scope(), anyio.sleep_forever, self.send)  # type: ignore[arg-type]
        return self.seen


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_while_nothing_happens_a_heartbeat_is_sent_and_the_source_is_not_disturbed(backend: str) -> None:
    async def source() -> AsyncIterator[str]:
        await anyio.sleep(25)
        yield "late"
        await anyio.sleep(9)
        yield "soon"
        await anyio.sleep(12)

    async def scenario(simulation: Any) -> list[tuple[float, bytes]]:
        return await Times(EventSourceResponse(source(), ping=10)).run()

    assert Simulation(0, backend).run(scenario) == [
        (0, BEGIN),
        (10, BEGIN),
        (20, BEGIN),
        (25, b"data: late\n\n"),
        (34, b"data: soon\n\n"),
        (44, BEGIN),
        (46, b""),
    ]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_without_a_ping_there_is_none(backend: str) -> None:
    async def source() -> AsyncIterator[str]:
        await anyio.sleep(1000)
        yield "late"

    async def scenario(simulation: Any) -> list[tuple[float, bytes]]:
        return await Times(EventSourceResponse(source(), ping=None)).run()

    assert [at for at, _ in Simulation(0, backend).run(scenario)] == [0, 1000, 1000]


class Slow(Times):
    """A client that takes three seconds for each piece, and notes whether two were ever sent at once."""

    at_once = 0
    most = 0

    async def send(self, message: Any) -> None:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await anyio.sleep(3)
        self.at_once -= 1
        await super().send(message)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_heartbeat_and_an_event_are_never_sent_at_once(backend: str) -> None:
    async def source() -> AsyncIterator[str]:
        for number in range(20):
            await anyio.sleep(1 + number % 4)
            yield str(number)

    async def scenario(simulation: Any) -> int:
        slow = Slow(EventSourceResponse(source(), ping=2))
        seen = await slow.run()
        assert b"".join(piece for _, piece in seen if piece != BEGIN) == b"".join(
            b"data: %d\n\n" % number for number in range(20)
        )
        assert len([piece for _, piece in seen if piece == BEGIN]) > 1
        assert not simulation.waiting()
        return slow.most

    for seed in range(10):
        assert Simulation(seed, backend).run(scenario) == 1


# --- a client that goes ---


@pytest.mark.anyio
async def test_the_source_is_closed_when_the_client_goes_while_it_waits(spec_version: str) -> None:
    log: list[str] = []

    async def source() -> AsyncIterator[str]:
        try:
            yield "one"
            await anyio.sleep_forever()
        finally:
            log.append("closed")

    exchange = Exchange(EventSourceResponse(source()), http_scope(spec_version=spec_version))
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(exchange.run)
            await wait_all_blocked()
            assert log == []
            exchange.disconnect()
    assert log == ["closed"]


class Silent(Times):
    """A client whose machine is gone: only sending finds that out, from the second piece on."""

    def __init__(self, response: EventSourceResponse, error: Exception) -> None:
        super().__init__(response)
        self.error = error

    async def send(self, message: Any) -> None:
        if len(self.seen) >= 1:
            raise self.error
        await super().send(message)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_heartbeat_finds_out_that_the_client_has_gone(backend: str) -> None:
    log: list[float] = []

    async def source() -> AsyncIterator[str]:
        try:
            await anyio.sleep(1000)
            yield "never"
        finally:
            log.append(anyio.current_time())

    async def scenario(simulation: Any) -> float:
        silent = Silent(EventSourceResponse(source(), ping=5), ConnectionResetError("gone"))
        await silent.run()
        return log[-1] - silent.start

    assert Simulation(0, backend).run(scenario) == pytest.approx(5)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_another_error_of_a_heartbeat_is_raised_by_the_response(backend: str) -> None:
    async def source() -> AsyncIterator[str]:
        await anyio.sleep(1000)
        yield "never"

    async def scenario(simulation: Any) -> None:
        await Silent(EventSourceResponse(source(), ping=5), LookupError("a mistake of a layer outside")).run()

    with pytest.raises(LookupError, match="a mistake of a layer outside"):
        Simulation(0, backend).run(scenario)


@pytest.mark.anyio
async def test_cancelling_the_response_closes_its_source_and_ends_its_heart() -> None:
    log: list[str] = []

    async def source() -> AsyncIterator[str]:
        try:
            yield "one"
            await anyio.sleep_forever()
        finally:
            log.append("closed")

    exchange = Exchange(EventSourceResponse(source()), http_scope())
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(exchange.run)
            await wait_all_blocked()
            group.cancel_scope.cancel()
    assert log == ["closed"]
    assert not exchange.complete


@pytest.mark.anyio
@pytest.mark.parametrize("ping", [None, 15.0])
async def test_a_client_that_goes_before_the_first_event_is_no_error(ping: float | None) -> None:
    source = Closable()
    response = EventSourceResponse(source, ping=ping)
    exchange = Exchange(response, on_send=lambda message: exchange.disconnect())
    await exchange.run()
    assert source.log == ["closed"]


class Closable:
    """A source that notes what is asked of it."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def __aiter__(self) -> "Closable":
        return self

    async def __anext__(self) -> str:
        self.log.append("asked")
        return "event"

    async def aclose(self) -> None:
        self.log.append("closed")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_heart_stops_when_the_client_has_gone_though_the_source_takes_its_time(backend: str) -> None:
    sent: list[bytes] = []

    async def source() -> AsyncIterator[str]:
        try:
            await anyio.sleep(1000)
            yield "never"
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(100)

    async def scenario(simulation: Any) -> float:
        exchange = Exchange(EventSourceResponse(source(), ping=5), http_scope(spec_version="2.3"))
        async with anyio.create_task_group() as group:
            group.start_soon(exchange.run)
            await anyio.sleep(7)
            exchange.disconnect()
        sent.extend(exchange.chunks)
        assert exchange.sent_after_disconnect == []
        return anyio.current_time()

    assert Simulation(0, backend).run(scenario) >= 107
    assert sent == [BEGIN, BEGIN]


@pytest.mark.anyio
async def test_another_error_of_the_first_piece_than_a_client_that_goes_is_raised() -> None:
    def full(message: Any) -> None:
        if message["type"] == "http.response.body":
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        await Exchange(EventSourceResponse(Closable()), on_send=full).run()
