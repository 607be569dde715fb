"""Environments to run in: one for each interpreter and set of requirements, made once and kept.

Made by `uv` where it is there, else by `venv` and `pip`. An environment is made under another name and renamed when it
is complete, and a lock file lets one process at a time make it, so that any number of processes can share a cache.

For Asterion the package itself, the very one that this Fixbook runs on, is copied into the environment: nothing is
built, and what is verified is what is here.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asterion
from fixbook.execution._limits import Limits
from fixbook.execution._processes import run_tool

__all__ = ["Environment", "EnvironmentFailure", "Request", "default_cache", "prepare"]

ASTERION_NEEDS = ("anyio>=4,<5", "typing_extensions>=4.10")
COMPLETE = "complete.json"

# What the tools for installing print when nobody answers, as far as it is theirs to say.
_UNREACHABLE = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|Failed to establish a new connection|Connection refused"
    r"|Connection reset|error sending request|Failed to fetch|dns error|Temporary failure in name resolution"
    r"|Name or service not known|ProxyError|SSLError|CERTIFICATE_VERIFY_FAILED|client error \(Connect\)",
    re.IGNORECASE,
)

_FOR_INSTALLING = re.compile(
    r"(PATH|HOME|LANG|LC_ALL|TMPDIR|(PIP|UV)_.*|(HTTPS?|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|XDG_.*)",
    re.IGNORECASE,
)


class EnvironmentFailure(Exception):
    """No environment could be made. `unreachable` tells a missing package index from requirements that cannot be."""

    def __init__(self, message: str, unreachable: bool) -> None:
        super().__init__(message)
        self.unreachable = unreachable


@dataclass(frozen=True, slots=True)
class Request:
    """What an environment has to hold."""

    requirements: tuple[str, ...]  # PEP 508
    python: str = sys.executable  # path of the interpreter
    with_asterion: bool = False
    newest: bool = False  # a requirement without a version: asked for again every day


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment that is there."""

    folder: Path
    packages: Mapping[str, str]  # name -> version of everything installed

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"


def default_cache() -> Path:
    """Where environments are kept if nobody says otherwise: `fixbook` in the user's cache folder (XDG)."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "fixbook" / "environments"


def _package_files() -> list[Path]:
    root = Path(asterion.__file__).parent
    return sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _digest(request: Request) -> str:
    parts = [repr((request.requirements, request.python, request.with_asterion))]
    if request.newest:
        parts.append(datetime.now(UTC).date().isoformat())
    digest = hashlib.sha256("\n".join(parts).encode())
    if request.with_asterion:
        for path in _package_files():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:24]


def _uv() -> str | None:
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.is_file() else shutil.which("uv")


async def prepare(
    request: Request, cache: Path, limits: Limits, say: Callable[[str], None] = lambda text: None
) -> Environment:
    """The environment for `request`, made if it is not there. Raises `EnvironmentFailure`; may be cancelled."""
    key = await asyncio.to_thread(_digest, request)
    folder = cache / key
    if (found := _complete(folder)) is not None:
        return found
    try:
        await asyncio.to_thread(cache.mkdir, parents=True, exist_ok=True)
        async with _locked(cache / f"{key}.lock"):
            if (found := _complete(folder)) is not None:
                return found  # another process has made it meanwhile
            return await _make_and_keep(request, folder, limits, say)
    except OSError as error:
        raise EnvironmentFailure(f"no environment can be made in {cache}: {error}", unreachable=False) from error


async def _make_and_keep(request: Request, folder: Path, limits: Limits, say: Callable[[str], None]) -> Environment:
    building = folder.with_name(f".building-{folder.name}-{os.getpid()}")
    try:
        packages = await _make(request, building, limits, say)
        await asyncio.to_thread(_rename_in_scripts, building, folder)
        (building / COMPLETE).write_text(json.dumps(packages))
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        building.rename(folder)
    finally:
        await asyncio.to_thread(shutil.rmtree, building, ignore_errors=True)
    return Environment(folder, packages)


def _rename_in_scripts(building: Path, folder: Path) -> None:
    """Installed commands name their interpreter by its path: the one that the environment is going to have."""
    old, new = os.fsencode(building.name), os.fsencode(folder.name)
    for script in (building / "bin").iterdir():
        if script.is_symlink() or not script.is_file():
            continue
        data = script.read_bytes()
        if b"\x00" not in data and old in data:
            script.write_bytes(data.replace(old, new))


def _complete(folder: Path) -> Environment | None:
    try:
        return Environment(folder, json.loads((folder / COMPLETE).read_text()))
    except (OSError, ValueError):
        return None


@asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.1)  # a process of its own holds it: there is nothing to be woken by
        yield


async def _make(request: Request, folder: Path, limits: Limits, say: Callable[[str], None]) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if _FOR_INSTALLING.fullmatch(name)}
    environment.setdefault("UV_HTTP_TIMEOUT", "20")
    uv, python = _uv(), str(folder / "bin" / "python")
    if uv:
        make = [uv, "venv", "--quiet", "--no-project", "--no-config", "--python", request.python, str(folder)]
        install = [uv, "pip", "install", "--no-config", "--python", python]
    else:
        make = [request.python, "-m", "venv", str(folder)]
        install = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--retries", "1"]
        install += ["--timeout", "20"]
    say("making an environment")
    await _tool(make, environment, limits)
    requirements = request.requirements + (ASTERION_NEEDS if request.with_asterion else ())
    if requirements:
        say(f"installing {', '.join(requirements)}")
        await _tool([*install, *requirements], environment, limits)
    if request.with_asterion:
        await asyncio.to_thread(_put_asterion, folder)
    return await _installed(python, environment, limits)


async def _tool(command: list[str], environment: Mapping[str, str], limits: Limits) -> str:
    code, output = await run_tool(command, environment, limits.install_seconds)
    if code == 0:
        return output
    tail = "\n".join(line for line in output.strip().splitlines() if not line.startswith("WARNING"))[-1500:]
    if code is None:
        message = f"installing took longer than {limits.install_seconds:g} s: {tail}"
        raise EnvironmentFailure(message, unreachable=True)
    if _UNREACHABLE.search(output):
        raise EnvironmentFailure(f"the package index cannot be reached from here: {tail}", unreachable=True)
    raise EnvironmentFailure(f"these requirements cannot be installed here: {tail}", unreachable=False)


def _put_asterion(folder: Path) -> None:
    """Copy the package that is running into the environment, with what starts its drop-in."""
    (site,) = folder.glob("lib/python*/site-packages")
    source = Path(asterion.__file__).parent
    shutil.copytree(source, site / "asterion", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(source / "dropin" / "asterion_dropin.pth", site)
    info = site / f"asterion-{asterion.__version__}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: asterion\nVersion: {asterion.__version__}\n")
    (info / "INSTALLER").write_text("fixbook\n")


_LIST = (
    "import json; from importlib import metadata as m; "
    "print(json.dumps({d.metadata['Name'].lower().replace('_', '-'): d.version for d in m.distributions()}))"
)


async def _installed(python: str, environment: Mapping[str, str], limits: Limits) -> dict[str, str]:
    output = await _tool([python, "-I", "-c", _LIST], environment, limits)
    packages: dict[str, str] = json.loads(output.strip().splitlines()[-1])
    return dict(sorted(packages.items()))
