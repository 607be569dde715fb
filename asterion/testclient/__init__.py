"""Testing an application without a server: `TestClient`, WebSocket sessions and the judge of ASGI messages."""

from asterion.testclient.client import TestClient
from asterion.testclient.conformance import Conformance, ConformanceError
from asterion.testclient.lifespan import LifespanFailed
from asterion.testclient.websocket import (
    ApplicationReturned,
    NothingToReceive,
    ReceiveTimeout,
    WebSocketDenialResponse,
    WebSocketTestSession,
    WrongFrame,
)
from asterion.websockets import WebSocketDisconnect

__all__ = (
    "ApplicationReturned",
    "Conformance",
    "ConformanceError",
    "LifespanFailed",
    "NothingToReceive",
    "ReceiveTimeout",
    "TestClient",
    "WebSocketDenialResponse",
    "WebSocketDisconnect",
    "WebSocketTestSession",
    "WrongFrame",
)
