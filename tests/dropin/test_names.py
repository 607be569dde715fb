"""Every name of the real Starlette is there in its place, under the same name."""

import json
from pathlib import Path

import pytest

from tests.dropin.interpreter import python

pytest.importorskip("starlette", reason="the real Starlette is what is compared with")

# Prints {module: names}: what the modules of the package hold that comes from the package itself, but for private names
# and type variables.
LIST = """
import importlib, json, pkgutil, typing, warnings
warnings.simplefilter("ignore")
import starlette

names = {}
for found in pkgutil.walk_packages(starlette.__path__, "starlette."):
    if "._" not in found.name:
        module = importlib.import_module(found.name)
        names[found.name] = [
            name for name, value in vars(module).items()
            if not name.startswith("_") and not isinstance(value, typing.TypeVar | typing.ParamSpec)
            and (getattr(value, "__module__", None) or "").startswith("starlette")
        ]
print(json.dumps(names))
"""

LOOK = """
import asterion.dropin, importlib, json, sys
asterion.dropin.install()
for module, names in json.load(sys.stdin).items():
    for name in names:
        if not hasattr(importlib.import_module(module), name):
            print(f"{module}.{name}")
"""


def test_every_public_name_of_starlette_is_answered(tmp_path: Path) -> None:
    (tmp_path / "list.py").write_text(LIST)
    (tmp_path / "look.py").write_text(LOOK)
    listed = python("list.py", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert len(json.loads(listed.stdout)) > 25
    looked = python("look.py", cwd=tmp_path, given=listed.stdout)
    assert (looked.returncode, looked.stdout) == (0, ""), looked.stderr


def test_a_name_that_a_module_has_by_the_way_is_the_one_of_its_home(tmp_path: Path) -> None:
    (tmp_path / "look.py").write_text(
        "import asterion.dropin; asterion.dropin.install()\n"
        "from starlette.routing import Request, Headers, get_route_path\n"
        "from starlette.middleware.base import _StreamingResponse\n"
        "import asterion.requests, asterion.datastructures, asterion.responses, asterion._core.paths as paths\n"
        "print(Request is asterion.requests.Request, Headers is asterion.datastructures.Headers)\n"
        "print(get_route_path is paths.get_route_path)\n"
        "print(issubclass(_StreamingResponse, asterion.responses.StreamingResponse))\n"
    )
    looked = python("look.py", cwd=tmp_path)
    assert looked.stdout == "True True\nTrue\nTrue\n", looked.stderr


def test_what_a_module_imports_of_others_can_be_taken_from_it(tmp_path: Path) -> None:
    (tmp_path / "look.py").write_text(
        "import asterion.dropin; asterion.dropin.install()\n"
        "import json, mimetypes\n"
        "from starlette.responses import guess_type, json as found\n"
        "print(guess_type is mimetypes.guess_type, found is json)\n"
    )
    looked = python("look.py", cwd=tmp_path)
    assert looked.stdout.split() == ["True", "True"], looked.stderr


def test_a_module_is_reached_through_the_package_though_only_another_was_imported(tmp_path: Path) -> None:
    (tmp_path / "look.py").write_text(
        "import asterion.dropin; asterion.dropin.install()\n"
        "import starlette.applications\n"
        "import asterion.responses\n"
        "print(starlette.responses is asterion.responses, starlette._utils.is_async_callable(print))\n"
        "print(hasattr(starlette, 'nothing'), hasattr(starlette, '_core'), hasattr(starlette, '__path__'))\n"
    )
    looked = python("look.py", cwd=tmp_path)
    assert looked.stdout.split() == ["True", "False", "False", "False", "True"], looked.stderr


def test_private_names_that_programs_import_are_there(tmp_path: Path) -> None:
    (tmp_path / "look.py").write_text(
        "import asterion.dropin; asterion.dropin.install()\n"
        "import starlette.routing\n"
        "from starlette._exception_handler import ExceptionHandlers, StatusHandlers, _lookup_exception_handler\n"
        "from starlette.middleware.body_limit import _RequestBodyLimitResponseSent, _RequestBodyTooLarge\n"
        "from starlette.routing import Router, _DefaultLifespan, _wrap_gen_lifespan_context\n"
        "from starlette.templating import jinja2\n"
        "from starlette.testclient import httpx\n"
        "print(isinstance(Router().lifespan_context, _DefaultLifespan), httpx.__name__, jinja2.__name__)\n"
        "def lifespan(app): yield app\n"
        "print(hasattr(_wrap_gen_lifespan_context(lifespan)(None), '__aenter__'))\n"
        "print(issubclass(_RequestBodyLimitResponseSent, (_RequestBodyTooLarge, BaseExceptionGroup)))\n"
    )
    looked = python("look.py", cwd=tmp_path)
    assert looked.stdout.split() == ["True", "httpx2", "jinja2", "True", "False"], looked.stderr


@pytest.mark.parametrize(
    ("module", "library"),
    [("templating", "jinja2"), ("middleware.sessions", "itsdangerous"), ("middleware.opentelemetry", "opentelemetry")],
)
def test_a_module_cannot_be_imported_without_its_library_by_which_programs_know_that_they_lack_it(
    module: str, library: str, tmp_path: Path
) -> None:
    (tmp_path / "look.py").write_text(
        "import asterion.dropin; asterion.dropin.install()\n"
        f"import sys; sys.modules[{library!r}] = None\n"
        f"try:\n    import starlette.{module}\nexcept ImportError as error:\n    print({library!r} in str(error))\n"
        f"import asterion.{module}\n"
    )
    looked = python("look.py", cwd=tmp_path)
    assert looked.stdout.split() == ["True"], looked.stderr
