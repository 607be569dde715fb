"""Other programs, started and ended for sure: tools for installing, and reproductions through the launcher."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fixbook.execution._launcher import leave_room, room_for_processes
from fixbook.execution._limits import Limits

__all__ = ["Finished", "run_limited", "run_tool"]

_LAUNCHER = Path(__file__).with_name("_launcher.py")
_PIECE = 64 * 1024
_GRACE = 5.0
"""Seconds that the launcher has beyond those of the run, to end what is left."""

Stream = Literal["stdout", "stderr"]


async def run_tool(command: list[str], environment: Mapping[str, str], seconds: float) -> tuple[int | None, str]:
    """Run a program of the system to its end: exit status, and both its streams. The status is None after `seconds`.

    It is killed with its process group where it takes longer, or where this is cancelled.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(environment),
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate()
        return process.returncode, output.decode("utf-8", "replace")
    except TimeoutError:
        return None, ""
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(asyncio.ensure_future(_let_go(process)))


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of a command that ran within limits."""

    exit_code: int | None
    signal: int | None
    reason: str | None  # the limit that was passed
    seconds: float
    output: str
    truncated: bool


class _Collector:
    """Takes both streams of a process up to a number of bytes."""

    def __init__(self, most: int, on_output: Callable[[str, Stream], None]) -> None:
        self.left = most
        self.parts: list[str] = []
        self.passed = asyncio.Event()
        self._on_output = on_output

    async def take(self, reader: asyncio.StreamReader, stream: Stream) -> None:
        """Take `stream` to its end; what is beyond the limit is read and dropped."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while True:
            data = await reader.read(_PIECE)
            kept, rest = data[: self.left], data[self.left :]
            self.left -= len(kept)
            if text := decoder.decode(kept, final=not data):
                # A page of a browser or a database takes no NUL; it stands for itself, visibly.
                text = text.replace("\x00", "\N{SYMBOL FOR NULL}")
                self.parts.append(text)
                self._on_output(text, stream)
            if rest:
                self.passed.set()
            if not data:
                return


async def run_limited(
    command: list[str],
    folder: Path,
    environment: Mapping[str, str],
    limits: Limits,
    seconds: float,
    on_output: Callable[[str, Stream], None],
) -> Finished:
    """Run `command` in `folder` within `limits`, for `seconds` at most.

    What it writes may stand anywhere below the folder around `folder`. When this returns or raises, all of its
    processes are gone.
    """
    status_read, status_write = os.pipe()
    asked: dict[str, Any] = {
        "command": command,
        "folder": str(folder),
        "room": str(folder.parent),
        "environment": dict(environment),
        "status": status_write,
        "limits": {
            "seconds": seconds,
            "cpu_seconds": limits.cpu_seconds,
            "memory": limits.memory,
            "open_files": limits.open_files,
            "file_size": limits.file_size,
            "disk": limits.disk,
            "processes": limits.processes,
        },
    }
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(_LAUNCHER),
            json.dumps(asked),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=[status_write],
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            start_new_session=True,
        )
    except BaseException:
        os.close(status_read)
        raise
    finally:
        os.close(status_write)
    collector = _Collector(limits.output, on_output)
    with os.fdopen(status_read, "rb") as status:
        try:
            async with asyncio.timeout(seconds + _GRACE):
                await _follow(process, collector)
        except TimeoutError:
            pass  # it has stopped or killed its launcher, which leaves no answer
        finally:
            await asyncio.shield(asyncio.ensure_future(_end(process, folder.parent)))
        answer = json.loads(status.read() or b"{}")
    reason = answer.get("reason", "it ended or stopped the process that watches it")
    if collector.passed.is_set():
        reason = f"it printed more than {limits.output} bytes"
    return Finished(
        answer.get("exit"),
        answer.get("signal"),
        reason,
        answer.get("seconds", 0.0),
        "".join(collector.parts),
        collector.passed.is_set(),
    )


async def _follow(process: asyncio.subprocess.Process, collector: _Collector) -> None:
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise RuntimeError("the launcher was started without pipes")
    stdin = process.stdin

    async def stop_when_passed() -> None:
        await collector.passed.wait()
        stdin.close()

    async with asyncio.TaskGroup() as group:
        stopping = group.create_task(stop_when_passed())
        streams = [
            group.create_task(collector.take(process.stdout, "stdout")),
            group.create_task(collector.take(process.stderr, "stderr")),
        ]
        await process.wait()
        await asyncio.gather(*streams)
        stopping.cancel()


async def _end(process: asyncio.subprocess.Process, room: Path) -> None:
    """See that the launcher has ended: its closed input tells it to end everything below it.

    One that was killed or stopped cannot do so. Then what runs in `room`, or was started with its HOME there, is
    looked for and killed from here.
    """
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_GRACE):
            await process.wait()
    except TimeoutError:
        if process.returncode is None:
            process.kill()
    if process.returncode != 0:
        await asyncio.to_thread(_sweep, room)
        leave_room(room_for_processes(process.pid))
    await _let_go(process)


async def _let_go(process: asyncio.subprocess.Process) -> None:
    """Wait for a process that is ending and read its pipes to their end, so that the event loop is done with it."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            for reader in (process.stdout, process.stderr):
                while reader is not None and await reader.read(_PIECE):
                    pass
    await process.wait()
    for _ in range(3):
        await asyncio.sleep(0)  # its transport is closed in turns of the loop that nothing can be awaited for


def _sweep(room: Path) -> None:
    """Kill whatever belongs to `room` until nothing does, for a few seconds at most."""
    until = time.monotonic() + _GRACE
    while (found := _belonging(room)) and time.monotonic() < until:
        for number in (signal.SIGSTOP, signal.SIGKILL):  # all stand still before the first is killed
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)


def _belonging(room: Path) -> list[int]:
    mark, found = bytes(room), []
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if not entry.isdigit():
            continue
        try:
            at = os.fsencode(os.readlink(f"/proc/{entry}/cwd"))
            here = at == mark or at.startswith(mark + b"/")
            if here or b"HOME=" + mark + b"/" in Path(f"/proc/{entry}/environ").read_bytes():
                found.append(int(entry))
        except OSError:
            continue  # it has ended, or is not ours to see
    return found
