"""Whatever is broken at whatever point of a request, nothing is lost, left or made up.

The quick part of the matrix, which `make faults` runs in full: each scenario, with points of which some are left out.
"""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults import runner
from tests.faults.broken import BROKEN, Broken
from tests.faults.cells import Cell
from tests.faults.http import Scenario
from tests.faults.judge import KINDS
from tests.faults.kit import Kit
from tests.faults.matrix import cells, run_cells
from tests.faults.starvation import starves

KIT = Kit("asterion")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def _spools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KIT.formparsers, "SpooledTemporaryFile", KIT.formparsers.SpooledTemporaryFile)


@pytest.mark.parametrize(
    ("loop", "layers", "version", "stride"),
    [
        ("asyncio", (0,), "2.3", 3),
        ("asyncio", (1,), "2.4", 11),
        ("asyncio", (3,), "2.3", 37),
        ("trio", (0, 1), "2.4", 19),
    ],
)
def test_no_fault_at_any_point_breaks_a_promise(loop: str, layers: tuple[int, ...], version: str, stride: int) -> None:
    """Cancellations, clients that leave, a `send` and a `receive` that raise, and two of these in one request."""
    tally = run_cells(KIT, cells(KIT, layers=layers, versions=[version]), loop=loop, stride=stride)
    assert tally.faulted > 500
    assert not tally.shown, "\n".join(tally.shown[:20])


def test_no_fault_at_any_point_breaks_a_promise_on_uvloop() -> None:
    """The same on uvloop, where it is installed."""
    pytest.importorskip("uvloop")
    tally = run_cells(KIT, cells(KIT, layers=(0,), versions=["2.4"]), loop="uvloop", stride=13)
    assert tally.faulted > 300
    assert not tally.shown, "\n".join(tally.shown[:20])


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: f"{case.kind}-{len(case.make.__qualname__)}")
def test_a_broken_application_is_found_guilty(case: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each detector proves itself: an application that breaks one promise is found to."""
    monkeypatch.setattr(runner, "SETTLE_SECONDS", 0.01)
    monkeypatch.setattr(runner, "HANG_SECONDS", 0.05)

    class BrokenCell(Cell):
        def build(self, stage: Any) -> Any:
            return case.make(stage)

    scenario = Scenario("broken", case.make, raises=case.ends_started, ends_started=case.ends_started, work=case.work)
    tally = run_cells(KIT, [BrokenCell(scenario)])
    assert tally.kinds[case.kind], tally.kinds
    if case.fault is not None:
        assert any(case.kind in line and case.fault in line for line in tally.shown)


def test_every_kind_of_violation_has_an_application_that_commits_it() -> None:
    """There is no detector that has not been seen to work."""
    assert {case.kind for case in BROKEN} == set(KINDS)


@pytest.mark.parametrize("layers", [0, 1, 3])
@pytest.mark.parametrize("silent", [True, False], ids=["silent", "failing"])
def test_a_stream_that_never_waits_sees_that_its_client_has_gone(layers: int, silent: bool, way: str) -> None:
    """Not even a `send` that never suspends lets one request keep the loop to itself."""
    assert not starves(KIT, layers, way, silent=silent)


@pytest.mark.parametrize("name", ["lifespan", "upload, not closed by the endpoint", "stream, sync generator"])
def test_what_was_found_once_stays_mended(name: str) -> None:
    """Every point of the scenarios where faults were found, without leaving one out."""
    tally = run_cells(KIT, cells(KIT, layers=(0,), versions=["2.3"], only=name))
    assert not tally.shown, "\n".join(tally.shown[:20])


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
@pytest.mark.parametrize("name", ["stream read in middleware", "background of a stream", "form read in middleware"])
def test_what_was_found_once_in_middleware_stays_mended(name: str, loop: str) -> None:
    """A cancellation within `dispatch` is never mistaken for an end; work waits for a response that is complete."""
    tally = run_cells(KIT, cells(KIT, layers=(1,), versions=["2.3"], only=name), loop=loop)
    assert not tally.shown, "\n".join(tally.shown[:20])
