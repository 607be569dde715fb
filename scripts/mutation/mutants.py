"""The small changes that can be made to a module, by the place where they are made.

Only code inside of functions is changed: constants of a module and annotations say little about what tests notice.
What an error says may be said in other words, so only whether it is raised is changed.
"""

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}


@dataclass(frozen=True)
class Mutant:
    """One change that can be made to a module."""

    function: str
    """The function it is made in, with the classes and functions around it: `Headers.get`."""

    change: str
    """`before -> after`, with ` #2` and so on where one function has several that read alike."""

    line: int
    number: int


def mutants(source: str) -> list[Mutant]:
    """Every mutant of a module, in the order of its functions."""
    found = []
    met: Counter[tuple[str, str]] = Counter()
    for number, (function, node) in enumerate(_places(ast.parse(source))):
        change = f"{_words(node)} -> {_words(_changed(copy.deepcopy(node)))}"
        met[function, change] += 1
        again = met[function, change]
        found.append(Mutant(function, change if again == 1 else f"{change} #{again}", node.lineno, number))
    return found


def text(source: str, number: int) -> str:
    """The module with the change of this number made."""
    tree = ast.parse(source)
    node = next(node for index, (_, node) in enumerate(_places(tree)) if index == number)
    _Replaced(node).visit(tree)
    return ast.unparse(ast.fix_missing_locations(tree))


def plain(source: str) -> str:
    """The module without a change, written as one with a change is."""
    return ast.unparse(ast.parse(source))


def _words(node: ast.AST | None) -> str:
    # Of a statement with others in it, what it asks is enough to know it by.
    if isinstance(node, ast.If | ast.While):
        return f"{'if' if isinstance(node, ast.If) else 'while'} {ast.unparse(node.test)}"
    return "" if node is None else ast.unparse(node)


class _Replaced(ast.NodeTransformer):
    def __init__(self, node: ast.AST) -> None:
        self.node = node

    def visit(self, node: ast.AST) -> ast.AST | None:
        return _changed(node) if node is self.node else self.generic_visit(node)


def _places(tree: ast.Module) -> Iterator[tuple[str, ast.expr | ast.stmt]]:
    for name, function in _functions(tree, ""):
        for statement in function.body:
            for node in _inside(statement):
                yield name, node


def _functions(node: ast.AST, around: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        name = around
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{around}.{child.name}" if around else child.name
            if not isinstance(child, ast.ClassDef):
                yield name, child
        yield from _functions(child, name)


def _inside(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    # Functions in functions are met by themselves.
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    if isinstance(node, ast.expr | ast.stmt) and _changed(copy.deepcopy(node)) is not None:
        yield node
    if isinstance(node, ast.AnnAssign):
        if node.value is not None:
            yield from _inside(node.value)
    elif not isinstance(node, ast.Raise):
        for child in ast.iter_child_nodes(node):
            yield from _inside(child)


def _changed(node: ast.AST) -> ast.AST | None:
    """What stands in place of the node, which may be the node itself; None if it is left as it is."""
    if isinstance(node, ast.stmt):
        return _changed_statement(node)
    match node:
        case ast.Compare(ops=[operator, *_]) if type(operator) in _COMPARISONS:
            node.ops[0] = _COMPARISONS[type(operator)]()
        case ast.BoolOp(op=joint):
            node.op = ast.Or() if isinstance(joint, ast.And) else ast.And()
        case ast.BinOp(op=sign) if type(sign) in _OPERATORS:
            node.op = _OPERATORS[type(sign)]()
        case ast.Constant(value=bool(value)):
            node.value = not value
        case ast.Constant(value=int(value)):
            node.value = value + 1
        case ast.IfExp():
            node.test = ast.UnaryOp(ast.Not(), node.test)
        case _:
            return None
    return node


def _changed_statement(node: ast.stmt) -> ast.stmt | None:
    match node:
        case ast.AugAssign(op=sign) if type(sign) in _OPERATORS:
            node.op = _OPERATORS[type(sign)]()
        case ast.If() | ast.While():
            node.test = ast.UnaryOp(ast.Not(), node.test)
        case ast.Return(value=ast.expr()) if not isinstance(node.value, ast.Constant):
            # A constant is changed by itself: None for False would not be noticed by who asks whether it is true.
            node.value = ast.Constant(None)
        case ast.Raise() | ast.Expr(value=ast.Call() | ast.Await()):
            return ast.copy_location(ast.Pass(), node)
        case ast.Break():
            return ast.copy_location(ast.Continue(), node)
        case ast.Continue():
            return ast.copy_location(ast.Break(), node)
        case _:
            return None
    return node
