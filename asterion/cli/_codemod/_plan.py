"""From the source of one file to what is written in its place, and to what a human must look at."""

import re
from dataclasses import dataclass, field

import libcst
from libcst.metadata import MetadataWrapper, PositionProvider

from asterion.cli._codemod._behaviours import Behaviours, has_behaviours, imports_fastapi
from asterion.cli._codemod._bound import bound_names
from asterion.cli._codemod._rename import Rename


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """Something that a human has to look at. Lines count from 1."""

    line: int
    says: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done about one file. `failure` is where and why it could not be read as Python."""

    source: bytes
    result: bytes
    renamed: int = 0
    notes: list[Note] = field(default_factory=list)
    fastapi: bool = False
    failure: Note | None = None

    @property
    def changes(self) -> bool:
        """Whether the file would be another one."""
        return self.source != self.result


# The whole word: `starlette_admin` and its like are other packages.
_NAMES = re.compile(rb"\bstarlette\b", re.ASCII)


def concerns(source: bytes, face: str = "starlette") -> bool:
    """Whether a file is worth parsing: nearly all files of a large tree are not."""
    if _NAMES.search(source) or (face == "asterion" and b"Starlette" in source):
        return True
    return imports_fastapi(source) and has_behaviours(source)


def plan_file(source: bytes, face: str = "starlette") -> Plan:
    """Decide what becomes of a Python file. Never raises for what is in the file: see `Plan.failure`."""
    if not concerns(source, face):
        return Plan(source, source, fastapi=imports_fastapi(source))
    if b"\r" in source and b"\n" not in source:
        return Plan(source, source, failure=Note(1, "its lines end with a bare carriage return; convert them first"))
    try:
        return _plan_module(source, face)
    except RecursionError:
        return Plan(source, source, failure=Note(1, "nested too deeply"))


def _plan_module(source: bytes, face: str) -> Plan:
    try:
        module = libcst.parse_module(source)
    except libcst.ParserSyntaxError as error:
        return Plan(source, source, failure=Note(error.raw_line, error.message.splitlines()[0]))
    except (UnicodeDecodeError, LookupError, SyntaxError, ValueError) as error:
        return Plan(source, source, failure=Note(1, f"not the text its encoding says: {error}"))
    wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
    found: list[tuple[libcst.CSTNode, str]] = []
    if has_behaviours(source):
        behaviours = Behaviours()
        module.visit(behaviours)
        found += behaviours.found
    rename = Rename(face, bound_names(wrapper, source, face))
    result = module.visit(rename).bytes if rename.has_work(source) else source
    found += rename.found
    return Plan(source, result, rename.renamed, _placed(wrapper, found), fastapi=imports_fastapi(source))


def _placed(wrapper: MetadataWrapper, found: list[tuple[libcst.CSTNode, str]]) -> list[Note]:
    if not found:
        return []
    places = wrapper.resolve(PositionProvider)
    return sorted({Note(places[node].start.line, says) for node, says in found})
