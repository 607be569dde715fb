"""`fixbook find`: rank the known cases by a traceback or a message."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from fixbook.casefile import CaseFileError, load_catalogue
from fixbook.finding import rank

_MOST = 64 * 1024 * 1024


@click.command()
@click.argument("text", nargs=-1)
@click.option("--catalogue", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of cases.")
@click.option("--limit", default=5, show_default=True, type=click.IntRange(1, 100), help="Cases to tell of.")
@click.option("--json", "as_json", is_flag=True, help="Print the matches as JSON.")
def command(text: tuple[str, ...], catalogue: Path | None, limit: int, as_json: bool) -> None:
    """Rank the known cases by TEXT, or by what stands in standard input: a traceback, a log, a message.

    Exit status: 0 if a case was found, 1 if none was, 2 if the question or the catalogue cannot be read.
    """
    asked = " ".join(text) if text else sys.stdin.buffer.read(_MOST).decode("utf-8", "replace")
    if not asked.strip():
        raise click.UsageError("there is no text to look for; name it, or pipe a traceback in")
    try:
        cases = load_catalogue(catalogue)
    except CaseFileError as error:
        raise click.UsageError(str(error)) from error
    found = rank(asked, cases, limit)
    if as_json:
        rows = [{"case": m.case.id, "title": m.case.title, "score": m.score, "reasons": list(m.reasons)} for m in found]
        click.echo(json.dumps(rows, indent=1))
    elif not found:
        click.echo(f"none of {len(cases)} cases explains this")
    else:
        for match in found:
            fixed = f", fixed in {match.case.first_fixed}" if match.case.first_fixed else ""
            click.echo(f"{match.score:4.0%}  {match.case.id}: {match.case.title or match.case.summary or ''}{fixed}")
            for reason in match.reasons:
                click.echo(f"      {reason}")
    sys.exit(0 if found else 1)
