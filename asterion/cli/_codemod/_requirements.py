"""Lines of requirement files and project files that ask for Starlette."""

import re
from dataclasses import dataclass

# One requirement (PEP 508): `starlette`, `starlette[full]>=0.40; python_version > "3"`.
_LINE = re.compile(
    r"(?P<before>[ \t]*)starlette(?P<extras>\[[^\]]*\])?"
    r"(?:[ \t]*\(?[ \t]*[<>=!~][^;#]*?)?(?P<rest>[ \t]*(?:[;#].*)?)",
    re.ASCII | re.IGNORECASE,
)
_QUOTED = re.compile(
    r"(?P<quote>[\"'])starlette(?P<extras>\[[^\]\"']*\])?"
    r"(?:[ \t]*\(?[ \t]*[<>=!~][^;\"']*)?(?P<rest>;.*?)?(?P=quote)(?=[ \t]*(?:[,\])#]|$))",
    re.ASCII | re.IGNORECASE,
)
_KEYED = re.compile(r"(?P<before>[ \t]*)starlette[ \t]*=[ \t]*(?:[\"'][\^~<>=!*0-9].*|\{.*)", re.ASCII | re.IGNORECASE)
_KEY = re.compile(r"[ \t]*([A-Za-z0-9_-]+)[ \t]*=", re.ASCII)
_NO_DEPENDENCIES = {"name", "packages", "keywords", "module", "classifiers", "include", "exclude"}
_WARNINGS = re.compile(r"(?:ignore|error|default|always|once|module)[^\s]*:.*starlette\.", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that names Starlette: its number, what it says, and what it would say. None: a human decides."""

    number: int
    text: str
    instead: str | None


def is_requirements(name: str) -> bool:
    """Whether a file of that name lists what a project needs."""
    if name in ("pyproject.toml", "setup.cfg", "setup.py", "Pipfile", "tox.ini", "pytest.ini", "environment.yml"):
        return True
    return name.endswith((".txt", ".in")) and ("requirements" in name or "constraints" in name)


def find_lines(name: str, text: str) -> list[Line]:
    """Every line of the file `name` that asks for Starlette, or names its modules in a filter of warnings."""
    lists = name.endswith((".txt", ".in", ".cfg", ".ini"))
    found: list[Line] = []
    key = ""
    for number, line in enumerate(text.split("\n"), start=1):
        opened = None if lists else _KEY.match(line)
        key = opened[1] if opened else key
        if "starlette" not in line.lower() or key in _NO_DEPENDENCIES or line.lstrip().startswith("#"):
            continue
        instead = _instead(line.removesuffix("\r"), lists, name)
        if instead is not None:
            found.append(Line(number, line.strip(), instead + ("\r" if line.endswith("\r") else "")))
        elif _WARNINGS.search(line):
            found.append(Line(number, line.strip(), None))
    return found


def apply_lines(text: str, lines: list[Line]) -> str:
    """The text with those lines changed that can be."""
    rows = text.split("\n")
    for line in lines:
        if line.instead is not None:
            rows[line.number - 1] = line.instead
    return "\n".join(rows)


def _instead(line: str, lists: bool, name: str) -> str | None:
    if lists:
        whole = _LINE.fullmatch(line)
        return whole and f"{whole['before']}asterion{whole['extras'] or ''}{whole['rest'] or ''}"
    keyed = _KEYED.fullmatch(line)
    if keyed and name in ("pyproject.toml", "Pipfile"):
        return f'{keyed["before"]}asterion = "*"'
    changed = _QUOTED.sub(lambda m: f"{m['quote']}asterion{m['extras'] or ''}{m['rest'] or ''}{m['quote']}", line)
    return changed if changed != line else None
