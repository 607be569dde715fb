"""One field of the form in a body that somebody else is going to read.

Law: whoever reads the body afterwards gets every message of it, in order, whether by a request or by `receive`.
"""

from asterion._core.forms import MultiPartException
from asterion.formparsers import MissingFormLibrary
from asterion.formparsers._field import FieldFinder
from asterion.requests import Request
from asterion.requests._kept import BODY
from asterion.types import Message, Receive


class LookedAt:
    """A `receive` that first gives again what was taken from it.

    It stands for the same body as the one that it names in `counted` (`asterion.requests`).
    """

    __slots__ = ("__weakref__", "counted", "messages")

    def __init__(self, receive: Receive) -> None:
        self.counted = receive
        self.messages: list[Message] = []

    async def __call__(self) -> Message:
        return self.messages.pop(0) if self.messages else await self.counted()

    async def look(self) -> Message:
        """The next message, which will be given again."""
        message = await self.counted()
        self.messages.append(message)
        return message


async def field_of(request: Request, name: str, receive: LookedAt, limit: int) -> str | None:
    """The text field `name` of the form in the body, as far as it comes within `limit` bytes; None without one.

    What is read for it is kept in `receive`, which the next reader gets.
    """
    try:
        finder = FieldFinder(request.headers, name)
        if not finder.fits:
            return None
        kept = request.scope.get(BODY)
        if kept is not None and kept.is_from(receive):
            # A layer further out has read it.
            return await _kept_field(request, name)
        size, more = 0, True
        while more and size < limit and finder.value is None:
            message = await receive.look()
            more = message["type"] == "http.request" and bool(message.get("more_body"))
            chunk = bytes(message.get("body") or b"")
            # A server may hand over any number of bytes at once; no more of them are looked through.
            within = chunk[: limit - size]
            size += len(chunk)
            finder.feed(within, is_last=not more and len(within) == len(chunk))
    except (MultiPartException, MissingFormLibrary):
        return None
    return finder.value


async def _kept_field(request: Request, name: str) -> str | None:
    try:
        value = (await request.form()).get(name)
    except RuntimeError:  # it was read as a stream, and is gone
        return None
    return value if isinstance(value, str) else None
