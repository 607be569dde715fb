"""Write docs/fixbook/evidence.md: what was seen when the catalogue's reproductions ran, out of the recorded runs.

`python -m scripts.fixbook_evidence [--check]`; `fixbook verify --record` records the runs. With `--check` the page is
compared and not written: exit 1 if it differs.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from fixbook.casefile import load_catalogue
from fixbook.execution import digest_of, recorded_runs
from fixbook.model import Case, Run

PAGE = Path(__file__).parent.parent / "docs" / "fixbook" / "evidence.md"

HEAD = """# Evidence

What was seen when the reproductions of the catalogue ran: on the last version that fails, on the first that does not,
on the newest, and on Asterion in Starlette's place. Made from the recorded runs by `make evidence`;
`fixbook verify --record` takes them again, and the whole output of each stands beside its case.

{counts}

| Case | Upstream | On | Version | Seen | As declared | Seconds | When |
| :-- | :-- | :-- | :-- | :-- | :-- | --: | :-- |
"""


def row(case: Case, run: Run) -> str:
    """One line of the table."""
    as_declared = {True: "yes", False: "**no**", None: "not verified"}[run.confirmed]
    target = case.reproduction.target(run.role) if case.reproduction else None
    if case.reproduction is None or target is None or digest_of(case.reproduction, target) != run.digest:
        as_declared = "of another script"
    link = f"[{case.issue}]({case.issue_url})" if case.issue_url else "-"
    day = run.started.date().isoformat() if run.started else "-"
    cells = (
        case.id,
        link,
        run.role.value,
        run.version or "-",
        run.outcome.value,
        as_declared,
        f"{run.duration:.2f}",
        day,
    )
    return "| " + " | ".join(cells) + " |"


def page() -> str:
    """The whole page."""
    cases = load_catalogue()
    lines = [(case, run) for case in cases for run in recorded_runs(case.id)]
    confirmed = sum(run.confirmed is True for _, run in lines)
    still_open = sum(case.status == "open" for case in cases)
    counts = (
        f"{len(cases)} cases, {still_open} of them open upstream; {len(lines)} runs, {confirmed} of them as declared."
    )
    return HEAD.format(counts=counts) + "\n".join(row(case, run) for case, run in lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write or compare the page."""
    text = page()
    if "--check" in arguments:
        same = PAGE.read_text() == text
        if not same:
            print("docs/fixbook/evidence.md is not what the recorded runs say; `make evidence` writes it")
        return 0 if same else 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
