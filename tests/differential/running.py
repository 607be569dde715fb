"""The same requests to the same applications on both toolkits, each in a process of its own; and the figures."""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.differential.applications import make_files
from tests.differential.cases import kept, made
from tests.differential.differences import unexplained

Case = dict[str, Any]
ROOT = Path(__file__).parents[2]
RESULT = ROOT / "tests" / "results" / "differential.json"
SEED = 1


def answers(toolkit: str, folder: Path, cases: list[Case]) -> list[Case]:
    """What `toolkit` answers to each of `cases`."""
    environment = {key: value for key, value in os.environ.items() if key != "ASTERION_DROPIN"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.differential.serve", toolkit, str(folder)],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        check=False,
        timeout=600,
    )
    if done.returncode:
        raise RuntimeError(f"the process of {toolkit} failed:\n{done.stderr}")
    found: list[Case] = json.loads(done.stdout)
    return found


def compare(folder: Path, count: int, seed: int) -> tuple[list[str], Counter[str], int]:
    """Ask both: what differs without a reason (as text), how often each reason was needed, how many were asked."""
    make_files(folder)
    cases = kept() + made(count, seed)
    ours, theirs = answers("asterion", folder, cases), answers("starlette", folder, cases)
    failures, needed = [], Counter[str]()
    for case, mine, other in zip(cases, ours, theirs, strict=True):
        fields, used = unexplained(case, mine, other)
        needed.update(used)
        if fields:
            shown = [f"  {field}: asterion {mine[field]!r}, starlette {other[field]!r}" for field in fields]
            failures.append("\n".join([json.dumps(case), *shown]))
    return failures, needed, len(cases)


def main(count: int) -> int:
    """Write the figures as a part of docs/reliability.md."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        failures, needed, asked = compare(Path(folder), count, SEED)
    print("\n".join(failures) or f"{asked} requests, every difference has its reason")
    result = {
        "part": "differential",
        "asterion": {"runs": asked, "violations": len(failures), "explained": dict(sorted(needed.items()))},
        "starlette": {"runs": asked, "violations": None},
        "command": f"python -m tests.differential.running {count}",
        "date": datetime.now(UTC).date().isoformat(),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
