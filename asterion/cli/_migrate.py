"""`asterion migrate`: rename the imports of Starlette in a code base to Asterion's.

Reading, writing and telling; what becomes of a file is decided in `_codemod`.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asterion.cli._codemod._folders import find_files
from asterion.cli._codemod._report import Totals, diff, summary
from asterion.cli._codemod._requirements import apply_lines, find_lines, is_requirements

if TYPE_CHECKING:
    from asterion.cli._codemod._plan import Plan

# Fewer files than this are done before other processes have started.
_WORTH_PROCESSES = 40


@click.command(name="migrate", short_help="Rename the imports of Starlette in a code base.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH...")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if something would change.")
@click.option("--diff", "show_diff", is_flag=True, help="Write nothing; print a unified diff.")
@click.option(
    "--face",
    type=click.Choice(["starlette", "asterion"]),
    default="starlette",
    show_default=True,
    help="The application's class: `Starlette` keeps upstream's choices, `Asterion` has ours (docs/faces.md).",
)
@click.option("--requirements", is_flag=True, help="Change requirement files too, which are only reported otherwise.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out files and folders, as in 'legacy/*.py'.")
def migrate(
    paths: tuple[Path, ...], check: bool, show_diff: bool, face: str, requirements: bool, exclude: tuple[str, ...]
) -> None:
    """Rename imports of Starlette to Asterion, in place, in files and folders.

    Names are changed only where it is certain what they mean: imports, dotted uses of imported modules, and texts that
    name a module for sure, as in mock.patch("starlette.x.y"). What somebody has to look at is listed at the end with
    its line. Hidden folders, virtual environments, build output and node_modules are left out.

    \b
    Exit codes: 0 done; 1 with --check, if something would change;
                2 a file could not be read as Python (all others are done).
    """
    _require_libcst()
    dry = check or show_diff
    totals = Totals()
    files = list(find_files(paths, exclude))
    totals.looked_at = len(files)
    for path in files:
        if is_requirements(path.name):
            _do_requirements(path, totals, write=requirements and not dry, change=requirements, show_diff=show_diff)
    sources = [path for path in files if path.suffix in (".py", ".pyi") or not is_requirements(path.name)]
    for path, plan in _plans(sources, face):
        _do_file(path, plan, totals, write=not dry, show_diff=show_diff)
    for line in summary(totals, check=dry, wrote_requirements=requirements):
        click.echo(line, err=show_diff)
    if totals.failures:
        sys.exit(2)
    if check and totals.changed:
        sys.exit(1)


def _require_libcst() -> None:
    try:
        import libcst  # noqa: F401
    except ImportError as error:
        raise click.ClickException(
            "asterion migrate needs libcst, which rewrites Python without touching its format: "
            "pip install 'asterion[migrate]'"
        ) from error


def _plan_path(face: str, path: Path) -> "tuple[Path, Plan | str]":
    """The plan for the file at a path; a text if it cannot be read."""
    from asterion.cli._codemod._plan import plan_file

    try:
        source = path.read_bytes()
    except OSError as error:
        return path, f"{path}: cannot be read: {error.strerror}"
    return path, plan_file(source, face)


def _plans(paths: list[Path], face: str) -> "Iterator[tuple[Path, Plan | str]]":
    """Plans for the files that are of concern, in order; with as many processes as pay."""
    wanted = [path for path in paths if _is_of_concern(path, face)]
    workers = os.cpu_count() or 1
    one = partial(_plan_path, face)
    planned: Iterable[tuple[Path, Plan | str]]
    if workers > 1 and len(wanted) >= _WORTH_PROCESSES:
        with ProcessPoolExecutor(workers) as pool:
            planned = list(pool.map(one, wanted, chunksize=8))
    else:
        planned = map(one, wanted)
    yield from planned


def _is_of_concern(path: Path, face: str) -> bool:
    from asterion.cli._codemod._behaviours import imports_fastapi
    from asterion.cli._codemod._plan import concerns

    try:
        source = path.read_bytes()
        return concerns(source, face) or imports_fastapi(source)
    except OSError:
        return True  # to be reported


def _do_file(path: Path, plan: "Plan | str", totals: Totals, *, write: bool, show_diff: bool) -> None:
    if isinstance(plan, str):
        totals.failures.append(plan)
        return
    if plan.failure is not None:
        totals.failures.append(f"{path}:{plan.failure.line}: {plan.failure.says}")
        return
    totals.notes.extend(f"{path}:{note.line}: {note.says}" for note in plan.notes)
    if plan.fastapi:
        totals.fastapi.append(str(path))
    if not plan.changes:
        return
    if write:
        try:
            path.write_bytes(plan.result)
        except OSError as error:
            totals.failures.append(f"{path}: cannot be written: {error.strerror}")
            return
    totals.changed += 1
    totals.renamed += plan.renamed
    if show_diff:
        _show(path, plan.source.decode("utf-8", "replace"), plan.result.decode("utf-8", "replace"))
    else:
        click.echo(f"{path}: {plan.renamed} renamed")


def _do_requirements(path: Path, totals: Totals, *, write: bool, change: bool, show_diff: bool) -> None:
    try:
        # Not read as text: that would make all line ends the same.
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        totals.failures.append(f"{path}: cannot be read: {error}")
        return
    lines = find_lines(path.name, text)
    for line in lines:
        decide = "" if line.instead is not None else "  (left as it is)"
        totals.requirements.append(f"{path}:{line.number}: {line.text}{decide}")
    after = apply_lines(text, lines)
    if not change or after == text:
        return
    totals.changed += 1
    if write:
        path.write_bytes(after.encode("utf-8"))
    if show_diff:
        _show(path, text, after)


def _show(path: Path, before: str, after: str) -> None:
    for row in diff(path.as_posix(), before, after):
        head = row.startswith(("+++", "---"))
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(row[:1])
        click.echo(click.style(row, bold=head, fg=None if head else colour))
