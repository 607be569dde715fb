"""How a request or a WebSocket handshake is refused before an application has seen it."""

from asterion.types import ASGIApp, Receive, Scope, Send
from asterion.websockets._websocket import DENIAL


async def refuse_connection(
    scope: Scope, receive: Receive, send: Send, answer: ASGIApp, *, code: int = 1008, reason: str = ""
) -> None:
    """Refuse a request with `answer`, a response; a WebSocket too if its server offers the extension, else close it.

    Before the handshake a close is an answer with status 403, whatever its code (1008: RFC 6455 7.4.1, policy).
    """
    if scope["type"] == "websocket" and DENIAL not in (scope.get("extensions") or {}):
        answer = WebSocketClose(code, reason)
    await answer(scope, receive, send)


class WebSocketClose:
    """An ASGI application that refuses the handshake, or closes, with this code and reason."""

    def __init__(self, code: int = 1000, reason: str | None = None) -> None:
        self.code = code
        self.reason = reason or ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.close", "code": self.code, "reason": self.reason})
