"""How a request or a WebSocket handshake is refused before an application has seen it."""

from asterion.types import ASGIApp, Receive, Scope, Send
from asterion.websockets._websocket import DENIAL, WebSocketClose


async def refuse_connection(
    scope: Scope, receive: Receive, send: Send, answer: ASGIApp, *, code: int = 1008, reason: str = ""
) -> None:
    """Refuse a request with `answer`, a response; a WebSocket too if its server offers the extension, else close it.

    Before the handshake a close is an answer with status 403, whatever its code (1008: RFC 6455 7.4.1, policy).
    """
    if scope["type"] == "websocket" and DENIAL not in (scope.get("extensions") or {}):
        answer = WebSocketClose(code, reason)
    await answer(scope, receive, send)
