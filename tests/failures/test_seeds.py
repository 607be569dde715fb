"""The reproductions of the five founding failures, as published, run with the right result in Starlette's place."""

import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).with_name("drive_seed.py")
ROOT = DRIVER.parents[2]

FAILURES = {
    "886": "an async callable object in on_startup is awaited, and its exception ends the start",
    "1438": "background tasks complete after the client is gone, under function middleware",
    "793": "a hand-written async iterator is streamed",
    "1255": "an endpoint's exception comes through function middleware as itself",
    "472": "a template response under function middleware shows its template and context to the test client",
}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("number", FAILURES)
def test_the_published_reproduction_has_the_right_result(number: str, backend: str, tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-m", "asterion.dropin", str(DRIVER), number, backend],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (finished.returncode, finished.stdout) == (0, "right\n"), f"{FAILURES[number]}\n{finished.stderr}"
