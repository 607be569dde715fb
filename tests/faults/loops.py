"""The event loops under the harness: each suspension of a request's tasks is counted, and a fault falls at one of them.

On asyncio every task of the request is made by a class that steps its coroutine itself; on trio an instrument sees each
step. Both count the toolkit's helper tasks as well as the request's own.
"""

import asyncio
import asyncio.tasks
import contextlib
import types
from collections.abc import Callable, Coroutine, Generator, Iterator
from typing import Any

import trio

Inject = Callable[[], None]


class Meter:
    """Counts suspensions, and calls `inject` right after those in `at`."""

    def __init__(self) -> None:
        self.count = 0
        self.at: dict[int, Inject] = {}
        self.on = False
        self.schedule: Callable[[Inject], Any] = lambda inject: inject()

    def start(self, at: dict[int, Inject]) -> None:
        """Count from nought; a fault at 0 falls before the first step."""
        self.count = 0
        self.at = at
        self.on = True
        if 0 in at:
            at[0]()

    def tick(self) -> None:
        """A task of the request has been suspended."""
        if self.on:
            self.count += 1
            inject = self.at.get(self.count)
            if inject is not None:
                self.schedule(inject)


METER = Meter()


@types.coroutine
def _stepped(coroutine: Any) -> Generator[Any, Any, Any]:
    value: Any = None
    error: BaseException | None = None
    while True:
        try:
            wait = coroutine.send(value) if error is None else coroutine.throw(error)
        except StopIteration as stop:
            return stop.value
        METER.tick()
        value = error = None
        try:
            value = yield wait
        except BaseException as thrown:
            error = thrown


async def _counted(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return await _stepped(coroutine)


class CountedTask(asyncio.Task):  # type: ignore[type-arg]
    """A task whose suspensions are counted."""

    def __init__(self, coro: Any, **options: Any) -> None:
        self.wrapped = coro
        super().__init__(_counted(coro), **options)
        self.add_done_callback(_close_unstarted)


def _close_unstarted(task: Any) -> None:
    task.wrapped.close()  # cancelled before its first step, it was never entered; else it has ended


def _factory(loop: Any, coro: Any, **options: Any) -> Any:
    return CountedTask(coro, loop=loop, **options)


class _TaskMeta(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, asyncio.tasks.Task)

    def __call__(cls, coro: Any, **options: Any) -> Any:
        return CountedTask(coro, **options)


class _AnyTask(metaclass=_TaskMeta):
    """In the place of `asyncio.Task`: makes counted tasks, and knows all others."""


@contextlib.contextmanager
def counting_on_asyncio(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Within, every new task of `loop` is counted."""
    before, plain = loop.get_task_factory(), asyncio.Task
    loop.set_task_factory(_factory)
    asyncio.Task = _AnyTask  # type: ignore[assignment,misc]
    METER.schedule = loop.call_soon
    try:
        yield
    finally:
        METER.on = False
        asyncio.Task = plain  # type: ignore[misc]
        loop.set_task_factory(before)


class _Steps(trio.abc.Instrument):
    """Counts the steps of the tasks that did not exist before."""

    def __init__(self) -> None:
        self.known: set[Any] = set()
        self.alive: set[Any] = set()

    def task_spawned(self, task: Any) -> None:
        self.alive.add(task)

    def task_exited(self, task: Any) -> None:
        self.alive.discard(task)

    def after_task_step(self, task: Any) -> None:
        if task in self.alive:
            METER.tick()


@contextlib.contextmanager
def counting_on_trio() -> Iterator[_Steps]:
    """Within, every new task is counted; gives what knows which of them are alive."""
    steps = _Steps()
    METER.schedule = lambda inject: inject()
    trio.lowlevel.add_instrument(steps)
    try:
        yield steps
    finally:
        METER.on = False
        trio.lowlevel.remove_instrument(steps)
