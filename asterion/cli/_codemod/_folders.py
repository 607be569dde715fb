"""Which files of a tree are looked at."""

import os
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from asterion.cli._codemod._requirements import is_requirements

# What nearly every .gitignore lists, and what is nobody's own code.
_SKIPPED = {"node_modules", "__pycache__", "venv", "env", "site-packages", "__pypackages__", "build", "dist"}


def find_files(paths: Iterable[Path], excluded: Iterable[str]) -> Iterator[Path]:
    """The Python and requirement files of `paths`, in order, each once.

    A file that is named itself is always taken; in a directory, hidden directories, virtual environments, build output
    and what matches a pattern of `excluded` (against the name, or the path from that directory) are left out.
    """
    seen: set[Path] = set()
    for path in paths:
        for found in [path] if not path.is_dir() else _walk(path, list(excluded)):
            if found not in seen:
                seen.add(found)
                yield found


def _walk(top: Path, excluded: list[str]) -> Iterator[Path]:
    for folder, names, files in os.walk(top):
        here = Path(folder)

        def unwanted(name: str, here: Path = here) -> bool:
            path = (here / name).relative_to(top).as_posix()
            return any(fnmatch(name, pattern) or fnmatch(path, pattern.rstrip("/")) for pattern in excluded)

        names[:] = sorted(name for name in names if not _is_skipped(here / name) and not unwanted(name))
        for name in sorted(files):
            if (name.endswith((".py", ".pyi")) or is_requirements(name)) and not unwanted(name):
                yield here / name


def _is_skipped(folder: Path) -> bool:
    name = folder.name
    hidden = name.startswith(".") or name in _SKIPPED or name.endswith((".egg-info", ".egg"))
    return hidden or (folder / "pyvenv.cfg").exists()
