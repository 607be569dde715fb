"""Reports: from the XML that pytest writes to one outcome for each test."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from compat.project import CompatError

Outcome = Literal["passed", "skipped", "failed", "error"]

# The worse one counts where a test reports twice (a failure, then an error while cleaning up) or has a namesake.
_WORSE: Final[list[Outcome]] = ["skipped", "passed", "failed", "error"]


@dataclass(frozen=True, slots=True)
class Report:
    """Outcomes by the name of the test, and the engines that the tests saw (`asterion`, `starlette`, `missing`)."""

    outcomes: dict[str, Outcome]
    engines: frozenset[str]

    def count(self, *kinds: Outcome) -> int:
        """How many tests ended in one of these ways."""
        return sum(outcome in kinds for outcome in self.outcomes.values())


def _outcome(case: ET.Element) -> Outcome:
    if case.find("error") is not None:
        return "error"
    if case.find("failure") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def read_report(path: Path) -> Report:
    """What a report says. A module that could not be collected is a test of its own name with the outcome `error`.

    Raises:
        CompatError: the report is missing or cut short, as after a crash of the interpreter.
    """
    try:
        root = ET.parse(path).getroot()  # noqa: S314 - written by the pytest that the runner started
    except (OSError, ET.ParseError) as error:
        raise CompatError(f"pytest wrote no readable report ({error})") from error
    outcomes: dict[str, Outcome] = {}
    engines: set[str] = set()
    for case in root.iter("testcase"):
        properties = {each.get("name"): each.get("value", "") for each in case.iter("property")}
        place, own = case.get("classname", ""), case.get("name", "")
        name = properties.get("compat-name") or (f"{place}::{own}" if place else own)
        outcome = _outcome(case)
        outcomes[name] = max(outcomes.get(name, outcome), outcome, key=_WORSE.index)
        if engine := properties.get("compat-engine"):
            engines.add(engine)
    return Report(outcomes, frozenset(engines))
