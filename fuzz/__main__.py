"""`python -m fuzz [NAME ...] [--seconds N] [--result FILE]`: run the fuzzers one after the other.

Each runs in a process of its own, from the kept inputs; an input that breaks a law is written to `.fuzz/` with the
line that replays it, and the exit code is 1. Without atheris it says so and ends with 0.
"""

import argparse
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fuzz.targets import TARGETS

HERE = Path(__file__).parent
BROKEN = HERE.parent / ".fuzz"
_STAT = re.compile(r"stat::(\w+):\s+(\d+)")


def main() -> int:
    """Run what the command line asks for; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Run the fuzzers of the parsers.")
    parser.add_argument("names", nargs="*", help=f"which ones; all by default: {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=60, help="for each fuzzer (60)")
    parser.add_argument("--replay", action="append", type=Path, default=[], help="only run NAME on this file")
    parser.add_argument("--result", type=Path, help="write the figures into this JSON file")
    args = parser.parse_args()
    unknown = set(args.names) - set(TARGETS)
    if unknown:
        parser.error(f"no fuzzer is named {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    names = args.names or list(TARGETS)
    for file in args.replay:
        for name in names:
            TARGETS[name](file.read_bytes())
    if args.replay:
        return 0
    if importlib.util.find_spec("atheris") is None:
        print(f"atheris is not installed for Python {sys.version.split()[0]}: nothing was fuzzed (extra 'fuzz')")
        return 0
    figures = {name: run(name, args.seconds) for name in names}
    if args.result is not None:
        write(args.result, figures)
    return 1 if any(figure["findings"] for figure in figures.values()) else 0


def run(name: str, seconds: int) -> dict[str, Any]:
    """Run one fuzzer; how often it ran, how much new it found, and how many laws it saw broken (0 or 1)."""
    BROKEN.mkdir(exist_ok=True)
    kept = HERE / "corpus" / name
    before = set(BROKEN.glob(f"{name}-*"))
    with tempfile.TemporaryDirectory() as grown:
        command = [sys.executable, "-m", "fuzz.one", name, str(seconds), grown, str(kept), f"{BROKEN}/{name}-"]
        done = subprocess.run(
            command,
            check=False,
            cwd=HERE.parent,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds + 120,
        )
    output = done.stdout + done.stderr
    stats = {key: int(value) for key, value in _STAT.findall(output)}
    broken = sorted(set(BROKEN.glob(f"{name}-*")) - before)
    findings = len(broken) or int(done.returncode != 0)
    runs = stats.get("number_of_executed_units", 0)
    print(f"{name:12} {runs:>10,} runs in {seconds} s, {findings} broken laws", flush=True)
    if findings:
        print(output[-3000:])
    for file in broken:
        print(f"replay it: python -m fuzz {name} --replay {file.relative_to(HERE.parent)}")
    return {"runs": runs, "seconds": seconds, "inputs": len(list(kept.iterdir())), "findings": findings}


def write(file: Path, figures: dict[str, Any]) -> None:
    """Write the figures as a part of docs/reliability.md; those of fuzzers that did not run now stay."""
    if file.exists():
        figures = json.loads(file.read_text())["asterion"]["targets"] | figures
    result = {
        "part": "fuzzing",
        "asterion": {
            "runs": sum(figure["runs"] for figure in figures.values()),
            "violations": sum(figure["findings"] for figure in figures.values()),
            "targets": {name: figures[name] for name in TARGETS if name in figures},
        },
        "starlette": None,
        "command": "make fuzz ARGS='--result tests/results/fuzzing.json'",
        "date": datetime.now(UTC).date().isoformat(),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
