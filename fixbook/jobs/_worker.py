"""A worker: claims jobs, runs them, keeps its lease while it does, and records what it saw.

- What a worker knows of a job is in the database before it starts, and again when it is done. A worker that dies is
  replaced when its lease runs out.
- A worker that lost a job (it was away for too long, and another one has it) stops running it and records nothing.
- A result that cannot be recorded because the database is away is kept until it is back.
- A worker that is stopped gives its job back.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Callable
from typing import Protocol

from fixbook.execution import Event
from fixbook.jobs._speech import Speech
from fixbook.model import Case, Outcome, Role, Run, Target
from fixbook.store import Job, JobLost, Store, StoreUnavailable

__all__ = ["Execute", "Worker"]

logger = logging.getLogger("fixbook.jobs")

GOODBYE_SECONDS = 5.0


class Execute(Protocol):
    """What runs a reproduction: `fixbook.execution.execute`, or what a test puts in its place."""

    async def __call__(self, case: Case, target: Target, *, on_event: Callable[[Event], None]) -> Run:
        """Run it and say what it showed. When cancelled, leave nothing behind."""
        ...


class Worker:
    """Takes jobs from the store, at most `slots` at a time.

    `lease` is how long a job stays its own when it is not heard of, and `look_every` how long it waits for a wake-up
    before it looks at the database by itself; both in seconds.
    """

    def __init__(
        self, store: Store, execute: Execute, *, slots: int = 1, lease: float = 30.0, look_every: float = 5.0
    ) -> None:
        self.store = store
        self.execute = execute
        self.slots = slots
        self.lease = lease
        self.look_every = look_every
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._free = asyncio.Semaphore(slots)

    async def run(self) -> None:
        """Work until it is cancelled; then the jobs at hand are given back."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.slots):
                group.create_task(self._slot())

    async def _slot(self) -> None:
        with self.store.events.listen("queue") as bell:
            while True:
                if not await self.run_one():
                    await bell.wait(self.look_every)

    async def run_one(self) -> bool:
        """Take a job and run it to its end; whether there was one. After an error, which is logged, it comes again."""
        async with self._free:
            try:
                job = await self.store.claim(self.name, self.lease)
                if job is None:
                    return False
                await self._work(job)
            except JobLost as error:
                logger.warning("%s", error)
            except StoreUnavailable as error:
                logger.warning("%s; trying again", error)
                return False
            except Exception:  # one job that cannot be handled does not stop the others
                logger.exception("a job could not be handled; it comes again when its lease has run out")
                return False
            return True

    async def _work(self, job: Job) -> None:
        run: Run | None = None
        try:
            run = await self._look(job)
            await self._finish(job, run)
        except asyncio.CancelledError:
            await self._let_go(job, run)
            raise

    async def _look(self, job: Job) -> Run:
        """What the job shows. Raises JobLost when it is somebody else's by now."""
        case = await self.store.case(job.case)
        target = case.reproduction.target(job.role) if case and case.reproduction else None
        if case is None or target is None:
            return _none(job, Outcome.SKIPPED, f"the case declares no target for the role {job.role.value!r} any more")
        speech = Speech(self.store, job, self.name)
        executing = asyncio.ensure_future(self.execute(case, target, on_event=speech.hear))
        keeping = asyncio.create_task(self._keep(job))
        speaking = asyncio.create_task(speech.tell())
        try:
            await asyncio.wait({executing, keeping}, return_when=asyncio.FIRST_COMPLETED)
            if not executing.done():
                keeping.result()  # it ends by an error alone: the job is lost
            run = _result(executing, job, target)
            await speech.end(speaking)
            return run
        finally:
            for task in (executing, keeping, speaking):
                task.cancel()
            await asyncio.gather(executing, keeping, speaking, return_exceptions=True)

    async def _keep(self, job: Job) -> None:
        while True:
            await asyncio.sleep(self.lease / 3)
            try:
                await self.store.renew(job, self.name, self.lease)
            except StoreUnavailable as error:
                logger.warning("the lease of the job %d is not renewed: %s", job.id, error)

    async def _finish(self, job: Job, run: Run) -> None:
        while True:
            try:
                await self.store.finish(job, self.name, run)
            except StoreUnavailable as error:
                logger.warning("the result of the job %d waits for the database: %s", job.id, error)
                await asyncio.sleep(min(1.0, self.look_every))
            else:
                return

    async def _let_go(self, job: Job, run: Run | None) -> None:
        try:
            async with asyncio.timeout(GOODBYE_SECONDS):
                if run is None:
                    await self.store.release(job, self.name)
                else:
                    await self.store.finish(job, self.name, run)
        except (JobLost, StoreUnavailable, TimeoutError) as error:
            logger.warning("the job %d is left to its lease: %s", job.id, error)


def _result(executing: asyncio.Future[Run], job: Job, target: Target) -> Run:
    error = executing.exception()
    if error is None:
        return executing.result()
    logger.error("the job %d could not be run", job.id, exc_info=error)
    return _none(job, Outcome.NOT_VERIFIED, f"it could not be run here: {error!r}", target.expect)


def _none(job: Job, outcome: Outcome, reason: str, expected: Outcome | None = None) -> Run:
    declared = expected or (Outcome.BROKEN if job.role is Role.BROKEN else Outcome.RIGHT)
    return Run(case=job.case, role=job.role, outcome=outcome, expected=declared, reason=reason)
