"""A cell of the matrix: one scenario under some layers, and the scope it is asked with."""

from dataclasses import dataclass
from typing import Any

from tests.faults.http import Scenario
from tests.faults.kit import Stage, pass_through
from tests.faults.server import Server


@dataclass(frozen=True)
class Cell:
    """One scenario, with so many function middlewares that run in such a way, on such a version of ASGI."""

    scenario: Scenario
    layers: int = 0
    way: str = "nested"
    version: str = "2.4"

    def build(self, stage: Stage) -> Any:
        """The application."""
        kit, case = stage.kit, self.scenario
        target = case.make(stage)
        around = case.around(stage)
        if case.kind == "lifespan":
            return kit.App(lifespan=target, middleware=around)
        dispatch = case.dispatch(stage) if case.dispatch is not None else pass_through
        middleware = [*kit.layers(self.layers, self.way, dispatch), *around]
        routing = kit.routing
        if case.kind == "websocket":
            routes = [routing.WebSocketRoute(case.path, target)]
        elif isinstance(target, kit.staticfiles.StaticFiles):
            routes = [routing.Mount("/", app=target)]
        else:
            routes = [routing.Route(case.path, target, methods=[case.method])]
        return kit.App(routes=routes, middleware=middleware)

    def server(self) -> Server:
        """A server with this cell's request."""
        case = self.scenario
        asgi = {"version": "3.0", "spec_version": "2.0" if case.kind == "lifespan" else self.version}
        scope: dict[str, Any] = {"type": case.kind, "asgi": asgi, "state": {}}
        if case.kind == "lifespan":
            return Server(scope, ({"type": "lifespan.startup"}, *case.frames))
        scope |= {
            "http_version": "1.1",
            "scheme": "http" if case.kind == "http" else "ws",
            "path": case.path,
            "raw_path": case.path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in (("host", "example.org"), *case.headers)],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
        }
        if case.kind == "websocket":
            scope |= {"subprotocols": [], "extensions": {"websocket.http.response": {}}}
            return Server(scope, ({"type": "websocket.connect"}, *case.frames))
        scope["method"] = case.method
        last = len(case.body) - 1
        pieces = [
            {"type": "http.request", "body": body, "more_body": number < last} for number, body in enumerate(case.body)
        ]
        return Server(scope, pieces)
