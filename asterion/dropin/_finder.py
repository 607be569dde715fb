"""The import hook: which module answers to which of Starlette's names.

Two laws. A name below `starlette` is answered here or by nobody: the real Starlette is never mixed in, even where it is
installed. A module has one identity: an alias puts the very module of Asterion under the second name.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import asterion
from asterion.dropin._afterwards import ADAPTED, adapted_spec
from asterion.dropin._incidental import add_names
from asterion.dropin._seams import open_seams

if TYPE_CHECKING:
    from importlib.metadata import Distribution, DistributionFinder

STARLETTE_VERSION: Final = "1.10.0"
"""The release of Starlette whose interface is offered; `starlette.__version__` says so after `install()`."""

_PACKAGE = "starlette"
# The search path of the package: nothing on the disk, but what lists modules (pkgutil) asks the finder behind it.
_LISTING = "<asterion.dropin>"
# Private names that other packages import. Every other name is public and answered by the module of the same name.
_PRIVATE = {
    "_utils": "asterion.dropin._utils",
    "_exception_handler": "asterion.dropin._exception_handler",
}


def _answering(fullname: str) -> str | None:
    """The name of the module that answers to a name below `starlette`, or None if there is none."""
    tail = fullname.removeprefix(f"{_PACKAGE}.")
    if tail in _PRIVATE:
        return _PRIVATE[tail]
    if any(part.startswith("_") for part in tail.split(".")):
        return None
    ours = f"asterion.{tail}"
    try:
        return ours if importlib.util.find_spec(ours) is not None else None
    except ModuleNotFoundError:  # the parent is no package, so it has no such child
        return None


class _PackageLoader(importlib.abc.Loader):
    """Makes the package `starlette` itself: a module of its own, because its version is not Asterion's."""

    path = asterion.__file__

    def get_resource_reader(self, name: str) -> Any:
        """Data files of `starlette` are looked for where Asterion's are."""
        from importlib.resources.readers import FileReader

        return FileReader(self)  # type: ignore[arg-type, unused-ignore]  # it takes anything with a path

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        module.__doc__ = "Asterion in Starlette's place; see asterion.dropin."
        module.__file__ = self.path
        module.__version__ = STARLETTE_VERSION  # type: ignore[attr-defined]
        module.__getattr__ = _submodule  # type: ignore[method-assign]


def _submodule(name: str) -> ModuleType:
    """`starlette.responses` where only `starlette.applications` was imported: upstream's modules import each other."""
    fullname = f"{_PACKAGE}.{name}"
    if name.startswith("__") or _answering(fullname) is None:
        raise AttributeError(f"module {_PACKAGE!r} has no attribute {name!r}", name=name, obj=sys.modules[_PACKAGE])
    return importlib.import_module(fullname)


class _AliasLoader(importlib.abc.Loader):
    """Puts a module of Asterion under a second name, `starlette.<tail>`."""

    def __init__(self, target: str, tail: str) -> None:
        self.target = target
        self.tail = tail
        self._own_spec: importlib.machinery.ModuleSpec | None = None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(self.target)
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has just written the alias's spec into the module; its own one belongs there.
        module.__spec__ = self._own_spec
        add_names(module, self.tail)
        open_seams(module, self.tail)


class _Finder(importlib.abc.MetaPathFinder):
    """Answers every import of `starlette` and of what is below it, and every question for its distribution."""

    def find_distributions(self, context: "DistributionFinder.Context | None" = None) -> "Iterable[Distribution]":
        """What `importlib.metadata` asks; imported when it does, because it takes long and most programs never do."""
        from asterion.dropin._metadata import find

        return find(context, STARLETTE_VERSION)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == _PACKAGE:
            spec = importlib.machinery.ModuleSpec(fullname, _PackageLoader(), is_package=True)
            # No other finder can answer for a module that is not found here.
            spec.submodule_search_locations = [_LISTING]
            return spec
        if fullname in ADAPTED:
            return adapted_spec(fullname, path, target, self)
        if not fullname.startswith(f"{_PACKAGE}."):
            return None
        answering = _answering(fullname)
        if answering is None:
            return None
        found = importlib.util.find_spec(answering)
        origin = None if found is None else found.origin
        is_package = found is not None and found.submodule_search_locations is not None
        loader = _AliasLoader(answering, fullname.removeprefix(f"{_PACKAGE}."))
        return importlib.machinery.ModuleSpec(fullname, loader, origin=origin, is_package=is_package)


class _Listing:
    """What is behind the search path of `starlette`: it finds nothing, and tells `pkgutil` what is there."""

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> None:
        return None

    def iter_modules(self, prefix: str = "") -> Iterator[tuple[str, bool]]:
        found = {module.name: module.ispkg for module in pkgutil.iter_modules(asterion.__path__)}
        names = [*(name for name in found if _answering(f"{_PACKAGE}.{name}") is not None), *_PRIVATE]
        return ((prefix + name, found.get(name, False)) for name in sorted(names))


def _list_package(entry: str) -> _Listing:
    if entry != _LISTING:
        raise ImportError(f"{entry!r} is not the search path of the drop-in")
    return _Listing()


_FINDER = _Finder()


def install() -> None:
    """Put Asterion in Starlette's place for every import of `starlette` from now on. Doing it twice does no harm.

    Raises:
        RuntimeError: the real Starlette has been imported already. Some of its objects are in use and cannot be
        replaced.
    """
    if _FINDER in sys.meta_path:
        return
    present = sys.modules.get(_PACKAGE)
    if present is not None:
        raise RuntimeError(
            f"asterion.dropin.install(): starlette was imported before, from {getattr(present, '__file__', None)!r}, "
            "and what holds its objects would go on using them; call install() before the first import of starlette "
            "(or of a package that imports it, such as fastapi), or run the program by `python -m asterion.dropin`"
        )
    sys.meta_path.insert(0, _FINDER)
    sys.path_hooks.append(_list_package)
