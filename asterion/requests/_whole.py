"""A large body, put together while it comes.

To join its pieces at the end would hold the event loop for as long as the system takes to find that much memory: 10 ms
for 32 MiB. A buffer that grows with it is moved now and then, which is the same again. So there is room for all of it
from 8 MiB on: memory that was never written to is none yet, and each piece takes its part.
"""

from io import BytesIO

MEBIBYTE = 1024 * 1024
FIRST_ROOM = 8 * MEBIBYTE
"""For a body of which 1 MiB has come. To move so much takes 2 ms."""

ROOM = 32 * MEBIBYTE
"""For one of more than `FIRST_ROOM`: the largest that is kept where nobody has set another limit."""


def _with_room(size: int) -> BytesIO:
    # Zeros come from the system, which has them ready (calloc), and the file writes to the bytes that it was given, as
    # nobody else has them (CPython; elsewhere it makes a copy).
    return BytesIO(bytes(size))


class WholeBody:
    """Takes the pieces of a body, and gives it as a whole."""

    __slots__ = ("_file", "_room", "size")

    def __init__(self) -> None:
        self.size = 0
        self._room = FIRST_ROOM
        self._file = _with_room(FIRST_ROOM)

    def write(self, piece: bytes) -> None:
        """Take the next piece."""
        self.size += len(piece)
        if self.size > self._room:
            self._move()
        self._file.write(piece)

    def _move(self) -> None:
        if self._room == FIRST_ROOM:
            larger = _with_room(ROOM)
            larger.write(self.getvalue())
            self._file, self._room = larger, ROOM

    def getvalue(self) -> bytes:
        """All that was written, without a copy of it."""
        self._file.truncate()  # at the end of what was written last
        return self._file.getvalue()
