"""An event loop in a thread of its own, started when it is first needed and kept for the next request.

Laws: starting a loop is the dearest part of a request, so a client keeps its loop; objects that belong to a loop
(futures, locks, connections) stay usable from one request to the next. No loop outlives its client: it is closed with
the client, when the client is collected, or at exit. A process keeps at most `KEPT` idle loops open, because each
holds three file descriptors and test suites make clients by the thousand; the one idle longest is closed first.
"""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import anyio
from anyio.from_thread import BlockingPortal

KEPT = 16
"""Idle loops a process keeps open at most."""

STOP_SECONDS = 5.0
"""Longest wait for a loop's thread to end. A thread that takes longer is left to end by itself."""


class LoopThread:
    """A running event loop, entered from other threads through `portal`."""

    __slots__ = ("_thread", "portal")

    def __init__(self, backend: str, options: dict[str, Any]) -> None:
        started: Future[BlockingPortal] = Future()
        # A daemon: interpreter exit waits for other threads before it runs exit functions, ours among them.
        self._thread = threading.Thread(
            target=_serve, args=(backend, options, started), name=f"asterion-testclient-{backend}", daemon=True
        )
        self._thread.start()
        self.portal = started.result()

    @property
    def alive(self) -> bool:
        """Whether the loop still runs; false in the child after a fork, too."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Cancel what is left on the loop and end it. Harmless when it has ended.

        Waits for the end, unless called on an event loop: the garbage collector may do that, on any loop at any time.
        """
        if not self.alive:
            return
        if threading.get_ident() != self._thread.ident and self._order():
            self._thread.join(STOP_SECONDS)
        else:
            threading.Thread(target=self._order, daemon=True).start()

    def _order(self) -> bool:
        """Order the end. False when that is not possible: it has ended, or a trio loop runs in the calling thread."""
        try:
            self.portal.start_task_soon(self.portal.stop, True)
        except RuntimeError:
            return False
        return True


def _serve(backend: str, options: dict[str, Any], started: "Future[BlockingPortal]") -> None:
    async def main() -> None:
        async with BlockingPortal() as portal:
            started.set_result(portal)
            await portal.sleep_until_stopped()

    try:
        anyio.run(main, backend=backend, backend_options=options)
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)


class ClientLoop:
    """The loop of one client: none until it is used, then the same one until `close`."""

    __slots__ = ("__weakref__", "_backend", "_finalizer", "_lock", "_options", "_thread", "_users")

    def __init__(self, backend: str, options: dict[str, Any]) -> None:
        self._backend = backend
        self._options = options
        self._lock = threading.RLock()
        self._thread: LoopThread | None = None
        self._finalizer: weakref.finalize[Any, Any] | None = None
        self._users = 0

    def acquire(self) -> BlockingPortal:
        """The portal of the running loop, which stays open at least until the matching `release`."""
        with self._lock:
            thread = self._thread
            if thread is None or not thread.alive:
                thread = self._thread = LoopThread(self._backend, self._options)
                self._finalizer = weakref.finalize(self, thread.stop)
            self._users += 1
        return thread.portal

    def release(self) -> None:
        """Give the loop back. It stays open for the next request unless too many are."""
        with self._lock:
            self._users -= 1
        _recent.used(self)

    @contextmanager
    def portal(self) -> Iterator[BlockingPortal]:
        """`acquire` and `release` as a context."""
        portal = self.acquire()
        try:
            yield portal
        finally:
            self.release()

    def close(self) -> None:
        """End the loop. The next `acquire` starts another one."""
        with self._lock:
            finalizer, self._finalizer, self._thread = self._finalizer, None, None
        if finalizer is not None:
            finalizer()

    def close_if_idle(self) -> None:
        """End the loop unless somebody is using it."""
        with self._lock:
            if self._users == 0:
                self.close()


class _Recent:
    """The loops that were used last, the most recent one at the end."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._loops: OrderedDict[int, weakref.ref[ClientLoop]] = OrderedDict()

    def used(self, loop: ClientLoop) -> None:
        key = id(loop)
        with self._lock:
            self._loops[key] = weakref.ref(loop)
            self._loops.move_to_end(key)
            eldest = self._loops.popitem(last=False)[1]() if len(self._loops) > KEPT else None
        if eldest is not None:
            eldest.close_if_idle()


_recent = _Recent()
