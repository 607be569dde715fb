"""What is known of a case by running it, said in the words of a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fixbook.model import Case, Outcome, Role, Run, Target

__all__ = ["Evidence", "Mark", "VersionRow", "evidence_of", "version_rows"]

ROLE_NAMES = {
    Role.BROKEN: "last broken",
    Role.FIXED: "first fixed",
    Role.NEWEST: "newest",
    Role.ASTERION: "Asterion",
}
_SAYS = {
    Outcome.BROKEN: "fails",
    Outcome.RIGHT: "right",
    Outcome.UNEXPECTED: "unexpected",
    Outcome.STOPPED: "stopped",
    Outcome.NOT_VERIFIED: "not verified here",
    Outcome.SKIPPED: "not asked for",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """One target of a case and what its latest run showed."""

    target: Target
    run: Run | None

    @property
    def name(self) -> str:
        """What the role is called on pages."""
        return ROLE_NAMES[self.target.role]

    @property
    def version(self) -> str | None:
        """The version that was measured, or else the declared one."""
        return (self.run.version if self.run else None) or self.target.version

    @property
    def says(self) -> str:
        """What was seen, in a word or two."""
        return _SAYS[self.run.outcome] if self.run else "not run"

    @property
    def state(self) -> str:
        """`confirmed`, `contradicted`, or `unknown`."""
        confirmed = self.run.confirmed if self.run else None
        return "unknown" if confirmed is None else "confirmed" if confirmed else "contradicted"

    @property
    def tone(self) -> str:
        """How it is coloured: `bad` and `good` for what was seen as declared, `odd`, `none`."""
        if self.run is None or self.state == "unknown":
            return "none"
        if self.state == "contradicted":
            return "odd"
        return "bad" if self.run.outcome is Outcome.BROKEN else "good"


@dataclass(frozen=True, slots=True)
class Evidence:
    """All marks of a case, and what they come to."""

    marks: tuple[Mark, ...]

    @property
    def state(self) -> str:
        """`verified`, `contradicted`, `partly` or `unverified`."""
        states = [mark.state for mark in self.marks]
        if "contradicted" in states:
            return "contradicted"
        if states and all(state == "confirmed" for state in states):
            return "verified"
        return "partly" if "confirmed" in states else "unverified"

    @property
    def says(self) -> str:
        """The state in words."""
        return {
            "verified": "Verified by running it",
            "contradicted": "A run contradicts it",
            "partly": "Verified in part",
            "unverified": "Not verified yet",
        }[self.state]

    @property
    def latest(self) -> Run | None:
        """The run that was started last."""
        runs = [mark.run for mark in self.marks if mark.run is not None and mark.run.started is not None]
        return max(runs, key=lambda run: str(run.started), default=None)


def evidence_of(case: Case, runs: Mapping[Role, Run]) -> Evidence:
    """The state of the evidence for `case` by its latest runs."""
    targets = case.reproduction.targets if case.reproduction else ()
    return Evidence(tuple(Mark(target, runs.get(target.role)) for target in targets))


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version: what the page claims of it, and what was measured."""

    version: str
    claim: str | None
    mark: Mark | None


def version_rows(case: Case, evidence: Evidence) -> tuple[VersionRow, ...]:
    """One row for each version that was measured or is to be, then those that are only claimed."""
    claims = {item.version: item.status for item in case.versions}
    if case.first_fixed:
        claims.setdefault(case.first_fixed, "First fixed")
    rows = []
    for mark in evidence.marks:
        version = mark.version or mark.name
        foreign = mark.target.role is Role.ASTERION
        claim = None if foreign else claims.get(version)
        rows.append(VersionRow(version if not foreign else "Asterion", claim, mark))
    measured = {row.version for row in rows}
    rows.extend(VersionRow(version, claim, None) for version, claim in claims.items() if version not in measured)
    return tuple(rows)
