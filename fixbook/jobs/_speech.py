"""What a running job says, on its way to the store: pieces that came together are kept as one."""

from __future__ import annotations

import asyncio
import logging

from fixbook.execution import Event
from fixbook.store import Job, Store, StoreUnavailable

__all__ = ["Speech"]

logger = logging.getLogger("fixbook.jobs")

PIECE = 65_536  # characters


class Speech:
    """Hears events, and tells the store in the background. All of it stands in the run as well, once that is there."""

    def __init__(self, store: Store, job: Job, worker: str) -> None:
        self.store = store
        self.job = job
        self.worker = worker
        self._heard: list[tuple[str, str]] = []
        self._news = asyncio.Event()
        self._over = False

    def hear(self, event: Event) -> None:
        """Take an event. Costs no waiting."""
        stream = event.stream or "state"
        self._heard.append((stream, event.text))
        self._news.set()

    async def tell(self) -> None:
        """Tell the store until `end`. Raises JobLost when the job is somebody else's by now."""
        while not self._over or self._heard:
            await self._news.wait()
            self._news.clear()
            heard, self._heard = self._heard, []
            for stream, text in _joined(heard):
                try:
                    await self.store.append_output(self.job.id, self.worker, text, stream, self.job.attempt)
                except StoreUnavailable as error:
                    logger.warning("output of the job %d is not shown while it runs: %s", self.job.id, error)

    async def end(self, telling: asyncio.Task[None]) -> None:
        """Wait until all that was heard is told."""
        self._over = True
        self._news.set()
        await telling


def _joined(heard: list[tuple[str, str]]) -> list[tuple[str, str]]:
    joined: list[tuple[str, str]] = []
    for stream, text in heard:
        if joined and joined[-1][0] == stream != "state" and len(joined[-1][1]) + len(text) <= PIECE:
            joined[-1] = (stream, joined[-1][1] + text)
        else:
            joined.append((stream, text))
    return joined
