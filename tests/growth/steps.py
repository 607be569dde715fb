"""How long a request holds the event loop: the longest piece of its work between two turns of the loop.

Each callback that asyncio runs (`asyncio.Handle._run`), and each step of a task on trio (`trio.abc.Instrument`), is
measured: by the instructions of this thread where they can be counted, and by its CPU time. Both are told as a ratio to
`known_work`, which takes 10 ms on a quiet machine: 1 is the bound. What worker threads do meanwhile does not count.
"""

import asyncio
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.lowlevel
import trio

from tests.growth.instructions import Instructions
from tests.growth.measure import known_work


class Meter:
    """Notes the longest piece of work between `begin` and `end`, in instructions and in seconds."""

    def __init__(self) -> None:
        self._counter = Instructions.open()
        self._begun = (0, 0.0)
        self.instructions, self.seconds = 0, 0.0

    def _now(self) -> tuple[int, float]:
        return (0 if self._counter is None else self._counter.read()), time.thread_time()

    def begin(self) -> None:
        """A piece of work begins."""
        self._begun = self._now()

    def end(self) -> None:
        """It ends."""
        instructions, seconds = self._now()
        self.instructions = max(self.instructions, instructions - self._begun[0])
        self.seconds = max(self.seconds, seconds - self._begun[1])

    def close(self) -> None:
        """Give the counter back."""
        if self._counter is not None:
            self._counter.close()


@dataclass(frozen=True)
class Longest:
    """The longest step, of which 1 is what `known_work` takes. `counted` is None where nothing can be counted."""

    counted: float | None
    timed: float
    milliseconds: float


class _TrioSteps(trio.abc.Instrument):
    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def before_task_step(self, task: Any) -> None:
        self._meter.begin()

    def after_task_step(self, task: Any) -> None:
        self._meter.end()


@contextmanager
def asyncio_steps(meter: Meter) -> Iterator[None]:
    """Every callback of asyncio's loops is measured."""
    handles: Any = asyncio.Handle
    plain = handles._run

    def run(handle: Any) -> None:
        meter.begin()
        try:
            plain(handle)
        finally:
            meter.end()

    handles._run = run
    try:
        yield
    finally:
        handles._run = plain


def longest_step(work: Callable[[], Any], backend: str = "asyncio") -> Longest:
    """The longest step of the coroutine function `work`, and of whatever it starts."""
    known, meter = Meter(), Meter()
    try:
        for _ in range(3):
            known.begin()
            known_work()
            known.end()
        gc.collect()
        gc.freeze()  # a collection's cost belongs to the other objects of the process, but for those of this request
        if backend == "trio":
            trio.run(work, instruments=[_TrioSteps(meter)])
        else:
            with asyncio_steps(meter):
                asyncio.run(work())
    finally:
        gc.unfreeze()
        known.close()
        meter.close()
    counted = meter.instructions / known.instructions if known.instructions else None
    return Longest(counted, meter.seconds / known.seconds, meter.seconds * 1000)


class Server:
    """One request: a body in pieces, before each of which the server waits (`waits`) or not, as it has them already."""

    def __init__(self, pieces: Sequence[bytes], *, waits: bool) -> None:
        self._pieces = list(reversed(pieces))
        self._waits = waits

    async def receive(self) -> dict[str, Any]:
        """The next piece, or the news that the client has gone."""
        if self._waits:
            await anyio.lowlevel.checkpoint()
        if not self._pieces:
            return {"type": "http.disconnect"}
        piece = self._pieces.pop()
        return {"type": "http.request", "body": piece, "more_body": bool(self._pieces)}

    async def send(self, message: dict[str, Any]) -> None:
        """Take a message, at once."""
