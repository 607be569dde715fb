"""Where messages go once nobody in between looks at them any more."""

import errno
from typing import Any

import pytest

from asterion._core.wire import PassThrough, StartWatch, means_client_gone, straight, watched

pytestmark = pytest.mark.anyio

START = {"type": "http.response.start", "status": 200, "headers": []}


class Sink:
    """A server's `send`."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    async def send(self, message: Any) -> None:
        self.messages.append(message)


class Layer(PassThrough):
    """A layer that wants to see everything until it is told where to lead."""

    def __init__(self, send: Any) -> None:
        self.outer = send

    async def send(self, message: Any) -> None:
        await self.outer(message)


def body(data: bytes = b"", *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def test_a_watch_passes_every_message_on_untouched_and_in_order() -> None:
    sink = Sink()
    watch = StartWatch(sink.send)
    sent: list[Any] = [
        {"type": "http.response.push", "path": "/x"},
        START,
        body(b"a", more=True),
        {"type": "new"},
        body(),
    ]
    for message in sent:
        await watch.send(message)
    assert all(one is other for one, other in zip(sink.messages, sent, strict=True))


async def test_a_watch_knows_when_the_response_has_started_and_when_it_is_complete() -> None:
    watch = StartWatch(Sink().send)
    await watch.send({"type": "http.response.early_hint", "links": []})
    assert (watch.started, watch.complete) == (False, False)
    await watch.send(START)
    assert (watch.started, watch.complete) == (True, False)
    await watch.send(body(b"a", more=True))
    assert (watch.started, watch.complete) == (True, False)
    await watch.send(body())
    assert (watch.started, watch.complete) == (True, True)


@pytest.mark.parametrize("last", [{"type": "http.response.body"}, {"type": "http.response.pathsend", "path": "/f"}])
async def test_a_body_message_without_a_flag_is_the_last_and_so_is_a_path(last: dict[str, Any]) -> None:
    watch = StartWatch(Sink().send)
    await watch.send(START)
    await watch.send(last)
    assert watch.complete


async def test_a_start_counts_from_the_moment_it_is_handed_over() -> None:
    """If the server's `send` fails, part of the head may be on the wire: nothing else can be sent in its place."""

    async def broken(message: Any) -> None:
        raise OSError("gone")

    watch = StartWatch(broken)
    with pytest.raises(OSError, match="gone"):
        await watch.send(START)
    assert watch.started


async def test_straight_is_the_send_itself_where_nobody_offers_a_way() -> None:
    sink = Sink()
    plain = sink.send
    assert straight(plain) is plain

    async def function(message: Any) -> None:
        """A send that belongs to nobody."""

    assert straight(function) is function


async def test_straight_leads_past_the_layers_that_are_done_to_the_first_that_looks() -> None:
    sink = Sink()
    looking = Layer(sink.send)
    done = Layer(looking.send)
    inner = Layer(done.send)
    assert straight(inner.send) == inner.send
    inner.leads_to, done.leads_to = done.send, looking.send
    assert straight(inner.send) == looking.send
    looking.leads_to = sink.send
    assert straight(inner.send) == sink.send


async def test_a_watch_leads_outwards_once_the_head_is_out() -> None:
    sink = Sink()
    watch = StartWatch(StartWatch(sink.send).send)
    assert straight(watch.send) == watch.send
    await watch.send(START)
    assert straight(watch.send) == sink.send


async def test_watched_uses_who_knows_already() -> None:
    owner = Layer(Sink().send)
    send = owner.send
    assert watched(send) == (send, owner)


async def test_watched_makes_a_watch_where_nobody_knows() -> None:
    sink = Sink()
    send, watch = watched(sink.send)
    await send(START)
    assert (watch.started, sink.messages) == (True, [START])


@pytest.mark.parametrize(
    "error", [OSError(), OSError("gone"), ConnectionResetError(), BrokenPipeError(errno.EPIPE, "x")]
)
def test_an_os_error_of_send_means_that_the_client_has_gone(error: OSError) -> None:
    assert means_client_gone(error)


def test_an_os_error_about_something_else_does_not() -> None:
    assert not means_client_gone(OSError(errno.ENOSPC, "no space left on device"))
    assert not means_client_gone(FileNotFoundError(errno.ENOENT, "no such file"))
