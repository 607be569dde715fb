"""`make mutation`: small changes to the code, drawn by a seed from each group of modules; do its tests notice them?

A change is made in a copy of the tree, and the tests of its group stop at the first that fails. One that no test
notices is a missing test, dead code, or does what the code did; those of the last kind stand in equivalents.toml with
the reason why, and are left out. The figures of each draw from a group are kept in scripts/results/mutation.json.

Why not mutmut or cosmic-ray: the one runs every test to learn which of them reach a function, and wraps each function
to choose a mutant, so that a generator or a coroutine function is no longer what `inspect` says it is, which is what
this package asks of handlers; the other rewrites the files of the tree it works in. Neither draws a sample by a seed
for each group, nor keeps a reason beside each change that nobody can notice. Here a mutant costs a fork and the tests
of its own group, a second or two.
"""

import argparse
import json
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.mutation.groups import GROUPS, Group
from scripts.mutation.running import import_others
from scripts.mutation.sampling import Asked, TestsFail, every_mutant, sample

ROOT = Path(__file__).parents[2]
RESULT = Path("scripts/results/mutation.json")
EQUIVALENTS = Path("scripts/mutation/equivalents.toml")


def main(arguments: list[str] | None = None, root: Path = ROOT, groups: dict[str, Group] = GROUPS) -> int:
    """Try a sample of each group that is named, and keep its figures.

    1 if tests fail as they are, or if equivalents.toml has what no mutant is any more.
    """
    given = _given(arguments, groups)
    same = known(root)
    lost = gone(root, [groups[name] for name in given.groups], same)
    for entry in lost:
        print(f"equivalents.toml: no mutant is {': '.join(entry)}; take it out or correct it", file=sys.stderr)
    import_others()
    path, failed = root / RESULT, []
    for name, before in _draws(given, path):
        left = None if before is None else tuple(before["left"])
        asked = Asked(given.sample, given.seed, given.workers, given.limit, given.only, left)
        try:
            found = sample(root, name, groups[name], asked, same)
        except TestsFail as error:
            print(error, file=sys.stderr)
            failed.append(name)
            continue
        figure = found.figure(asked.seed) if before is None else found.added_to(before)
        counts = f"{figure['noticed']} of {figure['tried']} noticed, {figure['equivalent']} equivalent"
        print(f"{name}: {counts}", flush=True)
        if not asked.only:
            keep(path, name, figure)
    return int(bool(lost or failed))


def _draws(given: argparse.Namespace, path: Path) -> list[tuple[str, dict[str, Any] | None]]:
    """The groups to draw from, or with `--again` every draw of theirs that has something left."""
    if not given.again:
        return [(name, None) for name in given.groups]
    found = kept(path)
    return [(name, draw) for name in given.groups for draw in found.get(name, []) if draw["left"]]


def _given(arguments: list[str] | None, groups: dict[str, Group]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("groups", nargs="*", help=f"some of {', '.join(groups)} (all of them by default)")
    parser.add_argument("--sample", type=int, default=Asked.sample, help="mutants of each group (%(default)s)")
    parser.add_argument("--seed", type=int, default=Asked.seed, help="what draws them (%(default)s)")
    parser.add_argument("--workers", type=int, default=Asked.workers, help="mutants at a time (%(default)s)")
    parser.add_argument("--limit", type=float, default=Asked.limit, help="seconds for one (10, and 3 times the tests)")
    parser.add_argument("--only", default="", help="of those drawn, what has this in its line or change; not kept")
    parser.add_argument("--again", action="store_true", help="nothing but what no test has noticed in any draw so far")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.groups if name not in groups]:
        parser.error(f"no group is named {', '.join(unknown)}; there are {', '.join(groups)}")
    given.groups = given.groups or list(groups)
    return given


def known(root: Path) -> set[tuple[str, str, str]]:
    """The equivalents that are written down: (module, function, change). Raises ValueError for one without a reason."""
    entries = tomllib.loads((root / EQUIVALENTS).read_text()).get("mutant", [])
    for one in entries:
        if not one["reason"].strip():
            raise ValueError(
                f"{one['module']}: {one['change']} of {EQUIVALENTS} has no reason; say why nobody can notice."
            )
    return {(one["module"], one["function"], one["change"]) for one in entries}


def gone(root: Path, groups: list[Group], same: set[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """The equivalents that are said of modules of these groups, and are no mutants of them."""
    modules = {module for group in groups for module in group.files(root)}
    there = {
        (module, mutant.function, mutant.change) for group in groups for module, mutant in every_mutant(root, group)
    }
    return sorted(entry for entry in same - there if entry[0] in modules)


def kept(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The figures of each group: those of each draw, the first one first."""
    groups: dict[str, Any] = json.loads(path.read_text())["asterion"]["mutants"] if path.exists() else {}
    return groups


def keep(path: Path, name: str, figure: dict[str, Any]) -> None:
    """Put the figures of a draw beside those of other seeds and groups, in place of what its seed has drawn before."""
    found = kept(path)
    draws = found.setdefault(name, [])
    place = next((place for place, draw in enumerate(draws) if draw["seed"] == figure["seed"]), len(draws))
    draws[place : place + 1] = [figure]
    result = {
        "part": "mutation",
        "asterion": {"mutants": found},
        "starlette": {},
        "command": "make mutation",
        "date": datetime.now(UTC).date().isoformat(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
