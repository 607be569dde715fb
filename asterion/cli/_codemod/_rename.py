"""The renaming itself: imports, dotted uses, and strings that certainly name modules."""

import re
from collections.abc import Callable

import libcst as cst

from asterion.cli._codemod._bound import Bound
from asterion.cli._codemod._names import NEW, OLD, Moved, Stays, dotted, module_of, name_of
from asterion.cli._codemod._split import Group, split_line, split_small
from asterion.cli._codemod._tree import below_old, names_of, new_root, path_of, tail_of, text_of

# Calls whose first argument is the name of a module, or of what is in one.
_NAMING = {"patch", "import_module", "__import__", "find_spec", "importorskip", "resolve_name", "cast", "locate"}
_MAYBE = {"setattr", "delattr"}  # monkeypatch's; the builtins take no text first
_OF_MODULES = {"sys.modules", "modules"}
_ITEMS = {"setitem", "delitem"}  # monkeypatch.setitem(sys.modules, "name", ...)
_DOTTED = re.compile(r"starlette(?:\.[A-Za-z_][A-Za-z0-9_]*)+", re.ASCII)
# In annotations: a whole word that nothing dotted stands in front of.
_IN_ANNOTATION = re.compile(r"(?<![A-Za-z0-9_.])starlette(?:\.[A-Za-z_][A-Za-z0-9_]*)+", re.ASCII)


class Rename(cst.CSTTransformer):
    """Rewrites one module. `renamed` counts names, `found` is what was left, and why."""

    def __init__(self, face: str, bound: Bound) -> None:
        super().__init__()
        self.renamed = 0
        self.found: list[tuple[cst.CSTNode, str]] = []
        self._face = face
        self._bound = bound
        self._keeps_root = bool(bound.kept)
        self._certain: set[cst.CSTNode] = set()
        self._annotation = 0
        self._groups: dict[cst.CSTNode, list[Group]] = {}
        self._aliases: dict[str, str] = {}

    def has_work(self, source: bytes) -> bool:
        """Whether a visit can change or find anything."""
        return OLD.encode() in source or bool(self._bound.classes)

    def _note(self, node: cst.CSTNode, says: str) -> None:
        self.found.append((node, says))

    def visit_Module(self, node: cst.Module) -> None:
        for each, says in self._bound.kept:
            self._note(each, says)

    # import starlette.x [as y]

    def leave_ImportAlias(self, original_node: cst.ImportAlias, updated_node: cst.ImportAlias) -> cst.ImportAlias:
        if original_node not in self._certain:
            return updated_node
        path = path_of(original_node.name)
        found = module_of(tail_of(path))
        if isinstance(found, Stays):
            self._note(original_node, found.reason)
            return updated_node
        if self._keeps_root and original_node.asname is None:
            return updated_node
        self.renamed += 1
        return updated_node.with_changes(name=new_root(original_node.name))

    def visit_Import(self, node: cst.Import) -> None:
        for alias in node.names:
            path = path_of(alias.name)
            if below_old(path):
                self._certain.add(alias)
                if alias.asname is not None:
                    self._aliases[path_of(alias.asname.name)] = path

    # from starlette.x import a, b as c

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        path = path_of(node.module)
        if not node.relative and below_old(path):
            self._groups[node] = self._grouped(node, path)
        elif not node.relative and path == f"{NEW}.applications" and self._bound.classes:
            self._groups[node] = [Group(path, [(each, self._class_name(each, path)) for each in names_of(node)])]
        return False

    def _grouped(self, node: cst.ImportFrom, path: str) -> list[Group]:
        tail = tail_of(path)
        if isinstance(node.names, cst.ImportStar):
            found = module_of(tail)
            if isinstance(found, Stays):
                self._note(node, found.reason)
                return []
            self._note(node, f"`import *`: {NEW}.{tail} does not have the names that {path} only imports itself")
            self.renamed += 1
            return [Group(found.name, [])]
        groups: dict[str | None, Group] = {}
        for alias in node.names:
            name = path_of(alias.name)
            found = name_of(tail, name)
            if isinstance(found, Stays):
                self._note(alias, f"{name}: {found.reason}")
                groups.setdefault(path, Group(path, [])).names.append((alias, None))
                continue
            self.renamed += 1
            self._remember(alias, path, name)
            groups.setdefault(found.module, Group(found.module, [])).names.append(
                (alias, self._class_name(alias, found.module, found.name))
            )
        return list(groups.values())

    def _remember(self, alias: cst.ImportAlias, path: str, name: str) -> None:
        if isinstance(module_of(tail_of(f"{path}.{name}")), Moved):
            self._aliases[path_of(alias.asname.name) if alias.asname else name] = f"{path}.{name}"

    def _class_name(
        self, alias: cst.ImportAlias, module: str | None, name: str | None = None
    ) -> cst.ImportAlias | None:
        """The alias for the application's class on the face that was asked for; None leaves the alias as it is."""
        if self._face != "asterion" or module != f"{NEW}.applications" or path_of(alias.name) != "Starlette":
            return None
        if alias.asname is None and self._bound.aliased:
            space = cst.SimpleWhitespace(" ")
            asname = cst.AsName(cst.Name("Starlette"), whitespace_before_as=space, whitespace_after_as=space)
            changed = alias.with_changes(name=cst.Name("Asterion"), asname=asname)
        else:
            changed = alias.with_changes(name=cst.Name("Asterion"))
        if name is None:
            self.renamed += 1
        return changed

    def leave_ImportFrom(
        self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom
    ) -> cst.BaseSmallStatement | cst.FlattenSentinel[cst.BaseSmallStatement]:
        groups = self._groups.pop(original_node, [])
        return split_small(original_node, groups) if groups else updated_node

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.FlattenSentinel[cst.SimpleStatementLine]:
        alone = original_node.body[0] if len(original_node.body) == 1 else None
        split = isinstance(alone, cst.ImportFrom) and len(updated_node.body) > 1
        return split_line(cst.ensure_type(alone, cst.ImportFrom), updated_node) if split and alone else updated_node

    # starlette.x.Y(...)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        if original_node in self._bound.roots and not self._keeps_root:
            self.renamed += 1
            return updated_node.with_changes(value=NEW)
        if original_node in self._bound.classes and not self._bound.aliased:
            return updated_node.with_changes(value="Asterion")
        return updated_node

    def visit_Attribute(self, node: cst.Attribute) -> None:
        if self._face == "asterion" and f".{path_of(node)}".endswith(".applications.Starlette"):
            self._note(node, "the class is renamed where it is imported by its name; write applications.Asterion here")
        if isinstance(node.value, cst.Name) and node.value.value in self._aliases:
            path = f"{self._aliases[node.value.value]}.{node.attr.value}"
            found = dotted(path)
            if isinstance(found, Stays):
                self._note(node, found.reason)

    # Strings

    def visit_Annotation(self, node: cst.Annotation) -> None:
        self._annotation += 1

    def leave_Annotation(self, original_node: cst.Annotation, updated_node: cst.Annotation) -> cst.Annotation:
        self._annotation -= 1
        return updated_node

    def visit_Call(self, node: cst.Call) -> None:
        called = path_of(node.func)
        if not called and isinstance(node.func, cst.Attribute):
            called = node.func.attr.value
        last = called.rpartition(".")[2]
        texts = [arg.value for arg in node.args]
        if texts and (last in _NAMING or (last in _MAYBE and "." in called) or called.endswith("patch.dict")):
            self._certain.add(texts[0])
        if called.rpartition(".")[0] in _OF_MODULES and texts:
            self._certain.add(texts[0])
        if last in _ITEMS and len(texts) > 1 and path_of(texts[0]) in _OF_MODULES:
            self._certain.add(texts[1])
        if (
            called.endswith("patch.dict")
            and len(texts) > 1
            and isinstance(texts[1], cst.Dict)
            and _is_modules(texts[0])
        ):
            self._certain.update(each.key for each in texts[1].elements if isinstance(each, cst.DictElement))
        if last in ("version", "distribution", "requires") and texts and text_of(texts[0]) == OLD:
            self._note(node, f"asks for the installed distribution {OLD!r}; Asterion is the distribution {NEW!r}")
        self._certain.update(arg.value for arg in node.args if arg.keyword is not None and arg.keyword.value == "bound")

    def visit_Subscript(self, node: cst.Subscript) -> None:
        if path_of(node.value) in _OF_MODULES:
            self._certain.update(each.slice.value for each in node.slice if isinstance(each.slice, cst.Index))

    def visit_Comparison(self, node: cst.Comparison) -> None:
        if any(path_of(each.comparator) in _OF_MODULES for each in node.comparisons):
            self._certain.add(node.left)

    def leave_SimpleString(self, original_node: cst.SimpleString, updated_node: cst.SimpleString) -> cst.SimpleString:
        text = text_of(original_node)
        if text is None or OLD not in text:
            return updated_node
        if original_node in self._certain and (text == OLD or _DOTTED.fullmatch(text)):
            return self._renamed_string(original_node, updated_node, text)
        if self._annotation and _IN_ANNOTATION.search(text):
            value = _IN_ANNOTATION.sub(self._in_annotation(), updated_node.value)
            return updated_node.with_changes(value=value)
        if _DOTTED.fullmatch(text) and isinstance(module_of(".".join(text.split(".")[1:2])), Moved):
            self._note(original_node, f"the text {text!r} looks like a module's name; left as it is")
        return updated_node

    def _renamed_string(self, node: cst.SimpleString, updated: cst.SimpleString, text: str) -> cst.SimpleString:
        found = dotted(text)
        if isinstance(found, Stays):
            self._note(node, found.reason)
            return updated
        self.renamed += 1
        return updated.with_changes(value=updated.value.replace(OLD, NEW, 1))

    def _in_annotation(self) -> Callable[[re.Match[str]], str]:
        def replace(match: re.Match[str]) -> str:
            found = dotted(match.group())
            if isinstance(found, Stays) or self._keeps_root:
                return match.group()
            self.renamed += 1
            return found

        return replace


def _is_modules(node: cst.BaseExpression) -> bool:
    return path_of(node) in _OF_MODULES or text_of(node) == "sys.modules"
