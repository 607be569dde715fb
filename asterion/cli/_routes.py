"""`asterion routes`: the route table of an application, in the order in which routes are tried."""

import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import click

from asterion.cli._locate import import_target


class Row(NamedTuple):
    """A line of the table: methods (or what else the route is), the path with its prefix, name and endpoint."""

    kind: str
    path: str
    name: str
    endpoint: str


def rows(found: Any, prefix: str = "") -> Iterator[Row]:
    """The routes of whatever has a list `routes`, those of mounted applications below them, in their order."""
    for route in getattr(found, "routes", None) or ():
        path = prefix + (getattr(route, "path", None) or "")
        host = getattr(route, "host", None)
        if isinstance(host, str):
            path = f"{prefix}{host}"
        below = list(rows(route, path))
        yield Row(
            _kind(route, below), path or "/", getattr(route, "name", None) or "", "" if below else _endpoint(route)
        )
        yield from below


def _kind(route: Any, below: list[Row]) -> str:
    methods = getattr(route, "methods", None)
    if methods:
        return " ".join(sorted(methods))
    name = type(route).__name__
    if "WebSocket" in name:
        return "WebSocket"
    if isinstance(getattr(route, "host", None), str):
        return "host"
    return "mount" if below or (hasattr(route, "app") and not hasattr(route, "endpoint")) else "any"


def _endpoint(route: Any) -> str:
    endpoint: Any = getattr(route, "endpoint", None)
    if endpoint is None:
        endpoint = getattr(route, "app", None)
    if endpoint is None:
        return ""
    while hasattr(endpoint, "func"):  # partials
        endpoint = endpoint.func
    named: Any = endpoint if hasattr(endpoint, "__qualname__") else type(endpoint)
    return f"{named.__module__}.{named.__qualname__}"


@click.command(name="routes", short_help="Show the routes of an application.")
@click.option("--dropin", is_flag=True, help="Put Asterion in Starlette's place.")
@click.option("--app-dir", default="", help="Look for the module in this folder too.  [default: the current one]")
@click.option("--factory", is_flag=True, help="The target is a function that returns the application.")
@click.argument("target", metavar="MODULE:APP")
def routes(dropin: bool, app_dir: str, factory: bool, target: str) -> None:
    """Show the routes of an application in the order in which they are tried; the first that matches answers."""
    sys.path.insert(0, app_dir)
    if dropin:
        from asterion.dropin import install

        install()
    found = import_target(target)
    if factory:
        found = found()
    if not hasattr(found, "routes"):
        hint = "; --factory if it is a function that returns the application" if callable(found) else ""
        raise click.ClickException(f"{target!r} is {found!r}, which has no routes{hint}")
    _show(list(rows(found)))


def _show(table_rows: list[Row]) -> None:
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ModuleNotFoundError:
        for row in table_rows:
            click.echo("\t".join(row))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("Methods", "Path", "Name", "Endpoint"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "Path")
    for row in table_rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: `[id]` in a path is no markup
    # Piped into another program, a line is as long as it needs to be.
    console = Console() if sys.stdout.isatty() else Console(width=1000)
    console.print(table, soft_wrap=not sys.stdout.isatty())
