"""Whole applications with several visitors at once, under many seeds: whatever the order, each gets what is its own.

Each seed has its own way of running function middleware, its own visitors, and its own moments at which they come, wait
and go. The long form: ASTERION_SIMULATION_SEEDS=20000.
"""

import functools
import logging
import os
from typing import Any

import anyio
import pytest

from asterion.testclient import Simulation, simulate
from tests.simulation import visitors
from tests.simulation.house import House

SEEDS = int(os.environ.get("ASTERION_SIMULATION_SEEDS", "200"))
WAYS = ("nested", "turns", "task")
backends = pytest.mark.parametrize("backend", ["asyncio", "trio"])


async def open_day(simulation: Simulation, visits: tuple[visitors.Visit, ...], guests: int = 4, each: int = 2) -> None:
    """Some guests, each of whom does some of `visits`, one after the other; then the house closes its books."""
    house = House(simulation, WAYS[simulation.seed % 3], layers=1 + simulation.seed // 3 % 3)
    async with simulation.clients(house.app, guests) as clients:
        assert house.books.lifespans == ["outer starts", "inner starts"]

        async def guest(number: int) -> None:
            for visit in range(each):
                await simulation.pause(0.3)
                await simulation.random.choice(visits)(house, clients[number], f"guest-{number}-{visit}")

        await simulation.together(*(functools.partial(guest, number) for number in range(guests)))
        await anyio.sleep(1)  # background work goes on after its request was cancelled
        assert len(simulation.waiting()) == 1, simulation.waiting()  # the lifespan
    books = house.books
    assert books.lifespans[2:] == ["inner stops", "outer stops"]
    assert books.opened == books.closed
    assert books.inside == 0
    assert books.room == {}
    assert sorted(books.started) == sorted(books.finished)
    assert simulation.waiting() == []


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Any:
    """An event loop only logs what nobody has asked for: exceptions of tasks and callbacks."""
    with caplog.at_level(logging.WARNING):
        yield
    assert [record.getMessage() for record in caplog.records] == []


@backends
def test_every_visitor_gets_what_is_its_own_and_nothing_is_left_behind(backend: Any) -> None:
    simulate(functools.partial(open_day, visits=visitors.VISITS), seeds=SEEDS, backends=[backend])


@backends
@pytest.mark.parametrize("visit", dict.fromkeys(visitors.VISITS), ids=lambda visit: visit.__name__)
def test_many_visitors_who_all_do_the_same(visit: visitors.Visit, backend: Any) -> None:
    simulate(functools.partial(open_day, visits=(visit,), each=1), seeds=SEEDS // 16, backends=[backend])
