"""What a request's own code did: what it opened and closed, in which task, and what it raised."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import trio


def this_task() -> Any:
    """The running task, or None in a worker thread."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        pass
    try:
        return trio.lowlevel.current_task()
    except RuntimeError:
        return None


@dataclass
class Held:
    """Something that was opened and has to be closed, in the task that opened it."""

    name: str
    task: Any
    sync: bool
    closed: bool = False
    closed_by: Any = None

    def close(self) -> None:
        """It has been closed, here."""
        self.closed = True
        self.closed_by = this_task()


@dataclass
class Ledger:
    """The notes of one run."""

    held: list[Held] = field(default_factory=list)
    spools: list[Any] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    raised: BaseException | None = None
    messages_at_raise: int = 0
    server: Any = None

    def open(self, name: str, *, sync: bool = False) -> Held:
        """Note that something is open from now on."""
        held = Held(name, this_task(), sync)
        self.held.append(held)
        return held

    def fail(self, error: BaseException) -> BaseException:
        """Note that the application's own code raises `error` now; returns it."""
        self.raised = error
        self.messages_at_raise = len(self.server.messages)
        return error

    def begin(self, name: str) -> None:
        """Note that background work begins."""
        self.begun.append(name)
        if not self.server.complete and not self.server.gone and not self.server.send_breaks:
            self.early.append(name)

    def end(self, name: str) -> None:
        """Note that background work has ended."""
        self.ran.append(name)
