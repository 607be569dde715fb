"""Runs that come with the catalogue: `runs.json` beside the case, written by `fixbook verify --record`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import fixbook
from fixbook.model import Outcome, Role, Run, plain

__all__ = ["record_runs", "recorded_runs"]

RUNS_FILE = "runs.json"


def _catalogue() -> Path:
    return Path(fixbook.__file__).parent / "catalogue"


def recorded_runs(case_id: str, catalogue: Path | None = None) -> tuple[Run, ...]:
    """The runs that were recorded of a case, in the order of its targets; none if there are none.

    Raises ValueError, naming the file, for one that is not what `record_runs` writes.
    """
    path = (catalogue or _catalogue()) / case_id / RUNS_FILE
    if not path.is_file():
        return ()
    try:
        return tuple(_run(item) for item in json.loads(path.read_text("utf-8")))
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{path} holds no recorded runs: {error!r}; `fixbook verify --record` writes it") from None


def record_runs(case_id: str, runs: Iterable[Run], catalogue: Path | None = None) -> Path:
    """Write the runs of a case beside it; those of other roles that were recorded before stay. Gives the file."""
    known = {run.role: run for run in recorded_runs(case_id, catalogue)}
    known.update({run.role: run for run in runs})
    ordered = [known[role] for role in Role if role in known]
    path = (catalogue or _catalogue()) / case_id / RUNS_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([plain(run) for run in ordered], indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


def _run(item: dict[str, Any]) -> Run:
    started = item["started"]
    return Run(
        **{
            **item,
            "role": Role(item["role"]),
            "outcome": Outcome(item["outcome"]),
            "expected": Outcome(item["expected"]),
            "requires": tuple(item["requires"]),
            "started": datetime.fromisoformat(started) if started else None,
        }
    )
