"""Threads and tasks: where user code runs, and the one kind of task the toolkit starts.

Two limiters keep threads apart. User code runs on anyio's default limiter (which people already tune); the framework's
own file work runs on a limiter of its own, so that slow user threads can neither starve nor deadlock it.

A task that the toolkit starts is a `Companion`: started, watched and always waited for by the code that made it.
"""

import asyncio
import contextvars
import gc
import inspect
import math
import sys
import weakref
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Generic, ParamSpec, TypeVar, cast

import anyio
import anyio.lowlevel
import anyio.to_thread

from asterion._core.callables import is_async_callable

P = ParamSpec("P")
T = TypeVar("T")

FRAMEWORK_THREADS = 16
"""Threads at most for the framework's own blocking work (files, spooled uploads), per event loop."""

_framework_limiter: anyio.lowlevel.RunVar[anyio.CapacityLimiter] = anyio.lowlevel.RunVar("asterion_framework_limiter")


class _HeldThread:
    """A call in a user thread. While it runs, a call that it waits for needs no thread of the limiter.

    Threads that wait do no work, so their number needs no limit; were it otherwise, a limiter whose threads all wait
    for one more would never move again (row 36).
    """

    __slots__ = ("_args", "_func", "_kwargs", "waits")

    def __init__(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._func = func
        self._args = args
        self._kwargs = kwargs
        self.waits = True

    def __call__(self) -> tuple[Any]:
        # In the context of the thread, which is that of whatever it asks the event loop to run.
        _nesting.set(self)
        try:
            return (self._func(*self._args, **self._kwargs),)
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
    # Boxed: trio refuses a coroutine as the result of a thread, where `call` wants to await it.
    (result,) = await anyio.to_thread.run_sync(_HeldThread(func, args, kwargs), limiter=limiter)
    return cast(T, result)


async def run_framework_io(func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run the framework's own blocking work (files) in a worker thread, on a limiter users cannot exhaust."""
    return await anyio.to_thread.run_sync(lambda: func(*args, **kwargs), limiter=framework_limiter())


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

    __slots__ = ("_context", "_iterator")

    def __init__(self, iterable: Iterable[T]) -> None:
        self._iterator: Iterator[T] = iter(iterable)
        self._context: contextvars.Context | None = None

    def __aiter__(self) -> "ThreadedIterator[T]":
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
            return self._context.run(next, self._iterator, _EXHAUSTED)
        except StopAsyncIteration as error:
            # Let out of `__anext__` it would mean the end, and a body that is cut short would look complete.
            raise RuntimeError("a sync iterator raised StopAsyncIteration") from error

    async def aclose(self) -> None:
        """Close the iterator in a worker thread, if it can be closed. Harmless after its end."""
        close = getattr(self._iterator, "close", None)
        if close is not None:
            await run_in_threadpool((self._context or contextvars.copy_context()).run, close)


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


# --- tasks -----------------------------------------------------------------------------------------------------------


_TASK_BY_C = sys.version_info >= (3, 12)

if sys.version_info >= (3, 12):
    _asyncio_task = asyncio.current_task
else:
    from asyncio.events import _get_running_loop
    from asyncio.tasks import _current_tasks  # type: ignore[attr-defined] # SEAM: what current_task reads

    def _asyncio_task() -> Any:
        # PERF(benchmarks/header_middleware): asyncio.current_task is Python code before 3.12, and does just this.
        return _current_tasks.get(_get_running_loop())


def running_task() -> Any:
    """The task that is running now, of asyncio or of trio."""
    try:
        task = _asyncio_task()
    except RuntimeError:
        task = None
    return task if task is not None else sys.modules["trio"].lowlevel.current_task()


def task_context(task: Any) -> contextvars.Context:
    """The very context `task` runs in (not a copy)."""
    if not isinstance(task, asyncio.Future):
        return cast(contextvars.Context, task.context)
    get_context = getattr(task, "get_context", None)
    if get_context is not None:
        return cast(contextvars.Context, get_context())
    # SEAM: asyncio.Task.get_context is new in 3.12; on 3.11 the task refers to its context all the same.
    for referent in gc.get_referents(task):
        if type(referent) is contextvars.Context:
            return referent
    return contextvars.copy_context()  # a task class that hides its context: a copy is the best there is


_ANYIO_BACKEND = "anyio._backends._asyncio"

Place = tuple[Any, Any, Any]
"""A running task, its innermost cancel scope, and a weak reference to the task."""


def current_place() -> Place:
    """The running task and its innermost cancel scope, for comparison.

    Two equal places mean that no cancel scope was opened or left in between that is still open or already gone. A place
    whose scope cannot be seen is equal to none.
    """
    try:
        task = _asyncio_task()
    except RuntimeError:
        task = None
    if task is None:
        trio_task = sys.modules["trio"].lowlevel.current_task()
        return trio_task, getattr(trio_task, "_cancel_status", Unknown()), None
    reference = weakref.ref(task)
    state = _anyio_state_of(reference)
    return task, None if state is None else state.cancel_scope, reference


def is_at(place: Place) -> bool:
    """Whether the running task and its innermost cancel scope are those of `place`."""
    # PERF(benchmarks/header_middleware): `current_place() == place` on asyncio, without making a place.
    reference = place[2]
    if reference is None or _TASK_BY_C:
        return current_place() == place
    if _current_tasks.get(_get_running_loop()) is not place[0]:
        return False
    state = _anyio_state_of(reference)
    return (None if state is None else state.cancel_scope) is place[1]


def _find_anyio_states(reference: Any) -> Any:
    """What anyio knows of a task; finds out once where anyio keeps that, and puts it in the place of this function."""
    # SEAM: anyio keeps the innermost cancel scope of an asyncio task in a private mapping. Where it is not found a
    # scope may always be open: function middleware then runs its inner application in a task, slower and as right.
    global _anyio_state_of  # noqa: PLW0603 - looked up once
    if _ANYIO_BACKEND not in sys.modules:
        return None  # no anyio scope can exist
    data = getattr(getattr(sys.modules[_ANYIO_BACKEND], "_task_states", None), "data", None)
    _anyio_state_of = data.get if isinstance(data, dict) else _Unseen
    return _anyio_state_of(reference)


_anyio_state_of: Callable[[Any], Any] = _find_anyio_states


class _Unseen:
    """The state of a task that cannot be seen."""

    __slots__ = ("cancel_scope",)

    def __init__(self, reference: Any) -> None:
        self.cancel_scope = Unknown()


class Unknown:
    """A cancel scope that cannot be seen; equal to nothing, itself included."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return False


class Signal:
    """An event for one waiter: what an event costs less, where two tasks take turns (PERF: a wrapped stream)."""

    __slots__ = ("_is_set", "_waiter")

    def __init__(self) -> None:
        self._is_set = False
        self._waiter: Any = None

    def set(self) -> None:
        """Let the waiter go on, now or when it comes."""
        self._is_set = True
        waiter = self._waiter
        if waiter is not None:
            if not isinstance(waiter, asyncio.Future):
                waiter.set()
            elif not waiter.done():
                waiter.set_result(None)

    async def wait(self) -> None:
        """Return once it is set, at once if it is. Raises RuntimeError for a second waiter."""
        if self._is_set:
            return
        if self._waiter is not None:
            raise RuntimeError("a Signal has one waiter, and it has one")
        try:
            self._waiter = asyncio.get_running_loop().create_future()
        except RuntimeError:
            self._waiter = sys.modules["trio"].Event()
            await self._waiter.wait()
        else:
            await self._waiter


class Companion:
    """A task beside the one that made it, which must wait for it.

    It is not a child: cancelling its maker does not reach it (the maker decides), and an exception stays in `error`
    until somebody asks. It may run in the very context of another task.
    """

    __slots__ = ("_cancelled", "_done", "_func", "_scope", "_task", "error")

    def __init__(self, func: Callable[[], Awaitable[Any]], *, context: contextvars.Context | None = None) -> None:
        self._func = func
        self._scope: anyio.CancelScope | None = None
        self._cancelled = False
        self._done = anyio.Event()
        self._task: Any
        self.error: BaseException | None = None
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._task = sys.modules["trio"].lowlevel.spawn_system_task(self._run, name=func)
            # Set before its first step: trio would enter it at once, where it may be entered already.
            self._task.context = contextvars.copy_context() if context is None else context
        else:
            # Made directly: an eager task factory would step it at once, in a context that is entered already.
            self._task = asyncio.Task(self._run(), loop=loop, context=context)

    async def _run(self) -> None:
        try:
            if not self._cancelled:
                with anyio.CancelScope() as self._scope:
                    await self._func()
        except anyio.get_cancelled_exc_class() as error:
            self.error = error
            raise
        except BaseException as error:  # noqa: BLE001 - kept for whoever waits
            self.error = error
        finally:
            self._done.set()

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._done.is_set()

    def cancel(self) -> None:
        """Ask it to end."""
        self._cancelled = True
        if self._scope is not None:
            self._scope.cancel()

    async def wait(self) -> None:
        """Wait until it has ended. If the waiter is cancelled it goes on; see `stop`."""
        await self._done.wait()

    async def stop(self) -> None:
        """Cancel it and wait for its end, even if the waiter is being cancelled itself."""
        if not self._done.is_set():
            self.cancel()
            with anyio.CancelScope(shield=True):
                await self._done.wait()

    async def join(self) -> None:
        """Wait for it, taking it along when the waiter is cancelled, and raise what it raised."""
        try:
            await self._done.wait()
        except BaseException:
            await self.stop()
            raise
        if self.error is not None:
            raise self.error
