"""The verdict: out of what a case declares and what a run showed, and nothing else."""

from __future__ import annotations

import re

from fixbook.model import Expectation, Outcome, Reproduction

__all__ = ["ended_by", "judge"]

_TRACEBACK = "Traceback (most recent call last):"
# Under an exception group every line has bars before it.
_LAST_LINE = re.compile(r"^[ |+-]{0,40}([A-Za-z_][\w.]*)(?::.*)?$")


def ended_by(output: str) -> str | None:
    """The type of the exception whose traceback comes last in `output`, as the traceback spells it."""
    _, found, rest = output.rpartition(_TRACEBACK)
    if not found:
        return None
    for line in rest.splitlines()[1:]:
        if line.startswith((" ", "\t")) and not line.lstrip().startswith("|"):
            continue  # frames, and lines of source under them
        if match := _LAST_LINE.match(line):
            return match[1]
    return None


def _is_named(raised: str | None, wanted: str) -> bool:
    return raised is not None and (raised == wanted or raised.rpartition(".")[2] == wanted)


def _unmet(expectation: Expectation, exit_code: int | None, output: str) -> str | None:
    """What of `expectation` does not hold, in words; None if all of it does."""
    if expectation.exit is not None and exit_code != expectation.exit:
        return f"exit status {exit_code}, not {expectation.exit}"
    try:
        for pattern in expectation.output:
            if not re.search(pattern, output, re.MULTILINE):
                return f"nothing in the output matches {pattern!r}"
        for pattern in expectation.absent:
            if re.search(pattern, output, re.MULTILINE):
                return f"the output has {pattern!r}, which should be absent"
    except re.error as error:
        return f"{pattern!r} is no regular expression: {error}"
    if expectation.exception is not None:
        raised = ended_by(output)
        if not _is_named(raised, expectation.exception):
            return f"ended by {raised or 'no exception'}, not by {expectation.exception}"
    return None


def judge(reproduction: Reproduction, exit_code: int | None, signal: int | None, output: str) -> tuple[Outcome, str]:
    """What a run showed: BROKEN or RIGHT where that expectation alone holds, else UNEXPECTED; and why.

    `exit_code` is None for a process that a signal ended. An expectation that is not declared never holds.
    """
    unmet: dict[Outcome, str] = {}
    held: list[Outcome] = []
    for outcome, expectation in ((Outcome.BROKEN, reproduction.broken), (Outcome.RIGHT, reproduction.right)):
        if expectation is None:
            unmet[outcome] = "it is not declared"
        elif (reason := _unmet(expectation, exit_code, output)) is not None:
            unmet[outcome] = f"ended by signal {signal}; {reason}" if signal else reason
        else:
            held.append(outcome)
    if len(held) == 1:
        return held[0], f"it shows all that is declared of {held[0].value!r}"
    if held:
        return Outcome.UNEXPECTED, "both expectations hold: they do not tell broken and right apart"
    return Outcome.UNEXPECTED, "; ".join(f"not {outcome.value}: {reason}" for outcome, reason in unmet.items())
