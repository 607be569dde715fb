"""`ASTERION_DROPIN=1`: the drop-in from the start of an interpreter, in every process below it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dropin.interpreter import BEGIN, MEASURED

ROOT = Path(__file__).parents[2]
SAY = "import starlette.status; print(starlette.status.__name__)"
HOOK = ROOT / "asterion" / "dropin" / "asterion_dropin.pth"
FOLDER = ROOT / "asterion" / "dropin" / "_sitecustomize"


def run(*arguments: str, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), **MEASURED, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def installed(tmp_path: Path) -> str:
    """Code that has `site` read a folder with the hook of the wheel, as it reads site-packages, and then a program."""
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / HOOK.name).write_text(HOOK.read_text())
    return f"import site; site.addsitedir({str(folder)!r}); "


@pytest.mark.parametrize("value", ["1", "true", "yes"])
def test_the_hook_of_the_wheel_installs_the_drop_in_when_the_variable_asks(
    value: str, installed: str, tmp_path: Path
) -> None:
    finished = run(
        "-S", "-c", BEGIN + installed + SAY, cwd=tmp_path, ASTERION_DROPIN=value, PYTHONPATH=os.pathsep.join(sys.path)
    )
    assert finished.stdout == "asterion.status\n", finished.stderr


@pytest.mark.parametrize("environment", [{}, *({"ASTERION_DROPIN": off} for off in ("", "0", "false", "No", "OFF"))])
def test_without_the_variable_nothing_of_asterion_is_imported(
    environment: dict[str, str], installed: str, tmp_path: Path
) -> None:
    program = installed + "import sys; print([name for name in sys.modules if name.startswith('asterion')])"
    assert run("-c", program, cwd=tmp_path, **environment).stdout == "[]\n"


def test_the_hook_is_one_line_that_is_no_error_without_asterion(tmp_path: Path) -> None:
    assert len(HOOK.read_text().splitlines()) == 1
    finished = run("-S", "-c", HOOK.read_text(), cwd=tmp_path, PYTHONPATH="")
    assert (finished.returncode, finished.stderr) == (0, "")


def test_the_folder_on_the_path_starts_the_drop_in_and_then_the_sitecustomize_it_hides(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.theirs = __name__, __file__")
    path = os.pathsep.join([str(FOLDER), str(tmp_path), str(ROOT)])
    program = SAY + "; print(theirs[0], theirs[1].endswith('sitecustomize.py'))"
    finished = run("-c", program, cwd=tmp_path, PYTHONPATH=path, ASTERION_DROPIN="1")
    assert finished.stdout == "asterion.status\nsitecustomize True\n", finished.stderr


def test_the_folder_on_the_path_starts_nothing_unless_the_variable_asks(tmp_path: Path) -> None:
    path = os.pathsep.join([str(FOLDER), str(ROOT)])
    finished = run("-c", SAY, cwd=tmp_path, PYTHONPATH=path, ASTERION_DROPIN="0")
    assert finished.stdout == "starlette.status\n", finished.stderr


def test_an_interpreter_without_asterion_starts_all_the_same(tmp_path: Path) -> None:
    finished = run("-S", "-c", BEGIN + "import sitecustomize; print('up')", cwd=tmp_path, PYTHONPATH=str(FOLDER))
    assert (finished.stdout, finished.stderr) == ("up\n", "")


def test_a_process_in_which_starlette_is_there_already_says_so_and_starts(tmp_path: Path) -> None:
    (tmp_path / "starlette.py").write_text("")
    finished = run(
        "-S",
        "-c",
        BEGIN + "import starlette, asterion.dropin._start; print('up')",
        cwd=tmp_path,
        PYTHONPATH=os.pathsep.join(sys.path),
        ASTERION_DROPIN="1",
    )
    assert finished.stdout == "up\n"
    assert "ASTERION_DROPIN is set, but this process runs without the drop-in" in finished.stderr
    assert str(tmp_path / "starlette.py") in finished.stderr


CHILDREN = {
    "subprocess": f"""
import subprocess, sys
print(subprocess.run([sys.executable, "-c", {SAY!r}], capture_output=True, text=True, check=True).stdout.strip())
""",
    "spawn": """
import multiprocessing
def child(queue):
    import starlette.status
    queue.put(starlette.status.__name__)
if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    print(queue.get(timeout=30))
    process.join()
""",
}


@pytest.mark.parametrize("way", CHILDREN)
def test_children_of_a_program_under_the_command_have_the_drop_in(way: str, tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(CHILDREN[way])
    finished = run("-m", "asterion.dropin", "parent.py", cwd=tmp_path)
    assert finished.stdout == "asterion.status\n", finished.stderr


@pytest.mark.parametrize("way", CHILDREN)
def test_turn_on_reaches_children_where_asterion_is_not_installed(way: str, tmp_path: Path) -> None:
    """`-S` leaves the installed packages, and with them the wheel's hook, out of the parent."""
    program = BEGIN + "import asterion.dropin\nasterion.dropin.turn_on()\n" + CHILDREN[way]
    (tmp_path / "parent.py").write_text(program)
    (tmp_path / "sitecustomize.py").write_text("print('theirs')")
    path = os.pathsep.join(entry for entry in sys.path if not os.path.exists(os.path.join(entry, HOOK.name)))
    finished = run("-S", "parent.py", cwd=tmp_path, PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT), path]))
    assert finished.stdout.split()[-1] == "asterion.status", finished.stderr
