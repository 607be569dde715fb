"""How a WebSocket handshake is refused before an application has seen it."""

from asterion.types import ASGIApp, Receive, Scope, Send
from asterion.websockets._websocket import DENIAL, WebSocketClose


async def refuse_handshake(
    scope: Scope, receive: Receive, send: Send, denial: ASGIApp, *, code: int = 1008, reason: str = ""
) -> None:
    """Answer the handshake with `denial`, a response, where the server offers the extension for it; else close it.

    Before the handshake a close is an answer with status 403, whatever its code (1008: RFC 6455 7.4.1, policy).
    """
    refuse = denial if DENIAL in (scope.get("extensions") or {}) else WebSocketClose(code, reason)
    await refuse(scope, receive, send)
