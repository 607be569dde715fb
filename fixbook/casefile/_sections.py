"""The Markdown half of a case file: sections, lists, quotes, options and fenced blocks, both ways.

Everything is split by lines; a line that opens a fenced block hides headings until the fence is closed. Linear time.
"""

from __future__ import annotations

from dataclasses import dataclass

from fixbook.casefile._errors import CaseFileError
from fixbook.model import Option, Quote

__all__ = [
    "SECTIONS",
    "Section",
    "bullets",
    "fenced",
    "options",
    "quotes",
    "read_bullets",
    "read_fenced",
    "read_options",
    "read_quotes",
    "read_text",
    "split",
]

SECTIONS = {
    # heading: field of the case, in the order in which they are written
    "What breaks": "summary",
    "Trigger": "trigger",
    "Mechanism": "mechanism",
    "Why the fix works": "why_it_works",
    "Impact": "impact",
    "Symptoms": "symptoms",
    "Signatures": "signatures",
    "Error message": "error_message",
    "Reproduction": "code",
    "Options": "options",
    "When not": "not_when",
    "Discussion": "discussion",
    "Prevention": "prevention",
    "Diff": "diff",
    "Notes": "notes",
    "Source": "source",
}
"""What may stand under `## `."""


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading."""

    title: str
    line: int  # of the heading
    lines: tuple[str, ...]

    def error(self, message: str, index: int = -1) -> CaseFileError:
        """An error at a line of this section (0 is the first below the heading)."""
        return CaseFileError(f"## {self.title}: {message}", self.line + 1 + index)


def _fence(line: str) -> str:
    """The characters that open a fenced block in this line, or the empty text."""
    stripped = line.lstrip(" ")
    if len(line) - len(stripped) > 3 or not stripped.startswith(("```", "~~~")):
        return ""
    return stripped[: len(stripped) - len(stripped.lstrip(stripped[0]))]


def _closes(line: str, fence: str) -> bool:
    stripped = line.strip(" ")
    return len(stripped) >= len(fence) and stripped == fence[0] * len(stripped) and _fence(line) != ""


def outside(lines: tuple[str, ...]) -> list[bool]:
    """For each line, whether it stands outside of every fenced block."""
    result = []
    fence = ""
    for line in lines:
        if fence:
            result.append(False)
            if _closes(line, fence):
                fence = ""
        else:
            fence = _fence(line)
            result.append(not fence)
    return result


def split(text: str, first_line: int) -> list[Section]:
    """The sections of `text`, whose first line is line `first_line` of its file.

    Raises `CaseFileError` for a section that is unknown or there twice, and for text before the first one.
    """
    lines = tuple(text.split("\n"))
    heads = [index for index, free in enumerate(outside(lines)) if free and lines[index].startswith(("# ", "## "))]
    for index, line in enumerate(lines[: heads[0] if heads else len(lines)]):
        if line.strip():
            raise CaseFileError("text before the first section (a line that starts with `## `)", first_line + index)
    sections: list[Section] = []
    for index, end in zip(heads, [*heads[1:], len(lines)], strict=False):
        level, _, title = lines[index].partition(" ")
        title = title.strip()
        if level != "##" or title not in SECTIONS:
            known = ", ".join(SECTIONS)
            raise CaseFileError(f"there is no section {lines[index]!r}; the sections are {known}", first_line + index)
        if any(section.title == title for section in sections):
            raise CaseFileError(f"the section {title!r} is here twice", first_line + index)
        sections.append(Section(title, first_line + index, lines[index + 1 : end]))
    return sections


def read_text(section: Section) -> str:
    """The text of the section without the empty lines around it."""
    start, end = 0, len(section.lines)
    while start < end and not section.lines[start].strip():
        start += 1
    while end > start and not section.lines[end - 1].strip():
        end -= 1
    return "\n".join(section.lines[start:end])


def bullets(items: tuple[str, ...], *, code: bool = False) -> str:
    """A list; with `code`, each member as a code span."""
    return "\n".join("- " + (f"`{item}`" if code else item.replace("\n", "\n  ")) for item in items)


def read_bullets(section: Section, *, code: bool = False) -> tuple[str, ...]:
    """The members of a list. Further lines of a member are indented by two spaces."""
    items: list[list[str]] = []
    for index, line in enumerate(section.lines):
        if line.startswith("- "):
            items.append([line[2:]])
        elif line.startswith("  ") and items:
            items[-1].append(line[2:])
        elif not line.strip():
            if items:
                items[-1].append("")
        else:
            raise section.error(
                "a list is wanted here: `- ` before each member, two spaces before further lines", index
            )
    texts = ["\n".join(item).rstrip("\n") for item in items]
    return tuple(
        text[1:-1] if code and len(text) > 2 and text[0] == text[-1] == "`" and "`" not in text[1:-1] else text
        for text in texts
    )


def fenced(text: str, language: str) -> str:
    """A fenced block that nothing in `text` closes."""
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def read_fenced(section: Section) -> str:
    """The text of the one fenced block of the section; a section without a fence is taken as it stands."""
    start = next((index for index, line in enumerate(section.lines) if line.strip()), None)
    if start is None:
        return ""
    fence = _fence(section.lines[start])
    if not fence:
        return read_text(section)
    end = next((i for i in range(start + 1, len(section.lines)) if _closes(section.lines[i], fence)), None)
    if end is None:
        raise section.error(f"the block is not closed: {fence!r} is missing", start)
    for index in range(end + 1, len(section.lines)):
        if section.lines[index].strip():
            raise section.error("one block is wanted here and nothing after it", index)
    return "\n".join(section.lines[start + 1 : end])


def quotes(voices: tuple[Quote, ...]) -> str:
    """Block quotes, each followed by `— author, date, url` as far as they are known."""
    blocks = []
    for quote in voices:
        known = [part for part in (quote.author, quote.date, quote.url and f"<{quote.url}>") if part]
        block = "\n".join(f"> {line}" for line in quote.text.split("\n"))
        blocks.append(block + (f"\n\n— {', '.join(known)}" if known else ""))
    return "\n\n".join(blocks)


def read_quotes(section: Section) -> tuple[Quote, ...]:
    """The voices of a discussion."""
    found: list[Quote] = []
    text: list[str] = []
    for index, line in enumerate((*section.lines, "")):
        if line.startswith(">"):
            text.append(line[2:] if line.startswith("> ") else line[1:])
            continue
        if text:
            found.append(Quote("\n".join(text)))
            text = []
        if line.startswith("— ") and found:
            found[-1] = _signed(found[-1].text, line[2:])
        elif line.strip():
            raise section.error("a quote is wanted here: `> ` before each line, then `— author, date, <url>`", index)
    return tuple(found)


def _signed(text: str, line: str) -> Quote:
    author = date = url = None
    for part in line.split(", "):
        if part.startswith("<") and part.endswith(">"):
            url = part[1:-1]
        elif len(part) == 10 and part[4] == part[7] == "-" and part.replace("-", "").isdigit():
            date = part
        else:
            author = part if author is None else f"{author}, {part}"
    return Quote(text, author, date, url)


def options(ways: tuple[Option, ...]) -> str:
    """`### ` before each, then `Kind: …`, the text, and `Not when: …`."""
    blocks = []
    for option in ways:
        parts = [f"### {option.title}"]
        if option.kind is not None:
            parts.append(f"Kind: {option.kind}")
        if option.text:
            parts.append(option.text)
        if option.not_when is not None:
            parts.append(f"Not when: {option.not_when}")
        blocks.append("\n\n".join(parts))
    return "\n\n".join(blocks)


def read_options(section: Section) -> tuple[Option, ...]:
    """The ways to deal with the failure."""
    free = outside(section.lines)
    heads = [i for i, line in enumerate(section.lines) if free[i] and line.startswith("### ")]
    for index, line in enumerate(section.lines[: heads[0] if heads else len(section.lines)]):
        if line.strip():
            raise section.error("an option starts with `### ` and its title", index)
    found = []
    for head, end in zip(heads, [*heads[1:], len(section.lines)], strict=False):
        body = [(section.lines[index], free[index]) for index in range(head + 1, end)]
        found.append(_option(section.lines[head][4:].strip(), body))
    return tuple(found)


def _option(title: str, body: list[tuple[str, bool]]) -> Option:
    kind = not_when = None
    first = next((index for index, (line, _) in enumerate(body) if line.strip()), len(body))
    if first < len(body) and body[first][0].startswith("Kind: "):
        kind = body[first][0][6:]
        body = body[first + 1 :]
    start = next((i for i, (line, free) in enumerate(body) if free and line.startswith("Not when: ")), None)
    if start is not None:
        not_when = "\n".join(line for line, _ in body[start:])[10:].strip("\n")
        body = body[:start]
    return Option(title, "\n".join(line for line, _ in body).strip("\n"), kind, not_when)
