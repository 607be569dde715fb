"""The database of Fixbook: cases, runs, jobs, votes, administrators.

    async with open_store("sqlite+aiosqlite:///fixbook.db") as store:
        await store.sync_catalogue(load_catalogue())
        found = await store.search("RuntimeError: No response returned")

`postgresql+asyncpg://user@host/name` is the other database. Both are brought up to date when they are opened.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fixbook.store._database import engine_of
from fixbook.store._events import Bell, Events
from fixbook.store._jobs import LOST_ATTEMPTS
from fixbook.store._migrate import upgrade
from fixbook.store._people import People
from fixbook.store._values import Chunk, Found, Job, JobLost, JobState, StoreUnavailable, UnknownCase

__all__ = [
    "LOST_ATTEMPTS",
    "Bell",
    "Chunk",
    "Events",
    "Found",
    "Job",
    "JobLost",
    "JobState",
    "Store",
    "StoreUnavailable",
    "UnknownCase",
    "open_store",
]


class Store(People):
    """All that is kept. Made by `open_store`; every method may raise StoreUnavailable, and may then be tried again."""


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[Store]:
    """The store at `url`, its schema brought up to date, closed at the end.

    Raises ValueError for a URL that is none of a database Fixbook knows, StoreUnavailable if it cannot be reached,
    RuntimeError if a newer Fixbook has written it.
    """
    store = Store(engine_of(url))
    try:
        await upgrade(store)
        yield store
    finally:
        await store.engine.dispose()
