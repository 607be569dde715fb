"""One run of the inner application under a function middleware: the side of the exchange that it sees.

What its messages mean depends on one state. `exchange` holds the other side, `dispatch`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable
from typing import Protocol, cast

import anyio
import anyio.lowlevel

from asterion._core.wire import PassThrough
from asterion.background import run_background
from asterion.concurrency import Companion, Place, Signal, current_place, running_task, task_context
from asterion.middleware._exchange.body import InnerResponse
from asterion.middleware._exchange.filebody import FileBody
from asterion.middleware._exchange.states import (
    HELD,
    LAST,
    NEW,
    PARK,
    PASSING,
    READING,
    UNWANTED,
    WAITING,
    Unwanted,
)
from asterion.requests import Request
from asterion.requests._kept import BODY as KEPT_BODY
from asterion.types import ASGIApp, Message, Scope, Send

START = "http.response.start"
BODY = "http.response.body"
FILE_MESSAGES = frozenset({"http.response.pathsend", "http.response.zerocopysend"})

DISCARDED_AT_MOST = 100
"""Messages of an unwanted inner response that are dropped before its `send` raises OSError (ASGI 2.4)."""


class Home(Protocol):
    """What a call needs of its exchange."""

    scope: Scope
    place: Place
    detached: Companion | None
    beside: tuple[Call, ...]

    def next_message(self, call: Call) -> Awaitable[Message]: ...

    def share_body(self, call: Call) -> None: ...

    def turn(self) -> Awaitable[None]: ...

    def detach_dispatch(self) -> None: ...

    def end_listening(self, call: Call | None) -> None: ...

    def fail(self, failure: Exception) -> None: ...

    def incomplete(self, what: str) -> Awaitable[Exception]: ...


FOREIGN_READ = (
    "body_iterator was read from a task or a cancel scope that dispatch opened after call_next, while the inner "
    "application runs in dispatch's own task; set `own_task = True` on this middleware class"
)


class Call(PassThrough):
    """One run of the inner application: its `receive`, its `send`, and what became of its response."""

    # PERF(benchmarks/header_middleware): defaults stand on the class; a call is made by setting four attributes.
    app: ASGIApp
    outer_send: Send
    leads_to: Send | None = None
    started = False
    complete = False
    state = NEW
    request: Request | None = None
    response: InnerResponse | None = None
    held: tuple[Message, ...] = ()
    trailers: tuple[Message, ...] = ()
    replayed = 0
    """How many of the messages that dispatch took have been told again."""
    body_read = False
    """Whether the inner application has seen the end of the request body."""
    body_done = False
    """Whether dispatch has seen the end of the response body."""
    discarded = 0
    companion: Companion | None = None
    """The task it runs in, where it has one of its own."""
    taker: object = "the first call"
    """What it is known by among the calls of its exchange: itself, noted there, it would refer to itself."""

    # Turns by events.
    slot: Message | None = None
    error: BaseException | None = None
    refused: Exception | None = None
    """What the outer `send` raised for the head, to be raised by the inner `send`."""
    inner_turn: Signal
    dispatch_turn: Signal

    # Turns in one task, while dispatch reads the body.
    backlog: deque[Message]
    hold: Place | None = None
    resumed_at: Place

    def start_over(self) -> None:
        """Be a call that has not been made, after one that ended before its start."""
        self.state = NEW
        self.started = self.complete = self.body_read = False
        self.held = ()
        self.replayed = 0

    @property
    def home(self) -> Home:
        """The exchange this call belongs to."""
        raise NotImplementedError  # pragma: no cover - both kinds of call have their own

    # --- what the inner application is given ---

    async def receive(self) -> Message:
        """The next message for the inner application: what dispatch has read is told again, then the server's."""
        if self.state is UNWANTED:
            return {"type": "http.disconnect"}
        message = await self.home.next_message(self)
        if message["type"] == "http.request":
            self.body_read = not message.get("more_body", False)
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """Take one message of the inner application."""
        # PERF(benchmarks/header_middleware): no coroutine of its own on the way straight through.
        if self.state is PASSING:
            if message["type"] == BODY and not message.get("more_body"):
                self.complete = True
            return self.outer_send(message)
        if self.state is WAITING and message["type"] == START:
            return self.begin(message)
        return self._handle(message)

    async def _handle(self, message: Message) -> None:
        state = self.state
        if state is WAITING:
            if message["type"] == "http.response.debug":
                self.held = (*self.held, message)  # belongs to this response, and goes with it if it is replaced
            else:
                await self.outer_send(message)
        elif state is READING:
            await self._offer(message)
        elif state is LAST:
            await self._pass_until_last(message)
        elif state is UNWANTED:
            await self._discard(message)
        else:
            raise RuntimeError(f"the inner application sent {message['type']!r} while its start was being sent")

    async def begin(self, message: Message) -> None:
        """Take the start of the response, and let dispatch go on with it."""
        self.started = True
        self.response = InnerResponse(message, self)
        self.state = HELD
        if KEPT_BODY in self.home.scope:
            self.home.share_body(self)
        if self.companion is None:
            # Sent from another task, or from under a scope that is still open: dispatch may not go on here.
            self.use_events()
            self.home.detach_dispatch()
        await self._give_turn()

    async def _offer(self, message: Message) -> None:
        kind = message["type"]
        if kind in FILE_MESSAGES:
            async for chunk in FileBody(message):
                await self._offer_body({"type": BODY, "body": chunk, "more_body": True})
            await self._offer_body({"type": BODY, "body": b"", "more_body": message.get("more_body", False)})
        elif kind == BODY:
            if self.response is not None and self.response.start.get("trailers", False):
                message = {**message, "more_body": True}  # the end comes with the last of the trailers
            await self._offer_body(message)
        elif kind == "http.response.trailers":
            self.trailers = (*self.trailers, message)
            if not message.get("more_trailers", False):
                await self._offer_body({"type": BODY, "body": b"", "more_body": False})
        else:
            await self.outer_send(message)

    async def _offer_body(self, message: Message) -> None:
        if self.state is UNWANTED:
            return
        self.complete = not message.get("more_body", False)
        if not self.complete and not message.get("body"):
            return
        if self.by_events:
            self.slot = message
            await self._give_turn()
            return
        place = current_place()
        self.backlog.append(message)
        if self.hold is None or place == self.hold:
            # Else dispatch holds a cancel scope beneath one that is open here, and must wait.
            self.resumed_at = place
            await self.home.turn()

    async def _pass_until_last(self, message: Message) -> None:
        await self.outer_send(message)
        if message["type"] in FILE_MESSAGES or (message["type"] == BODY and not message.get("more_body")):
            self.complete = True
            self.state = PASSING
            try:
                await run_background(self.response.background if self.response else None, self.home.scope)
            except Exception as failure:  # noqa: BLE001 - dispatch's, not the inner application's
                self.home.fail(failure)

    async def _discard(self, message: Message) -> None:
        if message["type"] == BODY and not message.get("more_body"):
            self.complete = True
        self.discarded += 1
        if self.discarded > DISCARDED_AT_MOST:
            raise Unwanted("nobody wants this response any more: a function middleware has answered in its place")
        await anyio.lowlevel.checkpoint()

    # --- turns by events, where each side has a task of its own ---

    @property
    def by_events(self) -> bool:
        """Whether the two sides run in tasks of their own."""
        return self.companion is not None or self.home.detached is not None

    def use_events(self) -> None:
        """From now on take turns by events."""
        self.slot = self.error = None
        self.inner_turn = Signal()
        self.dispatch_turn = Signal()

    async def _give_turn(self) -> None:
        self.inner_turn = Signal()
        self.dispatch_turn.set()
        await self.inner_turn.wait()
        if self.refused is not None:
            error, self.refused = self.refused, None
            try:
                raise error
            finally:
                del error  # which refers to this frame

    def end_with(self, error: BaseException | None) -> None:
        """Tell a reader that no more is to come, with the reason if it is not the end of the body."""
        self.error = error
        self.dispatch_turn.set()

    # --- the body, as dispatch sees it (`body.BodySource`) ---

    async def next_chunk(self) -> bytes:
        """The next chunk. Raises StopAsyncIteration at the end, and the inner application's own error."""
        if self.body_done or self.state >= LAST:
            raise StopAsyncIteration
        message = await (self._next_by_events() if self.by_events else self._next_by_turns())
        self.body_done = not message.get("more_body", False)
        body: bytes = message.get("body", b"")
        if self.body_done and not body:
            raise StopAsyncIteration
        return body

    async def _next_by_turns(self) -> Message:
        if self.state is HELD:
            self.state = READING
            self.backlog = deque()
            self.resumed_at = self.home.place
        if not self.backlog:
            place = current_place()
            if place[0] is not self.resumed_at[0]:
                raise RuntimeError(FOREIGN_READ)
            if place == self.resumed_at:
                self.hold = None
            elif self.resumed_at == self.home.place:
                self.hold = place
            else:
                raise RuntimeError(FOREIGN_READ)
            await PARK
        return self.backlog.popleft()

    async def _next_by_events(self) -> Message:
        self.state = READING
        while self.slot is None:
            if self.error is not None:
                raise self.error
            self.dispatch_turn = Signal()
            self.inner_turn.set()
            await self.dispatch_turn.wait()
        message, self.slot = self.slot, None
        return message

    def close_body(self) -> None:
        """No more chunks are wanted."""
        if not self.body_done:
            self.body_done = True
            self.give_up()

    # --- beginning and end ---

    async def run_beside(self, request: Request) -> InnerResponse:
        """Run the inner application in a task of its own, and return its response once it has started."""
        companion = self.start_beside(request)
        try:
            return await self.started_beside()
        except BaseException:
            # Cancelling `call_next` cancels what it waits for, as it would be for any other awaitable.
            if self.response is None and not companion.done:
                self.state = UNWANTED
                await companion.stop()
            raise

    def start_beside(self, request: Request) -> Companion:
        """Start the inner application in a task of its own."""
        self.request = request
        self.state = WAITING
        self.use_events()
        companion = self.companion = Companion(self._run, context=task_context(running_task()))
        self.home.beside = (*self.home.beside, self)
        return companion

    async def started_beside(self) -> InnerResponse:
        """Wait for the start of the response. May be called again if it was cancelled."""
        while self.response is None:
            if self.error is not None:
                raise self.error
            if self.companion is not None and self.companion.done:
                raise await self.home.incomplete("No response returned.")
            self.dispatch_turn = Signal()
            await self.dispatch_turn.wait()
        return self.response

    async def _run(self) -> None:
        request = cast(Request, self.request)  # which `start_beside` has set
        try:
            await self.app(request.scope, self.receive, self.send)
        except BaseException as error:
            self.error = error
            # Who waits for a start or a chunk gets it; otherwise it is raised when the exchange ends.
            if self.state not in (WAITING, READING) or not isinstance(error, Exception):
                raise
        else:
            if self.state is READING and not self.complete:
                self.error = await self.home.incomplete(INCOMPLETE)
        finally:
            self.dispatch_turn.set()

    def give_up(self) -> None:
        """Nobody wants this response: the inner application sees that its client has gone."""
        if NEW < self.state < LAST:
            self.state = UNWANTED
            self.home.end_listening(self)
            if self.by_events:
                self.inner_turn.set()


INCOMPLETE = "the inner application ended before its response was complete"
