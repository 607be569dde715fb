"""`fixbook doctor`: which cases affect the versions installed in an interpreter."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import click

from fixbook.casefile import CaseFileError, load_catalogue
from fixbook.doctor import DoctorError, Report, Verdict, confirm, examine
from fixbook.model import plain


@click.command()
@click.argument("python", required=False)
@click.option("--catalogue", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of cases.")
@click.option("--run", is_flag=True, help="Run the reproductions on the installed versions.")
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="Where environments are kept.")
@click.option("--all", "everything", is_flag=True, help="Tell of the cases as well that do not affect anything.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(
    python: str | None, catalogue: Path | None, run: bool, cache: Path | None, everything: bool, as_json: bool
) -> None:
    """Tell which cases affect the versions installed in PYTHON: an interpreter, or the folder of a virtual environment.

    Without PYTHON it is the interpreter that runs this command. Exit status: 0 if no case affects it, 1 if one does,
    2 if that cannot be told.
    """
    try:
        report = examine(python, load_catalogue(catalogue))
    except (DoctorError, CaseFileError) as error:
        click.echo(f"fixbook doctor: {error}", err=True)
        sys.exit(2)
    if run:
        report = asyncio.run(confirm(report, cache=cache))
    click.echo(json.dumps(_as_json(report), indent=1) if as_json else _as_text(report, everything))
    sys.exit(report.exit_code)


def _as_json(report: Report) -> dict[str, object]:
    return {
        "python": report.python,
        "version": report.version,
        "packages": dict(report.packages),
        "findings": [
            {
                "case": finding.case.id,
                "title": finding.case.title,
                "package": finding.package,
                "version": finding.version,
                "verdict": finding.verdict.value,
                "reason": finding.reason,
                "first_fixed": finding.case.first_fixed,
                "run": plain(finding.run),
            }
            for finding in report.findings
        ],
        "exit_code": report.exit_code,
    }


def _as_text(report: Report, everything: bool) -> str:
    lines = [f"{report.python}: Python {report.version}, {len(report.packages)} packages"]
    for finding in report.findings:
        if everything or finding.verdict is not Verdict.CLEAR:
            about = finding.case.title or finding.case.summary or ""
            lines.append(f"{finding.verdict.value}: {finding.case.id} ({finding.package} {finding.version}) {about}")
            lines.append(f"    {finding.reason}")
    counts = {verdict: sum(finding.verdict is verdict for finding in report.findings) for verdict in Verdict}
    lines.append(", ".join(f"{count} {verdict.value}" for verdict, count in counts.items()))
    return "\n".join(lines)
