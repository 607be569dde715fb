"""The exchange: a function middleware and the inner application take turns.

The inner application runs in its natural place, awaited by the middleware's `__call__`: same task, same context.
`dispatch` is stepped by hand up to `call_next`, put aside, and taken up again inside the inner application's own `send`
of its response start. Whatever `dispatch` really awaits is handed through to the event loop.

Turns are not sound in every case: `call_next` may be awaited from another task, or under a cancel scope that `dispatch`
holds, or again while the first inner application is still there; the inner application may send from a task of its own;
the body may be consumed by another response. Then one of the two sides gets a task (a `Companion`), in the very context
it would have had, and turns are taken by events. What users see is the same.

Laws of this file:
- An exception is raised where it belongs, as itself: the inner application's at `call_next` (or at the body), that of
  `dispatch` out of the middleware. Never the other way round, never in a group.
- No message after a passed head is looked at, but for the last one where a background task of `dispatch` waits for it.
- Everything that was started has ended when `BaseHTTPMiddleware.__call__` returns.
"""

import types
from collections.abc import Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any, NoReturn

from asterion._core.callables import describe_callable
from asterion._core.scopekeys import STASHED
from asterion.concurrency import is_at
from asterion.concurrency._contexts import Reinstated, reinstate
from asterion.concurrency._places import moved_place
from asterion.middleware._exchange.body import InnerResponse
from asterion.middleware._exchange.call import INCOMPLETE, Call
from asterion.middleware._exchange.intake import EARLIER
from asterion.middleware._exchange.states import HELD, LAST, NEW, PARK, PARKED, PASSING, READING, WAITING
from asterion.middleware._exchange.tasks import Tasks
from asterion.requests import Request
from asterion.requests._kept import BODY as KEPT_BODY
from asterion.responses import FileResponse, Response
from asterion.types import Message

ENDED: Any = object()
"""What stepping dispatch gives when it has ended."""


class Exchange(Tasks):
    """One request through one function middleware. It is itself the first call of the inner application."""

    coroutine: Coroutine[Any, Any, Any]
    sent_head = False
    """Whether a response start has gone out (that of the happy path is known by `leads_to`)."""
    result: Any = None
    middleware: Any
    context: Context | None = None
    """The context as it was when dispatch was given the response: what is left of the inner application goes on with
    these values, whatever dispatch resets at its end (upstream's runs in a copy of its own)."""
    reinstated: Reinstated = ()

    @property
    def home(self) -> "Exchange":
        """Itself."""
        return self

    # --- stepping dispatch ---

    def step(self, value: Any = None, error: BaseException | None = None) -> Any:
        """Let dispatch run up to its next wait, which is returned; `value` or `error` is what its last one gave.

        That is PARKED if it has been put aside, ENDED if there is none, and else what the event loop must be given.
        """
        try:
            return self.coroutine.send(value) if error is None else self.coroutine.throw(error)
        except StopIteration as stop:
            self.result = stop.value
            return ENDED
        finally:
            del error, value  # which refer to this frame where the error is raised again: trio gives errors as values

    @types.coroutine
    def carry_on(self, wait: Any) -> Generator[Any, Any, Any]:
        """Hand the waits of dispatch to the event loop until it is put aside or has ended."""
        while wait is not PARKED and wait is not ENDED:
            try:
                value = yield wait
            except BaseException as thrown:  # noqa: BLE001 - cancellation, handed through
                wait = self.step(error=thrown)
            else:
                try:
                    wait = self.step(value)
                finally:
                    del value  # as above
        return wait

    async def advance(self, error: BaseException | None = None) -> bool:
        """Let dispatch go on: True when it is put aside, False at its end. Raises what it raises."""
        try:
            return await self.carry_on(self.step(error=error)) is PARKED
        finally:
            del error  # as above

    async def begin(self, message: Message) -> None:
        """Take the start of the response, and let dispatch go on with it, here if that is sound."""
        if self.companion is not None or KEPT_BODY in self.scope or not (is_at(self.place) or self._goes_on_here()):
            await self._begin_with_care(message)
            return
        # PERF(benchmarks/header_middleware): the way nearly every response goes, in one piece.
        self.started = True
        response = self.response = InnerResponse(message, self)
        self.state = HELD
        self.context = copy_context()
        result: Any
        try:
            try:
                outcome = self.coroutine.send(None)
            except StopIteration as stop:
                result = stop.value
            else:
                self.middleware.is_prompt = False
                if outcome is PARKED or await self.carry_on(outcome) is PARKED:
                    return
                result = self.result
        except Exception as error:  # noqa: BLE001 - leaves the middleware when the inner application has ended
            self.fail(error)
            return
        if result is not response or response.background is not None or response._body is not None or self.beside:
            self.result = result
            await self.conclude(self)
            return
        self.concluded = True
        self.reinstated = reinstate(self.context)
        send = self.outer_send
        for held in self.held:
            await send(held)
        await send(response.head())
        self.leads_to = send
        self.state = PASSING

    def _goes_on_here(self) -> bool:
        """Whether dispatch may go on although the inner application has opened a scope that is still open.

        It may if it has shown before that it waits for nothing after call_next: then no cancellation that is meant for
        the inner application can reach it. Else it gets a task.
        """
        here = moved_place(self.place) if self.middleware.is_prompt else None
        if here is None:
            return False
        self.place = here
        return True

    async def _begin_with_care(self, message: Message) -> None:
        if self.companion is not None or not (is_at(self.place) or self._goes_on_here()):
            await super().begin(message)
            return
        self.started = True
        self.response = InnerResponse(message, self)
        self.state = HELD
        self.context = copy_context()
        self.resumed_at = self.place
        self.share_body(self)
        await self.turn()

    async def turn(self) -> None:
        """Let dispatch go on inside the inner application's `send`, and send what it returns if it ends."""
        try:
            outcome = self.step()
            if outcome is not ENDED:
                self.middleware.is_prompt = False
                if await self.carry_on(outcome) is PARKED:
                    return
        except Exception as error:  # noqa: BLE001 - leaves the middleware when the inner application has ended
            self.fail(error)
            return
        await self.conclude(self)

    async def call_next(self, request: Request) -> InnerResponse:
        """Run the inner application with `request`, up to the start of its response."""
        plain = self.state is NEW and not self.taken and not self.concluded
        if plain and is_at(self.place) and not self.middleware.own_task:
            # PERF(benchmarks/header_middleware): what `_call_next_with_care` comes to, nearly always.
            self.request = request
            self.state = WAITING
            await PARK
            return self.response  # type: ignore[return-value] # dispatch is taken up again once there is one
        return await self._call_next_with_care(request)

    async def _call_next_with_care(self, request: Request) -> InnerResponse:
        if self.concluded:
            self.refuse_late_call()
        request.scope.pop(STASHED, None)  # what dispatch looked at is told again from `taken`
        first = self.state is NEW
        call: Call = self if first else AnotherCall(self)
        call.request = request
        self.share_body(call)
        if first and not self.middleware.own_task and is_at(self.place):
            self.state = WAITING
            await PARK
            return self.response  # type: ignore[return-value] # as above
        response = await call.run_beside(request)
        self.context = copy_context()
        return response

    def refuse_late_call(self) -> NoReturn:
        """Raise RuntimeError for a call_next that comes after the end of its dispatch."""
        raise RuntimeError(f"call_next was called after {describe_callable(self.middleware.dispatch_func)} had ended")

    # --- the inner application in its natural place ---

    async def inner_ended(self, error: BaseException | None) -> bool:
        """The inner application has ended, with `error`: True if dispatch has been put aside in a further call."""
        try:
            if self.detached is not None:
                await self._inner_ended_detached(error)
            elif self.state is WAITING:
                error = error or await self.incomplete("No response returned.")
                if self.body_taken_by is not None:
                    self.body_taken_by = EARLIER
                self.start_over()
                self.share_body(self)
                return await self.advance(error)
            elif self.state is READING:
                if error is not None and self.coroutine.cr_frame is None:  # type: ignore[attr-defined]
                    raise error  # dispatch was cancelled within our `send`, and has ended
                if error is None and not self.complete:
                    error = await self.incomplete(INCOMPLETE)
                if error is not None or self.backlog:  # pragma: no branch - the end that dispatch waits for is there
                    return await self.advance(None if self.backlog else error)
            elif error is not None and not self._is_answered(error):
                raise error
            return False
        finally:
            del error  # as above

    async def _inner_ended_detached(self, error: BaseException | None) -> None:
        try:
            if error is not None and not isinstance(error, Exception):
                await self.stop_tasks()
                raise error
            if self.state in (HELD, READING):
                if error is None and not self.complete:
                    error = await self.incomplete(INCOMPLETE)
                self.end_with(error)
            elif error is not None and not self._is_answered(error):
                self.failure = self.failure or error
        finally:
            del error  # as above

    # --- what dispatch returned ---

    async def conclude(self, inside: Call | None) -> None:
        """Send what dispatch returned. `inside` is the call within whose `send` this runs, if any."""
        self.concluded = True
        if self.context is not None and not self.reinstated:
            self.reinstated = reinstate(self.context)
        response = self.result
        call = response.source if type(response) is InnerResponse and response.untouched else None
        if isinstance(call, Call) and call.state is HELD:
            # What the outer `send` raises here belongs to whoever is sending.
            await self._pass_head(call, response)
            if self.beside:
                self._give_up_but(call)
        elif inside is not None and inside.state < LAST and not inside.body_done and not has_its_body(response):
            # It may read the inner body, now or later, while the inner application goes on: each has a task.
            inside.use_events()
            self._detach(self._answer)
            await inside.inner_turn.wait()
        elif inside is not None:
            try:
                await self._answer()
            except Exception as error:  # noqa: BLE001 - leaves the middleware when the inner application has ended
                self.fail(error)
        else:
            await self._answer()

    async def _pass_head(self, call: Call, response: InnerResponse) -> None:
        self.sent_head = True
        try:
            for message in call.held:
                await self.outer_send(message)
            await self.outer_send(response.head())
        except Exception as error:
            if not call.by_events:
                raise
            call.refused = error  # raised by the inner application's own `send`, which waits for this
        if response.background is None:
            call.state = PASSING
            call.leads_to = self.outer_send
        else:
            call.state = LAST
        if call.by_events:
            call.inner_turn.set()

    async def _answer(self) -> None:
        response = self.result
        if not callable(response):
            self.refuse_result(response)
        self.sent_head = True
        await response(self.scope, self.receive_for_response, self.outer_send)
        self._give_up_but(None)

    def refuse_result(self, result: Any) -> NoReturn:
        """Raise TypeError for a dispatch that returned no response."""
        raise TypeError(
            f"{describe_callable(self.middleware.dispatch_func)} returned {result!r}; return a response, "
            "usually what `await call_next(request)` gave"
        )

    def let_go(self) -> None:
        """All has ended: nothing of this exchange refers back to it any more; the collector need not find that out."""
        for call in (self, *self.beside):
            call.request = call.response = call.companion = call.error = call.refused = None
        self.beside = ()
        self.own_request = self.result = self.failure = self.detached = None

    # --- tasks ---

    def detach_dispatch(self) -> None:
        """Give the rest of dispatch a task of its own, in the context it began in."""
        self._detach(self._go_on)

    async def _go_on(self) -> None:
        outcome = self.step()
        if self.middleware.is_prompt is None:
            self.middleware.is_prompt = outcome is ENDED
        await self.carry_on(outcome)
        await self.conclude(None)


class AnotherCall(Call):
    """A further call of the inner application in the same exchange: a retry."""

    def __init__(self, home: Exchange) -> None:
        self.app = home.app
        self.outer_send = home.outer_send
        self.taker = object()
        self._home = home

    @property
    def home(self) -> Exchange:
        """The exchange this call belongs to."""
        return self._home


def has_its_body(response: Any) -> bool:
    """Whether `response` has nothing to do with an inner body: what it sends is all in it."""
    return getattr(type(response), "__call__", None) in (Response.__call__, FileResponse.__call__)  # noqa: B004
