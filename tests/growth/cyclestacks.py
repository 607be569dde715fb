"""Whole applications for `cycles`: middleware of the toolkit's own, limits, error pages and handlers."""

import importlib
from collections.abc import Callable
from typing import Any

import anyio

from tests.faults.http import Scenario
from tests.faults.kit import AppError, Stage
from tests.faults.server import suspend
from tests.growth.cyclecases import Refused

SHARED: list[Scenario] = []
OF_ASTERION: list[Scenario] = []
"""What Starlette has not."""

FORM: dict[str, Any] = {
    "method": "POST",
    "body": (b"a=", b"1"),
    "headers": (("content-type", "application/x-www-form-urlencoded"), ("content-length", "3")),
}


def _stack(
    name: str, to: list[Scenario] = SHARED, **options: Any
) -> Callable[[Callable[[Stage], Any]], Callable[[Stage], Any]]:
    """Add a whole application, as it is."""

    def add(make: Callable[[Stage], Any]) -> Callable[[Stage], Any]:
        to.append(Scenario(name, make, **options))
        return make

    return add


def _part(stage: Stage, module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"{stage.kit.package}.{module}"), name)


def _app(stage: Stage, *middleware: tuple[Any, dict[str, Any]], **options: Any) -> Any:
    kit = stage.kit

    async def hello(request: Any) -> Any:
        await suspend()
        return kit.responses.PlainTextResponse("hello " * 100)

    async def read(request: Any) -> Any:
        return kit.responses.JSONResponse(len(await request.body()))

    async def fail(request: Any) -> Any:
        raise AppError("the endpoint failed")

    async def refuse(request: Any) -> Any:
        raise kit.exceptions.HTTPException(403)

    routing = kit.routing
    routes = [routing.Route(f"/{made.__name__}", made, methods=["GET", "POST"]) for made in (hello, read, fail, refuse)]
    return kit.App(routes=routes, middleware=[kit.Middleware(cls, **more) for cls, more in middleware], **options)


# --- middleware ---


@_stack("CORS", path="/hello", headers=(("origin", "https://other.example"),))
def cors(stage: Stage) -> Any:
    return _app(stage, (_part(stage, "middleware.cors", "CORSMiddleware"), {"allow_origins": ["*"]}))


_stack("CORS, error", path="/fail", headers=(("origin", "https://other.example"),), raises=True)(cors)
_stack(
    "CORS, preflight",
    path="/hello",
    method="OPTIONS",
    headers=(("origin", "https://other.example"), ("access-control-request-method", "GET")),
)(cors)


@_stack("trusted host", path="/hello")
def trusted(stage: Stage) -> Any:
    return _app(
        stage, (_part(stage, "middleware.trustedhost", "TrustedHostMiddleware"), {"allowed_hosts": ["example.org"]})
    )


@_stack("redirect to HTTPS", path="/hello")
def secure(stage: Stage) -> Any:
    return _app(stage, (_part(stage, "middleware.httpsredirect", "HTTPSRedirectMiddleware"), {}))


@_stack("authentication", path="/hello")
def authentication(stage: Stage) -> Any:
    parts = importlib.import_module(f"{stage.kit.package}.authentication")

    class Backend(parts.AuthenticationBackend):  # type: ignore[misc,name-defined]
        async def authenticate(self, conn: Any) -> Any:
            return parts.AuthCredentials(["known"]), parts.SimpleUser("somebody")

    return _app(stage, (_part(stage, "middleware.authentication", "AuthenticationMiddleware"), {"backend": Backend()}))


class PassesOn:
    """A middleware of plain ASGI that looks at what is sent, by a closure."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def seen(message: Any) -> None:
            await send(message)

        await self.app(scope, receive, seen)


_stack("plain ASGI middleware", path="/hello")(lambda stage: _app(stage, (PassesOn, {})))
_stack("plain ASGI middleware, error", path="/fail", raises=True)(lambda stage: _app(stage, (PassesOn, {})))
_stack("plain ASGI middleware, body", path="/read", **FORM)(lambda stage: _app(stage, (PassesOn, {})))


# --- limits ---


@_stack("within the limit", path="/read", **FORM)
def limited(stage: Stage) -> Any:
    return _app(stage, max_body_size=10)


@_stack("above the limit", path="/read", method="POST", body=(b"123456", b"789012"), status=413)
def above(stage: Stage) -> Any:
    return _app(stage, max_body_size=10)


@_stack("announced above the limit", path="/read", status=413, **FORM)
def announced(stage: Stage) -> Any:
    return _app(stage, max_body_size=2)


# --- errors ---


@_stack("error page", path="/fail", raises=True, headers=(("accept", "text/html"),))
def debugged(stage: Stage) -> Any:
    return _app(stage, debug=True)


async def _answer(request: Any, error: Exception) -> Any:
    return importlib.import_module(f"{type(request).__module__.split('.')[0]}.responses").PlainTextResponse("500")


@_stack("handler of every error", path="/fail", raises=True)
def for_all(stage: Stage) -> Any:
    return _app(stage, exception_handlers={Exception: _answer})


@_stack("handler of a status", path="/refuse", status=403)
def of_status(stage: Stage) -> Any:
    return _app(stage, exception_handlers={403: _answer})


@_stack("handler that raises again", path="/fail", raises=True)
def raises_again(stage: Stage) -> Any:
    async def handle(request: Any, error: Exception) -> Any:
        raise AppError("the handler failed")

    return _app(stage, exception_handlers={AppError: handle})


@_stack("WebSocket, handler that raises", path="/", kind="websocket")
def websocket_handled(stage: Stage) -> Any:
    async def endpoint(websocket: Any) -> None:
        raise Refused

    async def handle(websocket: Any, error: Exception) -> None:
        raise AppError("the handler failed")

    routing = stage.kit.routing
    return stage.kit.App(routes=[routing.WebSocketRoute("/", endpoint)], exception_handlers={Refused: handle})


# --- tasks of the endpoint's own ---


@_stack("task group in an endpoint", path="/")
def grouped(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        async with anyio.create_task_group() as group:
            group.start_soon(suspend)
            group.start_soon(suspend)
        return stage.kit.responses.PlainTextResponse("hello")

    return stage.kit.App(routes=[stage.kit.routing.Route("/", endpoint)])


@_stack("thread in an endpoint", path="/")
def threaded(stage: Stage) -> Any:
    run = importlib.import_module(f"{stage.kit.package}.concurrency").run_in_threadpool

    def work() -> None:
        raise AppError("in the thread")

    async def endpoint(request: Any) -> Any:
        try:
            await run(work)
        except AppError:
            return stage.kit.responses.PlainTextResponse("failed")

    return stage.kit.App(routes=[stage.kit.routing.Route("/", endpoint)])


# --- Asterion's own ---


def _csrf(stage: Stage) -> Any:
    of_csrf = _part(stage, "middleware.csrf", "CSRFMiddleware")
    return _app(stage, (of_csrf, {"secret_key": "a secret of these tests, long enough"}))


_stack("CSRF, form refused", OF_ASTERION, path="/read", status=403, **FORM)(_csrf)
_stack("CSRF, page", OF_ASTERION, path="/hello")(_csrf)


def _conditional(stage: Stage) -> Any:
    return _app(stage, (_part(stage, "middleware.conditional", "ConditionalMiddleware"), {}))


_stack("conditional", OF_ASTERION, path="/hello", headers=(("if-none-match", '"x"'),))(_conditional)


@_stack("compression", OF_ASTERION, path="/hello", headers=(("accept-encoding", "gzip"),))
def compressed(stage: Stage) -> Any:
    return _app(stage, (_part(stage, "middleware.compression", "CompressionMiddleware"), {"minimum_size": 10}))


@_stack("events", OF_ASTERION, path="/")
def events(stage: Stage) -> Any:
    async def source() -> Any:
        for number in range(3):
            await suspend()
            yield str(number)

    async def endpoint(request: Any) -> Any:
        return stage.kit.responses.EventSourceResponse(source())

    return stage.kit.App(routes=[stage.kit.routing.Route("/", endpoint)])


@_stack("limit of a route", OF_ASTERION, path="/", status=413, **FORM)
def of_route(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        return stage.kit.responses.JSONResponse(len(await request.body()))

    routing = stage.kit.routing
    return stage.kit.App(routes=[routing.Route("/", endpoint, methods=["POST"], max_body_size=2)])
