"""Every test under `python -O`, `-X dev` and with asyncio's debug mode.

`python -m scripts.modes` runs each part of `tests/` on its own, in each mode, shared over all cores, and writes
`scripts/results/modes.json`. `--mode` leaves the figures of the other modes as they are; with `--part` nothing is
written. Exit code 1 if a test fails.
The modes are set by the environment: it reaches the workers of pytest-xdist, and what tests start themselves.
"""

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULT = Path(__file__).parent / "results" / "modes.json"
COMMAND = "make test-modes"
# Environment, and arguments of pytest, which makes errors of warnings by itself.
MODES: dict[str, tuple[dict[str, str], list[str]]] = {
    # The tests' own assertions are kept by pytest, which rewrites them; it warns that others are gone.
    "-O": ({"PYTHONOPTIMIZE": "1"}, ["-W", "ignore::pytest.PytestConfigWarning"]),
    "-X dev": ({"PYTHONDEVMODE": "1"}, []),
    "asyncio debug": ({"PYTHONASYNCIODEBUG": "1"}, []),
}
COUNTED = ("passed", "failed", "error", "skipped", "xfailed")


def parts() -> list[str]:
    """The folders of tests/ that hold tests."""
    tests = ROOT / "tests"
    return sorted(found.name for found in tests.iterdir() if any(found.rglob("test_*.py")))


def run(mode: str, part: str) -> dict[str, int]:
    """How many tests of a part passed, failed and so on. What ends without a summary counts as one error."""
    environment, arguments = MODES[mode]
    shared = ["-n", "auto", "--dist", "worksteal"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *shared, f"tests/{part}", *arguments]
    done = subprocess.run(  # noqa: S603 - ourselves
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True, check=False
    )
    last = done.stdout.rstrip().rpartition("\n")[2]
    found = {kind: int(number) for number, kind in re.findall(r"([0-9]+) (\w+?)s?\b", last)}
    counts = {kind: found.get(kind, 0) for kind in COUNTED}
    if done.returncode:
        sys.stdout.write(done.stdout[-6000:])
        counts["error"] += not (counts["failed"] or counts["error"])
    return {kind: number for kind, number in counts.items() if number}


def keep(mode: str, figures: dict[str, int]) -> None:
    """Put the figures of one mode beside those of the others."""
    result: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {"part": "modes", "asterion": {}}
    modes = result["asterion"] | {mode: figures}
    result["asterion"] = {name: modes[name] for name in MODES if name in modes}
    result |= {"command": COMMAND, "date": datetime.datetime.now(datetime.UTC).date().isoformat()}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")


def main() -> int:
    """Run them and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", choices=MODES, action="append")
    parser.add_argument("--part", choices=parts(), action="append")
    given = parser.parse_args()
    figures: dict[str, dict[str, int]] = {}
    for mode in given.mode or MODES:
        total = dict.fromkeys(COUNTED, 0)
        for part in given.part or parts():
            counts = run(mode, part)
            sys.stdout.write(f"{mode:14} {part:14} {counts}\n")
            sys.stdout.flush()
            for kind, number in counts.items():
                total[kind] += number
        figures[mode] = {kind: number for kind, number in total.items() if number or kind == "failed"}
        if not given.part:
            keep(mode, figures[mode])
    return int(any(one.get("failed", 0) + one.get("error", 0) for one in figures.values()))


if __name__ == "__main__":
    raise SystemExit(main())
