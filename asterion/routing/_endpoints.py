"""Endpoints as ASGI applications: a function of a request, or of a WebSocket.

A handler registered for an exception answers it right here, inside of whatever middleware a route has, so that these
see a response. An error after that is the handlers' boundary's business (`asterion.middleware.exceptions`).
"""

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, cast

from asterion._core.callables import (
    describe_callable,
    is_async_callable,
    is_generator_callable,
    refuse_generator,
    unwrap_partials,
)
from asterion._core.handlers import find_handler
from asterion._core.scopekeys import EXCEPTION_HANDLERS
from asterion._core.wire import COMPLETE, NOT_STARTED, STARTED, PassThrough, means_client_gone, watched
from asterion.background import run_background
from asterion.concurrency import call, run_in_threadpool, settle
from asterion.requests import Request
from asterion.responses import Response
from asterion.responses._base import content_of
from asterion.types import ASGIApp, Receive, Scope, Send
from asterion.websockets import WebSocket


class Boundary(Protocol):
    """What answers an exception where nothing closer to the endpoint has."""

    async def failed(self, error: Exception, request: Request, send: Send, watch: PassThrough) -> bool:
        """Answer `error`, if the response that `watch` knows can be; True if it is to be raised again."""


class Handler(functools.partial[Any]):
    """A function of a request as an ASGI application: `serve` with its first two arguments given.

    The handlers' boundary may give a fourth argument to the call, itself, and is then asked about exceptions.
    """

    if TYPE_CHECKING:

        def __call__(
            self, scope: Scope, receive: Receive, send: Send, boundary: Boundary | None = None
        ) -> Awaitable[None]: ...


def request_response(func: Callable[[Request], Any]) -> ASGIApp:
    """An ASGI application out of a function of a request that returns a response.

    `func` may be any callable; a sync one runs in a worker thread. What it returns is awaited if it can be, and is then
    sent. Raises TypeError at once for an async generator function.
    """
    refuse_endpoint_that_yields(func)
    return Handler(serve, func, is_async_callable(func))


async def serve(  # noqa: C901 - every branch is one the request goes
    func: Callable[[Request], Any],
    is_async: bool,
    scope: Scope,
    receive: Receive,
    send: Send,
    boundary: Boundary | None = None,
) -> None:
    """Call `func` with the request of `scope` and send the response it returns."""
    request = Request(scope, receive, send)
    watch: PassThrough = NOT_STARTED
    try:
        try:
            response = await (func(request) if is_async else run_in_threadpool(func, request))
            if not callable(response):
                response = await settled_response(func, response)
        except Exception as error:
            found = find_handler(error, *scope.get(EXCEPTION_HANDLERS, _NO_HANDLERS))
            if found is None:
                raise
            try:
                response = await respond_to(found, request)
            finally:
                del found  # the error refers to this frame
        if boundary is None:
            await response(scope, receive, send)
        elif type(response).__call__ is not _CALL_RESPONSE:
            send, watch = watched(send)
            await response(scope, receive, send)
        else:
            if response.prepares:
                send, watch = watched(send)
                for message in await response.prepare(scope):
                    await send(message)
            # PERF(benchmarks/plain_text): what `Response.__call__` does, without a watch that sees every message.
            if response.status_code == 200 and scope["method"] != "HEAD":
                status, headers, body = 200, response.raw_headers.copy(), response.body
            else:
                status, headers, body = content_of(response, scope)
            watch = STARTED
            try:
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": body})
            except OSError as error:
                if not means_client_gone(error):
                    raise
            watch = COMPLETE
            if response.background is not None:
                await run_background(response.background, scope)
    except Exception as error:
        if boundary is None or await boundary.failed(error, request, send, watch):
            raise
    finally:
        if request._form is not None:
            await request.close()


_CALL_RESPONSE = Response.__call__
_NO_HANDLERS: tuple[dict[Any, Any], dict[Any, Any]] = ({}, {})


async def settled_response(func: Any, response: Any) -> Any:
    # A wrapper or a lambda may give a coroutine without being an async function (issue 886).
    response = await settle(response)
    if not callable(response):
        raise TypeError(f"endpoint {describe_callable(func)} returned {response!r:.80}; return a Response")
    return response


async def respond_to(found: tuple[BaseException, Any], connection: Any) -> Any:
    """The response that the found handler gives for its exception. Raises TypeError if it gives none."""
    error, handler = found
    response = await call(handler, connection, error)
    # An exception that is raised again and again, being a module's constant, would keep every request (issue 3205).
    error.__traceback__ = None
    if not callable(response):
        raise TypeError(
            f"exception handler {describe_callable(handler)} returned {response!r:.80} for {error!r}; return a Response"
        )
    return response


def websocket_session(func: Callable[[WebSocket], Any]) -> ASGIApp:
    """An ASGI application out of a function of a WebSocket, sync (in a worker thread) or async."""
    refuse_endpoint_that_yields(func)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        try:
            refuse_generator(func, await call(func, websocket), "endpoint")
        except Exception as error:
            found = find_handler(error, *scope.get(EXCEPTION_HANDLERS, _NO_HANDLERS))
            if found is None:
                raise
            try:
                await answer_websocket(found, websocket)
            finally:
                del found  # the error refers to this frame

    return app


async def answer_websocket(found: tuple[BaseException, Any], websocket: WebSocket) -> None:
    """Run the found handler; if it gives a response and the handshake is still open, deny the handshake with it."""
    error, handler = found
    response = await call(handler, websocket, error)
    refuse_generator(handler, response, "exception handler")
    error.__traceback__ = None
    if callable(response):
        await deny_handshake(websocket, response)


async def deny_handshake(websocket: WebSocket, response: Any) -> None:
    """Send `response` in place of the handshake if it is still open and the server can, else close (code 1008)."""
    connecting = websocket.application_state.name == "CONNECTING"
    if connecting and "websocket.http.response" in (websocket.scope.get("extensions") or {}):
        await websocket.send_denial_response(response)
    elif websocket.application_state.name in ("CONNECTING", "CONNECTED"):
        await websocket.close(1008)


def refuse_endpoint_that_yields(func: Any) -> None:
    """Raise TypeError for a function that yields, which cannot be an endpoint."""
    if is_generator_callable(func):
        name = describe_callable(func)
        raise TypeError(f"endpoint {name} yields; return StreamingResponse(generator()) from a function instead")


def takes_one_argument(endpoint: Any) -> bool:
    """Whether `endpoint` is called with one argument (a request) and not with three (`scope, receive, send`)."""
    try:
        signature = inspect.signature(endpoint)
    except (TypeError, ValueError):
        return False
    try:
        signature.bind(None, None, None)
    except TypeError:
        pass
    else:
        return False
    try:
        signature.bind(None)
    except TypeError:
        return False
    return True


def is_handler(endpoint: Any) -> bool:
    """Whether `endpoint` handles a request object, rather than being an ASGI application or a class of one."""
    inner = unwrap_partials(endpoint)
    if inspect.isfunction(inner) or inspect.ismethod(inner):
        return True
    return not isinstance(inner, type) and takes_one_argument(endpoint)


def as_app(endpoint: Any) -> ASGIApp:
    """`endpoint`, a class or an instance, as an ASGI application."""
    if not callable(endpoint):
        raise TypeError(f"an endpoint must be callable, got {endpoint!r}")
    if isinstance(endpoint, type) and not _may_take_three(endpoint):
        raise TypeError(
            f"endpoint {describe_callable(endpoint)} is a class that cannot be called with (scope, receive, send); "
            "pass an instance of it, or derive it from HTTPEndpoint"
        )
    return cast(ASGIApp, endpoint)


def _may_take_three(cls: type) -> bool:
    try:
        inspect.signature(cls).bind(None, None, None)
    except TypeError:
        return False
    except ValueError:  # a class written in C does not tell
        return True
    return True


def get_name(endpoint: Callable[..., Any]) -> str:
    """The name of a route that was given none: its endpoint's."""
    inner = unwrap_partials(endpoint)
    return getattr(inner, "__name__", type(inner).__name__)
