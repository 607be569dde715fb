"""What the store gives and raises: plain values, and errors that say what was wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fixbook.model import Case, Role

__all__ = ["Chunk", "Found", "Job", "JobLost", "JobState", "StoreUnavailable", "UnknownCase"]


class JobState(StrEnum):
    """Where a job is. Only the database says so."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Job:
    """One verification that was asked for: a case in one role."""

    id: int
    case: str
    role: Role
    state: JobState
    attempt: int  # how often it was claimed; 0 before the first time
    requested_by: str
    created: datetime  # aware, UTC, by the database's clock
    started: datetime | None = None  # of the latest attempt
    finished: datetime | None = None
    worker: str | None = None  # who has it, or had it last
    lease_until: datetime | None = None  # a running job may be claimed again after this
    run: int | None = None  # id of the run that it ended in
    error: str | None = None  # why it ended in none


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of what a running job says."""

    job: int
    number: int  # 1, 2, 3, … through all attempts of the job
    attempt: int
    stream: str  # "stdout", "stderr", or "state" for what the worker does
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """A case that full-text search found."""

    case: Case
    score: float  # above 0; higher is better; comparable within one answer only
    excerpt: str | None = None  # a line of the case with one of the words


class StoreUnavailable(Exception):
    """The database cannot be reached or does not answer. Nothing of the operation was kept; it may be tried again."""


class JobLost(Exception):
    """The worker does not have the job any more: its lease ran out and another one has it, or it is done."""


class UnknownCase(LookupError):
    """There is no case with this id in the store."""
