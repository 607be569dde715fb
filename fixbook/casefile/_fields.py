"""How each section of a case is written and read back: one pair of functions for every field that may be a section."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fixbook.casefile._sections import (
    Section,
    bullets,
    fenced,
    options,
    quotes,
    read_bullets,
    read_fenced,
    read_options,
    read_quotes,
    read_text,
)

__all__ = ["LISTS", "TEXTS", "read_section", "write_section"]

TEXTS = frozenset({"summary", "trigger", "mechanism", "why_it_works", "error_message", "diff", "code", "source"})
"""Fields that are one text."""

LISTS = frozenset({"impact", "symptoms", "signatures", "not_when", "prevention", "notes"})
"""Fields that are a list of texts."""

_LANGUAGES = {"error_message": "text", "diff": "diff", "code": "python", "source": "text"}


def _code_bullets(section: Section) -> tuple[str, ...]:
    return read_bullets(section, code=True)


_READERS: dict[str, Callable[[Section], Any]] = {
    **dict.fromkeys(TEXTS, read_text),
    **dict.fromkeys(_LANGUAGES, read_fenced),
    **dict.fromkeys(LISTS, read_bullets),
    "signatures": _code_bullets,
    "options": read_options,
    "discussion": read_quotes,
}


def read_section(field: str, section: Section) -> Any:
    """The value of `field` that stands in `section`. Raises `CaseFileError`."""
    return _READERS[field](section)


def write_section(field: str, value: Any) -> str:
    """`value` as the body of a section. Whether it reads back the same is for the caller to check."""
    if field in _LANGUAGES:
        return fenced(value, _LANGUAGES[field])
    if field in TEXTS:
        return str(value)
    if field == "options":
        return options(value)
    if field == "discussion":
        return quotes(value)
    return bullets(value, code=field == "signatures")
