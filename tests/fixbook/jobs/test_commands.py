"""`fixbook worker` and `fixbook database`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from fixbook.casefile import load_catalogue
from fixbook.store import open_store

pytestmark = pytest.mark.anyio


async def start(database: str, *arguments: str) -> Process:
    """The command, with this database."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("FIXBOOK_")}
    command = [sys.executable, "-m", "fixbook", *arguments]
    return await asyncio.create_subprocess_exec(
        *command, env={**variables, "FIXBOOK_DATABASE_URL": database}, stdout=PIPE, stderr=PIPE
    )


async def test_the_database_is_brought_up_to_date_and_takes_the_catalogue(database_url: str) -> None:
    upgrade = await start(database_url, "database", "upgrade")
    out, err = await upgrade.communicate()
    assert upgrade.returncode == 0, err.decode()
    assert b"up to date" in out
    sync = await start(database_url, "database", "sync")
    await sync.communicate()
    async with open_store(database_url) as store:
        assert await store.cases(limit=1000) == list(load_catalogue())


async def test_a_database_that_cannot_be_reached_is_told_in_a_line(tmp_path: Path) -> None:
    for arguments in (("database", "upgrade"), ("worker",)):
        process = await start(f"sqlite:///{tmp_path}/none/fixbook.db", *arguments)
        _, err = await process.communicate()
        assert process.returncode == 1
        assert b"unable to open database file" in err
        assert b"Traceback" not in err


async def test_a_worker_that_is_told_to_end_ends_well(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/fixbook.db"
    async with asyncio.timeout(60), open_store(url):
        process = await start(url, "worker")
        assert process.stderr is not None
        while b"waiting for jobs" not in await process.stderr.readline():
            pass
        process.send_signal(signal.SIGTERM)
        _, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert b"given back" in err
