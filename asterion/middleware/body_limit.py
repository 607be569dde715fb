"""No request body above a limit.

Laws: a request that announces too much is answered before the inner app is called; one that sends too much without
having said so ends in an exception where it is received, and that exception is an `HTTPException(413)`, so that
handlers and every middleware in between treat it as the answer it is; no byte above the limit reaches the inner app.
"""

from typing import TypeVar

from asterion._core.bodylimits import (
    BODY_LIMIT_COUNTER,
    MAX_BODY_SIZE_SCOPE_KEY,
    RequestBodyTooLarge,
    check_announced_length,
    set_body_limit,
)
from asterion._core.scopekeys import EXCEPTION_HANDLERS
from asterion._core.wire import PassThrough
from asterion.responses import PlainTextResponse
from asterion.types import ASGIApp, Message, Receive, Scope, Send

T = TypeVar("T")

__all__ = (
    "MAX_BODY_SIZE_SCOPE_KEY",
    "RequestBodyLimitMiddleware",
    "RequestBodyLimitResponder",
    "RequestBodyTooLarge",
)


class RequestBodyLimitMiddleware:
    """Answer 413 to requests with a body of more than `max_body_size` bytes.

    Of several of these the innermost decides, so a route can tighten or widen what its application allows. A length
    that a request announces is judged here, before the inner app is called; with `deferred` it is judged when the
    body is first read, or by an inner layer that calls `check_announced_length`: then an inner limit can widen it too.
    Raises ValueError for a limit that is not a number of bytes.
    """

    def __init__(self, app: ASGIApp, max_body_size: int, *, deferred: bool = False) -> None:
        if type(max_body_size) is not int or max_body_size < 0:
            raise ValueError(f"max_body_size is a number of bytes, 0 or more; got {max_body_size!r}")
        self.app = app
        self.max_body_size = max_body_size
        self.deferred = deferred

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request under the limit."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_innermost_of_several = BODY_LIMIT_COUNTER in scope
        set_body_limit(scope, self.max_body_size)
        if not self.deferred:
            try:
                check_announced_length(scope)
            except RequestBodyTooLarge:
                if EXCEPTION_HANDLERS in scope:
                    raise
                await too_large_response()(scope, receive, send)
                return
        if is_innermost_of_several:
            await self.app(scope, receive, send)
        else:
            responder = RequestBodyLimitResponder(self.app, self.max_body_size, answers=not self.deferred)
            await responder(scope, receive, send)


class RequestBodyLimitResponder(PassThrough):
    """Counts the bytes of one request, under a limit that inner layers may change through the scope."""

    __slots__ = ("_answers", "_error", "_own_limit", "_receive", "_scope", "_send", "app", "limit", "received")

    def __init__(self, app: ASGIApp, max_body_size: int, *, answers: bool = True) -> None:
        self.app = app
        self._answers = answers
        self.limit: int | None = max_body_size
        self.leads_to = None
        self._own_limit = max_body_size
        self.received = 0
        self._error: RequestBodyTooLarge | None = None
        self._scope: Scope | None = None
        self._receive: Receive | None = None
        self._send: Send | None = None

    @property
    def scope(self) -> Scope:
        """The scope of the request. Raises RuntimeError before there is one."""
        return _given(self._scope)

    @property
    def receive(self) -> Receive:
        """The `receive` outside of the limit. Raises RuntimeError before there is one."""
        return _given(self._receive)

    @property
    def send(self) -> Send:
        """The `send` outside of the limit. Raises RuntimeError before there is one."""
        return _given(self._send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the inner app; answer 413 where it let the error through, unless somebody outside answers."""
        self._scope, self._receive, self._send = scope, receive, send
        scope[BODY_LIMIT_COUNTER] = self
        has_handlers_outside = EXCEPTION_HANDLERS in scope
        try:
            await self.app(scope, self.receive_with_limit, self.send_with_limit)
        except Exception as error:
            if self.leads_to is not None or not self._is_ours(error) or has_handlers_outside or not self._answers:
                raise
        else:
            return
        await too_large_response()(scope, receive, send)

    async def receive_with_limit(self) -> Message:
        """The `receive` of the inner app. Raises RequestBodyTooLarge, and again whenever it is called after that."""
        if self._error is not None:
            raise self._error
        limit = self._effective_limit()
        if not self.received and limit is not None:
            try:
                check_announced_length({**self.scope, MAX_BODY_SIZE_SCOPE_KEY: limit})
            except RequestBodyTooLarge as error:
                self._error = error
                raise
        message = await self.receive()
        if message["type"] == "http.request":
            self.received += len(message.get("body", b""))
            if limit is not None and self.received > limit:
                self._error = RequestBodyTooLarge(limit)
                raise self._error
        return message

    async def send_with_limit(self, message: Message) -> None:
        """The `send` of the inner app: everything passes."""
        kind = message["type"]
        if kind == "http.response.start":
            self.started = True
            self.leads_to = self.send
        elif kind == "http.response.pathsend" or (kind == "http.response.body" and not message.get("more_body")):
            self.complete = True
        await self.send(message)

    def _effective_limit(self) -> int | None:
        # An inner layer may have written into this very scope, or told the counter through a copy of it.
        written: int | None = self.scope.get(MAX_BODY_SIZE_SCOPE_KEY, self._own_limit)
        return self.limit if written == self._own_limit else written

    def _is_ours(self, error: BaseException) -> bool:
        # An app that reads in a task group lets out a group.
        if isinstance(error, BaseExceptionGroup):
            return error.split(lambda one: one is self._error)[1] is None
        return error is self._error


def too_large_response() -> PlainTextResponse:
    """The 413 of a stack that has no handlers for exceptions."""
    return PlainTextResponse("Content Too Large", status_code=413)


def _given(value: T | None) -> T:
    if value is None:
        raise RuntimeError("this responder has no request yet; call it with scope, receive and send first")
    return value
