"""The error boundary: the outermost layer, which answers what nothing else has answered.

Laws: an error is always raised again after it was answered, as itself, so that the server logs it and a test client can
raise it. A page tells nothing about the error unless `debug` is on. A client that has gone is no error.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from asterion._core.bodylimits import RequestBodyTooLarge
from asterion._core.callables import describe_callable
from asterion._core.handlers import mark_answered, was_answered
from asterion._core.scopekeys import ANSWERS
from asterion._core.wire import PassThrough, StartWatch
from asterion.concurrency import call
from asterion.concurrency._marks import gives_coroutine
from asterion.middleware import _debugpage
from asterion.requests import ClientDisconnect, Request
from asterion.responses import HTMLResponse, PlainTextResponse, Response
from asterion.types import ASGIApp, ExceptionHandler, Receive, Scope, Send
from asterion.websockets import WebSocket
from asterion.websockets._followed import FollowedSend

logger = logging.getLogger("asterion.errors")

_LOOPBACK = ("127.0.0.1", "::1", "localhost", "testserver")


class ServerErrorMiddleware:
    """Answers an exception that nobody handled with `handler`, or with a plain 500, or with a page if `debug`.

    `handler` is called with the request and the exception, sync or async, and gives the response. If the response has
    started already nothing is sent. For a WebSocket `handler` is called with it; the server closes what is still open.
    """

    def __init__(self, app: ASGIApp, handler: ExceptionHandler | None = None, debug: bool = False) -> None:
        self.app = app
        self.handler = handler
        self.debug = debug
        self.handled: Callable[[Request, Exception], Awaitable[Any]] | None = None
        """What answers an exception of the layers between here and the handlers' boundary, or gives None."""
        self.answers_http = False
        """Whether it is asked about every exception, or only about a body that is too large for the limit."""
        self.nest: Any = None
        """The function middlewares from here to the router, where there is nothing else."""
        self.enter: ASGIApp = self._call_http
        """What serves an HTTP request. PERF(benchmarks/plain_text): the handlers' boundary itself, or the function
        middlewares around it, where these ask `failed` themselves: no coroutine and no watch in between."""
        self._warned = False

    @gives_coroutine
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Call the inner app; answer what it raises, and raise it again."""
        return self.enter(scope, receive, send) if scope["type"] == "http" else self._call_other(scope, receive, send)

    def enter_nest(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve an HTTP request by the function middlewares right inside, nested if they can be for this one."""
        nest: Any = self.nest
        found = nest.find(scope)
        if found is None:
            return self._call_http(scope, receive, send)
        if self.answers_http:
            scope[ANSWERS] = self.handled
        return nest.serve(scope, receive, send, found, self.failed)  # type: ignore[no-any-return]

    async def _call_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.answers_http:
            scope[ANSWERS] = self.handled
        watch = StartWatch(send)
        try:
            await self.app(scope, receive, watch.send)
        except Exception as error:
            if await self.failed(error, Request(scope, receive, send), send, watch):
                raise

    async def failed(self, error: Exception, request: Request, send: Send, watch: PassThrough) -> bool:
        """Answer `error`, if the response that `watch` knows can be; True if it is to be raised again."""
        scope = request.scope
        if isinstance(error, ClientDisconnect):
            # The client left in the middle of its request: there is nobody to answer and nothing to mend (issue 1648).
            logger.debug("the client left before its request was complete: %s %s", scope.get("method"), scope["path"])
            return False
        if watch.started:
            if self.handler is not None and not was_answered(scope, error):
                await call(self.handler, request, error)
            return True
        asked = self.answers_http or isinstance(error, RequestBodyTooLarge)
        response = await self.handled(request, error) if asked and self.handled is not None else None
        if response is not None:
            await response(scope, request.receive, send)
            return False
        response = await self.answer(request, error)
        mark_answered(scope, error)  # where a stack was rebuilt around this one, another boundary is asked as well
        await response(scope, request.receive, send)
        return True

    async def _call_other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket" or self.handler is None:
            await self.app(scope, receive, send)
            return
        websocket = WebSocket(scope, receive, send)
        try:
            await self.app(scope, receive, FollowedSend(websocket, send).send)
        except Exception as error:
            await call(self.handler, websocket, error)
            raise

    async def answer(self, request: Request, error: Exception) -> Any:
        """The response to an exception that nobody handled."""
        if self.debug:
            self._warn_where_others_see(request.scope)
            return self.debug_response(request, error)
        if self.handler is None:
            return self.error_response(request, error)
        response = await call(self.handler, request, error)
        if not callable(response):
            raise TypeError(
                f"exception handler {describe_callable(self.handler)} returned {response!r:.80} for {error!r}; "
                "return a Response"
            )
        return response

    def _warn_where_others_see(self, scope: Scope) -> None:
        server = scope.get("server")
        if server and server[0] not in _LOOPBACK and not self._warned:
            self._warned = True
            logger.warning(
                "debug=True shows source code and values to whoever reaches %s; switch it off there", server[0]
            )

    def debug_response(self, request: Request, exc: Exception) -> Response:
        """The error with its source, as a page for browsers and as plain text for others."""
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(self.generate_html(exc), status_code=500)
        return PlainTextResponse(self.generate_plain_text(exc), status_code=500)

    def error_response(self, request: Request, exc: Exception) -> Response:
        """What a client is told without `debug`: nothing but the status."""
        return PlainTextResponse("Internal Server Error", status_code=500)

    def generate_plain_text(self, exc: Exception) -> str:
        """The traceback as text; of one of more than 100 calls, the first 50 and the last."""
        return _debugpage.as_text(exc)

    def generate_html(self, exc: Exception, limit: int = 7) -> str:
        """The traceback as a page, with `limit` lines of source around each frame's line.

        Of one of more than 100 calls, it has the first 50 and the last.
        """
        frames, left_out = _debugpage.innermost_first(exc, limit)
        shown = [self.generate_frame_html(frame, is_collapsed=place > 0) for place, frame in enumerate(frames)]
        if left_out:
            shown.insert(_debugpage.EDGE, _debugpage.left_out(left_out))
        return _debugpage.page(exc, shown, self.generate_plain_text(exc))

    def generate_frame_html(self, frame: inspect.FrameInfo, is_collapsed: bool) -> str:
        """One frame: where it is, and its source."""
        at = frame.index or 0
        lines = [self.format_line(place, line, frame.lineno, at) for place, line in enumerate(frame.code_context or ())]
        return _debugpage.frame(frame.filename, frame.function, frame.lineno, lines, is_collapsed)

    def format_line(self, index: int, line: str, frame_lineno: int, frame_index: int) -> str:
        """One line of source; the one at `frame_index` is where the frame stands."""
        return _debugpage.line(frame_lineno - frame_index + index, line, is_current=index == frame_index)


CALL = ServerErrorMiddleware.__call__
"""As it is here: where somebody has put another in its place, that one is to be called."""
