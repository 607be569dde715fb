"""Where code runs: its task, the context of the task, and the innermost cancel scope.

The seams of this toolkit with the event loop libraries are in here: what they keep and do not show.
"""

import asyncio
import contextvars
import gc
import sys
import weakref
from collections.abc import Callable
from typing import Any, cast

_TASK_BY_C = sys.version_info >= (3, 12)

if sys.version_info >= (3, 12):

    def _asyncio_task() -> Any:
        try:
            return asyncio.current_task()
        except RuntimeError:
            return None
else:
    from asyncio.events import _get_running_loop
    from asyncio.tasks import _current_tasks  # type: ignore[attr-defined] # SEAM: what current_task reads

    def _asyncio_task() -> Any:
        # PERF(benchmarks/header_middleware): asyncio.current_task is Python code before 3.12, and does just this.
        return _current_tasks.get(_get_running_loop())


def running_task() -> Any:
    """The task that is running now, of asyncio or of trio."""
    task = _asyncio_task()
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

Place = tuple[Any, Any, Any, Any]
"""A running task, its innermost cancel scope, and of asyncio a weak reference to the task, and its loop."""


def current_place() -> Place:
    """The running task and its innermost cancel scope, for comparison.

    Two equal places mean that no cancel scope was opened or left in between that is still open or already gone. A place
    whose scope cannot be seen is equal to none.
    """
    task = _asyncio_task()
    if task is None:
        trio_task = sys.modules["trio"].lowlevel.current_task()
        return trio_task, getattr(trio_task, "_cancel_status", Unknown()), None, None
    reference = weakref.ref(task)
    state = _anyio_state_of(reference)
    return task, None if state is None else state.cancel_scope, reference, task.get_loop()


def is_at(place: Place) -> bool:
    """Whether the running task and its innermost cancel scope are those of `place`."""
    # PERF(benchmarks/header_middleware): `current_place() == place` on asyncio, without making a place, and without
    # asking for the running loop, which costs a system call before 3.12.
    task = _asyncio_task() if _TASK_BY_C else _current_tasks.get(place[3])
    if task is not place[0]:
        return place[2] is None and current_place() == place
    state = _anyio_state_of(place[2])
    return (None if state is None else state.cancel_scope) is place[1]


def moved_place(place: Place) -> Place | None:
    """The present place, if it is in the task of `place`; else None."""
    # PERF(benchmarks/fastapi_shop): as above, without asking for the running loop.
    if place[2] is None:
        here = current_place()
        return here if here[0] is place[0] else None
    task = _asyncio_task() if _TASK_BY_C else _current_tasks.get(place[3])
    if task is not place[0]:
        return None
    state = _anyio_state_of(place[2])
    return task, None if state is None else state.cancel_scope, place[2], place[3]


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
