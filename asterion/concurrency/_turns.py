"""Turns for others: what works on for long without ever waiting lets the event loop go on with what else is due."""

import time
from collections.abc import Generator
from typing import TypeVar

import anyio.lowlevel

T = TypeVar("T")

SECONDS_PER_TURN = 0.004
"""How long the event loop may be kept before others have a turn."""


class Turns:
    """Knows since when the event loop has been kept. Looking at the clock is all it costs while that is not long."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since = time.monotonic()

    async def give(self) -> None:
        """Let others run, if the last time is more than `SECONDS_PER_TURN` ago."""
        if time.monotonic() - self._since > SECONDS_PER_TURN:
            await anyio.lowlevel.checkpoint()
            self._since = time.monotonic()


async def in_turns(steps: Generator[None, None, T]) -> T:
    """What `steps` returns at its end; others have a turn between two steps when it has kept the loop for long."""
    turns = Turns()
    try:
        while True:
            try:
                next(steps)
            except StopIteration as end:
                value: T = end.value
                return value
            await turns.give()
    finally:
        steps.close()
