"""`fixbook export`: write cases in Fixbook's own form."""

from __future__ import annotations

from pathlib import Path

import click

from fixbook.casefile import CASE_FILE, CaseFileError, dumps, load_catalogue, write_case


@click.command()
@click.argument("cases", nargs=-1, metavar="[CASE]...")
@click.option("--catalogue", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of cases.")
@click.option(
    "--into", type=click.Path(file_okay=False, path_type=Path), help="Folder to write to; else one case to stdout."
)
@click.option("--replace", "over", is_flag=True, help="Write over cases that are there.")
def command(cases: tuple[str, ...], catalogue: Path | None, into: Path | None, over: bool) -> None:
    """Write CASEs (all of the catalogue where none is named) as folders of case.md and its script.

    One case without --into goes to standard output.
    """
    try:
        known = {case.id: case for case in load_catalogue(catalogue)}
        if unknown := [name for name in cases if name not in known]:
            raise click.UsageError(f"no case {unknown[0]!r} in the catalogue of {len(known)}")
        chosen = [known[name] for name in cases] or list(known.values())
        if into is None:
            if len(chosen) != 1:
                raise click.UsageError("name one case, or a folder to write to: --into FOLDER")
            click.echo(dumps(chosen[0]), nl=False)
            return
        for case in chosen:
            if (into / case.id / CASE_FILE).exists() and not over:
                raise click.ClickException(f"{into / case.id / CASE_FILE} is there already; --replace writes over it")
            write_case(case, into / case.id)
    except (CaseFileError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{len(chosen)} cases are in {into}")
