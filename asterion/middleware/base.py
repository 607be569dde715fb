"""Function middleware: `dispatch(request, call_next)`.

How it runs is told in `_exchange.exchange`: the inner application is awaited in its natural place, and `dispatch` is
the coroutine held in the hand.
"""

import functools
from collections.abc import Awaitable, Callable
from types import CoroutineType
from typing import Any

from asterion._core.scopekeys import STASHED
from asterion.concurrency import current_place, settle
from asterion.concurrency._contexts import put_back
from asterion.exceptions import HTTPException
from asterion.middleware._exchange.exchange import ENDED, Exchange
from asterion.middleware._exchange.nested import Nest
from asterion.middleware._exchange.states import PARKED, PASSING, UNWANTED, WAITING
from asterion.requests import Request
from asterion.requests._kept import BODY as KEPT_BODY
from asterion.responses import Response
from asterion.routing._answers import answer_http_exception
from asterion.routing._table import RouteTable
from asterion.types import ASGIApp, Receive, Scope, Send

RequestResponseEndpoint = Callable[[Request], Awaitable[Any]]
DispatchFunction = Callable[[Request, RequestResponseEndpoint], Awaitable[Any]]


class BaseHTTPMiddleware:
    """A middleware made of one function that gets the request and a way to call the inner application.

    Give `dispatch` to the constructor, or override the method. `await call_next(request)` runs the inner application up
    to the start of its response, and may be called again (a retry). Raises what the inner application raises, as
    itself. Requests other than HTTP pass untouched.
    """

    own_task = False
    """True runs every inner application in a task of its own, always. The exchange does so by itself where it must; set
    it where `dispatch` reads `body_iterator` from tasks or cancel scopes that it opens after `call_next`."""

    is_prompt: bool | None = None
    """Whether `dispatch` has waited for nothing after call_next so far; None until that was seen in a task."""

    def __init__(self, app: ASGIApp, dispatch: DispatchFunction | None = None) -> None:
        self.app = app
        self.dispatch_func: DispatchFunction = self.dispatch if dispatch is None else dispatch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: C901
        """Serve one request: `dispatch` around the inner application, to the end of both."""
        app = self.app
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        nest = self.nest
        if nest is not None:
            found = nest.find(scope)
            if found is not None:
                await nest.serve(scope, receive, send, found)
                return
        exchange = Exchange()
        exchange.app = app
        exchange.scope = scope
        exchange.outer_receive = receive
        exchange.outer_send = send
        exchange.middleware = self
        # The place of the exchange around this one will do for this one too: if a layer in between has opened a scope,
        # or a task, call_next finds another place than this, and takes the safe way.
        outer = getattr(send, "__self__", None)
        exchange.place = outer.place if type(outer) is Exchange and outer.state is WAITING else current_place()
        if STASHED in scope:
            exchange.taken = list(scope[STASHED])
        if KEPT_BODY in scope:
            exchange.find_kept_body()
        request = exchange.own_request = Request(scope, exchange.receive_for_dispatch, send)
        made = self.dispatch_func(request, exchange.call_next)
        coroutine = exchange.coroutine = made if type(made) is CoroutineType else settle(made)
        failure: BaseException | None
        try:
            try:
                # PERF(benchmarks/header_middleware): the happy path stands in this one coroutine.
                try:
                    outcome = exchange.step()
                    if outcome is not PARKED and outcome is not ENDED:
                        outcome = await exchange.carry_on(outcome)
                    parked = outcome is PARKED
                    while parked:
                        failure = None
                        try:
                            # In its natural place: dispatch waits in call_next, and is taken up again within `begin`.
                            await app(exchange.request.scope, exchange.receive, exchange.send)  # type: ignore[union-attr]
                        except BaseException as error:  # noqa: BLE001 - delivered below, outside of this handler
                            failure = error
                        passed = failure is None and exchange.state is PASSING
                        parked = not passed and await exchange.inner_ended(failure)
                    if not exchange.concluded:
                        await exchange.conclude(None)
                except BaseException as error:
                    if not exchange.beside and exchange.detached is None:
                        raise
                    await exchange.dispatch_failed(error)
                if exchange.beside or exchange.detached is not None:
                    await exchange.join_tasks()
            finally:
                coroutine.close()
                put_back(exchange.reinstated)
                failure = exchange.failure
                exchange.state = UNWANTED
                own = exchange.own_request
                if own is not None and own._form is not None:
                    await own.close()  # where no endpoint has come to do that
                # These refer back to the exchange; the garbage collector need not find that out.
                exchange.own_request = exchange.request = exchange.response = None
                if exchange.result is not None:
                    exchange.result = None
                if exchange.beside or exchange.detached is not None:
                    exchange.let_go()
                if failure is not None:
                    exchange.failure = None
            if failure is not None:
                raise failure
        except HTTPException as error:
            sent = exchange.sent_head or exchange.leads_to is not None
            if sent or not await answer_http_exception(error, scope, receive, send):
                raise
        finally:
            failure = None  # which refers to this frame

    @functools.cached_property
    def nest(self) -> Nest | None:
        """The function middlewares from here to the router, if there is nothing else in between."""
        middlewares: list[Any] = []
        app: Any = self
        while isinstance(app, BaseHTTPMiddleware) and type(app).__call__ is _CALL and not app.own_task:
            middlewares.append(app)
            app = app.app
        table = getattr(app, "table", None)
        return Nest(middlewares, app, table) if middlewares and isinstance(table, RouteTable) else None

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Answer `request`, usually with what `await call_next(request)` returns."""
        raise NotImplementedError(
            f"{type(self).__qualname__} has no dispatch: override `async def dispatch(self, request, call_next)`, or "
            "pass a function as `dispatch=`"
        )


_CALL = BaseHTTPMiddleware.__call__
