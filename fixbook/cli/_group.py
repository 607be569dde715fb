"""The group of all commands. What a command imports (a database, a server) is loaded with it and not before."""

from importlib import import_module
from importlib.util import find_spec

import click

from fixbook import __version__

_COMMANDS = {
    # name: (module in this package, what the list of commands says of it)
    "import": ("import_", "Read pages of other sites and write them as case folders."),
    "export": ("export", "Write cases in Fixbook's own form, one folder each."),
    "check": ("check", "Check case folders and report what is wrong, with line."),
    "find": ("find", "Rank the known cases by a traceback or a message."),
    "doctor": ("doctor", "Tell which cases affect the versions installed in an interpreter."),
    "verify": ("verify", "Run the reproductions of cases and judge what they show."),
    "serve": ("serve", "Serve the site."),
    "worker": ("worker", "Run queued verifications."),
    "database": ("database", "Look after the database."),
    "user": ("user", "Look after the administrators."),
}


class _Commands(click.Group):
    """A group whose members are modules, imported one by one as they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands that are there."""
        return [name for name, (module, _) in _COMMANDS.items() if find_spec(f"fixbook.cli.{module}") is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, or `None` where there is none."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command = import_module(f"fixbook.cli.{_COMMANDS[cmd_name][0]}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"fixbook.cli.{_COMMANDS[cmd_name][0]}.command is {command!r}, not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        rows = [(name, _COMMANDS[name][1]) for name in self.list_commands(ctx)]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fixbook")
def fixbook() -> None:
    """Known failures, with every fix executed."""
