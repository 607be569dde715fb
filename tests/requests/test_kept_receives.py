"""A body that was read is found again by whoever asks with a `receive` that stands for the same one."""

from typing import Any

import pytest

from asterion.applications import Asterion
from asterion.requests import Request
from asterion.responses import PlainTextResponse
from asterion.routing import Mount, Route
from tests.asgi import Exchange, http_scope

pytestmark = pytest.mark.anyio


class Server:
    """Gives a body once; a second reader would be told that there is none."""

    def __init__(self) -> None:
        self.scope = http_scope("POST")
        self.told = 0

    async def receive(self) -> dict[str, Any]:
        self.told += 1
        return {"type": "http.request", "body": b"text" if self.told == 1 else b"", "more_body": False}


class BareServer:
    """Cannot be referred to weakly."""

    __slots__ = ("told",)

    def __init__(self) -> None:
        self.told = 0

    receive: Any = Server.receive


class Callable:
    """An object that is called."""

    def __init__(self) -> None:
        self.server = Server()

    async def __call__(self) -> dict[str, Any]:
        return await self.server.receive()


class Equal(Callable):
    """As the methods of objects made by C: made anew each time it is asked for, and equal to the others."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Equal) and self.server is other.server

    def __hash__(self) -> int:
        return hash(self.server)


def _function() -> Any:
    server = Server()

    async def receive() -> dict[str, Any]:
        return await server.receive()

    return receive


MADE: dict[str, Any] = {
    "method": lambda: Server().receive,
    "method of a class with slots": lambda: BareServer().receive,
    "function": _function,
    "object": Callable,
}


@pytest.mark.parametrize("kind", MADE)
async def test_a_second_request_finds_the_body_by_the_same_receive(kind: str) -> None:
    scope, receive = http_scope("POST"), MADE[kind]()
    assert await Request(scope, receive).body() == b"text"
    assert await Request(scope, receive).body() == b"text"


async def test_a_method_is_the_same_whenever_it_is_taken_from_its_object() -> None:
    server = Server()
    await Request(server.scope, server.receive).body()
    assert await Request(server.scope, server.receive).body() == b"text"
    assert server.told == 1


async def test_an_equal_receive_stands_for_the_body_also_when_the_first_has_gone() -> None:
    server = Server()
    await Request(server.scope, Equal(server)).body()
    assert await Request(server.scope, Equal(server)).body() == b"text"
    assert server.told == 1


@pytest.mark.parametrize("kind", MADE)
async def test_another_receive_over_the_same_scope_is_read(kind: str) -> None:
    """A middleware may put another body in place of the one that was sent."""
    scope = http_scope("POST")
    await Request(scope, MADE[kind]()).body()

    async def other() -> dict[str, Any]:
        return {"type": "http.request", "body": b"another"}

    assert await Request(scope, other).body() == b"another"


async def test_another_method_of_the_same_object_is_read() -> None:
    class Two(Server):
        async def other(self) -> dict[str, Any]:
            return {"type": "http.request", "body": b"another"}

    two = Two()
    await Request(two.scope, two.receive).body()
    assert await Request(two.scope, two.other).body() == b"another"


@pytest.mark.parametrize("where", ["mount", "route"])
async def test_a_layer_outside_finds_what_was_read_under_a_limit(where: str) -> None:
    """Who counts the body is gone by then; the `receive` outside of it stands for the same body."""
    seen: list[bytes] = []

    async def endpoint(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    route = Route("/", endpoint, methods=["POST"], max_body_size=10 if where == "route" else None)
    inside = Mount("/", routes=[route], max_body_size=10 if where == "mount" else None)
    app = Asterion(routes=[inside])

    async def outside(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        seen.append(await Request(scope, receive).body())

    answer = await Exchange(outside, http_scope("POST"), body=b"text").run()
    assert (answer.body, answer.receives) == (b"4", 1)
    assert seen == [b"text"]
