"""`make failures-page`: docs/failures.md says what the tests say, and no known failure is without a test."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import failures_page
from scripts.failures_page import Row, Shown

ROW = Row(1, "#1", "it breaks", "open")


def shown(
    *says: str, tests: tuple[str, ...] = ("tests/failures/test_a.py::test_b",), gaps: tuple[str, ...] = ()
) -> Shown:
    return Shown(dict.fromkeys(says), dict.fromkeys(tests), dict.fromkeys(gaps))


def test_the_page_is_up_to_date_and_no_row_is_missing() -> None:
    """In a process of its own: pytest cannot collect inside of a run that it is in."""
    command = [sys.executable, "-m", "scripts.failures_page", "--check"]
    # Under -O pytest warns that plain assertions are gone, which collecting turns into an error.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONOPTIMIZE"}
    done = subprocess.run(command, cwd=failures_page.ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)


def test_the_data_is_whole() -> None:
    rows = failures_page.read_rows()
    assert [row.number for row in rows] == list(range(1, 77))
    assert [row for row in rows if not (row.fails and row.fixed)] == []
    assert len({row.fails for row in rows}) == len(rows)


def test_a_line_holds_what_is_known_of_a_row() -> None:
    tests = ("tests/failures/test_a.py::test_b", "tests/failures/test_a.py::test_c")
    assert failures_page.line_of(ROW, shown("It works.", "So it does.", tests=tests)) == (
        "| 1 | #1 | it breaks | open | It works. So it does. "
        "| [`test_a.py::test_b`](../tests/failures/test_a.py)<br>[`test_a.py::test_c`](../tests/failures/test_a.py) |"
    )


def test_a_test_that_is_expected_to_fail_is_told_as_such() -> None:
    assert "It works. **Not yet:** it hangs. |" in failures_page.line_of(ROW, shown("It works.", gaps=("it hangs",)))


def test_a_bar_does_not_end_its_cell() -> None:
    assert r"a \| b" in failures_page.line_of(ROW, shown("a | b"))


@pytest.mark.parametrize(
    ("rows", "numbers", "words"),
    [
        ([ROW], [1], []),
        ([ROW], [], ["no test shows row 1"]),
        ([ROW], [1, 2], ["tests/failures/test_a.py::test_b shows a row that is not there: 2"]),
        ([Row(2, "", "x", "open")], [2], ["the rows of failures.toml are not numbered from 1 without a gap: [2]"]),
    ],
    ids=["complete", "no test", "no row", "gap"],
)
def test_what_is_missing_is_named(rows: list[Row], numbers: list[int], words: list[str]) -> None:
    assert failures_page.problems(rows, {number: shown("It works.") for number in numbers}) == words


def test_a_page_that_is_out_of_date_is_named_and_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "failures.md"
    page.write_text("old")
    monkeypatch.setattr(failures_page, "ROOT", tmp_path)
    monkeypatch.setattr(failures_page, "PAGE", page)
    monkeypatch.setattr(failures_page, "read_rows", lambda: [ROW])
    monkeypatch.setattr(failures_page, "collect", lambda: {1: shown("It works.")})
    assert failures_page.main(["--check"]) == 1
    assert capsys.readouterr().err == "failures.md is not what the tests say: run `make failures-page`\n"
    assert page.read_text() == "old"
    assert failures_page.main([]) == 0
    assert page.read_text().endswith("(../tests/failures/test_a.py) |\n")
    assert failures_page.main(["--check"]) == 0
