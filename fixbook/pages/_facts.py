"""The short sections: lists, tables, `name: value` lines, quotes. What each says, into one record."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from fixbook.model import Quote, VersionStatus
from fixbook.pages._lines import Line, Report, shown

__all__ = ["READERS", "Facts"]

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_ORNAMENTS = frozenset(
    {
        "Jump to solution",
        "Verify",
        "Jump to Verify Open PR/Commit",
        "Production impact:",
        "High-signal excerpts from the issue thread (symptoms, repros, edge-cases).",
        "Re-run the minimal reproduction on your broken version, then apply the fix and re-run.",
        "verify",
        "We publish verified fixes weekly. No spam.",
        "Subscribe",
        "Quick signal helps us prioritize which fixes to verify and improve.",
        "No related fixes found.",
        "We don\u2019t republish the full GitHub discussion text. Use the links above for context.",
        "We don't republish the full GitHub discussion text. Use the links above for context.",
        "Copy-friendly signature",
        "Failure Signature",
        "VersionStatus",
        "Version Status",
    }
)


@dataclass(slots=True)
class Facts:
    """What has been read so far, by the names of `Case`'s fields."""

    report: Report
    values: dict[str, Any] = field(default_factory=dict)
    lists: dict[str, list[Any]] = field(default_factory=dict)

    def say(self, name: str, value: str, line: Line) -> None:
        """A fact. The first statement counts; one that contradicts it is reported."""
        known = self.values.setdefault(name, value)
        if known != value:
            self.report.add(line, f"{name} is {shown(value)} here, and {shown(known)} elsewhere in the page")

    def put(self, name: str, value: Any) -> None:
        """A member of a list, once."""
        members = self.lists.setdefault(name, [])
        if value not in members:
            members.append(value)

    def name(self, name: str, key: str, value: str, line: Line) -> None:
        """A member of a mapping."""
        known = self.values.setdefault(name, {}).setdefault(key, value)
        if known != value:
            self.report.add(line, f"{key} is {shown(value)} here, and {shown(known)} elsewhere in the page")

    def text(self, name: str, lines: list[Line]) -> None:
        """A section that is one text."""
        if kept := [line.text for line in lines if not is_ornament(line)]:
            self.say(name, "\n".join(kept), lines[0])


def is_ornament(line: Line) -> bool:
    """Whether the site puts this line on every page."""
    return line.text in _ORNAMENTS


def _pair(text: str) -> tuple[str, str] | None:
    key, colon, value = text.partition(":")
    return (key.strip(), value.strip()) if colon and value.strip() and 0 < len(key) <= 60 else None


def read_opening(lines: list[Line], facts: Facts) -> None:
    """Before the first heading: a title, if the page has one."""
    for line in lines:
        if line.text.startswith("# ") and "title" not in facts.values:
            facts.say("title", line.text[2:].strip(), line)
        elif not is_ornament(line):
            facts.report.unknown(line, "before the first heading")


_WORKS = {"trigger": "trigger", "mechanism": "mechanism", "why the fix works": "why_it_works"}


def read_works(lines: list[Line], facts: Facts) -> None:
    """Trigger, mechanism, why the fix works; the rest tells of the impact."""
    for line in lines:
        if is_ornament(line):
            continue
        text = line.bullet
        pair = _pair(text) if text else None
        if pair and pair[0].casefold() in _WORKS:
            facts.say(_WORKS[pair[0].casefold()], pair[1], line)
        elif text:
            facts.put("impact", text)
        else:
            facts.report.unknown(line, "among the reasons why the fix works")


def read_breaks(lines: list[Line], facts: Facts) -> None:
    """How it shows in production."""
    for line in lines:
        text = line.bullet
        if text is None:
            if not is_ornament(line):
                facts.report.unknown(line, "among the symptoms")
            continue
        pair = _pair(text)
        if pair and (pair[0] == "Surfaces as" or pair[0].startswith("Production symptom")):
            facts.put("symptoms", pair[1])
        elif text.startswith("Shows up under "):
            facts.put("notes", text)
        elif text not in (facts.values.get("mechanism"), facts.values.get("summary")):
            facts.put("symptoms", text)


def read_evidence(lines: list[Line], facts: Facts) -> None:
    """`name: value` lines."""
    for line in lines:
        pair = _pair(line.bullet or line.text)
        if pair is None:
            facts.report.unknown(line, "among the evidence")
            continue
        key, value = pair
        if key == "GitHub issue":
            facts.say("issue", value.removeprefix("#"), line)
        elif key == "Fix PR":
            facts.say("fix", value, line)
        elif key == "First fixed release":
            facts.say("first_fixed", value, line)
        elif key == "Confidence":
            _confidence(value, line, facts)
        else:
            facts.name("evidence", key, value, line)


def _confidence(value: str, line: Line, facts: Facts) -> None:
    try:
        number = float(value) if value.isascii() else -1.0
    except ValueError:
        number = -1.0
    if 0 <= number <= 1:
        facts.values["confidence"] = number
    else:
        facts.report.add(line, f"the confidence {shown(value)} is not a number from 0 to 1")


def read_discussion(lines: list[Line], facts: Facts) -> None:
    """Quotes in “ ”, over one line or several, each followed by who said it and when, where the page tells."""
    quoted: list[str] = []
    for line in lines:
        text = line.text
        if quoted:
            quoted.append(text)
        elif text.startswith(("“", '"')) and len(text) > 1:
            quoted = [text]
        elif text.startswith("@") and " · " in text and facts.lists.get("discussion"):
            _signed(text, facts)
        elif not is_ornament(line):
            facts.report.unknown(line, "in the discussion")
        if quoted and text.endswith("”" if quoted[0][0] == "“" else '"') and (len(quoted) > 1 or len(text) > 1):
            facts.lists.setdefault("discussion", []).append(Quote("\n".join(quoted)[1:-1]))
            quoted = []
    if quoted:
        facts.report.add(lines[-1], f"a quote is not closed: {shown(quoted[0])}")
        facts.lists.setdefault("discussion", []).append(Quote("\n".join(quoted)[1:]))


def _signed(text: str, facts: Facts) -> None:
    author, *rest = [part.strip() for part in text.split(" · ")]
    date = next((part for part in rest if _DATE.fullmatch(part)), None)
    voices = facts.lists["discussion"]
    voices[-1] = Quote(voices[-1].text, author.removeprefix("@"), date)
    for part in rest:
        if part not in (date, "source"):
            facts.put("notes", f"{part}: {author}{f', {date}' if date else ''}")


def read_signatures(lines: list[Line], facts: Facts) -> None:
    """The search strings, and the block to copy that some pages have beside them."""
    for line in lines:
        if line.bullet:
            facts.put("signatures", line.bullet)
        elif not is_ornament(line) and line.text.strip("-"):
            facts.put("signatures", line.text)


def read_environment(lines: list[Line], facts: Facts) -> None:
    """`name: value` lines."""
    for line in lines:
        if pair := _pair(line.bullet or line.text):
            facts.name("environment", *pair, line)
        else:
            facts.report.unknown(line, "in the environment")


def read_versions(lines: list[Line], facts: Facts) -> None:
    """Rows `| 0.20.1 | Fixed |` or `0.20.1 Fixed`."""
    for line in lines:
        text = line.text
        if is_ornament(line) or not text.strip("|-: "):
            continue
        cells = [cell.strip() for cell in text.strip("|").split("|")] if text.startswith("|") else text.split(None, 1)
        if [cell.casefold() for cell in cells] == ["version", "status"]:
            continue
        if len(cells) == 2 and all(cells):
            facts.put("versions", VersionStatus(cells[0], cells[1]))
        else:
            facts.report.unknown(line, "in the version table")


def _list(name: str, lines: list[Line], facts: Facts) -> None:
    for line in lines:
        if line.bullet:
            facts.put(name, line.bullet)
        elif not is_ornament(line):
            facts.report.unknown(line, f"in the list {name!r}")


def read_notes(lines: list[Line], facts: Facts) -> None:
    """Sections of which only the ornaments are known: anything else is a note."""
    for line in lines:
        if not is_ornament(line):
            facts.put("notes", line.bullet or line.text)


READERS = {
    "": read_opening,
    "works": read_works,
    "breaks": read_breaks,
    "evidence": read_evidence,
    "discussion": read_discussion,
    "signatures": read_signatures,
    "environment": read_environment,
    "versions": read_versions,
    "summary": lambda lines, facts: facts.text("summary", lines),
    "mechanism": lambda lines, facts: facts.text("mechanism", lines),
    "not_when": lambda lines, facts: _list("not_when", lines, facts),
    "prevention": lambda lines, facts: _list("prevention", lines, facts),
    "related": lambda lines, facts: _list("related", lines, facts),
    "updates": read_notes,
    "verify": read_notes,
    "votes": read_notes,
    "sources": read_notes,
}
"""For each section that is read by itself. Mechanism and summary come before `breaks`, which repeats them."""
