"""Bringing the database's schema up to date, also when several processes start at once.

All revisions run in one transaction that holds a lock of the database: the second process waits, and then finds
nothing to do. A migration that fails leaves the schema as it was.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.engine import Connection

from fixbook.store._database import BUSY_SECONDS, Database
from fixbook.store._values import StoreUnavailable

__all__ = ["upgrade"]

_LOCK = 0x46697862  # "Fixb": the key of PostgreSQL's advisory lock


async def upgrade(database: Database) -> None:
    """Run the migrations that the database does not have yet.

    Raises StoreUnavailable if it cannot be reached, RuntimeError if a newer Fixbook has written it.
    """
    if database.dialect == "sqlite":
        await _write_ahead(database)
    async with database._write() as connection:
        if database.dialect == "postgresql":
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        head = ScriptDirectory.from_config(config).get_current_head()
        raise RuntimeError(
            f"the database's schema is not one of this Fixbook, whose newest is {head!r}: {error}; "
            "use the Fixbook that wrote it, or a newer one"
        ) from error


async def _write_ahead(database: Database) -> None:
    """Switch the file to the write-ahead log, which stays with it. The switch does not wait for others by itself."""
    outside = database.engine.execution_options(fixbook_begins=False)
    deadline = asyncio.get_running_loop().time() + BUSY_SECONDS
    while True:
        try:
            async with database._transaction(outside) as connection:
                await connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            return
        except StoreUnavailable as error:
            if "locked" not in str(error) or asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.05)
