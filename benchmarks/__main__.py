"""Print the side-by-side table: `python -m benchmarks [--quick] [--only AREA ...] [--json FILE] [--write]`."""

import argparse
import asyncio
import json
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.catalogue import AREAS
from benchmarks.measure import FRAMEWORKS, FULL, QUICK, Area, Timing, measure
from benchmarks.page import write_table

BASE = "Starlette"

Table = dict[str, dict[str, Timing]]


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds; for a first look")
    parser.add_argument(
        "--only", action="append", metavar="AREA", choices=[area.slug for area in AREAS], help="one area"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures of all rounds to a file as well")
    parser.add_argument("--write", action="store_true", help="put the table into README.md and docs/performance.md")
    return parser.parse_args(arguments)


def version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def versions() -> dict[str, str]:
    names = ("asterion", "starlette", "blacksheep", "falcon", "litestar", "fastapi", "anyio", "uvloop")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def render_cell(timings: dict[str, Timing], name: str) -> str:
    """A median with its spread, and how many times as fast as Starlette that is."""
    if name not in timings:
        return "-"
    timing = timings[name]
    text = f"{timing.median:.1f} ±{timing.spread:.0%}"
    if name != BASE and BASE in timings:
        text += f" ({timings[BASE].median / timing.median:.1f}x)"
    return text


def render_row(area: Area, timings: dict[str, Timing]) -> str:
    return f"| {area.title:<28} |" + "".join(f" {render_cell(timings, name):>20} |" for name in FRAMEWORKS)


def render_head() -> str:
    names = f"| {'µs of CPU per request':<28} |" + "".join(f" {name:>20} |" for name in FRAMEWORKS)
    return names + "\n|" + "-" * 30 + "|" + ("-" * 21 + ":|") * len(FRAMEWORKS)


def dump(table: Table) -> dict[str, Any]:
    areas = {
        slug: {name: {"median": timing.median, "rounds": timing.rounds} for name, timing in timings.items()}
        for slug, timings in table.items()
    }
    return {"unit": "microseconds of CPU time per request", "versions": versions(), "areas": areas}


async def run(areas: Sequence[Area], quick: bool) -> Table:
    table: Table = {}
    said: set[str] = set()

    def say(line: str) -> None:
        if line not in said:
            said.add(line)
            print(line, file=sys.stderr, flush=True)

    print(render_head(), flush=True)
    for area in areas:
        table[area.slug] = await measure(area, QUICK if quick else FULL, say)
        print(render_row(area, table[area.slug]), flush=True)
    return table


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    areas = [area for area in AREAS if not options.only or area.slug in options.only]
    print(", ".join(f"{name} {number}" for name, number in versions().items()))
    print("median of the rounds ± half of the distance between the quartiles (times as fast as Starlette)\n")
    try:
        import uvloop
    except ImportError:
        print("uvloop is left out: not installed; the loop is asyncio's own", file=sys.stderr)
        table = asyncio.run(run(areas, options.quick))
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            table = runner.run(run(areas, options.quick))
    if options.write:
        lines = [_line(["µs of CPU for each request", *FRAMEWORKS]), "|---|" + "--:|" * len(FRAMEWORKS)]
        lines += [_line([area.title, *(render_cell(table[area.slug], name) for name in FRAMEWORKS)]) for area in areas]
        write_table("requests", "\n".join(lines))
    if options.json:
        options.json.write_text(json.dumps(dump(table), indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
