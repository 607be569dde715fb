"""Programs that the runner starts: with a time limit, in a group that ends as one, and without inherited secrets."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from compat.project import CompatError

_PASSED_ON: Final = ("HOME", "LANG", "LC_ALL", "PATH", "TERM", "TMPDIR", "TZ")
_FOR_THE_INDEX: Final = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


def environment(extra: Mapping[str, str], *, index: bool = False) -> dict[str, str]:
    """The environment of a child: what every program needs, `extra`, and for the index the settings of pip and uv."""
    names = set(_PASSED_ON)
    if index:
        names |= {name for name in os.environ if name.upper() in _FOR_THE_INDEX or name.startswith(("PIP_", "UV_"))}
    return {name: os.environ[name] for name in sorted(names) if name in os.environ} | dict(extra)


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    return "\n".join(path.read_text("utf-8", "replace").splitlines()[-lines:])


def run(command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], log: Path, timeout: float) -> int:
    """Run a program with its output in `log`, for `timeout` seconds at most. Returns its exit status.

    Whatever it has started and left in its group is killed when it ends, in time or not.

    Raises:
        CompatError: it ran out of time.
    """
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 - the commands are the runner's own
            [str(part) for part in command],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise CompatError(f"stopped after {timeout:g} seconds; the output ended with:\n{tail(log)}") from None
        finally:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.wait()
