"""What a reproduction may take, and what is told while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Event", "Limits", "OnEvent"]

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may take at most. A run that takes more is ended, with all that it has started."""

    seconds: float = 60.0  # wall time; the reproduction's own `timeout` counts where it is shorter
    cpu_seconds: int = 60
    memory: int = 4096 * MEBIBYTE  # bytes of address space, for each process
    output: int = MEBIBYTE  # bytes, both streams together
    open_files: int = 256  # for each process
    file_size: int = 64 * MEBIBYTE  # bytes, for each file
    disk: int = 256 * MEBIBYTE  # bytes in the run's directory
    processes: int = 64  # and threads, all that the reproduction has started
    install_seconds: float = 600.0  # wall time, for the environment


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a run: a state it came to, or a piece of its output as it arrived."""

    kind: Literal["state", "output"]
    text: str
    stream: Literal["stdout", "stderr"] | None = None
    at: float = 0.0  # seconds since `execute` was called


OnEvent = Callable[[Event], None]
