"""From a case to the text of its case file, and to the files beside it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import yaml

from fixbook.casefile._errors import CaseFileError
from fixbook.casefile._fields import read_section, write_section
from fixbook.casefile._read import is_attachment_path
from fixbook.casefile._sections import SECTIONS, split
from fixbook.model import Case, Expectation, Outcome, Reproduction, Role, Target

__all__ = ["attachments", "dumps"]

_FRONT = ("id", "title", "package", "repository", "issue", "issue_url", "fix", "first_fixed", "status", "confidence")
_HEADINGS = {field: heading for heading, field in SECTIONS.items()}


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks; no aliases for what is there twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    lines = value.split("\n")
    style = None
    if not all(line.isprintable() for line in lines) or (len(lines) > 1 and not lines[0].strip()):
        style = '"'  # YAML's other styles have their own idea of line breaks and of white space
    elif len(lines) > 1:
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _spelled(dumper: yaml.SafeDumper, value: float) -> yaml.Node:
    text = repr(value)
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'str' if 'e' in text else 'float'}", text)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _spelled)


def dumps(case: Case) -> str:
    """`case` as the text of a case file. `attachments(case)` are the files that belong beside it."""
    front = _short(case)
    body: dict[str, str] = {}
    for field in _HEADINGS:
        _place(case, field, front, body)
    if case.reproduction is not None and ((told := _reproduction(case.reproduction, body)) or "code" not in body):
        front["reproduction"] = told
    head = yaml.dump(front, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return f"---\n{head}---\n" + "".join(
        f"\n## {_HEADINGS[name]}\n\n{body[name]}\n" for name in _HEADINGS if name in body
    )


def attachments(case: Case) -> dict[str, str]:
    """The files beside the case file, by relative path: the script, and what it needs.

    Raises `CaseFileError` where a path leads out of the folder or is there twice.
    """
    if case.reproduction is None:
        return {}
    found = dict(case.reproduction.files)
    if case.reproduction.path is not None:
        if case.reproduction.path in found:
            raise CaseFileError(f"{case.reproduction.path!r} is both the script and a file that it needs")
        found[case.reproduction.path] = case.reproduction.code
    for path in found:
        if not is_attachment_path(path):
            raise CaseFileError(f"{path!r} is not the relative path of a file beside the case")
    return found


def _short(case: Case) -> dict[str, Any]:
    """What always stands in the front matter, as far as it is given."""
    front: dict[str, Any] = {name: getattr(case, name) for name in _FRONT if getattr(case, name) is not None}
    if case.truncated:
        front["truncated"] = True
    front.update({name: list(getattr(case, name)) for name in ("tags", "related") if getattr(case, name)})
    front.update({name: dict(getattr(case, name)) for name in ("environment", "evidence") if getattr(case, name)})
    if case.versions:
        front["versions"] = _versions(case)
    return front


def _versions(case: Case) -> Any:
    pairs = {entry.version: entry.status for entry in case.versions}
    if len(pairs) == len(case.versions):
        return pairs
    return [{"version": entry.version, "status": entry.status} for entry in case.versions]


def _place(case: Case, field: str, front: dict[str, Any], body: dict[str, str]) -> None:
    """Put a field where it reads back the same: under its heading, or else in the front matter."""
    if field == "code":
        if case.reproduction is not None and case.reproduction.path is None and _keeps("code", case.reproduction.code):
            body["code"] = write_section("code", case.reproduction.code)
        return
    value = getattr(case, field)
    if value is None or value == ():
        return
    if field == "source":
        front["source"] = _filled(value)
        value = value.text
    if _keeps(field, value):
        body[field] = write_section(field, value)
        if field == "source":
            del front["source"]["text"]
    elif field in ("options", "discussion"):
        front[field] = [_filled(item) for item in value]
    elif field != "source":
        front[field] = list(value) if isinstance(value, tuple) else value


def _keeps(field: str, value: Any) -> bool:
    """Whether `value` comes back the same from a section, and leaves the next section alone."""
    after = "Notes" if field != "notes" else "Diff"
    text = f"## {_HEADINGS[field]}\n\n{write_section(field, value)}\n\n## {after}\n"
    try:
        sections = split(text.replace("\r\n", "\n"), 1)
        return len(sections) == 2 and bool(read_section(field, sections[0]) == value)
    except CaseFileError:
        return False


def _filled(value: Any) -> dict[str, Any]:
    """The members of a dataclass that are given."""
    pairs = ((item.name, getattr(value, item.name)) for item in fields(value))
    return {
        name: list(member) if isinstance(member, tuple) else member
        for name, member in pairs
        if member not in (None, ())
    }


def _reproduction(reproduction: Reproduction, body: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if reproduction.path is not None:
        found["path"] = reproduction.path
    elif "code" not in body:
        found["code"] = reproduction.code
    for name in ("package", "python", "timeout"):
        value = getattr(reproduction, name)
        if value not in (None, Reproduction("").timeout):
            found[name] = value
    for name in ("requires", "files"):
        if getattr(reproduction, name):
            found[name] = list(getattr(reproduction, name))
    for name in ("broken", "right"):
        if getattr(reproduction, name) is not None:
            found[name] = _expectation(getattr(reproduction, name))
    if reproduction.targets:
        found["targets"] = [_target(target) for target in reproduction.targets]
    return found


def _expectation(expectation: Expectation) -> dict[str, Any]:
    if expectation == Expectation():
        raise CaseFileError("an expectation that expects nothing cannot be written")
    return _filled(expectation)


def _target(target: Target) -> dict[str, Any]:
    found = _filled(target)
    found["role"] = target.role.value
    found["expect"] = target.expect.value
    if target.expect is (Outcome.BROKEN if target.role is Role.BROKEN else Outcome.RIGHT):
        del found["expect"]
    return found
