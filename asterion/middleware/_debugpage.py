"""The page that shows an error to its developer. Everything that comes from outside is escaped; it runs no script."""

from collections.abc import Sequence
from html import escape

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
