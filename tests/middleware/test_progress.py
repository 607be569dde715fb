"""Whoever watches a response through a middleware is told how far it is.

The handlers' boundary asks that before it answers an exception: one that comes after the start is never answered by a
second start, and one that comes after the end has nothing to spoil.
"""

import pytest

from asterion._core.wire import watched
from asterion.applications import Asterion
from asterion.middleware import Middleware
from asterion.responses import PlainTextResponse
from asterion.routing import Mount
from tests.asgi import Exchange, http_scope
from tests.middleware.test_extension_messages import MIDDLEWARE

pytestmark = pytest.mark.anyio

HEADERS = [("host", "example.com"), ("origin", "https://a.example"), ("accept-encoding", "gzip")]
SCOPE = {"scheme": "https"}

START = {"type": "http.response.start", "status": 200, "headers": []}
PART = {"type": "http.response.body", "body": b"part", "more_body": True}
END = {"type": "http.response.body", "body": b"end"}


@pytest.fixture(params=MIDDLEWARE)
def wrap(request):
    return MIDDLEWARE[request.param]


@pytest.mark.parametrize(
    ("messages", "progress"),
    [
        ([START, PART, END], [(False, False), (True, False), (True, False), (True, True)]),
        ([START, END], [(False, False), (True, False), (True, True)]),
    ],
)
async def test_the_start_and_the_end_are_known(wrap, messages, progress):
    seen = []

    async def app(scope, receive, send):
        send, watch = watched(send)
        for message in messages:
            seen.append((watch.started, watch.complete))
            await send(message)
        seen.append((watch.started, watch.complete))

    await Exchange(wrap(app), http_scope(headers=HEADERS, **SCOPE)).run()
    assert seen == progress


async def test_a_failure_after_the_start_is_never_answered_by_a_second_start(wrap):
    async def app(scope, receive, send):
        await send(START)
        await send(PART)
        raise ZeroDivisionError

    async def handled(request, error):
        return PlainTextResponse("handled")

    whole = Asterion(
        routes=[Mount("/", app=app)],
        middleware=[Middleware(lambda app: wrap(app))],
        exception_handlers={ZeroDivisionError: handled},
    )
    exchange = Exchange(whole, http_scope(headers=HEADERS, **SCOPE))
    with pytest.raises(ZeroDivisionError):
        await exchange.run()
    assert [message["type"] for message in exchange.messages] == ["http.response.start", "http.response.body"]
