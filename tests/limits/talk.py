"""A server's side of one WebSocket, with the frames known beforehand."""

from typing import Any


async def talk(app: Any, path: str, *frames: dict[str, Any], **scope: Any) -> list[dict[str, Any]]:
    """What `app` sends to a client that connects, sends these frames and leaves."""
    received = [{"type": "websocket.connect"}, *[{"type": "websocket.receive", **frame} for frame in frames]]
    arriving = iter([*received, {"type": "websocket.disconnect", "code": 1001}])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(arriving)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    made = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"example.org")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        "subprotocols": [],
        "state": {},
        "extensions": {},
        **scope,
    }
    await app(made, receive, send)
    return sent
