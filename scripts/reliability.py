"""Write docs/reliability.md: what was done to break Asterion, and what came of it, beside Starlette.

Each part of that work leaves its figures as JSON in `tests/results/` or `scripts/results/`: {"part", "asterion",
"starlette", "command", "date"}. `make reliability` puts them together; with `--check` the page is compared with the one
that is there.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reliability.md"
FOLDERS = (ROOT / "tests" / "results", ROOT / "scripts" / "results")

_HEAD = """\
# Reliability

What was done to break Asterion, and what came of it. Where Starlette 1.10 stands beside it, the same harness has run
the real Starlette. This page is made from the results of each part by `make reliability`; the command of each part
makes its results anew.
"""

_FAULTS = """\
Each request is run once for every point at which it waits (one in so many, where the table says so) and every fault
that may fall there: its task or a scope around it is cancelled, the client leaves (`send` fails, or does nothing),
`send` raises, `receive` raises; and with two faults drawn by a seed. HTTP of every kind, WebSockets and lifespans; 0, 1
and 3 function middlewares, which run in three ways on Asterion and in one on Starlette; ASGI 2.3 and 2.4.

A run counts once for each kind of violation in it. What has to hold stands in `tests/faults/judge.py`, and each kind is
shown to be found in an application that is broken on purpose (`tests/faults/broken.py`). HEAD answered with a body, and
a lifespan that answers what it was not asked, count as message order; an upload that is cut short and taken for whole,
as incomplete. Starvation: clients that leave a stream whose source and whose `send` never wait, and that go unnoticed
for a second."""

_DIFFERENCES = """\
The same random request to Asterion and to Starlette. Every difference that is meant is explained; a violation is one
that is not."""

_COVERAGE = """\
Statements and branches of the package that the tests take, in threads and in the processes that tests start as well.
What cannot be taken is excluded, with the reason."""

_MUTATION = """\
Small changes to the code, which some test has to notice: a comparison is turned or moved by one, a condition is turned
round, `and` is `or`, a number is one more, nothing is returned, an error is not raised, a call is left out, a loop goes
on. They are drawn by a seed from all those that can be made in a group of modules, and tried in a copy of the tree
against the tests of that group alone. A change that nobody can notice, because the code does what it did, is left out;
each is written down in `scripts/mutation/equivalents.toml` with the reason. What was not noticed when it was drawn was
judged one by one: it is equivalent, or a test was written that notices it, and the same draw was tried again. A later
draw by another seed tells how much of that was luck: what it finds not noticed at first was seen by nobody before."""

_ATTACKS = (
    "Published attacks on web toolkits, tried here. An open one succeeds; where no defence is offered, applications "
    "have to write their own."
)

_CYCLES = """\
What a request makes is freed when it ends: nothing is left for the garbage collector, which comes seldom and holds up
every request when it does. The requests of the fault matrix and more, as they are and cut at their first messages (the
client leaves, `send` or `receive` raises, a scope around the request is cancelled), with the collector switched off;
what it finds afterwards was left. On Asterion function middleware runs in three ways, so that there are more runs. The
figures are those of asyncio; the tests look at trio as well. Code of the application may leave cycles of its own: a
handler that raises the very exception it was given, say."""

_GROWTH = """\
How the work of each parser grows from an input of 16 KB to one of 1 MB, in the processor's instructions: 1 is linear,
and of several inputs the worst counts. The longest step is what a request as large as it may be holds the event loop
at once: the CPU time of its longest callback, on the machine that made this page, where 10 ms are 400,000 turns of a
plain Python loop. What worker threads do does not count. Asterion's steps above 10 ms are explained and bounded in
`tests/growth/requests.py`: Python's own scanner of JSON and its own unquoting cannot be cut, 32 MiB are copied once,
and the debug page is for developers. Where one side refuses what the other takes, the refusal was measured."""

PARTS: dict[str, tuple[str, str]] = {
    "faults": ("Faults", _FAULTS),
    "simulation": ("Simulation", "Whole applications with several clients at once, in an order drawn by a seed."),
    "properties": ("Properties", "Round trips and state machines with inputs made by Hypothesis."),
    "differential": ("Differences", _DIFFERENCES),
    "fuzzing": ("Fuzzing", "Each parser under a fuzzer that is led by coverage."),
    "attacks": ("Attacks", _ATTACKS),
    "growth": ("Growth", _GROWTH),
    "cycles": ("Reference cycles", _CYCLES),
    "soak": ("Soak", "Many requests, one in five of them faulted: what is held at the end."),
    "modes": ("Modes", "The tests of every part under `python -O`, under `-X dev` and with asyncio's debug mode."),
    "mutation": ("Mutation", _MUTATION),
    "coverage": ("Coverage", _COVERAGE),
}


def _of(number: str, count: str) -> Callable[[dict[str, Any]], str]:
    """What says one figure out of another."""
    return lambda side: f"{_text(side[number])} of {_text(side[count])}" if side.get(number) is not None else ""


def _flat(side: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {'flat' if run['flat'] else 'grows'}" for name, run in side.items())


def _failed(side: dict[str, Any]) -> str:
    count = sum(run.get(kind, 0) for run in side.values() for kind in ("passed", "failed", "error"))
    return f"{sum(run.get('failed', 0) + run.get('error', 0) for run in side.values())} of {count:,}"


def _missed(side: dict[str, Any]) -> str:
    return f"{side['statements missed'] + side['branches missed']} of {side['statements'] + side['branches']:,}"


def _survived(side: dict[str, Any]) -> str:
    draws = [draw for draws in side["mutants"].values() for draw in draws]
    return f"{sum(one['survived'] for one in draws)} of {sum(one['tried'] for one in draws):,}"


# What the table at the top says of a part, and how one side's figures say it.
SUMMARIES: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "faults": ("requests cut at a point: runs that violate an invariant", _of("runs with a violation", "runs")),
    "simulation": ("several clients in a drawn order: runs that violate one", _of("violations", "runs")),
    "properties": ("properties that did not hold", _of("violations", "runs")),
    "differential": ("differences to Starlette that nothing explains", _of("violations", "runs")),
    "fuzzing": ("inputs of fuzzers that broke a parser", _of("violations", "runs")),
    "attacks": ("published attacks that succeed", _of("open", "tried")),
    "cycles": ("requests that leave reference cycles", _of("runs that leave cycles", "runs")),
    "growth": (
        "inputs whose work grows more than twice as fast",
        _of("inputs that grow more than twice as fast", "inputs tried"),
    ),
    "soak": ("objects, descriptors, tasks and memory", _flat),
    "modes": ("tests that fail under -O, -X dev or asyncio's debug mode", _failed),
    "mutation": ("mutants that no test notices", _survived),
    "coverage": ("statements and branches that no test takes", _missed),
}


def _mutants(result: dict[str, Any]) -> list[str]:
    """The table of the mutants: a line for each draw from a group of modules, and one for all that a seed has drawn.

    How many were noticed at first was not kept of the earliest draws.
    """
    groups = sorted(result["asterion"]["mutants"].items())
    draws = [(name, draw) for name, draws in groups for draw in draws]
    counts = ("possible", "drawn", "noticed at first", "first", "equivalent", "noticed", "survived")
    for seed in sorted({draw["seed"] for _, draw in draws}):
        of_seed = [draw for _, draw in draws if draw["seed"] == seed]
        known = [count for count in counts if all(count in one for one in of_seed)]
        draws.append(("all", {"seed": seed} | {count: sum(one[count] for one in of_seed) for count in known}))
    titles = (
        "seed",
        "possible",
        "drawn",
        "noticed at first",
        "not noticed at first",
        "equivalent",
        "noticed",
        "not noticed",
        "noticed of the rest",
    )
    lines = [f"| modules | {' | '.join(titles)} |", f"| :-- |{' --: |' * len(titles)}"]
    for name, one in draws:
        share = one["noticed"] / max(1, one["noticed"] + one["survived"])
        figures = " | ".join(_text(one[count]) if count in one else "" for count in counts)
        lines.append(f"| {name} | {one['seed']} | {figures} | {share:.1%} |")
    return lines


# The parts whose figures are no list of names and values.
TABLES: dict[str, Callable[[dict[str, Any]], list[str]]] = {"mutation": _mutants}


def main() -> int:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if the page is not what the results say")
    page = render(sorted(results(), key=_place))
    if not parser.parse_args().check:
        PAGE.write_text(page)
        return 0
    if PAGE.exists() and PAGE.read_text() == page:
        return 0
    print("docs/reliability.md is not what the results say: run `make reliability`", file=sys.stderr)
    return 1


def results() -> Iterator[dict[str, Any]]:
    """What the parts have left. A file without the name of its part is named after itself."""
    for folder in FOLDERS:
        for path in sorted(folder.glob("*.json")):
            yield {"part": path.stem, **json.loads(path.read_text())}


def _place(result: dict[str, Any]) -> tuple[int, str]:
    names = list(PARTS)
    part = str(result["part"])
    return (names.index(part) if part in names else len(names), part)


def render(found: list[dict[str, Any]]) -> str:
    """The page of these results."""
    return "\n".join([_HEAD, *_summary(found), *map(_section, found)])


def _summary(found: list[dict[str, Any]]) -> Iterator[str]:
    """The table at the top: a line for each part, which leads to its section."""
    yield "| | Asterion | Starlette 1.10 |"
    yield "| :-- | --: | --: |"
    for result in found:
        part = str(result["part"])
        if part not in SUMMARIES:
            continue
        title, (says, figure) = PARTS[part][0], SUMMARIES[part]
        sides = [figure(result[side]) if result.get(side) else "" for side in ("asterion", "starlette")]
        yield f"| [{title}](#{title.lower().replace(' ', '-')}): {says} | {' | '.join(sides)} |"
    yield ""


def _section(result: dict[str, Any]) -> str:
    part = str(result["part"])
    title, says = PARTS.get(part, (part.capitalize(), ""))
    sides = {"Asterion": _rows(result.get("asterion")), "Starlette 1.10": _rows(result.get("starlette"))}
    shown = [name for name, rows in sides.items() if rows] or ["Asterion"]
    names = dict.fromkeys(name for side in shown for name in sides[side])
    lines = [f"## {title}", ""]
    if says:
        lines += [says, ""]
    if part in TABLES:
        lines += TABLES[part](result)
    else:
        lines += [f"| | {' | '.join(shown)} |", f"| :-- |{' --: |' * len(shown)}"]
        lines += [f"| {name} | {' | '.join(sides[side].get(name, '') for side in shown)} |" for name in names]
    made = [f"`{result['command']}`"] if result.get("command") else []
    made += [str(result["date"])] if result.get("date") else []
    if made:
        lines += ["", f"Made by {', '.join(made)}."]
    return "\n".join([*lines, ""])


def _rows(figures: Any) -> dict[str, str]:
    """The figures of one side, by the name of their row: what is nested has a row of its own, to the second level."""
    rows: dict[str, str] = {}
    for name, value in (figures or {}).items():
        if isinstance(value, dict) and value:
            rows |= {_cell(f"{_words(name)}: {_words(inner)}"): _text(one) for inner, one in value.items()}
        else:
            rows[_cell(_words(name))] = _text(value)
    return rows


def _words(name: Any) -> str:
    return str(name).replace("_", " ")


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return _cell(", ".join(f"{_words(name)} {_text(one)}" for name, one in value.items()) or "none")
    if isinstance(value, list):
        return _cell(", ".join(map(_text, value)) or "none")
    if value is None:
        return "not measured"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return _cell(f"{value:g}" if isinstance(value, float) else str(value))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    sys.exit(main())
