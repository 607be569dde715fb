"""What the command says."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field

FASTAPI = (
    "FastAPI imports Starlette by its name, and so must run on the drop-in: `asterion run --dropin module:app`, "
    "`python -m asterion.dropin -m uvicorn module:app`, or asterion.dropin.install() before the first import of "
    "fastapi. Without it, FastAPI runs on Starlette and does not know Asterion's classes."
)


@dataclass(slots=True)
class Totals:
    """What a run has come to."""

    looked_at: int = 0
    changed: int = 0
    renamed: int = 0
    notes: list[str] = field(default_factory=list)
    requirements: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    fastapi: list[str] = field(default_factory=list)


def diff(name: str, before: str, after: str) -> Iterator[str]:
    """The lines of a unified diff, without their line ends."""
    rows = difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{name}", f"b/{name}", lineterm="")
    return iter(rows)


def summary(totals: Totals, *, check: bool, wrote_requirements: bool) -> Iterator[str]:
    """The lines at the end of a run."""
    if totals.notes:
        yield from ("", f"Look at these yourself ({len(totals.notes)}):", *(f"  {note}" for note in totals.notes))
    if totals.requirements:
        head = "Requirements, changed:" if wrote_requirements and not check else "Requirements (see --requirements):"
        yield from ("", head, *(f"  {line}" for line in totals.requirements))
    if totals.fastapi:
        more = f" and {len(totals.fastapi) - 1} more" if len(totals.fastapi) > 1 else ""
        yield from ("", f"FastAPI is imported by {totals.fastapi[0]}{more}. {FASTAPI}")
    if totals.failures:
        yield from ("", f"Not migrated ({len(totals.failures)}):", *(f"  {each}" for each in totals.failures))
    would = "would change" if check else "changed"
    yield ""
    yield (
        f"{_count(totals.looked_at, 'file')} looked at, {totals.changed} {would}, "
        f"{_count(totals.renamed, 'name')} renamed, {len(totals.notes)} to look at."
    )


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
