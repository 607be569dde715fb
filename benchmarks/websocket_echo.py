"""A WebSocket that sends back 1,000 text frames: one connection is one unit of work."""

from typing import Any

from benchmarks.frameworks import Toolkit, both
from benchmarks.measure import Area
from benchmarks.server import ASGIApp, Ask, Served

FRAMES = 1000


def toolkit_app(kit: Toolkit) -> ASGIApp:
    async def echo(websocket: Any) -> None:
        await websocket.accept()
        try:
            while True:
                await websocket.send_text(await websocket.receive_text())
        except kit.WebSocketDisconnect:
            pass

    app: ASGIApp = kit.application(routes=[kit.WebSocketRoute("/", echo)])
    return app


async def drive(served: Served, times: int) -> None:
    frame = {"type": "websocket.receive", "text": "hello"}
    for _ in range(times):
        end = {"type": "websocket.disconnect", "code": 1000}
        arriving = iter([{"type": "websocket.connect"}, *[frame] * FRAMES, end])
        sent: list[Any] = []

        async def receive(arriving: Any = arriving) -> Any:
            return next(arriving)

        async def send(message: Any, sent: list[Any] = sent) -> None:
            sent.append(message)

        scope = served.scope(Ask(paths=("/",)), 0)
        await served.app({**scope, "type": "websocket", "scheme": "ws", "subprotocols": []}, receive, send)
        if len(sent) != FRAMES + 1 or sent[-1] != {"type": "websocket.send", "text": "hello"}:
            raise RuntimeError(f"{len(sent)} messages came back, {sent[-1:]!r} at the end")


AREAS = [
    Area(
        slug="websocket-echo",
        title="WebSocket, 1,000 echoes",
        ask=Ask(paths=("/",)),
        builders=both(toolkit_app),
        right=lambda seen: True,
        drive=drive,
    )
]
