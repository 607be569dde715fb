"""Servers for tests of streams: one that hands out messages once, as a queue does, to whoever asks first."""

from collections import deque
from collections.abc import Callable
from typing import Any

import anyio

Message = dict[str, Any]


class QueueServer:
    """One request whose messages stand in a queue: each is given once, the disconnect too, and who asks first gets it.

    `asking` is how many callers wait in `receive` now, `most_asking` how many did at once at most.
    """

    def __init__(self) -> None:
        self._queue: deque[Message] = deque()
        self._arrived = anyio.Event()
        self.sent: list[Message] = []
        self.asking = 0
        self.most_asking = 0
        self.on_send: Callable[[Message], Any] | None = None

    def give(self, data: bytes, *, more: bool) -> None:
        """The client sends a piece of its body."""
        self._put({"type": "http.request", "body": data, "more_body": more})

    def leave(self) -> None:
        """The client goes away."""
        self._put({"type": "http.disconnect"})

    def _put(self, message: Message) -> None:
        self._queue.append(message)
        self._arrived.set()

    async def receive(self) -> Message:
        """The server's `receive`: first come, first served."""
        self.asking += 1
        self.most_asking = max(self.most_asking, self.asking)
        try:
            while not self._queue:
                self._arrived = anyio.Event()
                await self._arrived.wait()
            return self._queue.popleft()
        finally:
            self.asking -= 1

    async def send(self, message: Message) -> None:
        """The server's `send`, which never fails, as before ASGI 2.4."""
        self.sent.append(message)
        if self.on_send is not None:
            self.on_send(message)

    @property
    def body(self) -> bytes:
        """What was sent."""
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def complete(self) -> bool:
        """Whether the last body message was sent."""
        return bool(self.sent) and self.sent[-1].get("more_body") is False
