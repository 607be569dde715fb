"""Worker threads without chance: while one works, the event loop stands still.

Laws: a function that is handed to a thread runs in a real thread, so thread-local values, `from_thread` and "no event
loop runs here" are what they are in production. But exactly one of the loop and the threads goes on at any time. The
loop waits for the thread, really, until it has ended or asks the loop for something (`anyio.from_thread.run`); then the
seed decides when the answer is noticed. So the work between two requests of a thread is one step, at one moment.
"""

import asyncio
import concurrent.futures
import contextvars
import functools
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread

from asterion.testclient._awaitstacks import thread_stack

MOST_PAUSES = 3
"""Scheduling points, at most, before a thread starts and before its answer is noticed: other tasks may run there."""

_here = threading.local()  # `.desk` in the thread of a simulated loop, `.job` in a worker thread of it


class _Outcome:
    """What a call gave: a value or an exception."""

    __slots__ = ("error", "value")

    def __init__(self) -> None:
        self.value: Any = None
        self.error: BaseException | None = None

    def unwrap(self) -> Any:
        """The value. Raises the exception."""
        if self.error is None:
            return self.value
        error, self.error = self.error, None
        raise error


class _Request:
    """What a worker thread wants done on the loop, in the context of the thread."""

    def __init__(self, func: Callable[..., Any], args: tuple[Any, ...], is_async: bool) -> None:
        self._func = func
        self._args = args
        self._is_async = is_async
        self.context = contextvars.copy_context()
        self.outcome = _Outcome()

    async def run(self) -> None:
        """Do it."""
        try:
            self.outcome.value = self._func(*self._args)
            if self._is_async:
                self.outcome.value = await self.outcome.value
        except anyio.get_cancelled_exc_class() as error:
            self.outcome.error = error
            raise
        except BaseException as error:  # noqa: BLE001 - raised again in the thread
            self.outcome.error = error


class _Job:
    """One function in a thread. `turn` lets the thread go on and blocks until it rests."""

    def __init__(self, desk: "Desk", func: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._desk = desk
        self._func = func
        self._args = args
        self._to_loop: queue.SimpleQueue[_Outcome | _Request] = queue.SimpleQueue()
        self._to_thread: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
        context = contextvars.copy_context()
        _name_library(context, None)
        self._thread = threading.Thread(target=context.run, args=(self._work,), name="simulated", daemon=True)

    # --- the loop's side ---------------------------------------------------------------------------------------------

    def turn(self, answer: _Outcome | None = None) -> _Outcome | _Request:
        """Start the thread, or give it the `answer` it waits for; then wait for its next request, or for its end."""
        if answer is None:
            self._thread.start()
        else:
            self._to_thread.put(answer)
        try:
            return self._to_loop.get(timeout=self._desk.seconds)
        except queue.Empty:
            place = thread_stack(self._thread.ident)
            raise self._desk.stuck(
                f"a worker thread has worked for {self._desk.seconds} seconds, at {place}. The event loop of a "
                "simulation stands still while a thread works: a thread may wait for the loop only by "
                "anyio.from_thread, and for no other thread"
            ) from None

    # --- the thread's side -------------------------------------------------------------------------------------------

    def _work(self) -> None:
        _here.job = self
        outcome = _Outcome()
        try:
            with self._desk.claimed():
                outcome.value = self._func(*self._args)
        except BaseException as error:  # noqa: BLE001 - raised again on the loop
            outcome.error = error
        self._to_loop.put(outcome)

    def ask(self, func: Callable[..., Any], args: tuple[Any, ...], is_async: bool) -> Any:
        """Have the loop do something, and wait for it."""
        self._to_loop.put(_Request(func, args, is_async))
        return self._to_thread.get().unwrap()


class FromThread:
    """What anyio asks of an event loop from within a worker thread."""

    @staticmethod
    def run_async_from_thread(func: Callable[..., Any], args: tuple[Any, ...], token: Any = None) -> Any:
        """As anyio's."""
        try:
            return _here.job.ask(func, args, is_async=True)
        except asyncio.CancelledError as error:
            raise concurrent.futures.CancelledError(str(error)) from None

    @staticmethod
    def run_sync_from_thread(func: Callable[..., Any], args: tuple[Any, ...], token: Any = None) -> Any:
        """As anyio's."""
        return _here.job.ask(func, args, is_async=False)

    @staticmethod
    def check_cancelled() -> None:
        """As anyio's: raises the event loop's own cancellation."""
        _here.job.ask(anyio.lowlevel.checkpoint_if_cancelled, (), is_async=True)


class Desk:
    """Where a simulated loop hands out work for threads. `stuck` makes the error of a thread that does not rest."""

    def __init__(self, library: str, random: Random, seconds: float, stuck: Callable[[str], BaseException]) -> None:
        self.library = library
        self.seconds = seconds
        self.stuck = stuck
        self._random = random

    async def run(self, func: Callable[..., Any], args: tuple[Any, ...], *, abandon: bool, limiter: Any) -> Any:
        """Run `func` in a thread of its own, while it holds a token of `limiter`."""
        await self._pause(anyio.lowlevel.checkpoint)
        borrower = object()
        await limiter.acquire_on_behalf_of(borrower)
        try:
            return await self._attend(_Job(self, func, args), abandon)
        finally:
            limiter.release_on_behalf_of(borrower)

    async def _attend(self, job: _Job, abandon: bool) -> Any:
        cancelled: BaseException | None = None
        said = job.turn()
        while isinstance(said, _Request):
            try:
                await self._do(said)
            except anyio.get_cancelled_exc_class() as error:
                cancelled = error  # what was asked for is cancelled, which the thread learns; it is still joined
            said = job.turn(said.outcome)
        own_error = isinstance(said.error, Exception) and not isinstance(said.error, concurrent.futures.CancelledError)
        if cancelled is not None and not own_error:
            raise cancelled
        await self._pause(anyio.lowlevel.checkpoint if abandon else anyio.lowlevel.cancel_shielded_checkpoint)
        return said.unwrap()

    async def _do(self, request: _Request) -> None:
        """Do what a thread asks for, in a child task: the context of the thread stays the thread's."""
        _name_library(request.context, self.library)
        async with anyio.create_task_group() as group:
            request.context.run(group.start_soon, request.run)

    async def _pause(self, checkpoint: Callable[[], Any]) -> None:
        for _ in range(self._random.randint(1, MOST_PAUSES)):
            await checkpoint()

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """In a worker thread: `anyio.from_thread` leads here."""
        from anyio._core._eventloop import claim_worker_thread  # SEAM: how anyio's backends mark their threads

        with claim_worker_thread(FromThread, None):  # type: ignore[arg-type]
            yield


class Unlimited:
    """The limiter of work that has none."""

    async def acquire_on_behalf_of(self, borrower: object) -> None:
        """At once."""

    def release_on_behalf_of(self, borrower: object) -> None:
        """Nothing is held."""


@contextmanager
def at(desk: Desk) -> Iterator[None]:
    """While this lasts, the loop of this thread hands its work for threads to `desk`."""
    with _lock:
        if desk.library not in _hooked:
            _hooked.add(desk.library)
            (_hook_trio if desk.library == "trio" else _hook_asyncio)()
    _here.desk = desk
    try:
        yield
    finally:
        del _here.desk


_lock = threading.Lock()
_hooked: set[str] = set()


def _hook_asyncio() -> None:
    from anyio._backends._asyncio import AsyncIOBackend  # SEAM: the class that anyio asks for worker threads

    _hook(AsyncIOBackend)


def _hook_trio() -> None:
    import trio
    from anyio._backends._trio import TrioBackend  # SEAM: as above

    _hook(TrioBackend)
    original = trio.to_thread.run_sync

    @functools.wraps(original)
    async def run_sync(sync_fn: Any, *args: Any, **options: Any) -> Any:
        desk: Desk | None = getattr(_here, "desk", None)
        if desk is None:
            return await original(sync_fn, *args, **options)
        limiter = options.get("limiter") or trio.to_thread.current_default_thread_limiter()
        return await desk.run(sync_fn, args, abandon=options.get("abandon_on_cancel", False), limiter=limiter)

    trio.to_thread.run_sync = run_sync  # type: ignore[assignment]


def _hook(backend: Any) -> None:
    """Lead the loops that are simulated to their desk, once and for all: for every other loop nothing changes."""
    original = backend.run_sync_in_worker_thread

    async def run_sync_in_worker_thread(
        cls: Any, func: Any, args: Any, abandon_on_cancel: bool = False, limiter: Any = None
    ) -> Any:
        desk: Desk | None = getattr(_here, "desk", None)
        if desk is None:
            return await original(func, args, abandon_on_cancel=abandon_on_cancel, limiter=limiter)
        limiter = limiter or anyio.to_thread.current_default_thread_limiter()
        return await desk.run(func, args, abandon=abandon_on_cancel, limiter=limiter)

    backend.run_sync_in_worker_thread = classmethod(run_sync_in_worker_thread)


def _name_library(context: contextvars.Context, name: str | None) -> None:
    sniffio = sys.modules.get("sniffio")
    if sniffio is not None:
        context.run(sniffio.current_async_library_cvar.set, name)
