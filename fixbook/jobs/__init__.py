"""The queue of verifications: in the server's own process, or over Redis with any number of workers on any machines.

    async with open_store(settings.database_url) as store, running(store, settings):
        await store.enqueue("starlette-472", Role.FIXED, "somebody")

Asking for a run is `Store.enqueue` and nothing else. The database is the truth about every job; a queue only wakes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from fixbook.execution import Event, Limits
from fixbook.execution import execute as execute_here
from fixbook.jobs._worker import Execute, Worker
from fixbook.model import Case, Run, Target
from fixbook.settings import Settings
from fixbook.store import Store

__all__ = ["LOOK_EVERY", "Execute", "Worker", "executor", "in_process", "over_redis", "running", "work"]

LOOK_EVERY = 5.0  # seconds


def executor(settings: Settings) -> Execute:
    """What runs reproductions for real, with the limits and the cache of `settings`."""
    limits = Limits(seconds=settings.run_seconds)

    async def run(case: Case, target: Target, *, on_event: Callable[[Event], None]) -> Run:
        return await execute_here(case, target, limits=limits, cache=settings.cache, on_event=on_event)

    return run


def _worker(store: Store, settings: Settings, execute: Execute | None, look_every: float) -> Worker:
    execute = execute or executor(settings)
    return Worker(store, execute, slots=settings.workers, lease=settings.lease_seconds, look_every=look_every)


@asynccontextmanager
async def in_process(
    store: Store, settings: Settings, *, execute: Execute | None = None, look_every: float = LOOK_EVERY
) -> AsyncIterator[None]:
    """While this is entered, the jobs of `store` are run here, those that were queued before too.

    At the end, jobs at hand are given back to the queue. With `settings.workers` 0 nothing is run.
    """
    task = asyncio.create_task(_worker(store, settings, execute, look_every).run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def over_redis(store: Store, settings: Settings) -> AsyncIterator[None]:
    """While this is entered, each job that is asked for in this process wakes a worker somewhere (`fixbook worker`).

    Raises ValueError if no Redis is set. One that cannot be reached delays jobs and loses none.
    """
    from fixbook.jobs import _redis

    async with _redis.over_redis(store, settings):
        yield


@asynccontextmanager
async def running(store: Store, settings: Settings, *, execute: Execute | None = None) -> AsyncIterator[None]:
    """What `settings` say: `over_redis` where a Redis is set, else `in_process`. For a server's lifespan."""
    queue = in_process(store, settings, execute=execute) if settings.redis_url is None else over_redis(store, settings)
    async with queue:
        yield


async def work(
    store: Store, settings: Settings, *, execute: Execute | None = None, look_every: float = LOOK_EVERY
) -> None:
    """Run jobs until cancelled: what `fixbook worker` does. Woken by Redis where one is set, and by looking besides."""
    worker = _worker(store, settings, execute, look_every)
    if settings.redis_url is None:
        await worker.run()
        return
    from fixbook.jobs import _redis

    async with _redis.woken(worker, settings):
        await worker.run()
