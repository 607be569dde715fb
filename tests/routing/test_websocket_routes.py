"""WebSocket routes: what an endpoint may be, parameters, middleware, and who answers an error."""

from collections.abc import Callable
from typing import Any

import pytest

from asterion.applications import Asterion
from asterion.endpoints import WebSocketEndpoint
from asterion.exceptions import HTTPException, WebSocketException
from asterion.middleware import Middleware
from asterion.responses import PlainTextResponse
from asterion.routing import Mount, Route, Router, WebSocketRoute
from asterion.websockets import WebSocket, WebSocketDisconnect
from tests.names import without_address

pytestmark = pytest.mark.anyio


async def converse(app: Any, path: str = "/ws", *texts: str, denial: bool = False) -> list[dict[str, Any]]:
    """What `app` sends to a client that connects, sends `texts` and goes."""
    told: list[dict[str, Any]] = [{"type": "websocket.connect"}]
    told += [{"type": "websocket.receive", "text": text} for text in texts]
    told.append({"type": "websocket.disconnect", "code": 1000})
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return told.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "path": path,
        "root_path": "",
        "headers": [(b"host", b"example.org")],
        "query_string": b"",
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}} if denial else {},
    }
    await app(scope, receive, send)
    return sent


def types(sent: list[dict[str, Any]]) -> list[str]:
    return [message["type"].removeprefix("websocket.") for message in sent]


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(f"{websocket.path_params.get('room', '')}:{text}")


class Echo(WebSocketEndpoint):
    encoding = "text"

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        await websocket.send_text(f":{data}")


class CallableEcho:
    async def __call__(self, websocket: WebSocket) -> None:
        await echo(websocket)


async def as_asgi(scope: Any, receive: Any, send: Any) -> None:
    await echo(WebSocket(scope, receive, send))


class AsgiEcho:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await as_asgi(scope, receive, send)


@pytest.mark.parametrize(
    "endpoint", [echo, Echo, CallableEcho(), AsgiEcho(), lambda websocket: echo(websocket)], ids=without_address
)
async def test_anything_that_takes_a_websocket_or_a_scope_can_be_an_endpoint(endpoint: Any) -> None:
    sent = await converse(Router([WebSocketRoute("/ws", endpoint)]), "/ws", "a", "b")
    assert types(sent)[:3] == ["accept", "send", "send"]
    assert [message["text"] for message in sent[1:3]] == [":a", ":b"]


async def test_parameters_arrive_through_mounts() -> None:
    app = Asterion(routes=[Mount("/chat", routes=[WebSocketRoute("/{room}", echo)])])
    assert (await converse(app, "/chat/blue", "hi"))[1]["text"] == "blue:hi"


async def test_http_and_websocket_routes_of_one_path_do_not_get_in_each_others_way() -> None:
    async def http(request: Any) -> Any:
        return PlainTextResponse("http")

    for routes in (
        [Route("/ws", http), WebSocketRoute("/ws", echo)],
        [WebSocketRoute("/ws", echo), Route("/ws", http)],
    ):
        assert types(await converse(Router(routes)))[0] == "accept"


async def test_a_handshake_for_an_unknown_path_is_refused() -> None:
    assert types(await converse(Asterion(), "/nothing")) == ["close"]
    assert types(await converse(Router([WebSocketRoute("/ws", echo)]), "/ws\n")) == ["close"]


async def test_middleware_of_a_route_is_around_its_endpoint() -> None:
    seen: list[str] = []

    def layer(app: Any, name: str) -> Any:
        async def wrapped(scope: Any, receive: Any, send: Any) -> None:
            seen.append(name)
            await app(scope, receive, send)

        return wrapped

    layers = [Middleware(layer, "outer"), Middleware(layer, name="inner")]
    await converse(Router([WebSocketRoute("/ws", echo, middleware=layers), WebSocketRoute("/plain", echo)]))
    assert seen == ["outer", "inner"]


# --- errors ---


def fails_with(error: Exception, *, accept: bool = True) -> Callable[[WebSocket], Any]:
    async def endpoint(websocket: WebSocket) -> None:
        if accept:
            await websocket.accept()
        raise error

    return endpoint


@pytest.mark.parametrize("accept", [True, False])
async def test_a_websocket_exception_closes_with_its_code_and_reason(accept: bool) -> None:
    app = Asterion(routes=[WebSocketRoute("/ws", fails_with(WebSocketException(1008, "no"), accept=accept))])
    sent = await converse(app)
    assert sent[-1] == {"type": "websocket.close", "code": 1008, "reason": "no"}


async def test_a_handler_of_ones_own_closes_as_it_likes() -> None:
    async def handler(websocket: WebSocket, error: Exception) -> None:
        await websocket.close(4001, str(error))

    app = Asterion(routes=[WebSocketRoute("/ws", fails_with(KeyError("x")))], exception_handlers={LookupError: handler})
    assert (await converse(app))[-1] == {"type": "websocket.close", "code": 4001, "reason": "'x'"}


async def test_an_http_exception_before_the_handshake_denies_it_with_a_response_where_the_server_can() -> None:
    app = Asterion(routes=[WebSocketRoute("/ws", fails_with(HTTPException(403, "no entry"), accept=False))])
    sent = await converse(app, denial=True)
    assert types(sent) == ["http.response.start", "http.response.body"]
    assert (sent[0]["status"], sent[1]["body"]) == (403, b"no entry")
    assert types(await converse(app)) == ["close"]


async def test_an_http_exception_after_the_handshake_closes() -> None:
    app = Asterion(routes=[WebSocketRoute("/ws", fails_with(HTTPException(403)))])
    assert types(await converse(app, denial=True)) == ["accept", "close"]


@pytest.mark.parametrize("accept", [True, False])
async def test_an_error_that_nobody_handles_is_raised_to_the_server_as_itself(accept: bool) -> None:
    error = KeyError("x")
    app = Asterion(routes=[WebSocketRoute("/ws", fails_with(error, accept=accept))])
    with pytest.raises(KeyError) as caught:
        await converse(app)
    assert caught.value is error


async def test_an_error_of_middleware_around_the_router_is_handled_too() -> None:
    async def handler(websocket: WebSocket, error: Exception) -> None:
        await websocket.close(4002)

    def layer(app: Any) -> Any:
        async def broken(scope: Any, receive: Any, send: Any) -> None:
            await WebSocket(scope, receive, send).accept()
            raise KeyError("x")

        return broken

    route = WebSocketRoute("/ws", echo, middleware=[Middleware(layer)])
    sent = await converse(Asterion(routes=[route], exception_handlers={KeyError: handler}))
    assert types(sent) == ["accept", "close"]
    assert sent[-1]["code"] == 4002


async def test_a_handler_that_gives_nothing_after_the_client_left_sends_nothing() -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.receive_text()

    async def handler(websocket: WebSocket, error: Exception) -> None:
        """The client has gone: nothing to be done."""

    app = Asterion(routes=[WebSocketRoute("/ws", endpoint)], exception_handlers={WebSocketDisconnect: handler})
    assert types(await converse(app)) == ["accept"]


async def test_a_route_can_be_served_alone() -> None:
    route = WebSocketRoute("/ws", echo)
    assert types(await converse(route))[0] == "accept"
    assert types(await converse(route, "/other")) == ["close"]
