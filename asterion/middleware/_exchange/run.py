"""One request through nested function middleware: what is made on its way in, and seen to on its way out.

Laws: whatever was begun has ended when the run has, in the order in which it would have been seen from outside: the
response, then the work that hangs on it, outermost first. An exception of the endpoint's, or of its response's, passes
the handlers' boundary; one of a function middleware's does not.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Any, Protocol

from asterion._core.handlers import ByClass, ByStatus, find_handler
from asterion._core.scopekeys import EXCEPTION_HANDLERS
from asterion._core.wire import COMPLETE, NOT_STARTED, STARTED, PassThrough, means_client_gone
from asterion.background import run_background
from asterion.concurrency import run_in_threadpool
from asterion.concurrency._contexts import Reinstated, put_back, reinstate
from asterion.exceptions import HTTPException
from asterion.middleware._exchange.outcome import CALL, NestedResponse
from asterion.requests import Request
from asterion.routing._answers import answer_http_exception
from asterion.routing._endpoints import respond_to
from asterion.routing._table import Found, RouteTable
from asterion.types import Message, Receive, Scope, Send

new = object.__new__

Beyond = Callable[[Exception, Request, Send, PassThrough], Awaitable[bool]]
"""Asked about an exception: True if it is to be raised again."""


class Boundary(Protocol):
    """The handlers' boundary right around the router: what nesting needs of it."""

    handlers: tuple[ByClass, ByStatus]

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]: ...

    async def failed(self, error: Exception, request: Request, send: Send, watch: PassThrough) -> bool: ...

    async def response_to(self, error: Exception, request: Request) -> tuple[Any, bool]: ...


class InnerParts(Protocol):
    """Function middlewares that stand right inside each other, and what stands inside of them."""

    middlewares: list[Any]
    innermost: int
    boundary: Boundary
    table: RouteTable

    def find(self, scope: Scope, /) -> Found | None: ...

    def begin(self, run: "Run", index: int, scope: Scope, receive: Receive) -> Any: ...


class LayerParts(Protocol):
    """What a run needs of one of its layers."""

    result: Any
    failure: Exception | None

    def conclude(self, inside: Any) -> Awaitable[None]: ...

    def give_up_others(self) -> None: ...

    def join_tasks(self) -> Awaitable[None]: ...

    def stop_tasks(self) -> Awaitable[None]: ...

    def let_go(self) -> None: ...

    def close_forms(self) -> Awaitable[None]: ...


class Run:
    """One request through a nest: what is made on its way in, and seen to on its way out."""

    # PERF(benchmarks/header_middleware): defaults stand on the class.
    nest: InnerParts
    send: Send
    found: Found
    """The route that was found on the way in, for this scope with this path."""
    scope: Scope
    made: tuple[NestedResponse, ...] = ()
    """The inner responses that dispatch functions were given."""
    request: Request | None = None
    """The request that the endpoint was given."""
    earlier: tuple[Request, ...] = ()
    """Those that it was given before, where call_next was called again."""
    background: tuple[Any, ...] = ()
    """Background work that dispatch functions have hung on inner responses, innermost first."""
    with_tasks: tuple[LayerParts, ...] = ()
    """The layers that have a task beside."""
    replaced: tuple[LayerParts, ...] = ()
    """The layers that others have come for, where call_next was called again."""
    error: Exception | None = None
    """What nobody handled: it has been answered, and is raised at the end."""
    context: Context | None = None
    """The context as it was when what runs in a task beside had started: it goes on with these values."""
    reinstated: Reinstated = ()
    started = False
    ended = False
    simple: NestedResponse | None = None
    """The response that is two messages, once they are being sent."""
    busy = False
    """Whether there is more to see to at the end than a form."""

    def call_endpoint(self, scope: Scope, receive: Receive) -> Awaitable[Any] | None:
        """Call the function of the route that `scope` asks for now; None where that is no plain one."""
        nest = self.nest
        handler, route, params, path, method = self.found
        moved = scope["path"] is not path or scope["method"] is not method or scope.get("root_path")
        if moved or scope is not self.scope:
            found = nest.find(scope)
            if found is None:
                return None
            self.found = found
            handler, route, params, _, _ = found
        scope[EXCEPTION_HANDLERS] = nest.boundary.handlers
        # PERF(benchmarks/header_middleware): what `RouteTable.find_plain` does on entering.
        scope["router"] = nest.table
        scope["endpoint"] = route.endpoint
        scope["path_params"] = params
        scope["route"] = route
        func, is_async = handler.args
        if self.request is not None:
            self.earlier = (*self.earlier, self.request)
            self.busy = True
        request: Request = new(Request)
        request.scope = scope
        request._receive = receive
        request._send = self.send
        self.request = request
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
        finally:
            del error  # which refers to this frame

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

    def replace(self, layer: LayerParts) -> None:
        """Remember that another layer comes for this one."""
        self.replaced = (*self.replaced, layer)
        self.busy = True

    async def failed(self, error: BaseException, receive: Receive, beyond: Beyond | None) -> bool:
        """See to the rest after `error`: True if it is to be raised again. Raises what leaves in its place."""
        if not isinstance(error, Exception):
            await self.stop()
            return True
        leaving: Exception | None = error
        try:
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
        finally:
            del error, leaving  # which refer to this frame

    async def _is_answered(self, error: Exception, receive: Receive) -> bool:
        if self.simple is not None:  # the server has raised it
            if isinstance(error, OSError) and means_client_gone(error):
                return True
            self.simple.failed = True
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
        except Exception as error:  # noqa: BLE001 - raised when everything else is seen to
            if not innermost or await self.nest.boundary.failed(error, self.endpoint_request, self.send, watch):
                return error
        return None

    # --- the way out ---

    def let_go(self) -> None:
        """All has ended: nothing of the run refers back to it any more."""
        for layer in (*self.with_tasks, *self.replaced):
            layer.let_go()
        self.made = self.with_tasks = self.replaced = self.earlier = ()
        self.error = None

    async def send_response(self, outermost: LayerParts, response: Any) -> None:
        """Send what the outermost function returned."""
        if self.context is not None:
            self.reinstated = reinstate(self.context)
        if not isinstance(response, NestedResponse) or response._body is not None:
            outermost.result = response
            await outermost.conclude(None)
            return
        if response.background is not None:
            self.hang(response.background)
        error = await self.guard(response.pass_on(self.send), response.layer.is_innermost, STARTED)
        try:
            if error is not None:
                response.failed = True
                raise error
        finally:
            del error  # which refers to this frame

    async def end(self, failure: Exception | None) -> None:
        """See to all that was begun: background work, responses that nobody wanted, tasks beside, forms.

        Raises what comes of that, unless `failure` is being raised already.
        """
        self.ended = True
        error, self.error = self.error, None
        try:
            for work in reversed(self.background):
                error = await self.guard(run_background(work, self.scope), False, COMPLETE) or error
            seen: set[LayerParts] = set()
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
        finally:
            del error, failure  # which refer to this frame

    async def finish(self, response: NestedResponse) -> Exception | None:
        """Do what is left of an inner response: its background work, and its closing if it was not sent."""
        wrapped = response.wrapped
        if response.begun:
            return None  # its own task does that
        innermost = response.layer.is_innermost
        await response.close()
        if wrapped.background is None or response.failed:
            return None
        reinstated = reinstate(response.context)
        try:
            return await self.guard(run_background(wrapped.background, response.scope), innermost, COMPLETE)
        finally:
            put_back(reinstated)

    async def stop(self) -> None:
        """Cancelled: close and end what was begun."""
        for response in self.made:
            await response.close()
        for layer in self.with_tasks:
            await layer.stop_tasks()
        if self.request is not None:
            await self.request.close()
