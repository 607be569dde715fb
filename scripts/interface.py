"""The interface of a package as facts: one line each, `module name | kind | detail`.

What is read: the public names that a module of the package defines itself, the parameters of what can be called, the
members of classes, the values of constants. Never what a function does. `make_interface` writes Starlette's facts down,
`parity` looks for each of them in Asterion.
"""

import ast
import enum
import importlib
import inspect
import pkgutil
import types
import typing
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FACTS = Path(__file__).with_name("interface.txt")

_EMPTY = inspect.Parameter.empty
_UNTOLD = {"__init__", "__new__", "__repr__", "__str__", "__hash__", "__post_init__", "__class_getitem__"}
_UNTOLD |= {"__init_subclass__", "__getattr__", "__setattr__", "__delattr__", "__replace__"}


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. `name` is the name in the module, dotted for a member of a class."""

    module: str
    name: str
    kind: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.module} {self.name} | {self.kind} | {self.detail}".rstrip(" |")

    @classmethod
    def parse(cls, line: str) -> "Fact":
        """A fact from its line."""
        where, kind, detail = (line + " |  | ").split(" | ")[:3] if line.count(" | ") < 2 else line.split(" | ", 2)
        module, _, name = where.partition(" ")
        return cls(module, name, kind.strip(), detail.strip())


def read_facts(path: Path = FACTS) -> list[Fact]:
    """The facts written down in a file; lines that begin with `#` are remarks."""
    return [Fact.parse(line) for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]


def load(name: str) -> types.ModuleType:
    """Import a module, whatever it has to say about its future."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


def facts_of(package: str) -> Iterator[Fact]:
    """Every fact about the public modules of an installed package."""
    for found in pkgutil.walk_packages(load(package).__path__, f"{package}."):
        tail = found.name.partition(".")[2]
        if not any(part.startswith("_") for part in tail.split(".")):
            yield from _module_facts(tail, load(found.name))


def _module_facts(tail: str, module: types.ModuleType) -> Iterator[Fact]:
    yield Fact(tail, "", "module")
    for name in sorted(_defined_names(module)):
        value = getattr(module, name, None)
        if inspect.isclass(value) and value.__module__ == module.__name__:
            yield from _class_facts(tail, name, value)
        elif inspect.isfunction(value):
            yield Fact(tail, name, kind_of_function(value), parameters_text(value))
        elif not isinstance(value, typing.TypeVar | typing.ParamSpec) and type(value).__name__ not in _VARIABLES:
            yield Fact(tail, name, "value", literal_text(value) if name.isupper() else "")


_VARIABLES = ("TypeVar", "ParamSpec", "TypeVarTuple")


def _defined_names(module: types.ModuleType) -> Iterator[str]:
    """The public names that statements of the module itself bind, imports apart."""
    for node in ast.parse(inspect.getsource(module)).body:
        names: list[str] = []
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
        yield from {name for name in names if not name.startswith("_") and hasattr(module, name)}


def _class_facts(tail: str, name: str, cls: type[Any]) -> Iterator[Fact]:
    yield Fact(tail, name, "class", constructor_text(cls))
    bases = [base.__name__ for base in cls.__mro__[1:-1] if base.__name__ not in ("Generic", "Protocol")]
    if bases:
        yield Fact(tail, name, "is a", " ".join(bases))
    if issubclass(cls, enum.Enum):
        for member in cls:
            yield Fact(tail, f"{name}.{member.name}", "value", literal_text(member.value))
        return
    for member_name, value in sorted(vars(cls).items()):
        if not member_name.startswith("_") or (member_name.startswith("__") and member_name not in _UNTOLD):
            yield from _member_facts(tail, name, member_name, value)
    for attribute in sorted(attributes_of(cls, own=True) - set(vars(cls))):
        yield Fact(tail, f"{name}.{attribute}", "attribute")


def _member_facts(tail: str, class_name: str, name: str, value: Any) -> Iterator[Fact]:
    special = name.startswith("__")
    where = f"{class_name}.{name}"
    if isinstance(value, staticmethod | classmethod):
        yield Fact(tail, where, type(value).__name__, parameters_text(value.__func__))
    elif isinstance(value, property):
        yield Fact(tail, where, "property")
    elif inspect.isfunction(value):
        generated = value.__code__.co_filename.startswith("<")  # dataclasses make such methods
        if not generated:
            yield Fact(tail, where, "special" if special else kind_of_function(value), parameters_text(value))
    elif not special and not isinstance(value, type):
        yield Fact(tail, where, "value", literal_text(value))


def attributes_of(cls: type[Any], *, own: bool = False) -> set[str]:
    """The public attributes that a class gives its instances: annotated, or set on `self` in any of its methods."""
    found: set[str] = set()
    for base in cls.__mro__[:1] if own else cls.__mro__:
        found.update(vars(base).get("__annotations__", ()))
        found.update(vars(base).get("__slots__", ()))
        try:
            source = ast.parse(inspect.cleandoc("\n" + inspect.getsource(base)))
        except (OSError, TypeError, SyntaxError):
            continue
        found.update(
            node.attr
            for node in ast.walk(source)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
            if isinstance(node.value, ast.Name) and node.value.id == "self"
        )
    return {name for name in found if not name.startswith("_")}


def kind_of_function(value: Any) -> str:
    """What calling it gives: "function", "async function" (to be awaited) or "async generator" (to be iterated)."""
    if inspect.isasyncgenfunction(value):
        return "async generator"
    return "async function" if inspect.iscoroutinefunction(value) else "function"


def constructor_text(cls: type[Any]) -> str:
    """The parameters of the constructor, where it has any of its own."""
    if issubclass(cls, enum.Enum) or getattr(cls, "_is_protocol", False):
        return ""
    own = [base for base in cls.__mro__[:-1] if base.__module__ != "builtins"]
    if not any("__init__" in vars(base) or "__new__" in vars(base) for base in own):
        return ""
    try:
        return _signature_text(inspect.signature(cls), skip_first=False)
    except ValueError:
        return ""


def parameters_text(func: Any) -> str:
    """The parameters of a function, without `self`, as they stand in a definition."""
    return _signature_text(inspect.signature(func), skip_first=True)


def _signature_text(signature: inspect.Signature, *, skip_first: bool) -> str:
    parameters = list(signature.parameters.values())
    if skip_first and parameters and parameters[0].name in ("self", "cls"):
        del parameters[0]
    plain = [
        parameter.replace(
            annotation=_EMPTY,
            default=_EMPTY if parameter.default is _EMPTY else _Written(literal_text(parameter.default) or "..."),
        )
        for parameter in parameters
    ]
    return str(inspect.Signature(plain))


class _Written:
    """Something whose repr is a given text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def literal_text(value: Any) -> str:
    """A value as it would be written down, or nothing if it is more than numbers, text and collections of these."""
    if isinstance(value, set | frozenset):
        text = "{" + ", ".join(sorted(map(repr, value))) + "}"
    else:
        text = repr(value)
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return ""
    return text
