"""The cases as the pages need them: with their evidence, and ready to be compared with a traceback.

A snapshot is taken of the store, by one query each for cases and runs, and kept for a second. What another process has
written is there with the next one.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from asterion.concurrency import run_in_threadpool
from fixbook.finding import Index, Match
from fixbook.model import Case, Role, Run
from fixbook.store import Found, Store
from fixbook.web._evidence import Evidence, evidence_of

__all__ = ["Entry", "Hit", "Library"]

KEPT_SECONDS = 1.0
MOST_CASES = 5000
SURE = 0.3
"""From this score on, a match by signature stands before what was found by words."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A case in a list."""

    case: Case
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Hit:
    """A case that was found, and why."""

    entry: Entry
    score: float | None  # 0 to 1 by signature; None: by words
    reasons: tuple[str, ...] = ()
    excerpt: str | None = None


@dataclass(frozen=True, slots=True)
class _Snapshot:
    taken: float
    cases: tuple[Case, ...]
    entries: dict[str, Entry]
    index: Index


class Library:
    """What one process knows of the store's cases."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = asyncio.Lock()
        self._snapshot: _Snapshot | None = None

    async def entries(self) -> list[Entry]:
        """Every listed case, in the order of their ids."""
        return list((await self._current()).entries.values())

    async def find(self, text: str, limit: int = 10) -> list[Hit]:
        """The cases for a traceback, a message or some words, the best first."""
        text = text.strip()
        if not text:
            return []
        snapshot = await self._current()
        matches = await run_in_threadpool(snapshot.index.rank, text, limit)
        found: list[Found] = []
        if "\n" not in text or not matches:
            found = await self._store.search(text, limit)
        return _together(snapshot.entries, matches, found)[:limit]

    async def _current(self) -> _Snapshot:
        async with self._lock:
            known = self._snapshot
            if known is None or time.monotonic() - known.taken > KEPT_SECONDS:
                known = self._snapshot = await self._take(known)
            return known

    async def _take(self, before: _Snapshot | None) -> _Snapshot:
        taken = time.monotonic()
        cases = tuple(await self._store.cases(limit=MOST_CASES))
        runs = await self._store.all_latest_runs()
        nothing: dict[Role, Run] = {}
        entries = {case.id: Entry(case, evidence_of(case, runs.get(case.id, nothing))) for case in cases}
        same = before is not None and before.cases == cases
        index = before.index if before is not None and same else await run_in_threadpool(Index, cases)
        return _Snapshot(taken, cases, entries, index)


def _together(entries: dict[str, Entry], matches: tuple[Match, ...], found: list[Found]) -> list[Hit]:
    """Sure matches, then what was found by words, then the other matches; each case once."""
    hits = [Hit(entries[match.case.id], match.score, match.reasons) for match in matches if match.case.id in entries]
    by_words = [Hit(entries[item.case.id], None, (), item.excerpt) for item in found if item.case.id in entries]
    ordered = [hit for hit in hits if (hit.score or 0) >= SURE] + by_words + hits
    seen: dict[str, Hit] = {}
    for hit in ordered:
        seen.setdefault(hit.entry.case.id, hit)
    return list(seen.values())
