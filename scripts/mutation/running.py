"""Copies of the tree, and runs of its tests in them.

A run is a fork of this process, which has imported what the tests need of other projects (and nothing of this one)
already: that is most of what starting pytest costs.
"""

import importlib
import itertools
import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.context import ForkProcess
from pathlib import Path
from tempfile import TemporaryDirectory

_COPIED = ("asterion", "tests", "scripts", "examples", "docs", "benchmarks", "pyproject.toml", "README.md")
OUTPUT = "output.txt"
# Plugins are imported before pytest could rewrite their asserts, which is no matter.
_EARLY = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
IDLE = 8.0
"""Seconds without any processor time after which tests are taken to wait for ever."""
_IMPORTED = ("pytest", "anyio.pytest_plugin", "anyio._backends._asyncio", "anyio._backends._trio", "trio", "httpx")
_FORKS = multiprocessing.get_context("fork")


def import_others() -> None:
    """Import what the tests use, as far as it is installed."""
    for name in _IMPORTED:
        with suppress(ImportError):
            importlib.import_module(name)


@contextmanager
def copy_of(root: Path) -> Iterator[Path]:
    """A copy of what tests need of the tree at `root`, for as long as the block lasts."""
    with TemporaryDirectory(prefix="mutation-") as folder:
        tree = Path(folder)
        for name in _COPIED:
            if (root / name).is_dir():
                shutil.copytree(root / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif (root / name).exists():
                shutil.copy2(root / name, tree)
        yield tree


_written = itertools.count(int(time.time()), 2)


def replace(path: Path, text: str) -> None:
    """Put this text in a module. Its time differs from any before: Python knows its bytecode by time and size."""
    path.write_text(text)
    moment = next(_written)
    os.utime(path, (moment, moment))


class Run:
    """Tests in a copy of the tree, in a process of their own that ends at the first that fails."""

    def __init__(self, tree: Path, tests: tuple[str, ...], limit: float) -> None:
        self._process = _FORKS.Process(target=_tests, args=(tree, tests))
        self._started, self._limit = time.monotonic(), limit
        self._process.start()

    def end(self) -> str:
        """Wait: "killed" if a test failed, "survived" if none did, "timeout" if they wait for ever or take too long.

        Too long is `limit` seconds. Who waits for ever uses no processor time, which is looked at where Linux tells it.
        """
        since = self._started
        used: int | None = -1
        while self._process.exitcode is None and time.monotonic() < self._started + self._limit:
            self._process.join(0.5)
            now, before, used = time.monotonic(), used, _time_of_group(self._process.pid)
            if used is None or used != before:
                since = now
            elif now > since + IDLE:
                break
        taken = self._process.exitcode
        _end_group(self._process)
        self._process.join()
        self.seconds = time.monotonic() - self._started
        if taken is None:
            return "timeout"
        return "killed" if taken else "survived"


def _time_of_group(leader: int | None) -> int | None:
    """Processor time of a group's processes, in ticks; None where that is not known."""
    used: int | None = None
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            # Behind the name in parentheses: state, parent, group; user and system time are 9 and 10 places further.
            fields = path.read_text().rpartition(")")[2].split()
            if fields[2] == str(leader):
                used = (used or 0) + int(fields[11]) + int(fields[12])
    return used


def _end_group(process: ForkProcess) -> None:
    # Also what its tests have started. It leads a group of its own from its first line on.
    with suppress(ProcessLookupError, PermissionError):
        if process.pid is not None and os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def _tests(tree: Path, tests: tuple[str, ...]) -> None:
    os.setpgrp()
    with open(os.devnull, "rb") as nothing, open(tree / OUTPUT, "wb") as output:
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.chdir(tree)
    os.environ["PYTHONPATH"] = str(tree)
    sys.path.insert(0, str(tree))
    for name in [name for name in sys.modules if name.partition(".")[0] in ("scripts", "asterion", "tests")]:
        del sys.modules[name]
    pytest = importlib.import_module("pytest")
    options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "--no-header", "--tb=line", "-W", _EARLY]
    # Not sys.exit: threads that a mutant leaves behind would be waited for.
    os._exit(int(pytest.main([*options, *tests])))
