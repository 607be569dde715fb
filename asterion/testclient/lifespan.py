"""Start-up and shutdown of an application, from a test.

Laws: the application's lifespan is one task from start to end, so what it opens there it can close there. A failure
reaches the test as the exception the application raised, itself; only when it reports a failure without raising
is it a `LifespanFailed`.
"""

from typing import Any

from asterion._core.conformance import Conformance, ConformanceError
from asterion.testclient._conversation import END_SECONDS, Conversation
from asterion.testclient._settings import Settings
from asterion.types import ASGIApp, Message


class LifespanFailed(RuntimeError):
    """The application said that its start-up or shutdown failed, and raised nothing. The text is its own message."""


class LifespanRun:
    """The lifespan of one application. Make it, run `run` in a task, then await `startup` and `shutdown`."""

    def __init__(self, app: ASGIApp, state: dict[str, Any], settings: Settings) -> None:
        scope = {"type": "lifespan", "asgi": settings.versions("lifespan"), "state": state}
        judge = Conformance(scope, strict=settings.strict)
        self._talk = Conversation(app, scope, judge=judge, gone={"type": "lifespan.shutdown"})
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

    async def abandon(self) -> None:
        """Cancel what is left of the lifespan, if anything is: the test's own error is on its way."""
        await self._talk.finish(0)

    async def _phase(self, name: str) -> None:
        await self._talk.give({"type": f"lifespan.{name}"})
        message = await self._talk.take()
        if message is None:
            await self._end()
        elif message["type"] == f"lifespan.{name}.failed":
            await self._end()
            raise LifespanFailed(self._reported(name, message))
        elif message["type"] != f"lifespan.{name}.complete":
            await self._end()
            raise ConformanceError(
                f"does not answer 'lifespan.{name}'",
                message=message["type"],
                expected=f"lifespan.{name}.complete or lifespan.{name}.failed",
            )

    async def _end(self) -> None:
        error = await self._talk.finish(END_SECONDS)
        if error is not None:
            raise error
        self._talk.judge.finish()

    @staticmethod
    def _reported(name: str, message: Message) -> str:
        text = message.get("message") or "it gave no reason"
        return f"the application reported that its {name} failed: {text}"
