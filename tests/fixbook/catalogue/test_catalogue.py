"""The catalogue: every case is whole, its evidence is of the present script, and Asterion is right in each."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixbook.casefile import load_catalogue
from fixbook.execution import digest_of, judge, plan, recorded_runs
from fixbook.model import Case, Outcome, Role
from scripts import fixbook_evidence

CASES = load_catalogue()
FOUNDING = {"starlette-472", "starlette-793", "starlette-886", "starlette-1255", "starlette-1438"}

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


def test_the_founding_cases_are_there_and_more_than_twenty_others() -> None:
    assert {case.id for case in CASES} >= FOUNDING
    assert len(CASES) >= len(FOUNDING) + 20


@every_case
def test_a_case_says_what_breaks_why_and_what_to_do(case: Case) -> None:
    assert case.title
    assert case.package == "starlette"
    assert case.summary
    assert case.trigger
    assert case.mechanism
    assert case.impact
    assert case.signatures
    assert case.options
    assert case.prevention
    assert case.status in ("fixed", "open")
    assert bool(case.first_fixed) == (case.status == "fixed")
    assert set(case.related) <= {other.id for other in CASES}


@every_case
def test_a_case_declares_what_each_version_shows(case: Case) -> None:
    roles = {target.role: target.expect for target in plan(case)}
    assert roles[Role.BROKEN] is Outcome.BROKEN
    assert roles[Role.ASTERION] is Outcome.RIGHT
    assert roles[Role.NEWEST] is (Outcome.RIGHT if case.status == "fixed" else Outcome.BROKEN)
    assert (Role.FIXED in roles) == (case.status == "fixed")


@every_case
def test_every_target_was_run_with_the_present_script_and_showed_what_is_declared(case: Case) -> None:
    assert case.reproduction is not None
    runs = {run.role: run for run in recorded_runs(case.id)}
    assert set(runs) == {target.role for target in plan(case)}
    for target in plan(case):
        run = runs[target.role]
        assert run.digest == digest_of(case.reproduction, target), f"{case.id}: `fixbook verify --record` it again"
        assert run.confirmed is True
        assert judge(case.reproduction, run.exit_code, run.signal, run.output)[0] is run.outcome
        if target.version is not None:
            assert run.version == target.version


@every_case
def test_the_reproduction_is_right_on_this_asterion(case: Case, tmp_path: Path) -> None:
    assert case.reproduction is not None
    (tmp_path / "repro.py").write_text(case.reproduction.code)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "repro.py"],
        cwd=tmp_path,
        env={**os.environ, "ASTERION_DROPIN": "1", "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    outcome, reason = judge(case.reproduction, done.returncode, None, done.stdout + done.stderr)
    assert outcome is Outcome.RIGHT, f"{reason}\n{done.stdout}{done.stderr}"


def test_the_page_of_evidence_is_what_the_recorded_runs_say() -> None:
    assert fixbook_evidence.main(["--check"]) == 0
