"""Mappings in which a key can have several values: query strings and forms.

Laws of this module:

- The truth is the list of pairs in the order they came. Every pair is kept.
- `mapping[key]` is the **last** value of the key; `getlist(key)` gives all of them. One rule for every place, so that
  two readers of one request cannot disagree about a parameter that was sent twice.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Generic, TypeVar

from asterion._core.urltext import parse_urlencoded, render_urlencoded

__all__ = ("ImmutableMultiDict", "MultiDict", "QueryParams")

K = TypeVar("K")
V_co = TypeVar("V_co", covariant=True)


def _pairs_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Give the pairs of what a multi-dict can be made from: nothing, a multi-dict, a mapping, pairs; and keywords."""
    if len(args) > 1:
        raise TypeError(f"A multi-dict is made from at most one positional argument, not {len(args)}.")
    source: Any = args[0] if args else ()
    if isinstance(source, ImmutableMultiDict):
        pairs = source.multi_items()
    elif hasattr(source, "items"):
        pairs = list(source.items())
    else:
        pairs = [(key, value) for key, value in source or ()]
    if kwargs:
        pairs.extend(kwargs.items())
    return pairs


def _same_pairs(one: list[tuple[Any, Any]], two: list[tuple[Any, Any]]) -> bool:
    """Whether both lists have the same pairs in whatever order, values of any type included."""
    if one == two:
        return True
    if len(one) != len(two):
        return False
    grouped: dict[Any, list[Any]] = {}
    for key, value in two:
        grouped.setdefault(key, []).append(value)
    for key, value in one:
        values = grouped.get(key, [])
        if value not in values:
            return False
        values.remove(value)
    return True


class ImmutableMultiDict(Mapping[K, V_co], Generic[K, V_co]):
    """A read-only multi-dict, made from a multi-dict, a mapping or an iterable of pairs, and keywords.

    Raises TypeError for more than one positional argument.
    """

    __slots__ = ("__weakref__", "_dict", "_list")

    _list: list[tuple[Any, Any]]
    _dict: dict[Any, Any]

    def __init__(
        self, *args: ImmutableMultiDict[K, V_co] | Mapping[K, V_co] | Iterable[tuple[K, V_co]], **kwargs: Any
    ) -> None:
        self._list = _pairs_of(args, kwargs)
        self._dict = dict(self._list)

    def getlist(self, key: Any) -> list[V_co]:
        """Every value of `key`, in order; an empty list if there is none."""
        return [value for present, value in self._list if present == key]

    def keys(self) -> KeysView[K]:
        """The different keys."""
        return self._dict.keys()

    def values(self) -> ValuesView[V_co]:
        """The last value of each key."""
        return self._dict.values()

    def items(self) -> ItemsView[K, V_co]:
        """Each key with its last value; `multi_items` gives every pair."""
        return self._dict.items()

    def multi_items(self) -> list[tuple[K, V_co]]:
        """Every pair, in order, as a new list."""
        return list(self._list)

    def __getitem__(self, key: K) -> V_co:
        value: V_co = self._dict[key]
        return value

    def __contains__(self, key: Any) -> bool:
        return key in self._dict

    def __iter__(self) -> Iterator[K]:
        return iter(self._dict)

    def __len__(self) -> int:
        return len(self._dict)

    def __eq__(self, other: Any) -> bool:
        """Two of one class are equal if they hold the same pairs, in whatever order."""
        return isinstance(other, type(self)) and _same_pairs(self._list, other._list)

    # Values of any type are allowed, many of them without a hash.
    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> ImmutableMultiDict[K, V_co]:
        twin = type(self).__new__(type(self))
        twin._list, twin._dict = list(self._list), dict(self._dict)
        return twin

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._list!r})"


class MultiDict(ImmutableMultiDict[Any, Any]):
    """A multi-dict that can be changed. Setting a key drops all of its earlier values; `append` keeps them."""

    __slots__ = ()

    def __setitem__(self, key: Any, value: Any) -> None:
        self.setlist(key, [value])

    def __delitem__(self, key: Any) -> None:
        del self._dict[key]
        self._forget({key})

    def _forget(self, keys: Iterable[Any]) -> None:
        gone = set(keys)
        self._list = [pair for pair in self._list if pair[0] not in gone]

    def pop(self, key: Any, default: Any = None) -> Any:
        """Remove every value of `key` and give the last; `default` if there was none."""
        values = self.poplist(key)
        return values[-1] if values else default

    def popitem(self) -> tuple[Any, Any]:
        """Remove one key with all of its values, and give it with the last. Raises KeyError if nothing is left."""
        if not self._dict:
            raise KeyError("popitem(): the multi-dict is empty")
        key = next(reversed(self._dict))
        return key, self.pop(key)

    def poplist(self, key: Any) -> list[Any]:
        """Remove every value of `key` and give them in order; an empty list if there was none."""
        values = self.getlist(key)
        if values:
            del self[key]
        return values

    def clear(self) -> None:
        """Remove everything."""
        self._list, self._dict = [], {}

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """Give the last value of `key`, after setting it to `default` if there was none."""
        if key not in self._dict:
            self.append(key, default)
        return self._dict[key]

    def setlist(self, key: Any, values: list[Any]) -> None:
        """Make `values` the values of `key`; an empty list removes the key."""
        if key in self._dict:
            del self[key]
        for value in values:
            self.append(key, value)

    def append(self, key: Any, value: Any) -> None:
        """Add one more value to `key`."""
        self._list.append((key, value))
        self._dict[key] = value

    def update(self, *args: MultiDict | Mapping[Any, Any] | list[tuple[Any, Any]], **kwargs: Any) -> None:
        """Replace the values of every key that is given; several values for one key are all kept."""
        pairs = _pairs_of(args, kwargs)
        self._forget(key for key, _ in pairs)
        self._list.extend(pairs)
        self._dict = dict(self._list)


class QueryParams(ImmutableMultiDict[str, str]):
    """The parameters of a query string: text to text.

    Made from the query string itself (`str`, or the `bytes` of the ASGI scope), a mapping, or pairs; keys and values
    that are not text are turned into text. Only `&` separates (`;` is an ordinary character: two parsers that disagree
    on it are how caches are poisoned), the encoding is UTF-8, and what is not valid UTF-8 becomes U+FFFD.
    """

    __slots__ = ()

    def __init__(
        self,
        *args: ImmutableMultiDict[Any, Any] | Mapping[Any, Any] | list[tuple[Any, Any]] | str | bytes,
        **kwargs: Any,
    ) -> None:
        if len(args) == 1 and isinstance(args[0], (str, bytes)):
            pairs = parse_urlencoded(args[0])
            if kwargs:
                pairs.extend((key, str(value)) for key, value in kwargs.items())
        else:
            pairs = [(str(key), str(value)) for key, value in _pairs_of(args, kwargs)]
        self._list = pairs
        self._dict = dict(pairs)

    def __str__(self) -> str:
        """The query string: what `QueryParams` would read back as equal."""
        return render_urlencoded(self._list)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"
