"""What a request makes is freed when the request ends: nothing is left for the garbage collector to find."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from asterion.concurrency import run_framework_io, run_in_threadpool
from tests.faults.kit import Kit
from tests.growth.cycles import (
    CycleCell,
    Hung,
    Place,
    cells,
    cuts,
    garbage,
    names,
    resting_collector,
    turns,
)

KIT = Kit("asterion")
CELLS = [cell for cell in cells(KIT, own=True) if cell.version == ("2.3" if cell.layers == 1 else "2.4")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One place for all applications; what was there before is left out of every collection."""
    logging.disable(logging.CRITICAL)
    with resting_collector():
        yield Place(KIT, str(tmp_path_factory.mktemp("files")))
    logging.disable(logging.NOTSET)


@pytest.mark.anyio
@pytest.mark.parametrize("cell", CELLS, ids=str)
async def test_a_request_leaves_nothing_to_the_collector(place: Place, cell: CycleCell) -> None:
    """Whether it goes well, its client leaves, `send` or `receive` raises, or it is cancelled."""
    assert await place.leaves(cell, cuts(cell.scenario)) == []


class Careless:
    """An application that keeps in the scope what leads back to it."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["careless.receive"] = receive


class Waiting:
    """An application that waits for what never comes."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await anyio.sleep_forever()


@dataclass(frozen=True)
class Fixed(CycleCell):
    """A cell whose application is given."""

    app: Any = None

    def build(self, stage: Any) -> Any:
        """The application."""
        return self.app


@pytest.mark.anyio
async def test_an_application_that_leaves_a_cycle_is_found(place: Place) -> None:
    """Else the test above could not fail."""
    left = await place.leaves(Fixed(CELLS[0].scenario, app=Careless()), [None])
    assert "tests.faults.server.Server" in left


@pytest.mark.anyio
async def test_a_run_without_an_end_is_told_from_one_that_leaves_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.growth.cycles.HANG_SECONDS", 0.01)
    with pytest.raises(Hung, match="as it is"):
        await place.leaves(Fixed(CELLS[0].scenario, app=Waiting()), [None])


@pytest.mark.anyio
async def test_what_a_thread_raises_is_not_kept_by_the_frames_it_has_passed(collected: Callable[[], list[str]]) -> None:
    """The future and the frames of anyio's own call hold each other; an error comes back as a value here."""

    def fail() -> None:
        raise ValueError("in the thread")

    for run in (run_in_threadpool, run_framework_io):
        with contextlib.suppress(ValueError):
            await run(fail)
    await turns()
    assert collected() == []


@pytest.fixture
def collected() -> Iterator[Callable[[], list[str]]]:
    """What the collector finds of what this test has made."""
    with resting_collector():
        yield lambda: names(garbage())
