"""A WebSocket endpoint reads text, and the client sends bytes. What does the endpoint see?"""

import sys

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

raised = []


async def reader(websocket):
    await websocket.accept()
    try:
        await websocket.receive_text()
    except BaseException as error:
        raised.append(type(error).__name__)
        raise


app = Starlette(routes=[WebSocketRoute("/", reader)])
try:
    with TestClient(app).websocket_connect("/") as socket:
        socket.send_bytes(b"\x00\x01")
        socket.receive_text()
except (KeyError, RuntimeError, WebSocketDisconnect):
    pass
seen = f"the endpoint saw {', '.join(raised)}"
right = "KeyError" not in raised

print(f"seen: {seen}")
sys.exit(0 if right else 1)
