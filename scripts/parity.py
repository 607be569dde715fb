"""Compare Starlette's interface with Asterion: `make parity` prints what is missing, or that nothing is.

Each fact of `interface.txt` is looked for: the name is there, it is the same kind of thing, it takes every argument
that its namesake takes, and a constant has the same value. More parameters and more names are no difference. A
difference that is wanted stands in `accepted.py` with its reason.
"""

import argparse
import enum
import inspect
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from scripts.accepted import ACCEPTED
from scripts.interface import Fact, attributes_of, kind_of_function, literal_text, load, read_facts
from scripts.signatures import differing

_MISSING: Any = object()


def differences(package: str = "asterion") -> Iterator[tuple[Fact, str]]:
    """Each fact that is otherwise in `package`, and how."""
    for fact in read_facts():
        try:
            module = load(f"{package}.{fact.module}")
        except ModuleNotFoundError:
            if fact.kind == "module":
                yield fact, "no such module"
            continue
        for problem in _problems(fact, module):
            yield fact, problem


def _problems(fact: Fact, module: Any) -> Iterator[str]:
    if fact.kind == "module":
        return
    owner_name, _, member_name = fact.name.rpartition(".")
    owner = getattr(module, owner_name, _MISSING) if owner_name else module
    if owner is _MISSING:
        return  # told once, for the class itself
    if fact.kind in ("attribute", "property") and member_name in attributes_of(owner):
        return
    value = (
        inspect.getattr_static(owner, member_name, _MISSING) if owner_name else getattr(owner, member_name, _MISSING)
    )
    if value is _MISSING or (fact.kind == "special" and value is getattr(object, member_name, None)):
        yield "missing"
    else:
        yield from _CHECKS[fact.kind](fact, value)


def _nothing(fact: Fact, value: Any) -> Iterator[str]:
    yield from ()


def _check_class(fact: Fact, value: Any) -> Iterator[str]:
    if not inspect.isclass(value):
        yield f"is no class but {value!r}"
    elif fact.detail:
        yield from differing(fact.detail, value)


def _check_bases(fact: Fact, value: Any) -> Iterator[str]:
    names = {base.__name__ for base in value.__mro__}
    missing = [name for name in fact.detail.split() if name not in names]
    if missing:
        yield f"is not a {', '.join(missing)}"


def _check_value(fact: Fact, value: Any) -> Iterator[str]:
    ours = value.value if isinstance(value, enum.Enum) else value
    if fact.detail and literal_text(ours) != fact.detail:
        yield f"is {ours!r}, not {fact.detail}"


def _check_function(fact: Fact, value: Any) -> Iterator[str]:
    func = getattr(value, "__func__", value)
    if fact.kind in ("staticmethod", "classmethod") and type(value).__name__ != fact.kind:
        yield f"is no {fact.kind}"
    elif not callable(func):
        yield f"cannot be called: {func!r}"
        return
    if fact.kind.startswith("async") and kind_of_function(func) != fact.kind:
        yield f"is no {fact.kind}"
    yield from differing(fact.detail, func, bound="." in fact.name and type(value) is not staticmethod)


def _check_special(fact: Fact, value: Any) -> Iterator[str]:
    if fact.name.endswith(".__call__"):
        yield from differing(fact.detail, value, bound=True)


_CHECKS = {
    "class": _check_class,
    "is a": _check_bases,
    "value": _check_value,
    "function": _check_function,
    "async function": _check_function,
    "async generator": _check_function,
    "staticmethod": _check_function,
    "classmethod": _check_function,
    "special": _check_special,
    "property": _nothing,
    "attribute": _nothing,
}


def report() -> tuple[list[str], list[str], list[str]]:
    """What is missing, what differs on purpose (with its reason), and which accepted differences there are not."""
    missing: list[str] = []
    accepted: list[str] = []
    unused = dict(ACCEPTED)
    for fact, problem in differences():
        line = f"{fact.module} {fact.name}"
        pattern = next((pattern for pattern in ACCEPTED if fnmatchcase(f"{line}: {problem}", pattern)), None)
        if pattern is None:
            missing.append(f"{line}: {problem}")
        else:
            accepted.append(f"{line}: {problem}  ({ACCEPTED[pattern]})")
            unused.pop(pattern, None)
    return missing, accepted, list(unused)


def main() -> int:
    """Print the report. The exit status tells whether anything is missing."""
    parser = argparse.ArgumentParser(prog="parity", description=__doc__)
    parser.add_argument("-v", "--verbose", action="store_true", help="print the accepted differences too")
    verbose = parser.parse_args().verbose
    missing, accepted, unused = report()
    for line in accepted if verbose else ():
        print("on purpose:", line)
    for line in unused:
        print("accepted, but there is no such difference:", line)
    for line in missing:
        print("missing:", line)
    if not missing and not unused:
        print(f"nothing is missing ({len(read_facts())} facts; {len(accepted)} differ on purpose, -v tells why)")
    return 1 if missing or unused else 0


if __name__ == "__main__":
    sys.exit(main())
