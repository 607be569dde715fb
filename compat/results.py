"""Results: one JSON file for each project, and the verdict on it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from compat.compare import Difference
from compat.junit import Report
from compat.project import CompatError, Project


@dataclass(frozen=True, slots=True)
class Result:
    """What a comparison found. Counts are of tests: passed, failed (errors too), skipped."""

    project: str
    version: str
    kind: str
    date: str
    starlette_version: str
    asterion_version: str
    starlette: dict[str, int]
    asterion: dict[str, int]
    differs: list[dict[str, str]] = field(default_factory=list)
    flaky: list[str] = field(default_factory=list)


def counts(report: Report) -> dict[str, int]:
    """Tests passed, failed and skipped."""
    return {
        "passed": report.count("passed"),
        "failed": report.count("failed", "error"),
        "skipped": report.count("skipped"),
    }


def unexplained(result: Result, project: Project) -> list[str]:
    """The tests that differ and have no reason in the entry."""
    return [each["test"] for each in result.differs if each["test"] not in project.differs]


def outdated(result: Result, project: Project) -> list[str]:
    """The tests that have a reason in the entry and do not differ any more."""
    differing = {each["test"] for each in result.differs}
    return [test for test in project.differs if test not in differing]


def as_dicts(found: Sequence[Difference]) -> list[dict[str, str]]:
    """Differences as they are written down."""
    return [asdict(each) for each in found]


def write(folder: Path, key: str, result: Result) -> None:
    """Write `KEY.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{key}.json").write_text(json.dumps(asdict(result), indent=2, ensure_ascii=False) + "\n", "utf-8")


def read(path: Path) -> Result:
    """A result that was written down.

    Raises:
        CompatError: the file is not one.
    """
    try:
        data: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return Result(**data)
    except (OSError, ValueError, TypeError) as error:
        raise CompatError(f"{path}: no result ({error}); `make compat ONLY={path.stem}` writes it again") from error
