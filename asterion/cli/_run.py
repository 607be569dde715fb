"""`asterion run`: uvicorn's command line, with a check of the target and the drop-in."""

import sys
from typing import Any

import click

from asterion.cli._locate import check_module, import_target, split


@click.command(
    name="run",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": True},
    short_help="Serve an application with uvicorn.",
    epilog="Every other option goes to uvicorn as it is; `uvicorn --help` lists them.",
)
@click.option("--dropin", is_flag=True, help="Put Asterion in Starlette's place, here and in every worker.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="MODULE:APP [UVICORN'S OPTIONS]")
def run(dropin: bool, arguments: tuple[str, ...]) -> None:
    """Serve an application with uvicorn.

    \b
    asterion run main:app
    asterion run --dropin main:app --reload
    asterion run main:app --host 0.0.0.0 --port 80 --workers 4 --proxy-headers --log-level warning
    asterion run main:app --uds /run/app.sock
    """
    if not arguments:
        raise click.UsageError("name the application, as in: asterion run main:app")
    try:
        from uvicorn.main import main as server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "uvicorn":
            raise
        raise click.ClickException("there is no uvicorn to serve with; pip install 'asterion[server]'") from None
    if dropin:
        _turn_on()
    context = server.make_context("asterion run", list(arguments))
    with context:
        _check(context.params)
        server.invoke(context)


def _turn_on() -> None:
    from asterion.dropin import turn_on

    try:
        turn_on()
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error


def _check(options: dict[str, Any]) -> None:
    """Say what is wrong with the target before the server starts: in its workers, each of them would say it."""
    sys.path.insert(0, options.get("app_dir") or "")
    module, _ = split(options["app"])
    if options.get("reload") or (options.get("workers") or 1) > 1:
        check_module(module)  # the workers import it, not this process
    else:
        import_target(options["app"])
