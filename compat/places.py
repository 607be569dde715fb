"""Environments and sources: what has to be there before a project's tests can run, below the ignored `.compat`."""

import configparser
import hashlib
import shutil
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from compat.process import environment, run, tail
from compat.project import CompatError, Project

ROOT: Final = Path(__file__).parents[1]
HOME: Final = ROOT / ".compat"
STARLETTE: Final = "1.10.0"
_INSTALLING: Final = 1200  # seconds


def _do(what: str, command: list[str | Path], log: Path) -> None:
    status = run(command, cwd=HOME, env=environment({}, index=True), log=log, timeout=_INSTALLING)
    if status:
        raise CompatError(f"{what} failed (is the package index reachable?); the output ended with:\n{tail(log)}")


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def python_of(project: Project) -> Path:
    """The interpreter of the project's environment, of which both sides make use."""
    return HOME / project.key / "venv" / "bin" / "python"


def _installer(project: Project) -> list[str | Path]:
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--python", python_of(project)]
    return [python_of(project), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


@contextmanager
def wheel() -> Iterator[Path]:
    """Asterion as users install it, built from the working tree; in a folder of its own, for runs side by side."""
    with tempfile.TemporaryDirectory(prefix="wheel-", dir=HOME) as name:
        folder = Path(name)
        build: list[str | Path] = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", ROOT, "-w", folder]
        _do("building Asterion", build, folder / "log")
        yield next(folder.glob("*.whl"))


def install(project: Project, asterion: Path) -> None:
    """Make the environment: the project, its requirements, Starlette and Asterion. Made again when the entry changes.

    Raises:
        CompatError: a package cannot be had or built.
    """
    folder = HOME / project.key
    wanted = sorted({f"{project.name}=={project.version}", f"starlette=={STARLETTE}", "pytest", *project.requirements})
    mark, stamp = folder / "installed", hashlib.sha256("\n".join(wanted).encode()).hexdigest()
    log = folder / "install.log"
    if not mark.is_file() or mark.read_text() != stamp:
        _fresh(folder)
        _do("making an environment", [sys.executable, "-m", "venv", folder / "venv"], log)
        _do("installing", [*_installer(project), *wanted], log)
        mark.write_text(stamp)
    reinstall = "--reinstall" if shutil.which("uv") else "--force-reinstall"
    _do("installing Asterion", [*_installer(project), reinstall, "--no-deps", asterion], log)


def _unpack(archive: Path, folder: Path) -> Path:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)  # noqa: S202 - zipfile keeps names inside of the folder
    else:
        with tarfile.open(archive) as packed_tar:
            packed_tar.extractall(folder, filter="data")
    return next(entry for entry in folder.iterdir() if entry.is_dir())


def _has_section(path: Path, section: str) -> bool:
    if path.suffix == ".toml":
        return section in tomllib.loads(path.read_text("utf-8")).get("tool", {})
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(path.read_text("utf-8"))
    return parser.has_section(section)


def configure(folder: Path) -> None:
    """Give a folder of tests an empty configuration of pytest if it has none: otherwise pytest would go up, to ours.

    Raises:
        CompatError: a file that may hold its configuration cannot be read.
    """
    if any((folder / name).is_file() for name in ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")):
        return
    for name, section in (("pyproject.toml", "pytest"), ("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        path = folder / name
        try:
            if path.is_file() and _has_section(path, section):
                return
        except (OSError, ValueError, configparser.Error) as error:
            raise CompatError(f"{path}: {error}") from error
    (folder / "pytest.ini").write_text("[pytest]\n")


def source(project: Project) -> Path:
    """The folder to run the tests in: the unpacked source distribution, or a copy of our application with its tests.

    The folder has a configuration of pytest, if only an empty one.

    Raises:
        CompatError: the index has no source distribution, or there is no application.
    """
    folder = HOME / project.key / "source"
    if project.kind == "application":
        ours = ROOT / "compat" / "applications" / project.name
        if not ours.is_dir():
            raise CompatError(f"there is no {ours.relative_to(ROOT)}; an application's tests stand there")
        shutil.copytree(ours, _fresh(folder), dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        configure(folder)
        return folder
    archives, log = _fresh(HOME / project.key / "archive"), HOME / project.key / "download.log"
    fetch: list[str | Path] = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    _do("downloading the source distribution", [*fetch, f"{project.name}=={project.version}", "-d", archives], log)
    unpacked = _unpack(next(archives.iterdir()), _fresh(folder))
    configure(unpacked)
    return unpacked
