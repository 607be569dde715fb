"""Bringing the database's schema up to date, also when several processes start at once.

All revisions run in one transaction that holds a lock of the database: the second process waits, and then finds
nothing to do. A migration that fails leaves the schema as it was.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
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
        await asyncio.to_thread(_write_ahead, database.engine.url.database or "")
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


def _write_ahead(path: str) -> None:
    """Switch the file to the write-ahead log, which stays with it. The switch does not wait for others by itself.

    By the plain driver, before anything else: a file that cannot be opened is told without a thread left behind.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, uri=path.startswith("file:"))) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.DatabaseError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise StoreUnavailable(f"the database {path!r} cannot be used now: {error}") from error
            time.sleep(0.05)
