"""Tasks the toolkit starts: each is watched, and waited for by the code that made it."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio


class Signal:
    """An event for one waiter: what an event costs less, where two tasks take turns (PERF: a wrapped stream)."""

    __slots__ = ("_is_set", "_waiter")

    def __init__(self) -> None:
        self._is_set = False
        self._waiter: Any = None

    def set(self) -> None:
        """Let the waiter go on, now or when it comes."""
        self._is_set = True
        waiter = self._waiter
        if waiter is not None:
            if not isinstance(waiter, asyncio.Future):
                waiter.set()
            elif not waiter.done():
                waiter.set_result(None)

    async def wait(self) -> None:
        """Return once it is set, at once if it is. Raises RuntimeError for a second waiter."""
        if self._is_set:
            return
        if self._waiter is not None:
            raise RuntimeError("a Signal has one waiter, and it has one")
        try:
            self._waiter = asyncio.get_running_loop().create_future()
        except RuntimeError:
            self._waiter = sys.modules["trio"].Event()
            await self._waiter.wait()
        else:
            await self._waiter


class Companion:
    """A task beside the one that made it, which must wait for it.

    It is not a child: cancelling its maker does not reach it (the maker decides), and an exception stays in `error`
    until somebody raises it (`join`, `check`) or takes it. It may run in the very context of another task.

    Once it has ended it refers to nothing of what it ran, so that whoever keeps it may be referred to from there.
    """

    __slots__ = ("_cancelled", "_done", "_scope", "_task", "error")

    def __init__(self, func: Callable[[], Awaitable[Any]], *, context: contextvars.Context | None = None) -> None:
        self._scope: anyio.CancelScope | None = None
        self._cancelled = False
        self._done = anyio.Event()
        self._task: Any
        self.error: BaseException | None = None
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._task = sys.modules["trio"].lowlevel.spawn_system_task(self._run, func, name=func)
            # Set before its first step: trio would enter it at once, where it may be entered already.
            self._task.context = contextvars.copy_context() if context is None else context
        else:
            # Made directly: an eager task factory would step it at once, in a context that is entered already.
            self._task = asyncio.Task(self._run(func), loop=loop, context=context)

    async def _run(self, func: Callable[[], Awaitable[Any]]) -> None:
        try:
            if not self._cancelled:
                with anyio.CancelScope() as self._scope:
                    await func()
        except anyio.get_cancelled_exc_class() as error:
            self.error = error
            raise
        except BaseException as error:  # noqa: BLE001 - kept for whoever waits
            self.error = error
        finally:
            self._scope = None
            self._done.set()
            del self, func  # the error refers to this frame, and must not find itself from here

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._done.is_set()

    def cancel(self) -> None:
        """Ask it to end."""
        self._cancelled = True
        if self._scope is not None:
            self._scope.cancel()

    async def wait(self) -> None:
        """Wait until it has ended. If the waiter is cancelled it goes on; see `stop`."""
        await self._done.wait()

    async def stop(self) -> None:
        """Cancel it and wait for its end, even if the waiter is being cancelled itself."""
        again: BaseException | None = None
        while not self._done.is_set():
            self.cancel()
            try:
                with anyio.CancelScope(shield=True):
                    await self._done.wait()
            except asyncio.CancelledError as error:
                again = error  # a task of asyncio can be cancelled through a shield: raised when the other has ended
        if again is not None:
            raise again

    async def join(self) -> None:
        """Wait for it, taking it along when the waiter is cancelled, and raise what it raised."""
        try:
            await self._done.wait()
        except BaseException:
            await self.stop()
            raise
        self.check()

    def check(self) -> None:
        """Raise what it has raised, if it has; once, as it keeps the error no longer."""
        error = self.taken_error()
        try:
            if error is not None:
                raise error
        finally:
            del error  # which refers to this frame

    def taken_error(self) -> BaseException | None:
        """What it has raised, for the one who sees to that: an error refers to the frames that it has passed, and
        those refer to who keeps the companion, so that it is kept by nobody afterwards."""
        error, self.error = self.error, None
        return error
