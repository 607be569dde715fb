"""Small questions to syntax trees."""

from collections.abc import Sequence

import libcst as cst

from asterion.cli._codemod._names import NEW, OLD


def path_of(node: cst.CSTNode | None) -> str:
    """`a.b.c` for a name or a chain of attributes of one; an empty text for everything else."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if not isinstance(node, cst.Name):
        return ""
    return ".".join([node.value, *reversed(parts)])


def below_old(path: str) -> bool:
    """Whether a path is `starlette` or begins with `starlette.`."""
    return path == OLD or path.startswith(f"{OLD}.")


def tail_of(path: str) -> str:
    """`responses` for `starlette.responses`."""
    return path.partition(".")[2]


def names_of(statement: cst.BaseSmallStatement) -> Sequence[cst.ImportAlias]:
    """What an import names one by one; nothing for `import *`, and for other statements."""
    names = statement.names if isinstance(statement, cst.ImportFrom | cst.Import) else ()
    return () if isinstance(names, cst.ImportStar) else names


def make_path(path: str) -> cst.Name | cst.Attribute:
    """The node for `a.b.c`."""
    first, *rest = path.split(".")
    node: cst.Name | cst.Attribute = cst.Name(first)
    for part in rest:
        node = cst.Attribute(node, cst.Name(part))
    return node


def new_root(node: cst.BaseExpression) -> cst.Name | cst.Attribute:
    """The same chain with `asterion` as its first name; white space is kept."""
    if isinstance(node, cst.Attribute):
        return node.with_changes(value=new_root(node.value))
    return cst.Name(NEW)


def text_of(node: cst.CSTNode | None) -> str | None:
    """The value of a plain string literal without escapes; None for everything else."""
    if not isinstance(node, cst.SimpleString) or "b" in node.prefix.lower():
        return None
    return node.raw_value if "\\" not in node.raw_value else None
