"""HTTP header fields: the two mappings over a raw ASGI header list.

Laws of this module:

- The truth is the raw list of `(name, value)` byte pairs, names in lower case as ASGI has them, order kept. The
  mappings are views on that list; they build no dictionary, but to walk a long one (`dict(headers)`) in linear time,
  and believe in that only while the line it names is still in its place.
- Text becomes header bytes in `encode_header_name` and `encode_header_value` and nowhere else, so no CR, LF, NUL or
  other control ever reaches a server (RFC 9110 section 5.5; response splitting).
- Reading never fails on odd keys: a name that cannot be a header is simply not there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, TypeVar, overload

from asterion._core.headertext import MEMO_LENGTH, MEMO_SIZE, _checked_names, encode_header_name, encode_header_value

__all__ = ("Headers", "MutableHeaders", "RawHeaders", "encode_header_name", "encode_header_value")

RawHeaders = list[tuple[bytes, bytes]]
T = TypeVar("T")

_LONG = 64
"""Lines beyond which places are remembered by name; fewer are searched as fast."""
_NO_PLACE: tuple[int, tuple[bytes, bytes]] = (sys.maxsize, (b"", b""))
_NO_PLACES: dict[bytes, tuple[int, tuple[bytes, bytes]]] = {}

# PERF: as in headertext, the names that are looked for are remembered; bounded, and long ones are not kept.
_looked_up_names: dict[str, bytes] = {}


def _lookup_name(key: str) -> bytes | None:
    """Give the bytes to look for, or None if no header can have this name."""
    try:
        encoded = key.lower().encode("latin-1")
    except (AttributeError, UnicodeEncodeError):
        return None
    if len(_looked_up_names) < MEMO_SIZE and len(key) <= MEMO_LENGTH:
        _looked_up_names[key] = encoded
    return encoded


class Headers(Mapping[str, str]):
    """An immutable, case-insensitive multi-mapping over raw ASGI headers.

    Made from one of: `headers`, a mapping of text (checked as outgoing headers are); `raw`, a list of lower-cased byte
    pairs, used as it is; `scope`, an ASGI scope or message with a `"headers"` item, which is read and not rewritten.
    `headers[name]` gives the first value of that name, `getlist` all. Raises TypeError if more than one source is
    given.
    """

    __slots__ = ("__weakref__", "_firsts", "_list")

    _list: RawHeaders
    # Of long lists only, and only once the names were asked for: the place and the line of each name's first value.
    _firsts: dict[bytes, tuple[int, tuple[bytes, bytes]]]

    def __init__(
        self,
        headers: Mapping[str, str] | None = None,
        raw: RawHeaders | None = None,
        scope: MutableMapping[str, Any] | None = None,
    ) -> None:
        if scope is not None:
            if headers is not None or raw is not None:
                raise TypeError("Headers take one source: give headers, raw or scope, not several.")
            self._list = self._lines_of(scope)
        elif raw is not None:
            if headers is not None:
                raise TypeError("Headers take one source: give headers, raw or scope, not several.")
            self._list = raw if type(raw) is list else list(raw)
        elif headers is not None:
            self._list = [(encode_header_name(key), encode_header_value(value, key)) for key, value in headers.items()]
        else:
            self._list = []

    def _lines_of(self, scope: MutableMapping[str, Any]) -> RawHeaders:
        lines = scope.get("headers", ())
        if type(lines) is list:
            return lines
        if isinstance(lines, Iterator):
            # It can be read once only: what was read must be left for the next reader.
            lines = scope["headers"] = list(lines)
            return lines
        return list(lines)

    @property
    def raw(self) -> RawHeaders:
        """The list of `(name, value)` byte pairs itself, not a copy."""
        return self._list

    def keys(self) -> list[str]:  # type: ignore[override]
        """Every name, once for each field line, in order."""
        if len(self._list) > _LONG:
            self._firsts = {line[0]: (at, line) for at, line in reversed(list(enumerate(self._list)))}
        return [name.decode("latin-1") for name, _ in self._list]

    def values(self) -> list[str]:  # type: ignore[override]
        """Every value, in order."""
        return [value.decode("latin-1") for _, value in self._list]

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """Every (name, value) pair, in order, repeated names included."""
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._list]

    def getlist(self, key: str) -> list[str]:
        """Every value of the header `key`, in order; an empty list if there is none."""
        wanted = _looked_up_names.get(key) or _lookup_name(key)
        return [value.decode("latin-1") for name, value in self._list if name == wanted]

    def mutablecopy(self) -> MutableHeaders:
        """A `MutableHeaders` over a copy of these fields."""
        return MutableHeaders(raw=self._list[:])

    @overload
    def get(self, key: str, /) -> str | None: ...
    @overload
    def get(self, key: str, /, default: str | T) -> str | T: ...
    def get(self, key: str, /, default: Any = None) -> Any:
        # PERF: the inherited form goes through an exception for every header that is not there.
        wanted = _looked_up_names.get(key) or _lookup_name(key)
        for name, value in self._list:
            if name == wanted:
                return value.decode("latin-1")
        return default

    def __getitem__(self, key: str) -> str:
        wanted = _looked_up_names.get(key) or _lookup_name(key)
        lines = self._list
        if len(lines) > _LONG and wanted is not None:
            # `dict(headers)` asks for every name in turn, which would take time quadratic in what a client sends.
            firsts: dict[bytes, tuple[int, tuple[bytes, bytes]]] = getattr(self, "_firsts", _NO_PLACES)
            at, line = firsts.get(wanted, _NO_PLACE)
            if at < len(lines) and lines[at] is line:
                return line[1].decode("latin-1")
        for name, value in lines:
            if name == wanted:
                return value.decode("latin-1")
        raise KeyError(key)

    def __contains__(self, key: Any) -> bool:
        wanted = _lookup_name(key) if type(key) is not str else _looked_up_names.get(key) or _lookup_name(key)
        for name, _ in self._list:  # noqa: SIM110 - PERF: a generator doubles the time of a miss
            if name == wanted:
                return True
        return False

    def __iter__(self) -> Iterator[Any]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self._list)

    def __eq__(self, other: Any) -> bool:
        """Two are equal if they hold the same field lines, in whatever order."""
        if not isinstance(other, Headers):
            return False
        return self._list == other._list or sorted(map(tuple, self._list)) == sorted(map(tuple, other._list))

    # Two equal ones can be made different by a change in the list they look at.
    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> Headers:
        twin = type(self).__new__(type(self))
        twin._list = self._list[:]
        return twin

    def __repr__(self) -> str:
        pairs = self.items()
        plain = dict(pairs)
        if len(plain) == len(pairs):
            return f"{type(self).__name__}({plain!r})"
        return f"{type(self).__name__}(raw={self._list!r})"


class MutableHeaders(Headers):
    """Headers that can be changed. The changes go into the raw list it was made from, in place.

    Made from a `scope` (in practice: from an `http.response.start` message), it puts a list of its own into
    `scope["headers"]`, so that a list which the sender of the message still holds is not changed behind its back.
    Every write raises ValueError for a name that is no token or a value with control characters.
    """

    __slots__ = ()

    def _lines_of(self, scope: MutableMapping[str, Any]) -> RawHeaders:
        lines: RawHeaders = list(scope.get("headers", ()))
        scope["headers"] = lines
        return lines

    def __setitem__(self, key: str, value: str) -> None:
        """Set the only value of `key`: at the place of its first line, all others removed; else at the end."""
        # PERF(benchmarks/header_middleware): a known name and a plain value without the calls.
        name = _checked_names.get(key) or encode_header_name(key)
        lines = self._list
        if value.__class__ is str and value.isascii() and value.isprintable():
            line = (name, value.strip().encode("ascii"))
        else:
            line = (name, encode_header_value(value, key))
        for present in lines:
            if present[0] == name:
                at = lines.index(present)
                lines[at] = line
                if at + 1 < len(lines):
                    lines[at + 1 :] = [later for later in lines[at + 1 :] if later[0] != name]
                return
        lines.append(line)

    def __delitem__(self, key: str) -> None:
        """Remove every line of `key`; nothing happens if there is none."""
        wanted = _lookup_name(key)
        self._list[:] = [line for line in self._list if line[0] != wanted]

    def __ior__(self, other: Mapping[str, str]) -> MutableHeaders:
        self.update(_mapping(other))
        return self

    def __or__(self, other: Mapping[str, str]) -> MutableHeaders:
        merged = self.mutablecopy()
        merged.update(_mapping(other))
        return merged

    def append(self, key: str, value: str) -> None:
        """Add one more line for `key`, whatever is there already."""
        self._list.append((encode_header_name(key), encode_header_value(value, key)))

    def setdefault(self, key: str, value: str) -> str:
        """Give the first value of `key`, after setting it to `value` if there was none."""
        present = self.get(key)
        if present is not None:
            return present
        self.append(key, value)
        return value

    def update(self, other: Mapping[str, str]) -> None:
        """Set every header of `other`; of a name that `other` repeats the last value stays."""
        for key, value in other.items():
            self[key] = value

    def add_vary_header(self, vary: str) -> None:
        """Add the field names in `vary` (separated by commas) to the `Vary` header, in one line.

        Names already there in any case are not repeated, and `*` ("varies on everything") is never narrowed
        (RFC 9110 section 12.5.5).
        """
        merged: dict[str, str] = {}
        for value in [*self.getlist("vary"), vary]:
            for member in value.split(","):
                if member := member.strip(" \t"):
                    merged.setdefault(member.lower(), member)
        if merged:
            self["vary"] = "*" if "*" in merged else ", ".join(merged.values())


def _mapping(other: Mapping[str, str]) -> Mapping[str, str]:
    if not isinstance(other, Mapping):
        raise TypeError(f"Headers can be merged with a mapping, not with {type(other).__name__}: {other!r}")
    return other
