"""Whether a function can be called in every way that a signature, as it is written down, promises."""

import ast
import inspect
from collections.abc import Iterator, Sequence
from inspect import Parameter
from typing import Any

from scripts.interface import literal_text

_NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_PLACED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def differing(written: str, func: Any, *, bound: bool = False) -> Iterator[str]:
    """How the parameters of `func` differ from those written down, as far as a caller can tell.

    `bound` leaves out the first parameter of `func`, the instance. A default that cannot be written down is not looked
    at; more parameters that may be left out are no difference.
    """
    ours = list(inspect.signature(func).parameters.values())[1 if bound else 0 :]
    theirs = parse(written)
    for position, parameter in enumerate(theirs):
        if parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
            if parameter.kind not in [mine.kind for mine in ours]:
                yield f"does not take {parameter}"
        else:
            yield from _compare(parameter, position, ours)
    known = {parameter.name for parameter in theirs}
    for mine in ours:
        if mine.kind in _NAMED and mine.default is mine.empty and mine.name not in known:
            yield f"needs a parameter {mine.name!r}"


def _compare(theirs: Parameter, position: int, ours: Sequence[Parameter]) -> Iterator[str]:
    mine = next((parameter for parameter in ours if parameter.name == theirs.name), None)
    if theirs.kind in _NAMED and (mine is None or mine.kind not in _NAMED):
        if not any(parameter.kind is Parameter.VAR_KEYWORD for parameter in ours):
            yield f"has no parameter {theirs.name!r}"
        return
    if theirs.kind in _PLACED and not _takes_position(theirs, position, ours):
        yield f"does not take {theirs.name!r} as argument {position + 1}"
    if mine is None or theirs.default is theirs.empty:
        return  # what is needed there may be left out here
    if mine.default is mine.empty:
        yield f"cannot do without {theirs.name!r}"
    elif theirs.default != "..." and literal_text(mine.default) != theirs.default:
        yield f"has the default {theirs.name}={mine.default!r}, not {theirs.default}"


def _takes_position(theirs: Parameter, position: int, ours: Sequence[Parameter]) -> bool:
    if position < len(ours) and ours[position].kind in _PLACED:
        return theirs.kind is Parameter.POSITIONAL_ONLY or ours[position].name == theirs.name
    return any(parameter.kind is Parameter.VAR_POSITIONAL for parameter in ours)


def parse(written: str) -> list[Parameter]:
    """The parameters of a signature such as `(a, /, b=1, *, c)`; the defaults as they are written."""
    given = next(node for node in ast.walk(ast.parse(f"def f{written}: ...")) if isinstance(node, ast.arguments))
    placed: list[tuple[str, Any]] = [(arg.arg, Parameter.POSITIONAL_ONLY) for arg in given.posonlyargs]
    placed += [(arg.arg, Parameter.POSITIONAL_OR_KEYWORD) for arg in given.args]
    defaults: list[ast.expr | None] = [None] * (len(placed) - len(given.defaults))
    defaults += given.defaults
    found = [_parameter(name, kind, default) for (name, kind), default in zip(placed, defaults, strict=True)]
    if given.vararg is not None:
        found.append(Parameter(given.vararg.arg, Parameter.VAR_POSITIONAL))
    found += [
        _parameter(arg.arg, Parameter.KEYWORD_ONLY, default)
        for arg, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    ]
    if given.kwarg is not None:
        found.append(Parameter(given.kwarg.arg, Parameter.VAR_KEYWORD))
    return found


def _parameter(name: str, kind: Any, default: ast.expr | None) -> Parameter:
    return Parameter(name, kind, default=Parameter.empty if default is None else ast.unparse(default))
