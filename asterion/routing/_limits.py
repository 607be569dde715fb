"""A body limit of a route or a mount, which replaces that of what is around it."""

from asterion._core.bodylimits import BODY_LIMIT_COUNTER, RequestBodyTooLarge, check_announced_length, set_body_limit
from asterion.types import Message, Receive, Scope


class LimitedReceive:
    """A `receive` that counts the body of one request. Raises RequestBodyTooLarge (413) above `limit` bytes."""

    def __init__(self, receive: Receive, limit: int | None) -> None:
        self.limit = limit
        self._receive = receive
        self.received = 0

    async def __call__(self) -> Message:
        """The next message, if the body is still within the limit."""
        message = await self._receive()
        self.received += len(message.get("body", b""))
        if self.limit is not None and self.received > self.limit:
            raise RequestBodyTooLarge(self.limit)
        return message


def limit_body(scope: Scope, receive: Receive, limit: int) -> Receive:
    """The `receive` to go on with once `limit` bytes are all that is allowed.

    Raises RequestBodyTooLarge at once if more is announced. Who counts already is told the new limit.
    """
    counted = BODY_LIMIT_COUNTER in scope
    set_body_limit(scope, limit)
    check_announced_length(scope)
    if counted:
        if scope[BODY_LIMIT_COUNTER].received > limit:
            raise RequestBodyTooLarge(limit)  # a middleware has read more than is allowed here
        return receive
    counter = LimitedReceive(receive, limit)
    scope[BODY_LIMIT_COUNTER] = counter
    return counter
