"""Reference cycles: what a request makes and only the garbage collector frees.

Each scenario runs as it is, and cut: at its first messages the client leaves, `send` or `receive` raises, or a scope
around the request is cancelled. `python -m tests.growth.cycles asterion|starlette` counts the runs that leave anything
to the collector.
"""

import argparse
import contextlib
import datetime
import gc
import json
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel

from tests.faults.cells import Cell
from tests.faults.http import LONG, Scenario
from tests.faults.kit import Kit, Stage
from tests.faults.server import Server
from tests.growth.cyclecases import SCENARIOS, Refused, answer
from tests.growth.cyclestacks import OF_ASTERION, SHARED

logger = logging.getLogger("tests.growth.cycles")

RESULT = Path(__file__).parents[1] / "results" / "cycles.json"
MESSAGES = 3
"""A cut falls at one of so many first messages."""
HUNG = "came to no end"
CUTS = ("client leaves", "client leaves in silence", "send raises", "receive raises", "cancelled")
ENOUGH_TURNS = 20
HANG_SECONDS = 1.0


class NoLedger:
    """Keeps nothing of what a scenario notes: a kept error would hold the request."""

    def open(self, name: str, *, sync: bool = False) -> "NoLedger":
        return self

    def close(self) -> None:
        return None

    def fail(self, error: BaseException) -> BaseException:
        return error

    def begin(self, name: str) -> None:
        return None

    end = begin


@dataclass(frozen=True)
class Cut:
    """What goes wrong at which message of the request, received or sent."""

    kind: str
    at: int

    def __str__(self) -> str:
        return f"{self.kind} at message {self.at}"


@dataclass(frozen=True)
class CycleCell(Cell):
    """A scenario under some layers, whose target may be routes of its own, or a whole application."""

    def build(self, stage: Stage) -> Any:
        """The application."""
        case, kit = self.scenario, stage.kit
        target = case.make(stage)
        if isinstance(target, kit.App):
            return target
        if not isinstance(target, list):
            return super().build(stage)
        middleware = [*kit.layers(self.layers, self.way), *case.around(stage)]
        return kit.App(routes=target, middleware=middleware, exception_handlers={Refused: answer(kit)})

    def __str__(self) -> str:
        around = f", {self.layers} layers, {self.way}" if self.layers else ""
        return f"{self.scenario.name}{around}, ASGI {self.version}"


async def one_run(app: Any, server: Server, cut: Cut | None) -> bool:
    """One conversation with `app`, to its end, whatever it raises; True if it came to none by itself."""
    with anyio.move_on_after(HANG_SECONDS) as scope:
        receive, send = server.receive, server.send
        if cut is not None:
            receive, send = _cut(server, cut, scope)
        try:
            await app(server.scope, receive, send)
        except Exception:
            logger.debug("raised", exc_info=True)
    return scope.cancelled_caught and (cut is None or cut.kind != "cancelled")


def _cut(server: Server, cut: Cut, scope: anyio.CancelScope) -> tuple[Any, Any]:
    acts: dict[str, Callable[[], Any]] = {
        "client leaves": lambda: server.disconnect(fails=True),
        "client leaves in silence": lambda: server.disconnect(fails=False),
        "send raises": server.break_send,
        "receive raises": server.break_receive,
        "cancelled": scope.cancel,
    }
    left = cut.at

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            acts[cut.kind]()

    async def receive() -> Any:
        count()
        return await server.receive()

    async def send(message: Any) -> None:
        count()
        await server.send(message)

    return receive, send


def cuts(case: Scenario) -> list[Cut | None]:
    """What is done to a scenario: nothing, and every cut."""
    if case.kind == "lifespan":
        return [None]
    return [None, *(Cut(kind, at) for kind in CUTS for at in range(1, MESSAGES + 1))]


def cells(kit: Kit, *, own: bool = False) -> Iterator[CycleCell]:
    """Every scenario, with and without function middleware; with `own`, those that Starlette has not as well."""
    for case in (*SHARED, *(OF_ASTERION if kit.package == "asterion" and own else ())):
        for version in ("2.3", "2.4"):
            yield CycleCell(case, 0, "nested", version)
    for case in SCENARIOS:
        for count in (0, 1, 3) if case.kind == "http" else (0,):
            if case.dispatch is not None and not count:
                continue
            for way in kit.ways if count else ("nested",):
                for version in ("2.3", "2.4") if case.kind == "http" and count < 3 else ("2.4",):
                    yield CycleCell(case, count, way, version)


async def turns() -> None:
    """Let everything end that is about to."""
    for _ in range(ENOUGH_TURNS):
        await anyio.lowlevel.checkpoint()


@contextlib.contextmanager
def resting_collector() -> Iterator[None]:
    """What there is by now is left out of every collection, and none comes by itself."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def garbage() -> list[Any]:
    """What only the collector frees."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return list(gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


def names(found: list[Any]) -> list[str]:
    """What these objects are, each kind once."""
    return sorted({f"{type(one).__module__}.{type(one).__qualname__}" for one in found})


class Hung(Exception):
    """A run has come to no end by itself."""


class Place:
    """Where the applications of one toolkit run: their files, and the stage that scenarios write to."""

    def __init__(self, kit: Kit, folder: str) -> None:
        self.stage = Stage(kit, folder, NoLedger())  # type: ignore[arg-type]
        Path(folder, "data.bin").write_bytes(LONG)

    async def leaves(self, cell: CycleCell, runs: list[Cut | None]) -> list[str]:
        """What those runs of a cell leave to the collector, by kind. Raises Hung for one that comes to no end."""
        app = cell.build(self.stage)
        for cut in (None, *runs):  # what is made once only
            if await one_run(app, cell.server(), cut):
                raise Hung(f"{cell}, {cut or 'as it is'}")
        # What comes once and not again is no request's: anyio lets idle threads go now and then, say.
        return await self._left_by(app, cell, runs) and await self._left_by(app, cell, runs)

    async def _left_by(self, app: Any, cell: CycleCell, runs: list[Cut | None]) -> list[str]:
        await turns()
        gc.collect()
        for cut in runs:
            await one_run(app, cell.server(), cut)
        await turns()
        return names(garbage())


async def survey(place: Place, say: Callable[[str], None]) -> tuple[int, Counter[str]]:
    """Every run by itself: how many there were, and how many of which cut left something."""
    runs, found = 0, Counter[str]()
    for cell in cells(place.stage.kit):
        for cut in cuts(cell.scenario):
            runs += 1
            try:
                left = await place.leaves(cell, [cut])
            except Hung as hung:
                found[HUNG] += 1
                say(f"hung: {hung}")
                continue
            if left:
                found[cut.kind if cut else "as it is"] += 1
                say(f"{cell}, {cut or 'as it is'}: {', '.join(left)}")
    return runs, found


def main() -> int:
    """Count, print, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", choices=("asterion", "starlette"))
    parser.add_argument("--backend", default="asyncio", choices=("asyncio", "trio"))
    parser.add_argument("--show", action="store_true", help="say what each run has left")
    parser.add_argument("--keep", action="store_true", help="write the result for docs/reliability.md")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder, resting_collector():
        place = Place(Kit(given.package), folder)
        runs, found = anyio.run(survey, place, print if given.show else lambda line: None, backend=given.backend)
    leaving = found.total() - found[HUNG]
    print(f"{runs} runs, {leaving} leave something to the collector: {dict(found)}")
    if given.keep:
        keep(given.package, runs, found)
    return int(given.package == "asterion" and found.total() > 0)


def keep(package: str, runs: int, found: Counter[str]) -> None:
    """Put the figures of one toolkit beside those of the other."""
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {"part": "cycles", "asterion": {}, "starlette": {}}
    result[package] = {
        "runs": runs,
        "runs that leave cycles": found.total() - found[HUNG],
        **{kind: found[kind] for kind in ("as it is", *CUTS, HUNG)},
    }
    result["command"] = "make cycles"
    result["date"] = datetime.datetime.now(datetime.UTC).date().isoformat()
    RESULT.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
