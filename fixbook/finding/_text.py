"""What a text says once everything that changes from run to run is taken out of it.

Every pattern here is a literal start and bounded repetition, or a single class repeated, so that matching is linear.
"""

from __future__ import annotations

import re

__all__ = ["LIMIT", "clean", "normalise", "unprefixed", "words"]

LIMIT = 256 * 1024
"""Characters that are looked at: of a longer text the first quarter of this and the last three quarters."""

_ESCAPES = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")
_VOLATILE = (
    (re.compile(r"0x[0-9a-fA-F]{4,16}\b"), "<address>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"\b[0-9a-f]{32,64}\b"), "<digest>"),
    (re.compile(r"(?<![\w/.:])(?:[A-Za-z]:)?[/\\]{1,2}[\w.@+~-]{1,80}(?:[/\\]{1,2}[\w.@+~-]{1,80}){1,30}"), "<path>"),
    (re.compile(r"\d{1,400}"), "<n>"),
)
_PREFIXES = (
    re.compile(r"\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\]?[ \t:-]{0,4}"),
    re.compile(r"(?:DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL)(?::|[ \t]{1,9})[ \t]{0,9}"),
    re.compile(r"[\w.-]{1,60}[ \t]{0,20}\|[ \t]?"),
    re.compile(r"[|+>][ \t]"),
    re.compile(r"\[[^\]\n]{1,60}\][ \t]{1,4}"),
    re.compile(r"E[ \t]{1,12}(?=[A-Za-z_])"),
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def clean(text: str) -> str:
    """`text` without colours and control characters, with real line breaks and quotes, no longer than `LIMIT`."""
    if len(text) > LIMIT:
        text = text[: LIMIT // 4] + "\n" + text[-(LIMIT - LIMIT // 4) :]
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    if "(most recent call last):\\n" in text:  # out of JSON, or a repr: line breaks and backslashes are escaped
        parts = text.split("\\\\")
        text = "\\".join(part.replace("\\r\\n", "\n").replace("\\n", "\n").replace("\\t", "\t") for part in parts)
    return text.replace('\\"', '"')


def unprefixed(line: str) -> str:
    """`line` without what a logger, a container, an exception group or pytest puts before it."""
    line = line.strip()
    for _ in range(6):
        before = line
        for pattern in _PREFIXES:
            if found := pattern.match(line):
                line = line[found.end() :].lstrip()
        if line == before:
            break
    return line


def normalise(message: str) -> str:
    """`message` on one line, in small letters, with addresses, numbers, times, digests and paths replaced."""
    text = " ".join(message[:LIMIT].split())
    for pattern, instead in _VOLATILE:
        text = pattern.sub(instead, text)
    return text.casefold()


def words(text: str) -> set[str]:
    """The words of `text`, in small letters, at least three letters long; names are also split at underscores."""
    found: set[str] = set()
    for word in _WORD.findall(text[:LIMIT]):
        folded = word.casefold()
        found.add(folded)
        found.update(folded.split("_"))
    return {word for word in found if 3 <= len(word) <= 60} - _COMMON


_COMMON = frozenset(
    word.casefold()
    for word in _WORD.findall(
        """the and for that this with from are was not but its you your has have had can will when where which while
        then than into out over under all any one two more most only also does did don how why what who use used using
        line file call recent last traceback return self python lib packages site"""
    )
)
