"""Telling the other tasks of this process that something in the store has changed.

A bell carries no facts: who is woken asks the database. What changes in another process rings no bell here, so whoever
waits for such changes also looks from time to time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Bell", "Events"]


class Bell:
    """Waits for the topics it was made for. Rings while nobody waits are kept."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._count = 0

    def ring(self) -> None:
        """Wake the waiting task, or let its next wait return at once."""
        self._count += 1
        self._rung.set()

    async def wait(self, timeout: float | None = None) -> int:
        """How often it rang since the last time, at least 1; 0 after `timeout` seconds without a ring."""
        try:
            async with asyncio.timeout(timeout):
                await self._rung.wait()
        except TimeoutError:
            pass
        count, self._count = self._count, 0
        self._rung.clear()
        return count


class Events:
    """The bells of one store. Topics: `"queue"` (a job may be claimed), `"job:<id>"`, `"case:<id>"`."""

    def __init__(self) -> None:
        self._bells: dict[str, set[Bell]] = {}

    @contextmanager
    def listen(self, *topics: str) -> Iterator[Bell]:
        """A bell that rings at these topics for as long as the context is entered."""
        bell = Bell()
        for topic in topics:
            self._bells.setdefault(topic, set()).add(bell)
        try:
            yield bell
        finally:
            for topic in topics:
                bells = self._bells[topic]
                bells.discard(bell)
                if not bells:
                    del self._bells[topic]

    def ring(self, *topics: str) -> None:
        """Wake everybody who listens to one of `topics`."""
        for topic in topics:
            for bell in tuple(self._bells.get(topic, ())):
                bell.ring()
