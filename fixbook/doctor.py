"""Which known failures affect the versions that are installed in an interpreter.

The claim comes from the cases: older than the first fixed release, or open with no release that fixes it. `confirm`
goes further and runs the reproductions on the very versions that are installed, in environments of their own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.metadata import distributions
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from fixbook.casefile import load_catalogue
from fixbook.execution import Event, Limits, execute
from fixbook.model import Case, Outcome, Role, Run, Target

__all__ = ["DoctorError", "Finding", "Report", "Verdict", "confirm", "examine", "installed", "judged"]

_SECONDS = 60
_ASK = """\
import json, sys
try:
    from importlib.metadata import distributions
except ImportError:
    sys.exit("this needs Python 3.8 or newer, and this is " + sys.version.split()[0])
found = [[d.metadata["Name"], d.version] for d in distributions() if d.metadata["Name"]]
print(json.dumps({"python": sys.version.split()[0], "packages": found}))
"""


class DoctorError(RuntimeError):
    """An interpreter that cannot be examined."""


class Verdict(StrEnum):
    """What is known of one case and one installed version."""

    AFFECTED = "affected"
    CLEAR = "not affected"
    UNKNOWN = "unknown"  # the case does not say, or the version is none


_ORDER = (Verdict.AFFECTED, Verdict.UNKNOWN, Verdict.CLEAR)


@dataclass(frozen=True, slots=True)
class Finding:
    """One case whose package is installed."""

    case: Case
    package: str
    version: str
    verdict: Verdict
    reason: str
    run: Run | None = None  # of the reproduction on this version, where it has been run


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in one interpreter. Cases of packages that are not installed are left out."""

    python: str  # the interpreter
    version: str  # of Python
    packages: Mapping[str, str]  # canonical name -> version
    findings: tuple[Finding, ...]  # affected ones first

    @property
    def exit_code(self) -> int:
        """For CI: 1 if a case affects this interpreter, 2 if of one that cannot be told, else 0."""
        verdicts = {finding.verdict for finding in self.findings}
        if Verdict.AFFECTED in verdicts:
            return 1
        return 2 if Verdict.UNKNOWN in verdicts else 0


def examine(python: str | None = None, cases: Iterable[Case] | None = None) -> Report:
    """Which of `cases` (the catalogue) affect what is installed in `python` (this interpreter).

    `python` is an interpreter or the folder of a virtual environment. Raises `DoctorError` where it cannot be run.
    """
    known = load_catalogue() if cases is None else tuple(cases)
    interpreter = sys.executable if python is None else _interpreter(python)
    version, packages = _ours() if python is None else installed(interpreter)
    findings = []
    for case in known:
        name = case.package or (case.reproduction.package if case.reproduction else None)
        found = packages.get(canonicalize_name(name)) if name else None
        if name and found is not None:
            findings.append(Finding(case, name, found, *judged(case, found)))
    findings.sort(key=lambda finding: (_ORDER.index(finding.verdict), finding.case.id))
    return Report(interpreter, version, packages, tuple(findings))


def judged(case: Case, version: str) -> tuple[Verdict, str]:
    """Whether `case` affects `version` of its package by what the case says, and why."""
    try:
        asked = Version(version)
    except InvalidVersion:
        return Verdict.UNKNOWN, f"{version!r} is not a version that can be compared"
    first_fixed = _version(case.first_fixed or _target_version(case, Role.FIXED))
    if first_fixed is not None:
        if asked >= first_fixed:
            return Verdict.CLEAR, f"fixed since {first_fixed}"
        return Verdict.AFFECTED, f"fixed in {first_fixed}, and {asked} is older"
    if case.status == "open":
        return Verdict.AFFECTED, "open: no release fixes it"
    last_broken = _version(_target_version(case, Role.BROKEN))
    if last_broken is not None and asked <= last_broken:
        return Verdict.AFFECTED, f"{last_broken} is known to fail, and {asked} is no newer"
    return Verdict.UNKNOWN, "the case tells no fixed release, and does not say that it is open"


def _target_version(case: Case, role: Role) -> str | None:
    target = case.reproduction.target(role) if case.reproduction else None
    return target.version if target else None


def _version(text: str | None) -> Version | None:
    try:
        return Version(text) if text else None
    except InvalidVersion:
        return None


def _ours() -> tuple[str, dict[str, str]]:
    pairs = [(found.metadata["Name"], found.version) for found in distributions() if found.metadata["Name"]]
    return sys.version.split()[0], _first(pairs)


def _first(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """By canonical name; of a name that is there twice, the one that is found first, as the import system does."""
    found: dict[str, str] = {}
    for name, version in pairs:
        found.setdefault(canonicalize_name(name), version)
    return found


def _interpreter(python: str) -> str:
    folder = Path(python)
    if not folder.is_dir():
        return python
    for below in ("bin/python", "Scripts/python.exe"):
        if (folder / below).exists():
            return str(folder / below)
    raise DoctorError(f"{python!r} is a folder without bin/python; name an interpreter or a virtual environment")


def installed(interpreter: str) -> tuple[str, dict[str, str]]:
    """Python's version and the installed packages of another interpreter, which is run in isolated mode (`-I`).

    Raises `DoctorError` where it cannot be started, fails, or takes longer than a minute.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter is the one that was asked about
            [interpreter, "-I", "-c", _ASK],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except OSError as error:
        raise DoctorError(f"{interpreter!r} cannot be started: {error.strerror or error}") from error
    except subprocess.TimeoutExpired:
        raise DoctorError(f"{interpreter!r} did not answer within {_SECONDS} seconds") from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise DoctorError(f"{interpreter!r} ended with {done.returncode} and said: {said[:300]}")
    try:
        answer = json.loads(done.stdout)
        return str(answer["python"]), _first([(str(name), str(version)) for name, version in answer["packages"]])
    except (ValueError, KeyError, TypeError):
        raise DoctorError(f"{interpreter!r} is no Python: it said {done.stdout[:100]!r}") from None


async def confirm(
    report: Report,
    *,
    limits: Limits | None = None,
    cache: Path | None = None,
    on_event: Callable[[Finding, Event], None] | None = None,
) -> Report:
    """`report` after the reproductions of all affected and unknown cases were run on the versions it names.

    A reproduction that fails is proof. One that is right is proof only where the case claims nothing: where it claims
    that the version is affected, the two contradict each other, and the verdict is unknown (a failure may show itself
    in another way on another version). A run that shows neither, or could not be made, leaves the verdict as it was.
    """
    findings = []
    for finding in report.findings:
        target = _target(finding)
        if finding.verdict is Verdict.CLEAR or target is None:
            findings.append(finding)
            continue

        def tell(event: Event, about: Finding = finding) -> None:
            if on_event is not None:
                on_event(about, event)

        run = await execute(finding.case, target, limits=limits, cache=cache, on_event=tell)
        findings.append(_after(finding, run))
    return replace(report, findings=tuple(findings))


def _target(finding: Finding) -> Target | None:
    """The installed version, with what the declared target of the same state needs beside it."""
    reproduction = finding.case.reproduction
    if reproduction is None or reproduction.package is None:
        return None
    if canonicalize_name(reproduction.package) != canonicalize_name(finding.package):
        return None
    like = reproduction.target(Role.BROKEN) or reproduction.target(Role.NEWEST)
    return Target(Role.BROKEN, finding.version, like.requires if like else (), Outcome.BROKEN)


def _after(finding: Finding, run: Run) -> Finding:
    if run.outcome is Outcome.BROKEN:
        return replace(finding, run=run, verdict=Verdict.AFFECTED, reason=f"{finding.reason}; its reproduction fails")
    if run.outcome is Outcome.RIGHT:
        reason = f"its reproduction is right on {finding.version}"
        if finding.verdict is Verdict.AFFECTED:
            return replace(finding, run=run, verdict=Verdict.UNKNOWN, reason=f"{finding.reason}; but {reason}")
        return replace(finding, run=run, verdict=Verdict.CLEAR, reason=reason)
    why = f"its reproduction: {run.outcome.value}, {run.reason}"
    return replace(finding, run=run, reason=f"{finding.reason}; {why}")
