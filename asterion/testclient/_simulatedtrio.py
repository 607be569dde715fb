"""Trio with a seed: its own mock clock, which jumps when all tasks wait, and its own shuffle, seeded.

Trio shuffles every batch of ready tasks by chance already. What it lacks is a public way to say with which seed; the
seam is the one that its tools for tests use: `trio._core._run._r` and `_ALLOW_DETERMINISTIC_SCHEDULING`, of which the
latter sorts each batch by the age of its tasks before it is shuffled.
"""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import outcome
import trio
from trio._core import _run as seam  # SEAM: see above

from asterion.testclient._awaitstacks import describe, within
from asterion.testclient._watch import SimulationStuck, Watch

IDLE_ROUNDS = 3
"""Rounds of the loop without a step, a timer or a call from outside: more than trio needs to wake any task."""

_TRIO = os.path.dirname(trio.__file__)


@contextmanager
def seeded(random: Random) -> Iterator[None]:
    """Trio runs as `random` decides, in this block; after it, by chance again."""
    state, allowed = seam._r.getstate(), seam._ALLOW_DETERMINISTIC_SCHEDULING
    seam._r.setstate(random.getstate())
    seam._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc]
    try:
        yield
    finally:
        seam._r.setstate(state)
        seam._ALLOW_DETERMINISTIC_SCHEDULING = allowed  # type: ignore[misc]


class Instrument(trio.abc.Instrument):
    """Tells `watch` of trio's steps and rests. It cannot raise into the run, so it ends it by cancellation."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._idle = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """A task goes on."""
        self._idle = 0
        self._watch.stepped()

    def before_io_wait(self, timeout: float) -> None:
        """A round is over."""
        now = trio.lowlevel.current_statistics()
        if now.tasks_runnable or now.run_sync_soon_queue_size:
            self._watch.looked()
            return
        self._idle += 1
        dead = now.seconds_to_next_deadline == math.inf
        if not dead:
            self._watch.rested(trio.current_time(), dead=False)
        elif self._idle > IDLE_ROUNDS:
            self._idle = 0
            self._watch.rested(trio.current_time(), dead=True)


def waiting(but: object = None) -> list[str]:
    """What each task waits for, in the order in which they were made; trio's own tasks are left out."""
    tasks = [task for task in _tasks() if task is not but]
    return [describe(f"task {task.name!r}", task.coro) for task in tasks]


def force(error: SimulationStuck) -> None:
    """Throw `error` into every task, where it waits: they have not ended when they were cancelled."""
    for task in _tasks():
        if task._next_send_fn is None:  # SEAM: not scheduled already
            trio.lowlevel.reschedule(task, outcome.Error(error))


def _tasks() -> list[Any]:
    root = trio.lowlevel.current_root_task()
    found: list[Any] = []
    pending = [] if root is None else [root]
    while pending:
        task = pending.pop()
        pending.extend(child for nursery in task.child_nurseries for child in nursery.child_tasks)
        if not within(task.coro, _TRIO):
            found.append(task)
    return sorted(found, key=lambda task: task._counter)  # SEAM: the age of a task
