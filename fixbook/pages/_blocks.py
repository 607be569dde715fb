"""The sections that hold blocks: the fix with its diff, the options, the error message, the reproduction."""

from __future__ import annotations

import ast
import re

from fixbook.model import Option
from fixbook.pages._facts import Facts, is_ornament
from fixbook.pages._lines import Line, is_rule, shown

__all__ = ["read_error", "read_fix", "read_options", "read_reproduction"]

_BASED_ON = re.compile(r"Based on (\w{1,20}) ([\w.-]{1,100}/[\w.-]{1,100}) issue #(\d{1,12})(?: · .{1,200})?")
_LABELS = frozenset({"repro.py", "verify", "fix.md", "error.txt", "Stack trace"})
_TRUNCATED = ("... (truncated) ...", "… (truncated) …")
_SIGNATURE_ONLY = "Signature-only (no traceback captured)"
_BADGES = ("Safe default (recommended)", "Temporary workaround", "Safe default", "Recommended")
_KINDS = {"upgrade": "upgrade", "workaround": "workaround", "config": "configuration", "downgrade": "downgrade"}
_ADVICE = frozenset(
    {
        "Use when you can deploy the upstream fix. It is usually lower-risk than long-lived workarounds.",
        "Use only if you cannot change versions today. Treat this as a stopgap and remove once upgraded.",
    }
)
_NOT_WHEN = "When NOT to use:"


def is_cut(text: str) -> bool:
    """Whether the page cut this text off."""
    return any(mark in text for mark in _TRUNCATED)


def read_reproduction(lines: list[Line], facts: Facts) -> None:
    """The code as it is. A trace in its place is reported, and is not taken for code."""
    kept = [line for line in lines if line.text not in _LABELS]
    if not kept:
        return
    code = "\n".join(line.raw.rstrip() for line in _gapless(kept))
    facts.values["cut"] = facts.values.get("cut", False) or is_cut(code)
    if parses(code):
        facts.values["code"] = code + "\n"
        facts.values["code_parses"] = True
        return
    if "Traceback (most recent call last)" in code and 'File "' in code:
        facts.report.add(kept[0], "a traceback stands where the reproduction should; there is no reproduction")
        return
    facts.values["code"] = code
    lost = "its lines: it is all on one line" if len(kept) == 1 else "its indentation"
    facts.report.add(kept[0], f"the reproduction is kept as it is and does not parse; it may have lost {lost}")


def _gapless(lines: list[Line]) -> list[Line]:
    """The lines with the empty ones between them, which code may need."""
    found: list[Line] = []
    for line in lines:
        if found and line.number > found[-1].number + 1:
            found.extend(Line(number, "") for number in range(found[-1].number + 1, line.number))
        found.append(line)
    return found


def parses(code: str) -> bool:
    """Whether `code` is Python. Never raises, whatever it is."""
    if len(code) > 100_000:
        return False
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def read_error(lines: list[Line], facts: Facts) -> None:
    """The message or trace, without the headings that the page repeats inside of the block."""
    blocks: list[list[str]] = [[]]
    kept = _gapless(lines)
    for index, line in enumerate(kept):
        text = line.text
        following = kept[index + 1].text if index + 1 < len(kept) else ""
        if text in _LABELS or (text == "Error Message" and is_rule(following)):
            if blocks[-1]:
                blocks.append([])
        elif text == _SIGNATURE_ONLY:
            facts.values["signature_only"] = True
        elif is_rule(text) and index and kept[index - 1].text == "Error Message":
            continue
        else:
            raw = line.raw.rstrip()
            if text.startswith("Error Message ---"):  # the heading, on the one line of a flattened block
                raw = text.removeprefix("Error Message").lstrip(" ").lstrip("-").lstrip(" ")
            blocks[-1].append(raw)
    texts = list(dict.fromkeys(text for block in blocks if (text := "\n".join(block).strip("\n"))))
    if texts:
        facts.values["error_message"] = "\n\n".join(texts)
        facts.values["cut"] = facts.values.get("cut", False) or any(map(is_cut, texts))


def read_fix(lines: list[Line], facts: Facts, reproduction: list[Line]) -> None:
    """What to do, on what it is based, the diff, and copies of the reproduction and of the options."""
    rest = []
    for line in lines:
        text = line.text
        if text in _LABELS or is_ornament(line):
            continue
        if text.startswith("Option ") and "\\n" in text:
            _summary(line, facts)
        elif text.startswith("Based on "):
            _based_on(line, facts)
        elif text.startswith(("Production note: ", "Re-run: ")):
            facts.put("notes", text)
        else:
            rest.append(line)
    start = next((index for index, line in enumerate(rest) if line.text.startswith("@@")), None)
    copied = [line.text for line in reproduction if line.text not in _LABELS]
    rest, found = _without_copy(rest, copied, start or 0)
    for line in rest[:start]:
        facts.put("fix_text", line.text)
    if start is not None:
        _diff(rest[start:], found, facts)


def _without_copy(rest: list[Line], copied: list[str], start: int) -> tuple[list[Line], bool]:
    """The lines before the copy of the reproduction with which the section ends, if it does."""
    end = len(rest) - len(copied)
    if copied and end >= start and [line.text for line in rest[end:]] == copied:
        return rest[:end], True
    return rest, False


def _diff(lines: list[Line], certain: bool, facts: Facts) -> None:
    """The diff: to the end where the copy after it was found, else to the last line that is surely of a diff."""
    if not certain:
        sure = max(i for i, line in enumerate(lines) if line.text.startswith(("@@", "+", "-")))
        for line in lines[sure + 1 :]:
            facts.report.unknown(line, "after the diff")
        lines = lines[: sure + 1]
    if len(lines) == 1 and " import " in lines[0].text:
        facts.report.add(lines[0], "the diff is kept as it is, all on one line")
    facts.values["diff"] = "\n".join(line.raw.rstrip() for line in lines)


def _based_on(line: Line, facts: Facts) -> None:
    match = _BASED_ON.fullmatch(line.text)
    if match is None:
        facts.report.unknown(line, "in the fix")
        return
    state, repository, issue = match.groups()
    facts.say("repository", repository, line)
    facts.say("issue", issue, line)
    facts.values["issue_state"] = state


def _summary(line: Line, facts: Facts) -> None:
    """All options on one line, with `\\n` spelled out; only here some pages say when not to take one."""
    for block in line.text.replace("\\n\\n", "\n\n").split("\n\n"):
        parts = [part.strip() for part in block.split("\\n") if part.strip()]
        if not parts:
            continue
        letter, title, kind = _title(parts[0])
        if letter is None:
            facts.report.add(line, f"not understood among the options: {shown(block)}")
            continue
        not_when = next((part[len(_NOT_WHEN) :].strip() for part in parts if part.startswith(_NOT_WHEN)), None)
        text = "\n".join(part for part in parts[1:] if not part.startswith(_NOT_WHEN))
        facts.values.setdefault("summaries", {})[letter] = Option(title, text, kind, not_when)


def _title(text: str) -> tuple[str | None, str, str | None]:
    head, dash, title = text.partition(" — ")
    letter = head.removeprefix("Option ")
    if not dash or head == letter or not (len(letter) == 1 and letter.isalpha()):
        return None, text, None
    title = title.strip()
    for badge in _BADGES:
        title = title.removesuffix(badge).strip()
    first = title.casefold()
    kind = next((kind for word, kind in _KINDS.items() if first.startswith(word)), None)
    return letter, title or "Option", kind


def read_options(lines: list[Line], facts: Facts) -> None:
    """The options in full, each filled up from the summary; then the facts that the section ends with."""
    found: dict[str, Option] = {}
    letter: str | None = None
    for line in lines:
        text = line.text
        new, title, kind = _title(text)
        if new is not None:
            letter = new
            found[letter] = Option(title, "", kind)
        elif text.startswith("Fix reference: "):
            facts.say("fix", text.removeprefix("Fix reference: ").strip(), line)
        elif text.startswith("First fixed release: "):
            facts.say("first_fixed", text.removeprefix("First fixed release: ").strip(), line)
        elif text.startswith("Last verified: "):
            date = text.removeprefix("Last verified: ").partition(". ")[0].removesuffix(".").strip()
            facts.name("evidence", "Last verified", date, line)
        elif letter is None:
            if not is_ornament(line):
                facts.report.unknown(line, "among the options")
        elif text.startswith(_NOT_WHEN):
            old = found[letter]
            found[letter] = Option(old.title, old.text, old.kind, text[len(_NOT_WHEN) :].strip())
        elif text not in _ADVICE:
            old = found[letter]
            found[letter] = Option(old.title, f"{old.text}\n{text}".strip(), old.kind, old.not_when)
    facts.values["detailed"] = found


def merged(facts: Facts) -> tuple[Option, ...]:
    """The options by their letters: the details, with what only the summary says."""
    summaries: dict[str, Option] = facts.values.pop("summaries", {})
    detailed: dict[str, Option] = facts.values.pop("detailed", {})
    found = []
    for letter in sorted({**summaries, **detailed}):
        full, short = detailed.get(letter), summaries.get(letter)
        if full is not None and short is not None:
            found.append(Option(full.title, full.text or short.text, full.kind, full.not_when or short.not_when))
        elif (one := full or short) is not None:
            found.append(one)
    return tuple(found)
