"""A database that goes away is a clear error; when it is back, the same store goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from fixbook.store import StoreUnavailable, open_store
from tests.fixbook.store.samples import make_case, make_run

pytestmark = pytest.mark.anyio


async def test_postgresql_that_is_killed_and_started_again(own_postgres: Any) -> None:
    async with open_store(own_postgres.new_database()) as store:
        await store.sync_catalogue([make_case()])
        run = await store.record(make_run())
        own_postgres.kill()
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="cannot be used now"):
                await store.cases()
        own_postgres.start()
        assert await store.cases() == [make_case()]
        assert await store.runs("starlette-472") == [run]


async def test_a_database_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(StoreUnavailable) as caught:
        async with open_store("postgresql+asyncpg://ann:secret@127.0.0.1:1/fixbook"):
            pass
    assert "127.0.0.1:1/fixbook" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="unable to open"):
        async with open_store(f"sqlite+aiosqlite:///{tmp_path}/none/fixbook.db"):
            pass


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "fixbook.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        async with open_store(f"sqlite+aiosqlite:///{tmp_path}/fixbook.db"):
            pass


async def test_a_transaction_is_not_broken_off_by_who_is_cancelled_over_and_over(tmp_path: Path) -> None:
    """As anyio does it to a stream whose client has gone: a connection that is never closed would remain."""
    async with open_store(f"sqlite+aiosqlite:///{tmp_path / 'fixbook.db'}") as store:
        for _ in range(20):
            async with anyio.create_task_group() as group:
                group.start_soon(store.cases)
                await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
        assert store.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        assert "terminate" not in repr(task), task
