"""Templates whose parameters have no slash between them, `/{name}-{part}.txt` or `/{tree:path}/at/{rest:path}`.

A pattern for one tries every place where each parameter may end, for every place where those before it may: a long
path that almost matches costs its length to the power of their number. Here the places where each literal may stand,
with everything behind it, are found from the right, once: linear in the path for each literal. What comes out is what
the pattern gives: every parameter as long as it can be, the first ones first.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from asterion.convertors import (
    Convertor,
    FloatConvertor,
    IntegerConvertor,
    PathConvertor,
    StringConvertor,
    UUIDConvertor,
)

_NOT_DIGIT = re.compile("[^0-9]|\\Z")

_ENDS: dict[Any, re.Pattern[str]] = {
    StringConvertor: re.compile("/|\\Z"),
    IntegerConvertor: _NOT_DIGIT,
    FloatConvertor: _NOT_DIGIT,
}
"""What ends a run of the characters that each kind of parameter takes: of a number, of its digits before the point."""

_KINDS = frozenset({*_ENDS, PathConvertor, UUIDConvertor})
_UUID = re.compile(UUIDConvertor.regex)
_DECIMALS = re.compile(r"\.[0-9]+")


class _Reach:
    """Where a parameter of one kind that starts at a place may end; the places are asked for in ascending order.

    `least` to `most`, but for `hole`: a number does not end with its point.
    """

    __slots__ = ("_kind", "_path", "_run", "hole", "least", "most")

    def __init__(self, path: str, kind: type) -> None:
        self._path = path
        self._kind = kind
        self._run = -1  # the end of the run that was looked at last
        self.least, self.most, self.hole = 0, len(path), -1

    def look(self, start: int) -> None:
        """Find out for a parameter that starts at `start`."""
        if self._kind is PathConvertor:
            self.least = start
        elif self._kind is UUIDConvertor:
            found = _UUID.match(self._path, start)
            self.least, self.most = (0, -1) if found is None else (found.end(), found.end())
        else:
            self.least = start + 1
            if start >= self._run:
                self._look_at_run(start)

    def _look_at_run(self, start: int) -> None:
        found = _ENDS[self._kind].search(self._path, start)
        self._run = self.most = len(self._path) if found is None else found.start()
        self.hole = -1
        # Decimals follow digits only: at the end of none no parameter begins.
        decimals = _DECIMALS.match(self._path, self._run) if self._kind is FloatConvertor else None
        if decimals is not None and self._run > start:
            self.hole, self.most = self._run + 1, decimals.end()

    def furthest(self, ends: list[int]) -> int | None:
        """The last of `ends`, which ascend, that can be reached."""
        after = bisect_right(ends, self.most)
        if after and ends[after - 1] == self.hole:
            after -= 1
        end = ends[after - 1] if after else -1
        return end if end >= self.least else None


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
            places.append(_places(path, literal, kind, places[-1], len(first)))
            if not places[-1]:
                return None
        params, start = {}, len(first)
        for name, kind, literal, ends in zip(self._names, self._kinds, self._literals[1:], places[::-1], strict=True):
            reach = _Reach(path, kind)
            reach.look(start)
            end = reach.furthest(ends)
            if end is None:
                return None
            params[name] = path[start:end]
            start = end + len(literal)
        return params


def _places(path: str, literal: str, kind: type, ends: list[int], least: int) -> list[int]:
    """Where `literal` stands, `least` or later, with a parameter of `kind` behind it that reaches one of `ends`."""
    found, last = [], ends[-1]
    reach = _Reach(path, kind)
    place = path.find(literal, least)
    while 0 <= place <= last:
        start = place + len(literal)
        if start > last:
            break
        reach.look(start)
        if reach.furthest(ends) is not None:
            found.append(place)
        place = path.find(literal, place + 1)
    return found


def open_template(literals: Sequence[str], convertors: Mapping[str, Convertor[Any]]) -> OpenTemplate | None:
    """The template as an `OpenTemplate`, if its pattern could try many ways; None if it cannot, or is of other kinds.

    `convertors` are in the order of the template. What stands between slashes, but for paths, has one way to match.
    """
    kinds = [type(convertor) for convertor in convertors.values()]
    if not _KINDS.issuperset(kinds):
        return None
    between = literals[1:-1]
    many = any("/" not in literal or PathConvertor in kinds[:-1] for literal in between)
    return OpenTemplate(literals, list(convertors), kinds) if many else None
