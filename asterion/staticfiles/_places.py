"""Where the files are: directories, those of packages, and what is beside a file. All of it blocks.

Law: what was found must lie in the directory in which it was looked for, whatever links there are on the way.
"""

import errno
import importlib.util
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from asterion._core.assets import CODING_ENDINGS

PathLike = str | os.PathLike[str]

Place = tuple[str, os.stat_result]

# What the system says of a path that is no path to anything: links in a circle, names that get too long on the way.
_NO_SUCH_PATH = (FileNotFoundError, NotADirectoryError)
_NO_SUCH_PATH_NUMBERS = (errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL)


class StaticFilesConfigurationError(AssertionError, RuntimeError):
    """A directory or package that StaticFiles was given is not there (upstream raised one or the other)."""


class Found(NamedTuple):
    """What there is at a path: a file, a directory, or nothing (`status` is None)."""

    path: str
    full_path: str = ""
    status: os.stat_result | None = None
    siblings: dict[str, Place] = {}  # noqa: RUF012 - never changed
    """By coding, the same content compressed beforehand."""

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.status is not None and stat.S_ISDIR(self.status.st_mode)


def given_directories(directory: PathLike | Sequence[PathLike] | None) -> list[PathLike]:
    """The directories of a `directory` argument: none, one or several."""
    if directory is None:
        return []
    return [directory] if isinstance(directory, str | os.PathLike) else list(directory)


def package_directory(package: str | tuple[str, str]) -> Path:
    """The directory of an entry of `packages`. Raises StaticFilesConfigurationError if one of the two is missing."""
    name, below = (package, "statics") if isinstance(package, str) else package
    spec = importlib.util.find_spec(name)
    # A package without an __init__.py has places, but no origin.
    places: Any = spec and (spec.submodule_search_locations or ([str(Path(spec.origin).parent)] if spec.origin else []))
    if not places:
        raise StaticFilesConfigurationError(f"the package {name!r} of StaticFiles could not be found; is it installed?")
    for place in places:
        if (found := Path(place, below)).is_dir():
            return found
    raise StaticFilesConfigurationError(
        f"the package {name!r} has no directory {below!r}; name another one: packages=[({name!r}, 'directory')]"
    )


def check_directory(directory: PathLike) -> None:
    """Raise StaticFilesConfigurationError unless there is a directory."""
    if not os.path.isdir(directory):
        state = "is not a directory" if os.path.exists(directory) else "does not exist"
        raise StaticFilesConfigurationError(
            f"StaticFiles directory {os.fspath(directory)!r} {state} (looked for from {os.getcwd()!r})"
        )


def resolved(path: PathLike, follow_symlink: bool) -> str:
    """`path` from the root: by its name alone where links may lead outside, else by what it leads to."""
    return os.path.abspath(path) if follow_symlink else os.path.realpath(path)


def lies_in(path: str, root: str) -> bool:
    """Whether `path` is `root` or below it. Both from the root of the file system."""
    try:
        return os.path.commonpath([path, root]) == root
    except ValueError:  # pragma: no cover - paths on two drives, which Windows alone has
        return False


def status_of(path: str) -> os.stat_result | None:
    """What the system says of `path`; None if there is nothing. Raises PermissionError and other OSErrors."""
    try:
        return os.stat(path)
    except _NO_SUCH_PATH:
        return None
    except OSError as error:
        if error.errno in _NO_SUCH_PATH_NUMBERS:
            return None
        raise


def siblings_of(
    place: Place, directories: Iterable[PathLike], codings: Sequence[str], follow: bool
) -> dict[str, Place]:
    """The files beside the one at `place` that hold its content in one of the `codings`: `app.js.gz` for `app.js`.

    A sibling must lie in the same directory of `directories` as the file; a link that leads out of it is none
    (CVE-2024-42367). Neither is one older than the file, by whole seconds: it holds the content of before.
    """
    full_path, status = place
    root = next((root for root in (resolved(one, follow) for one in directories) if lies_in(full_path, root)), None)
    if root is None:
        return {}
    siblings: dict[str, Place] = {}
    for coding in codings:
        path = resolved(full_path + CODING_ENDINGS[coding], follow)
        if not lies_in(path, root):
            continue
        try:
            found = status_of(path)
        except PermissionError:
            continue
        if is_file(found) and int(found.st_mtime) >= int(status.st_mtime):
            siblings[coding] = path, found
    return siblings


def is_file(found: os.stat_result | None) -> TypeGuard[os.stat_result]:
    """Whether `found` is a file with contents of its own."""
    return found is not None and stat.S_ISREG(found.st_mode)
