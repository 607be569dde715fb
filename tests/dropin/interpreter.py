"""An interpreter of its own for a test: an import hook is for the whole process."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
# `make coverage` counts what these interpreters run as well, where it finds the way it measures.
MEASURED = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}

# Put before a program that runs under `-S`, which leaves out the hook by which such interpreters are measured.
PACKAGES = sysconfig.get_paths()["purelib"]
MEASURING = f"import sys; sys.path.append({PACKAGES!r}); import coverage; coverage.process_startup(); sys.path.pop(); "
BEGIN = MEASURING if MEASURED else ""


def python(*arguments: str, cwd: Path, given: str = "") -> "subprocess.CompletedProcess[str]":
    """Run an interpreter that sees this checkout, in which every warning is an error; it reads what is given."""
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PATH": "", **MEASURED},
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )
