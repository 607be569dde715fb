"""Front matter: YAML as a tree that remembers its lines, whose scalars are text as it is spelled.

YAML's guesses (`0.20` a number, `no` a truth value, `2022-01-28` a date) would change versions and dates, so none is
made. Aliases and tags are refused: they serve nobody here, and a few nested aliases unfold to gigabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import yaml

from fixbook.casefile._errors import CaseFileError

__all__ = ["Entry", "parse"]

_T = TypeVar("_T")
_MAX_DEPTH = 8


class Entry:
    """A value of the front matter with its place and its name, which errors tell."""

    __slots__ = ("_node", "_offset", "name")

    def __init__(self, node: yaml.Node, name: str, offset: int) -> None:
        self._node = node
        self._offset = offset
        self.name = name

    @property
    def line(self) -> int:
        """Where the value starts; 1 is the first line of the file."""
        return int(self._node.start_mark.line) + self._offset

    def error(self, message: str) -> CaseFileError:
        """An error at this value."""
        return CaseFileError(f"{self.name}: {message}" if self.name else message, self.line)

    def _is_null(self) -> bool:
        return (
            isinstance(self._node, yaml.ScalarNode)
            and self._node.style is None
            and self._node.value in ("", "~", "null")
        )

    def text(self) -> str:
        """The scalar, as it is spelled."""
        if not isinstance(self._node, yaml.ScalarNode):
            raise self.error(f"a text is wanted here, not a {_kind(self._node)}")
        if self._is_null():
            raise self.error('there is no value; leave the key out, or write "" for the empty text')
        return str(self._node.value)

    def convert(self, kind: Callable[[str], _T], wanted: str) -> _T:
        """The scalar as `kind` makes it; `ValueError` becomes an error that says what is `wanted`."""
        text = self.text()
        try:
            return kind(text)
        except ValueError:
            raise self.error(f"{text!r} is not {wanted}") from None

    def flag(self) -> bool:
        """`true` or `false`."""
        text = self.text()
        if text not in ("true", "false"):
            raise self.error(f"{text!r} is neither true nor false")
        return text == "true"

    def items(self) -> tuple[Entry, ...]:
        """The members of a sequence."""
        if not isinstance(self._node, yaml.SequenceNode):
            raise self.error(f"a list is wanted here, not a {_kind(self._node)}")
        return tuple(Entry(node, f"{self.name}[{index}]", self._offset) for index, node in enumerate(self._node.value))

    def texts(self) -> tuple[str, ...]:
        """The members of a sequence of texts; one text stands for a list of it."""
        if isinstance(self._node, yaml.ScalarNode):
            return (self.text(),)
        return tuple(entry.text() for entry in self.items())

    def is_list(self) -> bool:
        """Whether this is a sequence."""
        return isinstance(self._node, yaml.SequenceNode)

    def is_mapping(self) -> bool:
        """Whether this is a mapping."""
        return isinstance(self._node, yaml.MappingNode)

    def mapping(self, allowed: frozenset[str] | None = None) -> dict[str, Entry]:
        """The members of a mapping by their keys. A key twice, or none of `allowed`, is an error."""
        if not isinstance(self._node, yaml.MappingNode):
            raise self.error(f"a mapping is wanted here, not a {_kind(self._node)}")
        found: dict[str, Entry] = {}
        for key_node, value_node in self._node.value:
            key_entry = Entry(key_node, self.name, self._offset)
            key = key_entry.text()
            if key in found:
                raise key_entry.error(f"the key {key!r} is here twice")
            if allowed is not None and key not in allowed:
                raise key_entry.error(f"there is no key {key!r}; the keys are {', '.join(sorted(allowed))}")
            found[key] = Entry(value_node, f"{self.name}.{key}" if self.name else key, self._offset)
        return found


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return "text"
    return "list" if isinstance(node, yaml.SequenceNode) else "mapping"


def parse(text: str, first_line: int) -> Entry:
    """The tree of `text`, whose first line is line `first_line` of its file. `CaseFileError` where it is not YAML."""
    try:
        _refuse(text, first_line)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + first_line if mark else 0
        raise CaseFileError(f"this is not YAML: {error.problem or error.context}", line) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + first_line
        raise CaseFileError(f"a character that YAML does not allow: {chr(error.character)!r}", line) from None
    if node is None:
        raise CaseFileError("the front matter is empty", first_line)
    return Entry(node, "", first_line)


def _refuse(text: str, first_line: int) -> None:
    depth = 0
    for event in _events(text):
        line = (event.start_mark.line if event.start_mark else 0) + first_line
        if isinstance(event, yaml.AliasEvent):
            raise CaseFileError("aliases (*name) are not read; write the value out", line)
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            raise CaseFileError(f"anchors (&{event.anchor}) are not read", line)
        if (tag := getattr(event, "tag", None)) is not None:
            raise CaseFileError(f"tags ({tag}) are not read", line)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise CaseFileError("this is nested too deeply", line)


def _events(text: str) -> Iterator[yaml.Event]:
    return yaml.parse(text, Loader=yaml.SafeLoader)
