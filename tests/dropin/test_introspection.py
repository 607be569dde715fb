"""What tools ask about the package `starlette` and its distribution is answered, with Starlette and without."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dropin.interpreter import ROOT, python


def run(program: str, cwd: Path) -> list[str]:
    finished = python("-c", "import asterion.dropin; asterion.dropin.install()\n" + program, cwd=cwd)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.split()


METADATA = """
from importlib.metadata import distribution, packages_distributions, requires, version
print(version("starlette"), version("Starlette"), distribution("starlette").metadata["Name"], requires("starlette")[0])
print(packages_distributions()["starlette"])
"""
ANSWERS = ["1.10.0", "1.10.0", "starlette", "anyio<5,>=4", "['starlette']"]


def test_the_metadata_of_the_distribution_are_there(tmp_path: Path) -> None:
    assert run(METADATA, tmp_path) == ANSWERS


def test_the_metadata_are_there_where_starlette_is_not_installed(tmp_path: Path) -> None:
    """`-S` leaves the installed packages out, and folders that hold what Asterion needs take their place."""
    import anyio
    import idna

    for package in (anyio, idna):
        home = Path(str(package.__file__)).parent
        (tmp_path / home.name).symlink_to(home)
    for name in ("typing_extensions.py", "sniffio"):
        found = Path(str(anyio.__file__)).parents[1] / name
        if found.exists():
            (tmp_path / name).symlink_to(found)
    program = f"import asterion.dropin; asterion.dropin.install()\n{METADATA}import starlette.status"
    environment = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)]), "PATH": ""}
    finished = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert finished.stdout.split() == ANSWERS, finished.stderr


def test_files_of_the_distribution_are_looked_for_where_asterion_is(tmp_path: Path) -> None:
    program = "from importlib.metadata import distribution\nprint(distribution('starlette').locate_file('asterion'))"
    assert run(program, tmp_path) == [str(ROOT / "asterion")]


def test_another_installed_version_does_not_show(tmp_path: Path) -> None:
    info = tmp_path / "starlette-0.20.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: starlette\nVersion: 0.20.0\n")
    (info / "top_level.txt").write_text("starlette\n")
    assert run(METADATA, tmp_path)[:4] == ANSWERS[:4]


def test_who_looks_into_folders_of_his_own_sees_what_is_there(tmp_path: Path) -> None:
    program = f"from importlib.metadata import distributions; print(len(list(distributions(path=[{str(tmp_path)!r}]))))"
    assert run(program, tmp_path) == ["0"]


def test_other_distributions_are_answered_as_ever(tmp_path: Path) -> None:
    program = """
from importlib.metadata import PackageNotFoundError, version
print(version("anyio"))
try:
    version("starlette-nothing")
except PackageNotFoundError:
    print("missing")
"""
    from importlib.metadata import version

    assert run(program, tmp_path) == [version("anyio"), "missing"]


def test_modules_are_listed_and_every_public_one_can_be_imported(tmp_path: Path) -> None:
    program = """
import importlib, pkgutil, starlette
names = [module.name for module in pkgutil.walk_packages(starlette.__path__, "starlette.")]
public = [name for name in names if "._" not in name]
for name in public:
    importlib.import_module(name)
print(len(public) > 25, "starlette.middleware.cors" in names, "starlette._utils" in names, "starlette.dropin" in names)
"""
    assert run(program, tmp_path)[:3] == ["True", "True", "True"]


def test_source_files_and_resources_are_those_of_asterion(tmp_path: Path) -> None:
    program = """
import importlib.resources, inspect, starlette, starlette.responses
print("class Secret" in inspect.getsource(__import__("starlette.datastructures").datastructures.Secret))
print(importlib.resources.files("starlette").joinpath("py.typed").is_file(), starlette.__file__)
"""
    assert run(program, tmp_path) == ["True", "True", str(ROOT / "asterion" / "__init__.py")]


@pytest.mark.parametrize("name", ["starlette", "starlette.status"])
def test_a_reloaded_module_is_the_same_and_has_its_names(name: str, tmp_path: Path) -> None:
    program = f"""
import importlib, sys, starlette.status
module = sys.modules[{name!r}]
print(importlib.reload(module) is module, starlette.status.HTTP_200_OK, starlette.__version__)
"""
    assert run(program, tmp_path) == ["True", "200", "1.10.0"]


PICKLED = """
import copy, pickle, sys
from starlette.datastructures import Address, QueryParams, URL
from starlette.exceptions import HTTPException
from starlette.background import BackgroundTask
objects = [Address("a", 1), URL("http://a/b?c=1"), QueryParams("a=1&a=2"), HTTPException(404, "gone")]
objects.append(BackgroundTask(len, []))
"""
LOAD = """
import pickle, sys
found = pickle.load(open("objects", "rb"))
print(found[0].port, found[1].query, found[2].getlist("a"), found[3].status_code, found[4].func.__name__)
"""


def test_objects_that_were_pickled_on_the_drop_in_are_loaded_on_it(tmp_path: Path) -> None:
    run(PICKLED + "copy.deepcopy(objects)\nwith open('objects', 'wb') as file: pickle.dump(objects, file)", tmp_path)
    program = LOAD.replace(
        'open("objects", "rb")', "__import__('io').BytesIO(__import__('pathlib').Path('objects').read_bytes())"
    )
    assert run(program, tmp_path) == ["1", "c=1", "['1',", "'2']", "404", "len"]


# Written under either engine, read on the drop-in.
WRITE_EACH = """
import pickle
from starlette.datastructures import CommaSeparatedStrings, FormData, Headers, MultiDict, MutableHeaders, QueryParams
from starlette.datastructures import Secret, URL, URLPath

class Mine(QueryParams):
    def __init__(self, *args):
        super().__init__(*args)
        self.more = 1

objects = [CommaSeparatedStrings("a, b"), FormData([("a", "1")]), Headers({"a": "b"}), MultiDict([("a", 1), ("a", 2)]),
           MutableHeaders({"a": "b"}), QueryParams("a=1&a=2"), Secret("s"), URL("http://h/p?q=1"), Mine("a=1")]
objects.append(URLPath("/p", protocol="http", host="h"))
with open("objects", "wb") as file:
    pickle.dump(objects, file)
"""
READ_EACH = """
import pickle
from starlette.datastructures import QueryParams

class Mine(QueryParams): pass

with open("objects", "rb") as file:
    commas, form, headers, several, changeable, query, secret, url, mine, path = pickle.load(file)
changeable["c"] = "d"
several.append("b", 3)
url = url.replace(path="/other")
print(list(commas), form["a"], headers["a"], several.getlist("a"), several["b"], changeable.items(), sep=";")
print(query.getlist("a"), secret, url, mine["a"], mine.more, path, path.host, path.protocol, sep=";")
"""


@pytest.mark.parametrize("engine", ["starlette", "asterion"])
def test_data_structures_that_either_engine_pickled_are_loaded_on_the_drop_in(engine: str, tmp_path: Path) -> None:
    install = "import asterion.dropin; asterion.dropin.install()\n"
    (tmp_path / "write.py").write_text((install if engine == "asterion" else "") + WRITE_EACH)
    (tmp_path / "read.py").write_text(install + READ_EACH)
    assert python("write.py", cwd=tmp_path).stderr == ""
    finished = python("read.py", cwd=tmp_path)
    assert finished.stdout.splitlines() == [
        "['a', 'b'];1;b;[1, 2];3;[('a', 'b'), ('c', 'd')]",
        "['1', '2'];s;http://h/other?q=1;1;1;/p;h;http",
    ], finished.stderr


def test_a_test_suite_runs_on_the_drop_in_by_a_plugin(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from starlette.applications import Starlette\n")
    (tmp_path / "test_it.py").write_text(
        "from starlette.applications import Starlette\n"
        "def test_engine(): assert Starlette.__module__ == 'asterion.applications'\n"
    )
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    for more in ([], ["-n", "1"]):
        finished = python("-m", "pytest", "-p", "asterion.dropin.pytest_plugin", *more, cwd=tmp_path)
        assert "1 passed" in finished.stdout, finished.stdout + finished.stderr
        assert "asterion: in Starlette's place" in finished.stdout


def test_a_plugin_that_comes_too_late_says_so(tmp_path: Path) -> None:
    (tmp_path / "early.py").write_text("import starlette\n")
    finished = python("-m", "pytest", "-p", "early", "-p", "asterion.dropin.pytest_plugin", cwd=tmp_path)
    assert finished.returncode != 0
    assert "asterion.dropin.pytest_plugin came too late" in finished.stdout + finished.stderr


# Prints the functions, methods and classes of the package whose annotations cannot be evaluated: frameworks that read
# signatures do that to whatever a dependency is. A test client names types that only a checker needs, upstream too.
HINTS = """
import importlib, inspect, pkgutil, typing, warnings
warnings.simplefilter("ignore")
import starlette

def functions(owner):
    for name in dir(owner):
        found = inspect.getattr_static(owner, name, None)
        found = getattr(found, "fget", None) or getattr(found, "__func__", found)
        if inspect.isfunction(found) and (name in ("__init__", "__call__") or not name.startswith("_")):
            yield found

count = 0
for listed in pkgutil.walk_packages(starlette.__path__, "starlette."):
    if "._" in listed.name or listed.name.startswith("starlette.testclient"):
        continue
    module = importlib.import_module(listed.name)
    classes = [value for value in vars(module).values() if inspect.isclass(value) and "asterion" in value.__module__]
    for owner in (module, *classes):
        for asked in (*functions(owner), *([owner] if owner is not module else [])):
            count += 1
            try:
                typing.get_type_hints(asked)
            except NameError as error:
                print(listed.name, asked.__qualname__, error)
            except AttributeError:
                pass  # a class of zlib is not where its name says
print(count > 500)
"""


def test_annotations_can_be_evaluated(tmp_path: Path) -> None:
    assert run(HINTS, tmp_path) == ["True"]


COPIES = """
import copy, io
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.datastructures import FormData, Headers, MutableHeaders, QueryParams, State, UploadFile, URL
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

def routes():
    return [Mount("/in", routes=[Route("/{name}", PlainTextResponse("hello"))])]

scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"a", b"b")], "query_string": b"c=d"}
state = State()
state.kept = [1]
for call in (copy.copy, copy.deepcopy):
    app = call(Starlette(routes=routes(), middleware=[Middleware(GZipMiddleware)]))
    upload = call(UploadFile(io.BytesIO(b"text"), filename="f"))
    made, error, request, given = (
        call(one) for one in (JSONResponse({"a": 1}), HTTPException(404, "gone"), Request(scope), state)
    )
    several = [call(one) for one in (FormData([("a", "1")]), Headers({"a": "1"}), QueryParams("a=1"))]
    changed = call(MutableHeaders({"a": "1"}))
    changed["b"] = "2"
    given.more = 1
    task, address = call(BackgroundTask(len, [])), call(URL("http://h/p"))
    client = TestClient(app)
    print(client.get("/in/x").text, client.get("/out").status_code, upload.filename, made.body.decode(), error.detail)
    print(request.headers["a"], request.query_params["c"], given.kept, hasattr(state, "more"))
    print(task.func.__name__, address, *(one["a"] for one in several), changed["b"])
"""


def test_objects_can_be_copied(tmp_path: Path) -> None:
    said = ["hello", "404", "f", '{"a":1}', "gone", "b", "d", "[1]", "False", "len", "http://h/p", "1", "1", "1", "2"]
    assert run(COPIES, tmp_path) == said * 2
