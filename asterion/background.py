"""Work after the response.

It starts after the last byte, survives the client, and every task runs even if an earlier one failed, unless the
application's policies say otherwise (`asterion._core.policies`).
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec

from asterion._core.callables import (
    describe_callable,
    does_nothing,
    is_async_callable,
    is_generator_callable,
    refuse_generator,
)
from asterion._core.policies import policies_of
from asterion.concurrency import Companion, call, running_task, task_context
from asterion.types import Scope

P = ParamSpec("P")

logger = logging.getLogger("asterion.background")

_ABANDONED = "background work failed after its request was cancelled: %r"


class BackgroundTask:
    """One call to make after the response: any callable, sync (in a worker thread) or async, with its arguments.

    Raises TypeError at once if `func` cannot be called, or yields.
    """

    def __init__(self, func: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> None:
        if not callable(func):
            raise TypeError(
                f"a background task needs a callable, got {func!r}; pass the function itself and its arguments after "
                "it: BackgroundTask(func, arg), not BackgroundTask(func(arg))"
            )
        if is_generator_callable(func):
            raise TypeError(does_nothing(func, "background task"))
        self.func = func
        self.args = args
        self.kwargs = kwargs
        self.is_async = is_async_callable(func)

    async def __call__(self) -> None:
        """Make the call and wait for it; raises what it raises."""
        refuse_generator(self.func, await call(self.func, *self.args, **self.kwargs), "background task")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({describe_callable(self.func)})"


class BackgroundTasks(BackgroundTask):
    """Several calls, made one after the other in the order they were added."""

    def __init__(self, tasks: Sequence[BackgroundTask] | None = None) -> None:
        self.tasks = list(tasks or ())

    def add_task(self, func: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> None:
        """Add one more call at the end. It may also be added by a task that is already running."""
        self.tasks.append(BackgroundTask(func, *args, **kwargs))

    async def __call__(self) -> None:
        """Run every task, then raise the first error if there was one (later ones are logged)."""
        await self.run(isolated=True)

    async def run(self, *, isolated: bool) -> None:
        """Run the tasks in order: all of them if `isolated`, else up to the first that raises."""
        first: Exception | None = None
        for task in self.tasks:  # not a copy: a task may add another
            try:
                await task()
            except Exception as error:
                if not isolated:
                    raise
                if first is None:
                    first = error
                else:
                    logger.error("background task %r failed after an earlier one had failed", task, exc_info=error)
        try:
            if first is not None:
                raise first
        finally:
            del first  # which refers to this frame

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.tasks!r})"


async def run_background(background: Any, scope: Scope) -> None:
    """Run a response's `background` under the policies of the application that `scope` names.

    Raises what the work raised. Where the policy says that background work survives, it runs in a task the application
    owns (`app.background_work`): a request that is cancelled leaves it running, and shutdown waits for it.
    """
    policies = policies_of(scope)
    if not policies.background_survives_cancel:
        await _run(background, policies.background_isolated)
        return

    owned: set[Companion] | None = getattr(scope.get("app"), "background_work", None)
    abandoned = False

    async def work() -> None:
        try:
            await _run(background, policies.background_isolated)
        except Exception as error:
            if not abandoned:
                raise
            # Nobody else will hear of it.
            logger.error(_ABANDONED, background, exc_info=error)
        finally:
            if owned is not None:
                owned.discard(companion)

    companion = Companion(work, context=task_context(running_task()))
    if owned is not None:
        owned.add(companion)
    try:
        await companion.wait()
    except BaseException:
        abandoned = True
        if companion.error is not None:  # it has ended meanwhile
            logger.error(_ABANDONED, background, exc_info=companion.taken_error())
        raise
    companion.check()


async def _run(background: Any, isolated: bool) -> None:
    # A subclass with its own way of running keeps it.
    if isinstance(background, BackgroundTasks) and type(background).__call__ is BackgroundTasks.__call__:
        await background.run(isolated=isolated)
    else:
        await background()
