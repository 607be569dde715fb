"""What is done to another package's module right after it was imported: nothing of it is changed on the disk."""

import importlib
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

ADAPTED: Final[Mapping[str, str]] = {"fastapi.routing": "asterion.dropin._fastapi"}
"""By module: that of ours whose `adapt` is called with it."""


def adapted_spec(
    fullname: str, path: Sequence[str] | None, target: ModuleType | None, asking: object
) -> ModuleSpec | None:
    """What the other finders say of a module in `ADAPTED`, to be adapted at the end of its import."""
    for finder in list(sys.meta_path):
        find_spec = None if finder is asking else getattr(finder, "find_spec", None)
        spec: ModuleSpec | None = None if find_spec is None else find_spec(fullname, path, target)
        if spec is not None:
            _adapt_at_the_end(spec.loader, fullname)
            return spec
    return None


def _adapt_at_the_end(loader: Any, fullname: str) -> None:
    # A loader that is a class loads other modules as well, and is nobody's own to change.
    if isinstance(loader, type) or not hasattr(loader, "exec_module"):
        return
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        execute(module)
        if module.__name__ == fullname:
            importlib.import_module(ADAPTED[fullname]).adapt(module)

    try:
        loader.exec_module = exec_module
    except AttributeError:  # it takes none: the module stays as it is
        return
