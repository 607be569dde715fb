"""Measure growth and the longest steps of Asterion and of Starlette, for docs/reliability.md (`make growth`).

`python -m tests.growth.figures` writes `tests/results/growth.json`. Each toolkit is measured by a process of its own,
which is ended when one case takes more than `--seconds`; the next one goes on behind it.
"""

import argparse
import contextlib
import datetime
import json
import logging
import select
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tests.growth.answers
import tests.growth.bodies
import tests.growth.heads
import tests.growth.routes  # noqa: F401
from tests.growth.instructions import Instructions
from tests.growth.measure import SMALL, without_collections
from tests.growth.requests import LARGE
from tests.growth.shapes import BOTH, CASES, Kit
from tests.growth.steps import longest_step

RESULT = Path(__file__).parents[1] / "results" / "growth.json"
LARGE_SIZE = 1024 * 1024
TWICE = 2.0
TRIES = 3


# --- in the process that measures ---


def factor(number: int, package: str) -> float | None:
    """How many times as much as linearly the instructions of a case grow; None if the toolkit has no such parser."""
    case, counter = CASES[number], Instructions.open()
    if counter is None:
        raise SystemExit("the processor's instructions cannot be counted here, and these figures are made of them")
    try:
        if package not in case.packages:
            return None
        parse = case.make(Kit(package))

        def counted(size: int) -> int:
            given, before = case.given(size), case.given(size // 2)

            def work() -> None:
                with contextlib.suppress(Exception):
                    parse(given)

            with without_collections():
                with contextlib.suppress(Exception):
                    parse(before)  # what is made once only
                return counter.of(work)

        small = counted(SMALL)
        return counted(LARGE_SIZE) / small / (LARGE_SIZE / SMALL)
    finally:
        counter.close()


def step(number: int, package: str) -> list[float]:
    """The longest step of a kind of request: in times of the known work (the more of both measures), and in ms."""
    asked = LARGE[number].prepared(Kit(package))
    found = min((longest_step(asked) for _ in range(TRIES)), key=lambda one: one.timed)
    return [max(found.timed, found.counted or 0.0), found.milliseconds]


def measure(package: str, first: int) -> None:
    """Say what comes of each case from `first` on, one line each."""
    logging.disable(logging.CRITICAL)
    for number in range(first, len(CASES) + len(LARGE)):
        known = number < len(CASES)
        found: Any = factor(number, package) if known else step(number - len(CASES), package)
        print(json.dumps([number, found]), flush=True)


# --- in the process that asks ---


def measured(package: str, seconds: float, first: int = 0) -> Iterator[Any]:
    """What came of each case from `first` on, or "too long"."""
    at, count = first, len(CASES) + len(LARGE)
    while at < count:
        command = [sys.executable, "-m", "tests.growth.figures", "--measure", package, str(at)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            while at < count and select.select([process.stdout], [], [], seconds)[0]:
                line = process.stdout.readline()
                if not line:
                    raise SystemExit(f"measuring {package} ended at case {at} with {process.wait()}")
                yield json.loads(line)[1]
                at += 1
            if at < count:
                process.kill()
                yield "too long"
                at += 1


def side(package: str, seconds: float) -> dict[str, Any]:
    """The figures of one toolkit."""
    found = list(measured(package, seconds))
    parsers: dict[str, list[Any]] = {}
    for case, one in zip(CASES, found, strict=False):
        if one is not None:
            parsers.setdefault(case.parser, []).append(one)
    tried = [one for several in parsers.values() for one in several]
    return {
        "version": version(package),
        "inputs tried": len(tried),
        "inputs that grow more than twice as fast": sum(_is_over(one, TWICE) for one in tried),
        **of_steps(found[len(CASES) :], seconds),
        "times linear": {name: _worst(several, seconds) for name, several in parsers.items()},
    }


def of_steps(found: list[Any], seconds: float) -> dict[str, Any]:
    """The figures of the longest steps."""
    return {
        "kinds of large requests": len(found),
        "requests with a step of more than 10 ms": sum(_is_over(one, 1.0) for one in found if one != "too long"),
        "longest step": {str(kind): _told(one, seconds) for kind, one in zip(LARGE, found, strict=True)},
    }


def _is_over(one: Any, bound: float) -> bool:
    return one == "too long" or bool((one[0] if isinstance(one, list) else one) > bound)


def _worst(several: list[Any], seconds: float) -> Any:
    if "too long" in several:
        return f"more than {seconds:g} s for 1 MB"
    return round(max(several), 2)


def _told(one: Any, seconds: float) -> str:
    return f"not measured: three runs take more than {seconds:g} s" if one == "too long" else f"{one[1]:.1f} ms"


def main() -> int:
    """Measure both and keep the figures. The exit code is 1 if an input of Asterion's grows more than twice as fast."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="what one case may take")
    parser.add_argument("--measure", nargs=2, metavar=("PACKAGE", "FIRST"), help=argparse.SUPPRESS)
    parser.add_argument("--steps", action="store_true", help="measure the steps only, and keep the rest as it is")
    parser.add_argument("--only", choices=BOTH, help="measure one toolkit, and keep the other's figures as they are")
    given = parser.parse_args()
    if given.measure:
        measure(given.measure[0], int(given.measure[1]))
        return 0
    sides, packages = {}, BOTH if given.only is None else (given.only,)
    for package in packages:
        if given.steps:
            sides[package] = of_steps(list(measured(package, given.seconds, len(CASES))), given.seconds)
        else:
            sides[package] = side(package, given.seconds)
    result: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    result |= {package: {**result.get(package, {}), **found} for package, found in sides.items()}
    result |= {"part": "growth", "command": "make growth"}
    result["date"] = datetime.datetime.now(datetime.UTC).date().isoformat()
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    over = "inputs that grow more than twice as fast"
    for package in BOTH:
        if package in result:
            told = result[package]
            print(f"{package}: {told[over]} of {told['inputs tried']} {over.removeprefix('inputs that ')}")
    return 1 if result.get("asterion", {}).get(over) else 0


if __name__ == "__main__":
    sys.exit(main())
