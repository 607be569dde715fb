"""`asterion migrate`, the command: files, options, what it prints, and how it exits."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from asterion.cli._migrate import migrate

OLD = "from starlette.requests import Request\n"
NEW = "from asterion.requests import Request\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project."""
    for name in ("app/main.py", "app/stub.pyi", "venv2/lib/x.py", "node_modules/y.py", ".hidden/z.py", "legacy/old.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(OLD)
    (tmp_path / "venv2/pyvenv.cfg").touch()
    return tmp_path


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(migrate, [str(each) for each in arguments])
    assert result.exit_code == code, result.output
    return result


def test_files_are_written_in_place_and_a_summary_is_printed(tree: Path):
    result = run(tree)

    assert (tree / "app/main.py").read_text() == NEW
    assert (tree / "app/stub.pyi").read_text() == NEW
    assert result.output.splitlines()[-1] == "3 files looked at, 3 changed, 3 names renamed, 0 to look at."


def test_environments_hidden_folders_and_installed_packages_are_left_out(tree: Path):
    run(tree)

    for name in ("venv2/lib/x.py", "node_modules/y.py", ".hidden/z.py"):
        assert (tree / name).read_text() == OLD


@pytest.mark.parametrize("pattern", ["legacy", "legacy/*", "old.py"])
def test_what_is_excluded_is_left_out(tree: Path, pattern: str):
    run(tree, "--exclude", pattern)

    assert (tree / "legacy/old.py").read_text() == OLD
    assert (tree / "app/main.py").read_text() == NEW


def test_check_writes_nothing_and_fails_until_there_is_nothing_to_do(tree: Path):
    assert f"{tree / 'app/main.py'}: 1 renamed" in run("--check", tree, code=1).output
    assert (tree / "app/main.py").read_text() == OLD

    run(tree)
    run("--check", tree)


def test_diff_writes_nothing_and_prints_the_difference(tree: Path):
    result = run("--diff", tree / "app")

    assert f"-{OLD}+{NEW}" in result.stdout
    assert "looked at" in result.stderr, "so that the diff can be piped into a file"
    assert (tree / "app/main.py").read_text() == OLD


def test_a_file_that_is_no_python_is_reported_and_the_rest_goes_on(tree: Path):
    (tree / "app/broken.py").write_text("import starlette\ndef (:\n")

    result = run(tree, code=2)

    assert f"{tree / 'app/broken.py'}:2: " in result.output
    assert (tree / "app/main.py").read_text() == NEW


@pytest.mark.parametrize("name", ["app/gone.py", "requirements.txt"])
def test_a_file_that_cannot_be_read_is_reported_and_the_rest_goes_on(tree: Path, name: str):
    (tree / name).symlink_to(tree / "nowhere")

    result = run(tree, code=2)

    assert f"{tree / name}: cannot be read: " in result.output
    assert (tree / "app/main.py").read_text() == NEW


def test_a_file_that_cannot_be_written_is_reported(tree: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(path: Path, content: bytes) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)

    assert f"{tree / 'app/main.py'}: cannot be written: Permission denied" in run(tree / "app", code=2).output
    assert (tree / "app/main.py").read_text() == OLD


def test_a_file_that_is_named_twice_is_looked_at_once(tree: Path):
    assert "2 files looked at, 2 changed" in run(tree / "app", tree / "app/main.py").output


def test_what_has_to_be_looked_at_is_listed_with_its_place(tree: Path):
    (tree / "app/main.py").write_text("import os\nfrom starlette._utils import is_async_callable\n")

    said = run(tree / "app").output

    assert "Look at these yourself (1):" in said
    assert f"{tree / 'app/main.py'}:2: " in said


def test_requirements_are_reported_with_their_lines_and_left_alone(tree: Path):
    (tree / "pyproject.toml").write_text(
        '[project]\nkeywords = ["starlette"]\ndependencies = [\n  "starlette>=0.40",\n]\n'
    )
    before = (tree / "pyproject.toml").read_text()

    assert f"{tree / 'pyproject.toml'}:4: " in run(tree).output
    assert (tree / "pyproject.toml").read_text() == before


def test_requirements_are_changed_on_request(tree: Path):
    project, listed = tree / "pyproject.toml", tree / "requirements-dev.txt"
    project.write_text(
        'keywords = ["starlette"]\ndependencies = ["anyio", "starlette[full]>=0.4; python_version>\'3\'"]\n'
    )
    listed.write_bytes(b"starlette==1.10.0  # pinned\r\nsse-starlette\r\nstarlette-context\r\n")

    run("--requirements", tree)

    assert project.read_text() == (
        'keywords = ["starlette"]\ndependencies = ["anyio", "asterion[full]; python_version>\'3\'"]\n'
    )
    assert listed.read_bytes() == b"asterion  # pinned\r\nsse-starlette\r\nstarlette-context\r\n"


def test_changes_of_requirements_are_shown_and_not_written_on_request(tree: Path):
    listed = tree / "requirements.txt"
    listed.write_text("starlette\n")

    assert "-starlette\n+asterion\n" in run("--requirements", "--diff", tree).stdout
    assert listed.read_text() == "starlette\n"


def test_filters_of_warnings_are_reported_and_other_lines_are_not(tree: Path):
    project = tree / "pyproject.toml"
    project.write_text('filterwarnings = ["ignore::starlette.exceptions.X"]\ndescription = "a starlette thing"\n')

    said = run("--requirements", tree).output

    assert f"{project}:1: " in said
    assert "(left as it is)" in said
    assert f"{project}:2: " not in said


def test_tables_of_poetry_are_changed_and_entry_points_of_that_name_are_not(tree: Path):
    project = tree / "pyproject.toml"
    project.write_text('starlette = "^0.40"\n[entry-points.x]\nstarlette = "package.starlette:Plugin"\n')

    run("--requirements", tree)

    assert project.read_text() == 'asterion = "*"\n[entry-points.x]\nstarlette = "package.starlette:Plugin"\n'


def test_who_uses_fastapi_is_told_about_the_drop_in(tree: Path):
    (tree / "app/api.py").write_text("from fastapi import FastAPI\n")

    result = run(tree)

    assert "asterion run --dropin" in result.output
    assert (tree / "app/api.py").read_text() == "from fastapi import FastAPI\n"


def test_many_files_are_done_by_several_processes_to_the_same_result(tmp_path: Path):
    for number in range(60):
        (tmp_path / f"m{number:02}.py").write_text(OLD)

    assert "60 changed, 60 names renamed" in run(tmp_path).output
    assert {path.read_text() for path in tmp_path.iterdir()} == {NEW}


def test_without_libcst_it_says_what_to_install(tree: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "libcst", None)

    assert "pip install 'asterion[migrate]'" in run(tree, code=1).output


def test_a_path_that_is_not_there_is_named():
    assert "'no/such/place' does not exist" in run("no/such/place", code=2).output
