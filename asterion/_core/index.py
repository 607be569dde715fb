"""The route index: which routes can match a path, in the order in which they were declared.

The first declared match wins, that is the contract of routing. Speed comes from not asking routes that cannot match:
literal paths stand in a dictionary, templates and mounts under their static beginning. A route whose way of matching is
not known is a candidate for every path.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

R = TypeVar("R")

_Entry = tuple[int, R]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the index files a route: under one literal path, or under a static beginning that ends with a slash."""

    literal: str | None = None
    prefix: str = ""


class RouteIndex(Generic[R]):
    """An index over `(route, places)`; a route without places is a candidate everywhere."""

    __slots__ = ("_depth", "_everywhere", "_prefixes", "literals")

    literals: dict[str, list[R]]
    """The candidates of every literal path, in declared order."""

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
        self._everywhere = everywhere
        self._prefixes = prefixes
        # No path is walked further than the deepest prefix that was declared, however many slashes it has.
        self._depth = max((prefix.count("/") for prefix in prefixes), default=0)
        # Which prefixes a literal path has is known now: one look-up finds all of its candidates.
        self.literals = {
            path: [route for _, route in sorted(entries + self._entries_by_prefix(path), key=_order)]
            for path, entries in literals.items()
        }

    def candidates(self, path: str) -> list[R]:
        """The routes that can match `path`, in declared order. The list belongs to the index."""
        found = self.literals.get(path)
        if found is not None:
            return found
        return [route for _, route in self._entries_by_prefix(path)]

    def _entries_by_prefix(self, path: str) -> list[_Entry[R]]:
        entries = self._everywhere
        lists = 1 if entries else 0
        position = -1
        for _ in range(self._depth):
            position = path.find("/", position + 1)
            if position < 0:
                break
            more = self._prefixes.get(path[: position + 1])
            if more:
                entries = entries + more if lists else more
                lists += 1
        return sorted(entries, key=_order) if lists > 1 else entries


def _order(entry: tuple[int, Any]) -> int:
    return entry[0]


class RouteList(list[R]):
    """A list that counts its changes, so that an index over it knows when it is out of date."""

    version = 0

    def _changing(name: str) -> Any:  # type: ignore[misc]
        method = getattr(list, name)

        def change(self: "RouteList[Any]", *args: Any, **kwargs: Any) -> Any:
            self.version += 1
            return method(self, *args, **kwargs)

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
