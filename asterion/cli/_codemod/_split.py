"""One `from ... import ...` becomes several where its names have gone to several modules."""

from dataclasses import dataclass

import libcst as cst

from asterion.cli._codemod._tree import make_path, names_of, new_root, path_of


@dataclass(frozen=True, slots=True)
class Group:
    """Names that come from one module: each alias as it was, and as it is to be (None: unchanged)."""

    module: str | None
    names: list[tuple[cst.ImportAlias, cst.ImportAlias | None]]


def split_small(
    node: cst.ImportFrom, groups: list[Group]
) -> cst.BaseSmallStatement | cst.FlattenSentinel[cst.BaseSmallStatement]:
    """The statement, or the statements, that import what `node` imports, from the modules of the groups."""
    # The names that stay with their module keep the statement, its parentheses and its comments.
    tail = path_of(node.module).partition(".")[2]
    groups = sorted(groups, key=lambda group: (group.module is None, (group.module or "").partition(".")[2] != tail))
    first, *others = groups
    if first.module is None:
        return cst.FlattenSentinel(_plain_imports(first)) if len(first.names) > 1 else _plain_imports(first)[0]
    kept = _narrowed(node, first)
    if not others:
        return kept
    made: list[cst.BaseSmallStatement] = [kept]
    for group in others:
        made.extend(_plain_imports(group) if group.module is None else [_from_import(group)])
    return cst.FlattenSentinel(made)


def split_line(original: cst.ImportFrom, line: cst.SimpleStatementLine) -> cst.FlattenSentinel[cst.SimpleStatementLine]:
    """A line for each statement; what stood above stays above, and comments go where their names go."""
    first, *others = [statement.with_changes(semicolon=cst.MaybeSentinel.DEFAULT) for statement in line.body]
    gone = _comments(original)
    return cst.FlattenSentinel(
        [
            line.with_changes(body=[first]),
            *(cst.SimpleStatementLine(body=[each], leading_lines=_lines_of(each, gone)) for each in others),
        ]
    )


def _comments(node: cst.ImportFrom) -> dict[str, list[cst.Comment]]:
    """The comments behind each imported name: they would go with its comma."""
    found: dict[str, list[cst.Comment]] = {}
    for alias in names_of(node):
        space = alias.comma.whitespace_after if isinstance(alias.comma, cst.Comma) else None
        if isinstance(space, cst.ParenthesizedWhitespace):
            lines = [space.first_line.comment, *(line.comment for line in space.empty_lines)]
            found[path_of(alias.name)] = [comment for comment in lines if comment is not None]
    return found


def _lines_of(statement: cst.BaseSmallStatement, comments: dict[str, list[cst.Comment]]) -> list[cst.EmptyLine]:
    return [
        cst.EmptyLine(comment=comment)
        for alias in names_of(statement)
        for comment in comments.get(path_of(alias.name), ())
    ]


def _narrowed(node: cst.ImportFrom, group: Group) -> cst.ImportFrom:
    module = node.module
    if group.module is not None and path_of(module) != group.module and module is not None:
        same_tail = path_of(module).partition(".")[2] == group.module.partition(".")[2]
        module = new_root(module) if same_tail else make_path(group.module)
    if isinstance(node.names, cst.ImportStar):
        return node.with_changes(module=module)
    wanted = {id(before): after or before for before, after in group.names}
    names = [wanted[id(alias)] for alias in node.names if id(alias) in wanted]
    if len(names) < len(node.names) and names[-1] is not wanted.get(id(node.names[-1])):
        names[-1] = names[-1].with_changes(comma=node.names[-1].comma)
    return node.with_changes(module=module, names=names)


def _from_import(group: Group) -> cst.ImportFrom:
    names = [(after or before).with_changes(comma=cst.MaybeSentinel.DEFAULT) for before, after in group.names]
    return cst.ImportFrom(module=make_path(group.module or ""), names=names)


def _plain_imports(group: Group) -> list[cst.BaseSmallStatement]:
    return [cst.Import([before.with_changes(comma=cst.MaybeSentinel.DEFAULT)]) for before, _ in group.names]
