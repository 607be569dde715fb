"""How another package's functions ask routes, read from their source.

A package that brings its own walk over routes (FastAPI does) can be spared asking those that cannot match, without a
change to it, if it is known which of its loops ask for which scope. Nothing is known of a function that looks
different than expected, or whose source is not there: its walks stay as they are.
"""

import ast
import inspect
import textwrap
import threading
from collections.abc import Iterator
from types import FrameType, FunctionType
from typing import Any, Final

ASKING: Final = frozenset({"matches", "match", "_match"})
"""Methods by which a route, or a pattern, is asked."""


def tree_of(function: Any) -> ast.AST | None:
    """The syntax tree of a function, or None where it has no source that can be read."""
    if not isinstance(function, FunctionType):
        return None
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    return tree


def questions(tree: ast.AST) -> list[ast.Call]:
    """The calls that ask a route, or a pattern, whether it matches."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr in ASKING]


def asks_only(function: Any, *known: str) -> bool:
    """Whether `function` asks something, and nothing but what is known, as it stands in the source.

    What asks only others, and names neither `Match.FULL` nor `Match.PARTIAL`, matches nothing that they do not match.
    """
    tree = tree_of(function)
    asked = set() if tree is None else {ast.unparse(call) for call in questions(tree)}
    return bool(asked) and asked <= set(known)


def claims(function: Any) -> bool:
    """Whether `function` names a match, and so may claim one that nobody gave it (or cannot be read)."""
    tree = tree_of(function)
    if tree is None:
        return True
    return any(isinstance(node, ast.Attribute) and node.attr in ("FULL", "PARTIAL") for node in ast.walk(tree))


def attributes(function: Any) -> set[str]:
    """The names of all attributes that `function` reads or sets; none if it cannot be read."""
    tree = tree_of(function)
    return set() if tree is None else {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


class _Asked(threading.local):
    """The scope of the call that has just begun in a thread, until its first loop begins."""

    scope: Any = None


class Walks:
    """The loops in one function that go over some routes and ask each whether it matches one scope.

    `over` is what they go over, as it stands in the source: "self.routes". What else the function does with that is
    none of their business.
    """

    def __init__(self, function: Any, over: str) -> None:
        tree = tree_of(function)
        self.code = getattr(function, "__code__", None)
        self._names: dict[int, str] = {}
        self._by_instruction: dict[int, str | None] = {}
        self._given: str | None = None
        self._asked = _Asked()
        if tree is None or self.code is None:
            return
        first = self.code.co_firstlineno - 1
        assigned = {
            node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        arguments = self.code.co_varnames[: self.code.co_argcount]
        self._given = "scope" if "scope" in arguments and "scope" not in assigned else None
        mentions = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.expr) and ast.unparse(node) == over]
        for loop, name in _loops(tree, over):
            # A line that mentions it twice does not tell which of both is meant.
            if mentions.count(loop.iter.lineno) == 1:
                self._names[loop.iter.lineno + first] = name

    def __bool__(self) -> bool:
        return bool(self._names)

    def begin(self, scope: Any) -> None:
        """The function is being called with this `scope` right now, in this thread."""
        self._asked.scope = scope

    def scope_in(self, frame: FrameType) -> Any:
        """The scope that the loop which is about to begin in `frame` asks for; None if that is none of the loops.

        `frame` is one of the function's: its code is `code`, and it was announced by `begin`.
        """
        given, self._asked.scope = self._asked.scope, None
        instruction = frame.f_lasti
        try:
            name = self._by_instruction[instruction]
        except KeyError:
            name = self._by_instruction[instruction] = self._names.get(frame.f_lineno)
        if given is not None and name == self._given:
            return given  # PERF(benchmarks/many_routes): what a frame's variables are costs more than all of the rest
        return None if name is None else frame.f_locals.get(name)


def _loops(tree: ast.AST, over: str) -> Iterator[tuple[ast.For, str]]:
    """The loops over `over` that ask for one scope, which they leave alone, with the name of its variable."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.For) or ast.unparse(node.iter) != over:
            continue
        asked = [call for call in questions(node) if isinstance(call.func, ast.Attribute)]
        arguments = {ast.unparse(call.args[0]) if len(call.args) == 1 else "" for call in asked}
        names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
        name = arguments.pop() if len(arguments) == 1 else ""
        if name.isidentifier() and name not in names:
            yield node, name
