"""The matrix: which cells are run, and a run for each suspension point and fault of each of them."""

import asyncio
import gc
import random
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from tests.faults.cells import Cell
from tests.faults.conversations import CONVERSATIONS
from tests.faults.http import CATALOGUE, LONG, Scenario
from tests.faults.judge import FAULTS, Run
from tests.faults.kit import Kit
from tests.faults.loops import counting_on_asyncio, counting_on_trio
from tests.faults.runner import WATCH, Bench

PAIRS_PER_CELL = 6


@dataclass
class Tally:
    """The figures of many runs."""

    runs: int = 0
    faulted: int = 0
    violating: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    shown: list[str] = field(default_factory=list)

    def add(self, run: Run) -> None:
        """Count one run."""
        self.runs += 1
        self.faulted += bool(run.took)
        found = run.violations
        if found:
            self.violating += 1
            self.kinds.update({kind for kind, _ in found})
            self.shown += [f"{kind}: {seen} -- {run.label}" for kind, seen in found]

    def join(self, other: "Tally") -> None:
        """Add the figures of `other`."""
        self.runs += other.runs
        self.faulted += other.faulted
        self.violating += other.violating
        self.kinds.update(other.kinds)
        self.shown += other.shown


def scenarios() -> list[Scenario]:
    """Everything that is cut."""
    return [*CATALOGUE, *CONVERSATIONS]


def cells(
    kit: Kit, *, layers: Iterable[int] = (0, 1, 3), versions: Iterable[str] = ("2.3", "2.4"), only: str = ""
) -> Iterator[Cell]:
    """The cells of a toolkit."""
    for case in scenarios():
        if only not in case.name:
            continue
        for version in versions if case.kind == "http" else ("2.4",):
            for count in layers if case.kind == "http" else (0, 1):
                if (case.kind == "lifespan" and count) or (case.dispatch and not count):
                    continue
                for way in kit.ways if count and case.kind == "http" else ("nested",):
                    yield Cell(case, count, way, version)


async def sweep(bench: Bench, cell: Cell, tally: Tally, *, stride: int = 1, seed: int = 0) -> None:
    """All runs of one cell: none, one for each point and fault, and some with two faults."""
    clean = await bench.run(cell)
    again = await bench.run(cell)  # the first request builds what later ones use
    clean = again if not clean.violations else clean
    tally.add(clean)
    chance = random.Random(f"{seed} {cell.scenario.name} {cell.layers} {cell.way} {cell.version}")
    faults = [fault for fault in FAULTS if _applies(fault, cell, bench)]
    first = chance.randrange(stride)
    for number, fault in enumerate(faults):
        for at in range((first + number) % stride, again.points + 1, stride):
            tally.add(await bench.run(cell, ((at, fault),), clean))
    for _ in range(PAIRS_PER_CELL if again.points > 1 else 0):
        one, two = sorted(chance.sample(range(again.points + 1), 2))
        pair = ((one, chance.choice(faults)), (two, chance.choice(faults)))
        tally.add(await bench.run(cell, pair, clean))


def _applies(fault: str, cell: Cell, bench: Bench) -> bool:
    if fault == "task cancel":
        return bench.steps is None
    return not (cell.scenario.kind == "lifespan" and fault.startswith("disconnect"))


def folder() -> tempfile.TemporaryDirectory[str]:
    """A directory with the files that are served."""
    made = tempfile.TemporaryDirectory()
    Path(made.name, "data.bin").write_bytes(LONG)
    return made


def run_cells(kit: Kit, chosen: Iterable[Cell], *, loop: str = "asyncio", stride: int = 1, seed: int = 0) -> Tally:
    """Sweep `chosen` on a loop: "asyncio", "uvloop" or "trio"."""
    tally = Tally()
    chosen = list(chosen)
    with folder() as path:
        gc.collect()
        gc.freeze()
        try:
            if loop == "trio":
                trio.run(_on_trio, kit, path, chosen, tally, stride, seed)
            else:
                with asyncio.Runner(loop_factory=_factory(loop)) as runner:
                    runner.run(_on_asyncio(kit, path, chosen, tally, stride, seed))
        finally:
            gc.unfreeze()
    return tally


def _factory(loop: str) -> Any:
    if loop == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    return asyncio.new_event_loop


async def _on_asyncio(kit: Kit, path: str, chosen: list[Cell], tally: Tally, stride: int, seed: int) -> None:
    with counting_on_asyncio(asyncio.get_running_loop()), WATCH.hooked():
        bench = Bench(kit, path)
        for cell in chosen:
            await sweep(bench, cell, tally, stride=stride, seed=seed)


async def _on_trio(kit: Kit, path: str, chosen: list[Cell], tally: Tally, stride: int, seed: int) -> None:
    with counting_on_trio() as steps, WATCH.hooked():
        bench = Bench(kit, path, steps=steps)
        for cell in chosen:
            await sweep(bench, cell, tally, stride=stride, seed=seed)
