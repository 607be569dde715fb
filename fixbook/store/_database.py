"""Reaching the database: engines, transactions, its clock, and what is said when it is not there.

- SQLite: write-ahead log, foreign keys on, writers take their lock at the start and wait for each other.
- PostgreSQL: a connection is tried before it is used, so that those of a server that went away are replaced.
- Whatever shows that the database cannot be reached is `StoreUnavailable`; the next use tries anew.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import anyio
from sqlalchemy import ColumnElement, Double, event, literal_column
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from fixbook.store._events import Events
from fixbook.store._values import StoreUnavailable

__all__ = ["Database", "engine_of", "moment"]

BUSY_SECONDS = 30.0

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
_UNUSABLE = (OperationalError, InterfaceError, InternalError)
# PostgreSQL's classes of errors: connection, insufficient resources, shutting down (or a cancelled query).
_STATES = ("08", "53", "57")
_NOW = {
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
    "postgresql": "extract(epoch from clock_timestamp())::double precision",
}


def _url(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        raise ValueError(
            "the database's URL cannot be read; write sqlite+aiosqlite:///path or postgresql+asyncpg://host/name"
        ) from None
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    if url.drivername not in _DRIVERS.values():
        raise ValueError(f"no database of the kind {url.drivername!r}; there are sqlite+aiosqlite, postgresql+asyncpg")
    if url.drivername == _DRIVERS["sqlite"] and url.database in (None, "", ":memory:"):
        raise ValueError("SQLite in memory cannot be shared by connections; write sqlite+aiosqlite:///path/of/a.file")
    return url


def engine_of(text: str) -> AsyncEngine:
    """The engine for a URL. Nothing is connected yet. Raises ValueError for a database that Fixbook does not know."""
    url = _url(text)
    if url.drivername == _DRIVERS["postgresql"]:
        arguments = {"timeout": 10, "command_timeout": 60}
        return create_async_engine(url, pool_pre_ping=True, pool_size=10, connect_args=arguments)
    engine = create_async_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions begin where SQLAlchemy says, not where the driver guesses
    cursor = connection.cursor()
    for pragma in ("foreign_keys=ON", "synchronous=NORMAL", f"busy_timeout={int(BUSY_SECONDS * 1000)}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later cannot wait for another writer: it would have read the past.
    writes = connection.get_execution_options().get("fixbook_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def moment(seconds: float | None) -> Any:
    """Seconds since 1970 as an aware datetime; `None` stays."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _lost(error: BaseException) -> bool:
    if isinstance(error, DBAPIError):
        # SQLite says "file is not a database" by the plain class.
        plain = type(error) is DatabaseError
        state = str(getattr(error.orig, "sqlstate", None) or "")
        return plain or error.connection_invalidated or isinstance(error, _UNUSABLE) or state[:2] in _STATES
    # PoolTimeout: all connections are in use. While connecting, asyncpg's own errors come through, such as
    # "the database system is starting up".
    return isinstance(error, OSError | TimeoutError | PoolTimeout) or type(error).__module__.startswith("asyncpg")


class Database:
    """The engine and its transactions; the parts of the store are built on it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.events = Events()
        self.dialect = engine.dialect.name
        self._writer = engine.execution_options(fixbook_writes=True)
        self._now: ColumnElement[float] = literal_column(_NOW[self.dialect], Double)

    @asynccontextmanager
    async def _read(self) -> AsyncIterator[AsyncConnection]:
        async with self._transaction(self.engine) as connection:
            yield connection

    @asynccontextmanager
    async def _write(self) -> AsyncIterator[AsyncConnection]:
        async with self._transaction(self._writer) as connection:
            yield connection

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        try:
            # A client that goes while its page streams cancels what the stream waits for, again and again (anyio). A
            # connection whose closing is cancelled twice is never closed, and keeps the process from ending. None of
            # the transactions is long.
            with anyio.CancelScope(shield=True):
                async with engine.begin() as connection:
                    yield connection
        except Exception as error:
            if not _lost(error):
                raise
            place = engine.url.render_as_string(hide_password=True)
            reason = error.orig if isinstance(error, DBAPIError) else error
            raise StoreUnavailable(f"the database {place} cannot be used now: {reason or reason!r}") from error
