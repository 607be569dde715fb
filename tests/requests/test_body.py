"""Reading the body: in one piece, as a stream, interrupted, and more than once."""

from typing import Any

import anyio
import pytest

from asterion.requests import ClientDisconnect, Request, empty_receive, empty_send
from asterion.responses import StreamingResponse
from tests.asgi import Exchange, wait_all_blocked
from tests.requests.building import Channel, http_scope, make_request

pytestmark = pytest.mark.anyio


async def read(request: Request[Any]) -> list[bytes]:
    return [chunk async for chunk in request.stream()]


async def test_the_stream_gives_every_chunk_and_then_an_empty_one() -> None:
    assert await read(make_request([b"a", b"", b"b"])) == [b"a", b"b", b""]


async def test_the_stream_of_an_empty_body_is_one_empty_chunk() -> None:
    assert await read(make_request(b"")) == [b""]


async def test_a_body_that_ends_with_an_empty_message_ends_with_one_empty_chunk() -> None:
    assert await read(make_request([b"a", b""])) == [b"a", b""]


async def test_a_message_that_says_nothing_of_more_is_the_last() -> None:
    """ASGI: `more_body` is False where it is left out."""
    channel = Channel([])
    channel.messages.extend([{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.request"}])
    assert await Request(http_scope(), channel).body() == b"a"
    assert channel.calls == 2


async def test_chunks_of_other_bytes_like_types_become_bytes() -> None:
    request = make_request([bytearray(b"a"), memoryview(b"b")])  # type: ignore[list-item]
    assert await request.body() == b"ab"


async def test_the_body_is_kept() -> None:
    request = make_request([b"a", b"b"])
    assert await request.body() == b"ab"
    assert await request.body() == b"ab"


async def test_after_body_the_stream_gives_it_in_one_piece_as_often_as_wanted() -> None:
    request = make_request([b"a", b"b"])
    await request.body()
    assert await read(request) == [b"ab", b""]
    assert await read(request) == [b"ab", b""]


async def test_a_consumed_stream_is_an_error_and_not_a_hang() -> None:
    request = make_request([b"a", b"b"])
    await read(request)
    with pytest.raises(RuntimeError, match="Stream consumed"):
        await read(request)
    with pytest.raises(RuntimeError, match="Stream consumed"):
        await request.body()


async def test_a_loop_that_is_left_early_can_be_taken_up_again() -> None:
    request = make_request([b"a", b"b", b"c"])
    async for chunk in request.stream():
        assert chunk == b"a"
        break
    assert await read(request) == [b"b", b"c", b""]


async def test_a_closed_stream_ends_and_leaves_the_rest() -> None:
    request = make_request([b"a", b"b"])
    stream = request.stream()
    assert await anext(stream) == b"a"
    await stream.aclose()
    assert [chunk async for chunk in stream] == []
    assert await request.body() == b"b"


async def test_an_exhausted_stream_stays_at_its_end() -> None:
    stream = make_request([b"a"]).stream()
    assert [chunk async for chunk in stream] == [b"a", b""]
    assert [chunk async for chunk in stream] == []


async def test_a_disconnect_during_the_body_is_told_now_and_later() -> None:
    channel = Channel([b"a"], cut_short=True)
    request: Request[Any] = Request(http_scope(), channel)
    with pytest.raises(ClientDisconnect):
        await request.body()
    # What had come is put back; then the disconnect again, without asking the server again.
    calls = channel.calls
    stream = request.stream()
    assert await anext(stream) == b"a"
    with pytest.raises(ClientDisconnect):
        await anext(stream)
    assert channel.calls == calls
    assert await request.is_disconnected()


async def test_a_body_interrupted_by_a_timeout_loses_nothing() -> None:
    send, receive = anyio.create_memory_object_stream[dict[str, Any]](10)
    request: Request[Any] = Request(http_scope(), receive.receive)
    await send.send({"type": "http.request", "body": b"first ", "more_body": True})
    with anyio.move_on_after(0) as scope:
        scope.deadline = float("inf")
        async with anyio.create_task_group() as group:

            async def interrupt() -> None:
                await anyio.wait_all_tasks_blocked()
                scope.cancel()

            group.start_soon(interrupt)
            await request.body()
    assert scope.cancelled_caught
    await send.send({"type": "http.request", "body": b"second", "more_body": False})
    assert await request.body() == b"first second"
    send.close()
    receive.close()


async def test_messages_that_a_listener_took_are_read_first() -> None:
    channel = Channel([b"b", b"c"])
    scope = http_scope(**{"asterion.stashed": [{"type": "http.request", "body": b"a", "more_body": True}]})
    assert await Request[Any](scope, channel).body() == b"abc"


async def test_messages_that_a_listener_took_meanwhile_come_before_what_the_own_call_gives() -> None:
    scope = http_scope()
    channel = Channel([b"b"])

    async def receive() -> dict[str, Any]:
        if channel.calls == 0:
            scope["asterion.stashed"] = [{"type": "http.request", "body": b"a", "more_body": True}]
        return await channel()

    assert await read(Request(scope, receive)) == [b"a", b"b", b""]


async def test_a_body_that_a_listener_took_whole_is_read_though_the_client_is_gone() -> None:
    scope = http_scope()
    channel = Channel([])

    async def receive() -> dict[str, Any]:
        scope["asterion.stashed"] = [{"type": "http.request", "body": b"all", "more_body": False}]
        return await channel()

    request: Request[Any] = Request(scope, receive)
    assert await request.body() == b"all"
    assert await request.is_disconnected()
    assert channel.calls == 1


async def test_the_scope_says_while_the_body_is_being_received() -> None:
    scope = http_scope()
    seen = []

    async def receive() -> dict[str, Any]:
        seen.append(scope["asterion.reading"])
        return {"type": "http.request", "body": b"a", "more_body": False}

    assert not scope.get("asterion.reading")
    await Request(scope, receive).body()
    assert seen == [True]
    assert scope["asterion.reading"] is False


async def test_the_scope_does_not_say_so_after_a_receive_that_failed() -> None:
    scope = http_scope()

    async def receive() -> dict[str, Any]:
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        await Request(scope, receive).body()
    assert scope["asterion.reading"] is False


async def test_a_second_request_over_the_same_scope_finds_the_body_issue_495() -> None:
    scope, channel = http_scope(), Channel([b"a", b"b"])
    assert await Request[Any](scope, channel).body() == b"ab"
    second: Request[Any] = Request(scope, channel)
    assert await read(second) == [b"ab", b""]
    assert await second.body() == b"ab"


async def test_a_second_request_over_the_same_scope_is_told_when_the_body_is_gone() -> None:
    scope, channel = http_scope(), Channel([b"a", b"b"])
    await read(Request(scope, channel))
    with pytest.raises(RuntimeError, match="Stream consumed"):
        await Request[Any](scope, channel).body()


async def test_a_second_request_with_a_receive_of_its_own_reads_that_one() -> None:
    """A middleware that rewrites the body gives the inner application another `receive`."""
    scope = http_scope()
    assert await Request[Any](scope, Channel([b"packed"])).body() == b"packed"
    assert await Request[Any](scope, Channel([b"unpacked"])).body() == b"unpacked"


async def test_a_subclass_may_replace_the_body_as_the_guides_show() -> None:
    class Unpacking(Request[Any]):
        async def body(self) -> bytes:
            if not hasattr(self, "_body"):
                self._body = (await super().body()).upper()
            return self._body

    request = Unpacking(http_scope(), Channel([b'["a"]']))
    assert await request.body() == b'["A"]'
    assert await request.json() == ["A"]
    assert await read(request) == [b'["A"]', b""]


async def test_a_subclass_may_stream_its_own_chunks_into_body_and_form() -> None:
    """Issue 3599: one chunk without an empty one behind it, and the last field is there."""

    class Own(Request[Any]):
        async def stream(self) -> Any:
            yield b"a=1&b=2"

    scope = http_scope("application/x-www-form-urlencoded")
    assert await Own(scope).body() == b"a=1&b=2"
    assert (await Own(scope).form()).multi_items() == [("a", "1"), ("b", "2")]


async def test_an_unknown_message_is_named() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "websocket.receive"}

    with pytest.raises(RuntimeError, match=r"websocket\.receive"):
        await Request[Any](http_scope(), receive).body()


async def test_a_request_without_channels_says_how_to_make_one_with() -> None:
    request: Request[Any] = Request(http_scope(extensions={"http.response.early_hint": {}}))
    with pytest.raises(RuntimeError, match="without `receive`"):
        await request.body()
    with pytest.raises(RuntimeError, match=r"without `send`.*early_hint"):
        await request.send_early_hints("</a>")
    with pytest.raises(RuntimeError):
        await empty_receive()
    with pytest.raises(RuntimeError):
        await empty_send({})


async def test_receive_is_the_one_given() -> None:
    channel = Channel([])
    assert Request[Any](http_scope(), channel).receive is channel


async def test_a_body_that_was_empty_is_an_empty_chunk_again_for_another_request() -> None:
    channel = Channel([b""])
    scope = http_scope()
    assert await Request(scope, channel).body() == b""
    assert await read(Request(scope, channel)) == [b""]


async def test_of_two_streams_of_one_request_the_second_may_read_the_rest() -> None:
    request = make_request([b"a", b"b", b"c"])
    first = request.stream()
    assert await anext(first) == b"a"
    assert await read(request) == [b"b", b"c", b""]
    assert [chunk async for chunk in first] == [b""]


async def test_a_stream_of_a_subclass_need_not_be_one_that_can_be_closed() -> None:
    class Once:
        def __init__(self) -> None:
            self.left = [b"a", b"b"]

        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> bytes:
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop(0)

    class Own(Request[Any]):
        def stream(self) -> Any:
            return Once()

    assert await Own(http_scope()).body() == b"ab"


async def test_who_reads_when_the_client_has_gone_is_told_so_and_the_server_is_not_asked_again() -> None:
    """A server may say it only once, and the response's look-out has heard it."""
    log: list[str] = []

    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        request = Request[Any](scope, receive)

        async def source() -> Any:
            try:
                yield "one"
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True), pytest.raises(ClientDisconnect):
                    await request.body()
                log.append("told")

        await StreamingResponse(source())(scope, receive, send)

    exchange = Exchange(endpoint, {**http_scope(), "asgi": {"spec_version": "2.3"}}, body=[])
    async with anyio.create_task_group() as group:
        group.start_soon(exchange.run)
        await wait_all_blocked()
        exchange.disconnect()
    assert log == ["told"]
    assert exchange.receives == 1
