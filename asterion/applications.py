"""Applications: the parts put together.

`Asterion` and `Starlette` are one class with two sets of policies (`asterion._core.policies`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import anyio

from asterion._core.middleware import Middleware, wrap_app
from asterion._core.policies import ASTERION, STARLETTE, Policies
from asterion.concurrency import Companion
from asterion.datastructures import State, URLPath
from asterion.middleware.base import BaseHTTPMiddleware
from asterion.middleware.body_limit import RequestBodyLimitMiddleware
from asterion.middleware.errors import CALL, ServerErrorMiddleware
from asterion.middleware.exceptions import ExceptionMiddleware
from asterion.routing import BaseRoute, Router
from asterion.routing._answers import AnsweringLayer
from asterion.types import ASGIApp, ExceptionHandler, Lifespan, Receive, Scope, Send

logger = logging.getLogger("asterion.applications")


class Asterion:
    """An ASGI application: routes, middleware, exception handlers and a lifespan.

    `middleware` is given outermost first. `exception_handlers` maps exception classes and status codes to callables;
    that for `Exception`, or 500, answers what nobody else has. `lifespan` spans the serving time and may yield state
    for every request; `on_startup` and `on_shutdown` are hooks beside it. `max_body_size` is in bytes;
    `redirect_slashes` is the router's.
    """

    policies: Policies = ASTERION

    def __init__(
        self,
        debug: bool = False,
        routes: Sequence[BaseRoute] | None = None,
        middleware: Sequence[Middleware] | None = None,
        exception_handlers: Mapping[Any, ExceptionHandler] | None = None,
        lifespan: Lifespan[Any] | None = None,
        *,
        max_body_size: int | None = None,
        on_startup: Sequence[Callable[[], Any]] | None = None,
        on_shutdown: Sequence[Callable[[], Any]] | None = None,
        redirect_slashes: bool = True,
    ) -> None:
        self.debug = debug
        self.state = State()
        self.router = Router(
            routes, redirect_slashes, lifespan=lifespan, on_startup=on_startup, on_shutdown=on_shutdown
        )
        self.exception_handlers: dict[Any, ExceptionHandler] = dict(exception_handlers or {})
        self.user_middleware: list[Middleware] = list(middleware or ())
        self.max_body_size = max_body_size
        self.middleware_stack: ASGIApp | None = None

    @property
    def background_work(self) -> set[Companion]:
        """The background work that runs in tasks of the application's own."""
        # Made when asked for: subclasses need not call this constructor (FastAPI's do not).
        work: set[Companion] = self.__dict__.setdefault("_background_work", set())
        return work

    def build_middleware_stack(self) -> ASGIApp:
        """Everything around the router, from the error boundary inwards."""
        error_handler: ExceptionHandler | None = None
        handlers: dict[Any, ExceptionHandler] = {}
        for key, handler in self.exception_handlers.items():
            if key in (500, Exception):
                error_handler = handler
            if key is not Exception:
                handlers[key] = handler  # that for 500 answers an HTTPException(500) too
        # PERF(benchmarks/plain_text): a plain router adds nothing to its own stack, so that one is called.
        router: ASGIApp = self.router.middleware_stack if type(self.router) is Router else self.router
        # Both boundaries are made by `Middleware`, as users' are: instrumentations replace its constructor to see them.
        of_handlers = Middleware(ExceptionMiddleware, handlers=handlers, debug=self.debug)
        inner: ExceptionMiddleware = of_handlers.cls(router, **of_handlers.kwargs)
        user = self.user_middleware
        if self.max_body_size is not None:
            # Counts outermost; what is announced is judged inside, where handlers and user middleware see the answer.
            user = [Middleware(RequestBodyLimitMiddleware, max_body_size=self.max_body_size, deferred=True), *user]
        of_errors = Middleware(ServerErrorMiddleware, handler=error_handler, debug=self.debug)
        outer: ServerErrorMiddleware = of_errors.cls(self._wrap(inner, user), **of_errors.kwargs)
        outer.handled = inner.response_for
        alone = outer.app is inner
        if alone:
            inner.beyond = outer.failed
            outer.enter = inner.enter if inner.table is not None else inner
        elif isinstance(outer.app, BaseHTTPMiddleware) and outer.app.nest is not None:
            outer.nest = outer.app.nest
            outer.enter = outer.enter_nest
        if self.policies.errors_pass_middleware:
            inner.last_resort = outer.answer
            outer.answers_http = True
            inner.answers = inner.response_for if alone else None
        return outer

    def _wrap(self, app: ASGIApp, middleware: Sequence[Middleware]) -> ASGIApp:
        if not self.policies.errors_pass_middleware:
            return wrap_app(app, middleware)
        for layer in reversed(middleware):
            app = wrap_app(app, [layer])
            # A function middleware answers its own HTTPExceptions, and ours raise none.
            if not isinstance(app, BaseHTTPMiddleware) and not type(app).__module__.startswith("asterion."):
                app = AnsweringLayer(app)
        return app

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes, in declared order."""
        return self.router.routes

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """The path of the route `name`. Raises NoMatchFound."""
        return self.router.url_path_for(name, **path_params)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a scope."""
        scope["app"] = self
        stack = self.middleware_stack
        if stack is None:
            stack = self.middleware_stack = self.build_middleware_stack()
        # PERF(benchmarks/plain_text): a call less, where nobody has put another in its place.
        if scope["type"] == "http" and stack.__class__ is ServerErrorMiddleware and stack.__class__.__call__ is CALL:
            await stack.enter(scope, receive, send)
        else:
            await stack(scope, receive, send)

    async def drain_background_work(self) -> None:
        """Wait for background work that outlived its request, for `policies.background_grace` seconds at most."""
        with anyio.move_on_after(self.policies.background_grace):
            for companion in list(self.background_work):
                await companion.wait()
        for companion in list(self.background_work):
            if not companion.done:
                logger.warning("background work was still running at shutdown and is cancelled: %r", companion)
                await companion.stop()
        self.background_work.clear()

    # --- adding parts ---

    def mount(self, path: str, app: ASGIApp, name: str | None = None) -> None:
        """Add an application under a path prefix."""
        self.router.mount(path, app=app, name=name)

    def host(self, host: str, app: ASGIApp, name: str | None = None) -> None:
        """Add an application for a host name."""
        self.router.host(host, app=app, name=name)

    def add_middleware(self, middleware_class: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Add a middleware outside of those added before. Raises RuntimeError once the application has been called."""
        if self.middleware_stack is not None:
            raise RuntimeError(
                f"cannot add middleware {getattr(middleware_class, '__name__', middleware_class)!r} after the "
                "application has started; add it when the application is made"
            )
        self.user_middleware.insert(0, Middleware(middleware_class, *args, **kwargs))

    def add_exception_handler(self, exc_class_or_status_code: int | type[Exception], handler: ExceptionHandler) -> None:
        """Add a handler. It counts from now on, also where the application has started."""
        self.exception_handlers[exc_class_or_status_code] = handler
        layer: Any = self.middleware_stack
        while layer is not None:
            if isinstance(layer, ServerErrorMiddleware) and exc_class_or_status_code in (500, Exception):
                layer.handler = handler
            elif isinstance(layer, ExceptionMiddleware) and exc_class_or_status_code is not Exception:
                layer.add_exception_handler(exc_class_or_status_code, handler)
            layer = getattr(layer, "app", None)

    def add_event_handler(self, event_type: str, func: Callable[[], Any]) -> None:
        """Add a hook for "startup" or "shutdown"."""
        self.router.add_event_handler(event_type, func)

    def add_route(
        self,
        path: str,
        route: Callable[..., Any],
        methods: list[str] | None = None,
        name: str | None = None,
        include_in_schema: bool = True,
    ) -> None:
        """Add an HTTP endpoint."""
        self.router.add_route(path, route, methods=methods, name=name, include_in_schema=include_in_schema)

    def add_websocket_route(
        self,
        path: str,
        route: Callable[..., Any],
        name: str | None = None,
        *,
        allowed_origins: Collection[str] | None = None,
    ) -> None:
        """Add a WebSocket endpoint; for `allowed_origins` see `WebSocketRoute`."""
        self.router.add_websocket_route(path, route, name=name, allowed_origins=allowed_origins)

    # --- decorators ---

    def route(
        self,
        path: str,
        methods: Collection[str] | None = None,
        name: str | None = None,
        include_in_schema: bool = True,
    ) -> Callable[[Any], Any]:
        """Decorate an HTTP endpoint."""
        return self.router.route(path, methods=methods, name=name, include_in_schema=include_in_schema)

    def websocket_route(
        self, path: str, name: str | None = None, *, allowed_origins: Collection[str] | None = None
    ) -> Callable[[Any], Any]:
        """Decorate a WebSocket endpoint; for `allowed_origins` see `WebSocketRoute`."""
        return self.router.websocket_route(path, name=name, allowed_origins=allowed_origins)

    def on_event(self, event_type: str) -> Callable[[Any], Any]:
        """Decorate a hook for "startup" or "shutdown"."""
        return self.router.on_event(event_type)

    def exception_handler(self, exc_class_or_status_code: int | type[Exception]) -> Callable[[Any], Any]:
        """Decorate an exception handler."""

        def decorate(func: Any) -> Any:
            self.add_exception_handler(exc_class_or_status_code, func)
            return func

        return decorate

    def middleware(self, middleware_type: str) -> Callable[[Any], Any]:
        """Decorate a function middleware, `async def func(request, call_next)`. The type is always "http"."""
        if middleware_type != "http":
            raise ValueError(f'function middleware is for "http", got {middleware_type!r}; write an ASGI middleware')

        def decorate(func: Any) -> Any:
            self.add_middleware(BaseHTTPMiddleware, dispatch=func)
            return func

        return decorate


class Starlette(Asterion):
    """Asterion with the choices that Starlette documents, for applications written against it."""

    policies = STARLETTE
