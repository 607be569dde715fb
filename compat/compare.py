"""Two reports side by side: which tests differ, and which of these have a reason. Pure; nothing is run here."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from compat.junit import Outcome, Report
from compat.project import CompatError

# A failure and an error are one: which of them it is depends on where a fixture stands.
_BAD = ("failed", "error")

Again = Callable[[list[str]], tuple[Mapping[str, Outcome], Mapping[str, Outcome]]]


@dataclass(frozen=True, slots=True)
class Difference:
    """A test that ended differently on the two sides. `missing` means that it did not run on that side."""

    test: str
    starlette: str
    asterion: str


def _same(one: str, other: str) -> bool:
    return one == other or (one in _BAD and other in _BAD)


def differences(starlette: Mapping[str, Outcome], asterion: Mapping[str, Outcome]) -> list[Difference]:
    """The tests with another outcome on the other side, or on one side only, sorted by name."""
    return [
        Difference(name, one, other)
        for name in sorted(starlette.keys() | asterion.keys())
        if not _same(one := starlette.get(name, "missing"), other := asterion.get(name, "missing"))
    ]


def lasting(first: Iterable[Difference], again: Again) -> tuple[list[Difference], list[str]]:
    """The differences that are there again when their tests run alone on both sides, and the flaky rest's names."""
    found = list(first)
    if not found:
        return [], []
    starlette, asterion = again([each.test for each in found])
    kept, flaky = [], []
    for each in found:
        now = Difference(each.test, starlette.get(each.test, "missing"), asterion.get(each.test, "missing"))
        if now.starlette == now.asterion == "missing":
            kept.append(each)  # cannot be run alone (a module that was not collected): the first run counts
        elif _same(now.starlette, now.asterion):
            flaky.append(each.test)
        else:
            kept.append(now)
    return kept, flaky


def check_engines(starlette: Report, asterion: Report) -> None:
    """Make sure that each side ran on what it is named after.

    Raises:
        CompatError: no test ran, or a side ran on the other engine.
    """
    for side, report in (("starlette", starlette), ("asterion", asterion)):
        if not report.engines:
            why = "none of its modules could be imported" if report.outcomes else "look at `tests` and `arguments`"
            raise CompatError(f"no test was found on the side of {side}: {why}")
        if report.engines != {side}:
            seen = ", ".join(sorted(report.engines))
            raise CompatError(f"the side of {side} ran on {seen}: the comparison would mean nothing")
