"""A worker process of the tests: `python -m tests.fixbook.jobs.worker_process DATABASE REDIS [hang]`.

Its executor prints the job's case on standard output when it starts. With `hang` it never ends: such a worker is there
to be killed in the middle of a job.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from fixbook.execution import Event
from fixbook.jobs import work
from fixbook.model import Case, Outcome, Run, Target
from fixbook.settings import Settings
from fixbook.store import open_store

LEASE = 1.0
LOOK_EVERY = 0.2


async def _main(database: str, redis: str, hang: bool) -> None:
    async def execute(case: Case, target: Target, *, on_event: Callable[[Event], None]) -> Run:
        on_event(Event("output", "started\n", "stdout"))
        sys.stdout.write(case.id + "\n")
        sys.stdout.flush()
        if hang:
            await asyncio.Event().wait()
        return Run(case=case.id, role=target.role, outcome=Outcome.RIGHT, expected=target.expect, output="started\n")

    settings = Settings(database_url=database, redis_url=redis or None, workers=1, lease_seconds=LEASE)
    async with open_store(database) as store:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await work(store, settings, execute=execute, look_every=LOOK_EVERY)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], "hang" in sys.argv[3:]))
