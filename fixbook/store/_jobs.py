"""Jobs: the one truth about what is to be run, who runs it, and until when they have it.

- A case and role that is queued or running is not queued again; whoever asks gets the job that is there.
- Claiming is one statement: no two workers get the same attempt. A worker has a job for as long as its lease; after
  that another may claim it. Worker and attempt together say who has it.
- Whoever does not have the job any more cannot finish it, renew it, or add to its output.
- A job whose lease ran out `LOST_ATTEMPTS` times is ended: it seems to take its workers down with it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from fixbook.model import Role, Run
from fixbook.store._database import moment
from fixbook.store._documents import storable
from fixbook.store._runs import Runs, _key
from fixbook.store._tables import chunks
from fixbook.store._tables import jobs as table
from fixbook.store._values import Chunk, Job, JobLost, JobState

__all__ = ["LOST_ATTEMPTS", "Jobs"]

LOST_ATTEMPTS = 5


class Jobs(Runs):
    """The part of the store that keeps the jobs."""

    async def enqueue(self, case_id: str, role: Role, requested_by: str) -> Job:
        """Ask for a verification; gives the job, which may have been there already (queued or running).

        Raises UnknownCase for a case that the store does not have, ValueError for a role its reproduction has not.
        """
        values = {"case_id": case_id, "role": role.value, "requested_by": storable(requested_by), "created": self._now}
        open_ = and_(table.c.case_id == case_id, table.c.role == role.value, table.c.state != "done")
        async with self._write() as connection:
            known = await self._lock_case(connection, case_id)
            if known.reproduction is None or known.reproduction.target(role) is None:
                raise ValueError(f"the case {case_id!r} declares no target for the role {role.value!r}")
            make = postgresql.insert if self.dialect == "postgresql" else sqlite.insert
            await connection.execute(make(table).values(state="queued", **values).on_conflict_do_nothing())
            # The lock on the case keeps the job from being finished between the two statements.
            row = (await connection.execute(select(table).where(open_))).one()
        self.events.ring("queue", f"job:{row.id}", f"case:{case_id}")
        return _job(row)

    async def claim(self, worker: str, lease: float) -> Job | None:
        """Take the oldest job that is queued or whose lease ran out, for `lease` seconds; `None` if there is none."""
        expired = and_(table.c.state == "running", table.c.lease_until <= self._now)
        waiting = (
            select(table.c.id)
            .where(or_(table.c.state == "queued", expired))
            .order_by(table.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)  # SQLite has one writer, and leaves this out
            .scalar_subquery()
        )
        async with self._write() as connection:
            ended = await self._give_up(connection, expired)
            statement = (
                update(table)
                .where(table.c.id == waiting)
                .values(
                    state="running",
                    worker=worker,
                    attempt=table.c.attempt + 1,
                    lost=table.c.lost + case((table.c.state == "running", 1), else_=0),
                    started=self._now,
                    lease_until=self._now + lease,
                )
                .returning(table)
            )
            row = (await connection.execute(statement)).one_or_none()
        self.events.ring(*(f"job:{number}" for number in ended))
        if row is None:
            return None
        self.events.ring(f"job:{row.id}")
        return _job(row)

    async def _give_up(self, connection: AsyncConnection, expired: ColumnElement[bool]) -> list[int]:
        hopeless = (
            select(table.c.id).where(expired, table.c.lost >= LOST_ATTEMPTS - 1).with_for_update(skip_locked=True)
        )
        error = f"given up: {LOST_ATTEMPTS} workers took it and were not heard of again"
        values = {"state": "done", "finished": self._now, "lease_until": None, "error": error}
        statement = update(table).where(table.c.id.in_(hopeless)).values(**values).returning(table.c.id)
        return list(await connection.scalars(statement))

    async def renew(self, job: Job, worker: str, lease: float) -> None:
        """Have the job for `lease` seconds from now. Raises JobLost if the worker does not have it any more."""
        async with self._write() as connection:
            await self._change(connection, job, worker, "renewed", {"lease_until": self._now + lease})

    async def release(self, job: Job, worker: str | None = None) -> None:
        """Give the job back to the queue, unfinished. Raises JobLost if the worker does not have it any more."""
        values = {"state": "queued", "worker": None, "lease_until": None}
        async with self._write() as connection:
            await self._change(connection, job, worker or job.worker or "", "released", values)
        self.events.ring("queue", f"job:{job.id}")

    async def finish(self, job: Job, worker: str, run: Run) -> Run:
        """Record what the job showed, and end it: both or neither. Gives the run with its id.

        The same worker may call it again when it has not heard an answer. Raises JobLost if the job is not the
        worker's any more; nothing is recorded then.
        """
        async with self._write() as connection:
            await self._lock_case(connection, job.case)
            statement = select(table).where(table.c.id == job.id).with_for_update()
            row = (await connection.execute(statement)).one_or_none()
            mine = row is not None and (row.worker, row.attempt) == (worker, job.attempt)
            if row is None or not mine or (row.state != "running" and row.run_id is None):
                raise _lost(job, worker, "finished")
            stored = await self._record(connection, run, job.id)
            if row.state == "running":
                values = {"state": "done", "run_id": stored.id, "finished": self._now, "lease_until": None}
                await connection.execute(update(table).where(table.c.id == job.id).values(**values))
        self.events.ring(f"job:{job.id}", f"case:{job.case}")
        return stored

    async def job(self, job_id: int) -> Job | None:
        """The job with this id, or `None`."""
        async with self._read() as connection:
            row = (await connection.execute(select(table).where(table.c.id == _key(job_id)))).one_or_none()
        return None if row is None else _job(row)

    async def jobs(self, state: JobState | None = None, case_id: str | None = None, limit: int = 50) -> list[Job]:
        """The jobs, the latest first; those in a state or of a case alone, where given."""
        statement = select(table)
        if state is not None:
            statement = statement.where(table.c.state == state.value)
        if case_id is not None:
            statement = statement.where(table.c.case_id == storable(case_id))
        async with self._read() as connection:
            rows = await connection.execute(statement.order_by(table.c.id.desc()).limit(max(0, limit)))
            return [_job(row) for row in rows]

    async def append_output(
        self, job_id: int, worker: str, text: str, stream: str = "stdout", attempt: int | None = None
    ) -> int:
        """Add to what a running job says; gives the number of the piece.

        Raises JobLost if the worker does not have the job any more (in this attempt, where one is given).
        """
        mine = [table.c.id == job_id, table.c.worker == worker, table.c.state == "running"]
        if attempt is not None:
            mine.append(table.c.attempt == attempt)
        statement = update(table).where(*mine).values(chunks=table.c.chunks + 1)
        async with self._write() as connection:
            row = (await connection.execute(statement.returning(table.c.chunks, table.c.attempt))).one_or_none()
            if row is None:
                raise JobLost(f"output of the job {job_id} by the worker {worker!r} is refused: it has lost the job")
            values = {"number": row.chunks, "attempt": row.attempt, "stream": stream, "text": storable(text)}
            await connection.execute(insert(chunks).values(job_id=job_id, at=self._now, **values))
        self.events.ring(f"job:{job_id}")
        return int(row.chunks)

    async def output(self, job_id: int, after: int = 0, limit: int = 1000) -> list[Chunk]:
        """The pieces of a job's output with numbers above `after`, in order."""
        statement = select(chunks).where(chunks.c.job_id == _key(job_id), chunks.c.number > after)
        async with self._read() as connection:
            rows = await connection.execute(statement.order_by(chunks.c.number).limit(limit))
            return [
                Chunk(row.job_id, row.number, row.attempt, row.stream, row.text, moment(row.at)) for row in rows.all()
            ]

    async def follow(self, job_id: int, after: int = 0, look_every: float = 1.0) -> AsyncIterator[Chunk]:
        """The pieces of a job's output as they come, until the job is done.

        What a worker in another process adds is seen after `look_every` seconds at the latest.
        """
        with self.events.listen(f"job:{job_id}") as bell:
            while True:
                job = await self.job(job_id)  # before the output: a job that is done has no more to come
                while pieces := await self.output(job_id, after):
                    for piece in pieces:
                        yield piece
                    after = pieces[-1].number
                if job is None or job.state is JobState.DONE:
                    return
                await bell.wait(look_every)

    async def _change(
        self, connection: AsyncConnection, job: Job, worker: str, what: str, values: dict[str, Any]
    ) -> None:
        mine = [table.c.id == job.id, table.c.worker == worker, table.c.attempt == job.attempt]
        statement = update(table).where(*mine, table.c.state == "running").values(**values).returning(table.c.id)
        if (await connection.execute(statement)).one_or_none() is None:
            raise _lost(job, worker, what)


def _lost(job: Job, worker: str, what: str) -> JobLost:
    return JobLost(
        f"the job {job.id} cannot be {what} by the worker {worker!r} in its attempt {job.attempt}: "
        "the lease ran out and the job is somebody else's, or it is done"
    )


def _job(row: Row) -> Job:  # type: ignore[type-arg]
    return Job(
        id=row.id,
        case=row.case_id,
        role=Role(row.role),
        state=JobState(row.state),
        attempt=row.attempt,
        requested_by=row.requested_by,
        created=moment(row.created),
        started=moment(row.started),
        finished=moment(row.finished),
        worker=row.worker,
        lease_until=moment(row.lease_until),
        run=row.run_id,
        error=row.error,
    )
