"""The toolkits a house can be built with: the same house, whichever makes its parts."""

import functools
import importlib
from dataclasses import dataclass
from typing import Any

_WHERE = {
    "Route": "routing",
    "WebSocketRoute": "routing",
    "Mount": "routing",
    "Middleware": "middleware",
    "BaseHTTPMiddleware": "middleware.base",
    "SessionMiddleware": "middleware.sessions",
    "RequestBodyLimitMiddleware": "middleware.body_limit",
    "WSGIMiddleware": "middleware.wsgi",
    "BackgroundTask": "background",
    "ClientDisconnect": "requests",
    "PlainTextResponse": "responses",
    "JSONResponse": "responses",
    "StreamingResponse": "responses",
    "FileResponse": "responses",
}


@dataclass(frozen=True)
class Kit:
    """The parts of one toolkit, by their common names. `application` is the name of its application."""

    package: str
    application: str

    def __getattr__(self, name: str) -> Any:
        return _part(self.package, _WHERE[name], name)

    @property
    def Asterion(self) -> Any:
        """Its application."""
        return _part(self.package, "applications", self.application)


@functools.cache
def _part(package: str, module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"{package}.{module}"), name)


ASTERION = Kit("asterion", "Asterion")
STARLETTE = Kit("starlette", "Starlette")
