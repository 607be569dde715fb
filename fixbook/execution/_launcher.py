"""Runs a command within limits and ends all that it has started: `python -I _launcher.py '{"command": …}'`.

A program of its own with nothing but the standard library, so that limits are set in a process that has no threads and
no event loop. It is the parent of whatever the command starts, also of what tries to leave (a new session, a double
fork): orphans come back to it (PR_SET_CHILD_SUBREAPER), and it does not end before the last of them has.

It ends everything when the command has ended, when a limit is passed, and when its standard input closes: that is how
it is told to stop, and how it notices that whoever started it has died. What came of the command is one line of JSON on
the file descriptor `status`.
"""

import ctypes
import glob
import json
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
POLL = 0.02
"""Seconds between two looks at processes."""
DISK_EVERY = 10
"""Looks between two looks at the disk."""


class Process(NamedTuple):
    """What is read of a process."""

    group: int
    threads: int


def descendants(root: int) -> dict[int, Process]:
    """Every process below `root`."""
    parents: dict[int, list[int]] = {}
    known: dict[int, Process] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        parents.setdefault(int(fields[1]), []).append(int(entry))
        known[int(entry)] = Process(int(fields[2]), int(fields[17]))
    found: dict[int, Process] = {}
    waiting = [root]
    while waiting:
        for child in parents.get(waiting.pop(), ()):
            if child not in found:
                found[child] = known[child]
                waiting.append(child)
    return found


def kill(below: dict[int, Process]) -> None:
    """Kill these processes: group by group, which meets also those that a group makes meanwhile; then one by one."""
    for group in {process.group for process in below.values()} - {0, 1, os.getpgrp()}:
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
    for pid in below:
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass


def room_for_processes(pid: int) -> Path | None:
    """The control group (cgroup) of the launcher `pid`: where it would be, if this system counts processes by them."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "pids" in controllers.split(","):  # version 1: a tree for each controller, or for several
            return Path(f"/sys/fs/cgroup/{controllers}{path}") / f"fixbook-{pid}"
    for line in lines:
        if line.startswith("0::"):
            return Path(f"/sys/fs/cgroup{line[3:]}") / f"fixbook-{pid}"
    return None


def make_room_for_processes(most: int) -> Path | None:
    """A control group of this launcher in which `most` processes and threads can be; None where we may not make one."""
    folder = room_for_processes(os.getpid())
    if folder is None:
        return None
    try:
        folder.mkdir()
        (folder / "pids.max").write_text(str(most))
    except OSError:
        leave_room(folder)
        return None
    return folder


def enter(room: Path | None) -> None:
    """Put this process into a control group; where that is not allowed, processes are counted as without one."""
    try:
        if room is not None:
            (room / "cgroup.procs").write_text("0")
    except OSError:
        pass


def leave_room(folder: Path | None) -> None:
    """Remove a control group in which nothing is any more."""
    try:
        if folder is not None:
            folder.rmdir()
    except OSError:
        pass


def refused(room: Path | None) -> bool:
    """Whether the kernel has refused a process or thread for want of room."""
    try:
        return room is not None and (room / "pids.events").read_text().split()[1] != "0"
    except (OSError, IndexError):
        return False


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
        below = descendants(os.getpid())
        kill(below)
        ended = reap()
        status = ended.get(main, status)
        if not below and not ended:
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
        set_limit(kind, most)
    if (
        os.getuid()
    ):  # the kernel counts all of a user's, and root's never; twice as many: passing the limit shall be seen
        set_limit(resource.RLIMIT_NPROC, tasks_of(os.getuid()) + 2 * limits["processes"])


def set_limit(kind: int, most: int) -> None:
    """Set both limits of a kind, to what is allowed at most where that is less."""
    _, hard = resource.getrlimit(kind)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


def tasks_of(user: int) -> int:
    """How many processes and threads a user has."""
    count = 0
    for folder in glob.glob("/proc/[0-9]*/task"):
        try:
            count += os.stat(folder).st_nlink - 2 if os.stat(folder).st_uid == user else 0
        except OSError:
            continue
    return count


def prctl(option: int, value: int) -> None:
    """Ask the kernel for `option`, where there is such a kernel: else what leaves its session is not found again."""
    try:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
    except (OSError, AttributeError):
        pass


def start(asked: dict[str, Any], room: Path | None) -> int:
    """Start the command in a session of its own; its process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        enter(room)
        os.chdir(asked["folder"])
        set_limits(asked["limits"])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.set_inheritable(asked["status"], False)
        os.execve(asked["command"][0], asked["command"], asked["environment"])  # noqa: S606 - its own executable
    finally:
        os._exit(127)


def watch(main: int, asked: dict[str, Any], room: Path | None) -> tuple[int | None, str | None]:
    """Wait for the command: its wait status, and why it has to be ended where that is not known."""
    limits, look = asked["limits"], 0
    deadline = time.monotonic() + limits["seconds"]
    while True:
        ended = reap()
        if refused(room) or sum(process.threads for process in descendants(os.getpid()).values()) > limits["processes"]:
            return ended.get(main), f"it had more than {limits['processes']} processes and threads"
        if main in ended:
            status = ended[main]
            spent = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU
            return status, f"it took more than {limits['cpu_seconds']} s of CPU time" if spent else None
        if select.select([0], [], [], POLL)[0]:
            return None, "stopped"
        if time.monotonic() > deadline:
            return None, f"it took longer than {limits['seconds']:g} s"
        look += 1
        if look % DISK_EVERY == 0 and bytes_below(asked["room"]) > limits["disk"]:
            return None, f"it wrote more than {limits['disk']} bytes"


def main() -> None:
    """Run what the first argument says."""
    asked = json.loads(sys.argv[1])
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    begun = time.monotonic()
    room = make_room_for_processes(asked["limits"]["processes"])
    pid = start(asked, room)
    # Not its own any more: the other side sees the end of the output when the command's processes are gone.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    status, reason = watch(pid, asked, room)
    took = time.monotonic() - begun
    left = end_all(pid)
    leave_room(room)
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
