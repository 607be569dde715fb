"""The tasks of an exchange: those of inner applications beside dispatch, or that of dispatch's side."""

from collections.abc import Callable, Coroutine
from typing import Any

from asterion.concurrency import Companion, Place, task_context
from asterion.middleware._exchange.call import Call
from asterion.middleware._exchange.intake import Intake
from asterion.middleware._exchange.states import Unwanted


class Tasks(Intake):
    """The part of an exchange that starts tasks, waits for them, and keeps what came of them."""

    place: Place
    concluded = False
    """Whether what dispatch returned has been sent, or its failure kept."""
    failure: Exception | None = None
    beside: tuple[Call, ...] = ()
    detached: Companion | None = None
    """The task of dispatch's side, where it has one of its own."""

    def _detach(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def run() -> None:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - leaves the middleware when the inner application has ended
                self.fail(error)

        self.detached = Companion(run, context=task_context(self.place[0]))

    async def dispatch_failed(self, error: BaseException) -> None:
        """Dispatch has raised `error` while there are tasks: keep it until they have ended, or stop them."""
        try:
            if not isinstance(error, Exception):
                await self.stop_tasks()
                raise error
            self.fail(error)
        finally:
            del error  # which refers to this frame

    def fail(self, failure: Exception) -> None:
        """Keep what dispatch's side raised until the inner application has ended; nobody wants that one's response."""
        self.concluded = True
        self.failure = self.failure or failure
        self._give_up_but(None)

    def _companions(self) -> list[Companion]:
        return [task for task in (self.detached, *(call.companion for call in self.beside)) if task is not None]

    async def join_tasks(self) -> None:
        """Wait for every task of this exchange, and keep or raise what came of it."""
        try:
            for companion in self._companions():
                await companion.wait()
        except BaseException:
            await self.stop_tasks()
            raise
        for companion in self._companions():
            error = companion.taken_error()
            try:
                if error is not None and not self._is_answered(error):
                    if not isinstance(error, Exception):
                        raise error
                    self.failure = error
            finally:
                del error  # which refers to this frame

    async def stop_tasks(self) -> None:
        """End every task of this exchange, and wait for that."""
        for companion in self._companions():
            await companion.stop()

    def _is_answered(self, error: BaseException) -> bool:
        # What an unwanted inner application raises because nobody listens, or besides what dispatch itself raised.
        return isinstance(error, Unwanted) or (self.failure is not None and isinstance(error, Exception))

    def give_up_others(self) -> None:
        """Nobody wants what has not been passed on by now."""
        self._give_up_but(None)

    def _give_up_but(self, chosen: Call | None) -> None:
        for call in (self, *self.beside):
            if call is not chosen:
                call.give_up()
