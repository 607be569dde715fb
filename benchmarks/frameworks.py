"""How an application of each framework is put together, so that an area names only what it is about.

A framework is imported when its application is built: one that is not installed is left out of the table.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, cast

from benchmarks.server import ASGIApp

Method = str
Handlers = dict[tuple[Method, str], Any]


class Toolkit:
    """Starlette or Asterion: two packages whose modules bear the same names, so that one text serves both."""

    def __init__(self, package: str, application: str) -> None:
        self.application = getattr(import_module(f"{package}.applications"), application)
        self.Route = import_module(f"{package}.routing").Route
        self.Middleware = import_module(f"{package}.middleware").Middleware
        self.BaseHTTPMiddleware = import_module(f"{package}.middleware.base").BaseHTTPMiddleware
        responses = import_module(f"{package}.responses")
        self.JSONResponse = responses.JSONResponse
        self.PlainTextResponse = responses.PlainTextResponse
        self.StreamingResponse = responses.StreamingResponse
        self.FileResponse = responses.FileResponse
        self.WebSocketRoute = import_module(f"{package}.routing").WebSocketRoute
        self.WebSocketDisconnect = import_module(f"{package}.websockets").WebSocketDisconnect

    def app(self, handlers: Handlers, functions: Iterable[Callable[..., Any]] = ()) -> ASGIApp:
        routes = [self.Route(path, handler, methods=[method]) for (method, path), handler in handlers.items()]
        middleware = [self.Middleware(self.BaseHTTPMiddleware, dispatch=function) for function in functions]
        app: ASGIApp = self.application(routes=routes, middleware=middleware)
        return app


def starlette() -> Toolkit:
    return Toolkit("starlette", "Starlette")


def asterion() -> Toolkit:
    return Toolkit("asterion", "Asterion")


def both(build: Callable[[Toolkit], ASGIApp]) -> dict[str, Callable[[], ASGIApp]]:
    """The builders of Starlette and Asterion from one text."""
    return {"Starlette": lambda: build(starlette()), "Asterion": lambda: build(asterion())}


def blacksheep(handlers: Handlers, functions: Iterable[Callable[..., Any]] = ()) -> ASGIApp:
    from blacksheep import Application
    from blacksheep.server.routing import Router

    app = Application(router=Router())
    for (method, path), handler in handlers.items():
        app.router.add(method, path, handler)
    app.middlewares.extend(functions)
    return cast(ASGIApp, app)


def falcon(resources: dict[str, Any], components: Iterable[Any] = ()) -> ASGIApp:
    from falcon.asgi import App

    app = App(middleware=list(components))
    for path, resource in resources.items():
        app.add_route(path, resource)
    return cast(ASGIApp, app)


def litestar(handlers: Iterable[Any], middleware: Iterable[Any] = ()) -> ASGIApp:
    from litestar import Litestar

    return cast(
        ASGIApp, Litestar(list(handlers), middleware=list(middleware), openapi_config=None, logging_config=None)
    )


def fastapi(functions: Iterable[Callable[..., Any]] = ()) -> Any:
    """FastAPI on the Starlette that is installed, without its documentation routes."""
    from fastapi import FastAPI

    app = FastAPI(openapi_url=None)
    for function in functions:
        app.middleware("http")(function)
    return app


def raw_answer(body: bytes, content_type: bytes) -> list[dict[str, Any]]:
    """The two messages of a plain answer, for the applications without a framework."""
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode("ascii"))]
    return [
        {"type": "http.response.start", "status": 200, "headers": headers},
        {"type": "http.response.body", "body": body},
    ]
