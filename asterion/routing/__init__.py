"""Routing: from a scope to a handler, and back from a name to a URL."""

from asterion._core.paths import compile_path, replace_params
from asterion.convertors import CONVERTOR_TYPES
from asterion.routing._endpoints import get_name, request_response, websocket_session
from asterion.routing._mounts import Host, Mount
from asterion.routing._router import Router
from asterion.routing._routes import BaseRoute, Match, NoMatchFound, Route, WebSocketRoute

__all__ = [
    "CONVERTOR_TYPES",
    "BaseRoute",
    "Host",
    "Match",
    "Mount",
    "NoMatchFound",
    "Route",
    "Router",
    "WebSocketRoute",
    "compile_path",
    "get_name",
    "replace_params",
    "request_response",
    "websocket_session",
]
