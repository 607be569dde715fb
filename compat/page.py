"""docs/compat.md: a head written by hand, and a part made from the results between two marks."""

from collections.abc import Mapping, Sequence
from typing import Final

from compat.project import CompatError, Project
from compat.results import Result

BEGIN: Final = "<!-- made by `make compat`: begin -->"
END: Final = "<!-- made by `make compat`: end -->"

_HEAD: Final = """\
| Project | Version | Tests | On Starlette | On Asterion | Differ | Notes |
| :-- | :-- | :-- | :-- | :-- | --: | :-- |
"""


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {word}" for word, number in counts.items() if number) or "none"


def _text(text: str) -> str:
    """Text with code in it: what would be a tag is written out, except in code, where a tag is none."""
    parts = text.replace("\n", " ").split("`")
    return "`".join(part if index % 2 else part.replace("<", "&lt;") for index, part in enumerate(parts))


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}"


def _row(project: Project, result: Result) -> str:
    whose = "its own" if result.kind == "suite" else "an application of ours"
    cells = [
        _cell(result.project),
        result.version,
        whose,
        _counts(result.starlette),
        _counts(result.asterion),
        str(len(result.differs)),
        _cell(project.note),
    ]
    return f"| {' | '.join(cells)} |\n"


def _reasons(project: Project, result: Result) -> str:
    lines = [f"\n### {project.key}\n\n"]
    for each in result.differs:
        reason = _text(project.differs.get(each["test"], "not explained yet"))
        lines.append(f"- {_code(each['test'])} ({each['starlette']} on Starlette, {each['asterion']}): {reason}\n")
    return "".join(lines)


def table(entries: Sequence[tuple[Project, Result]]) -> str:
    """The part that is made: a row for each project, then what differs and why."""
    text = _HEAD + "".join(_row(project, result) for project, result in entries)
    differing = [(project, result) for project, result in entries if result.differs]
    if differing:
        text += "\n## What differs, and why\n" + "".join(_reasons(project, result) for project, result in differing)
    return text


def with_table(page: str, made: str) -> str:
    """The page with its made part replaced.

    Raises:
        CompatError: the marks are not there, each once and in order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise CompatError(f"the page has no part to fill; it needs a line {BEGIN!r} and below it a line {END!r}")
    return f"{before}{BEGIN}\n\n{made}\n{END}{after}"
