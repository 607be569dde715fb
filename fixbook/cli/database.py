"""`fixbook database`: look after the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import click

from fixbook.casefile import CaseFileError, load_catalogue
from fixbook.settings import Settings
from fixbook.store import StoreUnavailable, open_store


@click.group()
def command() -> None:
    """Look after the database that FIXBOOK_DATABASE_URL names."""


@command.command()
def upgrade() -> None:
    """Bring the schema up to date. Every process does so at its start too; this is for doing it beforehand."""
    _run(_upgrade)


@command.command()
def sync() -> None:
    """Make the cases of the catalogue those of the database, as the server does at its start."""
    _run(_sync)


async def _upgrade(settings: Settings) -> None:
    async with open_store(settings.database_url) as store:
        click.echo(f"{store.engine.url.render_as_string(hide_password=True)}: up to date")


async def _sync(settings: Settings) -> None:
    cases = load_catalogue(settings.catalogue)
    async with open_store(settings.database_url) as store:
        click.echo(f"{await store.sync_catalogue(cases)} of {len(cases)} cases were new or had changed")


def _run(what: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    try:
        asyncio.run(what(Settings.from_environment()))
    except (StoreUnavailable, RuntimeError, ValueError, CaseFileError) as error:
        raise click.ClickException(str(error)) from error
