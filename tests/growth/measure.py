"""How growth is measured, on machines that are busy with other things.

Where the processor's instructions can be counted, they are what is compared. CPU time, which also knows of memory that
is copied in one instruction, may grow four times as fast; `make growth` alone looks at it, as it takes a quiet machine,
and it is the only measure where nothing can be counted. Calls or events would not do: what is quadratic may be so
inside of one call into C (`re`, `str.find`, slices), which `sys.setprofile` and `sys.monitoring` count as one.
What disturbs CPU time only ever adds to it, so the least of several tries counts, and a growth that seems too large is
measured again before it is believed. From 16 KB to 1 MB, linear work grows 64 times; twice linear, 128 times, is
allowed; quadratic work grows 4,096 times, so that no noise hides it. A run that is not `make growth` goes to 128 KB:
8, 16 and 64 times.
"""

import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.growth.instructions import Instructions

WITH_TIME = bool(os.environ.get("ASTERION_GROWTH"))
"""Whether time is measured as well: on a quiet machine only (`make growth`)."""

SMALL, LARGE = 16 * 1024, (1024 if WITH_TIME else 128) * 1024
ALLOWED = 2 * LARGE // SMALL
_LEAST = 0.002  # seconds that one measurement takes at least: far above the clock's grain
_TRIES = 6


def cpu_time(work: Callable[[], Any], tries: int = 3, least: float = _LEAST) -> float:
    """The CPU seconds of one call of `work`: the least of several measurements."""
    with without_collections():
        times, best = 1, _timed(work, 1)
        while best * times < least and times < 100_000:
            times *= 4
            best = _timed(work, times)
        return min([best, *(_timed(work, times) for _ in range(tries - 1))])


@contextmanager
def without_collections() -> Iterator[None]:
    """No collection of garbage: what one costs belongs to the other objects of the process."""
    enabled = gc.isenabled()
    gc.collect(0)
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _timed(work: Callable[[], Any], times: int) -> float:
    start = time.thread_time()
    for _ in range(times):
        work()
    return (time.thread_time() - start) / times


def growth(parse: Callable[[Any], Any], shape: Callable[[int], Any]) -> float:
    """How many times the work of `parse` grows from an input of `SMALL` bytes to one of `LARGE`."""
    small, large = shape(SMALL), shape(LARGE)
    counter = Instructions.open()
    if counter is None:
        if not WITH_TIME:
            pytest.skip("the processor's instructions cannot be counted here; ASTERION_GROWTH=1 measures time instead")
        return _growth_of_time(parse, small, large, ALLOWED)
    try:
        parse(shape(SMALL // 2))  # what is made once only; another input, as some are remembered
        with without_collections():
            counted = counter.of(lambda: parse(large)) / counter.of(lambda: parse(small))
    finally:
        counter.close()
    if not WITH_TIME:
        return counted
    return max(counted, _growth_of_time(parse, small, large, 4 * ALLOWED) / 4)


def _growth_of_time(parse: Callable[[Any], Any], small: Any, large: Any, allowed: int) -> float:
    """How many times the CPU time grows, measured again as long as that seems more than `allowed`."""
    least_small, least_large, found = float("inf"), float("inf"), float("inf")
    for attempt in range(_TRIES):
        # What is far too slow is not waited for more than twice.
        if attempt > 1 and found > 8 * allowed:
            break
        least_large = min(least_large, cpu_time(lambda: parse(large), tries=1))
        least_small = min(least_small, cpu_time(lambda: parse(small), tries=1 + attempt))
        # Work that ends at once at both sizes (refused by its length) is constant, whatever its clock says.
        found = least_large / max(least_small, 2e-7)
        if found <= allowed:
            break
    return found


def known_work() -> int:
    """A piece of plain Python that takes about 10 ms on a quiet machine of 2020 to 2025: the yardstick for waits."""
    total = 0
    for number in range(400_000):
        total += number & 3
    return total
