"""Threads and tasks: where user code runs, and the one kind of task the toolkit starts.

Two limiters keep threads apart. User code runs on anyio's default limiter (which people already tune); the framework's
own file work runs on a limiter of its own, so that slow user threads can neither starve nor deadlock it.

A task that the toolkit starts is a `Companion`: started, watched and always waited for by the code that made it.
"""

from __future__ import annotations

import contextvars
import inspect
import math
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Generic, ParamSpec, TypeVar, cast

import anyio
import anyio.lowlevel
import anyio.to_thread

from asterion._core.callables import is_async_callable
from asterion.concurrency._places import Place, Unknown, current_place, is_at, running_task, task_context
from asterion.concurrency._tasks import Companion, Signal
from asterion.concurrency._turns import Turns, in_turns

__all__ = [
    "FRAMEWORK_THREADS",
    "Companion",
    "Place",
    "Signal",
    "ThreadedIterator",
    "Turns",
    "Unknown",
    "call",
    "current_place",
    "framework_limiter",
    "in_turns",
    "is_at",
    "iterate_in_threadpool",
    "run_framework_io",
    "run_in_threadpool",
    "run_until_first_complete",
    "running_task",
    "settle",
    "task_context",
]

P = ParamSpec("P")
T = TypeVar("T")

FRAMEWORK_THREADS = 16
"""Threads at most for the framework's own blocking work (files, spooled uploads), per event loop."""

_framework_limiter: anyio.lowlevel.RunVar[anyio.CapacityLimiter] = anyio.lowlevel.RunVar("asterion_framework_limiter")


class _ThreadCall:
    """A call in a worker thread.

    What it gives or raises is kept here until it is taken: the threads' libraries keep what they are given in futures
    and frames, which an exception refers to in its turn.
    """

    __slots__ = ("_args", "_error", "_func", "_kwargs", "_result")

    def __init__(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._func = func
        self._args = args
        self._kwargs = kwargs
        self._result: Any = None
        self._error: Exception | None = None

    def __call__(self) -> None:
        try:
            self._result = self._func(*self._args, **self._kwargs)
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            self._error = error
        finally:
            # The context of the thread may be kept by what was called, and knows of this call.
            del self._func, self._args, self._kwargs

    def take(self) -> Any:
        """What it has given; raises what it has raised."""
        error, self._error = self._error, None
        result, self._result = self._result, None
        try:
            if error is not None:
                raise error
        finally:
            del error  # which refers to this frame
        return result


class _HeldThread(_ThreadCall):
    """A call in a user thread. While it runs, a call that it waits for needs no thread of the limiter.

    Threads that wait do no work, so their number needs no limit; were it otherwise, a limiter whose threads all wait
    for one more would never move again (row 36).
    """

    __slots__ = ("waits",)

    def __init__(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__(func, args, kwargs)
        self.waits = True

    def __call__(self) -> None:
        # In the context of the thread, which is that of whatever it asks the event loop to run.
        _nesting.set(self)
        try:
            super().__call__()
        finally:
            self.waits = False


_nesting: contextvars.ContextVar[_HeldThread | None] = contextvars.ContextVar("asterion_nesting", default=None)
_nested_limiter: anyio.lowlevel.RunVar[anyio.CapacityLimiter] = anyio.lowlevel.RunVar("asterion_nested_limiter")


def _no_limit() -> anyio.CapacityLimiter:
    try:
        return _nested_limiter.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(math.inf)
        _nested_limiter.set(limiter)
        return limiter


async def run_in_threadpool(func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking `func` in a worker thread under the user limiter and return its result.

    Context variables are seen by `func`; what it sets stays in the thread. The call is not interrupted by cancellation:
    the thread ends first.
    """
    held = _nesting.get()
    limiter = _no_limit() if held is not None and held.waits else None
    thread_call = _HeldThread(func, args, kwargs)
    await anyio.to_thread.run_sync(thread_call, limiter=limiter)
    return cast(T, thread_call.take())


async def run_framework_io(func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run the framework's own blocking work (files) in a worker thread, on a limiter users cannot exhaust."""
    thread_call = _ThreadCall(func, args, kwargs)
    await anyio.to_thread.run_sync(thread_call, limiter=framework_limiter())
    return cast(T, thread_call.take())


def framework_limiter() -> anyio.CapacityLimiter:
    """The limiter of the framework's own threads in the running event loop."""
    try:
        return _framework_limiter.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(FRAMEWORK_THREADS)
        _framework_limiter.set(limiter)
        return limiter


async def call(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call whatever callable a user gave: on the loop if it is async, else in a worker thread.

    What comes back is awaited if it can be awaited, so that a lambda, a wrapper or a sync `__call__` that returns a
    coroutine does its work as well (issue 886).
    """
    if is_async_callable(func):
        return await func(*args, **kwargs)
    return await settle(await run_in_threadpool(func, *args, **kwargs))


async def settle(value: Any) -> Any:
    """`value`, or what it gives when awaited if it can be awaited."""
    return await value if inspect.isawaitable(value) else value


_EXHAUSTED: Any = object()


class ThreadedIterator(Generic[T]):
    """A sync iterator driven step by step in worker threads.

    All steps run in one context, so a context variable set in one step is there in the next. A class, not an async
    generator: nothing is left for the garbage collector to finish elsewhere.
    """

    __slots__ = ("_context", "_iterator", "_lock")

    def __init__(self, iterable: Iterable[T]) -> None:
        self._iterator: Iterator[T] = iter(iterable)
        self._context: contextvars.Context | None = None
        # A task of asyncio can be cancelled while a thread takes a step for it: closing waits for that thread.
        self._lock = threading.Lock()

    def __aiter__(self) -> ThreadedIterator[T]:
        return self

    async def __anext__(self) -> T:
        # StopIteration cannot cross a coroutine, so the end comes back as a value.
        item = await run_in_threadpool(self._step)
        if item is _EXHAUSTED:
            raise StopAsyncIteration
        return cast(T, item)

    def _step(self) -> Any:
        if self._context is None:
            self._context = contextvars.copy_context()
        try:
            with self._lock:
                return self._context.run(next, self._iterator, _EXHAUSTED)
        except StopAsyncIteration as error:
            # Let out of `__anext__` it would mean the end, and a body that is cut short would look complete.
            raise RuntimeError("a sync iterator raised StopAsyncIteration") from error

    async def aclose(self) -> None:
        """Close the iterator in a worker thread, if it can be closed. Harmless after its end."""
        close = getattr(self._iterator, "close", None)
        if close is None:
            return
        context = contextvars.copy_context() if self._context is None else self._context
        begun = False

        def close_in_thread() -> None:
            nonlocal begun
            begun = True
            with self._lock:
                context.run(close)

        try:
            await run_in_threadpool(close_in_thread)
        finally:
            if not begun:  # cancelled on the way to a thread
                with anyio.CancelScope(shield=True):
                    await run_in_threadpool(close_in_thread)


def iterate_in_threadpool(iterator: Iterable[T]) -> ThreadedIterator[T]:
    """An async iterator over a sync one, each step of which runs in a worker thread."""
    return ThreadedIterator(iterator)


async def run_until_first_complete(*args: tuple[Callable[..., Awaitable[Any]], dict[str, Any]]) -> None:
    """Run `(func, kwargs)` pairs at once, and cancel the others when the first has ended."""
    async with anyio.create_task_group() as group:

        async def run(func: Callable[..., Awaitable[Any]], kwargs: dict[str, Any]) -> None:
            await func(**kwargs)
            group.cancel_scope.cancel()

        for func, kwargs in args:
            group.start_soon(run, func, kwargs)
