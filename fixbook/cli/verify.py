"""`fixbook verify`: run reproductions, watch them, and judge."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from fixbook.casefile import load_catalogue
from fixbook.execution import Event, Limits, execute, plan, record_runs
from fixbook.model import Case, Outcome, Role, Run, Target, plain

CONFIRMED, CONTRADICTED, NOT_VERIFIED = 0, 1, 3

_COLOURS = {True: "green", False: "red", None: "yellow"}


@click.command()
@click.argument("cases", nargs=-1, metavar="[CASE]...")
@click.option("--catalogue", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of cases.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice([role.value for role in Role]),
    help="Only these targets; repeatable.",
)
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1, 64), help="Runs at the same time.")
@click.option("--seconds", default=60.0, show_default=True, type=click.FloatRange(min=0.1), help="Limit for one run.")
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="Where environments are kept.")
@click.option(
    "--record",
    is_flag=False,
    flag_value="",
    metavar="[FOLDER]",
    help="Write what was seen as CASE/runs.json in FOLDER; beside each case where none is given.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the runs as JSON.")
def command(
    cases: tuple[str, ...],
    catalogue: Path | None,
    roles: tuple[str, ...],
    jobs: int,
    seconds: float,
    cache: Path | None,
    record: str | None,
    as_json: bool,
) -> None:
    """Run the reproductions of CASEs (all of the catalogue where none is named) and judge what they show.

    Exit status: 0 if everything that was declared was seen, 1 if something else was, 3 if something could not be run.
    """
    chosen = _chosen(cases, catalogue)
    work = [(case, target) for case in chosen for target in plan(case, [Role(role) for role in roles] or None)]
    if not work:
        raise click.UsageError("there is nothing to run: no reproduction with these targets")
    runs = asyncio.run(_verify(work, jobs, Limits(seconds=seconds), cache, Console(stderr=True, quiet=as_json)))
    if record is not None:
        for case in chosen:
            seen = [run for run in runs if run.case == case.id and run.confirmed is not None]
            if seen:
                record_runs(case.id, seen, Path(record) if record else catalogue)
    if as_json:
        click.echo(json.dumps([plain(run) for run in runs], indent=1))
    else:
        _show(runs, Console())
    sys.exit(_status(runs))


def _chosen(names: tuple[str, ...], catalogue: Path | None) -> list[Case]:
    known = {case.id: case for case in load_catalogue(catalogue)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise click.UsageError(f"no case {unknown[0]!r} in the catalogue of {len(known)}; `fixbook check` lists them")
    return [known[name] for name in names] if names else list(known.values())


async def _verify(
    work: list[tuple[Case, Target]], jobs: int, limits: Limits, cache: Path | None, console: Console
) -> list[Run]:
    """Run everything, `jobs` at a time, with a bar for the whole and a line for each that is running."""
    runs: dict[int, Run] = {}
    waiting = list(enumerate(work))
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        whole = progress.add_task("verified", total=len(work))

        async def worker() -> None:
            line = progress.add_task("", total=None)
            while waiting:
                number, (case, target) = waiting.pop(0)

                def note(event: Event, about: str = f"{case.id}, {target.role}") -> None:
                    if event.kind == "state":
                        progress.update(line, description=f"{about}: {event.text.splitlines()[0][:70]}")

                runs[number] = await execute(case, target, limits=limits, cache=cache, on_event=note)
                progress.advance(whole)
            progress.remove_task(line)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(jobs, len(work))):
                group.create_task(worker())
    return [runs[number] for number in sorted(runs)]


def _show(runs: list[Run], console: Console) -> None:
    table = Table(*(Column(name, no_wrap=True) for name in ("case", "on", "version", "declared", "seen", "seconds")))
    for run in runs:
        colour = _COLOURS[run.confirmed]
        seen = f"[{colour}]{run.outcome.value}[/{colour}]"
        table.add_row(run.case, run.role, run.version or "", run.expected.value, seen, f"{run.duration:.2f}")
    console.print(table)
    for run in runs:
        if run.confirmed is not True:
            console.print(f"{run.case}, {run.role}: {run.reason}", markup=False)
    counts = {value: sum(run.confirmed is value for run in runs) for value in (True, False, None)}
    console.print(f"{counts[True]} confirmed, {counts[False]} contradicted, {counts[None]} not verified here")


def _status(runs: list[Run]) -> int:
    if any(run.confirmed is False for run in runs):
        return CONTRADICTED
    return NOT_VERIFIED if any(run.outcome is Outcome.NOT_VERIFIED for run in runs) else CONFIRMED
