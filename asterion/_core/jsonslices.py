"""A long JSON text, read a slice at a time, so that whoever reads it can let others work in between.

The standard library's scanner reads a text in one go and holds the interpreter meanwhile. A text is therefore cut at
commas outside of strings; in front of each slice stand the brackets that are open there, and behind it what closes
those that it leaves open, so that the scanner can read it. What it makes of them is put together along the lists and
objects that are open.

Laws of this module: value, and message and place of a fault, are those of the whole text read at once; the work is
linear in the text; the work of a step depends on the size of a slice, or of the longest string if that is more.
"""

import gc
import json
import re
import secrets
from collections.abc import Iterator
from itertools import islice
from typing import Any

from asterion._core.jsondepth import brackets_of

SLICE = 32 * 1024
"""Characters of a slice. A slice of nothing but brackets takes some 3 ms."""

_MANY = 4096
"""Quotes that make it plain that what has no commas is not JSON: each of its strings were a level of its own."""

_SPACE = " \t\n\r"
_A_VALUE = re.compile(r'[ \t\n\r]*["\[{0-9tfnIN-]')
_RUN = re.compile(r"[\[{]+|[\]}]+")
_CLOSING = str.maketrans("[{", "]}")

_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined] # what `decode` does between its two looks at spaces


class JSONSlices:
    """Reads `text`: each `step` reads a slice, or finds that it needs a longer one. After the last one `value` is what
    the text stands for.
    """

    def __init__(self, text: str, size: int = SLICE) -> None:
        self.value: Any = None
        self._text = text
        self._size = self._tried = size
        self._at = len(text) - len(text.lstrip(_SPACE))
        self._piece = ""  # what has been looked at from there in vain, without escapes
        self._kinds = ""  # the brackets that are open at `_at`, the outermost first
        self._open: list[Any] = []  # the lists and objects they have made so far
        mark = secrets.token_hex(8)  # what no client can know, so that no text has it
        self._begun, self._end = mark + "b", mark + "e"

    def step(self) -> bool:
        """Read the next slice; whether there are more. Raises what `json.loads` raises for the whole text."""
        found = self._next_slice()
        if found is None:
            self._tried *= 2
            return True
        end, piece = found
        kinds, kept = _open_after(self._kinds, piece) if end < len(self._text) else ("", 0)
        if not kinds:  # whatever follows the outermost value, the scanner does not come to it
            end = len(self._text)
        value = self._read(end, kinds)
        path = _path_to(self._end, value, len(kinds)) if kinds else []
        if kinds[-1:] == "[":
            path[-1].pop()
        elif kinds:
            del path[-1][self._end]
        self._join(value)
        self._open = [*self._open[:kept], *path[kept:]]
        self._kinds, self._at, self._tried, self._piece = kinds, end + 1, self._size, ""
        return bool(kinds)

    def _next_slice(self) -> tuple[int, str] | None:
        """Where the slice from here ends, and its text without escapes (not that of the last one).

        None where so little cannot be cut: it is one long string, or much space.
        """
        end = self._at + self._tried
        if end >= len(self._text):
            return len(self._text), ""
        more = self._text[self._at + len(self._piece) : end]
        if "," not in more and more.count('"') <= _MANY:
            return None
        piece = self._piece + _without_escapes(more)
        # In JSON a comma without a value behind it has it beyond the piece, so the one before has a value.
        for comma in islice(_last_commas(piece), 2):
            if _A_VALUE.match(piece, comma + 1):
                return self._at + comma, piece[:comma]
        if piece.count('"') > _MANY:
            return len(self._text), ""
        self._piece = piece.removesuffix("\\")  # which is half of an escape
        return None

    def _read(self, end: int, kinds: str) -> Any:
        """The value of the text up to `end`, between what was open before it and what closes `kinds` behind it."""
        begun = f'{{"{self._begun}":'
        before = "".join(begun if kind == "{" else kind for kind in self._kinds[:-1]) + self._kinds[-1:]
        behind = ""
        if kinds:
            last = f',"{self._end}"' if kinds[-1] == "[" else f',"{self._end}":0'
            behind = last + kinds[::-1].translate(_CLOSING)
        wrapped, moved = before + self._text[self._at : end] + behind, self._at - len(before)
        try:
            value, stop = _scan_undisturbed(wrapped)
        except StopIteration as fault:
            raise json.JSONDecodeError("Expecting value", self._text, fault.value + moved) from None
        except json.JSONDecodeError as fault:
            raise json.JSONDecodeError(fault.msg, self._text, fault.pos + moved) from None
        rest = wrapped[stop:].lstrip(_SPACE)
        if rest:
            raise json.JSONDecodeError("Extra data", self._text, len(wrapped) - len(rest) + moved)
        return value

    def _join(self, value: Any) -> None:
        """Put what a slice gave to the lists and objects that were open before it."""
        if not self._open:
            self.value = value
            return
        for container in self._open:
            part, innermost = value, container is self._open[-1]
            if type(container) is list:
                value = None if innermost else part.pop(0)
                container.extend(part)
            else:
                value = None if innermost else part.pop(self._begun)
                container.update(part)


def _without_escapes(piece: str) -> str:
    """As many characters, of which every quote begins or ends a string."""
    if "\\" in piece:
        return piece.replace("\\\\", "..").replace('\\"', "..")
    return piece


def _last_commas(piece: str) -> Iterator[int]:
    """Where the commas of `piece` are that stand outside of strings, the last first."""
    comma = piece.rfind(",")
    quotes = piece.count('"', 0, comma + 1)
    for _ in range(_MANY):
        if comma < 0:
            break
        within = quotes % 2 == 1
        if not within:
            yield comma
        before = piece.rfind(",", 0, piece.rfind('"', 0, comma) if within else comma)
        quotes -= piece.count('"', before + 1, comma)
        comma = before


def _open_after(kinds: str, piece: str) -> tuple[str, int]:
    """The brackets that are open behind `piece`, where `kinds` were open before it, and how many of those still are."""
    brackets = brackets_of(piece.encode("utf-8", "replace"))
    while len(rest := brackets.replace(b"[]", b"").replace(b"{}", b"")) < 0.75 * len(brackets):
        brackets = rest
    kept = len(kinds)
    for run in _RUN.findall(rest.decode("ascii")):
        if run[0] in "[{":
            kinds += run
        elif len(run) >= len(kinds):
            return "", 0  # the outermost value ends here, and with it the text, or it is no JSON
        else:
            kinds = kinds[: len(kinds) - len(run)]
            kept = min(kept, len(kinds))
    return kinds, kept


def _path_to(end: str, value: Any, depth: int) -> list[Any]:
    """The lists and objects, each within the one before, of which the last one, `depth` levels down, has `end` last.

    A list that is open is the last in the one around it; an object's key may have come before, so all are asked.
    """
    path: list[Any] = []
    rows = [iter((value,))]
    while True:
        found = next((one for one in rows[-1] if type(one) in (list, dict)), None)
        if found is None:
            rows.pop()
            path.pop()
            continue
        path.append(found)
        if len(path) < depth:
            rows.append(iter(found[-1:]) if type(found) is list else reversed(found.values()))
        elif (end in found) if type(found) is dict else (found[-1:] == [end]):
            return path
        else:
            path.pop()


def _scan_undisturbed(text: str) -> tuple[Any, int]:
    # Nothing of what is made can be garbage, but the collector would go through all of it, again and again: half of the
    # time that a text of many lists takes, and the longest step of all.
    collects = gc.isenabled()
    gc.disable()
    try:
        value, stop = _scan(text, 0)
        return value, stop
    finally:
        if collects:
            gc.enable()
