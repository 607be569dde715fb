"""A page as numbered lines in sections, of which it is known which have been understood."""

from __future__ import annotations

from dataclasses import dataclass, field

from fixbook.model import Problem

__all__ = ["Line", "Report", "sections", "shown"]

HEADINGS = {
    "the fix": "fix",
    "why this fix works in production": "works",
    "why this breaks in prod": "breaks",
    "proof / evidence": "evidence",
    "discussion": "discussion",
    "failure signature (search string)": "signatures",
    "error message": "error",
    "minimal reproduction": "reproduction",
    "environment": "environment",
    "what broke": "summary",
    "why it broke": "mechanism",
    "fix options (details)": "options",
    "when not to use this fix": "not_when",
    "get updates": "updates",
    "verify fix": "verify",
    "did this fix work in your case?": "votes",
    "prevention": "prevention",
    "version compatibility table": "versions",
    "related issues": "related",
    "sources": "sources",
}
_MOST = 200
_BULLETS = ("- ", "• ", "* ")


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not empty."""

    number: int
    raw: str

    @property
    def text(self) -> str:
        """Without white space around it."""
        return self.raw.strip()

    @property
    def bullet(self) -> str | None:
        """What stands after a bullet, if one is there."""
        text = self.text
        return text[2:].strip() if text.startswith(_BULLETS) else None


@dataclass(slots=True)
class Report:
    """What could not be taken over. Problems of one page stay a list that a person can read."""

    problems: list[Problem] = field(default_factory=list)
    left_out: int = 0

    def add(self, line: Line | None, message: str) -> None:
        """One problem, at a line or of the page as a whole."""
        if len(self.problems) < _MOST:
            self.problems.append(Problem(line.number if line else 0, message))
        else:
            self.left_out += 1

    def unknown(self, line: Line, where: str) -> None:
        """A line that nothing here understands."""
        self.add(line, f"not understood {where}: {shown(line.text)}")

    def end(self) -> list[Problem]:
        """All of it, by line."""
        found = sorted(self.problems, key=lambda problem: problem.line)
        if self.left_out:
            found.append(Problem(0, f"{self.left_out} further lines were not understood"))
        return found


def shown(text: str) -> str:
    """`text` as an error message shows it."""
    return repr(text if len(text) <= 80 else f"{text[:77]}...")


def sections(text: str, report: Report) -> dict[str, list[Line]]:
    """The lines of each section, empty ones left out. What stands before the first heading is under "".

    A heading that is underlined belongs to the block it stands in (sites repeat `Error Message` within its section).
    A section that is there twice is read as one, and reported.
    """
    raws = text.split("\n")
    found: dict[str, list[Line]] = {"": []}
    current = found[""]
    for index, raw in enumerate(raws):
        line = Line(index + 1, raw)
        name = _heading(line.text)
        following = raws[index + 1].strip() if index + 1 < len(raws) else ""
        if name is not None and not is_rule(following):
            if name in found:
                report.add(line, f"the section {shown(line.text)} is here twice; both are read as one")
            current = found.setdefault(name, [])
        elif line.text:
            current.append(line)
    return found


def _heading(text: str) -> str | None:
    if not text or len(text) > 60:
        return None
    return HEADINGS.get(text.lstrip("#").strip().rstrip(":").casefold())


def is_rule(text: str) -> bool:
    """Whether this is a line of dashes, as under a heading."""
    return len(text) >= 3 and not text.strip("-")
