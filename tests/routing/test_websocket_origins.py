"""Which pages may open a WebSocket: `allowed_origins` on a route, and the policy where a route says nothing."""

from typing import Any

import pytest

from asterion.applications import Asterion, Starlette
from asterion.routing import WebSocketRoute
from asterion.websockets import WebSocket

pytestmark = pytest.mark.anyio

COOKIE = (b"cookie", b"session=1")
FOREIGN = (b"origin", b"https://evil.example")
OWN = (b"origin", b"https://app.example")
FRIEND = (b"origin", b"https://friend.example")


async def greet(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


async def handshake(
    app: Any, *headers: tuple[bytes, bytes], extensions: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """What the application sends for a handshake with these headers."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    scope = {
        "type": "websocket",
        "scheme": "wss",
        "path": "/",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"app.example"), *headers],
        "extensions": extensions or {},
    }
    await app(scope, receive, send)
    return sent


def is_open(sent: list[dict[str, Any]]) -> bool:
    return sent[0]["type"] == "websocket.accept"


@pytest.mark.parametrize("face", [Asterion, Starlette])
async def test_a_foreign_page_with_a_visitors_cookies_is_refused_where_the_policy_says_so(face: type[Asterion]) -> None:
    app = face(routes=[WebSocketRoute("/", greet)])
    assert is_open(await handshake(app, FOREIGN, COOKIE)) is (face is Starlette)
    assert is_open(await handshake(app, OWN, COOKIE))
    assert is_open(await handshake(app, FOREIGN))
    assert is_open(await handshake(app, COOKIE))


@pytest.mark.parametrize("face", [Asterion, Starlette])
async def test_a_route_names_the_origins_that_may_connect(face: type[Asterion]) -> None:
    app = face(routes=[WebSocketRoute("/", greet, allowed_origins=["https://friend.example"])])
    assert is_open(await handshake(app, FRIEND, COOKIE))
    assert is_open(await handshake(app, OWN))
    assert not is_open(await handshake(app, FOREIGN, COOKIE))
    assert not is_open(await handshake(app, FOREIGN))


async def test_a_route_may_be_open_to_any_origin() -> None:
    app = Asterion(routes=[WebSocketRoute("/", greet, allowed_origins="any")])
    assert is_open(await handshake(app, FOREIGN, COOKIE))


async def test_a_refusal_is_a_403_where_the_server_can_send_one_and_else_a_close() -> None:
    app = Asterion(routes=[WebSocketRoute("/", greet, allowed_origins=[])])
    denied = await handshake(app, FOREIGN, extensions={"websocket.http.response": {}})
    assert [message["type"] for message in denied] == ["websocket.http.response.start", "websocket.http.response.body"]
    assert denied[0]["status"] == 403
    closed = await handshake(app, FOREIGN)
    assert (closed[0]["type"], closed[0]["code"]) == ("websocket.close", 1008)


def test_what_is_no_exact_origin_is_refused_when_the_route_is_made() -> None:
    with pytest.raises(ValueError, match="origin"):
        WebSocketRoute("/", greet, allowed_origins=["*.example"])


@pytest.mark.parametrize("add", ["function", "decorator"])
async def test_an_application_adds_routes_with_their_origins(add: str) -> None:
    app = Asterion()
    if add == "function":
        app.add_websocket_route("/", greet, allowed_origins=["https://friend.example"])
    else:
        app.websocket_route("/", allowed_origins=["https://friend.example"])(greet)
    assert is_open(await handshake(app, FRIEND))
    assert not is_open(await handshake(app, FOREIGN))
