"""Entries: one TOML file for each project, checked when it is read."""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

Kind = Literal["suite", "application"]


class CompatError(Exception):
    """Something that keeps a project from being run or compared; its text is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Project:
    """What `compat/projects/KEY.toml` says. `tests` are paths in the source distribution; `timeout` is in seconds."""

    key: str
    name: str
    version: str
    kind: Kind
    requirements: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    timeout: int = 900
    note: str = ""
    differs: dict[str, str] = field(default_factory=dict)


def _checked(path: Path, data: dict[str, Any]) -> dict[str, Any]:
    known = {each.name for each in fields(Project)} - {"key"}
    for key in data.keys() - known:
        raise CompatError(f"{path}: unknown key {key!r}; write one of {', '.join(sorted(known))}")
    for key in ("name", "version", "kind"):
        if not isinstance(data.get(key), str):
            raise CompatError(f"{path}: {key!r} is {data.get(key)!r}; write a string")
    if data["kind"] not in get_args(Kind):
        raise CompatError(f'{path}: kind is {data["kind"]!r}; write "suite" or "application"')
    for key in ("requirements", "tests", "arguments"):
        value = data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise CompatError(f"{path}: {key!r} is {value!r}; write a list of strings")
        data[key] = tuple(value)
    for key in ("environment", "differs"):
        value = data.get(key, {})
        if not isinstance(value, dict) or not all(isinstance(item, str) and item for item in value.values()):
            raise CompatError(f"{path}: {key!r} is {value!r}; write a table of strings, none of them empty")
    return data


def read(path: Path) -> Project:
    """The entry in a file.

    Raises:
        CompatError: the file cannot be read, is no TOML, or says something that no entry says.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise CompatError(f"{path}: {error}") from error
    return Project(key=path.stem, **_checked(path, data))


def read_all(folder: Path, only: list[str]) -> list[Project]:
    """The entries in a folder, sorted by key; with `only`, those whose key or name is among it.

    Raises:
        CompatError: as `read`, or a name in `only` is no entry's.
    """
    entries = [read(path) for path in sorted(folder.glob("*.toml"), key=lambda path: path.stem)]
    for name in only:
        if not any(name in (entry.key, entry.name) for entry in entries):
            raise CompatError(f"no project {name!r} in {folder}; there are {', '.join(entry.key for entry in entries)}")
    return [entry for entry in entries if not only or {entry.key, entry.name} & set(only)]
