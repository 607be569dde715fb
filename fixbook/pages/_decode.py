"""From bytes to text: which encoding a page is in, and whether it is a text at all."""

from __future__ import annotations

import codecs

from fixbook.model import Problem

__all__ = ["LIMIT", "UnreadablePage", "decode"]

LIMIT = 2 * 1024 * 1024
"""Bytes that a page may have."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = dict.fromkeys(i for i in range(32) if chr(i) not in "\t\n\r\f\x1b")


class UnreadablePage(ValueError):
    """Bytes that are no page: empty, too many, or no text."""


def decode(data: bytes, name: str) -> tuple[str, tuple[Problem, ...]]:
    """The text of a page with `\\n` between its lines, and what was doubtful about its encoding.

    Raises `UnreadablePage` for nothing at all, for more than `LIMIT` bytes, and for what is not text.
    """
    if len(data) > LIMIT:
        raise UnreadablePage(f"{name}: {len(data)} bytes are too many for a page; the limit is {LIMIT}")
    text, problems = _text(data, name)
    if not text.strip():
        raise UnreadablePage(f"{name}: the page is empty")
    controls = len(text) - len(text.translate(_CONTROLS))
    if "\x00" in text or controls * 100 > len(text):
        position = next(index for index, character in enumerate(text) if ord(character) in _CONTROLS)
        line = text.count("\n", 0, position) + 1
        raise UnreadablePage(f"{name}: this is not text: {text[position]!r} in line {line}")
    return text.replace("\r\n", "\n").replace("\r", "\n"), problems


def _text(data: bytes, name: str) -> tuple[str, tuple[Problem, ...]]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strictly(data[len(mark) :], encoding, name), ()
    if guess := _unmarked(data):
        return _strictly(data, guess, name), (Problem(0, f"there is no byte order mark; the page was read as {guess}"),)
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        why = f"byte 0x{data[error.start]:02x} in line {line} is not UTF-8; the page was read as Latin-1"
        return data.decode("latin-1"), (Problem(line, why),)


def _unmarked(data: bytes) -> str | None:
    """UTF-16 without its mark: every other byte of what is mostly ASCII is zero."""
    sample = data[:4096]
    if len(sample) < 4 or len(data) % 2:
        return None
    even, odd, half = sample[::2].count(0), sample[1::2].count(0), len(sample) // 2
    if odd * 10 > half * 7 and even * 20 < half:
        return "utf-16-le"
    if even * 10 > half * 7 and odd * 20 < half:
        return "utf-16-be"
    return None


def _strictly(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadablePage(f"{name}: this is marked as {encoding}, and byte {error.start} is not") from None
