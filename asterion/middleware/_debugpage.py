"""The page that shows an error to its developer. Everything that comes from outside is escaped; it runs no script.

Of a very long traceback it has the first calls and the last: those in between are the same few over and over, and to
find and write the source of all of them would keep other requests waiting.
"""

import inspect
import traceback
from collections.abc import Sequence
from html import escape
from types import TracebackType
from typing import Any

EDGE = 50
"""Calls that are shown at most of either end of a traceback."""

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --mark: #d33; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; overflow-wrap: anywhere; } h1 b { color: var(--mark); }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .6rem 0; }
summary { cursor: pointer; padding: .5rem .8rem; overflow-wrap: anywhere; }
pre { margin: 0; overflow-x: auto; padding: .5rem .8rem; font-size: .85rem; }
.current { background: color-mix(in srgb, var(--mark) 18%, transparent); display: inline-block; min-width: 100%; }
.number { opacity: .55; user-select: none; }
"""


def innermost_first(error: BaseException, limit: int) -> tuple[list[inspect.FrameInfo], int]:
    """The frames of the error's traceback, innermost first, with `limit` lines of source, and how many are left out.

    Those would stand behind the first `EDGE` ones.
    """
    calls = []
    at = error.__traceback__
    while at is not None:
        calls.append(at)
        at = at.tb_next
    left_out = len(calls) - 2 * EDGE
    if left_out <= 0:
        return inspect.getinnerframes(calls[0], limit)[::-1] if calls else [], 0
    last = calls[EDGE - 1]
    first = TracebackType(None, last.tb_frame, last.tb_lasti, last.tb_lineno)
    for call in calls[EDGE - 2 :: -1]:  # copies, so that they end there
        first = TracebackType(first, call.tb_frame, call.tb_lasti, call.tb_lineno)
    return [*inspect.getinnerframes(calls[-EDGE], limit)[::-1], *inspect.getinnerframes(first, limit)[::-1]], left_out


class _Shortened(traceback.StackSummary):
    def format(self, **options: Any) -> list[str]:
        """Both ends of the calls as text, and a line in the place of those in between."""
        first, last = (traceback.StackSummary.from_list(part) for part in (self[:EDGE], self[-EDGE:]))
        left_out = f"  [{_left_out(len(self) - 2 * EDGE)}]\n"
        return [*first.format(**options), left_out, *last.format(**options)]


def as_text(error: BaseException) -> str:
    """The traceback of the error as text, with those of the errors that it came of."""
    whole = traceback.TracebackException.from_exception(error, lookup_lines=False)
    ahead: list[traceback.TracebackException | None] = [whole]
    while ahead:
        one = ahead.pop()
        if one is not None:
            if len(one.stack) > 2 * EDGE:
                one.stack = _Shortened(one.stack)
            ahead += (one.__cause__, one.__context__, *(getattr(one, "exceptions", None) or ()))
    return "".join(whole.format())


def _left_out(calls: int) -> str:
    return f"{calls} calls are left out here; the traceback in the server's log has them all"


def left_out(calls: int) -> str:
    """What stands in the place of so many frames."""
    return f"<p>{_left_out(calls)}.</p>"


def line(number: int, text: str, *, is_current: bool) -> str:
    """One line of source with its number."""
    cls = ' class="current"' if is_current else ""
    return f'<span{cls}><span class="number">{number:>5} </span>{escape(text.rstrip())}</span>\n'


def frame(filename: str, function: str, number: int, lines: Sequence[str], is_collapsed: bool) -> str:
    """One frame of the traceback."""
    opened = "" if is_collapsed else " open"
    where = f"<code>{escape(filename)}</code>, line {number}, in <code>{escape(function)}</code>"
    return f"<details{opened}><summary>{where}</summary><pre>{''.join(lines)}</pre></details>"


def page(error: BaseException, frames: Sequence[str], text: str) -> str:
    """The whole page: the error, its frames (innermost first) and the traceback as text."""
    title = f"{escape(type(error).__name__)}: {escape(str(error))}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1><b>{escape(type(error).__name__)}</b>: {escape(str(error))}</h1>{''.join(frames)}"
        f"<details><summary>As text</summary><pre>{escape(text)}</pre></details></body></html>"
    )
