"""Worker processes: woken by a real Redis, killed in the middle of a job, and a Redis that loses all it had."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fixbook.jobs import over_redis
from fixbook.model import Role
from fixbook.settings import Settings
from fixbook.store import JobState, Store, open_store
from tests.fixbook.store.samples import make_case

pytestmark = pytest.mark.anyio

DEADLINE = 60.0


@asynccontextmanager
async def worker(database: str, redis: str, *options: str) -> AsyncIterator[Process]:
    """A worker in a process of its own, ready to work."""
    command = [sys.executable, "-m", "tests.fixbook.jobs.worker_process", database, redis, *options]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    try:
        assert await line(process) == "ready"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line(process: Process) -> str:
    """The next line that a worker prints."""
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


async def until_done(store: Store, *job_ids: int) -> None:
    """Wait for jobs that other processes run."""
    for job_id in job_ids:
        async for _ in store.follow(job_id, look_every=0.05):
            pass


async def test_a_worker_that_is_killed_in_the_middle_loses_no_job_and_no_result(
    store: Store, database_url: str, redis_server: Any
) -> None:
    """Two workers over a real Redis; one is killed (`kill -9`) while it runs a job, and the other one takes it over."""
    names = [f"case-{number}" for number in range(6)]
    await store.sync_catalogue([make_case(name) for name in names])
    settings = Settings(database_url=database_url, redis_url=redis_server.url)
    async with asyncio.timeout(DEADLINE), over_redis(store, settings):
        async with worker(database_url, redis_server.url, "hang") as doomed:
            jobs = [await store.enqueue(names[0], Role.FIXED, "ann")]
            assert await line(doomed) == names[0]
            async with worker(database_url, redis_server.url) as sound:
                jobs += [await store.enqueue(name, Role.FIXED, "ann") for name in names[1:]]
                await until_done(store, *(job.id for job in jobs[1:]))
                held = await store.job(jobs[0].id)
                assert held is not None
                assert (held.state, held.attempt) == (JobState.RUNNING, 1), "its worker lives, and keeps it"
                doomed.send_signal(signal.SIGKILL)
                await doomed.wait()
                await until_done(store, jobs[0].id)
                sound.terminate()
    for job in jobs:
        done = await store.job(job.id)
        assert done is not None
        assert (done.state, done.error) == (JobState.DONE, None)
        assert [run.id for run in await store.runs(job.case)] == [done.run], "one result each"
    taken = await store.job(jobs[0].id)
    assert taken is not None
    assert taken.attempt == 2
    assert [piece.attempt for piece in await store.output(taken.id)] == [1, 2]


async def test_a_redis_that_is_killed_and_comes_back_empty_loses_no_job(
    store: Store, database_url: str, redis_server: Any
) -> None:
    names = ["before", "while", "after"]
    await store.sync_catalogue([make_case(name) for name in names])
    settings = Settings(database_url=database_url, redis_url=redis_server.url)
    async with asyncio.timeout(DEADLINE), over_redis(store, settings):
        before = await store.enqueue("before", Role.FIXED, "ann")
        redis_server.kill()
        async with worker(database_url, redis_server.url):
            during = await store.enqueue("while", Role.FIXED, "ann")
            await until_done(store, before.id, during.id)
            redis_server.start()
            after = await store.enqueue("after", Role.FIXED, "ann")
            await until_done(store, after.id)
    assert all([len(await store.runs(name)) == 1 for name in names])


async def test_a_wake_up_is_what_makes_a_worker_look(tmp_path: Any, redis_server: Any) -> None:
    """Without looking by itself for an hour, a worker gets the job at once."""
    from fixbook.jobs import work
    from tests.fixbook.jobs.test_in_process import Fake

    url = f"sqlite+aiosqlite:///{tmp_path}/fixbook.db"
    settings = Settings(database_url=url, redis_url=redis_server.url)
    fake = Fake()
    fake.may_end.set()
    async with asyncio.timeout(DEADLINE), open_store(url) as site, open_store(url) as elsewhere:
        await site.sync_catalogue([make_case()])
        async with over_redis(site, settings):
            working = asyncio.create_task(work(elsewhere, settings, execute=fake, look_every=3600))
            job = await site.enqueue("starlette-472", Role.FIXED, "ann")
            await until_done(site, job.id)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
    assert len(fake.ran) == 1


async def test_workers_without_a_redis_find_jobs_by_looking(store: Store, database_url: str) -> None:
    await store.sync_catalogue([make_case()])
    async with asyncio.timeout(DEADLINE), worker(database_url, ""):
        job = await store.enqueue("starlette-472", Role.FIXED, "ann")
        await until_done(store, job.id)


async def test_without_a_redis_there_is_no_queue_over_it(store: Store) -> None:
    with pytest.raises(ValueError, match="FIXBOOK_REDIS_URL is not set"):
        async with over_redis(store, Settings()):
            pass
