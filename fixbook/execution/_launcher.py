"""Runs a command within limits and ends all that it has started: `python -I _launcher.py '{"command": …}'`.

A program of its own with nothing but the standard library, so that limits are set in a process that has no threads and
no event loop. It is the parent of whatever the command starts, also of what tries to leave (a new session, a double
fork): orphans come back to it (PR_SET_CHILD_SUBREAPER), and it does not end before the last of them has.

It ends everything when the command has ended, when a limit is passed, and when its standard input closes: that is how
it is told to stop, and how it notices that whoever started it has died. What came of the command is one line of JSON on
the file descriptor `status`.
"""

import ctypes
import json
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
POLL = 0.02
"""Seconds between two looks at processes."""
DISK_EVERY = 10
"""Looks between two looks at the disk."""


def descendants(root: int) -> dict[int, int]:
    """Every process below `root`, with its number of threads."""
    parents: dict[int, list[int]] = {}
    threads: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        parents.setdefault(int(fields[1]), []).append(int(entry))
        threads[int(entry)] = int(fields[17])
    found: dict[int, int] = {}
    waiting = [root]
    while waiting:
        for child in parents.get(waiting.pop(), ()):
            if child not in found:
                found[child] = threads[child]
                waiting.append(child)
    return found


def tell(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def reap() -> dict[int, int]:
    """The children that have ended, with their wait status."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if not pid:
            return ended
        ended[pid] = status


def end_all(main: int) -> int | None:
    """Kill every process below this one, until none is left. Gives the wait status of `main` if it was one of them."""
    status = None
    while True:
        stopped: set[int] = set()
        # All are stopped before the first is killed: else those that are left go on making others.
        while more := set(descendants(os.getpid())) - stopped:
            for pid in more:
                tell(pid, signal.SIGSTOP)
            stopped |= more
        for pid in stopped:
            tell(pid, signal.SIGKILL)
        ended = reap()
        status = ended.get(main, status)
        if not stopped and not ended:
            return status
        time.sleep(POLL / 4)


def bytes_below(folder: str) -> int:
    """What the files below `folder` take, in bytes."""
    total = 0
    for at, _, names in os.walk(folder):
        for name in names:
            try:
                found = os.lstat(os.path.join(at, name))
            except OSError:
                continue
            total += found.st_blocks * 512
    return total


def set_limits(limits: dict[str, int]) -> None:
    """The limits that the kernel holds for each process."""
    cpu = limits["cpu_seconds"]
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 5))  # SIGXCPU first: it can be told from other ends
    for kind, most in (
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_NOFILE, limits["open_files"]),
        (resource.RLIMIT_FSIZE, limits["file_size"]),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def prctl(option: int, value: int) -> None:
    """Ask the kernel for `option`, where there is such a kernel: else what leaves its session is not found again."""
    try:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
    except (OSError, AttributeError):
        pass


def start(asked: dict[str, Any]) -> int:
    """Start the command in a session of its own; its process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.chdir(asked["folder"])
        set_limits(asked["limits"])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.set_inheritable(asked["status"], False)
        os.execve(asked["command"][0], asked["command"], asked["environment"])  # noqa: S606 - its own executable
    finally:
        os._exit(127)


def watch(main: int, asked: dict[str, Any]) -> tuple[int | None, str | None]:
    """Wait for the command: its wait status, and why it has to be ended where that is not known."""
    limits, look = asked["limits"], 0
    deadline = time.monotonic() + limits["seconds"]
    while True:
        ended = reap()
        if main in ended:
            status = ended[main]
            spent = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU
            return status, f"it took more than {limits['cpu_seconds']} s of CPU time" if spent else None
        if select.select([0], [], [], POLL)[0]:
            return None, "stopped"
        if time.monotonic() > deadline:
            return None, f"it took longer than {limits['seconds']:g} s"
        if sum(descendants(os.getpid()).values()) > limits["processes"]:
            return None, f"it had more than {limits['processes']} processes and threads"
        look += 1
        if look % DISK_EVERY == 0 and bytes_below(asked["room"]) > limits["disk"]:
            return None, f"it wrote more than {limits['disk']} bytes"


def main() -> None:
    """Run what the first argument says."""
    asked = json.loads(sys.argv[1])
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    begun = time.monotonic()
    pid = start(asked)
    # Not its own any more: the other side sees the end of the output when the command's processes are gone.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    status, reason = watch(pid, asked)
    took = time.monotonic() - begun
    left = end_all(pid)
    status = left if status is None else status
    answer = {
        "exit": os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None,
        "reason": reason,
        "seconds": took,
    }
    os.write(asked["status"], json.dumps(answer).encode())


if __name__ == "__main__":
    main()
