"""One run: a request on its event loop, with the faults at their points, and everything watched."""

import asyncio
import contextlib
import gc
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import anyio
import trio

from tests.faults.cells import Cell
from tests.faults.judge import Run, open_files
from tests.faults.kit import Kit, Stage
from tests.faults.ledger import Ledger
from tests.faults.loops import METER, Inject

HANG_SECONDS = 2.0
SETTLE_SECONDS = 0.5
TURNS = 3


class Watch:
    """What Python itself reports while a run is on: into the run that is on."""

    def __init__(self) -> None:
        self.run: Run | None = None

    def generator(self, generator: Any) -> None:
        """Python's hook for an unfinished async generator that is about to be collected."""
        if self.run is not None:
            self.run.generators.append(generator.__qualname__)

    def complain(self, text: str) -> None:
        """Something was reported that nobody waited for."""
        if self.run is not None:
            kind = self.run.files if "ResourceWarning" in text else self.run.complaints
            kind.append(text)

    def warning(self, message: Any, category: Any, *rest: Any, **named: Any) -> None:
        """The hook for warnings."""
        if issubclass(category, ResourceWarning) or "never awaited" in str(message):
            self.complain(f"{category.__name__}: {message}")

    def unraisable(self, seen: Any) -> None:
        """The hook for exceptions that cannot be raised."""
        self.complain(f"unraisable: {seen.exc_value!r}")

    @contextlib.contextmanager
    def hooked(self) -> Iterator[None]:
        """Within a running event loop: all hooks are this one's."""
        hooks, unraisable = sys.get_asyncgen_hooks(), sys.unraisablehook
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = self.warning
            sys.unraisablehook = self.unraisable
            sys.set_asyncgen_hooks(firstiter=None, finalizer=self.generator)
            try:
                yield
            finally:
                sys.set_asyncgen_hooks(*hooks)
                sys.unraisablehook = unraisable


WATCH = Watch()


class Bench:
    """Runs the requests of one toolkit on the event loop that is running."""

    def __init__(self, kit: Kit, folder: str, *, steps: Any = None) -> None:
        self.kit = kit
        self.folder = folder
        self.steps = steps
        self.stages: dict[Cell, tuple[Stage, Any]] = {}

    def _stage(self, cell: Cell) -> tuple[Stage, Any]:
        if cell not in self.stages:
            stage = Stage(self.kit, self.folder, Ledger())
            self.stages[cell] = (stage, cell.build(stage))
        return self.stages[cell]

    async def run(self, cell: Cell, faults: tuple[tuple[int, str], ...] = (), clean: Run | None = None) -> Run:
        """One request of `cell`, with every fault of `faults` right after the suspension of its number."""
        stage, app = self._stage(cell)
        server = cell.server()
        ledger = stage.ledger = Ledger(server=server)
        run = Run(cell, self.kit, server, ledger, faults, clean)
        stage.kit.formparsers.SpooledTemporaryFile = _noting(ledger)
        before = open_files()
        WATCH.run = run
        try:
            if self.steps is None:
                await self._on_asyncio(run, app)
            else:
                await self._on_trio(run, app)
            await _files_settle(run, before)
        finally:
            WATCH.run = None
        return run

    # --- on asyncio ---

    async def _on_asyncio(self, run: Run, app: Any) -> None:
        loop = asyncio.get_running_loop()
        before = asyncio.all_tasks()
        loop.set_exception_handler(lambda _, context: WATCH.complain(f"loop: {context.get('exception') or context}"))
        scope = anyio.CancelScope() if _needs_scope(run) else None

        async def left() -> list[str]:
            mine = asyncio.all_tasks() - before - {run.task} - _owned(app)
            return [_task_name(task) for task in mine if not task.done()]

        run.task = loop.create_task(_root(run, app, scope, left))
        METER.start(self._injects(run, scope))
        await asyncio.wait({run.task}, timeout=HANG_SECONDS)
        METER.on = False
        run.points = METER.count
        if not run.task.done():
            run.hung = True
            run.task.cancel()
            await asyncio.wait({run.task}, timeout=HANG_SECONDS)
            return
        run.cancelled = run.cancelled or run.task.cancelled()
        if not run.task.cancelled():
            run.raised = run.task.exception()
        await _drain(app)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        run.tasks_left = await left()
        for task in asyncio.all_tasks() - before:
            if not task.done() and task is not run.task:
                task.cancel()

    # --- on trio ---

    async def _on_trio(self, run: Run, app: Any) -> None:
        steps = self.steps
        steps.alive.clear()
        scope = anyio.CancelScope()
        ended = trio.Event()

        async def left() -> list[str]:
            return [str(task.name) for task in steps.alive - {run.task} - _owned(app) if "worker" not in task.name]

        async def root() -> None:
            run.task = trio.lowlevel.current_task()
            try:
                await _root(run, app, scope, left)
            except BaseException as error:
                run.raised = error
                if not isinstance(error, Exception):
                    raise
            finally:
                ended.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(root)
            METER.start(self._injects(run, scope))
            with trio.move_on_after(HANG_SECONDS):
                await ended.wait()
            METER.on = False
            run.points = METER.count
            if not ended.is_set():
                run.hung = True
                nursery.cancel_scope.cancel()
        if not run.hung:
            await _drain(app)
            for _ in range(TURNS):
                await trio.lowlevel.checkpoint()
            run.tasks_left = await left()

    # --- the faults ---

    def _injects(self, run: Run, scope: Any) -> dict[int, Inject]:
        return {at: _inject(run, scope, fault) for at, fault in run.faults}


def _inject(run: Run, scope: Any, fault: str) -> Inject:
    server = run.server
    acts: dict[str, Any] = {
        "task cancel": lambda: run.task.cancel(),
        "scope cancel": lambda: scope.cancel(),
        "disconnect, send fails": lambda: server.disconnect(fails=True),
        "disconnect, send silent": lambda: server.disconnect(fails=False),
        "send raises": server.break_send,
        "receive raises": server.break_receive,
    }

    def inject() -> None:
        if not run.returned:
            run.took.append(fault)
            acts[fault]()

    return inject


def _needs_scope(run: Run) -> bool:
    return any(fault == "scope cancel" for _, fault in run.faults)


async def _root(run: Run, app: Any, scope: Any, left: Any) -> None:
    if scope is None:
        await _call(run, app, left)
        return
    with scope:
        await _call(run, app, left)
    run.cancelled = scope.cancelled_caught


async def _call(run: Run, app: Any, left: Any) -> None:
    try:
        await app(run.server.scope, run.server.receive, run.server.send)
    finally:
        run.returned = True
        run.open_at_return = [held.name for held in run.ledger.held if not held.closed and not held.sync]
        # What was cancelled with no time to wait is judged later: a second cancellation ends every wait.
        if len(run.faults) < 2:
            left_now = left()
            try:
                left_now.send(None)
            except StopIteration as stop:
                run.tasks_at_return = stop.value


def _owned(app: Any) -> set[Any]:
    return {companion._task for companion in getattr(app, "background_work", ())}


async def _drain(app: Any) -> None:
    drain = getattr(app, "drain_background_work", None)
    if drain is not None and app.background_work:
        await drain()


def _task_name(task: Any) -> str:
    coroutine = getattr(task, "wrapped", None) or task.get_coro()
    return str(getattr(coroutine, "__qualname__", task))


def _noting(ledger: Ledger) -> Any:
    from tempfile import SpooledTemporaryFile

    def make(*args: Any, **named: Any) -> Any:
        spool = SpooledTemporaryFile(*args, **{**named, "max_size": 2048})  # noqa: SIM115 - the form closes it
        ledger.spools.append(spool)
        return spool

    return make


def _open_now(run: Run, before: dict[str, str]) -> list[str]:
    new = [target for name, target in open_files().items() if name not in before]
    sync = [held.name for held in run.ledger.held if held.sync and not held.closed]
    return new + sync + [f"spool of {run.cell.scenario.name}" for spool in run.ledger.spools if not spool.closed]


async def _files_settle(run: Run, before: dict[str, str]) -> None:
    """Note what is still open once worker threads that were cut off have ended."""
    run.server._change = None
    deadline = time.monotonic() + SETTLE_SECONDS
    still = _open_now(run, before)
    while still and time.monotonic() < deadline:
        await anyio.sleep(0.002)
        still = _open_now(run, before)
    for name in still:
        kind = run.open_at_return if name == "sync generator" else run.files
        kind.append(name)
    for spool in run.ledger.spools:
        spool.close()
    if run.faults:
        run.raised = run.raised.with_traceback(None) if run.raised is not None else None
        gc.collect(0)
