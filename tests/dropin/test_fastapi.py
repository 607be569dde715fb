"""FastAPI, unmodified, on the drop-in: a small shop with its own tests, and how its routes are found.

They run in an interpreter of their own.
"""

import importlib.util
from pathlib import Path

import pytest

from tests.dropin.interpreter import ROOT, python

FASTAPI = importlib.util.find_spec("fastapi")


@pytest.mark.skipif(FASTAPI is None, reason="FastAPI is not installed; the extra `dev` has it")
@pytest.mark.parametrize(
    "cases",
    [
        "fastapi_shop/cases.py",
        "fastapi_shop/served_cases.py",
        "fastapi_routes/few_cases.py",
        "fastapi_routes/scan_cases.py",
    ],
)
def test_fastapi_passes_tests_on_the_drop_in(cases: str, tmp_path: Path) -> None:
    where = Path(__file__).parent / cases
    options = ["-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'pytest'}", f"--rootdir={ROOT}"]
    result = python("-m", "asterion.dropin", "-m", "pytest", *options, str(where), cwd=ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
    assert "skipped" not in result.stdout
