"""One sample: mutants drawn from a group of modules, and which of them its tests notice."""

import random
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from scripts.mutation.groups import Group
from scripts.mutation.mutants import Mutant, mutants, plain, text
from scripts.mutation.running import OUTPUT, Run, copy_of, replace

_LIMIT = 600.0
"""Seconds for the tests of a group without any change."""


class TestsFail(Exception):
    """The tests of a group fail without any change: nothing can be learned from them."""


@dataclass(frozen=True)
class Asked:
    """How a sample is drawn and tried."""

    sample: int = 40
    seed: int = 6
    workers: int = 1
    limit: float = 0.0
    """Seconds for the tests of one mutant; 0: ten, and three times what they take without any."""

    only: str = ""
    """Try nothing but drawn mutants whose line (`_core/urls.py:12`) or change has this in it."""

    left: tuple[str, ...] | None = None
    """Draw nothing; try these, which no test has noticed before, as `Found.left` names them."""


@dataclass
class Found:
    """What came of one group."""

    possible: int
    ends: Counter[str] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)
    """What no test has noticed."""

    def figure(self, seed: int) -> dict[str, Any]:
        """The counts, as they are kept."""
        noticed = self.ends["killed"] + self.ends["timeout"]
        tried = noticed + self.ends["survived"]
        return {
            "possible": self.possible,
            "drawn": tried + self.ends["equivalent"],
            "equivalent": self.ends["equivalent"],
            "tried": tried,
            "noticed": noticed,
            "timeout": self.ends["timeout"],
            "survived": self.ends["survived"],
            "first": self.ends["survived"],
            "noticed at first": noticed,
            "seed": seed,
            "left": self.left,
        }

    def added_to(self, before: dict[str, Any]) -> dict[str, Any]:
        """The counts of an earlier draw after what was left of it has been tried again.

        What the code has no longer is taken out of the draw.
        """
        new = self.figure(before["seed"])
        gone = before["survived"] - new["drawn"]
        return before | {
            "drawn": before["drawn"] - gone,
            "equivalent": before["equivalent"] + new["equivalent"],
            "tried": before["tried"] - gone - new["equivalent"],
            "noticed": before["noticed"] + new["noticed"],
            "timeout": before["timeout"] + new["timeout"],
            "survived": new["survived"],
            "left": self.left,
        }


def every_mutant(root: Path, group: Group) -> list[tuple[str, Mutant]]:
    """Every mutant of every module of the group, with the module's path below asterion/."""
    return [
        (module, mutant) for module in group.files(root) for mutant in mutants((root / "asterion" / module).read_text())
    ]


def sample(root: Path, name: str, group: Group, asked: Asked, equivalents: Iterable[tuple[str, str, str]]) -> Found:
    """Draw from the group and try. Raises TestsFail if its tests fail as they are.

    `equivalents` are (module, function, change), which are drawn and not tried.
    """
    with ExitStack() as stack:
        trees = [stack.enter_context(copy_of(root)) for _ in range(max(1, asked.workers))]
        for tree in trees:
            for module in group.files(tree):
                path = tree / "asterion" / module
                # As a mutant of it is: without comments, on other lines.
                path.write_text(plain(path.read_text()))
        limit = _limit(trees[0], name, group, asked.limit)
        every = every_mutant(trees[0], group)
        found = Found(len(every))
        tried = _Trial(trees, group, limit, set(equivalents))
        chosen = _chosen(name, every, asked)
        with ThreadPoolExecutor(len(trees)) as pool:
            for (module, mutant), end in zip(chosen, pool.map(tried, chosen), strict=True):
                found.ends[end] += 1
                if end == "survived":
                    found.left.append(_name(module, mutant))
                    print(f"survived: {found.left[-1]}", flush=True)
    return found


def _chosen(name: str, every: list[tuple[str, Mutant]], asked: Asked) -> list[tuple[str, Mutant]]:
    if asked.left is not None:
        return [one for one in every if _name(*one) in asked.left]
    drawn = random.Random(f"{asked.seed} {name}").sample(every, min(asked.sample, len(every)))  # noqa: S311 - a sample
    return [one for one in drawn if asked.only in f"{one[0]}:{one[1].line}: {one[1].change}"]


def _name(module: str, mutant: Mutant) -> str:
    return f"{module}: {mutant.function}: {mutant.change}"


class _Trial:
    """Tries one mutant at a time in each tree."""

    def __init__(self, trees: list[Path], group: Group, limit: float, same: set[tuple[str, str, str]]) -> None:
        self._group, self._limit, self._same = group, limit, same
        self._free: SimpleQueue[Path] = SimpleQueue()
        for tree in trees:
            self._free.put(tree)

    def __call__(self, drawn: tuple[str, Mutant]) -> str:
        name, mutant = drawn
        if (name, mutant.function, mutant.change) in self._same:
            return "equivalent"
        tree = self._free.get()
        path = tree / "asterion" / name
        whole = path.read_text()
        try:
            replace(path, text(whole, mutant.number))
            return Run(tree, self._group.paths, self._limit).end()
        finally:
            replace(path, whole)
            self._free.put(tree)


def _limit(tree: Path, name: str, group: Group, asked: float) -> float:
    run = Run(tree, group.paths, _LIMIT)
    if (end := run.end()) != "survived":
        why = "fail" if end == "killed" else f"take more than {_LIMIT} s"
        says = (tree / OUTPUT).read_text()[-1500:]
        raise TestsFail(f"The tests of {name} {why} without any change, in a copy of the tree:\n{says}")
    return asked or 10 + 3 * run.seconds
