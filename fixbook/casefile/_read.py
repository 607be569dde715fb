"""From the text of a case file to the case."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from fixbook.casefile._errors import CaseFileError
from fixbook.casefile._fields import LISTS, TEXTS, read_section
from fixbook.casefile._sections import SECTIONS, Section, split
from fixbook.casefile._yaml import Entry, parse
from fixbook.model import (
    CASE_ID,
    Case,
    Expectation,
    Option,
    Outcome,
    Quote,
    Reproduction,
    Role,
    Source,
    Target,
    VersionStatus,
)

__all__ = ["REPRODUCTION_KEYS", "is_attachment_path", "loads"]

_PLAIN = ("title", "package", "repository", "issue", "issue_url", "fix", "first_fixed")
_KEYS = frozenset(
    {"id", *_PLAIN, "status", "confidence", "truncated", "tags", "related", "environment", "evidence", "versions"}
    | {"reproduction", "source", "options", "discussion", *TEXTS, *LISTS}
) - {"code"}
REPRODUCTION_KEYS = ("path", "package", "requires", "timeout", "python", "broken", "right", "targets", "files", "code")
_STATUSES = ("fixed", "open")


def loads(text: str, files: Mapping[str, str] | None = None) -> Case:
    """The case that `text` (a `case.md`) tells of. `files` are the texts of the files beside it, by relative path.

    Raises `CaseFileError` with the line for a key or section that is unknown or there twice, for a value of the wrong
    kind, and for a file that is named and missing.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    front, body, body_line = _halves(text)
    keys = parse(front, 2).mapping(_KEYS)
    sections = {SECTIONS[section.title]: section for section in split(body, body_line)}
    for field, section in sections.items():
        taken = "reproduction" if field == "code" else field
        if field not in ("code", "source") and taken in keys:
            raise section.error(f"this is in the front matter as well (line {keys[taken].line})")
    return _case(keys, sections, {} if files is None else files)


def _halves(text: str) -> tuple[str, str, int]:
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        raise CaseFileError("a case file starts with its front matter: `---` on the first line", 1)
    end = next((index for index in range(1, len(lines)) if lines[index].rstrip() == "---"), None)
    if end is None:
        raise CaseFileError("the front matter is not closed: a second line `---` is missing", 1)
    return "".join(f"{line}\n" for line in lines[1:end]), "\n".join(lines[end + 1 :]), end + 2


def _case(keys: dict[str, Entry], sections: dict[str, Section], files: Mapping[str, str]) -> Case:
    if "id" not in keys:
        raise CaseFileError("the key `id` is missing", 1)
    values: dict[str, Any] = {name: keys[name].text() for name in _PLAIN if name in keys}
    readers: dict[str, Callable[[Entry], Any]] = {
        "id": lambda entry: _checked(entry, CASE_ID.fullmatch, "an id: small letters, digits, `.`, `_`, `-`"),
        "status": _status,
        "confidence": _confidence,
        "truncated": Entry.flag,
        "tags": Entry.texts,
        "related": Entry.texts,
        "environment": _texts_by_name,
        "evidence": _texts_by_name,
        "versions": _versions,
        "options": lambda entry: tuple(_option(item) for item in entry.items()),
        "discussion": lambda entry: tuple(_quote(item) for item in entry.items()),
        **dict.fromkeys(TEXTS - {"source", "code"}, Entry.text),
        **dict.fromkeys(LISTS, Entry.texts),
    }
    values.update({name: reader(keys[name]) for name, reader in readers.items() if name in keys})
    values.update(
        {field: read_section(field, section) for field, section in sections.items() if field not in ("code", "source")}
    )
    values["source"] = _source(keys.get("source"), sections.get("source"))
    values["reproduction"] = _reproduction(keys.get("reproduction"), sections.get("code"), files)
    return Case(**values)


def _checked(entry: Entry, check: Callable[[str], object], wanted: str) -> str:
    text = entry.text()
    try:
        passed = check(text)
    except (ValueError, re.error, OverflowError, RecursionError) as error:
        raise entry.error(f"{text!r} is not {wanted}: {error}") from None
    if passed is None:
        raise entry.error(f"{text!r} is not {wanted}")
    return text


def _status(entry: Entry) -> str:
    text = entry.text()
    if text not in _STATUSES:
        raise entry.error(f"{text!r} is not a status; it is {' or '.join(_STATUSES)}")
    return text


def _confidence(entry: Entry) -> float:
    value = entry.convert(float, "a number")
    if not 0 <= value <= 1:
        raise entry.error(f"{value!r} is not between 0 and 1")
    return value


def _texts_by_name(entry: Entry) -> dict[str, str]:
    return {name: item.text() for name, item in entry.mapping().items()}


def _versions(entry: Entry) -> tuple[VersionStatus, ...]:
    if entry.is_mapping():
        return tuple(VersionStatus(version, item.text()) for version, item in entry.mapping().items())
    found = []
    for item in entry.items():
        values = _fields(item, ("version", "status"), ())
        found.append(VersionStatus(**values))
    return tuple(found)


def _fields(entry: Entry, needed: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, str]:
    members = entry.mapping(frozenset((*needed, *optional)))
    for name in needed:
        if name not in members:
            raise entry.error(f"the key {name!r} is missing")
    return {name: item.text() for name, item in members.items()}


def _option(entry: Entry) -> Option:
    return Option(**_fields(entry, ("title", "text"), ("kind", "not_when")))


def _quote(entry: Entry) -> Quote:
    return Quote(**_fields(entry, ("text",), ("author", "date", "url")))


def _source(entry: Entry | None, section: Section | None) -> Source | None:
    if entry is None:
        if section is not None:
            raise section.error("the front matter does not tell what this is: `source: {name: …}` is missing")
        return None
    values = _fields(entry, ("name",), ("text", "layout"))
    if section is not None:
        if "text" in values:
            raise section.error(f"the text is in the front matter as well (line {entry.line})")
        values["text"] = read_section("source", section)
    if "text" not in values:
        raise entry.error("the text is missing: a section `## Source`, or the key `text`")
    return Source(**values)


def _reproduction(entry: Entry | None, section: Section | None, files: Mapping[str, str]) -> Reproduction | None:
    if entry is None:
        return None if section is None else Reproduction(code=read_section("code", section))
    keys = entry.mapping(frozenset(REPRODUCTION_KEYS))
    values: dict[str, Any] = {}
    readers: dict[str, Callable[[Entry], Any]] = {
        "package": Entry.text,
        "requires": _requirements,
        "timeout": _timeout,
        "python": _python,
        "broken": _expectation,
        "right": _expectation,
        "targets": _targets,
        "files": lambda item: dict(_attached(one, files) for one in item.items()),
    }
    values.update({name: reader(keys[name]) for name, reader in readers.items() if name in keys})
    places = [name for name, there in (("path", "path" in keys), ("code", "code" in keys), ("", section)) if there]
    if len(places) != 1:
        raise entry.error("the code stands in one place: `path: repro.py`, or a section `## Reproduction`, or `code`")
    if "path" in keys:
        values["path"], values["code"] = _attached(keys["path"], files)
    elif "code" in keys:
        values["code"] = keys["code"].text()
    elif section is not None:
        values["code"] = read_section("code", section)
    return Reproduction(**values)


def is_attachment_path(path: str) -> bool:
    """Whether `path` names a file in the case's own folder or below, and not the case file itself."""
    parts = path.split("/")
    safe = all(
        part not in ("", ".", "..") and part.isprintable() and not set(part) & set('\\:*?"<>|') for part in parts
    )
    return safe and len(path) <= 200 and path.lower() != "case.md"


def _attached(entry: Entry, files: Mapping[str, str]) -> tuple[str, str]:
    path = entry.text()
    if not is_attachment_path(path):
        raise entry.error(f"{path!r} is not the relative path of a file beside the case")
    if path not in files:
        raise entry.error(f"there is no file {path!r} beside the case")
    return path, files[path]


def _requirements(entry: Entry) -> tuple[str, ...]:
    items = entry.items() if entry.is_list() else (entry,)
    found = []
    for item in items:
        try:
            Requirement(item.text())
        except InvalidRequirement as error:
            raise item.error(f"{item.text()!r} is not a requirement: {str(error).splitlines()[0]}") from None
        found.append(item.text())
    return tuple(found)


def _timeout(entry: Entry) -> float:
    value = entry.convert(float, "a number of seconds")
    if not 0 < value <= 3600:
        raise entry.error(f"{value!r} is not between 0 and 3600 seconds")
    return value


def _python(entry: Entry) -> str:
    try:
        SpecifierSet(entry.text())
    except InvalidSpecifier:
        raise entry.error(f"{entry.text()!r} is not a version specifier such as >=3.11") from None
    return entry.text()


def _expectation(entry: Entry) -> Expectation:
    keys = entry.mapping(frozenset({"exit", "output", "absent", "exception"}))
    if not keys:
        raise entry.error("nothing is expected; give exit, output, absent or exception")
    return Expectation(
        exit=keys["exit"].convert(int, "an exit status") if "exit" in keys else None,
        output=_patterns(keys["output"]) if "output" in keys else (),
        absent=_patterns(keys["absent"]) if "absent" in keys else (),
        exception=keys["exception"].text() if "exception" in keys else None,
    )


def _patterns(entry: Entry) -> tuple[str, ...]:
    items = entry.items() if entry.is_list() else (entry,)
    return tuple(_checked(item, re.compile, "a regular expression") for item in items)


def _targets(entry: Entry) -> tuple[Target, ...]:
    found: list[Target] = []
    for item in entry.items():
        target = _target(item)
        if any(target.role is other.role for other in found):
            raise item.error(f"the role {target.role.value!r} is here twice")
        found.append(target)
    return tuple(found)


def _target(entry: Entry) -> Target:
    keys = entry.mapping(frozenset({"role", "version", "requires", "expect"}))
    if "role" not in keys:
        raise entry.error("the key 'role' is missing")
    role = keys["role"].convert(Role, "a role: broken, fixed, newest, asterion")
    version = None
    if "version" in keys:
        version = keys["version"].text()
        try:
            Version(version)
        except InvalidVersion:
            raise keys["version"].error(f"{version!r} is not a version") from None
    if (role in (Role.BROKEN, Role.FIXED)) is (version is None):
        raise entry.error("`broken` and `fixed` name their version; `newest` and `asterion` name none")
    expect = Outcome.BROKEN if role is Role.BROKEN else Outcome.RIGHT
    if "expect" in keys:
        expect = keys["expect"].convert(Outcome, "broken or right")
        if expect not in (Outcome.BROKEN, Outcome.RIGHT):
            raise keys["expect"].error(f"{expect.value!r} cannot be expected; broken or right")
    requires = _requirements(keys["requires"]) if "requires" in keys else ()
    return Target(role, version, requires, expect)
