"""Which cases affect an interpreter: by what the cases say, and by what their reproductions show."""

import sys
import venv
from pathlib import Path
from typing import Any

import pytest

import fixbook.doctor
from fixbook.doctor import DoctorError, Finding, Report, Verdict, confirm, examine, judged
from fixbook.model import Case, Outcome, Reproduction, Role, Run, Target


def _case(**members: Any) -> Case:
    return Case(**{"id": "c", "package": "some-thing", **members})


def _runs_on(*targets: Target) -> Reproduction:
    return Reproduction("", package="some.thing", targets=targets)


@pytest.mark.parametrize(
    ("case", "version", "verdict", "says"),
    [
        (_case(first_fixed="1.10"), "1.9", Verdict.AFFECTED, "fixed in 1.10, and 1.9 is older"),
        (_case(first_fixed="1.10"), "1.10.0", Verdict.CLEAR, "fixed since 1.10"),
        (_case(first_fixed="1.10"), "1.10rc1", Verdict.AFFECTED, "1.10rc1 is older"),
        (_case(first_fixed="1.10"), "1.10.post1", Verdict.CLEAR, "fixed since"),
        (_case(first_fixed="1.10", status="open"), "2", Verdict.CLEAR, "fixed since"),
        (_case(status="open"), "99", Verdict.AFFECTED, "no release fixes it"),
        (_case(reproduction=_runs_on(Target(Role.FIXED, "2.0"))), "1", Verdict.AFFECTED, "fixed in 2.0"),
        (_case(reproduction=_runs_on(Target(Role.BROKEN, "1.5"))), "1.5", Verdict.AFFECTED, "known to fail"),
        (_case(reproduction=_runs_on(Target(Role.BROKEN, "1.5"))), "1.6", Verdict.UNKNOWN, "tells no fixed release"),
        (_case(), "1", Verdict.UNKNOWN, "tells no fixed release"),
        (_case(first_fixed="soon"), "1", Verdict.UNKNOWN, "tells no fixed release"),
        (_case(first_fixed="1"), "my-build", Verdict.UNKNOWN, "'my-build' is not a version"),
    ],
)
def test_what_the_case_says_decides(case: Case, version: str, verdict: Verdict, says: str) -> None:
    found, reason = judged(case, version)
    assert (found, says in reason) == (verdict, True), reason


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment with `Some.Thing` 1.9 in it, and an older one further back on the path."""
    folder = tmp_path / "environment"
    venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)
    packages = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    info = packages / "Some.Thing-1.9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: Some.Thing\nVersion: 1.9\n")
    return folder


def test_another_interpreter_is_asked_for_its_packages(environment: Path) -> None:
    cases = [_case(id="a", first_fixed="1.9"), _case(id="b", first_fixed="2"), _case(id="c", package="absent")]
    report = examine(str(environment), cases)
    assert report.packages["some-thing"] == "1.9"
    assert [(finding.case.id, finding.verdict) for finding in report.findings] == [
        ("b", Verdict.AFFECTED),
        ("a", Verdict.CLEAR),
    ]
    assert examine(str(environment / "bin" / "python"), cases).findings == report.findings


def test_this_interpreter_is_examined_where_none_is_named() -> None:
    report = examine(None, [_case(package="PyTest", first_fixed="9999")])
    assert (report.python, report.version) == (sys.executable, sys.version.split()[0])
    assert [finding.version for finding in report.findings] == [pytest.__version__]


def test_the_python_path_of_the_one_who_asks_does_not_count(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "elsewhere" / "some_thing-5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-thing\nVersion: 5\n")
    monkeypatch.setenv("PYTHONPATH", str(info.parent))
    assert examine(str(environment), []).packages["some-thing"] == "1.9"


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("#!/bin/sh\nexit 3\n", "ended with 3 and said: nothing"),
        ("#!/bin/sh\necho no such luck >&2; exit 1\n", "said: no such luck"),
        ("#!/bin/sh\necho hello\n", "is no Python: it said 'hello"),
        ("#!/bin/sh\necho '[]'\n", "is no Python"),
    ],
)
def test_what_is_no_interpreter_is_an_error(tmp_path: Path, script: str, says: str) -> None:
    program = tmp_path / "python"
    program.write_text(script)
    program.chmod(0o755)
    with pytest.raises(DoctorError, match=says):
        examine(str(program), [])


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DoctorError, match="cannot be started: No such file"):
        examine(str(tmp_path / "python"), [])
    with pytest.raises(DoctorError, match="a folder without bin/python"):
        examine(str(tmp_path), [])


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ((), 0),
        ((Verdict.CLEAR,), 0),
        ((Verdict.CLEAR, Verdict.AFFECTED, Verdict.UNKNOWN), 1),
        ((Verdict.CLEAR, Verdict.UNKNOWN), 2),
    ],
)
def test_the_exit_code_is_for_ci(verdicts: tuple[Verdict, ...], code: int) -> None:
    findings = tuple(Finding(_case(), "some-thing", "1", verdict, "") for verdict in verdicts)
    assert Report("python", "3", {}, findings).exit_code == code


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("outcome", "verdict", "says"),
    [
        (Outcome.BROKEN, Verdict.AFFECTED, "its reproduction fails"),
        (Outcome.RIGHT, Verdict.UNKNOWN, "fixed in 2, and 1.9 is older; but its reproduction is right on 1.9"),
        (Outcome.NOT_VERIFIED, Verdict.AFFECTED, "not verified, no index"),
        (Outcome.UNEXPECTED, Verdict.AFFECTED, "unexpected, no index"),
    ],
)
async def test_what_a_reproduction_shows_decides(
    monkeypatch: pytest.MonkeyPatch, outcome: Outcome, verdict: Verdict, says: str
) -> None:
    asked: list[Target] = []

    async def execute(case: Case, target: Target, **_: Any) -> Run:
        asked.append(target)
        return Run(case.id, target.role, outcome, target.expect, reason="no index")

    monkeypatch.setattr(fixbook.doctor, "execute", execute)
    reproduction = _runs_on(Target(Role.BROKEN, "1.5", ("anyio<4",)), Target(Role.FIXED, "2"))
    cases = [_case(id="a", reproduction=reproduction), _case(id="b", first_fixed="2"), _case(id="c", first_fixed="1")]
    findings = [Finding(case, "some-thing", "1.9", *judged(case, "1.9")) for case in cases]
    report = await confirm(Report("python", "3", {}, tuple(findings)))
    assert asked == [Target(Role.BROKEN, "1.9", ("anyio<4",), Outcome.BROKEN)]
    assert report.findings[0].verdict is verdict
    assert says in report.findings[0].reason
    assert report.findings[1:] == tuple(findings[1:])


@pytest.mark.anyio
async def test_a_reproduction_that_is_right_clears_a_case_that_claims_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def execute(case: Case, target: Target, **_: Any) -> Run:
        return Run(case.id, target.role, Outcome.RIGHT, target.expect)

    monkeypatch.setattr(fixbook.doctor, "execute", execute)
    case = _case(reproduction=_runs_on(Target(Role.BROKEN, "1.5")))
    report = Report("python", "3", {}, (Finding(case, "some-thing", "1.9", *judged(case, "1.9")),))
    assert [finding.verdict for finding in (await confirm(report)).findings] == [Verdict.CLEAR]
