"""The counting of a request's body, by a limit that layers further in may replace.

Law: every layer that sets a limit counts what passes through it. A layer in between may put another body in place of
the one that was sent (one that decompresses, say), and then what is counted further out is not what the inner
application gets.
"""

from asterion._core.bodylimits import (
    MAX_BODY_SIZE_SCOPE_KEY,
    Counter,
    RequestBodyTooLarge,
    check_announced_length,
    counter_of,
    keep_counter,
    set_body_limit,
)
from asterion.types import Message, Receive, Scope


class LimitedReceive:
    """A `receive` that counts the body of one request.

    Raises RequestBodyTooLarge (413) where more than `limit` bytes are announced or come, and again whenever it is
    called after that. It stands for the same body as the `receive` it counts, and is equal to it: what that one has
    read and kept is found with this one (`asterion.requests`).
    """

    __slots__ = ("__weakref__", "_limit", "_outer", "_own_limit", "_scope", "counted", "received", "refused")

    def __init__(self, scope: Scope, receive: Receive, limit: int, outer: Counter | None = None) -> None:
        self._scope = scope
        self.counted = receive
        self._own_limit = limit
        self._limit: int | None = limit
        self._outer = outer
        self.received = 0
        self.refused: int | None = None
        """The limit above which the body was found to be."""

    @property
    def limit(self) -> int | None:
        """How many bytes may come: what a layer further in has set, here or in this very scope."""
        # Whoever has a copy of the scope tells the counter; others may just write into this one.
        written: int | None = self._scope.get(MAX_BODY_SIZE_SCOPE_KEY, self._own_limit)
        return self._limit if written == self._own_limit else written

    @limit.setter
    def limit(self, value: int | None) -> None:
        self._limit = value
        if self._outer is not None:
            self._outer.limit = value

    @property
    def read_so_far(self) -> int:
        """How many bytes were read, here or further out."""
        return self.received if self._outer is None else max(self.received, self._outer.read_so_far)

    async def __call__(self) -> Message:
        """The next message, if the body is still within the limit."""
        if self.refused is not None:
            raise RequestBodyTooLarge(self.refused)
        limit = self.limit
        if not self.received:
            self.check_announced()
        message = await self.counted()
        if message["type"] == "http.request":
            self.received += len(message.get("body", b""))
            if limit is not None and self.received > limit:
                self.refused = limit
                raise RequestBodyTooLarge(limit)
        return message

    def check_announced(self) -> None:
        """Raise RequestBodyTooLarge if the request announces more than the limit."""
        try:
            check_announced_length({**self._scope, MAX_BODY_SIZE_SCOPE_KEY: self.limit})
        except RequestBodyTooLarge as error:
            self.refused = error.max_body_size
            raise

    def __eq__(self, other: object) -> bool:
        return self is other or self.counted == other

    def __hash__(self) -> int:
        return hash(self.counted)


def limit_body(scope: Scope, receive: Receive, limit: int, *, early: bool = True) -> Receive:
    """The `receive` to go on with once `limit` bytes are all that is allowed. Who counts already is told so.

    Raises RequestBodyTooLarge at once if a layer further out has read more, and, with `early`, if more is announced.
    """
    set_body_limit(scope, limit)
    if early:
        check_announced_length(scope)
    outer = counter_of(scope)
    if outer is not None and outer.read_so_far > limit:
        raise RequestBodyTooLarge(limit)
    counter = LimitedReceive(scope, receive, limit, outer)
    keep_counter(scope, counter)
    return counter
