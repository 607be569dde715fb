"""An asyncio event loop in which a seed decides which task goes on, and time passes when nothing else can.

Laws: plain callbacks keep the order that `call_soon` promises; of the tasks that are ready, any one may be next, as
often as chance has it. Only public parts of asyncio are replaced: `call_soon`, `time` and the selector. Tasks are told
apart by their number, never by their address, so that a set of tasks that is cancelled is cancelled in one order.
"""

import asyncio
import contextvars
import selectors
import weakref
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from asterion.testclient._awaitstacks import describe
from asterion.testclient._simulatedthreads import Desk, Unlimited
from asterion.testclient._watch import Watch

Step = tuple[Callable[..., object], tuple[Any, ...], contextvars.Context]


class SimulatedLoop(asyncio.SelectorEventLoop):
    """The loop of one simulation. `random` chooses; `watch` is told of each step, and when nothing can go on."""

    def __init__(self, random: Random, watch: Watch, desk: Desk) -> None:
        self._now = 0.0
        self._random = random
        self._watch = watch
        self._desk = desk
        self._steps: dict[int, deque[Step]] = {}
        self._numbers: weakref.WeakKeyDictionary[asyncio.Task[Any], int] = weakref.WeakKeyDictionary()
        self._made = 0
        self._own_context = contextvars.Context()
        self._idle = _Idle(self)
        super().__init__(self._idle)
        self._idle.sealed = True

    # --- time --------------------------------------------------------------------------------------------------------

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def rest(self, timeout: float | None) -> None:
        """Nothing is ready: let `timeout` seconds pass. None: no timer runs either."""
        if timeout is not None:
            self._now += timeout
        self._watch.rested(self._now, dead=timeout is None)

    # --- which task is next ------------------------------------------------------------------------------------------

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """As asyncio's, but that steps of tasks are drawn, not queued."""
        task = getattr(callback, "__self__", None)  # SEAM: how asyncio itself tells the steps of tasks
        if not isinstance(task, asyncio.Task):
            return super().call_soon(callback, *args, context=context)
        steps = self._steps.setdefault(self._number(task), deque())
        steps.append((callback, args, contextvars.copy_context() if context is None else context))
        return super().call_soon(self._step, context=self._own_context)

    def _step(self) -> None:
        number = self._random.choice(sorted(self._steps))
        steps = self._steps[number]
        callback, args, context = steps.popleft()
        if not steps:
            del self._steps[number]
        self._watch.stepped()
        context.run(callback, *args)

    def _number(self, task: "asyncio.Task[Any]") -> int:
        number = self._numbers.get(task)
        if number is None:
            self._made += 1
            number = self._numbers[task] = self._made
        return number

    # --- threads -----------------------------------------------------------------------------------------------------

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """Run `func` in a thread, while the loop stands still; `executor` has no part in it."""
        return self.create_task(self._desk.run(func, args, abandon=True, limiter=Unlimited()))

    # --- what is there -----------------------------------------------------------------------------------------------

    def waiting(self, but: object = None) -> list[str]:
        """What each task waits for, in the order in which they were made."""
        tasks = [task for task in asyncio.all_tasks(self) if task is not but]
        return [describe(f"task {task.get_name()!r}", task.get_coro()) for task in sorted(tasks, key=self._number)]


class _Idle(selectors.DefaultSelector):
    """The selector of a loop without a network: asked to wait, it lets virtual time pass."""

    def __init__(self, loop: SimulatedLoop) -> None:
        super().__init__()
        self._loop = weakref.proxy(loop)
        self.sealed = False

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Only the loop's own pipe. Raises RuntimeError for anything else."""
        if self.sealed:
            raise RuntimeError(
                f"a simulation has no network and no pipes, so it cannot wait for {fileobj!r}: give the application a "
                "stand-in that lives in memory"
            )
        return super().register(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready of the loop's own pipe; if nothing is, time passes."""
        if timeout is not None and timeout <= 0:
            self._loop._watch.looked()
            return []
        woken = super().select(0)
        if not woken:
            self._loop.rest(timeout)
        return woken
