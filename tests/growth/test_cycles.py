"""What a request makes is freed when the request ends: nothing is left for the garbage collector to find."""

import logging
from collections.abc import Iterator

import pytest

from tests.faults.kit import Kit
from tests.growth.cycles import (
    CycleCell,
    Place,
    cells,
    cuts,
    resting_collector,
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
