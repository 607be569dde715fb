"""Templates whose parameters have no slash between them, `/{name}-{part}.txt` or `/{tree:path}/at/{rest:path}`.

A pattern for one tries every place where each parameter may end, for every place where those before it may: a long
path that almost matches costs its length to the power of their number. Here the places where each literal may stand,
with everything behind it, are found from the right, once: linear in the path for each literal. What comes out is what
the pattern gives: every parameter as long as it can be, the first ones first.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from asterion.convertors import Convertor, IntegerConvertor, PathConvertor, StringConvertor

_ENDS: dict[Any, re.Pattern[str] | None] = {
    StringConvertor: re.compile("/|\\Z"),
    IntegerConvertor: re.compile("[^0-9]|\\Z"),
    PathConvertor: None,
}
"""What ends a run of the characters that each kind of parameter takes; nothing ends a path."""


class OpenTemplate:
    """A template as its literals and the parameters between them.

    `literals` has one member more than `names`; those between two parameters may be empty.
    """

    __slots__ = ("_kinds", "_literals", "_names")

    def __init__(self, literals: Sequence[str], names: Sequence[str], kinds: Sequence[type]) -> None:
        self._literals = tuple(literals)
        self._names = tuple(names)
        self._kinds = tuple(kinds)

    def match(self, path: str) -> dict[str, Any] | None:
        """The text of each parameter, or None where the path does not match as a whole."""
        first, *_, last = self._literals
        if not path.startswith(first) or not path.endswith(last) or len(path) < len(first) + len(last):
            return None
        # places[i] are the starts, ascending, at which literal i + 1 stands and all behind it matches.
        places: list[list[int]] = [[len(path) - len(last)]]
        for literal, kind in zip(self._literals[-2:0:-1], self._kinds[:0:-1], strict=True):
            places.insert(0, _places(path, literal, kind, places[0], len(first)))
            if not places[0]:
                return None
        params, start = {}, len(first)
        for name, kind, literal, ends in zip(self._names, self._kinds, self._literals[1:], places, strict=True):
            end = _furthest(ends, start, _stop(path, kind, start), kind)
            if end is None:
                return None
            params[name] = path[start:end]
            start = end + len(literal)
        return params


def _places(path: str, literal: str, kind: type, ends: list[int], least: int) -> list[int]:
    """Where `literal` stands, `least` or later, with a parameter of `kind` behind it that reaches one of `ends`."""
    found, stop, last = [], -1, ends[-1]
    place = path.find(literal, least)
    while 0 <= place <= last:
        start = place + len(literal)
        if start > last:
            break
        if start > stop:
            stop = _stop(path, kind, start)
        if _furthest(ends, start, stop, kind) is not None:
            found.append(place)
        place = path.find(literal, place + 1)
    return found


def _stop(path: str, kind: type, start: int) -> int:
    """Where the run of characters that `kind` takes ends, from `start`."""
    ends = _ENDS[kind]
    found = None if ends is None else ends.search(path, start)
    return len(path) if found is None else found.start()


def _furthest(ends: list[int], start: int, stop: int, kind: type) -> int | None:
    """The last of `ends` that a parameter of `kind` from `start` on reaches, whose run ends at `stop`."""
    least = start if kind is PathConvertor else start + 1
    if bisect_left(ends, least) == (after := bisect_right(ends, stop)):
        return None
    end = ends[after - 1] if after else -1
    return end if end >= least else None


def open_template(literals: Sequence[str], convertors: Mapping[str, Convertor[Any]]) -> OpenTemplate | None:
    """The template as an `OpenTemplate`, if its pattern could try many ways; None if it cannot, or is of other kinds.

    `convertors` are in the order of the template. Text and integers between slashes have one way to match.
    """
    kinds = [type(convertor) for convertor in convertors.values()]
    if not all(kind in _ENDS for kind in kinds):
        return None
    between = literals[1:-1]
    many = any("/" not in literal or PathConvertor in kinds[:-1] for literal in between)
    return OpenTemplate(literals, list(convertors), kinds) if many else None
