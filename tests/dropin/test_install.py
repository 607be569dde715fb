"""`asterion.dropin`: who answers when a program imports Starlette.

Each case runs in an interpreter of its own: an import hook is for the whole process.
"""

import textwrap
from pathlib import Path

import pytest

from tests.dropin.interpreter import python


def run(program: str, cwd: Path) -> str:
    """What a program prints that starts with `install()`."""
    finished = python("-c", "import asterion.dropin; asterion.dropin.install()\n" + textwrap.dedent(program), cwd=cwd)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def test_a_module_below_starlette_is_the_module_of_asterion(tmp_path: Path) -> None:
    program = """
        import importlib
        names = '''applications authentication background concurrency config convertors datastructures endpoints
            exceptions formparsers middleware middleware.authentication middleware.base middleware.body_limit
            middleware.cors middleware.errors middleware.exceptions middleware.gzip middleware.httpsredirect
            middleware.sessions middleware.trustedhost requests responses routing schemas staticfiles status
            templating testclient types websockets'''.split()
        print([name for name in names
            if importlib.import_module(f"starlette.{name}") is not importlib.import_module(f"asterion.{name}")])
    """
    assert run(program, tmp_path) == "[]"


def test_a_class_is_the_same_object_under_both_names(tmp_path: Path) -> None:
    program = """
        from starlette.applications import Starlette
        from starlette.middleware.cors import CORSMiddleware
        import asterion.applications, asterion.middleware.cors
        print(Starlette is asterion.applications.Starlette, CORSMiddleware is asterion.middleware.cors.CORSMiddleware)
    """
    assert run(program, tmp_path) == "True True"


def test_it_makes_no_difference_in_which_order_the_two_names_are_imported(tmp_path: Path) -> None:
    program = """
        import asterion.status
        import starlette.status
        import starlette.convertors
        import asterion.convertors
        print(starlette.status is asterion.status, starlette.convertors is asterion.convertors)
    """
    assert run(program, tmp_path) == "True True"


def test_a_module_keeps_its_own_name_and_spec(tmp_path: Path) -> None:
    program = """
        import starlette.status
        print(starlette.status.__name__, starlette.status.__spec__.name)
    """
    assert run(program, tmp_path) == "asterion.status asterion.status"


def test_modules_are_attributes_of_the_package_as_after_any_import(tmp_path: Path) -> None:
    program = """
        import starlette.middleware.cors
        from starlette import status
        print(starlette.middleware.cors.__name__, status.HTTP_200_OK)
    """
    assert run(program, tmp_path) == "asterion.middleware.cors 200"


def test_the_version_is_that_of_the_interface_which_is_offered(tmp_path: Path) -> None:
    assert run("import starlette; print(starlette.__version__)", tmp_path) == "1.10.0"


def test_nothing_of_the_installed_starlette_is_ever_loaded(tmp_path: Path) -> None:
    program = """
        import sys
        import starlette.applications, starlette.testclient
        files = [getattr(module, "__file__", None) or "" for module in sys.modules.values()]
        print([file for file in files if "starlette" in file])
    """
    assert run(program, tmp_path) == "[]"


@pytest.mark.parametrize("name", ["starlette.no_such_module", "starlette._compat", "starlette.status.code"])
def test_a_module_that_asterion_does_not_have_is_not_found(name: str, tmp_path: Path) -> None:
    program = f"""
        import importlib
        try:
            importlib.import_module({name!r})
        except ModuleNotFoundError as exc:
            print(exc.name)
    """
    assert run(program, tmp_path) == name


def test_a_finder_that_is_asked_directly_knows_nothing_below_what_is_no_package(tmp_path: Path) -> None:
    program = """
        import sys
        print([finder.find_spec("starlette.status.no_such_module", None) for finder in sys.meta_path])
    """
    assert set(run(program, tmp_path).strip("[]").split(", ")) == {"None"}


def test_one_may_ask_whether_a_module_is_there(tmp_path: Path) -> None:
    program = """
        from importlib.util import find_spec
        print(find_spec("starlette.status") is not None, find_spec("starlette.no_such_module"))
    """
    assert run(program, tmp_path) == "True None"


def test_installing_twice_does_no_harm(tmp_path: Path) -> None:
    program = """
        import sys
        asterion.dropin.install()
        import starlette.status
        asterion.dropin.install()
        print(sum(type(finder).__module__.startswith("asterion") for finder in sys.meta_path))
    """
    assert run(program, tmp_path) == "1"


def test_an_earlier_import_of_the_real_starlette_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "starlette").mkdir()
    (tmp_path / "starlette" / "__init__.py").write_text("")
    finished = python("-c", "import starlette, asterion.dropin; asterion.dropin.install()", cwd=tmp_path)
    assert finished.returncode == 1
    assert "RuntimeError: asterion.dropin.install(): starlette was imported before" in finished.stderr
    assert str(tmp_path / "starlette" / "__init__.py") in finished.stderr


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (
            "_utils",
            "AwaitableOrContextManager create_collapsing_task_group get_route_path is_async_callable parse_host_header",
        ),
        ("_exception_handler", "wrap_app_handling_exceptions"),
    ],
)
def test_private_names_that_other_packages_import_are_there(module: str, names: str, tmp_path: Path) -> None:
    program = f"""
        import starlette.{module} as module
        print([name for name in {names!r}.split() if not hasattr(module, name)], module.__name__)
    """
    assert run(program, tmp_path) == f"[] asterion.dropin.{module}"
