"""Testing without a server: `TestClient`, `AsyncTestClient`, simulations, and the judge of ASGI messages."""

from asterion._core.conformance import Conformance, ConformanceError
from asterion.testclient._conversation import StillRunning
from asterion.testclient._websocket import (
    ApplicationReturned,
    NothingToReceive,
    ReceiveTimeout,
    WebSocketDenialResponse,
    WrongFrame,
)
from asterion.testclient.asyncclient import AsyncTestClient
from asterion.testclient.asyncwebsocket import AsyncWebSocketTestSession
from asterion.testclient.client import TestClient
from asterion.testclient.lifespan import LifespanFailed
from asterion.testclient.simulation import Simulation, SimulationStuck, simulate
from asterion.testclient.websocket import WebSocketTestSession
from asterion.websockets import WebSocketDisconnect

__all__ = (
    "ApplicationReturned",
    "AsyncTestClient",
    "AsyncWebSocketTestSession",
    "Conformance",
    "ConformanceError",
    "LifespanFailed",
    "NothingToReceive",
    "ReceiveTimeout",
    "Simulation",
    "SimulationStuck",
    "StillRunning",
    "TestClient",
    "WebSocketDenialResponse",
    "WebSocketDisconnect",
    "WebSocketTestSession",
    "WrongFrame",
    "simulate",
)
