"""What a request knows of its client and can send ahead: disconnects, pushes, early hints."""

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from asterion.requests import SERVER_PUSH_HEADERS_TO_COPY, Request
from asterion.responses import StreamingResponse
from tests.asgi import Exchange
from tests.asgi import http_scope as asgi_scope
from tests.requests.building import Channel, http_scope, make_request

pytestmark = pytest.mark.anyio


async def never() -> dict[str, Any]:
    await anyio.sleep_forever()
    raise AssertionError("unreachable")


async def test_a_client_that_is_there_is_not_waited_for() -> None:
    assert not await Request[Any](http_scope(), never).is_disconnected()


async def test_a_client_that_left_is_noticed_and_stays_away() -> None:
    channel = Channel([])
    request: Request[Any] = Request(http_scope(), channel)
    assert await request.is_disconnected()
    assert await request.is_disconnected()
    assert channel.calls == 1


@pytest.mark.parametrize("turns", [1, 5])
async def test_a_receive_that_lets_others_run_first_is_heard_too(turns: int) -> None:
    """Issue 2094: behind a wrapper with a task switch the disconnect was never seen."""

    async def receive() -> dict[str, Any]:
        for _ in range(turns):
            await anyio.lowlevel.checkpoint()
        return {"type": "http.disconnect"}

    assert await Request[Any](http_scope(), receive).is_disconnected()


async def test_a_memory_stream_as_receive_is_heard_too() -> None:
    send, receive = anyio.create_memory_object_stream[dict[str, Any]](1)
    with send, receive:
        request: Request[Any] = Request(http_scope(), receive.receive)
        assert not await request.is_disconnected()
        send.send_nowait({"type": "http.disconnect"})
        assert await request.is_disconnected()


async def test_looking_for_the_client_loses_no_byte_of_the_body() -> None:
    request = make_request([b"a", b"b", b"c"])
    assert not await request.is_disconnected()
    assert not await request.is_disconnected()
    assert await request.body() == b"abc"
    assert await request.is_disconnected()


async def test_a_body_in_the_way_of_a_disconnect_is_still_read() -> None:
    request = make_request([b"all"])
    assert not await request.is_disconnected()
    assert await request.is_disconnected()
    assert await request.body() == b"all"


async def test_another_request_over_the_same_scope_reads_what_was_in_the_way() -> None:
    scope, channel = http_scope(), Channel([b"a", b"b"])
    await Request[Any](scope, channel).is_disconnected()
    assert await Request[Any](scope, channel).body() == b"ab"


async def test_polling_does_not_fill_the_memory() -> None:
    channel = Channel([bytes(512 * 1024)] * 10)
    request: Request[Any] = Request(http_scope(), channel)
    for _ in range(10):
        assert not await request.is_disconnected()
    assert channel.calls == 2
    assert len(await request.body()) == 5 * 1024 * 1024


async def test_polling_leaves_receive_alone_while_another_task_reads_the_body() -> None:
    channel = Channel([b"a"])
    request: Request[Any] = Request(http_scope(**{"asterion.reading": True}), channel)
    assert not await request.is_disconnected()
    assert channel.calls == 0


async def test_polling_beside_a_response_that_listens_itself_lets_others_run() -> None:
    polls: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request: Request[Any] = Request(scope, receive)

        async def chunks() -> Any:
            yield b"x"
            while len(polls) < 1000:
                polls.append(await request.is_disconnected())
                if polls[-1]:
                    break

        await StreamingResponse(chunks())(scope, receive, send)

    exchange = Exchange(app, asgi_scope(spec_version="2.3"))
    async with anyio.create_task_group() as group:
        group.start_soon(exchange.run)
        while not polls:
            await anyio.lowlevel.checkpoint()
        exchange.disconnect()
    assert len(polls) < 1000


async def sent_by(**scope: Any) -> tuple[Request[Any], list[Any]]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    return Request({**http_scope(), **scope}, never, send), sent


PUSH: dict[str, Any] = {"http.response.push": {}}
HINT: dict[str, Any] = {"http.response.early_hint": {}}


async def test_a_push_promise_carries_the_headers_that_matter() -> None:
    headers = [(b"accept", b"text/css"), (b"user-agent", b"x"), (b"cookie", b"secret=1"), (b"accept", b"*/*")]
    request, sent = await sent_by(headers=headers, extensions=PUSH)
    await request.send_push_promise("/style.css")
    (message,) = sent
    assert (message["type"], message["path"]) == ("http.response.push", "/style.css")
    assert message["headers"] == [(b"accept", b"text/css"), (b"accept", b"*/*"), (b"user-agent", b"x")]
    assert "cookie" not in SERVER_PUSH_HEADERS_TO_COPY


@pytest.mark.parametrize("extensions", [None, {}])
async def test_nothing_is_sent_to_a_server_without_the_extension(extensions: Any) -> None:
    request, sent = await sent_by(extensions=extensions)
    await request.send_push_promise("/style.css")
    await request.send_early_hints("</style.css>; rel=preload")
    assert sent == []


async def test_early_hints_carry_every_link() -> None:
    request, sent = await sent_by(extensions=HINT)
    await request.send_early_hints("</a.css>; rel=preload; as=style", "</b.js>; rel=preload; as=script")
    links = [b"</a.css>; rel=preload; as=style", b"</b.js>; rel=preload; as=script"]
    assert sent == [{"type": "http.response.early_hint", "links": links}]


@pytest.mark.parametrize("extensions", [None, PUSH, HINT])
@pytest.mark.parametrize("bad", ["</a>\r\nSet-Cookie: a=1", "</a>\0", "</a>\n"])
async def test_links_and_paths_that_would_split_the_response_are_refused(extensions: Any, bad: str) -> None:
    request, sent = await sent_by(extensions=extensions)
    with pytest.raises(ValueError, match="link"):
        await request.send_early_hints("</fine>", bad)
    with pytest.raises(ValueError, match="push"):
        await request.send_push_promise(bad)
    assert sent == []
