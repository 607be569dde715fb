"""Waking workers of other processes and machines: SAQ over Redis.

The queue holds wake-ups and nothing else. A wake-up says that a job may be claimed; which one, the database says. A
Redis that was restarted or flushed has therefore lost no job: workers also look at the database from time to time.

Why SAQ: its worker is a plain asyncio object that runs inside of our own loop, beside the looking; it waits by BLMOVE,
so a wake-up arrives at once; one small, typed package has the queue and its Redis. taskiq keeps Redis in a second
package (taskiq-redis) and brings brokers, result back-ends and middlewares, for a wake-up that has neither arguments
nor a result. arq polls for jobs (every half second by default) and calls itself maintained only.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from redis import asyncio as aioredis
from redis.exceptions import RedisError
from saq import Job, Queue
from saq import Worker as SaqWorker
from saq.queue.redis import RedisQueue

from fixbook.jobs._worker import Worker
from fixbook.settings import Settings
from fixbook.store import Store

__all__ = ["over_redis", "saq_queue", "woken"]

logger = logging.getLogger("fixbook.jobs")

DEQUEUE_SECONDS = 5.0
MOST_WAKE_UPS = 64  # at once; more workers than that find the rest by looking


class _Queue(RedisQueue):
    async def dequeue(self, timeout: float = 0.0, poll_interval: float = 0.0) -> Job | None:
        """Wait for a wake-up. Without a Redis, wait for a second: SAQ would ask again at once, and for ever."""
        try:
            return await super().dequeue(timeout, poll_interval)
        except (RedisError, OSError) as error:
            logger.warning("Redis cannot be reached: %s; jobs are found by looking at the database", error)
            await asyncio.sleep(1.0)
            return None


class _Wakes(SaqWorker[Any]):
    SIGNALS: list[signal.Signals] = []  # noqa: RUF012 - SAQ's own form; whoever runs the worker hears the signals


def saq_queue(settings: Settings) -> Queue:
    """The queue of wake-ups. Raises ValueError if no Redis is set. Nothing is connected yet."""
    if settings.redis_url is None:
        raise ValueError("FIXBOOK_REDIS_URL is not set; write redis://host:6379/0, or run jobs in the server's process")
    # Longer than a wait for a wake-up: a connection that is cut without a word is noticed.
    client = aioredis.from_url(settings.redis_url, socket_connect_timeout=5, socket_timeout=DEQUEUE_SECONDS + 10)
    return _Queue(client, name="fixbook")


@asynccontextmanager
async def over_redis(store: Store, settings: Settings) -> AsyncIterator[None]:
    """While this is entered, each job that is asked for in this process wakes a worker somewhere."""
    queue = saq_queue(settings)
    task = asyncio.create_task(_wake(store, queue))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await _disconnect(queue)


async def _wake(store: Store, queue: Queue) -> None:
    with store.events.listen("queue") as bell:
        while True:
            for _ in range(min(await bell.wait(), MOST_WAKE_UPS)):
                try:
                    await queue.enqueue("wake", timeout=3600, retries=1, ttl=60)
                except (RedisError, OSError) as error:
                    logger.warning("no worker is woken, they find the job by looking: %s", error)


@asynccontextmanager
async def woken(worker: Worker, settings: Settings) -> AsyncIterator[None]:
    """While this is entered, wake-ups of the queue make `worker` take jobs, besides its own looking."""
    queue = saq_queue(settings)

    async def wake(_: Any) -> None:
        await worker.run_one()

    saq = _Wakes(
        queue,
        [("wake", wake)],
        concurrency=worker.slots,
        dequeue_timeout=DEQUEUE_SECONDS,
        cancellation_hard_deadline_s=10.0,
    )
    task = asyncio.create_task(saq.start())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await _disconnect(queue)


async def _disconnect(queue: Queue) -> None:
    with suppress(RedisError, OSError):
        await queue.disconnect()
