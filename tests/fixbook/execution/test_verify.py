"""`fixbook verify`: what it runs, what it prints, what its exit status says."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fixbook.casefile import write_case
from fixbook.cli.verify import command
from fixbook.execution import recorded_runs
from fixbook.model import Case, Expectation, Outcome, Reproduction, Role, Target

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("environments")


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """Cases without a package, for which no index is asked: one holds, one does not, one asks for another Python."""
    for name, code, python in (
        ("holds", "print('right')", None),
        ("lies", "print('wrong'); raise SystemExit(1)", None),
        ("elsewhere", "print('right')", "<3.0"),
    ):
        reproduction = Reproduction(
            code=code,
            path="repro.py",
            python=python,
            targets=(Target(Role.FIXED, "1.0"),),
            broken=Expectation(exit=1),
            right=Expectation(exit=0, output=("right",)),
        )
        write_case(Case(id=name, title=name, reproduction=reproduction), tmp_path / name)
    return tmp_path


def verify(catalogue: Path, cache: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["--catalogue", str(catalogue), "--cache", str(cache), *arguments])


@pytest.mark.parametrize(
    ("names", "status"),
    [(["holds"], 0), (["lies"], 1), (["elsewhere"], 3), (["holds", "elsewhere"], 3), ([], 1)],
    ids=["all confirmed", "contradicted", "not verified", "partly not verified", "everything"],
)
def test_the_exit_status_tells_confirmed_contradicted_and_not_verified(
    names: list[str], status: int, catalogue: Path, cache: Path
) -> None:
    assert verify(catalogue, cache, *names).exit_code == status


def test_it_ends_with_a_table_and_the_reasons(catalogue: Path, cache: Path) -> None:
    output = verify(catalogue, cache).output
    assert "1 confirmed, 1 contradicted, 1 not verified here" in output
    assert "lies, fixed: it shows all that is declared of 'broken'" in output
    assert "elsewhere, fixed: the case asks for Python <3.0" in output


def test_as_json_it_prints_the_runs_and_nothing_else(catalogue: Path, cache: Path) -> None:
    (run,) = json.loads(verify(catalogue, cache, "holds", "--json").stdout)
    assert (run["case"], run["role"], run["outcome"], run["output"]) == ("holds", "fixed", "right", "right\n")


def test_recorded_runs_stand_beside_their_case_and_are_read_again(catalogue: Path, cache: Path) -> None:
    verify(catalogue, cache, "--record")
    (run,) = recorded_runs("holds", catalogue)
    assert (run.role, run.outcome, run.confirmed) == (Role.FIXED, Outcome.RIGHT, True)
    assert run.started is not None
    assert recorded_runs("elsewhere", catalogue) == ()  # nothing was seen of it


def test_runs_are_recorded_elsewhere_if_that_is_asked_for(catalogue: Path, cache: Path, tmp_path: Path) -> None:
    verify(catalogue, cache, "holds", "--record", str(tmp_path / "seen"))
    assert len(recorded_runs("holds", tmp_path / "seen")) == 1
    assert recorded_runs("holds", catalogue) == ()


def test_a_file_of_runs_that_is_none_is_named(catalogue: Path) -> None:
    (catalogue / "holds" / "runs.json").write_text("[{}]")
    with pytest.raises(ValueError, match=r"runs\.json holds no recorded runs"):
        recorded_runs("holds", catalogue)


def test_a_case_that_is_not_there_is_said(catalogue: Path, cache: Path) -> None:
    result = verify(catalogue, cache, "nowhere")
    assert result.exit_code == 2
    assert "no case 'nowhere' in the catalogue of 3" in result.output


def test_nothing_to_run_is_said(catalogue: Path, cache: Path) -> None:
    result = verify(catalogue, cache, "holds", "--role", "asterion")
    assert result.exit_code == 2
    assert "there is nothing to run" in result.output
