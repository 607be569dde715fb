"""Cases and runs for the tests of the store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fixbook.model import (
    Case,
    Expectation,
    Option,
    Outcome,
    Quote,
    Reproduction,
    Role,
    Run,
    Source,
    Target,
    VersionStatus,
)


def make_case(name: str = "starlette-472", **fields: Any) -> Case:
    """A case with something in every kind of field."""
    case = Case(
        id=name,
        title="Directory listing asserts",
        package="starlette",
        status="fixed",
        summary="A request for the folder itself ended in an assertion",
        mechanism="StaticFiles opened what it had only looked up",
        signatures=("AssertionError in starlette/staticfiles.py get_response",),
        error_message='Traceback (most recent call last):\n  File "x.py"\nRuntimeError: No response returned.',
        reproduction=Reproduction(
            code="raise SystemExit(1)",
            package="starlette",
            targets=(
                Target(Role.BROKEN, "0.23.1", ("anyio<4",), Outcome.BROKEN),
                Target(Role.FIXED, "0.24.0"),
            ),
            broken=Expectation(exit=1, output=("a", "b")),
            right=Expectation(exit=0),
            files={"more.txt": "x"},
        ),
        environment={"Python": "3.11"},
        options=(Option("Upgrade", "to 0.24.0", "upgrade", "you cannot"),),
        discussion=(Quote("I see this too", "someone", "2019-02-03"),),
        versions=(VersionStatus("0.24.0", "Fixed"),),
        confidence=1.0,
        source=Source("page.html", "the text"),
        tags=("static",),
    )
    return replace(case, **fields)


def make_run(role: Role = Role.BROKEN, outcome: Outcome | None = None, **fields: Any) -> Run:
    """A run that showed what was declared, unless an outcome says otherwise."""
    expected = Outcome.BROKEN if role is Role.BROKEN else Outcome.RIGHT
    run = Run(
        case="starlette-472",
        role=role,
        outcome=outcome or expected,
        expected=expected,
        package="starlette",
        version="0.23.1",
        requires=("anyio<4",),
        packages={"anyio": "3.7.1"},
        exit_code=1,
        output="boom\n",
        duration=0.25,
        started=datetime(2026, 5, 1, 12, 0, tzinfo=UTC),
        python="3.11.7",
        machine="Linux x86_64",
    )
    return replace(run, **fields)
