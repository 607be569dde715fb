"""The words of the exchange: what an inner application's messages mean at present, and how dispatch is put aside."""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any


class State(IntEnum):
    """What an inner application's messages mean at present."""

    NEW = 0
    """It has not been called."""
    WAITING = 1
    """No start yet: dispatch waits in `call_next`."""
    HELD = 2
    """Its start is in the hands of dispatch."""
    READING = 3
    """Its body is taken chunk by chunk."""
    LAST = 4
    """Everything goes through, and the last body message is waited for."""
    PASSING = 5
    """Everything goes straight through."""
    UNWANTED = 6
    """Nobody wants its response any more."""


class Unwanted(OSError):
    """Raised by `send` for an inner application that keeps sending a response nobody wants."""


NEW, WAITING, HELD, READING, LAST, PASSING, UNWANTED = State  # for the hot paths, where a look-up less counts

PARKED: Any = object()
"""What a stepped dispatch gives when it has been put aside."""


class _Park:
    """Awaiting it puts the running dispatch aside. Seen by the exchange that steps it, never by an event loop."""

    def __await__(self) -> Iterator[Any]:
        return iter(_PARKED_ONCE)


_PARKED_ONCE = (PARKED,)
PARK: Any = _Park()
