"""Jobs: asked for once, claimed by one worker at a time, finished by the one who has them, never lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from fixbook.model import Outcome, Role
from fixbook.store import LOST_ATTEMPTS, Chunk, JobLost, JobState, Store, UnknownCase, open_store
from tests.fixbook.store.samples import make_case, make_run

pytestmark = pytest.mark.anyio

CASE = "starlette-472"
OVER = -1.0  # a lease that has run out when it is given


@pytest.fixture
async def stocked(store: Store) -> Store:
    """A store with a case to be verified."""
    await store.sync_catalogue([make_case()])
    return store


async def test_a_job_that_is_open_is_not_queued_again(stocked: Store) -> None:
    job = await stocked.enqueue(CASE, Role.FIXED, "ann")
    assert (job.state, job.attempt, job.requested_by) == (JobState.QUEUED, 0, "ann")
    assert await stocked.enqueue(CASE, Role.FIXED, "bob") == job
    assert (await stocked.enqueue(CASE, Role.BROKEN, "bob")).id != job.id
    running = await stocked.claim("w", 60)
    assert running is not None
    assert (await stocked.enqueue(CASE, Role.FIXED, "bob")) == running
    await stocked.finish(running, "w", make_run(Role.FIXED))
    assert (await stocked.enqueue(CASE, Role.FIXED, "bob")).id not in (job.id, running.id)


async def test_asking_at_once_from_many_sides_makes_one_job(stocked: Store) -> None:
    jobs = await asyncio.gather(*(stocked.enqueue(CASE, Role.FIXED, f"v{n}") for n in range(8)))
    assert len({job.id for job in jobs}) == 1


async def test_what_cannot_be_run_is_not_queued(stocked: Store) -> None:
    with pytest.raises(UnknownCase, match="no case 'other'"):
        await stocked.enqueue("other", Role.FIXED, "ann")
    with pytest.raises(ValueError, match="no target for the role 'newest'"):
        await stocked.enqueue(CASE, Role.NEWEST, "ann")


async def test_workers_that_claim_at_once_get_different_jobs(store: Store, database_url: str) -> None:
    names = [f"case-{number}" for number in range(6)]
    await store.sync_catalogue([make_case(name) for name in names])
    for name in names:
        await store.enqueue(name, Role.FIXED, "ann")
    async with open_store(database_url) as other:
        claimed = await asyncio.gather(*((store, other)[n % 2].claim(f"w{n}", 60) for n in range(9)))
    cases = sorted(job.case for job in claimed if job is not None)
    assert cases == names


async def test_finishing_records_the_run_and_ends_the_job(stocked: Store) -> None:
    await stocked.enqueue(CASE, Role.FIXED, "ann")
    job = await stocked.claim("w", 60)
    assert job is not None
    run = await stocked.finish(job, "w", make_run(Role.FIXED))
    assert await stocked.finish(job, "w", make_run(Role.FIXED)) == run, "the answer may have been lost on its way"
    done = await stocked.job(job.id)
    assert done is not None
    assert (done.state, done.run, done.error) == (JobState.DONE, run.id, None)
    assert done.created <= (done.started or done.created) <= (done.finished or done.created)
    assert await stocked.runs(CASE) == [run]
    assert await stocked.claim("w", 60) is None


async def test_a_stale_worker_is_refused_everything(stocked: Store) -> None:
    await stocked.enqueue(CASE, Role.FIXED, "ann")
    first = await stocked.claim("first", OVER)
    second = await stocked.claim("second", 60)
    assert first is not None
    assert second is not None
    assert (first.id, first.attempt, second.attempt) == (second.id, 1, 2)
    with pytest.raises(JobLost, match="cannot be finished by the worker 'first' in its attempt 1"):
        await stocked.finish(first, "first", make_run(Role.FIXED))
    with pytest.raises(JobLost):
        await stocked.renew(first, "first", 60)
    with pytest.raises(JobLost):
        await stocked.release(first)
    with pytest.raises(JobLost):
        await stocked.append_output(first.id, "first", "x")
    with pytest.raises(JobLost):
        await stocked.append_output(first.id, "second", "x", attempt=1)
    assert await stocked.runs(CASE) == []
    await stocked.finish(second, "second", make_run(Role.FIXED))
    assert len(await stocked.runs(CASE)) == 1
    with pytest.raises(JobLost):
        await stocked.finish(first, "first", make_run(Role.FIXED, Outcome.BROKEN))


async def test_a_worker_whose_lease_ran_out_may_finish_while_nobody_else_has_the_job(stocked: Store) -> None:
    await stocked.enqueue(CASE, Role.FIXED, "ann")
    job = await stocked.claim("w", OVER)
    assert job is not None
    assert await stocked.finish(job, "w", make_run(Role.FIXED))


async def test_a_lease_that_is_renewed_is_kept(stocked: Store) -> None:
    await stocked.enqueue(CASE, Role.FIXED, "ann")
    job = await stocked.claim("w", OVER)
    assert job is not None
    await stocked.renew(job, "w", 60)
    assert await stocked.claim("other", 60) is None


async def test_a_job_that_is_given_back_is_claimed_by_the_next(stocked: Store) -> None:
    await stocked.enqueue(CASE, Role.FIXED, "ann")
    for attempt in range(1, LOST_ATTEMPTS + 3):
        job = await stocked.claim("w", 60)
        assert job is not None, "giving back is not losing"
        assert job.attempt == attempt
        await stocked.release(job)


async def test_a_job_that_takes_all_its_workers_down_is_given_up(stocked: Store) -> None:
    queued = await stocked.enqueue(CASE, Role.FIXED, "ann")
    for _ in range(LOST_ATTEMPTS):
        assert await stocked.claim("w", OVER) is not None
    assert await stocked.claim("w", 60) is None
    job = await stocked.job(queued.id)
    assert job is not None
    assert job.state is JobState.DONE
    assert job.error is not None
    assert "5 workers" in job.error
    assert (await stocked.enqueue(CASE, Role.FIXED, "ann")).id != queued.id


async def test_output_is_numbered_through_all_attempts(stocked: Store) -> None:
    await stocked.enqueue(CASE, Role.FIXED, "ann")
    job = await stocked.claim("a", OVER)
    assert job is not None
    assert await stocked.append_output(job.id, "a", "one\0") == 1
    await stocked.claim("b", 60)
    assert await stocked.append_output(job.id, "b", "two", "stderr") == 2
    pieces = await stocked.output(job.id, 0)
    assert [(p.number, p.attempt, p.stream, p.text) for p in pieces] == [
        (1, 1, "stdout", "one\ufffd"),
        (2, 2, "stderr", "two"),
    ]
    assert await stocked.output(job.id, 1) == pieces[1:]


async def test_output_is_followed_to_the_end_of_the_job(stocked: Store) -> None:
    await stocked.enqueue(CASE, Role.FIXED, "ann")
    job = await stocked.claim("w", 60)
    assert job is not None
    await stocked.append_output(job.id, "w", "one")
    following: AsyncIterator[Chunk] = stocked.follow(job.id, look_every=60)
    assert (await anext(following)).text == "one"
    waiting = asyncio.ensure_future(anext(following))
    await stocked.append_output(job.id, "w", "two")
    assert (await waiting).text == "two"
    ending = asyncio.ensure_future(anext(following, None))
    await stocked.finish(job, "w", make_run(Role.FIXED))
    assert await ending is None


async def test_jobs_are_listed_latest_first(stocked: Store) -> None:
    one = await stocked.enqueue(CASE, Role.FIXED, "ann")
    two = await stocked.enqueue(CASE, Role.BROKEN, "ann")
    assert await stocked.jobs() == [two, one]
    assert await stocked.jobs(limit=1, case_id=CASE) == [two]
    assert await stocked.jobs(state=JobState.RUNNING) == []
    assert await stocked.job(2**40) is None
