"""`python -m tests.simulation [seeds]`: open days of the same house by Asterion and by Starlette, side by side.

Each run has visitors who all do one thing; it violates an invariant if any of them is told what is not its own, or
something is left behind. Writes tests/results/simulation.json and prints it.
"""

import datetime
import functools
import importlib.metadata
import json
import logging
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from asterion.testclient import Simulation
from tests.simulation import visitors
from tests.simulation.kits import ASTERION, STARLETTE, Kit
from tests.simulation.openday import open_day

RESULTS = Path(__file__).parents[1] / "results" / "simulation.json"
ONLY_ASTERION = {visitors.visits_the_inner_house}  # mounted lifespans: a documented choice of Starlette's, no violation


def violation(seed: int, backend: Any, visit: visitors.Visit, kit: Kit) -> str | None:
    """What goes wrong on one open day, as the name of an exception."""
    try:
        Simulation(seed, backend).run(functools.partial(open_day, visits=(visit,), kit=kit))
    except Exception as error:
        return type(error).__name__
    return None


def results(kit: Kit, seeds: int) -> dict[str, Any]:
    """Runs, violations, and both by what the visitors do."""
    by_visit = {}
    for visit in dict.fromkeys(visitors.VISITS):
        if kit is not ASTERION and visit in ONLY_ASTERION:
            continue
        found = [violation(seed, backend, visit, kit) for backend in ("asyncio", "trio") for seed in range(seeds)]
        kinds = Counter(error for error in found if error is not None)
        by_visit[visit.__name__] = {"runs": len(found), "violations": kinds.total(), "kinds": dict(kinds)}
    return {
        "version": importlib.metadata.version(kit.package),
        "runs": sum(entry["runs"] for entry in by_visit.values()),
        "violations": sum(entry["violations"] for entry in by_visit.values()),
        "by_visit": by_visit,
    }


def main(seeds: int) -> None:
    """Write the results."""
    logging.disable()
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda unraisable: None
    written = {
        "part": "simulation",
        "asterion": results(ASTERION, seeds),
        "starlette": results(STARLETTE, seeds),
        "command": f"python -m tests.simulation {seeds}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
