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

from collections.abc import Awaitable, Callable, Sequence
from types import CoroutineType
from typing import Any, Protocol

from asterion._core.handlers import ByClass, ByStatus, find_handler
from asterion._core.scopekeys import EXCEPTION_HANDLERS, STASHED
from asterion._core.wire import COMPLETE, NOT_STARTED, STARTED, PassThrough, means_client_gone, watched
from asterion.background import run_background
from asterion.concurrency import run_in_threadpool, settle
from asterion.exceptions import HTTPException
from asterion.middleware._exchange.body import InnerResponse
from asterion.middleware._exchange.call import Call
from asterion.middleware._exchange.exchange import AnotherCall, Exchange
from asterion.middleware._exchange.intake import EARLIER
from asterion.middleware._exchange.outcome import CALL, NestedResponse, NestedStream, is_known_stream
from asterion.middleware._exchange.states import NEW, WAITING, Unwanted
from asterion.requests import Request
from asterion.requests._body import BODY as KEPT_BODY
from asterion.routing._answers import answer_http_exception, response_to_http_exception
from asterion.routing._endpoints import Handler, respond_to, settled_response
from asterion.routing._routes import Route
from asterion.routing._table import RouteTable
from asterion.types import ASGIApp, Message, Receive, Scope, Send

Found = tuple[Handler, Route, dict[str, Any]]
"""A route's function, the route, and the parameters in the path."""

Beyond = Callable[[Exception, Request, Send, PassThrough], Awaitable[bool]]
"""Asked about an exception: True if it is to be raised again."""


class Boundary(Protocol):
    """The handlers' boundary right around the router: what nesting needs of it."""

    handlers: tuple[ByClass, ByStatus]

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]: ...

    async def failed(self, error: Exception, request: Request, send: Send, watch: PassThrough) -> bool: ...

    async def response_to(self, error: Exception, request: Request) -> tuple[Any, bool]: ...


class Nest:
    """Function middlewares that stand right inside each other, and what stands inside of them all."""

    def __init__(self, middlewares: list[Any], boundary: Boundary, table: RouteTable) -> None:
        self.middlewares = middlewares
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
        run.path, run.method = scope["path"], scope["method"]
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
                run.made = run.with_tasks = run.earlier = ()
            layer: Layer | None = outermost
            while layer is not None:
                inside = layer.inside
                layer.own_request = layer.request = layer.inside = None
                layer = inside

    def begin(self, run: "Run", index: int, scope: Scope, receive: Receive) -> "Layer":
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
        request = layer.own_request = Request(scope, layer.receive_for_dispatch, run.send)
        made = self.middlewares[index].dispatch_func(request, layer.call_next)
        layer.coroutine = made if type(made) is CoroutineType else settle(made)
        return layer


class Run:
    """One request through a nest: what is made on its way in, and seen to on its way out."""

    # PERF(benchmarks/header_middleware): defaults stand on the class.
    nest: Nest
    send: Send
    found: Found
    """The route that was found on the way in, for this scope with this path."""
    scope: Scope
    path: str
    method: str
    made: tuple[NestedResponse, ...] = ()
    """The inner responses that dispatch functions were given."""
    request: Request | None = None
    """The request that the endpoint was given."""
    earlier: tuple[Request, ...] = ()
    """Those that it was given before, where call_next was called again."""
    background: tuple[Any, ...] = ()
    """Background work that dispatch functions have hung on inner responses, innermost first."""
    with_tasks: "tuple[Layer, ...]" = ()
    """The layers that have a task beside."""
    error: Exception | None = None
    """What nobody handled: it has been answered, and is raised at the end."""
    started = False
    ended = False
    simple: NestedResponse | None = None
    """The response that is two messages, once they are being sent."""
    busy = False
    """Whether there is more to see to at the end than a form."""

    def call_endpoint(self, scope: Scope, receive: Receive) -> Awaitable[Any] | None:
        """Call the function of the route that `scope` asks for now; None where that is no plain one."""
        nest = self.nest
        found: Found | None = self.found
        moved = scope["path"] is not self.path or scope["method"] is not self.method or scope.get("root_path")
        if moved or scope is not self.scope:
            found = nest.find(scope)
            if found is None:
                return None
            self.found = found
        scope[EXCEPTION_HANDLERS] = nest.boundary.handlers
        handler, route, params = self.found
        nest.table.enter(scope, route, params)
        func, is_async = handler.args
        if self.request is not None:
            self.earlier = (*self.earlier, self.request)
            self.busy = True
        request = self.request = Request(scope, receive, self.send)
        called: Awaitable[Any] = func(request) if is_async else run_in_threadpool(func, request)
        return called

    async def answer_failure(self, error: Exception) -> Any:
        """The response of the handler for what the endpoint has raised. Raises `error` where there is none."""
        boundary, request = self.nest.boundary, self.endpoint_request
        try:
            answering = find_handler(error, *boundary.handlers)
            if answering is None:
                raise error
            return await respond_to(answering, request)
        except Exception as failure:
            response, again = await boundary.response_to(failure, request)
            if response is None:
                raise
            if again:
                self.error = failure
                self.busy = True
            return response

    async def prepare(self, response: Any, scope: Scope) -> tuple[Any, Sequence[Message]]:
        """The endpoint's response made ready (or that of the handler for its failing), and what goes before it."""
        try:
            return response, await response.prepare(scope)
        except Exception as error:  # noqa: BLE001 - answered, or raised again
            response = await self.answer_failure(error)
            return response, await response.prepare(scope) if type(response).__call__ is CALL else ()

    def hang(self, background: Any) -> None:
        """Have work done after the response."""
        self.background = (*self.background, background)
        self.busy = True

    async def failed(self, error: BaseException, receive: Receive, beyond: Beyond | None) -> bool:
        """See to the rest after `error`: True if it is to be raised again. Raises what leaves in its place."""
        if not isinstance(error, Exception):
            await self.stop()
            return True
        leaving: Exception | None = error
        if not self.ended:
            try:
                leaving = None if await self._is_answered(error, receive) else error
            except Exception as other:  # noqa: BLE001 - leaves below, when the rest has been seen to
                leaving = other
            try:
                await self.end(leaving)
            except Exception as other:  # noqa: BLE001 - as above
                leaving = other
        if leaving is None:
            return False
        if beyond is not None:
            request = Request(self.scope, receive, self.send)
            if not await beyond(leaving, request, self.send, STARTED if self.started else NOT_STARTED):
                return False
        if leaving is error:
            return True
        raise leaving

    async def _is_answered(self, error: Exception, receive: Receive) -> bool:
        if self.simple is not None:  # the server has raised it
            if isinstance(error, OSError) and means_client_gone(error):
                return True
            if not self.simple.layer.is_innermost:
                return False
            return not await self.nest.boundary.failed(error, self.endpoint_request, self.send, STARTED)
        if self.started or not isinstance(error, HTTPException):
            return False
        return await answer_http_exception(error, self.scope, receive, self.send)

    @property
    def endpoint_request(self) -> Request:
        """The request whose response this is."""
        return self.request or Request(self.scope)

    async def guard(self, work: Awaitable[Any], innermost: bool, watch: PassThrough) -> Exception | None:
        """Do `work`, with the handlers' boundary around what the innermost layer was given. Returns what it raised."""
        try:
            await work
        except Unwanted:
            return None
        except Exception as error:  # noqa: BLE001 - raised when everything else is seen to
            if not innermost or await self.nest.boundary.failed(error, self.endpoint_request, self.send, watch):
                return error
        return None

    # --- the way out ---

    async def send_response(self, outermost: "Layer", response: Any) -> None:
        """Send what the outermost function returned."""
        if not isinstance(response, NestedResponse) or response._body is not None:
            outermost.result = response
            await outermost.conclude(None)
            return
        if response.background is not None:
            self.hang(response.background)
        error = await self.guard(response.pass_on(self.send), response.layer.is_innermost, STARTED)
        if error is not None:
            raise error

    async def end(self, failure: Exception | None) -> None:
        """See to all that was begun: background work, responses that nobody wanted, tasks beside, forms.

        Raises what comes of that, unless `failure` is being raised already.
        """
        self.ended = True
        error = self.error
        for work in reversed(self.background):
            error = await self.guard(run_background(work, self.scope), False, COMPLETE) or error
        seen: set[Layer] = set()
        while more := [layer for layer in self.with_tasks if layer not in seen]:
            layer = more[0]  # what its task reads may start another
            seen.add(layer)
            layer.give_up_others()
            error = await self.guard(layer.join_tasks(), False, COMPLETE) or layer.failure or error
            layer.result = None
        for response in reversed(self.made):
            error = await self.finish(response) or error
        for request in (*self.earlier, self.request):
            if request is not None and request._form is not None:
                await request.close()
        if error is not None and failure is None:
            raise error

    async def finish(self, response: NestedResponse) -> Exception | None:
        """Do what is left of an inner response: its background work, and its closing if it was not sent."""
        wrapped = response.wrapped
        if response.begun:
            return None  # its own task does that
        innermost = response.layer.is_innermost
        await response.close()
        if wrapped.background is None:
            return None
        return await self.guard(run_background(wrapped.background, response.scope), innermost, COMPLETE)

    async def stop(self) -> None:
        """Cancelled: close and end what was begun."""
        for response in self.made:
            await response.close()
        for layer in self.with_tasks:
            await layer.stop_tasks()
        if self.request is not None:
            await self.request.close()


class Layer(Exchange):
    """One function middleware of a run."""

    app: Any = None
    run: Run
    index: int
    inside: "Layer | None" = None

    @property
    def middleware(self) -> Any:
        """The middleware whose function this is."""
        return self.run.nest.middlewares[self.index]

    @property
    def outer_send(self) -> Send:  # type: ignore[override]
        """Where the one response goes."""
        return self.run.send

    @property
    def is_innermost(self) -> bool:
        """Whether the endpoint is right inside."""
        return self.index + 1 == len(self.run.nest.middlewares)

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
            if self.index + 1 < len(run.nest.middlewares):
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
                if type(response).__call__ is CALL and response.prepares:
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
                    if type(response).__call__ is CALL and response.prepares:
                        response, held = await run.prepare(response, scope)
        except BaseException as error:
            await self._inner_failed(error, call, made)
            raise
        if KEPT_BODY in scope:
            self.share_body(call)
        # PERF(benchmarks/header_middleware): what nearly every endpoint returns first.
        if type(response).__call__ is CALL:
            nested = NestedResponse(response, scope, self)
            if held:
                nested.held, nested.simple = tuple(held), False
            if response.background is not None:
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
        if self.body_taken_by is call:
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
        return await call.run_beside(call.request or Request(scope, self.receive_for_dispatch))

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
