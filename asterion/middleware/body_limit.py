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
    keep_counter,
    set_body_limit,
)
from asterion._core.policies import policies_of
from asterion._core.scopekeys import EXCEPTION_HANDLERS
from asterion._core.wire import PassThrough
from asterion.responses import PlainTextResponse
from asterion.routing._limits import LimitedReceive, limit_body
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
    Where `deferred` is not given the application's policy `announced_size_first` decides; without that, the length is
    judged at the latest when the inner app begins to answer, unless its answer is an error already.
    Raises ValueError for a limit that is not a number of bytes.
    """

    def __init__(self, app: ASGIApp, max_body_size: int, *, deferred: bool | None = None) -> None:
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
        by_policy = self.deferred is None and not policies_of(scope).announced_size_first
        early = not (self.deferred or by_policy)
        is_within = BODY_LIMIT_COUNTER in scope
        try:
            if is_within:
                receive = limit_body(scope, receive, self.max_body_size, early=early)
            else:
                set_body_limit(scope, self.max_body_size)
                if early:
                    check_announced_length(scope)
        except RequestBodyTooLarge:
            if EXCEPTION_HANDLERS in scope:
                raise
            await too_large_response()(scope, receive, send)
            return
        if is_within:
            await self.app(scope, receive, send)
            return
        responder = RequestBodyLimitResponder(self.app, self.max_body_size, answers=not self.deferred)
        responder.judges_answers = by_policy
        await responder(scope, receive, send)


class RequestBodyLimitResponder(PassThrough):
    """Counts the bytes of one request, under a limit that inner layers may change through the scope."""

    __slots__ = ("_answers", "_counter", "_max_body_size", "_scope", "_send", "app", "judges_answers")

    def __init__(self, app: ASGIApp, max_body_size: int, *, answers: bool = True) -> None:
        self.app = app
        self._answers = answers
        self._max_body_size = max_body_size
        self.leads_to = None
        self.judges_answers = False
        """Whether an answer to a request that announced too much, and was not read, becomes a 413."""
        self._counter: LimitedReceive | None = None
        self._scope: Scope | None = None
        self._send: Send | None = None

    @property
    def scope(self) -> Scope:
        """The scope of the request. Raises RuntimeError before there is one."""
        return _given(self._scope)

    @property
    def receive(self) -> Receive:
        """The `receive` outside of the limit. Raises RuntimeError before there is one."""
        return _given(self._counter).counted

    @property
    def send(self) -> Send:
        """The `send` outside of the limit. Raises RuntimeError before there is one."""
        return _given(self._send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the inner app; answer 413 where it let the error through, unless somebody outside answers."""
        self._scope, self._send = scope, send
        self._counter = LimitedReceive(scope, receive, self._max_body_size)
        keep_counter(scope, self._counter)
        has_handlers_outside = EXCEPTION_HANDLERS in scope
        try:
            await self.app(scope, self.receive_with_limit, self.send_with_limit)
        except Exception as error:
            if self.leads_to is not None or not _is_ours(error) or has_handlers_outside or not self._answers:
                raise
        else:
            return
        await too_large_response()(scope, receive, send)

    async def receive_with_limit(self) -> Message:
        """The `receive` of the inner app. Raises RequestBodyTooLarge, and again whenever it is called after that."""
        return await _given(self._counter)()

    async def send_with_limit(self, message: Message) -> None:
        """The `send` of the inner app: everything passes, unless the answer is judged and found wanting."""
        kind = message["type"]
        if kind == "http.response.start":
            if self.judges_answers and message["status"] < 400:
                counter = _given(self._counter)
                if not counter.received and counter.refused is None:
                    counter.check_announced()
            self.started = True
            self.leads_to = self.send
        elif kind == "http.response.pathsend" or (kind == "http.response.body" and not message.get("more_body")):
            self.complete = True
        await self.send(message)


def _is_ours(error: BaseException) -> bool:
    # An app that reads in a task group lets out a group.
    if isinstance(error, BaseExceptionGroup):
        return error.split(RequestBodyTooLarge)[1] is None
    return isinstance(error, RequestBodyTooLarge)


def too_large_response() -> PlainTextResponse:
    """The 413 of a stack that has no handlers for exceptions."""
    return PlainTextResponse("Content Too Large", status_code=413)


def _given(value: T | None) -> T:
    if value is None:
        raise RuntimeError("this responder has no request yet; call it with scope, receive and send first")
    return value
