"""The tables, as SQLAlchemy knows them. What only one database has (FTS5, tsvector, triggers) is in the migrations.

Points in time are seconds since 1970 (UTC) in a double: the one form that both databases keep, compare and add alike.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Boolean, Double, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = ["Base", "cases", "chunks", "jobs", "runs", "sessions", "users", "votes"]


class Base(DeclarativeBase):
    """All tables of Fixbook."""

    type_annotation_map = {str: Text, float: Double, dict[str, Any]: JSON}  # noqa: RUF012 - SQLAlchemy's own form


class CaseRow(Base):
    """A case: its document, and the columns that lists ask for."""

    __tablename__ = "cases"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    package: Mapped[str | None] = mapped_column(index=True)
    status: Mapped[str | None]
    origin: Mapped[str] = mapped_column(String(16))  # "catalogue" or "import"
    listed: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))  # False: gone from the catalogue
    document: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(String(64))  # SHA-256 of the document: what has not changed is not written
    updated: Mapped[float]
    verified_run: Mapped[int | None]  # the run since which every target shows what was declared


class RunRow(Base):
    """What one execution showed. Rows are inserted and never changed; triggers of the database see to it."""

    __tablename__ = "runs"
    __table_args__ = (Index("runs_of_case", "case_id", "id"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"))
    role: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[str] = mapped_column(String(16))
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256 of document and job: recorded once
    document: Mapped[dict[str, Any]]
    recorded: Mapped[float]


class JobRow(Base):
    """A verification that was asked for. At most one of a case and role is queued or running."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index(
            "jobs_open",
            "case_id",
            "role",
            unique=True,
            sqlite_where=text("state <> 'done'"),
            postgresql_where=text("state <> 'done'"),
        ),
        Index("jobs_by_state", "state", "id"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"))
    role: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    attempt: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    lost: Mapped[int] = mapped_column(Integer, server_default=text("0"))  # attempts whose lease ran out
    chunks: Mapped[int] = mapped_column(Integer, server_default=text("0"))  # number of the last chunk
    requested_by: Mapped[str]
    created: Mapped[float]
    started: Mapped[float | None]
    finished: Mapped[float | None]
    worker: Mapped[str | None]
    lease_until: Mapped[float | None]
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    error: Mapped[str | None]


class ChunkRow(Base):
    """A piece of a job's output."""

    __tablename__ = "chunks"

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    attempt: Mapped[int] = mapped_column(Integer)
    stream: Mapped[str] = mapped_column(String(8))
    text: Mapped[str]
    at: Mapped[float]


class VoteRow(Base):
    """Whether a fix worked for somebody."""

    __tablename__ = "votes"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    voter: Mapped[str] = mapped_column(String(128), primary_key=True)
    worked: Mapped[bool] = mapped_column(Boolean)
    at: Mapped[float]


class UserRow(Base):
    """An administrator."""

    __tablename__ = "users"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    password: Mapped[str]  # argon2id, in its own encoding
    created: Mapped[float]


class SessionRow(Base):
    """An administrator's session: the SHA-256 of its token, never the token."""

    __tablename__ = "sessions"

    token: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user: Mapped[str] = mapped_column(ForeignKey("users.name", ondelete="CASCADE"))
    expires: Mapped[float]


def _table(model: type[Base]) -> Table:
    table = model.__table__
    if not isinstance(table, Table):
        raise TypeError(f"{model!r} is not mapped to a table")
    return table


cases, runs, jobs, chunks = _table(CaseRow), _table(RunRow), _table(JobRow), _table(ChunkRow)
votes, users, sessions = _table(VoteRow), _table(UserRow), _table(SessionRow)
