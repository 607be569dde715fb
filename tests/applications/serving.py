"""A server's side of the lifespan protocol, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio


class LifespanServer:
    """What an application has told the server, and the state it has put where every request gets a copy."""

    def __init__(self, *, state: bool = True) -> None:
        self.sent: list[dict[str, Any]] = []
        self.scope: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}}
        if state:
            self.scope["state"] = {}
        self._stop = anyio.Event()
        self._answered = anyio.Event()
        self._asked = 0
        self.error: BaseException | None = None

    async def _receive(self) -> dict[str, Any]:
        self._asked += 1
        if self._asked == 1:
            return {"type": "lifespan.startup"}
        await self._stop.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)
        self._answered.set()

    async def run(self, app: Any) -> None:
        """The whole life of `app`; what it raises is kept in `error`."""
        try:
            await app(self.scope, self._receive, self._send)
        except Exception as error:
            self.error = error
        finally:
            self._answered.set()

    async def started(self) -> None:
        """Wait until start-up has been answered."""
        await self._answered.wait()

    def stop(self) -> None:
        """Ask for the shutdown."""
        self._stop.set()

    @property
    def told(self) -> list[str]:
        """The types of what was sent, without their common beginning."""
        return [message["type"].removeprefix("lifespan.") for message in self.sent]


@asynccontextmanager
async def served(app: Any, *, state: bool = True) -> AsyncIterator[LifespanServer]:
    """`app` between its start-up and its shutdown."""
    server = LifespanServer(state=state)
    async with anyio.create_task_group() as group:
        group.start_soon(server.run, app)
        await server.started()
        try:
            yield server
        finally:
            server.stop()


async def live(app: Any, *, state: bool = True) -> LifespanServer:
    """The whole life of `app`, without a request."""
    async with served(app, state=state) as server:
        pass
    return server
