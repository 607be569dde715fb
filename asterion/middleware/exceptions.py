"""The handlers' boundary: turns exceptions into the responses that handlers give for them.

A handler for a status code wins over one for a class. After the response has started no answer can be sent: the handler
is called all the same, so that nothing goes unseen, and the exception is raised again unless the response was complete
(an error of background work that is handled is done with).
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from asterion._core.handlers import find_handler, mark_answered, split_handlers
from asterion._core.policies import policies_of
from asterion._core.scopekeys import ANSWERS, EXCEPTION_HANDLERS
from asterion._core.wire import PassThrough, StartWatch
from asterion.concurrency import call
from asterion.concurrency._marks import gives_coroutine
from asterion.exceptions import HTTPException, WebSocketException
from asterion.requests import ClientDisconnect, Request
from asterion.responses import PlainTextResponse, Response
from asterion.routing._endpoints import answer_websocket, respond_to
from asterion.routing._table import plain_table
from asterion.types import ASGIApp, ExceptionHandler, Receive, Scope, Send
from asterion.websockets import WebSocket, WebSocketDisconnect
from asterion.websockets._followed import FollowedSend

logger = logging.getLogger("asterion.exceptions")


class ExceptionMiddleware:
    """Answers exceptions by `handlers`, a mapping from exception classes and status codes to callables.

    `HTTPException` and `WebSocketException` have a handler unless one is given. Raises TypeError for other keys.
    """

    def __init__(
        self, app: ASGIApp, handlers: Mapping[Any, ExceptionHandler] | None = None, debug: bool = False
    ) -> None:
        self.app = app
        self.debug = debug
        given, self._by_status = split_handlers(handlers or {})
        self._by_class: dict[Any, ExceptionHandler] = {
            HTTPException: self.http_exception,
            WebSocketException: self.websocket_exception,
            WebSocketDisconnect: self.websocket_disconnect,
            **given,
        }
        self.handlers = (self._by_class, self._by_status)
        self.last_resort: Callable[[Request, Exception], Awaitable[Any]] | None = None
        """What answers an exception without a handler, here already; it is raised again all the same."""
        self.beyond: Callable[[Exception, Request, Send, PassThrough], Awaitable[bool]] | None = None
        """What is asked about an exception without a handler, where the error boundary stands right outside."""
        self.answers: Callable[[Request, Exception], Awaitable[Any]] | None = None
        """What the layers inside may ask for an answer, if it was not told to those outside already."""
        self.table = plain_table(app) if type(self).__call__ is _CALL else None
        """The router inside, where there is nothing between it and here that would have to be called."""

    async def response_for(self, request: Request, error: Exception) -> Any:
        """The response that a handler gives for `error`, or None where there is no handler."""
        found = find_handler(error, self._by_class, self._by_status)
        return None if found is None else await respond_to(found, request)

    def add_exception_handler(self, exc_class_or_status_code: int | type[Exception], handler: ExceptionHandler) -> None:
        """Add a handler; it counts from the next exception on."""
        by_class, by_status = split_handlers({exc_class_or_status_code: handler})
        self._by_class.update(by_class)
        self._by_status.update(by_status)

    @gives_coroutine
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Call the inner app and answer what it raises."""
        if scope["type"] == "http":
            return self.enter(scope, receive, send)
        if scope["type"] == "websocket":
            scope[EXCEPTION_HANDLERS] = self.handlers
            return self._call_websocket(scope, receive, send)
        return self.app(scope, receive, send)

    def enter(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve an HTTP request."""
        # PERF(benchmarks/plain_text): the endpoint's own coroutine asks this boundary; none stands in between.
        scope[EXCEPTION_HANDLERS] = self.handlers
        if self.table is not None:
            found = self.table.find_plain(scope, True)
            if found is not None:
                return found[0](scope, receive, send, self)
        return self._call_http(scope, receive, send)

    async def _call_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.answers is not None:
            scope[ANSWERS] = self.answers
        watch = getattr(send, "__self__", None)
        if not isinstance(watch, PassThrough):  # else it knows already what its response has come to
            watch = StartWatch(send)
            send = watch.send
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            if await self.failed(error, Request(scope, receive, send), send, watch):
                raise

    async def failed(self, error: Exception, request: Request, send: Send, watch: PassThrough) -> bool:
        """Answer `error`, if the response that `watch` knows can be; True if it is to be raised again."""
        if self.beyond is not None and find_handler(error, *self.handlers) is None:
            return await self.beyond(error, request, send, watch)
        if not watch.started:
            response, again = await self.response_to(error, request)
            if response is not None:
                await response(request.scope, request.receive, send)
            return again
        found = find_handler(error, *self.handlers)
        if found is None:
            return True
        unsent = await call(found[1], request, found[0])
        if not watch.complete:
            return True
        if unsent is not None:  # background work has raised what is answered elsewhere: it shall not go unseen
            logger.error("%r was raised after the response was complete: no answer can be sent", error, exc_info=error)
        return False

    async def response_to(self, error: Exception, request: Request) -> tuple[Any, bool]:
        """The response that answers `error`, or None, and whether the error is to be raised all the same."""
        found = find_handler(error, *self.handlers)
        if found is not None:
            return await respond_to(found, request), False
        if self.last_resort is None or isinstance(error, ClientDisconnect):
            return None, True
        response = await self.last_resort(request, error)
        mark_answered(request.scope, error)
        return response, True

    async def _call_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        try:
            await self.app(scope, receive, FollowedSend(websocket, send).send)
        except Exception as error:
            found = find_handler(error, self._by_class, self._by_status)
            if found is None:
                raise
            try:
                await answer_websocket(found, websocket)
            finally:
                del found  # the error refers to this frame

    async def http_exception(self, request: Request, exc: Exception) -> Response:
        """The default answer to an HTTPException: its status, headers and detail as plain text."""
        if not isinstance(exc, HTTPException):
            raise TypeError(f"this handler answers HTTPException, got {exc!r}")
        if exc.status_code in (204, 304):
            return Response(status_code=exc.status_code, headers=exc.headers)
        return PlainTextResponse(exc.detail, status_code=exc.status_code, headers=exc.headers)

    async def websocket_exception(self, websocket: WebSocket, exc: Exception) -> None:
        """The default answer to a WebSocketException: close with its code and reason."""
        if not isinstance(exc, WebSocketException):
            raise TypeError(f"this handler answers WebSocketException, got {exc!r}")
        await websocket.close(code=exc.code, reason=exc.reason)

    async def websocket_disconnect(self, websocket: WebSocket, exc: Exception) -> None:
        """A client that has left is no error, and there is nobody to answer (issue 759), if the policies say so."""
        if not policies_of(websocket.scope).leaving_is_no_error:
            raise exc


_CALL = ExceptionMiddleware.__call__
