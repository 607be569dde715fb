"""Whole applications with several visitors at once, under many seeds: whatever the order, each gets what is its own.

Each seed has its own way of running function middleware, its own visitors, and its own moments at which they come, wait
and go. The long form: ASTERION_SIMULATION_SEEDS=20000.
"""

import functools
import logging
import os
from typing import Any

import pytest

from asterion.testclient import simulate
from tests.simulation import visitors
from tests.simulation.openday import open_day

SEEDS = int(os.environ.get("ASTERION_SIMULATION_SEEDS", "200"))
backends = pytest.mark.parametrize("backend", ["asyncio", "trio"])


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
