"""One logic, two faces: how the test client's code reaches the event loop, from a thread beside it or on it.

The logic of streams and WebSockets is written once, as coroutines that await nothing but a `Door`. On the loop itself
(`OnLoop`) they are awaited as usual. From a test's thread (`Beside`) a door blocks the thread until the loop has done
what was asked, so that these coroutines never suspend, and `at_once` runs them like plain functions.
"""

import asyncio
import contextvars
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any, Protocol, TypeVar

from anyio.from_thread import BlockingPortal

T = TypeVar("T")


class Door(Protocol):
    """The way to the event loop on which the application runs."""

    async def call(self, func: Callable[..., Awaitable[T]], *args: Any) -> T:
        """What `func(*args)` gives on the loop."""

    def start(self, func: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `func` in a task of its own, in a copy of the caller's context. `func` must not raise."""

    async def piece(self, body: Any) -> bytes | None:
        """The next piece of a request body that is not empty, made where the test runs; None at its end."""

    async def dismiss(self, body: Any) -> None:
        """No more of this request body is wanted, and perhaps some is left."""


class Beside:
    """The door of a test whose thread is not the loop's."""

    def __init__(self, portal: BlockingPortal) -> None:
        self._portal = portal

    async def call(self, func: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Block until it is done."""
        return self._portal.call(func, *args)

    def start(self, func: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `func` on the loop; the portal takes the context along."""
        self._portal.start_task_soon(func)

    async def piece(self, body: Iterator[bytes]) -> bytes | None:
        """Run the generator in the test's own thread."""
        return next((piece for piece in body if piece), None)

    async def dismiss(self, body: Any) -> None:
        """Nothing: a plain generator is closed when it is collected, and needs no loop for it."""


class OnLoop:
    """The door of a test that runs on the loop."""

    async def call(self, func: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Await it."""
        return await func(*args)

    def start(self, func: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `func` as a task of the loop.

        Not in a task group: its scope would have to be left in the task that entered it, and test frameworks run the
        two halves of a fixture in different tasks.
        """
        trio = sys.modules.get("trio")
        if trio is not None and trio.lowlevel.in_trio_task():
            trio.lowlevel.spawn_system_task(func, context=contextvars.copy_context())
            return
        task = asyncio.get_running_loop().create_task(func())
        _running.add(task)
        task.add_done_callback(_running.discard)

    async def piece(self, body: AsyncIterator[bytes]) -> bytes | None:
        """Run the generator in the test's own task."""
        while (piece := await anext(body, None)) is not None:
            if piece:
                return piece
        return None

    async def dismiss(self, body: Any) -> None:
        """Close the generator now: nobody else could, once its loop has ended."""
        aclose = getattr(body, "aclose", None)
        if aclose is not None:
            await aclose()


_running: set[Any] = set()  # a loop keeps only weak references to its tasks


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that awaits nothing but a `Beside` door. Raises what it raises."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    raise RuntimeError("the test client's own code waited for a loop in a thread that has none")
