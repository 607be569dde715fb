"""The scenarios of `cycles`: those of the fault matrix, and more ways through an application."""

from collections.abc import Callable
from typing import Any

import anyio

from tests.faults.conversations import CONVERSATIONS
from tests.faults.http import CATALOGUE, Scenario
from tests.faults.kit import AppError, Stage
from tests.faults.server import suspend

OWN: list[Scenario] = []


class Refused(Exception):
    """Has a handler."""


def answer(kit: Any) -> Any:
    """The handler for `Refused`."""

    async def handle(request: Any, error: Exception) -> Any:
        return kit.responses.PlainTextResponse("refused", status_code=400)

    return handle


def _own(name: str, **options: Any) -> Callable[[Callable[[Stage], Any]], Callable[[Stage], Any]]:
    def add(make: Callable[[Stage], Any]) -> Callable[[Stage], Any]:
        OWN.append(Scenario(name, make, **options))
        return make

    return add


def _hello(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        return stage.kit.responses.PlainTextResponse("hello")

    return endpoint


# --- routing ---


@_own("mounted", path="/in/plain")
def mounted(stage: Stage) -> Any:
    routing = stage.kit.routing
    return [routing.Mount("/in", routes=[routing.Route("/plain", _hello(stage))])]


@_own("application in an application", path="/in/plain")
def application(stage: Stage) -> Any:
    routing = stage.kit.routing
    return [routing.Mount("/in", app=stage.kit.App(routes=[routing.Route("/plain", _hello(stage))]))]


@_own("error in an application in an application", path="/in/plain", raises=True)
def error_inside(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        raise AppError("inside")

    routing = stage.kit.routing
    return [routing.Mount("/in", app=stage.kit.App(routes=[routing.Route("/plain", endpoint)]))]


def _routes(stage: Stage) -> list[Any]:
    return [stage.kit.routing.Route("/plain/{number:int}", _hello(stage))]


_own("parameter", path="/plain/1")(_routes)
_own("no route", path="/nowhere")(_routes)
_own("wrong method", path="/plain/1", method="DELETE")(_routes)
_own("slash redirect", path="/plain/1/")(_routes)


@_own("handled error", path="/plain")
def handled(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        raise Refused

    return [stage.kit.routing.Route("/plain", endpoint)]


@_own("error with a cause", path="/plain", raises=True)
def chained(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        try:
            await suspend()
            raise AppError("first")
        except AppError as error:
            raise AppError("second") from error

    return [stage.kit.routing.Route("/plain", endpoint)]


@_own("handled error in a sync endpoint", path="/plain")
def handled_sync(stage: Stage) -> Any:
    def endpoint(request: Any) -> Any:
        raise Refused

    return [stage.kit.routing.Route("/plain", endpoint)]


@_own("endpoint class", path="/plain")
def of_class(stage: Stage) -> Any:
    import importlib

    base = importlib.import_module(f"{stage.kit.package}.endpoints").HTTPEndpoint

    class Endpoint(base):  # type: ignore[misc,valid-type]
        async def get(self, request: Any) -> Any:
            return stage.kit.responses.PlainTextResponse("hello")

    return [stage.kit.routing.Route("/plain", Endpoint)]


# --- what the request is asked ---


@_own("everything asked", headers=(("cookie", "a=b"),))
def asked(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        told = {"url": str(request.url), "query": dict(request.query_params), "cookies": request.cookies}
        request.state.seen = request.headers
        return stage.kit.responses.JSONResponse(told)

    return endpoint


@_own("malformed JSON", method="POST", body=(b"{",))
def malformed(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        return stage.kit.responses.JSONResponse(await request.json())

    return endpoint


@_own("has the client gone?", method="POST", body=(b"one", b"two"))
def asks(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        gone = await request.is_disconnected()
        return stage.kit.responses.PlainTextResponse(f"{gone} {len(await request.body())}")

    return endpoint


# --- function middleware ---

HAS_BODY: dict[str, Any] = {"method": "POST", "body": (b"one", b"two")}


def _middleware(name: str, endpoint: Callable[[Stage], Any] = _hello, **options: Any) -> Callable[[Any], Any]:
    def add(dispatch: Callable[[Stage], Any]) -> Any:
        OWN.append(Scenario(name, endpoint, dispatch=dispatch, **options))
        return dispatch

    return add


def _fails(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        await suspend()
        raise AppError("the endpoint failed")

    return endpoint


def _reads(stage: Stage) -> Any:
    async def endpoint(request: Any) -> Any:
        return stage.kit.responses.Response(await request.body())

    return endpoint


def _streams(stage: Stage) -> Any:
    async def source() -> Any:
        for _ in range(3):
            await suspend()
            yield b"chunk"

    async def endpoint(request: Any) -> Any:
        return stage.kit.responses.StreamingResponse(source())

    return endpoint


@_middleware("middleware raises before the call")
def raises_before(stage: Stage) -> Any:
    async def dispatch(request: Any, call_next: Any) -> Any:
        raise AppError("before")

    return dispatch


@_middleware("middleware raises after the call")
def raises_after(stage: Stage) -> Any:
    async def dispatch(request: Any, call_next: Any) -> Any:
        await call_next(request)
        await suspend()
        raise AppError("after")

    return dispatch


_middleware("middleware raises after the call, stream", _streams)(raises_after)


@_middleware("middleware answers an error", _fails)
def swallows(stage: Stage) -> Any:
    async def dispatch(request: Any, call_next: Any) -> Any:
        try:
            return await call_next(request)
        except AppError:
            return stage.kit.responses.PlainTextResponse("failed", status_code=500)

    return dispatch


@_middleware("middleware lets an error pass", _fails)
def passes(stage: Stage) -> Any:
    async def dispatch(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    return dispatch


@_middleware("middleware calls twice", _reads, **HAS_BODY)
def twice(stage: Stage) -> Any:
    async def dispatch(request: Any, call_next: Any) -> Any:
        await request.body()
        await call_next(request)
        return await call_next(request)

    return dispatch


_middleware("middleware calls twice, stream", _streams)(twice)


@_middleware("middleware calls again after an error", _fails)
def again(stage: Stage) -> Any:
    async def dispatch(request: Any, call_next: Any) -> Any:
        try:
            return await call_next(request)
        except AppError:
            return await call_next(request)

    return dispatch


@_middleware("middleware calls in a task group", _streams)
def in_group(stage: Stage) -> Any:
    async def dispatch(request: Any, call_next: Any) -> Any:
        responses = []

        async def call() -> None:
            responses.append(await call_next(request))

        async with anyio.create_task_group() as group:
            group.start_soon(call)
        return responses.pop()

    return dispatch


@_middleware("middleware under a timeout", _streams)
def under_timeout(stage: Stage) -> Any:
    async def dispatch(request: Any, call_next: Any) -> Any:
        with anyio.fail_after(60):
            return await call_next(request)

    return dispatch


@_middleware("middleware answers without the call", **HAS_BODY)
def answers(stage: Stage) -> Any:
    async def dispatch(request: Any, call_next: Any) -> Any:
        await request.body()
        return stage.kit.responses.PlainTextResponse("mine")

    return dispatch


@_middleware("middleware streams the body anew", _streams)
def anew(stage: Stage) -> Any:
    async def dispatch(request: Any, call_next: Any) -> Any:
        response = await call_next(request)

        async def pieces() -> Any:
            async for chunk in response.body_iterator:
                yield chunk.upper()

        return stage.kit.responses.StreamingResponse(pieces())

    return dispatch


@_middleware("middleware replaces body_iterator", _streams)
def replaces_iterator(stage: Stage) -> Any:
    async def dispatch(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        inner = response.body_iterator

        async def pieces() -> Any:
            async for chunk in inner:
                yield chunk.upper()

        response.body_iterator = pieces()
        return response

    return dispatch


@_middleware("middleware adds background work", _streams)
def adds_work(stage: Stage) -> Any:
    async def dispatch(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.background = stage.kit.background.BackgroundTask(suspend)
        return response

    return dispatch


@_middleware("middleware reads the body on, endpoint too", _reads, **HAS_BODY)
def both_read(stage: Stage) -> Any:
    async def dispatch(request: Any, call_next: Any) -> Any:
        await request.body()
        return await call_next(request)

    return dispatch


@_middleware("middleware hands over another request", _reads, **HAS_BODY)
def another_request(stage: Stage) -> Any:
    async def dispatch(request: Any, call_next: Any) -> Any:
        return await call_next(stage.kit.requests.Request(request.scope, request.receive))

    return dispatch


SCENARIOS = [*CATALOGUE, *OWN, *CONVERSATIONS]
