"""`fixbook import`: read pages of other sites and write them as case folders."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from fixbook.casefile import CASE_FILE, CaseFileError, write_case
from fixbook.pages import LIMIT, Page, UnreadablePage, read_page


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--into", default="cases", show_default=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--package", help="The distribution that the pages are about; they do not say.")
@click.option("--replace", "over", is_flag=True, help="Write over cases that are there.")
@click.option("--proposals", is_flag=True, help="Write proposed forms of damaged code beside the case, to look at.")
@click.option("--dry-run", is_flag=True, help="Only read and report.")
def command(
    paths: tuple[Path, ...], into: Path, package: str | None, over: bool, proposals: bool, dry_run: bool
) -> None:
    """Read the pages PATH (files, or folders of .txt and .md files) and write each as a case folder.

    What cannot be taken over is printed as PATH:LINE: and kept in the case's source. Exit status: 0 if every page was
    written, 1 if one was not.
    """
    failed = written = 0
    for path in _files(paths):
        try:
            page = read_page(_read(path), name=path.name)
            _report(path, page)
            if not dry_run:
                _write(page, into, package, over, proposals)
            written += 1
        except (UnreadablePage, CaseFileError, OSError) as error:
            failed += 1
            told = f"{path}: {error.strerror or error}" if isinstance(error, OSError) else str(error)
            click.echo(told, err=True)
    click.echo(f"{written} pages read, {failed} refused" + ("" if dry_run else f"; the cases are in {into}"))
    sys.exit(1 if failed else 0)


def _files(paths: tuple[Path, ...]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found.extend(sorted(one for one in path.iterdir() if one.suffix in (".txt", ".md") and one.is_file()))
        else:
            found.append(path)
    return found


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LIMIT + 1)


def _report(path: Path, page: Page) -> None:
    for problem in page.problems:
        click.echo(f"{path}:{problem.line}: {problem.message}" if problem.line else f"{path}: {problem.message}")


def _write(page: Page, into: Path, package: str | None, over: bool, proposals: bool) -> None:
    case = replace(page.case, package=package or page.case.package)
    folder = into / case.id
    if (folder / CASE_FILE).exists() and not over:
        raise CaseFileError("there is such a case already; --replace writes over it", name=str(folder / CASE_FILE))
    write_case(case, folder)
    if proposals and page.proposal is not None:
        (folder / "proposal.py").write_text(page.proposal, encoding="utf-8")
