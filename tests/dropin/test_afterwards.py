"""What is done to `fastapi.routing` after its import is done to it alone, and is no hindrance to its import."""

from pathlib import Path

import pytest

from tests.dropin.interpreter import python

# What would adapt FastAPI says so instead; a finder of somebody's own finds all of `fastapi`, with one loader.
PROGRAM = """
import sys, types
from importlib.machinery import ModuleSpec
import asterion.dropin
asterion.dropin.install()
adapting = sys.modules["asterion.dropin._fastapi"] = types.ModuleType("asterion.dropin._fastapi")
adapting.adapt = lambda module: print("adapted", module.__name__)

{loader}

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "fastapi":
            return ModuleSpec(name, LOADER, is_package=name == "fastapi")

sys.meta_path.insert(1, Finder())
import fastapi.routing, fastapi.other
"""
SHARED = """
class Loader:
    def create_module(self, spec): return None
    def exec_module(self, module): print("executed", module.__name__)
LOADER = Loader()
"""
SLOTTED = SHARED.replace("class Loader:", "class Loader:\n    __slots__ = ()")
A_CLASS = """
class LOADER:
    def create_module(spec): return None
    def exec_module(module): print("executed", module.__name__)
"""
EXECUTED = ["executed fastapi", "executed fastapi.routing", "executed fastapi.other"]


@pytest.mark.parametrize(
    ("loader", "said"),
    [
        (SHARED, [*EXECUTED[:2], "adapted fastapi.routing", EXECUTED[2]]),
        (SLOTTED, EXECUTED),
        (A_CLASS, EXECUTED),
    ],
    ids=["a loader of several modules", "a loader that takes no method", "a loader that is a class"],
)
def test_modules_of_any_loader_are_imported(loader: str, said: list[str], tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM.format(loader=loader))
    finished = python("program.py", cwd=tmp_path)
    assert finished.stdout.splitlines() == said, finished.stderr


def test_a_module_that_nobody_finds_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "fastapi").mkdir()
    (tmp_path / "fastapi" / "__init__.py").write_text("")
    finished = python("-c", "import asterion.dropin; asterion.dropin.install(); import fastapi.routing", cwd=tmp_path)
    assert finished.stderr.rstrip().endswith("ModuleNotFoundError: No module named 'fastapi.routing'")
