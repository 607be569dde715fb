"""Try the published attacks of `tests/attacks` on Asterion and on Starlette, and keep what came of it.

`python -m scripts.attacks` writes `scripts/results/attacks.json`, for docs/reliability.md (`make reliability`).
"""

import json
import logging
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio

import tests.attacks.defences
import tests.attacks.files
import tests.attacks.forms
import tests.attacks.heads  # noqa: F401
from tests.attacks.duties import DUTIES
from tests.attacks.kit import ATTACKS, Kit, Left

RESULT = Path(__file__).parent / "results" / "attacks.json"


def tried(package: str) -> dict[str, Any]:
    """The figures of one toolkit: what was tried, and what is open or left to applications, by name."""
    still_open: dict[str, str] = {}
    left: dict[str, str] = {}
    for attack in ATTACKS:
        try:
            seen = anyio.run(attack.run, Kit(package))
        except Exception as error:  # noqa: BLE001 - what the toolkit raises is an outcome here
            seen = f"raised {error!r}"
        if seen is not None:
            (left if isinstance(seen, Left) else still_open)[attack.name] = seen
    rows = sum(len(attack.rows) for attack in ATTACKS)
    figures: dict[str, Any] = {"version": version(package), "tried": len(ATTACKS), "published rows tried": rows}
    figures |= {"others' duty": len(DUTIES), "open": len(still_open), "no defence offered": len(left)}
    return {**figures, "open attacks": still_open, "left to applications": left}


def main() -> int:
    """Try them all. The exit code is 1 if Asterion is open to one, or has no defence to try."""
    logging.disable(logging.ERROR)
    sides = {package: tried(package) for package in ("asterion", "starlette")}
    result = {
        "part": "attacks",
        **sides,
        "command": "python -m scripts.attacks",
        "date": datetime.now(UTC).date().isoformat(),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2, ensure_ascii=True) + "\n")
    for package, side in sides.items():
        print(f"{package} {side['version']}: {side['open']} of {side['tried']} open")
        for name, seen in {**side["open attacks"], **side["left to applications"]}.items():
            print(f"  {name}: {seen}")
    return 1 if sides["asterion"]["open"] or sides["asterion"]["no defence offered"] else 0


if __name__ == "__main__":
    sys.exit(main())
