"""The words of Fixbook: a case, its reproduction, what is expected of it, and what was seen when it ran.

Everything here is a plain value: no files, no network, no database. What a page does not say is `None` or empty and
stays so; nothing is filled in by a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

CASE_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,78}[a-z0-9])?")
"""What a case may be called: it names a folder and stands in URLs. To be matched with `fullmatch`."""


class Role(StrEnum):
    """What a run is for: which version of the package the reproduction meets."""

    BROKEN = "broken"  # the last version that fails
    FIXED = "fixed"  # the first version that does not
    NEWEST = "newest"  # whatever the package index has today
    ASTERION = "asterion"  # the newest version's place taken by Asterion's drop-in


class Outcome(StrEnum):
    """What a run showed, by the declared expectations alone."""

    BROKEN = "broken"  # it did what the failure is declared to do
    RIGHT = "right"  # it did what a sound version is declared to do
    UNEXPECTED = "unexpected"  # it ran, and did neither, or both
    STOPPED = "stopped"  # a limit was passed: time, memory, output, files, processes
    NOT_VERIFIED = "not verified"  # it could not be run here: no package index, no environment
    SKIPPED = "skipped"  # the case does not ask for this role


@dataclass(frozen=True, slots=True)
class Quote:
    """One voice of the discussion."""

    text: str
    author: str | None = None
    date: str | None = None  # YYYY-MM-DD
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One way to deal with the failure, and when not to take it."""

    title: str
    text: str
    kind: str | None = None  # "upgrade", "workaround", "configuration", …
    not_when: str | None = None


@dataclass(frozen=True, slots=True)
class VersionStatus:
    """What a page *claims* of a version. What was measured stands in `Run`."""

    version: str
    status: str  # as the page has it: "Fixed", "Broken", …


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a run has to show to count as one thing. Everything that is given has to hold.

    `output` and `absent` are regular expressions searched in the output (both streams, in the order of arrival);
    `exception` is the name of the exception type that ended the process, with or without its module.
    """

    exit: int | None = None
    output: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    exception: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """One version to run the reproduction on, and what it is expected to show there.

    `version` is exact for `broken` and `fixed` and `None` for `newest` and `asterion`. `requires` are further
    requirement specifiers (PEP 508) for this version, beside those of the reproduction.
    """

    role: Role
    version: str | None = None
    requires: tuple[str, ...] = ()
    expect: Outcome = Outcome.RIGHT  # BROKEN or RIGHT


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A script that shows the failure where it is, and how both outcomes are told apart."""

    code: str
    path: str | None = None  # of the file beside the case, "repro.py"
    package: str | None = None  # distribution that has the failure: "starlette"
    requires: tuple[str, ...] = ()  # PEP 508, for every target
    targets: tuple[Target, ...] = ()
    broken: Expectation | None = None
    right: Expectation | None = None
    timeout: float = 60.0  # seconds
    files: Mapping[str, str] = field(default_factory=dict)  # further files beside the script, by relative path
    python: str | None = None  # specifier of the interpreter (PEP 440): ">=3.11"

    def target(self, role: Role) -> Target | None:
        """The target with this role, or `None`."""
        return next((target for target in self.targets if target.role is role), None)


@dataclass(frozen=True, slots=True)
class Source:
    """The page that a case was read from, kept whole."""

    name: str
    text: str
    layout: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One known failure: what breaks, why, since when it does not, and how that can be seen."""

    id: str
    title: str | None = None
    package: str | None = None  # name of the distribution
    repository: str | None = None  # "Kludex/starlette"
    issue: str | None = None  # "886" or a URL
    issue_url: str | None = None
    fix: str | None = None  # URL of the change that mended it
    first_fixed: str | None = None
    status: str | None = None  # "fixed" or "open" upstream
    summary: str | None = None  # what broke
    trigger: str | None = None
    mechanism: str | None = None  # why it broke
    why_it_works: str | None = None
    impact: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()  # how it shows in production
    signatures: tuple[str, ...] = ()
    error_message: str | None = None
    truncated: bool = False  # the page cut the error message or the code off
    reproduction: Reproduction | None = None
    environment: Mapping[str, str] = field(default_factory=dict)  # {"Python": "3.7.2"}
    options: tuple[Option, ...] = ()
    not_when: tuple[str, ...] = ()  # when not to use the fix at all
    discussion: tuple[Quote, ...] = ()
    prevention: tuple[str, ...] = ()
    versions: tuple[VersionStatus, ...] = ()
    confidence: float | None = None  # 0 to 1, as the page claims
    evidence: Mapping[str, str] = field(default_factory=dict)  # further claims: {"Last verified": "2026-02-09"}
    diff: str | None = None
    notes: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a page or a file that could not be taken over, with its place."""

    line: int  # 1 is the first; 0: the page as a whole
    message: str


@dataclass(frozen=True, slots=True)
class Run:
    """What one execution of a reproduction showed. Recorded once, never changed."""

    case: str
    role: Role
    outcome: Outcome
    expected: Outcome  # what the target declared
    package: str | None = None
    version: str | None = None  # that was installed, read from the environment
    requires: tuple[str, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)  # name -> version of everything installed
    exit_code: int | None = None
    signal: int | None = None
    reason: str | None = None  # why it was stopped or could not be run; which expectation failed
    output: str = ""
    truncated: bool = False  # output beyond the limit was dropped
    duration: float = 0.0  # seconds, of the reproduction alone
    started: datetime | None = None  # aware, UTC
    python: str | None = None
    machine: str | None = None
    digest: str | None = None  # SHA-256 of what was run (script, files, requirements, expectations)
    id: int | None = None  # once it is stored

    @property
    def confirmed(self) -> bool | None:
        """Whether it showed what was declared; `None` where it could not be run."""
        if self.outcome in (Outcome.NOT_VERIFIED, Outcome.SKIPPED):
            return None
        return self.outcome is self.expected


def is_verified(case: Case, runs: Mapping[Role, Run]) -> bool:
    """Whether every target of `case` has been run and has shown what was declared of it."""
    targets = case.reproduction.targets if case.reproduction else ()
    return bool(targets) and all(
        (run := runs.get(target.role)) is not None and run.confirmed is True for target in targets
    )


def plain(value: Any) -> Any:
    """`value` out of this module as JSON knows it: dictionaries, lists, strings, numbers, `None`."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value
