"""The small changes that can be made to a module, by the place where they are made.

Only code inside of functions is changed: constants of a module and annotations say little about what tests notice.
"""

import ast
import copy
from collections.abc import Iterator

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


def mutants(source: str) -> list[tuple[int, str, str]]:
    """Every mutant of a module: the line, what was changed, and the module's new text."""
    count = sum(1 for _ in _places(ast.parse(source)))
    found = []
    for number in range(count):
        tree = ast.parse(source)
        node = next(node for index, node in enumerate(_places(tree)) if index == number)
        before = ast.unparse(node)
        _change(node)
        found.append((node.lineno, f"{before} -> {ast.unparse(node)}", ast.unparse(tree)))
    return found


def _places(tree: ast.Module) -> Iterator[ast.expr | ast.stmt]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for statement in function.body:
                yield from _inside(statement)


def _inside(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    # Functions in functions are met by themselves; what is said in an error may be said in other words.
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Raise | ast.AnnAssign):
        return
    if isinstance(node, ast.expr | ast.stmt) and _change(copy.deepcopy(node)):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _inside(child)


def _change(node: ast.AST) -> bool:
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
        case ast.If() | ast.IfExp() | ast.While():
            node.test = ast.UnaryOp(ast.Not(), node.test)
        # A constant is changed by itself: None for False would not be noticed by anybody who asks whether it is true.
        case ast.Return(value=ast.expr()) if not isinstance(node.value, ast.Constant):
            node.value = ast.Constant(None)
        case _:
            return False
    return True
