"""The matrix from the command line: `python -m tests.faults asterion|starlette`, with the result in tests/results/.

Starlette is the real package, in a process of its own, by the same harness.
"""

import argparse
import datetime
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

from tests.faults import runner
from tests.faults.judge import KINDS
from tests.faults.kit import Kit
from tests.faults.matrix import Tally, cells, run_cells
from tests.faults.starvation import starves

RESULT = Path(__file__).parents[1] / "results" / "faults.json"
LAYERS = {"asyncio": (0, 1, 3), "trio": (0, 1, 3), "uvloop": (0, 1)}


def figures(tally: Tally, starving: str, loops: list[str], stride: int) -> dict[str, Any]:
    """What the page says of one toolkit."""
    return {
        "runs": tally.runs,
        "with a fault that took effect": tally.faulted,
        "runs with a violation": tally.violating,
        **{kind: tally.kinds[kind] for kind in KINDS},
        "starvation": starving,
        "event loops": ", ".join(loops),
        "of the points, one in": stride,
    }


def main() -> int:
    """Run, print, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", choices=("asterion", "starlette"))
    parser.add_argument("--loops", default="asyncio,uvloop,trio")
    parser.add_argument("--stride", type=int, default=1, help="one point in so many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    parser.add_argument("--settle", type=float, default=0.1, help="seconds that worker threads have to end")
    parser.add_argument("--keep", action="store_true", help="write the result for docs/reliability.md")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    runner.SETTLE_SECONDS = given.settle
    kit, tally, loops = Kit(given.package), Tally(), given.loops.split(",")
    for loop in loops:
        began = time.monotonic()
        one = run_cells(
            kit, cells(kit, layers=LAYERS[loop], only=given.only), loop=loop, stride=given.stride, seed=given.seed
        )
        tally.join(one)
        print(
            f"{loop}: {one.runs} runs, {one.violating} with a violation, {time.monotonic() - began:.0f} s", flush=True
        )
    for line in tally.shown[: 40 if given.package == "asterion" else 0]:
        print(line)
    if given.keep:
        floods = [(count, way, silent) for count in (0, 1, 3) for way in kit.ways for silent in (True, False)]
        starving = sum(starves(kit, count, way, silent=silent) for count, way, silent in floods)
        keep(given.package, figures(tally, f"{starving} of {len(floods)}", loops, given.stride))
    return int(given.package == "asterion" and tally.violating > 0)


def keep(package: str, found: dict[str, Any]) -> None:
    """Put the figures of one toolkit beside those of the other."""
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {"part": "faults", "asterion": {}, "starlette": {}}
    result[package] = found
    result["command"] = "make faults"
    result["date"] = datetime.datetime.now(datetime.UTC).date().isoformat()
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
