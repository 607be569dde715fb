"""What must hold after every run, whatever was broken in it.

Each kind of violation has a name, which is that of the column in docs/reliability.md.
"""

import os
from dataclasses import dataclass, field
from typing import Any

from tests.faults.cells import Cell
from tests.faults.kit import Kit
from tests.faults.ledger import Ledger
from tests.faults.server import ClientGone, ReceiveBroke, SendBroke, Server

FAULTS = ("task cancel", "scope cancel", "disconnect, send fails", "disconnect, send silent", "send raises",
          "receive raises")  # fmt: skip

KINDS = (
    "message order",
    "incomplete without a fault",
    "cut short but complete",
    "iterator not closed",
    "closed in another task",
    "generator left to the collector",
    "file left open",
    "task left behind",
    "cancellation lost",
    "wrong exception",
    "exception swallowed",
    "exception group",
    "hang",
    "background skipped",
    "background too early",
    "background interrupted",
    "loop complained",
)


@dataclass
class Run:
    """One request, its faults, and all that was seen of it."""

    cell: Cell
    kit: Kit
    server: Server
    ledger: Ledger
    faults: tuple[tuple[int, str], ...] = ()
    clean: "Run | None" = None
    points: int = 0
    took: list[str] = field(default_factory=list)
    """The faults that fell while the request ran."""
    raised: BaseException | None = None
    cancelled: bool = False
    hung: bool = False
    returned: bool = False
    open_at_return: list[str] = field(default_factory=list)
    tasks_at_return: list[str] = field(default_factory=list)
    tasks_left: list[str] = field(default_factory=list)
    generators: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    task: Any = None

    @property
    def violations(self) -> list[tuple[str, str]]:
        """The kinds that this run violates, each with what was seen."""
        found: list[tuple[str, str]] = []
        for judge in _JUDGES:
            found += judge(self)
        return found

    @property
    def label(self) -> str:
        """What identifies the run."""
        cell = self.cell
        faults = " and ".join(f"{fault} at {at}" for at, fault in self.faults) or "no fault"
        return f"{cell.scenario.name} / {cell.layers} {cell.way} / ASGI {cell.version} / {faults} (of {self.points})"


_Found = list[tuple[str, str]]


def _messages(run: Run) -> _Found:
    found = [("message order", mistake) for mistake in run.server.mistakes]
    if not run.took and not run.hung and run.raised is None:
        problem = run.server.finish()
        if problem is not None:
            found.append(("incomplete without a fault", problem))
    if not run.faults and run.cell.scenario.kind == "http":
        case = run.cell.scenario
        if run.server.status != (200 if case.ends_started else case.status):
            found.append(("incomplete without a fault", f"status {run.server.status}, not {case.status}"))
    return found


def _complete(run: Run) -> _Found:
    server, log, case = run.server, run.ledger, run.cell.scenario
    if case.kind != "http" or not server.complete:
        return []
    if case.ends_started and log.raised is not None and 0 < log.messages_at_raise < len(server.messages):
        last = server.messages[-1]
        if not last.get("more_body", False):
            return [("cut short but complete", "the end was sent after the error")]
    if run.clean is None or case.ends_started or server.status != run.clean.server.status or case.method == "HEAD":
        return []
    if len(server.body) != len(run.clean.server.body):
        return [("cut short but complete", f"{len(server.body)} of {len(run.clean.server.body)} bytes")]
    return []


def _closed(run: Run) -> _Found:
    found = [("iterator not closed", name) for name in run.open_at_return]
    found += [("generator left to the collector", name) for name in run.generators]
    found += [("file left open", name) for name in run.files]
    for held in run.ledger.held:
        if held.closed and not held.sync and held.closed_by is not held.task and held.name not in run.open_at_return:
            found.append(("closed in another task", held.name))
    return found


def _tasks(run: Run) -> _Found:
    return [("task left behind", name) for name in dict.fromkeys(run.tasks_left + run.tasks_at_return)]


def _of(error: BaseException | None, kinds: Any) -> bool:
    return isinstance(error, kinds)


def _outcome(run: Run) -> _Found:
    if run.hung:
        return [("hang", "the application did not return")]
    error = run.raised
    if isinstance(error, BaseExceptionGroup):
        return [("exception group", repr(error))]
    cancels = [fault for fault in run.took if fault in ("task cancel", "scope cancel")]
    if cancels:
        return _cancelled(run, cancels)
    if run.cancelled:
        return [("wrong exception", "cancelled, and nobody asked for that")]
    return _raised(run, error)


def _cancelled(run: Run, cancels: list[str]) -> _Found:
    if run.cancelled:
        return []
    if "task cancel" in cancels:
        return [("cancellation lost", f"ended with {run.raised!r}")]
    # A scope's cancellation is seen at the next wait: a request that has none left ends as it would have.
    if run.raised is not None:
        # An error that was on its way already goes on: the other fault's, or the application's own.
        return [] if not _raised(run, run.raised) else [("cancellation lost", f"ended with {run.raised!r}")]
    if run.cell.scenario.kind != "http" or run.server.complete or run.server.gone:
        return []
    return [("cancellation lost", f"ended with {run.raised!r}")]


def _raised(run: Run, error: BaseException | None) -> _Found:
    server, log, case = run.server, run.ledger, run.cell.scenario
    allowed: list[Any] = []
    needed = ""
    if log.raised is not None and case.kind != "lifespan":
        needed = repr(log.raised)
    if case.raises:
        allowed.append(RuntimeError if case.make.__name__ == "no_file" else type(log.raised))
        if not run.took:
            needed = needed or "an error"
    if server.failed_sends:
        allowed.append(ClientGone)
    if server.gone or server.told_gone:
        allowed.append(_left)
    if server.broken_sends:
        allowed.append(SendBroke)
        needed = needed or "SendBroke"
    if server.broken_receives:
        allowed.append(ReceiveBroke)
        if not server.complete and not server.gone:
            needed = needed or "ReceiveBroke"
    if error is None:
        return [("exception swallowed", needed)] if needed and case.kind != "lifespan" else []
    if any(_fits(error, one) for one in allowed):
        return []
    return [("wrong exception", f"{error!r} in place of {needed or 'none'}")]


def _left(error: BaseException) -> bool:
    return type(error).__name__ in ("ClientDisconnect", "WebSocketDisconnect", "WebSocketDisconnected")


def _fits(error: BaseException, kind: Any) -> bool:
    return isinstance(error, kind) if isinstance(kind, type) else bool(kind(error))


def _background(run: Run) -> _Found:
    log, case = run.ledger, run.cell.scenario
    found: _Found = [("background too early", name) for name in log.early]
    cancels = any(fault in ("task cancel", "scope cancel") for fault in run.took)
    if not case.work or run.hung:
        return found
    missing = [name for name in case.work if name not in log.ran]
    if cancels:
        if missing and log.begun and run.kit.survives:
            found.append(("background interrupted", ", ".join(missing)))
    elif missing and run.server.complete:
        found.append(("background skipped", ", ".join(missing)))
    return found


def _loop(run: Run) -> _Found:
    return [("loop complained", text) for text in run.complaints]


_JUDGES = (_messages, _complete, _closed, _tasks, _outcome, _background, _loop)


def open_files() -> dict[str, str]:
    """The files this process has open: what stands behind each descriptor, without sockets, pipes and devices."""
    found: dict[str, str] = {}
    if not os.path.isdir("/proc/self/fd"):
        return found  # not Linux: only what Python itself reports is seen
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if target.startswith("/") and not target.startswith(("/dev/", "/proc/")):
            found[name] = target
    return found
