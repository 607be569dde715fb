"""Versions out of a real package index, and Asterion in the newest one's place. Skipped where no index is reached."""

import asyncio
import sys
from pathlib import Path

import pytest

import asterion
from fixbook.execution import execute, plan
from fixbook.model import Case, Expectation, Outcome, Reproduction, Role, Run, Target

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

CASE = Case(
    id="here",
    reproduction=Reproduction(
        code=(
            "import importlib.util, os, subprocess, sys\n"
            "from starlette.responses import Response\n"
            "child = 'from starlette.responses import Response; print(Response.__module__.split(chr(46))[0])'\n"
            "print(Response.__module__.split('.')[0])\n"
            "subprocess.run([sys.executable, '-c', child], check=True)\n"
        ),
        package="starlette",
        targets=(
            Target(Role.BROKEN, "0.19.1", requires=("anyio<4",), expect=Outcome.BROKEN),
            Target(Role.NEWEST),
            Target(Role.ASTERION),
        ),
        broken=Expectation(exit=0, output=("^starlette\nstarlette$",)),
        right=Expectation(exit=0, output=("^asterion\nasterion$",)),
    ),
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("environments")


def run(role: Role, cache: Path) -> Run:
    (target,) = plan(CASE, [role])
    result = asyncio.run(execute(CASE, target, cache=cache))
    if (result.reason or "").startswith("the package index cannot be reached"):
        pytest.skip(result.reason or "")
    return result


def test_an_exact_version_is_the_one_that_is_installed(cache: Path) -> None:
    result = run(Role.BROKEN, cache)
    assert (result.version, result.packages["starlette"], result.outcome) == ("0.19.1", "0.19.1", Outcome.BROKEN)
    assert result.packages["anyio"].startswith("3.")


def test_the_newest_version_is_what_the_index_has_and_is_recorded(cache: Path) -> None:
    result = run(Role.NEWEST, cache)
    assert result.version is not None
    assert int(result.version.split(".")[0]) >= 1


def test_asterion_is_in_its_place_in_every_process_though_nothing_else_is_installed(cache: Path) -> None:
    result = run(Role.ASTERION, cache)
    assert (result.outcome, result.version) == (Outcome.RIGHT, asterion.__version__)
    assert "starlette" not in result.packages


def test_a_version_that_there_is_none_of_is_told_from_a_missing_index(cache: Path) -> None:
    target = Target(Role.FIXED, "0.0.0.1")
    result = asyncio.run(execute(CASE, target, cache=cache))
    if (result.reason or "").startswith("the package index cannot be reached"):
        pytest.skip(result.reason or "")
    assert result.outcome is Outcome.NOT_VERIFIED
    assert (result.reason or "").startswith("these requirements cannot be installed here")
