"""No request within the limits holds the event loop for longer than 10 ms, but for those that say why."""

import logging
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from tests.growth.instructions import Instructions
from tests.growth.measure import WITH_TIME, known_work
from tests.growth.requests import LARGE, Large
from tests.growth.shapes import Kit
from tests.growth.steps import Longest, longest_step

QUICK = [one for one in LARGE if WITH_TIME or not one.slow]
TRIES = 3


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What fails on purpose here is not written down."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def _best(work: Any, backend: str) -> Longest:
    """The longest step: the shortest of several runs, where time counts, as everything else only adds to it."""
    tries = TRIES if WITH_TIME else 1
    return min((longest_step(work, backend) for _ in range(tries)), key=lambda one: one.timed)


@pytest.mark.parametrize("large", QUICK, ids=str)
@pytest.mark.parametrize("backend", ["asyncio", "trio"] if WITH_TIME else ["asyncio"])
def test_no_step_of_a_request_within_the_limits_takes_more_than_10_ms(large: Large, backend: str) -> None:
    if not WITH_TIME:
        _needs_a_counter()
    found = _best(large.prepared(Kit("asterion")), backend)
    assert found.counted is None or found.counted <= large.units
    if WITH_TIME:
        assert found.timed <= large.units


def test_what_takes_longer_says_why() -> None:
    assert all(one.because for one in LARGE if one.units != 1)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_measure_finds_the_longest_step_wherever_it_is(backend: str) -> None:
    """Of the first task, of one that it starts, and not the sum of several steps."""
    _needs_a_counter()

    async def thrice() -> None:
        for _ in range(3):
            known_work()
            await anyio.lowlevel.checkpoint()

    async def twice() -> None:
        await anyio.lowlevel.checkpoint()
        known_work()
        known_work()

    async def beside() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(twice)

    found = [longest_step(work, backend).counted for work in (thrice, beside)]
    assert found == pytest.approx([1, 2], rel=0.1)


def _needs_a_counter() -> None:
    counter = Instructions.open()
    if counter is None:
        pytest.skip("the processor's instructions cannot be counted here; make growth measures time instead")
    counter.close()
