"""The group of commands. A command's module is imported when it is run or its help is asked for, not before."""

import importlib
from typing import Final

import click

from asterion import __version__

# Name: where the command is, and what it does in a line (so that listing commands imports none of them).
COMMANDS: Final = {
    "migrate": ("asterion.cli._migrate:migrate", "Rename the imports of Starlette in a code base."),
    "routes": ("asterion.cli._routes:routes", "Show the routes of an application."),
    "run": ("asterion.cli._run:run", "Serve an application with uvicorn."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.command(cls=LazyGroup)
@click.version_option(__version__, message="asterion %(version)s")
def asterion() -> None:
    """Serve, look at and move applications."""
