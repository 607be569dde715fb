"""Every statement and every branch of the package, and which of them the tests take.

`make coverage` runs the tests under coverage.py, in threads and in the processes that tests start as well, and writes
`scripts/results/coverage.json`. It fails, and shows the lines, if anything is missed that is not excluded. What is
excluded gives its reason in words: at the line (`# pragma: no cover - reason`; without one the line is counted), or
above the pattern in `[tool.coverage.report]` of pyproject.toml. With arguments (`make coverage ARGS="tests/routing"`)
only those tests are run, and nothing is written.
"""

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "asterion"
RESULT = Path(__file__).parent / "results" / "coverage.json"
COMMAND = "make coverage"
# Tests of what is built on the package or around it: they take what others take, in more time.
LEFT_OUT = ("benchmarks", "compat", "docs", "fixbook", "growth", "scripts", "served")
_PRAGMA = re.compile(r"#\s*pragma: no (cover|branch)(?: - (\w.*))?")
_ENTRY = re.compile(r"\s*(?P<quote>['\"])(?P<pattern>.*)(?P=quote),?\s*")


def patterns() -> dict[str, str]:
    """The patterns of lines that pyproject.toml excludes, each with the comment that stands right above it."""
    text = (ROOT / "pyproject.toml").read_text()
    report = tomllib.loads(text)["tool"]["coverage"]["report"]
    reasons: dict[str, str] = {}
    comment: list[str] = []
    for line in text.partition("[tool.coverage.report]")[2].partition("\n[")[0].splitlines():
        entry = _ENTRY.fullmatch(line)
        if line.strip().startswith("#"):
            comment.append(line.strip("# "))
        elif entry is not None:
            reasons[entry["pattern"].replace("\\\\", "\\")] = " ".join(comment)
            comment = []
    return {pattern: reasons.get(pattern, "") for pattern in [*report["exclude_lines"], *report["partial_branches"]]}


def pragmas() -> Iterator[tuple[str, str]]:
    """Each line of the package that is excluded by a comment: its file, and the reason, which may be missing."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for line in path.read_text().splitlines():
            found = _PRAGMA.search(line)
            if found is not None:
                yield path.relative_to(PACKAGE).as_posix(), (found[2] or "").strip()


def excluded() -> dict[str, str]:
    """What is excluded, and why: lines of files, and patterns of pyproject.toml."""
    by_reason: dict[str, list[str]] = {}
    counts = Counter(pragmas())
    for (name, reason), count in counts.items():
        by_reason.setdefault(reason, []).append(name if count == 1 else f"{name} ({count} times)")
    lines = {", ".join(names): reason for reason, names in by_reason.items()}
    return {**lines, **{f"`{pattern}`": reason for pattern, reason in patterns().items() if "pragma" not in pattern}}


def measure(tests: list[str], folder: Path) -> int:
    """Run the tests under coverage.py; what was measured is in `folder`. Returns the exit status of pytest."""
    shared = ["-n", "auto", "--dist", "worksteal", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-q", *shared, *tests]
    return subprocess.run(command, cwd=ROOT, env=_environment(folder), check=False).returncode  # noqa: S603 - ourselves


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "COVERAGE_FILE": str(folder / ".coverage")}


def _coverage(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "coverage", *arguments]
    subprocess.run(command, cwd=ROOT, env=_environment(folder), check=True)  # noqa: S603 - ourselves


def figures(folder: Path) -> dict[str, Any]:
    """The totals of what was measured."""
    _coverage(folder, "combine", "-q")
    _coverage(folder, "json", "-q", "-o", str(folder / "report.json"))
    totals = json.loads((folder / "report.json").read_text())["totals"]
    return {
        "python": platform.python_version(),
        "statements": totals["num_statements"],
        "statements missed": totals["missing_lines"],
        "branches": totals["num_branches"],
        "branches missed": totals["missing_branches"],
        "lines excluded": totals["excluded_lines"],
    }


def main() -> int:
    """Measure, show what is missed, and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", nargs="*", help="only these tests; nothing is written")
    given = parser.parse_args()
    everything = ["tests", *(f"--ignore=tests/{part}" for part in LEFT_OUT)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        failed = measure(given.tests or everything, folder)
        found = figures(folder)
        missed = found["statements missed"] + found["branches missed"]
        if missed:
            _coverage(folder, "report", "--show-missing", "--skip-covered")
    sys.stdout.write("".join(f"{name}: {value}\n" for name, value in found.items()))
    if not given.tests and not failed:
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        result = {"part": "coverage", "asterion": {**found, "excluded": excluded()}, "command": COMMAND, "date": today}
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=2) + "\n")
    return int(bool(failed or (missed and not given.tests)))


if __name__ == "__main__":
    raise SystemExit(main())
