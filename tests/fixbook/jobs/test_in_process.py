"""Jobs in the server's own process: run, shown while they run, given back, and kept through an outage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixbook.execution import Event
from fixbook.jobs import in_process, running
from fixbook.model import Case, Outcome, Role, Run, Target
from fixbook.settings import Settings
from fixbook.store import JobState, Store, StoreUnavailable, open_store
from tests.fixbook.store.samples import make_case

pytestmark = pytest.mark.anyio

CASE = "starlette-472"
SETTINGS = Settings(workers=2, lease_seconds=60)


class Fake:
    """An executor that waits to be let go, and remembers what happened to it."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.may_end = asyncio.Event()
        self.cancelled = 0
        self.ran: list[tuple[str, Role]] = []

    async def __call__(self, case: Case, target: Target, *, on_event: Callable[[Event], None]) -> Run:
        """Say something, wait, end."""
        on_event(Event("state", "installing"))
        on_event(Event("output", "hel", "stdout"))
        on_event(Event("output", "lo\n", "stdout"))
        on_event(Event("output", "oh\n", "stderr"))
        self.ran.append((case.id, target.role))
        self.started.set()
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Run(case=case.id, role=target.role, outcome=Outcome.RIGHT, expected=target.expect, output="hello\noh\n")


@pytest.fixture
async def stocked(store: Store) -> Store:
    """A store with a case to be verified."""
    await store.sync_catalogue([make_case()])
    return store


async def drained(store: Store, job_id: int) -> list[tuple[str, str]]:
    """What a job says until it is done."""
    return [(piece.stream, piece.text) async for piece in store.follow(job_id, look_every=30)]


async def test_a_job_is_run_and_its_output_can_be_followed(stocked: Store) -> None:
    fake = Fake()
    async with asyncio.timeout(30), in_process(stocked, SETTINGS, execute=fake, look_every=60):
        job = await stocked.enqueue(CASE, Role.FIXED, "ann")
        following = asyncio.create_task(drained(stocked, job.id))
        await fake.started.wait()
        fake.may_end.set()
        assert await following == [("state", "installing"), ("stdout", "hello\n"), ("stderr", "oh\n")]
        done = await stocked.job(job.id)
        assert done is not None
        assert done.run is not None
        assert (await stocked.run(done.run)) == (await stocked.runs(CASE))[0]


async def test_what_was_queued_before_the_start_is_run(stocked: Store) -> None:
    jobs = [await stocked.enqueue(CASE, role, "ann") for role in (Role.BROKEN, Role.FIXED)]
    fake = Fake()
    fake.may_end.set()
    async with asyncio.timeout(30), running(stocked, SETTINGS, execute=fake):
        for job in jobs:
            await drained(stocked, job.id)
    assert sorted(fake.ran) == [(CASE, Role.BROKEN), (CASE, Role.FIXED)]


async def test_at_the_end_a_job_at_hand_is_given_back_and_run_at_the_next_start(stocked: Store) -> None:
    fake = Fake()
    async with asyncio.timeout(30):
        async with in_process(stocked, SETTINGS, execute=fake, look_every=60):
            job = await stocked.enqueue(CASE, Role.FIXED, "ann")
            await fake.started.wait()
        assert fake.cancelled == 1
        waiting = await stocked.job(job.id)
        assert waiting is not None
        assert (waiting.state, waiting.worker) == (JobState.QUEUED, None)
        assert await stocked.runs(CASE) == []
        fake.may_end.set()
        async with in_process(stocked, SETTINGS, execute=fake, look_every=60):
            await drained(stocked, job.id)
        assert len(await stocked.runs(CASE)) == 1


async def test_a_server_with_no_workers_runs_none(stocked: Store) -> None:
    async with in_process(stocked, Settings(workers=0), execute=Fake(), look_every=60):
        job = await stocked.enqueue(CASE, Role.FIXED, "ann")
    assert await stocked.job(job.id) == job


async def test_an_executor_that_fails_is_a_run_that_could_not_be_made(stocked: Store) -> None:
    async def execute(case: Case, target: Target, *, on_event: Callable[[Event], None]) -> Run:
        raise LookupError("a mistake of ours")

    async with asyncio.timeout(30), in_process(stocked, SETTINGS, execute=execute, look_every=60):
        job = await stocked.enqueue(CASE, Role.BROKEN, "ann")
        await drained(stocked, job.id)
    (run,) = await stocked.runs(CASE)
    assert (run.outcome, run.expected) == (Outcome.NOT_VERIFIED, Outcome.BROKEN)
    assert "a mistake of ours" in (run.reason or "")


async def test_a_case_that_lost_its_target_meanwhile_is_skipped(stocked: Store) -> None:
    job = await stocked.enqueue(CASE, Role.FIXED, "ann")
    await stocked.sync_catalogue([make_case(reproduction=None)])
    async with asyncio.timeout(30), in_process(stocked, SETTINGS, execute=Fake(), look_every=60):
        await drained(stocked, job.id)
    assert [run.outcome for run in await stocked.runs(CASE)] == [Outcome.SKIPPED]


async def test_a_worker_whose_job_was_taken_stops_running_it_and_records_nothing(stocked: Store) -> None:
    fake = Fake()
    settings = Settings(workers=1, lease_seconds=0.3)  # looked after every tenth of a second
    async with asyncio.timeout(30), in_process(stocked, settings, execute=fake, look_every=60):
        job = await stocked.enqueue(CASE, Role.FIXED, "ann")
        await fake.started.wait()
        from sqlalchemy import text

        async with stocked.engine.execution_options(fixbook_writes=True).begin() as connection:
            await connection.execute(
                text("UPDATE jobs SET worker = 'somebody', attempt = attempt + 1, lease_until = 9e9")
            )
        while not fake.cancelled:
            await asyncio.sleep(0.01)  # the worker's own rhythm; nothing tells of a job that is dropped
        assert await stocked.runs(CASE) == []
        taken = await stocked.job(job.id)
        assert taken is not None
        assert taken.worker == "somebody"


async def test_a_result_waits_for_a_database_that_is_away(own_postgres: Any) -> None:
    fake = Fake()
    async with asyncio.timeout(60), open_store(own_postgres.new_database()) as store:
        await store.sync_catalogue([make_case()])
        async with in_process(store, SETTINGS, execute=fake, look_every=0.1):
            job = await store.enqueue(CASE, Role.FIXED, "ann")
            await fake.started.wait()
            own_postgres.kill()
            with pytest.raises(StoreUnavailable):
                await store.job(job.id)
            fake.may_end.set()
            with pytest.raises(StoreUnavailable):
                await store.enqueue(CASE, Role.BROKEN, "ann")
            own_postgres.start()
            await drained(store, job.id)
            assert [run.output for run in await store.runs(CASE)] == ["hello\noh\n"]
            assert fake.ran == [(CASE, Role.FIXED)], "it was run once"
            again = await store.enqueue(CASE, Role.BROKEN, "ann")
            await drained(store, again.id)
            assert len(await store.runs(CASE)) == 2


async def test_a_server_that_starts_on_a_store_of_a_dead_one_takes_its_jobs(tmp_path: Path) -> None:
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/fixbook.db") as store:
        await store.sync_catalogue([make_case()])
        job = await store.enqueue(CASE, Role.FIXED, "ann")
        assert await store.claim("died", -1) is not None
        fake = Fake()
        fake.may_end.set()
        async with asyncio.timeout(30), in_process(store, SETTINGS, execute=fake, look_every=60):
            await drained(store, job.id)
        assert len(await store.runs(CASE)) == 1
