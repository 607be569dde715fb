"""`fixbook check`: read case folders and report what is wrong with them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

import fixbook
from fixbook.casefile import CASE_FILE, CaseFileError, read_case
from fixbook.model import Case, Role


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[PATH]...")
@click.option("--quiet", is_flag=True, help="Only tell what is wrong.")
def command(paths: tuple[Path, ...], quiet: bool) -> None:
    """Check the case folders PATH, or folders of them (the catalogue that comes with Fixbook where none is named).

    Exit status: 0 if all of them can be read and say what runs need, 1 otherwise.
    """
    wrong = 0
    roots = paths or (Path(fixbook.__file__).parent / "catalogue",)
    folders = [folder for root in roots for folder in _folders(root)]
    for folder in folders:
        try:
            told = _wanting(read_case(folder), folder)
        except CaseFileError as error:
            told = [str(error)]
        for message in told:
            click.echo(message)
        wrong += bool(told)
        if not told and not quiet:
            click.echo(f"{folder.name}: sound")
    if not folders:
        click.echo(f"no {CASE_FILE} in {', '.join(map(str, roots))}", err=True)
        sys.exit(1)
    click.echo(f"{len(folders)} cases, {wrong} with something wrong")
    sys.exit(1 if wrong else 0)


def _folders(root: Path) -> list[Path]:
    if root.name == CASE_FILE:
        return [root.parent]
    if (root / CASE_FILE).is_file() or not root.is_dir():
        return [root]
    return sorted(path.parent for path in root.glob(f"*/{CASE_FILE}"))


def _wanting(case: Case, folder: Path) -> list[str]:
    """What can be read, and is not enough."""
    place = folder / CASE_FILE
    found = []
    if case.id != folder.resolve().name:
        found.append(f"{place}: the case {case.id!r} stands in a folder of another name")
    reproduction = case.reproduction
    if reproduction is None or not reproduction.targets:
        return found
    if reproduction.package is None:
        found.append(f"{place}: there are targets, and no `package` to install")
    if reproduction.broken is None or reproduction.right is None:
        found.append(f"{place}: there are targets, and not both of `broken` and `right` are declared")
    fixed = reproduction.target(Role.FIXED)
    if fixed is not None and case.first_fixed is not None and fixed.version != case.first_fixed:
        found.append(f"{place}: first_fixed is {case.first_fixed}, and the target `fixed` has {fixed.version}")
    return found
