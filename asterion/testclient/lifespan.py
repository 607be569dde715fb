"""Start-up and shutdown of an application, from a test.

Laws: the application's lifespan is one task from start to end, so what it opens there it can close there. A failure
reaches the test as the exception the application raised, itself; only when it reports a failure without raising
is it a `LifespanFailed`.
"""

from typing import Any

from asterion.testclient._conversation import Conversation
from asterion.testclient.conformance import ConformanceError
from asterion.types import ASGIApp, Message

END_SECONDS = 5.0
"""How long an application may take to return after its last lifespan message; then it is cancelled."""


class LifespanFailed(RuntimeError):
    """The application said that its start-up or shutdown failed, and raised nothing. The text is its own message."""


class LifespanRun:
    """The lifespan of one application. Make it, run `run` in a task, then await `startup` and `shutdown`."""

    def __init__(self, app: ASGIApp, state: dict[str, Any], version: dict[str, str]) -> None:
        self._talk = Conversation(
            app, {"type": "lifespan", "asgi": version, "state": state}, gone={"type": "lifespan.shutdown"}
        )
        self.run = self._talk.run

    async def startup(self) -> None:
        """Start the application.

        Raises what it raised, or `LifespanFailed`. An application that returns without an answer has no lifespan,
        which is no failure.
        """
        await self._phase("startup")

    async def shutdown(self) -> None:
        """Shut the application down and wait for its end. Raises what it raised at any time, or `LifespanFailed`."""
        if not self._talk.over:
            await self._phase("shutdown")
        await self._end()

    async def _phase(self, name: str) -> None:
        await self._talk.give({"type": f"lifespan.{name}"})
        message = await self._talk.take()
        if message is None:
            await self._end()
            return
        kind = message["type"]
        if kind == f"lifespan.{name}.failed":
            await self._end()
            raise LifespanFailed(self._reported(name, message))
        if kind != f"lifespan.{name}.complete":
            await self._end()
            raise ConformanceError(
                f"{kind!r} does not answer 'lifespan.{name}': send 'lifespan.{name}.complete' or '...failed'"
            )

    async def _end(self) -> None:
        error = await self._talk.finish(END_SECONDS)
        if error is not None:
            raise error

    @staticmethod
    def _reported(name: str, message: Message) -> str:
        text = message.get("message") or "it gave no reason"
        return f"the application reported that its {name} failed: {text}"
