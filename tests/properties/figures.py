"""`python -m tests.properties.figures`: try the properties in their long form and write how many inputs were tried."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "tests" / "results" / "properties.json"
_TRIED = re.compile(r"- (\d+) passing, \d+ failing")
_FAILED = re.compile(r"^(?:FAILED|ERROR) ", re.MULTILINE)


def main() -> int:
    """Run them and write the figures as a part of docs/reliability.md."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/properties", "-q", "--hypothesis-show-statistics", *sys.argv[1:]],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "ASTERION_PROPERTIES": "long"},
        check=False,
    )
    print(done.stdout[-3000:])
    result = {
        "part": "properties",
        "asterion": {
            "runs": sum(map(int, _TRIED.findall(done.stdout))),
            "violations": len(_FAILED.findall(done.stdout)),
        },
        "starlette": None,
        "command": "python -m tests.properties.figures",
        "date": datetime.now(UTC).date().isoformat(),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
