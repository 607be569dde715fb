"""How the time is taken: rounds in which every framework has a turn, medians over the rounds, and their spread."""

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from benchmarks.server import ASGIApp, Ask, Seen, Served

RAW = "raw ASGI"
FRAMEWORKS = (RAW, "Starlette", "BlackSheep", "Falcon", "Litestar", "FastAPI", "Asterion")
"""In the order of the table's columns. Ratios are against Starlette."""


@dataclass(frozen=True)
class Area:
    """One row of the table: the same work, once for each framework.

    `builders` makes the application of a framework; one that raises ImportError is left out with a line saying so.
    `right` looks at a response and says whether the work was done.
    """

    slug: str
    title: str
    ask: Ask
    builders: dict[str, Callable[[], ASGIApp]]
    right: Callable[[Seen], bool]
    drive: Callable[[Served, int], Awaitable[None]] | None = None
    """What is done that many times; by default the request is made and answered."""


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    rounds: int
    seconds: float  # of CPU time, for one framework in one round


FULL = Effort(rounds=15, seconds=0.05)
QUICK = Effort(rounds=5, seconds=0.01)


@dataclass
class Timing:
    """The CPU time of one request in one area and framework, in microseconds for each round."""

    rounds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def spread(self) -> float:
        """Half of the distance between the quartiles, as a share of the median."""
        low, _, high = statistics.quantiles(self.rounds, n=4)
        return (high - low) / 2 / self.median


async def work(served: Served, area: Area, times: int) -> None:
    if area.drive is None:
        await served.ask_many(area.ask, times)
    else:
        await area.drive(served, times)


async def _calibrate(served: Served, area: Area, seconds: float) -> int:
    """How many requests take about that much CPU time; warms the framework up as well."""
    times = 1
    await work(served, area, times)  # the first time is not like the others
    while True:
        start = time.process_time()
        await work(served, area, times)
        taken = time.process_time() - start
        if taken >= seconds / 4:
            return max(1, round(times * seconds / taken))
        times *= 4


async def prepare(area: Area, name: str) -> Served:
    served = Served(area.builders[name]())
    if name != RAW:  # the applications without a framework have no lifespan
        await served.start()
    for turn in (0, 1) if area.drive is None else ():
        seen = await served.ask_once(area.ask, turn)
        if not area.right(seen):
            raise RuntimeError(f"{name} does not do the work of {area.title!r}: {seen!r}")
    return served


async def measure(area: Area, effort: Effort, say: Callable[[str], None]) -> dict[str, Timing]:
    """Measure one area over all frameworks that are there. The rounds take the frameworks in turn."""
    running: dict[str, Served] = {}
    for name in FRAMEWORKS:
        if name not in area.builders:
            continue
        try:
            running[name] = await prepare(area, name)
        except ImportError as exc:
            say(f"{name} is left out: {exc}")
    times = {name: await _calibrate(served, area, effort.seconds) for name, served in running.items()}
    timings = {name: Timing() for name in running}
    for turn in range(effort.rounds):
        names = list(running)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            gc.collect()
            await asyncio.sleep(0)
            start = time.process_time()
            await work(running[name], area, times[name])
            timings[name].rounds.append((time.process_time() - start) / times[name] * 1e6)
    for served in running.values():
        await served.stop()
    return timings
