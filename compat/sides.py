"""One side of a comparison: the tests of a project, run on Starlette or on the drop-in."""

import os
from pathlib import Path
from typing import Literal

from compat.junit import Report, read_report
from compat.places import HOME, python_of
from compat.process import environment, run, tail
from compat.project import CompatError, Project

Side = Literal["starlette", "asterion"]
_PLUGIN = Path(__file__).with_name("_plugin")


def command(project: Project, python: Path, report: Path, tests: list[str]) -> list[str | Path]:
    """The call of pytest: the entry's arguments, the runner's plugin, and a report as XML."""
    ours: list[str | Path] = [
        "-p",
        "compat_proof",
        "-o",
        "junit_family=xunit1",
        "--continue-on-collection-errors",
        f"--junitxml={report}",
    ]
    return [python, "-m", "pytest", "-q", *project.arguments, *ours, *tests]


def run_side(side: Side, project: Project, folder: Path, tests: list[str] | None = None) -> Report:
    """Run the entry's tests, or those named, and read the report.

    Raises:
        CompatError: the tests ran out of time, crashed, or none was found.
    """
    home, python = HOME / project.key, python_of(project)
    report, log = home / f"{side}.xml", home / f"{side}.log"
    report.unlink(missing_ok=True)
    extra = {
        "ASTERION_DROPIN": "1" if side == "asterion" else "0",
        "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(_PLUGIN),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    status = run(
        command(project, python, report, list(project.tests) if tests is None else tests),
        cwd=folder,
        env=environment(extra | project.environment),
        log=log,
        timeout=project.timeout,
    )
    if not report.is_file():
        raise CompatError(f"pytest ended with status {status} on {side}; the output ended with:\n{tail(log)}")
    return read_report(report)
