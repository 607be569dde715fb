"""What each name of Starlette is called in Asterion, or why it has to be looked at by somebody."""

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from asterion.dropin._incidental import NAMES, OTHERS

OLD: Final = "starlette"
NEW: Final = "asterion"

_TOP: Final = (
    "applications authentication background concurrency config convertors datastructures endpoints exceptions "
    "formparsers middleware requests responses routing schemas staticfiles status templating testclient types "
    "websockets"
)
_MIDDLEWARE: Final = (
    "authentication base body_limit cors errors exceptions gzip httpsredirect opentelemetry sessions trustedhost wsgi"
)
MODULES: Final = frozenset([*_TOP.split(), *(f"middleware.{name}" for name in _MIDDLEWARE.split())])
"""The public modules of Starlette, without the package's name. Asterion has each of them by the same name."""

_PRIVATE: Final = {"_utils", "_exception_handler"}

Offers = Callable[[str, str], bool]


@cache
def offers(module: str, name: str) -> bool:
    """Whether a module of Asterion has a name. True where it cannot be told, because an optional package is missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # names that are there, but warn of being old
            return hasattr(importlib.import_module(f"{NEW}.{module}"), name)
    except (ImportError, RuntimeError):
        return True


@dataclass(frozen=True, slots=True)
class Moved:
    """Where a name is imported from now: `from module import name`, or `import name` if there is no module."""

    module: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Stays:
    """A name that is left as it is, and what to do about it."""

    reason: str


def module_of(tail: str) -> Moved | Stays:
    """The module that stands for `starlette.<tail>`; an empty tail is the package itself."""
    if not tail or tail in MODULES:
        return Moved(None, f"{NEW}.{tail}" if tail else NEW)
    if tail.partition(".")[0] in _PRIVATE:
        return Stays(
            f"{OLD}.{tail} is private upstream and only there for the drop-in here: asterion.dropin.{tail} has its "
            "names, but may change with any release; better do without"
        )
    return Stays(f"Asterion has no module for {OLD}.{tail}")


def name_of(tail: str, name: str, offered: Offers = offers) -> Moved | Stays:
    """Where `name` of `starlette.<tail>` is to be imported from."""
    child = f"{tail}.{name}" if tail else name
    if child in MODULES:
        return Moved(f"{NEW}.{tail}" if tail else NEW, name)
    if not tail:
        return _of_package(name)
    found = module_of(tail)
    if isinstance(found, Stays):
        return found
    return _incidental(tail, name) or _defined(tail, name, offered)


def dotted(path: str, offered: Offers = offers) -> str | Stays:
    """The new form of a path such as `starlette.responses.JSONResponse.render`, with what follows the module."""
    parts = path.split(".")[1:]
    size = next((size for size in range(len(parts), 0, -1) if ".".join(parts[:size]) in MODULES), 0)
    tail, rest = ".".join(parts[:size]), parts[size:]
    if rest:
        found = name_of(tail, rest[0], offered)
        if isinstance(found, Stays):
            return found
        if found.module != f"{NEW}.{tail}":
            home = found.name if found.module is None else f"{found.module}.{found.name}"
            return Stays(f"{path} is not defined in {OLD}.{tail}; it is {home}, and may be looked up elsewhere")
    return ".".join([NEW, *parts])


def _of_package(name: str) -> Stays:
    if name == "__version__":
        return Stays(f"{OLD}.__version__ asks for the version of Starlette; asterion.__version__ counts otherwise")
    found = module_of(name)
    return found if isinstance(found, Stays) else Stays(f"Asterion has no {OLD}.{name}")


def _incidental(tail: str, name: str) -> Moved | Stays | None:
    for table, prefix in ((OTHERS, ""), (NAMES, f"{NEW}.")):
        for line in table.get(tail, ()):
            home, _, names = line.partition(": ")
            for pair in names.split():
                there, _, here = pair.partition("=")
                if (here or there) == name:
                    return _home(tail, name, prefix, home, there)
    return None


def _home(tail: str, name: str, prefix: str, home: str, there: str) -> Moved | Stays:
    if home == "modules":
        return Moved(None, there)
    if prefix and (there != name or any(part.startswith("_") or part == "dropin" for part in home.split("."))):
        return Stays(
            f"{name} is a private helper that {OLD}.{tail} happens to import; Asterion has no public name for it"
        )
    return Moved(f"{prefix}{home}", there)


def _defined(tail: str, name: str, offered: Offers) -> Moved | Stays:
    if name == "*" or offered(tail, name):
        return Moved(f"{NEW}.{tail}", name)
    return Stays(f"{NEW}.{tail} has no {name}")
