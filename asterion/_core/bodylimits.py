"""How large the body of a request may be, where that is written down, and what is raised above it.

The limit stands in the scope, where the innermost layer that sets one wins: a route may allow more than its
application, or less. Whoever enforces it calls `check_announced_length` once the route is known, and counts what is
received.
"""

from collections.abc import Iterable
from typing import Protocol
from weakref import ref

from asterion.exceptions import HTTPException
from asterion.types import Scope

MAX_BODY_SIZE_SCOPE_KEY = "starlette.max_body_size"

# A weak reference to the object that counts, for layers that were given a copy of the scope: it stands around the
# server's `receive`, which leads to the scope in its turn.
BODY_LIMIT_COUNTER = "asterion.body_limit_counter"

# More digits than any limit; int() refuses thousands of them.
_MAX_DIGITS = 18


class RequestBodyTooLarge(HTTPException):
    """The request has a body of more bytes than are allowed here (413)."""

    def __init__(self, max_body_size: int) -> None:
        super().__init__(413)
        self.max_body_size = max_body_size

    def __reduce__(self) -> tuple[type["RequestBodyTooLarge"], tuple[int]]:
        return type(self), (self.max_body_size,)


class Counter(Protocol):
    """What counts a request's bytes and can be told another limit."""

    limit: int | None

    @property
    def read_so_far(self) -> int: ...


def counter_of(scope: Scope) -> Counter | None:
    """Who counts the body of this request, if somebody does."""
    kept = scope.get(BODY_LIMIT_COUNTER)
    return None if kept is None else kept()


def keep_counter(scope: Scope, counter: Counter) -> None:
    """Let layers further in find `counter`, as long as it counts."""
    scope[BODY_LIMIT_COUNTER] = ref(counter)


def set_body_limit(scope: Scope, limit: int | None) -> None:
    """From here inwards, allow `limit` bytes (None: any number)."""
    scope[MAX_BODY_SIZE_SCOPE_KEY] = limit
    counter = counter_of(scope)
    if counter is not None:
        counter.limit = limit


def announced_length(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """The number in Content-Length, the largest if there are several; None where there is none that can be read."""
    found: int | None = None
    for name, value in headers:
        if name == b"content-length":
            digits = value.strip(b" \t")
            if digits.isdigit():
                length = int(digits) if len(digits) <= _MAX_DIGITS else 10**_MAX_DIGITS
                found = length if found is None else max(found, length)
    return found


def check_announced_length(scope: Scope) -> None:
    """Raise RequestBodyTooLarge if the request announces more than the limit in its scope."""
    limit: int | None = scope.get(MAX_BODY_SIZE_SCOPE_KEY)
    if limit is not None:
        length = announced_length(scope["headers"])
        if length is not None and length > limit:
            raise RequestBodyTooLarge(limit)
