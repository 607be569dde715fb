"""Which names of a file are bound by an import of Starlette: the nodes that may be renamed along with the import."""

import re
from dataclasses import dataclass, field

import libcst as cst
from libcst.metadata import ImportAssignment, MetadataWrapper, ParentNodeProvider, Scope, ScopeProvider

from asterion.cli._codemod._names import NEW, OLD, Stays, dotted
from asterion.cli._codemod._tree import below_old, path_of, text_of

# A line that may bind the name `starlette` itself, continued lines and lines of several statements included.
_BARE = re.compile(rb"\bimport\b[^\n#]*\bstarlette\b|^[ \t]*starlette\b", re.ASCII | re.MULTILINE)
_APPLICATIONS = (f"{OLD}.applications", f"{NEW}.applications")


@dataclass(slots=True)
class Bound:
    """What is renamed where: nodes of `starlette` and of `Starlette`, and why the name `starlette` is kept if it is."""

    roots: set[cst.CSTNode] = field(default_factory=set)
    classes: set[cst.CSTNode] = field(default_factory=set)
    kept: list[tuple[cst.CSTNode, str]] = field(default_factory=list)
    aliased: bool = False
    """The class is imported as `Asterion as Starlette`: a name of the file's own, or its interface, is in the way."""


class _Looks(cst.CSTVisitor):
    """What there is in a file, before the costly question which scope it is in."""

    def __init__(self) -> None:
        self.imports_root = False
        self.imports_class = False
        self.names: list[cst.Name] = []
        self.strings: set[str] = set()
        self.has_new = False
        self.has_new_class = False
        self.exported: cst.CSTNode | None = None

    def visit_Import(self, node: cst.Import) -> None:
        for alias in node.names:
            self.imports_root |= alias.asname is None and below_old(path_of(alias.name))

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        if not node.relative and path_of(node.module) in _APPLICATIONS and not isinstance(node.names, cst.ImportStar):
            self.imports_class |= any(alias.name.value == "Starlette" for alias in node.names)
        return True

    def visit_Name(self, node: cst.Name) -> None:
        if node.value in (OLD, "Starlette"):
            self.names.append(node)
        self.has_new |= node.value == NEW
        self.has_new_class |= node.value == "Asterion"

    def visit_Assign(self, node: cst.Assign) -> None:
        listed = isinstance(node.value, cst.List | cst.Tuple) and path_of(node.targets[0].target) == "__all__"
        if listed and any(text_of(each.value) == OLD for each in node.value.elements):  # type: ignore[attr-defined]
            self.exported = node

    def visit_SimpleString(self, node: cst.SimpleString) -> None:
        if "Starlette" in node.value:
            self.strings.add(node.value)


def bound_names(wrapper: MetadataWrapper, source: bytes, face: str) -> Bound:
    """Find what has to be renamed with the imports of a file."""
    if not _BARE.search(source) and (face != "asterion" or b"Starlette" not in source):
        return Bound()
    looks = _Looks()
    wrapper.visit(looks)
    bound = Bound()
    wants_class = face == "asterion" and looks.imports_class
    if not looks.imports_root and not wants_class:
        return bound
    scopes = wrapper.resolve(ScopeProvider)
    parents = wrapper.resolve(ParentNodeProvider)
    bound.aliased = looks.has_new_class or any("Starlette" in text.strip("\"'") for text in looks.strings)
    for node in looks.names:
        parent = parents[node]
        if isinstance(parent, cst.NameItem) and node.value == OLD:
            bound.kept.append(
                (node, f"`global` or `nonlocal` {OLD}: who else uses that variable is not known; it stays")
            )
            continue
        if _is_no_variable(node, parent):
            continue
        scope = scopes.get(node)
        if node.value == OLD and scope is not None and _imported(scope, OLD):
            bound.roots.add(node)
            _judge(node, parents, bound)
        elif node.value == "Starlette" and wants_class and scope is not None and _imported_class(scope):
            bound.classes.add(node)
    if looks.exported is not None and looks.imports_root:
        bound.kept.append((looks.exported, f"__all__ exports {OLD}: who takes it from here is not known; it stays"))
    if bound.roots and looks.has_new and _taken(wrapper):
        bound.kept.append((next(iter(bound.roots)), f"the file has a variable {NEW}, so {OLD} is not renamed"))
    return bound


def _is_no_variable(node: cst.Name, parent: cst.CSTNode) -> bool:
    """A keyword of a call, an attribute or part of an import bears the name without being the variable."""
    if isinstance(parent, cst.Arg):
        return parent.keyword is node
    if isinstance(parent, cst.Attribute):
        return parent.attr is node
    return isinstance(parent, cst.ImportAlias | cst.ImportFrom | cst.AsName)


def _judge(node: cst.Name, parents: object, bound: Bound) -> None:
    top: cst.CSTNode = node
    while True:
        parent = parents[top]  # type: ignore[index]
        if not isinstance(parent, cst.Attribute) or parent.value is not top:
            break
        top = parent
    path = path_of(top)
    found = dotted(path)
    if isinstance(found, Stays):
        bound.kept.append((node, f"{found.reason}; `import {OLD}` stays in this file for it"))


def _imported(scope: Scope, name: str) -> bool:
    for each in scope[name]:
        if isinstance(each, ImportAssignment) and isinstance(each.node, cst.Import):
            for alias in each.node.names:
                if alias.asname is None and below_old(path_of(alias.name)):
                    return True
    return False


def _imported_class(scope: Scope) -> bool:
    found = list(scope["Starlette"])
    return bool(found) and all(
        isinstance(each, ImportAssignment)
        and isinstance(each.node, cst.ImportFrom)
        and path_of(each.node.module) in _APPLICATIONS
        for each in found
    )


def _taken(wrapper: MetadataWrapper) -> bool:
    """Whether `asterion` is a variable of the file's own, and not an import of ours."""
    for scope in {each for each in wrapper.resolve(ScopeProvider).values() if each is not None}:
        for each in scope[NEW]:
            if not isinstance(each, ImportAssignment):
                return True
    return False
