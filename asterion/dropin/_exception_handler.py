"""What outsiders import from `starlette._exception_handler`."""

import logging

from asterion._core.handlers import ByClass, ByStatus, find_handler
from asterion._core.scopekeys import EXCEPTION_HANDLERS
from asterion._core.wire import watched
from asterion.concurrency import call
from asterion.requests import Request
from asterion.routing._endpoints import answer_websocket, respond_to
from asterion.types import ASGIApp, ExceptionHandler, Receive, Scope, Send
from asterion.websockets import WebSocket

__all__ = ["ExceptionHandlers", "StatusHandlers", "wrap_app_handling_exceptions"]

ExceptionHandlers = ByClass
StatusHandlers = ByStatus

logger = logging.getLogger("asterion.dropin")


def _lookup_exception_handler(exc_handlers: ExceptionHandlers, exc: Exception) -> ExceptionHandler | None:
    """The handler for the nearest base class of an exception. A group is not looked into: it would get another's."""
    return next((exc_handlers[cls] for cls in type(exc).__mro__ if cls in exc_handlers), None)


def wrap_app_handling_exceptions(app: ASGIApp, conn: Request | WebSocket) -> ASGIApp:
    """`app`, with its exceptions answered by the handlers of the application that serves `conn`.

    After the response has started no answer can be sent: the handler is called all the same, and the exception is
    raised again unless the response was complete. An answer to an error of background work, which nobody gets, is
    logged with the error.
    """
    if isinstance(conn, WebSocket):
        return _wrap_websocket(app, conn)
    return _wrap_http(app, conn)


def _wrap_http(app: ASGIApp, request: Request) -> ASGIApp:
    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        # PERF(benchmarks/fastapi_shop): a layer that knows the response already is asked, and no other put around it.
        send, watch = watched(send)
        try:
            await app(scope, receive, send)
        except Exception as error:
            found = find_handler(error, *request.scope.get(EXCEPTION_HANDLERS, ({}, {})))
            if found is None:
                raise
            if not watch.started:
                response = await respond_to(found, request)
                await response(scope, receive, send)
                return
            cause, handler = found
            unsent = await call(handler, request, cause)
            if not watch.complete:
                raise
            if unsent is not None:
                logger.error(
                    "%r was raised after the response was complete; its handler's answer cannot be sent",
                    cause,
                    exc_info=error,
                )

    return answering


def _wrap_websocket(app: ASGIApp, websocket: WebSocket) -> ASGIApp:
    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except Exception as error:
            found = find_handler(error, *websocket.scope.get(EXCEPTION_HANDLERS, ({}, {})))
            if found is None:
                raise
            await answer_websocket(found, websocket)

    return answering
