"""`python -m asterion.dropin`: a program runs as Python itself would run it, with Asterion in Starlette's place."""

import json
from pathlib import Path

import pytest

from tests.dropin.interpreter import ROOT, python

REPORT = """\
import json, os, sys
import starlette.status
print(json.dumps({
    "argv": sys.argv, "name": __name__, "file": globals().get("__file__"), "path": sys.path[0],
    "status": starlette.status.__name__,
}))
"""


def test_a_file_sees_its_own_arguments_name_and_directory(tmp_path: Path) -> None:
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "report.py").write_text(REPORT)
    finished = python("-m", "asterion.dropin", "programs/report.py", "--port", "-1", cwd=tmp_path)
    assert json.loads(finished.stdout) == {
        "argv": ["programs/report.py", "--port", "-1"],
        "name": "__main__",
        "file": "programs/report.py",
        "path": str((tmp_path / "programs").resolve()),
        "status": "asterion.status",
    }


def test_a_module_sees_its_own_arguments_name_and_directory(tmp_path: Path) -> None:
    (tmp_path / "report.py").write_text(REPORT)
    finished = python("-m", "asterion.dropin", "-m", "report", "-m", "x", cwd=tmp_path)
    assert json.loads(finished.stdout) == {
        "argv": [str(tmp_path / "report.py"), "-m", "x"],
        "name": "__main__",
        "file": str(tmp_path / "report.py"),
        "path": str(tmp_path.resolve()),
        "status": "asterion.status",
    }


def test_the_exit_status_is_the_program_s_own(tmp_path: Path) -> None:
    (tmp_path / "ends.py").write_text("raise SystemExit(7)")
    assert python("-m", "asterion.dropin", "ends.py", cwd=tmp_path).returncode == 7


def test_an_exception_of_the_program_ends_it_with_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "fails.py").write_text("raise LookupError('nothing there')")
    finished = python("-m", "asterion.dropin", "fails.py", cwd=tmp_path)
    assert finished.returncode == 1
    assert finished.stderr.rstrip().endswith("LookupError: nothing there")


def test_processes_that_the_program_spawns_see_asterion_too(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(
        "import multiprocessing, sys\n"
        "def child(queue):\n"
        "    import starlette.status\n"
        "    queue.put(starlette.status.__name__)\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('spawn')\n"
        "    queue = context.Queue()\n"
        "    process = context.Process(target=child, args=(queue,))\n"
        "    process.start()\n"
        "    print(queue.get(timeout=30))\n"
        "    process.join()\n"
    )
    finished = python("-m", "asterion.dropin", "parent.py", cwd=tmp_path)
    assert finished.stdout == "asterion.status\n", finished.stderr


@pytest.mark.parametrize("arguments", [[], ["-x"], ["-m"]])
def test_a_command_line_that_names_no_program_is_answered_with_the_usage(arguments: list[str], tmp_path: Path) -> None:
    finished = python("-m", "asterion.dropin", *arguments, cwd=tmp_path)
    assert finished.returncode == 2
    assert finished.stderr.startswith("usage: python -m asterion.dropin FILE.py")


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_the_usage_can_be_asked_for(option: str, tmp_path: Path) -> None:
    finished = python("-m", "asterion.dropin", option, cwd=tmp_path)
    assert finished.returncode == 0
    assert finished.stdout.startswith("usage: python -m asterion.dropin FILE.py")


def test_a_python_that_keeps_unsafe_folders_out_of_its_path_keeps_out_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "report.py").write_text(REPORT)
    finished = python("-P", "-m", "asterion.dropin", "report.py", cwd=tmp_path)
    assert json.loads(finished.stdout)["path"] == str(ROOT), finished.stderr


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    finished = python("-m", "asterion.dropin", "uvicorn", cwd=tmp_path)
    assert finished.returncode == 2
    assert finished.stderr == "asterion.dropin: no such file: 'uvicorn'; write -m before the name of a module\n"
