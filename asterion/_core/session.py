"""The data of one visitor's session: a dict that notes what is done with it."""

from collections.abc import Iterable, Iterator
from typing import Any

from asterion._core.scopekeys import KEPT_CSRF

__all__ = ("Session",)


class Session(dict[str, Any]):
    """The data of one session, to be read and changed like any dict with values that JSON can hold.

    `accessed` turns true when it is read, `modified` when it is changed at its top level; a change inside of a value is
    found by comparing when the response starts. `started_at` is when it began, in seconds since 1970, where its
    middleware keeps that.
    """

    accessed = False
    modified = False
    regenerated = False
    started_at: int | None = None
    __hash__ = None

    def regenerate(self, keep: Iterable[str] | None = None) -> None:
        """Begin a new session for this visitor, at log-in and wherever what he may do changes (session fixation).

        Of the contents only the keys in `keep` stay, or all if that is None; what the toolkit itself keeps against
        forged requests never does, and the session's age begins anew. A store on the server that provides such a
        session finds `regenerated` true and gives it a new identifier.
        """
        kept = set(dict.keys(self) if keep is None else keep) - {KEPT_CSRF}
        for key in [key for key in dict.keys(self) if key not in kept]:
            dict.__delitem__(self, key)
        self.started_at = None
        self.regenerated = True
        self.mark_modified()

    def mark_accessed(self) -> None:
        """Say that the response depends on the session."""
        self.accessed = True

    def mark_modified(self) -> None:
        """Say that the session must be written."""
        self.accessed = True
        self.modified = True

    def __getitem__(self, key: str) -> Any:
        self.accessed = True
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.accessed = True
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self.accessed = True
        return super().__contains__(key)

    def __iter__(self) -> Iterator[str]:
        self.accessed = True
        return super().__iter__()

    def __len__(self) -> int:
        self.accessed = True
        return super().__len__()

    def __eq__(self, other: object) -> bool:
        self.accessed = True
        return super().__eq__(other)

    def copy(self) -> dict[str, Any]:
        self.accessed = True
        return super().copy()

    def keys(self) -> Any:
        self.accessed = True
        return super().keys()

    def values(self) -> Any:
        self.accessed = True
        return super().values()

    def items(self) -> Any:
        self.accessed = True
        return super().items()

    def __setitem__(self, key: str, value: Any) -> None:
        self.mark_modified()
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self.mark_modified()
        super().__delitem__(key)

    def clear(self) -> None:
        self.mark_modified()
        self.started_at = None  # what is put into it now is another session
        super().clear()

    def pop(self, key: str, *args: Any) -> Any:
        self.modified = key in self or self.modified
        return super().pop(key, *args)

    def popitem(self) -> tuple[str, Any]:
        self.mark_modified()
        return super().popitem()

    def setdefault(self, key: str, default: Any = None) -> Any:
        self.modified = key not in self or self.modified
        return super().setdefault(key, default)

    def update(self, *args: Any, **kwargs: Any) -> None:
        self.mark_modified()
        super().update(*args, **kwargs)

    def __ior__(self, other: Any, /) -> "Session":  # type: ignore[override,misc]
        self.update(other)
        return self
