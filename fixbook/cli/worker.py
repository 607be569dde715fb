"""`fixbook worker`: run queued verifications, beside others on this machine or on any."""

from __future__ import annotations

import asyncio
import logging
import signal
from dataclasses import replace

import click

from fixbook.jobs import work
from fixbook.settings import Settings
from fixbook.store import StoreUnavailable, open_store


@click.command()
@click.option("--slots", type=click.IntRange(1, 64), help="Jobs at the same time; by default FIXBOOK_WORKERS.")
def command(slots: int | None) -> None:
    """Run queued verifications until it is told to end (SIGINT, SIGTERM); jobs at hand are given back then.

    FIXBOOK_DATABASE_URL says where the jobs are. Where FIXBOOK_REDIS_URL is set a worker is woken at once by it, and
    else it looks at the database every few seconds. Any number of workers may run, on any number of machines.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        settings = Settings.from_environment()
        asyncio.run(_run(replace(settings, workers=slots or settings.workers or 1)))
    except (StoreUnavailable, RuntimeError, ValueError) as error:
        raise click.ClickException(str(error)) from error


async def _run(settings: Settings) -> None:
    async with open_store(settings.database_url) as store:
        working = asyncio.create_task(work(store, settings))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, working.cancel)
        logging.getLogger("fixbook.jobs").info("waiting for jobs, %d at a time", settings.workers)
        try:
            await working
        except asyncio.CancelledError:
            logging.getLogger("fixbook.jobs").info("the worker has ended; its jobs are given back")
