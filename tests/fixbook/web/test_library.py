"""What one process knows of the cases, on each database."""

from __future__ import annotations

import pytest

from fixbook.model import Outcome, Role
from fixbook.store import Store
from fixbook.web._library import Library
from tests.fixbook.web.samples import BARE, OPEN, POURING, TRACEBACK, shown

pytestmark = pytest.mark.anyio


async def test_the_latest_runs_of_all_cases_are_those_of_each(store: Store) -> None:
    await store.sync_catalogue([POURING, OPEN, BARE])
    assert await store.all_latest_runs() == {}
    for run in (
        shown(POURING, Role.FIXED, Outcome.BROKEN),
        shown(POURING, Role.FIXED, Outcome.RIGHT),
        shown(POURING, Role.FIXED, Outcome.NOT_VERIFIED, reason="no package index"),
        shown(POURING, Role.NEWEST, Outcome.NOT_VERIFIED, reason="no package index"),
        shown(OPEN, Role.NEWEST, Outcome.BROKEN),
    ):
        await store.record(run)
    latest = await store.all_latest_runs()
    assert latest == {case.id: await store.latest_runs(case.id) for case in (POURING, OPEN)}
    assert latest[POURING.id][Role.FIXED].outcome is Outcome.RIGHT


async def test_a_case_is_found_by_signature_before_words_and_once(store: Store) -> None:
    await store.sync_catalogue([POURING, OPEN, BARE])
    library = Library(store)
    by_signature = await library.find(TRACEBACK)
    assert (by_signature[0].entry.case.id, by_signature[0].score is not None) == (POURING.id, True)
    by_words = await library.find("handle hot")
    assert by_words[0].entry.case.id == OPEN.id
    both = await library.find("SpoutBlocked: the spout of <Teapot> is blocked")
    assert [hit.entry.case.id for hit in both].count(POURING.id) == 1
    assert await library.find("   ") == []
    assert [entry.case.id for entry in await library.entries()] == [BARE.id, POURING.id, OPEN.id]
