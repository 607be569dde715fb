"""Instructions for each request: figures that do not depend on how busy the machine is.

`python -m benchmarks.instructions [AREA ...]` counts by `perf stat`, else by valgrind's callgrind, the difference of
two runs of different length. `--guard` compares Asterion's, as multiples of the bare protocol's, with those recorded
in `guard.json` (exit 1 where one is beyond the band); `--record` writes that file.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.catalogue import AREAS, area_named
from benchmarks.measure import FRAMEWORKS, RAW

GUARD = Path(__file__).with_name("guard.json")
BAND = 0.15
"""How much more than recorded is too much: compilers and releases of Python differ, and a regression is more."""


def perf_works() -> bool:
    if shutil.which("perf") is None:
        return False
    done = subprocess.run(
        ["perf", "stat", "-x,", "-e", "instructions:u", "true"], capture_output=True, text=True, check=False
    )
    return bool(re.search(r"^\d+,", done.stderr, re.MULTILINE))


def count(command: Sequence[str], by_perf: bool) -> int:
    """The instructions that `command` takes. Raises RuntimeError if it fails."""
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    if by_perf:
        whole = ["perf", "stat", "-x,", "-e", "instructions:u", *command]
        done = subprocess.run(whole, capture_output=True, text=True, env=environment, check=False)
        found = re.search(r"^(\d+),,instructions", done.stderr, re.MULTILINE)
    else:
        with tempfile.NamedTemporaryFile() as file:
            whole = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={file.name}", *command]
            done = subprocess.run(whole, capture_output=True, text=True, env=environment, check=False)
            found = re.search(r"refs:\s+([\d,]+)", done.stderr)
    if done.returncode or found is None:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-800:]}")
    return int(found[1].replace(",", ""))


def per_request(slug: str, name: str, by_perf: bool) -> float:
    """Instructions for one request of an area on a framework."""
    short, long = (200, 2200) if slug.startswith(("stream", "form", "file", "websocket")) else (1000, 11000)
    if slug.startswith(("form", "file", "websocket")):
        short, long = 5, 25
    command = [sys.executable, "-m", "benchmarks.once", slug, name]
    counts = [count([*command, str(times)], by_perf) for times in (short, long)]
    return (counts[1] - counts[0]) / (long - short)


def multiples(slugs: Sequence[str], by_perf: bool) -> dict[str, float]:
    """Asterion's instructions as multiples of the bare protocol's, by area."""
    return {
        slug: round(per_request(slug, "Asterion", by_perf) / per_request(slug, RAW, by_perf), 2)
        for slug in slugs
        if RAW in area_named(slug).builders
    }


def guard(by_perf: bool) -> int:
    """Print what is beyond the band; the exit status."""
    recorded: dict[str, float] = json.loads(GUARD.read_text())
    worse = 0
    for slug, now in multiples(list(recorded), by_perf).items():
        change = now / recorded[slug] - 1
        too_much = change > BAND
        worse += too_much
        print(f"{slug:<20} {now:6.2f}x raw, recorded {recorded[slug]:6.2f}x ({change:+.0%}){' TOO MUCH' * too_much}")
    return 1 if worse else 0


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("areas", nargs="*", metavar="AREA")
    parser.add_argument("--guard", action="store_true")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args(arguments)
    by_perf = perf_works()
    if not by_perf and shutil.which("valgrind") is None:
        print("instructions cannot be counted here: perf has no counters and valgrind is absent", file=sys.stderr)
        return 2
    if options.guard:
        return guard(by_perf)
    slugs = options.areas or [area.slug for area in AREAS]
    if options.record:
        GUARD.write_text(json.dumps(multiples(slugs, by_perf), indent=1) + "\n")
        return 0
    print(f"| instructions for each request ({'perf' if by_perf else 'callgrind'}) | " + " | ".join(FRAMEWORKS) + " |")
    print("|---|" + "--:|" * len(FRAMEWORKS))
    for slug in slugs:
        area = area_named(slug)
        cells = [f"{per_request(slug, name, by_perf):,.0f}" if name in area.builders else "-" for name in FRAMEWORKS]
        print(f"| {area.title} | " + " | ".join(cells) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
