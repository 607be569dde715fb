"""WebSockets: one connection, its frames, and how it ends."""

from asterion.websockets._frames import (
    FrameTooLarge,
    MalformedFrame,
    UnexpectedFrame,
    WebSocketDisconnect,
    WebSocketDisconnected,
    disconnect_of,
    frame_of,
    read_json,
)
from asterion.websockets._refusal import WebSocketClose, refuse_connection
from asterion.websockets._websocket import WebSocket, WebSocketState

__all__ = (
    "FrameTooLarge",
    "MalformedFrame",
    "UnexpectedFrame",
    "WebSocket",
    "WebSocketClose",
    "WebSocketDisconnect",
    "WebSocketDisconnected",
    "WebSocketState",
    "disconnect_of",
    "frame_of",
    "read_json",
    "refuse_connection",
)
