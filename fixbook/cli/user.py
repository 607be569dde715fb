"""`fixbook user`: the administrators, who may start runs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

import click

from fixbook.settings import Settings
from fixbook.store import Store, StoreUnavailable, open_store


@click.group()
def command() -> None:
    """Look after the administrators, who may start runs."""


@command.command()
@click.argument("name")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from the first line of the input.")
def add(name: str, from_stdin: bool) -> None:
    """Add the administrator NAME, or give them a new password and end their sessions."""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)

    async def work(store: Store) -> None:
        await store.add_user(name, password)

    _with_store(work)
    click.echo(f"{name} can log in")


@command.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove the administrator NAME and end their sessions."""
    found: list[bool] = []

    async def work(store: Store) -> None:
        found.append(await store.remove_user(name))

    _with_store(work)
    if not found[0]:
        raise click.ClickException(f"there is no administrator called {name!r}; `fixbook user list` names them")
    click.echo(f"{name} is removed")


@command.command("list")
def list_() -> None:
    """List the administrators."""
    names: list[str] = []

    async def work(store: Store) -> None:
        names.extend(await store.users())

    _with_store(work)
    for name in names:
        click.echo(name)


def _with_store(work: Callable[[Store], Awaitable[None]]) -> None:
    async def run() -> None:
        async with open_store(Settings.from_environment().database_url) as store:
            await work(store)

    try:
        asyncio.run(run())
    except (StoreUnavailable, RuntimeError, ValueError) as error:
        raise click.ClickException(str(error)) from error
