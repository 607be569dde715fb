"""Function middleware right around a route's function: nobody needs to take turns.

Where one function middleware stands inside another, down to the router, and a plain route takes the request,
`call_next` awaits the next function, and the last one the endpoint. What comes back is a response whose head is known
before anything is sent: nobody is put aside, no task is needed whatever task or scope `call_next` is awaited from, and
one response is sent, at the end.

Laws of this file:
- What users see is what the exchange shows them: a request with a `receive` of its own for each layer, an
  `InnerResponse`, inner background work that runs even where the response was replaced.
- A response whose head is not known before it is sent, a stream that a middleware reads, a path that was rewritten to
  something else than a plain route: the inner application then runs in a task beside, by the exchange's own means.
"""

from collections.abc import Sequence
from contextvars import copy_context
from types import CoroutineType
from typing import Any

from asterion._core.scopekeys import STASHED
from asterion._core.wire import watched
from asterion.concurrency import settle
from asterion.concurrency._contexts import put_back
from asterion.exceptions import HTTPException
from asterion.middleware._exchange.body import InnerResponse
from asterion.middleware._exchange.call import Call
from asterion.middleware._exchange.exchange import AnotherCall, Exchange
from asterion.middleware._exchange.intake import EARLIER
from asterion.middleware._exchange.outcome import CALL, NestedResponse, NestedStream, is_known_stream
from asterion.middleware._exchange.run import Beyond, Boundary, Run
from asterion.middleware._exchange.states import NEW, WAITING
from asterion.requests import Request
from asterion.requests._kept import BODY as KEPT_BODY
from asterion.routing._answers import response_to_http_exception
from asterion.routing._endpoints import settled_response
from asterion.routing._table import Found, RouteTable
from asterion.types import ASGIApp, Message, Receive, Scope, Send

new = object.__new__


class Nest:
    """Function middlewares that stand right inside each other, and what stands inside of them all."""

    def __init__(self, middlewares: list[Any], boundary: Boundary, table: RouteTable) -> None:
        self.middlewares = middlewares
        self.innermost = len(middlewares) - 1
        self.boundary = boundary
        self.table = table
        self.find = table.find_plain
        """The plain route that takes the request of a scope, or None."""

    async def serve(
        self, scope: Scope, receive: Receive, send: Send, found: Found, beyond: Beyond | None = None
    ) -> None:
        """Serve one request: the outermost function, and all that it calls.

        `beyond` is asked about an exception that would leave: True if it is to be raised.
        """
        run = Run()
        run.nest = self
        run.send = send
        run.found = found
        run.scope = scope
        outermost = self.begin(run, 0, scope, receive)
        try:
            response = await outermost.coroutine
            outermost.concluded = run.started = True
            if type(response) is NestedResponse and response.simple and response.background is None:
                # PERF(benchmarks/header_middleware): what `send_response` comes to, nearly always.
                run.simple = response
                status, headers = response.status_code, response.raw_headers
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": response.body})
            else:
                await run.send_response(outermost, response)
            if run.busy or (run.request is not None and run.request._form is not None):
                await run.end(None)
        except BaseException as error:
            if await run.failed(error, receive, beyond):
                raise
        finally:
            # These refer back to each other; the garbage collector need not find that out.
            run.simple = run.request = None
            if run.busy:
                put_back(run.reinstated)
                for replaced in run.replaced:
                    await replaced.close_forms()
            layer: Layer | None = outermost
            while layer is not None:
                inside = layer.inside
                if layer.own_request._form is not None:
                    await layer.own_request.close()  # where no endpoint has come to do that
                layer.own_request = layer.request = layer.inside = None
                layer = inside
            if run.busy:
                run.let_go()
                outermost.result = None

    def begin(self, run: Run, index: int, scope: Scope, receive: Receive) -> "Layer":
        """Begin a layer: its exchange, its request, and the coroutine of its function."""
        layer = Layer()
        layer.run = run
        layer.index = index
        layer.scope = scope
        layer.outer_receive = receive
        if STASHED in scope:
            layer.taken = list(scope[STASHED])
        if KEPT_BODY in scope:
            layer.find_kept_body()
        # PERF(benchmarks/header_middleware): the constructor would ask again what the scope is.
        request: Request = new(Request)
        request.scope = scope
        request._receive = layer.receive_for_dispatch
        request._send = run.send
        layer.own_request = request
        made = self.middlewares[index].dispatch_func(request, layer.call_next)
        layer.coroutine = made if type(made) is CoroutineType else settle(made)
        return layer


class Layer(Exchange):
    """One function middleware of a run."""

    app: Any = None
    run: Run
    index: int
    inside: "Layer | None" = None

    @property
    def middleware(self) -> Any:
        """The middleware whose function this is."""
        middleware: Any = self.run.nest.middlewares[self.index]
        return middleware

    @property
    def outer_send(self) -> Send:  # type: ignore[override]
        """Where the one response goes."""
        return self.run.send

    def let_go(self) -> None:
        """As of every exchange, and of those inside."""
        for call in (self, *self.beside):
            call.app = self.run.nest.boundary  # and not a response of this run
        super().let_go()
        inside, self.inside = self.inside, None
        if inside is not None:
            inside.let_go()

    async def close_forms(self) -> None:
        """Close the forms that dispatch has read, here and further in."""
        await self.own_request.close()
        if self.inside is not None:
            await self.inside.close_forms()

    @property
    def is_innermost(self) -> bool:
        """Whether the endpoint is right inside."""
        return self.index == self.run.nest.innermost

    async def call_next(self, request: Request) -> InnerResponse:  # noqa: C901 - PERF: no coroutine more per layer
        """Call what is inside with `request`, and give its response."""
        if self.concluded:
            self.refuse_late_call()
        run = self.run
        call: Call = self
        if self.state is NEW and not self.taken:
            self.request = request
        else:
            call = self._further_call(request)
        call.state = WAITING
        scope = request.scope
        made = run.made
        held: Sequence[Message] = ()
        try:
            if self.index != run.nest.innermost:
                if self.inside is not None:
                    run.replace(self.inside)
                inner = self.inside = run.nest.begin(run, self.index + 1, scope, call.receive)
                try:
                    response = await inner.coroutine
                except HTTPException as error:
                    response = await response_to_http_exception(error, scope, call.receive, run.send)
                    if response is None:
                        raise
                finally:
                    inner.concluded = True
                if type(response) is NestedResponse and response._body is None and response.background is None:
                    return response
                if not callable(response):
                    inner.refuse_result(response)
                known = type(response).__call__ is CALL
                if known and response.prepares:
                    held = await response.prepare(scope)
            else:
                response = None
                made_call = run.call_endpoint(scope, call.receive)
                if made_call is not None:
                    try:
                        response = await made_call
                        if not callable(response):
                            response = await settled_response(run.found[0].args[0], response)
                    except Exception as error:  # noqa: BLE001 - answered, or raised again
                        response = await run.answer_failure(error)
                known = type(response).__call__ is CALL
                if known and response.prepares:
                    response, held = await run.prepare(response, scope)
                    known = type(response).__call__ is CALL
        except BaseException as error:
            await self._inner_failed(error, call, made)
            raise
        if KEPT_BODY in scope:
            self.share_body(call)
        # PERF(benchmarks/header_middleware): what nearly every endpoint returns first.
        if known:
            nested = NestedResponse(response, scope, self)
            if held:
                nested.held, nested.simple = tuple(held), False
            if response.background is not None:
                nested.context = copy_context()
                run.made = (*run.made, nested)
                run.busy = True
            return nested
        if response is None:
            return await self.run_in_task(run.nest.boundary, scope, call)
        if isinstance(response, InnerResponse) and response._body is None:
            # Nobody has touched it further in; work that was hung on it there is not this layer's.
            if response.background is not None:
                run.hang(response.background)
                response.background = None
            return response
        if not is_known_stream(response):
            return await self.run_in_task(response, scope, call)
        stream = NestedStream(response, scope, self, call)
        run.made = (*run.made, stream)
        run.busy = True
        return stream

    async def _inner_failed(self, error: BaseException, call: Call, made: tuple[NestedResponse, ...]) -> None:
        """What is inside has raised: nobody gets the responses that were made there, and call_next may come again."""
        if self.body_taken_by is call.taker:
            self.body_taken_by = EARLIER
        call.start_over()
        self.share_body(call)
        if isinstance(error, Exception):
            run = self.run
            for response in reversed(run.made[len(made) :]):
                await run.finish(response)
            run.made = made

    def _further_call(self, request: Request) -> Call:
        request.scope.pop(STASHED, None)  # what dispatch looked at is told again from `taken`
        call: Call = self if self.state is NEW else AnotherCall(self)
        call.request = request
        self.share_body(call)
        return call

    async def run_in_task(self, app: ASGIApp, scope: Scope, call: Call) -> InnerResponse:
        """Run `app` as `call`, in a task of its own, up to the start of its response."""
        self._prepare_task(app, call)
        response = await call.run_beside(call.request or Request(scope, self.receive_for_dispatch))
        self.run.context = copy_context()
        return response

    def start_in_task(self, app: ASGIApp, scope: Scope, call: Call) -> None:
        """Start `app` as `call`, in a task of its own; whether it is waited for does not matter to it."""
        self._prepare_task(app, call)
        call.start_beside(call.request or Request(scope, self.receive_for_dispatch))

    def _prepare_task(self, app: ASGIApp, call: Call) -> None:
        run, boundary = self.run, self.run.nest.boundary
        guarded = self.is_innermost and app is not boundary

        async def inner(scope: Scope, receive: Receive, send: Send) -> None:
            send, watch = watched(send)
            try:
                await app(scope, receive, send)
            except Exception as error:
                if not guarded or await boundary.failed(error, run.endpoint_request, send, watch):
                    raise

        if not self.beside:
            run.with_tasks = (*run.with_tasks, self)
            run.busy = True
        call.app = inner
