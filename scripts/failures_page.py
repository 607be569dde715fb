"""Write docs/failures.md: each known failure of Starlette, what Asterion does, and the tests that show it.

What fails upstream stands in `failures.toml`; what Asterion does, in the markers `failure(row=..., says=...)` of the
tests. `make failures-page` writes the page; with `--check` it is compared with the one that is there.
"""

import argparse
import contextlib
import io
import sys
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
DATA = Path(__file__).with_name("failures.toml")
PAGE = ROOT / "docs" / "failures.md"
TESTS = "tests/failures"

_HEAD = """\
# Known failures

What users of Starlette have reported, or what was found by running it, and what Asterion does in its place. Every line
is shown by tests. Rows that Starlette has mended must never fail here; where it does something on purpose and Asterion
chooses otherwise, `Starlette` does as upstream does ([the two faces](faces.md)).

This page is made from the tests and from `scripts/failures.toml` by `make failures-page`; versions are Starlette's.

| Row | Starlette | What fails there | Mended there | What Asterion does | Shown by |
| --: | :-- | :-- | :-- | :-- | :-- |
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One known failure of Starlette."""

    number: int
    upstream: str
    fails: str
    fixed: str


@dataclass(slots=True)
class Shown:
    """What the tests say of one row: sentences, the tests they stand at, and why some of these are expected to fail."""

    says: dict[str, None] = field(default_factory=dict)
    tests: dict[str, None] = field(default_factory=dict)
    gaps: dict[str, None] = field(default_factory=dict)


class Collector:
    """A pytest plugin that gathers the markers of what was collected."""

    def __init__(self) -> None:
        self.shown: defaultdict[int, Shown] = defaultdict(Shown)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Look at every test once, whatever its parameters."""
        for item in sorted(items, key=lambda one: (one.location[0], one.location[1] or 0)):
            for marker in item.iter_markers("failure"):
                row = self.shown[marker.kwargs["row"]]
                row.says[marker.kwargs["says"]] = None
                row.tests[item.nodeid.partition("[")[0]] = None
                for gap in item.iter_markers("xfail"):
                    row.gaps[gap.kwargs["reason"]] = None


def read_rows() -> list[Row]:
    """The rows of `failures.toml`, in order of their numbers."""
    with DATA.open("rb") as file:
        data: dict[str, list[dict[str, Any]]] = tomllib.load(file)
    return sorted((Row(**row) for row in data["row"]), key=lambda row: row.number)


def collect() -> dict[int, Shown]:
    """What the tests say of each row. Raises SystemExit with pytest's words if they cannot be collected."""
    collector = Collector()
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = pytest.main(
            ["--collect-only", "-qq", "-p", "no:cacheprovider", "--rootdir", str(ROOT), str(ROOT / TESTS)],
            plugins=[collector],
        )
    if status != pytest.ExitCode.OK:
        raise SystemExit(f"{TESTS} cannot be collected:\n{said.getvalue()}")
    return dict(collector.shown)


def line_of(row: Row, shown: Shown) -> str:
    """The line of the table for one row."""
    does = " ".join(shown.says)
    if shown.gaps:
        does += f" **Not yet:** {'; '.join(shown.gaps)}."
    cells = [str(row.number), row.upstream or "-", row.fails, row.fixed, does, "<br>".join(map(_link, shown.tests))]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    return f"[`{Path(path).name}::{name}`](../{path})"


def problems(rows: list[Row], shown: dict[int, Shown]) -> list[str]:
    """What keeps the page from being complete."""
    numbers = [row.number for row in rows]
    found = []
    if numbers != list(range(1, len(numbers) + 1)):
        found.append(f"the rows of {DATA.name} are not numbered from 1 without a gap: {numbers}")
    found += [f"no test shows row {number}" for number in numbers if number not in shown]
    found += [
        f"{next(iter(shown[number].tests))} shows a row that is not there: {number}"
        for number in shown.keys() - set(numbers)
    ]
    return found


def render(rows: list[Row], shown: dict[int, Shown]) -> str:
    """The text of the page."""
    return _HEAD + "".join(line_of(row, shown[row.number]) + "\n" for row in rows if row.number in shown)


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or compare it; 1 if it is not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m scripts.failures_page", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare the page and write nothing")
    check = parser.parse_args(arguments).check
    rows, shown = read_rows(), collect()
    found = problems(rows, shown)
    text = render(rows, shown)
    if check and (not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text):
        found.append(f"{PAGE.relative_to(ROOT)} is not what the tests say: run `make failures-page`")
    if not check:
        PAGE.write_text(text, encoding="utf-8")
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
