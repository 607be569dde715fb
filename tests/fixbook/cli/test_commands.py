"""The commands that read, write, check, find and examine, as they are typed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fixbook.casefile import dumps, read_case, write_case
from fixbook.cli._group import fixbook
from fixbook.model import Case, Expectation, Reproduction, Role, Target
from fixbook.pages import LIMIT

PAGE = "The Fix\nBased on closed acme/widget issue #77 · PR/commit linked\nWhat Broke\nWidgets.\nEnvironment\nwhat\n"


def run(*arguments: object, given: bytes | None = None) -> Result:
    return CliRunner().invoke(fixbook, [str(argument) for argument in arguments], input=given)


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    folder = tmp_path / "catalogue"
    script = Reproduction("print(1)\n", path="repro.py", package="widget")
    gone = Case(
        "gone",
        title="Widgets go",
        package="pytest",
        first_fixed="9999",
        signatures=("WidgetError: gone",),
        reproduction=script,
    )
    write_case(gone, folder / "gone")
    write_case(Case("old", package="pytest", first_fixed="0.1"), folder / "old")
    return folder


def test_help_lists_the_commands_without_loading_them() -> None:
    code = "import sys\nfrom fixbook.cli._group import fixbook\nfixbook(['--help'], standalone_mode=False)\n"
    code += "print(sorted(name for name in sys.modules if name in ('sqlalchemy', 'fixbook.pages', 'rich')))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "doctor" in told
    assert told.splitlines()[-1] == "[]"


def test_python_m_fixbook_is_the_command() -> None:
    told = subprocess.run([sys.executable, "-m", "fixbook", "--version"], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("fixbook, version ")


def test_a_command_that_is_not_there_is_refused() -> None:
    assert run("cook").exit_code == 2


def test_import_writes_folders_and_prints_problems_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "one.txt").write_text(PAGE)
    found = run("import", tmp_path / "pages", "--into", tmp_path / "cases", "--package", "widget")
    assert found.exit_code == 0, found.output
    assert f"{tmp_path}/pages/one.txt:6: not understood in the environment: 'what'" in found.output
    case = read_case(tmp_path / "cases" / "widget-77")
    assert (case.summary, case.package) == ("Widgets.", "widget")
    assert case.source is not None
    assert case.source.text == PAGE


def test_import_keeps_what_is_there_unless_told_otherwise(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text(PAGE)
    arguments = ("import", tmp_path / "one.txt", "--into", tmp_path / "cases")
    assert run(*arguments).exit_code == 0
    again = run(*arguments)
    assert (again.exit_code, "there is such a case already" in again.output) == (1, True)
    assert run(*arguments, "--replace").exit_code == 0


def test_import_goes_on_after_a_page_that_it_refuses(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"")
    (tmp_path / "b.txt").write_bytes(b"x" * (LIMIT + 1))
    (tmp_path / "c.txt").write_text(PAGE)
    found = run("import", tmp_path, tmp_path / "missing.txt", "--into", tmp_path / "cases")
    assert found.exit_code == 1
    assert "a.txt: the page is empty" in found.output
    assert "are too many for a page" in found.output
    assert "missing.txt: No such file or directory" in found.output
    assert (tmp_path / "cases" / "widget-77" / "case.md").exists()


def test_import_offers_laid_out_code_beside_the_case_and_only_when_asked(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text(PAGE + "Minimal Reproduction\ndef f():\nreturn 1\n")
    run("import", tmp_path / "one.txt", "--into", tmp_path / "plain")
    assert not (tmp_path / "plain" / "widget-77" / "proposal.py").exists()
    run("import", tmp_path / "one.txt", "--into", tmp_path / "cases", "--proposals")
    assert (tmp_path / "cases" / "widget-77" / "proposal.py").read_text() == "def f():\n    return 1\n"


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text(PAGE)
    assert run("import", tmp_path / "one.txt", "--into", tmp_path / "cases", "--dry-run").exit_code == 0
    assert not (tmp_path / "cases").exists()


def test_export_writes_the_own_form(catalogue: Path, tmp_path: Path) -> None:
    assert run("export", "gone", "--catalogue", catalogue).output == dumps(read_case(catalogue / "gone"))
    assert run("export", "--catalogue", catalogue, "--into", tmp_path / "out").exit_code == 0
    assert read_case(tmp_path / "out" / "gone") == read_case(catalogue / "gone")
    assert run("export", "--catalogue", catalogue, "--into", tmp_path / "out").exit_code == 1
    assert run("export", "--catalogue", catalogue, "--into", tmp_path / "out", "--replace").exit_code == 0
    assert run("export", "--catalogue", catalogue).exit_code == 2
    assert run("export", "nobody", "--catalogue", catalogue).exit_code == 2


def test_check_tells_what_is_wrong_with_file_and_line(catalogue: Path) -> None:
    assert run("check", catalogue).output == "gone: sound\nold: sound\n2 cases, 0 with something wrong\n"
    (catalogue / "old" / "case.md").write_text("---\nid: old\ncolour: red\n---\n")
    found = run("check", catalogue)
    assert found.exit_code == 1
    assert f"{catalogue}/old/case.md:3: there is no key 'colour'" in found.output


def test_check_wants_what_runs_need(tmp_path: Path) -> None:
    reproduction = Reproduction("", path="repro.py", targets=(Target(Role.FIXED, "2"),), right=Expectation(exit=0))
    write_case(Case("a", first_fixed="1", reproduction=reproduction), tmp_path / "b")
    found = run("check", tmp_path / "b")
    assert found.exit_code == 1
    for says in ("folder of another name", "no `package`", "not both of", "first_fixed is 1, and the target"):
        assert says in found.output
    assert run("check", tmp_path / "b" / "repro.py").exit_code == 1


def test_check_of_nothing_is_no_success(tmp_path: Path) -> None:
    assert run("check", tmp_path).exit_code == 1


def test_find_takes_its_text_from_the_arguments_or_from_a_pipe(catalogue: Path) -> None:
    found = run("find", "--catalogue", catalogue, "WidgetError:", "gone")
    assert found.exit_code == 0
    assert "gone: Widgets go, fixed in 9999" in found.output
    assert "the exception is WidgetError" in found.output
    piped = run("find", "--catalogue", catalogue, "--json", given=b"\xff WidgetError: gone\n")
    assert [row["case"] for row in json.loads(piped.output)] == ["gone"]
    assert run("find", "--catalogue", catalogue, "qqq zzz").exit_code == 1
    assert run("find", "--catalogue", catalogue, given=b" ").exit_code == 2


def test_doctor_s_exit_status_is_for_ci(catalogue: Path, tmp_path: Path) -> None:
    found = run("doctor", "--catalogue", catalogue, "--json")
    report: Any = json.loads(found.output)
    assert (found.exit_code, report["exit_code"]) == (1, 1)
    assert [(row["case"], row["verdict"]) for row in report["findings"]] == [
        ("gone", "affected"),
        ("old", "not affected"),
    ]
    told = run("doctor", "--catalogue", catalogue).output
    assert "affected: gone" in told
    assert "old" not in told.replace("older", "")
    assert "not affected: old" in run("doctor", "--catalogue", catalogue, "--all").output
    (catalogue / "gone" / "case.md").unlink()
    assert run("doctor", "--catalogue", catalogue).exit_code == 0
    refused = run("doctor", tmp_path / "missing", "--catalogue", catalogue)
    assert (refused.exit_code, "cannot be started" in refused.output) == (2, True)
