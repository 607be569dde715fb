"""`make mutation`: mutants of each module, drawn by a seed, against the tests that are declared to exercise it.

A mutant is made in a copy of the tree, and the tests stop at the first that fails. One that no test notices is a
missing test, dead code, or equivalent to what was there.
"""

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.mutation.mutants import mutants

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "scripts" / "results" / "mutation.json"
EQUIVALENTS = Path(__file__).with_name("equivalents.toml")
LIMIT = 60.0

# By module below asterion/: the tests that are to notice a change, the quickest to do so first.
TESTS: dict[str, tuple[str, ...]] = {
    "_core/cookies.py": ("tests/core/test_cookies.py",),
    "_core/ranges.py": ("tests/core/test_ranges.py",),
    "_core/hosts.py": ("tests/core/test_hosts.py",),
    "_core/conditional.py": ("tests/core/test_conditional.py",),
    "_core/paths.py": ("tests/core/test_paths.py", "tests/routing/test_routes.py", "tests/routing/test_mounts.py"),
    "_core/index.py": ("tests/core/test_index.py", "tests/routing/test_route_index_is_a_scan.py"),
    "middleware/trustedhost.py": ("tests/middleware/test_hosts.py",),
    "middleware/cors.py": ("tests/middleware/test_cors.py",),
    "middleware/body_limit.py": ("tests/middleware/test_body_limit.py", "tests/middleware/test_progress.py"),
    "middleware/sessions.py": ("tests/middleware/test_sessions.py",),
}


def main() -> int:
    """Run the sample and keep its figures; 1 if the unchanged tests fail."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=list(TESTS), help="as `_core/cookies.py`")
    parser.add_argument("--sample", type=int, default=40, help="mutants of each module")
    parser.add_argument("--seed", type=int, default=6)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for part in ("asterion", "tests", "scripts", "examples"):
            shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, tree)
        for module in asked.modules:
            figure = _module(tree, module, asked.sample, asked.seed)
            if figure is None:
                return 1
            _keep(module, figure)
    return 0


def _module(tree: Path, module: str, sample: int, seed: int) -> dict[str, Any] | None:
    path = tree / "asterion" / module
    source = path.read_text()
    path.write_text(ast.unparse(ast.parse(source)))
    if _run(tree, module) != "survived":
        print(f"{module}: its tests fail, or take over {LIMIT:g} s, without any change", file=sys.stderr)
        return None
    every = mutants(source)
    drawn = random.Random(f"{seed} {module}").sample(every, min(sample, len(every)))  # noqa: S311 - a sample
    same = {(one["module"], one["change"]) for one in tomllib.loads(EQUIVALENTS.read_text())["mutant"]}
    ends: Counter[str] = Counter()
    for line, change, text in drawn:
        if (module, change) in same:
            ends["equivalent"] += 1
            continue
        path.write_text(text)
        end = _run(tree, module)
        ends[end] += 1
        if end != "killed":
            print(f"{module}:{line}: {end}: {change[:160]!r}", flush=True)
    path.write_text(source)
    noticed = ends["killed"] + ends["timeout"]
    tried = noticed + ends["survived"]
    print(f"{module}: {noticed} of {tried} noticed", flush=True)
    return {"possible": len(every), "tried": tried, "noticed": noticed} | {
        end: ends[end] for end in ("survived", "timeout", "equivalent")
    }


def _run(tree: Path, module: str) -> str:
    # Bytecode is not kept: two mutants of one size within one second would be taken for each other.
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(tree)}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", *TESTS[module]]
    try:
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, timeout=LIMIT, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return "timeout"
    return "killed" if done.returncode else "survived"


def _keep(module: str, figure: dict[str, Any]) -> None:
    figures = json.loads(RESULT.read_text())["asterion"]["mutants"] if RESULT.exists() else {}
    figures[module.removeprefix("_")] = figure
    result = {
        "part": "mutation",
        "asterion": {"mutants": figures},
        "starlette": {},
        "command": "make mutation",
        "date": datetime.now(UTC).date().isoformat(),
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
