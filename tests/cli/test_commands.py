"""`asterion`: the group, `routes`, and what is said of a target that is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from asterion import __version__
from tests.dropin.interpreter import python

APP = """
from asterion.applications import Asterion
from asterion.responses import PlainTextResponse
from asterion.routing import Mount, Route, WebSocketRoute

async def book(request):
    return PlainTextResponse("")

async def live(websocket):
    await websocket.close()

app = Asterion(routes=[
    Route("/books/{id:int}", book, methods=["GET", "DELETE"]),
    Mount("/shop", routes=[Route("/[cart]", book, name="cart"), WebSocketRoute("/live", live)]),
])

def make():
    return app
"""


def asterion(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return python("-m", "asterion", *arguments, cwd=cwd)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(APP)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "broken.py").write_text("import no_such_thing\n")
    return tmp_path


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    assert asterion("--version", cwd=tmp_path).stdout == f"asterion {__version__}\n"


def test_help_lists_the_commands_without_importing_any_of_them(tmp_path: Path) -> None:
    program = (
        "import sys\nsys.argv[1:] = ['--help']\nimport asterion.cli\n"
        "try:\n    asterion.cli.main()\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('libcst', 'uvicorn', 'rich', 'asterion.cli._run', 'asterion.cli._migrate')"
        " if name in sys.modules])"
    )
    said = python("-c", program, cwd=tmp_path).stdout
    assert all(f"\n  {name} " in said for name in ("migrate", "routes", "run"))
    assert said.endswith("[]\n")


def test_without_click_it_is_said_what_to_install(tmp_path: Path) -> None:
    program = "import sys; sys.modules['click'] = None\nimport asterion.cli; asterion.cli.main()"
    finished = python("-c", program, cwd=tmp_path)
    assert (finished.returncode, finished.stderr) == (
        1,
        "asterion: the command line needs click; pip install 'asterion[cli]'\n",
    )


@pytest.mark.parametrize("arguments", [["main:app"], ["main:make", "--factory"], ["main:app", "--dropin"]])
def test_routes_are_shown_in_order_with_those_of_mounts_below_them(arguments: list[str], project: Path) -> None:
    finished = asterion("routes", *arguments, cwd=project)
    assert [line.split() for line in finished.stdout.splitlines()] == [
        ["Methods", "Path", "Name", "Endpoint"],
        ["DELETE", "GET", "HEAD", "/books/{id:int}", "book", "main.book"],
        ["mount", "/shop"],
        ["GET", "HEAD", "/shop/[cart]", "cart", "main.book"],
        ["WebSocket", "/shop/live", "live", "main.live"],
    ], finished.stderr


@pytest.mark.parametrize("command", ["run", "routes"])
@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("mian:app", "no module named 'mian'; looked in {cwd}"),
        ("package.api:app", "no module named 'package.api' in the package 'package'"),
        ("main.api:app", "no module named 'main.api' in the package 'main'"),
        ("main:application", "has no attribute 'application'; applications there: app"),
        ("main:app.nothing", "has no attribute 'nothing' (of 'app.nothing')"),
        ("main", "'main' is not of the form module:attribute, as in main:app"),
        ("main.py:app", "'main.py:app' names a file; name its module instead, as in main:app"),
    ],
)
def test_a_wrong_target_is_told_with_what_was_looked_for_and_where(
    command: str, target: str, said: str, project: Path
) -> None:
    finished = asterion(command, target, cwd=project)
    assert finished.returncode == 1
    assert said.format(cwd=project.resolve()) in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("option", [["--reload"], ["--workers", "2"]])
def test_a_missing_module_is_told_once_before_any_worker_starts(option: list[str], project: Path) -> None:
    finished = asterion("run", "mian:app", *option, cwd=project)
    assert (finished.returncode, finished.stderr.count("no module named 'mian'")) == (1, 1)


def test_an_error_of_the_module_itself_is_shown_with_its_traceback(project: Path) -> None:
    finished = asterion("routes", "broken:app", cwd=project)
    assert finished.stderr.rstrip().endswith("ModuleNotFoundError: No module named 'no_such_thing'")
    assert "broken.py" in finished.stderr


def test_what_has_no_routes_is_named(project: Path) -> None:
    finished = asterion("routes", "main:make", cwd=project)
    assert finished.returncode == 1
    assert "which has no routes; --factory if it is a function" in finished.stderr


def test_run_without_a_target_says_how_to_name_one(project: Path) -> None:
    finished = asterion("run", cwd=project)
    assert finished.returncode == 2
    assert "asterion run main:app" in finished.stderr


def test_run_without_uvicorn_says_what_to_install(project: Path) -> None:
    program = "import sys; sys.modules['uvicorn'] = None; sys.argv[1:] = ['run', 'main:app']\n"
    finished = python("-c", program + "import asterion.cli; asterion.cli.main()", cwd=project)
    assert (finished.returncode, finished.stderr) == (
        1,
        "Error: there is no uvicorn to serve with; pip install 'asterion[server]'\n",
    )


def test_an_uvicorn_that_lacks_something_of_its_own_is_not_said_to_be_missing(project: Path) -> None:
    (project / "uvicorn").mkdir()
    (project / "uvicorn" / "__init__.py").write_text("import no_such_thing\n")
    program = "import sys; sys.argv[1:] = ['run', 'main:app']\n"
    finished = python("-c", program + "import asterion.cli; asterion.cli.main()", cwd=project)
    assert finished.stderr.rstrip().endswith("ModuleNotFoundError: No module named 'no_such_thing'")


def test_a_click_that_lacks_something_of_its_own_is_not_said_to_be_missing(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import no_such_thing\n")
    finished = python("-c", "import asterion.cli; asterion.cli.main()", cwd=tmp_path)
    assert finished.stderr.rstrip().endswith("ModuleNotFoundError: No module named 'no_such_thing'")


SERVER = """
import click

@click.command()
@click.argument("app")
@click.option("--port", type=int, default=8000)
def main(app, port):
    import starlette.status
    print("serving", app, port, starlette.status.__name__)
"""


@pytest.mark.parametrize(("options", "engine"), [([], "starlette"), (["--dropin"], "asterion")])
def test_run_serves_the_target_with_the_options_of_uvicorn(options: list[str], engine: str, project: Path) -> None:
    (project / "uvicorn").mkdir()
    (project / "uvicorn" / "__init__.py").write_text("")
    (project / "uvicorn" / "main.py").write_text(SERVER)
    finished = asterion("run", *options, "main:app", "--port", "80", cwd=project)
    assert finished.stdout == f"serving main:app 80 {engine}.status\n", finished.stderr


def test_the_drop_in_comes_too_late_where_starlette_is_there_already(project: Path) -> None:
    program = (
        "import sys, starlette\nsys.argv[1:] = ['run', '--dropin', 'main:app']\n"
        "import asterion.cli; asterion.cli.main()"
    )
    finished = python("-c", program, cwd=project)
    assert finished.returncode == 1
    assert finished.stderr.startswith("Error: ")
    assert "starlette" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    finished = asterion("serve", cwd=tmp_path)
    assert finished.returncode == 2
    assert "No such command 'serve'" in finished.stderr


KINDS = """
from functools import partial
from asterion.applications import Asterion
from asterion.routing import BaseRoute, Host, Mount, Route
from asterion.responses import PlainTextResponse

async def book(request, shelf=None):
    return PlainTextResponse("")

class Static:
    async def __call__(self, scope, receive, send):
        await PlainTextResponse("")(scope, receive, send)

class Own(BaseRoute):
    pass

app = Asterion(routes=[
    Host("{shop}.example.org", Asterion(routes=[Route("/books", partial(book, shelf=1))])),
    Mount("/static", Static()),
    Own(),
])
"""


def test_hosts_other_applications_and_routes_of_ones_own_are_shown_too(project: Path) -> None:
    (project / "kinds.py").write_text(KINDS)
    finished = asterion("routes", "kinds:app", cwd=project)
    assert [line.split() for line in finished.stdout.splitlines()[1:]] == [
        ["host", "{shop}.example.org"],
        ["GET", "HEAD", "{shop}.example.org/books", "book", "kinds.book"],
        ["mount", "/static", "kinds.Static"],
        ["any", "/"],
    ], finished.stderr


def test_routes_are_shown_without_rich_in_columns_between_tabs(project: Path) -> None:
    program = "import sys; sys.modules['rich'] = None; sys.argv[1:] = ['routes', 'main:app']\n"
    finished = python("-c", program + "import asterion.cli; asterion.cli.main()", cwd=project)
    assert finished.stdout.splitlines()[-1] == "WebSocket\t/shop/live\tlive\tmain.live", finished.stderr


def test_the_console_script_is_the_same_command() -> None:
    script = Path(sys.executable).parent / "asterion"
    if not script.exists():
        pytest.skip("Asterion is not installed in this environment")
    told = subprocess.run([script, "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout == f"asterion {__version__}\n"
