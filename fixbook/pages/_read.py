"""A page, read: the case that it tells of, and what could not be taken over."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fixbook.model import CASE_ID, Case, Problem, Reproduction, Source
from fixbook.pages._blocks import merged, read_error, read_fix, read_options, read_reproduction
from fixbook.pages._decode import decode
from fixbook.pages._facts import READERS, Facts
from fixbook.pages._lines import Line, Report, sections
from fixbook.pages._proposal import propose

__all__ = ["Layout", "Page", "read_page"]

_VALUES = frozenset(
    {"title", "repository", "issue", "fix", "first_fixed", "summary", "trigger", "mechanism", "why_it_works"}
    | {"error_message", "diff", "confidence", "environment", "evidence"}
)
_LISTS = frozenset(
    {"impact", "symptoms", "signatures", "not_when", "discussion", "prevention", "versions", "notes", "related"}
)
_REPOSITORY = re.compile(r"[\w.-]{1,100}/[\w.-]{1,100}")


class Layout(StrEnum):
    """How a page is laid out."""

    LINES = "lines"  # blocks as lines, without their indentation
    SIGNATURE = "signature"  # the same, and a signature instead of a trace
    FLAT = "flat"  # every block on one line


@dataclass(frozen=True, slots=True)
class Page:
    """What a page tells."""

    case: Case
    problems: tuple[Problem, ...]  # by line
    layout: Layout | None  # None: nothing of such a page was recognised
    proposal: str | None = None  # the reproduction laid out so that it parses; a proposal, never in the case


def read_page(data: bytes, *, name: str) -> Page:
    """The case that the page called `name` (of its file, for the messages and the source) tells of.

    In time linear in its length, whatever it is. Raises `UnreadablePage` for what is empty, too big or no text.
    """
    text, doubts = decode(data, name)
    report = Report(list(doubts))
    found = sections(text, report)
    facts = Facts(report)
    for section, reader in READERS.items():
        if section in found and section != "breaks":
            reader(found[section], facts)
    _blocks(found, facts)
    if "breaks" in found:
        READERS["breaks"](found["breaks"], facts)
    layout = _layout(text, found, facts)
    if layout is None:
        report.add(None, "no heading of such a page is here; nothing was taken over but the text itself")
    proposal = None
    if (code := facts.values.get("code")) and not facts.values.get("code_parses"):
        proposal = propose(code)
    case = _case(facts, Source(name, text, layout.value if layout else None))
    return Page(case, tuple(report.end()), layout, proposal)


def _blocks(found: dict[str, list[Line]], facts: Facts) -> None:
    if "reproduction" in found:
        read_reproduction(found["reproduction"], facts)
    if "error" in found:
        read_error(found["error"], facts)
    if "options" in found:
        read_options(found["options"], facts)
    if "fix" in found:
        read_fix(found["fix"], facts, found.get("reproduction", []))


def _layout(text: str, found: dict[str, list[Line]], facts: Facts) -> Layout | None:
    if len(found) == 1:
        return None
    if facts.values.get("signature_only"):
        return Layout.SIGNATURE
    return Layout.FLAT if "\n  • " in text or "\n• " in text else Layout.LINES


def _case(facts: Facts, source: Source) -> Case:
    values: dict[str, Any] = {name: facts.values[name] for name in _VALUES if name in facts.values}
    values.update({name: tuple(facts.lists[name]) for name in _LISTS if name in facts.lists})
    options = merged(facts)
    told = {option.text for option in options}
    notes = [text for text in facts.lists.get("fix_text", ()) if text not in told]
    values["notes"] = (*notes, *values.get("notes", ()))
    code = facts.values.get("code")
    if code is not None:
        values["reproduction"] = Reproduction(code, path="repro.py" if facts.values.get("code_parses") else None)
    return Case(
        id=_id(facts, source.name),
        issue_url=_issue_url(values),
        status=_status(facts, values),
        truncated=bool(facts.values.get("cut")),
        options=options,
        source=source,
        **values,
    )


def _status(facts: Facts, values: dict[str, Any]) -> str | None:
    """`fixed` where a fixed version is told, `open` where the issue is told to be open; else unknown."""
    if values.get("first_fixed"):
        return "fixed"
    return "open" if facts.values.get("issue_state") == "open" else None


def _issue_url(values: dict[str, Any]) -> str | None:
    repository, issue = values.get("repository", ""), values.get("issue", "")
    if _REPOSITORY.fullmatch(repository) and issue.isascii() and issue.isdigit():
        return f"https://github.com/{repository}/issues/{issue}"
    return None


def _id(facts: Facts, name: str) -> str:
    """Of repository and issue where both are told, else of the name of the page."""
    repository, issue = facts.values.get("repository"), facts.values.get("issue")
    wanted = f"{repository.rpartition('/')[2]}-{issue}" if repository and issue else name.rpartition("/")[2]
    slug = re.sub(r"[^a-z0-9]+", "-", wanted[-200:].casefold().removesuffix(".txt"))[:80].strip("-")
    return slug if CASE_ID.fullmatch(slug) else "page"
