"""How growth is measured, on machines that are busy with other things.

The measure is CPU time of the measuring thread (`time.thread_time`), not counted calls or events: what is quadratic may
be so inside of one call into C (`re`, `str.find`, slices), which `sys.setprofile` and `sys.monitoring` count as one.
What disturbs CPU time only ever adds to it, so the least of several tries counts, and a growth that seems too large is
measured again before it is believed. From 16 KB to 1 MB, linear work grows 64 times; twice linear, 128 times, is
allowed; quadratic work grows 4,096 times, so that no noise hides it.
"""

import gc
import time
from collections.abc import Callable
from typing import Any

SMALL, LARGE = 16 * 1024, 1024 * 1024
ALLOWED = 2 * LARGE // SMALL
_LEAST = 0.002  # seconds that one measurement takes at least: far above the clock's grain
_TRIES = 6


def cpu_time(work: Callable[[], Any], tries: int = 3, least: float = _LEAST) -> float:
    """The CPU seconds of one call of `work`: the least of several measurements."""
    enabled = gc.isenabled()
    gc.disable()  # a collection's cost belongs to the other objects of the process
    try:
        times, best = 1, _timed(work, 1)
        while best * times < least and times < 100_000:
            times *= 4
            best = _timed(work, times)
        return min([best, *(_timed(work, times) for _ in range(tries - 1))])
    finally:
        if enabled:
            gc.enable()


def _timed(work: Callable[[], Any], times: int) -> float:
    start = time.thread_time()
    for _ in range(times):
        work()
    return (time.thread_time() - start) / times


def growth(parse: Callable[[Any], Any], shape: Callable[[int], Any]) -> float:
    """How many times the CPU time of `parse` grows from an input of 16 KB to one of 1 MB."""
    small, large = shape(SMALL), shape(LARGE)
    least_small, least_large, found = float("inf"), float("inf"), float("inf")
    for attempt in range(_TRIES):
        # What is far too slow is not waited for more than twice.
        if attempt > 1 and found > 8 * ALLOWED:
            break
        least_large = min(least_large, cpu_time(lambda: parse(large), tries=1))
        least_small = min(least_small, cpu_time(lambda: parse(small), tries=1 + attempt))
        # Work that ends at once at both sizes (refused by its length) is constant, whatever its clock says.
        found = least_large / max(least_small, 2e-7)
        if found <= ALLOWED:
            break
    return found


def known_work() -> int:
    """A piece of plain Python that takes about 10 ms on a quiet machine of 2020 to 2025: the yardstick for waits."""
    total = 0
    for number in range(200_000):
        total += number & 3
    return total
