"""The toolkit under test: Asterion, or the real Starlette by the same names."""

import importlib
from dataclasses import dataclass
from typing import Any

from tests.faults.ledger import Ledger

_PARTS = (
    "applications",
    "background",
    "exceptions",
    "formparsers",
    "middleware",
    "middleware.base",
    "middleware.gzip",
    "middleware.sessions",
    "requests",
    "responses",
    "routing",
    "staticfiles",
    "templating",
    "websockets",
)


class AppError(Exception):
    """What the applications under test raise themselves."""


async def pass_through(request: Any, call_next: Any) -> Any:
    """A function middleware that does nothing."""
    return await call_next(request)


class Kit:
    """The parts of one toolkit: `kit.responses.StreamingResponse`."""

    applications: Any
    background: Any
    exceptions: Any
    formparsers: Any
    requests: Any
    responses: Any
    routing: Any
    staticfiles: Any
    templating: Any
    websockets: Any

    def __init__(self, package: str) -> None:
        self.package = package
        parts = {name: importlib.import_module(f"{package}.{name}") for name in _PARTS}
        for name, module in parts.items():
            setattr(self, name.replace(".", "_") if name.startswith("middleware.") else name, module)
        self.Middleware: Any = parts["middleware"].Middleware
        self.BaseHTTPMiddleware: Any = parts["middleware.base"].BaseHTTPMiddleware
        self.GZipMiddleware: Any = parts["middleware.gzip"].GZipMiddleware
        self.SessionMiddleware: Any = parts["middleware.sessions"].SessionMiddleware
        self.App: Any = self.applications.Asterion if package == "asterion" else self.applications.Starlette

    @property
    def ways(self) -> tuple[str, ...]:
        """In how many ways function middleware runs here."""
        return ("nested", "turns", "task") if self.package == "asterion" else ("nested",)

    @property
    def survives(self) -> bool:
        """Whether background work that has begun outlives the cancellation of its request."""
        return self.package == "asterion"

    def layers(self, count: int, way: str, dispatch: Any = pass_through) -> list[Any]:
        """`count` function middlewares."""
        layer = self.BaseHTTPMiddleware
        if self.package == "asterion":
            from tests.asgi import layer_class

            layer = layer_class(way)
        return [self.Middleware(layer, dispatch=dispatch) for _ in range(count)]


@dataclass
class Stage:
    """What the application of a cell and its runs share: the ledger of the run that is on."""

    kit: Kit
    folder: str
    ledger: Ledger
