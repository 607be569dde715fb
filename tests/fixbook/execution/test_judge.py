"""The verdict: out of what is declared, and nothing else."""

import pytest

from fixbook.execution import judge
from fixbook.execution._judge import ended_by
from fixbook.model import Expectation, Outcome, Reproduction

PLAIN = "Traceback (most recent call last):\n  File 'a.py', line 1, in <module>\n    boom()\n"


def of(broken: Expectation | None, right: Expectation | None) -> Reproduction:
    return Reproduction(code="", broken=broken, right=right)


@pytest.mark.parametrize(
    ("output", "name"),
    [
        (f"{PLAIN}ValueError: no\n", "ValueError"),
        (f"{PLAIN}starlette.exceptions.HTTPException: 404\nmore output\n", "starlette.exceptions.HTTPException"),
        (f"{PLAIN}AssertionError\n", "AssertionError"),
        (f"{PLAIN}KeyError: 'x'\n\nDuring handling\n\n{PLAIN}TypeError: y\n", "TypeError"),
        (
            (
                "  + Exception Group Traceback (most recent call last):\n  |   File 'a.py', line 1\n"
                "  | ExceptionGroup: two (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n"
            ),
            "ExceptionGroup",
        ),
        ("ValueError: said, not raised\n", None),
        ("", None),
    ],
)
def test_the_exception_that_ended_a_run_is_read_from_its_last_traceback(output: str, name: str | None) -> None:
    assert ended_by(output) == name


@pytest.mark.parametrize(
    ("expectation", "exit_code", "output", "holds"),
    [
        (Expectation(), 5, "", True),
        (Expectation(exit=1), 1, "", True),
        (Expectation(exit=1), None, "", False),
        (Expectation(output=("^two$",)), 0, "one\ntwo\nthree", True),
        (Expectation(output=("one", "four")), 0, "one\ntwo", False),
        (Expectation(absent=("two",)), 0, "one\ntwo", False),
        (Expectation(exception="ValueError"), 1, f"{PLAIN}ValueError: no", True),
        (Expectation(exception="HTTPException"), 1, f"{PLAIN}starlette.exceptions.HTTPException", True),
        (Expectation(exception="fastapi.HTTPException"), 1, f"{PLAIN}starlette.HTTPException", False),
        (Expectation(exception="ValueError"), 1, "", False),
    ],
)
def test_an_expectation_holds_if_all_of_it_does(
    expectation: Expectation, exit_code: int | None, output: str, holds: bool
) -> None:
    outcome, _ = judge(of(expectation, None), exit_code, None, output)
    assert outcome is (Outcome.BROKEN if holds else Outcome.UNEXPECTED)
    outcome, _ = judge(of(None, expectation), exit_code, None, output)
    assert outcome is (Outcome.RIGHT if holds else Outcome.UNEXPECTED)


def test_two_expectations_that_both_hold_tell_nothing() -> None:
    outcome, reason = judge(of(Expectation(exit=0), Expectation(output=("a",))), 0, None, "a")
    assert outcome is Outcome.UNEXPECTED
    assert reason == "both expectations hold: they do not tell broken and right apart"


def test_a_pattern_that_is_no_regular_expression_never_holds() -> None:
    outcome, reason = judge(of(Expectation(output=("(",)), None), 0, None, "(")
    assert outcome is Outcome.UNEXPECTED
    assert "'(' is no regular expression" in reason


def test_an_end_by_a_signal_is_said() -> None:
    _, reason = judge(of(Expectation(exit=1), None), None, 11, "")
    assert reason == "not broken: ended by signal 11; exit status None, not 1; not right: it is not declared"
