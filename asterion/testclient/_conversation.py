"""One call of an application that goes on while the test does something else: a lifespan, a WebSocket, a stream.

Everything here runs on the event loop, so nothing needs a lock; a test in another thread enters through a portal. The
application's errors are kept as values: whatever it raises, `KeyboardInterrupt` and `SystemExit` included, reaches the
test as itself and never ends the loop.
"""

from collections import deque
from collections.abc import Callable, Iterable

import anyio
import anyio.lowlevel

from asterion._core.conformance import Conformance
from asterion.types import ASGIApp, Message, Scope


class ClientLeft(OSError):
    """What `send` raises once the client has gone, on servers of ASGI 2.4 and later."""


class StillRunning(AssertionError):
    """The application neither ended when the client left nor when it was cancelled."""


END_SECONDS = 5.0
"""How long an application may take to end after it was cancelled; then the test goes on without it."""

_STILL_RUNNING = (
    f"the application was cancelled {END_SECONDS} seconds ago and is still running: it waits in a thread, or shields "
    "itself from cancellation"
)


class Conversation:
    """An application's call with a box of messages each way.

    `inbox` is what lies in the application's box from the start; `gone` is what `receive` gives once the client has
    left and the box is empty. `judge` hears every message, and those of the application before anything else. A `paced`
    application waits in `send` until its message was taken. `refuse` says whether a message sent after the client left
    is an error; otherwise it is dropped.
    """

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        *,
        judge: Conformance,
        gone: Message,
        inbox: Iterable[Message] = (),
        paced: bool = False,
        refuse: Callable[[Message], bool] = lambda message: False,
    ) -> None:
        self._app = app
        self._scope = scope
        self._gone = gone
        self.judge = judge
        self._paced = paced
        self._refuse = refuse
        self._to_app: deque[Message] = deque(inbox)
        self._from_app: deque[Message] = deque()
        self._changed: anyio.Event | None = None
        self._cancel: anyio.CancelScope | None = None
        self._waiting = 0
        self.left = False
        self.over = False
        self.error: BaseException | None = None

    async def run(self) -> None:
        """Run the application to its end; `error` holds what it raised."""
        try:
            with anyio.CancelScope() as self._cancel:
                await self._app(self._scope, self.receive, self.send)
        except anyio.get_cancelled_exc_class():
            raise  # the loop is being closed
        except BaseException as error:  # noqa: BLE001 - raised again in the test's thread
            self.error = error
        finally:
            self.over = True
            self._notify()

    # --- the application's side --------------------------------------------------------------------------------------

    async def receive(self) -> Message:
        """The next message for the application; `gone`, again and again, once the client has left."""
        if not self._to_app and not self.left:
            self._waiting += 1
            self._notify()
            try:
                await self._until(lambda: bool(self._to_app) or self.left)
            finally:
                self._waiting -= 1
        elif not self._to_app:
            await anyio.lowlevel.checkpoint()  # an application that polls must not pin the loop
        message = self._to_app.popleft() if self._to_app else dict(self._gone)
        self.judge.told(message)
        return message

    async def send(self, message: Message) -> None:
        """Take a message from the application."""
        self.judge.check(message)
        if not self.left:
            self._from_app.append(message)
            self._notify()
            if self._paced:
                await self._until(lambda: not self._from_app or self.left)
                return
        elif self._refuse(message):
            raise ClientLeft(f"{message['type']} was sent after the client had left")
        await anyio.lowlevel.checkpoint()

    # --- the test's side ---------------------------------------------------------------------------------------------

    async def give(self, message: Message) -> None:
        """Put a message into the application's box."""
        self._to_app.append(message)
        self._notify()

    async def take(self, timeout: float | None = None) -> Message | None:
        """The next message of the application, or None when it has ended without one.

        Raises `TimeoutError` when `timeout` seconds have passed.
        """
        with anyio.fail_after(timeout):
            await self._until(lambda: bool(self._from_app) or self.over)
        return self._pop()

    async def take_or_pull(self) -> Message | str | None:
        """Like `take`, or the word "pull" when the application waits for a message and there is none."""
        await self._until(lambda: bool(self._from_app) or self.over or self._starved)
        return "pull" if self._starved and not self._from_app and not self.over else self._pop()

    async def leave(self) -> None:
        """The client goes: `receive` gives `gone` from now on."""
        self.left = True
        self._notify()

    async def finish(self, grace: float | None) -> BaseException | None:
        """Leave, wait `grace` seconds for the application to end, then cancel it. What it raised, if it did.

        Goes on although the test itself is being cancelled, and gives up on an application that ignores cancellation.
        """
        await self.leave()
        with anyio.move_on_after(grace, shield=True):
            await self._until(lambda: self.over)
        if self._cancel is not None:  # pragma: no branch - who leaves has waited, and the application begun meanwhile
            self._cancel.cancel()
        with anyio.move_on_after(END_SECONDS, shield=True):
            await self._until(lambda: self.over)
        return self.error if self.over else StillRunning(_STILL_RUNNING)

    # ------------------------------------------------------------------------------------------------------------------

    @property
    def _starved(self) -> bool:
        return self._waiting > 0 and not self._to_app and not self.left

    def _pop(self) -> Message | None:
        if not self._from_app:
            return None
        message = self._from_app.popleft()
        self._notify()
        return message

    def _notify(self) -> None:
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set()

    async def _until(self, ready: Callable[[], bool]) -> None:
        while not ready():
            if self._changed is None:
                self._changed = anyio.Event()
            await self._changed.wait()
