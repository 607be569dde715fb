"""What the open day of the house would show: each defect planted here is found by a seed, and found again by it."""

import functools
from typing import Any

import anyio
import pytest

from asterion.requests import Request
from asterion.responses import PlainTextResponse, StreamingResponse
from asterion.testclient import Simulation, SimulationStuck
from tests.simulation import visitors
from tests.simulation.house import House
from tests.simulation.openday import open_day

# The visitors complain by `assert`, which -O leaves out of what pytest does not rewrite.
pytestmark = pytest.mark.skipif(not __debug__, reason="what finds the defects are assert statements")
backends = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def outcome(seed: int, backend: Any, visit: visitors.Visit) -> tuple[str, int]:
    """What comes of one open day, and after how many steps."""
    simulation = Simulation(seed, backend)
    try:
        simulation.run(functools.partial(open_day, visits=(visit,)))
    except (AssertionError, RuntimeError) as error:
        return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}", simulation.steps
    return "", simulation.steps


def found(backend: Any, visit: visitors.Visit, seeds: int = 30) -> list[str]:
    """The errors that some of `seeds` seeds find, each of which is found again, after as many steps."""
    outcomes = [outcome(seed, backend, visit) for seed in range(seeds)]
    assert outcomes == [outcome(seed, backend, visit) for seed in range(seeds)]
    return [error for error, _ in outcomes if error]


@backends
def test_a_name_kept_in_one_place_for_all_requests(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hello(self: House, request: Request) -> PlainTextResponse:
        self.name = request.path_params["name"]  # type: ignore[attr-defined]
        await self.simulation.pause(0.1)
        return PlainTextResponse(f"{self.name} {self.name} outer house")  # type: ignore[attr-defined]

    monkeypatch.setattr(House, "hello", hello)
    errors = found(backend, visitors.says_hello)
    assert 0 < len(errors) < 30


@backends
def test_a_count_that_is_read_and_written_on_two_sides_of_an_await(
    backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def counts(self: House, request: Request, call_next: Any) -> Any:
        inside = self.books.inside
        await anyio.lowlevel.checkpoint()
        self.books.inside = inside + 1
        try:
            return await call_next(request)
        finally:
            self.books.inside -= 1

    monkeypatch.setattr(House, "counts", counts)
    errors = found(backend, visitors.asks_for_what_there_is_not, seeds=40)
    assert 0 < len(errors) < 40


@backends
def test_an_iterator_that_is_left_open_when_its_client_goes(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Chunks:
        def __init__(self, house: House) -> None:
            self.house = house
            self.left = 3
            house.books.opened += 1

        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> bytes:
            await self.house.simulation.pause(0.5)
            self.left -= 1
            if not self.left:
                self.house.books.closed += 1
                raise StopAsyncIteration
            return b"x"

    async def stream(self: House, request: Request) -> StreamingResponse:
        return StreamingResponse(Chunks(self))

    monkeypatch.setattr(House, "stream", stream)
    assert len(found(backend, visitors.leaves_a_stream, seeds=10)) > 0


@backends
def test_a_lock_that_is_held_while_the_other_one_is_waited_for(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hello(self: House, request: Request) -> PlainTextResponse:
        one, other = vars(self).setdefault("locks", (anyio.Lock(), anyio.Lock()))
        if self.simulation.random.random() < 0.5:
            one, other = other, one
        async with one:
            await self.simulation.pause(0.1)
            async with other:
                return PlainTextResponse(f"{request.path_params['name']} " * 2 + "outer house")

    monkeypatch.setattr(House, "hello", hello)
    monkeypatch.setattr(House, "thread", hello)
    errors = found(backend, visitors.says_hello)
    assert set(errors) == {f"{SimulationStuck.__name__}: deadlock: no task can go on and no timer runs"}


@backends
def test_a_task_that_nobody_waits_for(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def background(self: House, request: Request) -> PlainTextResponse:
        name = request.path_params["name"]

        async def work() -> None:
            await self.simulation.pause(0.5)
            self.books.finished.append(name)

        from asterion.testclient._faces import OnLoop

        self.books.started.append(name)
        OnLoop().start(work)
        return PlainTextResponse(name)

    monkeypatch.setattr(House, "background", background)
    assert len(found(backend, visitors.orders, seeds=10)) == 10
