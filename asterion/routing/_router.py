"""The router: a route table with a lifespan, middleware of its own, and ways to add routes."""

import traceback
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

from asterion._core.middleware import Middleware, wrap_app
from asterion._core.policies import policies_of
from asterion.routing._lifespan import as_context, run_hooks
from asterion.routing._mounts import Host, Mount
from asterion.routing._routes import BaseRoute, Route, WebSocketRoute
from asterion.routing._serving import serving
from asterion.routing._table import RouteTable
from asterion.types import ASGIApp, Lifespan, Receive, Scope, Send


class Router(RouteTable):
    """An ASGI application made of routes.

    With `redirect_slashes`, a path that matches nothing is redirected to itself with, or without, a slash at the end if
    a route takes that. `default` answers what no route takes. `lifespan` wraps the serving time, together with the
    `on_startup` and `on_shutdown` hooks. `max_body_size` is in bytes.
    """

    def __init__(
        self,
        routes: Sequence[BaseRoute] | None = None,
        redirect_slashes: bool = True,
        default: ASGIApp | None = None,
        lifespan: Lifespan[Any] | None = None,
        *,
        middleware: Sequence[Middleware] | None = None,
        max_body_size: int | None = None,
        on_startup: Sequence[Callable[[], Any]] | None = None,
        on_shutdown: Sequence[Callable[[], Any]] | None = None,
    ) -> None:
        super().__init__(routes, redirect_slashes, default, max_body_size)
        self.on_startup = list(on_startup or ())
        self.on_shutdown = list(on_shutdown or ())
        self.lifespan_context: Callable[[Any], Any] = _no_lifespan if lifespan is None else as_context(lifespan)
        self.middleware_stack: ASGIApp = wrap_app(self.app, middleware or ())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a scope."""
        await self.middleware_stack(scope, receive, send)

    # --- lifespan ---

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the ASGI lifespan protocol: a failure is told to the server and raised as itself."""
        asked = "startup"
        await receive()
        try:
            async with serving(self, scope.get("app"), scope.get("state"), policies_of(scope)):
                asked = ""  # from here on nothing is to be answered until the server asks again
                await send({"type": "lifespan.startup.complete"})
                await receive()
                asked = "shutdown"
        except BaseException:
            if asked:
                await send({"type": f"lifespan.{asked}.failed", "message": traceback.format_exc()})
            raise
        await send({"type": "lifespan.shutdown.complete"})

    async def startup(self) -> None:
        """Run the `on_startup` hooks."""
        await run_hooks(self.on_startup)

    async def shutdown(self) -> None:
        """Run the `on_shutdown` hooks."""
        await run_hooks(self.on_shutdown)

    def add_event_handler(self, event_type: str, func: Callable[[], Any]) -> None:
        """Add a hook for "startup" or "shutdown". Raises ValueError for any other event."""
        if event_type not in ("startup", "shutdown"):
            raise ValueError(f"an event is 'startup' or 'shutdown', got {event_type!r}")
        (self.on_startup if event_type == "startup" else self.on_shutdown).append(func)

    def on_event(self, event_type: str) -> Callable[[Any], Any]:
        """Decorate a hook for "startup" or "shutdown"."""

        def decorate(func: Any) -> Any:
            self.add_event_handler(event_type, func)
            return func

        return decorate

    # --- adding routes ---

    def mount(self, path: str, app: ASGIApp, name: str | None = None) -> None:
        """Add an application under a path prefix."""
        self._routes.append(Mount(path, app=app, name=name))

    def host(self, host: str, app: ASGIApp, name: str | None = None) -> None:
        """Add an application for a host name."""
        self._routes.append(Host(host, app=app, name=name))

    def add_route(
        self,
        path: str,
        endpoint: Callable[..., Any],
        methods: Collection[str] | None = None,
        name: str | None = None,
        include_in_schema: bool = True,
    ) -> None:
        """Add an HTTP endpoint."""
        self._routes.append(Route(path, endpoint, methods=methods, name=name, include_in_schema=include_in_schema))

    def add_websocket_route(
        self,
        path: str,
        endpoint: Callable[..., Any],
        name: str | None = None,
        *,
        allowed_origins: Collection[str] | None = None,
    ) -> None:
        """Add a WebSocket endpoint; for `allowed_origins` see `WebSocketRoute`."""
        self._routes.append(WebSocketRoute(path, endpoint, name=name, allowed_origins=allowed_origins))

    def route(
        self,
        path: str,
        methods: Collection[str] | None = None,
        name: str | None = None,
        include_in_schema: bool = True,
    ) -> Callable[[Any], Any]:
        """Decorate an HTTP endpoint."""

        def decorate(func: Any) -> Any:
            self.add_route(path, func, methods=methods, name=name, include_in_schema=include_in_schema)
            return func

        return decorate

    def websocket_route(
        self, path: str, name: str | None = None, *, allowed_origins: Collection[str] | None = None
    ) -> Callable[[Any], Any]:
        """Decorate a WebSocket endpoint; for `allowed_origins` see `WebSocketRoute`."""

        def decorate(func: Any) -> Any:
            self.add_websocket_route(path, func, name=name, allowed_origins=allowed_origins)
            return func

        return decorate


@asynccontextmanager
async def _no_lifespan(app: Any) -> AsyncIterator[None]:
    yield
