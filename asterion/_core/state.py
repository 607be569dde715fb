"""`State`: the bag of attributes on an application, a request or a lifespan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ("State",)


class State:
    """Arbitrary values, as attributes or as items: `state.db` and `state["db"]` are the same.

    It holds the very dictionary it is made from, so that what a lifespan put there and what a request adds meet in one
    place. `copy.copy` gives a State with a dictionary of its own. Reading what is not there raises AttributeError (as
    attribute) or KeyError (as item).
    """

    __slots__ = ("__weakref__", "_state")

    _state: dict[str, Any]

    def __init__(self, state: dict[str, Any] | None = None) -> None:
        object.__setattr__(self, "_state", {} if state is None else state)

    def __getattr__(self, name: str) -> Any:
        # Asked before __init__ ran (copy and pickle do that), the slot is empty: looking into it would come back here.
        if name == "_state":
            raise AttributeError(f"{type(self).__name__} is not initialised.")
        try:
            return self._state[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}; nothing has set it.") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self._state[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self._state[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}; nothing has set it.") from None

    def __getitem__(self, key: str) -> Any:
        return self._state[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._state[key] = value

    def __delitem__(self, key: str) -> None:
        del self._state[key]

    def __contains__(self, key: object) -> bool:
        return key in self._state

    def __iter__(self) -> Iterator[str]:
        return iter(self._state)

    def __len__(self) -> int:
        return len(self._state)

    def __bool__(self) -> bool:
        # An empty State is still a State: `if request.state` must not depend on what is in it.
        return True

    def __copy__(self) -> State:
        twin = type(self).__new__(type(self))
        twin.__setstate__(dict(self._state))
        return twin

    def __getstate__(self) -> dict[str, Any]:
        return self._state

    def __setstate__(self, state: dict[str, Any]) -> None:
        object.__setattr__(self, "_state", state)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(sorted(map(str, self._state)))})"
