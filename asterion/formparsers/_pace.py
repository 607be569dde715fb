"""How forms share the event loop: in slices, with a turn for others in between.

A server that has a body in memory already hands it over without ever waiting, so that a form that is read to its end in
one go would hold the loop for as long as all of it takes.
"""

from collections.abc import Iterator

import anyio.lowlevel

SLICE = 64 * 1024
"""Bytes that are read at once, at most."""


def slices(chunk: bytes) -> Iterator[bytes]:
    """`chunk` in pieces of at most `SLICE` bytes."""
    if len(chunk) <= SLICE:
        yield chunk if type(chunk) is bytes else bytes(chunk)
        return
    for start in range(0, len(chunk), SLICE):
        yield bytes(chunk[start : start + SLICE])


class Pace:
    """Counts the bytes of a form since others had a turn."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = SLICE

    def is_due(self, size: int) -> bool:
        """Whether it is time for a turn (`turn`) now that `size` more bytes were read."""
        self._left -= size
        return self._left <= 0

    async def turn(self) -> None:
        """Let others run."""
        self._left = SLICE
        await anyio.lowlevel.checkpoint()
