"""Lifespans: what runs before the first request and after the last.

A lifespan may be written as an async context manager function, an async generator function, a generator function, or an
object whose call is one of these; `as_context` makes one shape of them all.
"""

import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any

from asterion._core.callables import describe_callable, unwrap_partials
from asterion.concurrency import settle

LifespanContext = Callable[[Any], AbstractAsyncContextManager[Any]]


def as_context(lifespan: Any) -> LifespanContext:
    """`lifespan` as a function from an application to an async context manager. Raises TypeError for other shapes."""
    inner = unwrap_partials(lifespan)
    kinds = (inner, getattr(inner, "__call__", None))  # noqa: B004 - the method itself is looked at
    if any(inspect.isasyncgenfunction(kind) for kind in kinds):
        return asynccontextmanager(lifespan)
    if any(inspect.isgeneratorfunction(kind) for kind in kinds):
        return _from_sync(contextmanager(lifespan))
    if any(inspect.iscoroutinefunction(kind) for kind in kinds):
        raise TypeError(
            f"lifespan {describe_callable(lifespan)} is a coroutine function; it must yield once, between start-up and "
            "shutdown: decorate it with contextlib.asynccontextmanager and add a `yield`"
        )
    return _checked(lifespan)


def _checked(lifespan: Any) -> LifespanContext:
    @asynccontextmanager
    async def context(app: Any) -> Any:
        manager = _as_manager(lifespan(app))
        if hasattr(manager, "__aenter__"):
            async with manager as state:
                yield state
        elif hasattr(manager, "__enter__"):
            with manager as state:
                yield state
        else:
            raise TypeError(
                f"lifespan {describe_callable(lifespan)} gave {manager!r}, which is not an async context manager; "
                "decorate the function with contextlib.asynccontextmanager"
            )

    return context


def _as_manager(given: Any) -> Any:
    """What calling a lifespan gave; a generator, from a wrapper around a generator function, as a context manager."""
    if inspect.isasyncgen(given):
        return asynccontextmanager(lambda: given)()
    if inspect.isgenerator(given):
        return contextmanager(lambda: given)()
    if inspect.iscoroutine(given):
        given.close()  # else Python warns, later and elsewhere, that it was never awaited
    return given


def _from_sync(manager: Any) -> LifespanContext:
    @asynccontextmanager
    async def context(app: Any) -> Any:
        with manager(app) as state:
            yield state

    return context


async def run_hooks(hooks: Sequence[Callable[[], Any]]) -> None:
    """Call start-up or shutdown hooks in order. Whatever comes back is awaited if it can be (issue 886).

    A sync hook runs on the loop, as it may need it.
    """
    for hook in list(hooks):
        result = await settle(hook())
        if inspect.isasyncgen(result) or inspect.isgenerator(result):
            raise TypeError(
                f"hook {describe_callable(hook)} yields; use a lifespan for what spans start-up and shutdown"
            )
