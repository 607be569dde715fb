"""A day on which a house is open: several visitors at once, and the books are balanced when it closes."""

import functools

import anyio

from asterion.testclient import Simulation
from tests.simulation import visitors
from tests.simulation.house import House
from tests.simulation.kits import ASTERION, Kit

WAYS = ("nested", "turns", "task")


async def open_day(
    simulation: Simulation, visits: tuple[visitors.Visit, ...], guests: int = 4, each: int = 2, kit: Kit = ASTERION
) -> None:
    """Some guests, each of whom does some of `visits`, one after the other; then the house closes its books."""
    house = House(simulation, WAYS[simulation.seed % 3], layers=1 + simulation.seed // 3 % 3, kit=kit)
    names = ["outer", "inner"] if kit is ASTERION else ["outer"]  # Starlette runs no mounted lifespan, as documented
    async with simulation.clients(house.app, guests, strict=True) as clients:
        assert house.books.lifespans == [f"{name} starts" for name in names]

        async def guest(number: int) -> None:
            for visit in range(each):
                await simulation.pause(0.3)
                await simulation.random.choice(visits)(house, clients[number], f"guest-{number}-{visit}")

        await simulation.together(*(functools.partial(guest, number) for number in range(guests)))
        await anyio.sleep(1)  # background work goes on after its request was cancelled
        assert len(simulation.waiting()) == 1, simulation.waiting()  # the lifespan
    books = house.books
    assert books.lifespans[len(names) :] == [f"{name} stops" for name in reversed(names)]
    assert books.opened == books.closed
    assert books.inside == 0
    assert books.room == {}
    if kit is ASTERION:  # Starlette's background work ends with a request that is cancelled, by choice
        assert sorted(books.started) == sorted(books.finished)
    assert simulation.waiting() == []
