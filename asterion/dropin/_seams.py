"""Where other packages reach into Starlette's modules: what they replace or read there has the effect they rely on.

A module of Starlette is a package of several modules here. Who replaces a function in `starlette.routing`
(instrumentations do, and `unittest.mock.patch`) means the one that the routes call, so the name is replaced wherever
that package uses it. And private attributes that instrumentations work on have their upstream names here as well.
"""

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

from asterion.dropin._forms import tell_without_decoder
from asterion.dropin._json import let_json_be_replaced

_MISSING: Any = object()

STARLETTE_SALT: Final = "itsdangerous.Signer"
"""What Starlette's sessions are signed with: itsdangerous' default. Who is logged in stays so when engines change."""

# Per module: class, upstream's name of a dictionary of its instances, and ours. Sentry wraps the handlers in these.
DICTIONARIES: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "middleware.exceptions": (
        ("ExceptionMiddleware", "_exception_handlers", "_by_class"),
        ("ExceptionMiddleware", "_status_handlers", "_by_status"),
    ),
}


class ReplaceablePackage(ModuleType):
    """A package in which a name that is set from outside is set for the package's own modules too."""

    def __setattr__(self, name: str, value: Any) -> None:
        before = vars(self).get(name, _MISSING)
        super().__setattr__(name, value)
        if before is _MISSING or name.startswith("__"):
            return
        inside = f"{self.__name__}."
        for module_name, module in list(sys.modules.items()):
            if module_name.startswith(inside) and getattr(module, "__dict__", {}).get(name, _MISSING) is before:
                setattr(module, name, value)


def open_seams(module: ModuleType, tail: str) -> None:
    """Make the module that answers to `starlette.<tail>` one that can be reached into. Doing it twice does no harm."""
    if hasattr(module, "__path__") and type(module) is ModuleType:
        module.__class__ = ReplaceablePackage
    if tail in ("requests", "responses"):
        let_json_be_replaced()
    if tail == "middleware.sessions":
        module.SessionMiddleware.default_salt = STARLETTE_SALT
    if tail == "middleware.cors":
        module.CORSMiddleware.everybody_with_credentials = True
    if tail == "requests":
        tell_without_decoder()
    if tail == "datastructures":
        from asterion.dropin._pickles import load_pickles  # imports what it is about: not before it is asked for

        load_pickles()
    for class_name, theirs, ours in DICTIONARIES.get(tail, ()):
        setattr(getattr(module, class_name), theirs, _same_dictionary(ours))


def _same_dictionary(ours: str) -> property:
    def read(instance: Any) -> dict[Any, Any]:
        found: dict[Any, Any] = getattr(instance, ours)
        return found

    def write(instance: Any, value: Mapping[Any, Any]) -> None:
        # In place: requests are answered out of this very dictionary.
        given = dict(value)
        held = read(instance)
        held.clear()
        held.update(given)

    return property(read, write, doc=f"What upstream calls by this name; `{ours}` here.")
