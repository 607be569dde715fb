"""The route index: which routes can match a path, in the order in which they were declared.

The first declared match wins, that is the contract of routing. Speed comes from not asking routes that cannot match:
literal paths stand in a dictionary, templates and mounts under their static beginning. A route whose way of matching is
not known is a candidate for every path.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

R = TypeVar("R")

_Entry = tuple[int, R]


class Place:
    """Where the index files a route: under one literal path, or under a static beginning that ends with a slash."""

    __slots__ = ("literal", "prefix")

    def __init__(self, literal: str | None = None, prefix: str = "") -> None:
        self.literal = literal
        self.prefix = prefix


class RouteIndex(Generic[R]):
    """An index over `(route, places)`; a route without places is a candidate everywhere."""

    __slots__ = ("_by_prefix", "_depth", "_everywhere", "below", "literals")

    literals: dict[str, list[R]]
    """The candidates of every literal path, in declared order."""
    below: dict[str, list[R]]
    """The candidates of paths right below a declared prefix (which is here without its last slash)."""

    def __init__(self, routes: Iterable[tuple[R, Sequence[Place]]]) -> None:
        literals: dict[str, list[_Entry[R]]] = {}
        prefixes: dict[str, list[_Entry[R]]] = {}
        everywhere: list[_Entry[R]] = []
        for order, (route, places) in enumerate(routes):
            entry = (order, route)
            if not places:
                everywhere.append(entry)
            for place in places:
                if place.literal is not None:
                    literals.setdefault(place.literal, []).append(entry)
                elif place.prefix:
                    prefixes.setdefault(place.prefix, []).append(entry)
                else:
                    everywhere.append(entry)
        self._everywhere = [route for _, route in everywhere]
        # Which declared prefixes a prefix begins with is known now: the longest one of a path tells all candidates.
        self._by_prefix = {
            prefix: _in_order(everywhere, *_beginnings(prefix, prefixes)) for prefix in prefixes if prefix
        }
        self.below = {prefix[:-1]: found for prefix, found in self._by_prefix.items()}
        # No path is walked further than the deepest prefix that was declared, however many slashes it has.
        self._depth = max((prefix.count("/") for prefix in prefixes), default=0)
        self.literals = {
            path: _in_order(everywhere, entries, *_beginnings(path, prefixes)) for path, entries in literals.items()
        }

    def candidates(self, path: str) -> list[R]:
        """The routes that can match `path`, in declared order. The list belongs to the index."""
        return self.literals.get(path) or self.by_prefix(path)

    def by_prefix(self, path: str) -> list[R]:
        """What `candidates` gives for a path that is no literal one."""
        by_prefix = self._by_prefix
        end = path.rfind("/") + 1
        found = by_prefix.get(path[:end])
        if found is not None:
            return found
        if path.count("/") > self._depth:
            end = 0
            for _ in range(self._depth):
                end = path.find("/", end) + 1
        while end:
            found = by_prefix.get(path[:end])
            if found is not None:
                return found
            end = path.rfind("/", 0, end - 1) + 1
        return self._everywhere


def _beginnings(path: str, prefixes: Mapping[str, list[_Entry[R]]]) -> list[list[_Entry[R]]]:
    """What is filed under the prefixes that `path` begins with."""
    ends = [place + 1 for place, character in enumerate(path) if character == "/"]
    return [prefixes[path[:end]] for end in ends if path[:end] in prefixes]


def _in_order(*filed: list[_Entry[R]]) -> list[R]:
    # Once each, also what was filed in two places that both lead here.
    by_order = {order: route for entries in filed for order, route in entries}
    return [by_order[order] for order in sorted(by_order)]


_numbers = itertools.count(1)


class RouteList(list[R]):
    """A list that numbers its changes, so that an index over it knows when it is out of date."""

    version = 0
    latest: ClassVar[int] = 0
    """The number of the last change of any list: while it is the same, none has changed."""

    def changed(self) -> None:
        """Give this list a new version."""
        self.version = note_change()

    def _changing(name: str) -> Any:  # type: ignore[misc]
        method = getattr(list, name)

        def change(self: "RouteList[Any]", *args: Any, **kwargs: Any) -> Any:
            try:
                return method(self, *args, **kwargs)
            finally:  # not before: an index that is made meanwhile, in another thread, would never be out of date
                self.changed()

        change.__name__ = name
        change.__doc__ = method.__doc__
        return change

    append = _changing("append")
    clear = _changing("clear")
    extend = _changing("extend")
    insert = _changing("insert")
    pop = _changing("pop")
    remove = _changing("remove")
    reverse = _changing("reverse")
    sort = _changing("sort")
    __delitem__ = _changing("__delitem__")
    __iadd__ = _changing("__iadd__")
    __imul__ = _changing("__imul__")
    __setitem__ = _changing("__setitem__")

    del _changing


def note_change() -> int:
    """The number of a change in what is routed: also of one that no list of routes can see."""
    # A number of its own for each, so that two threads at once never leave one behind that was seen before.
    RouteList.latest = number = next(_numbers)
    return number
