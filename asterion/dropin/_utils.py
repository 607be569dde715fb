"""What outsiders import from `starlette._utils`.

The rules themselves live on floor 0; here are their names, and the few helpers that only outsiders need.
"""

from collections.abc import AsyncIterator, Awaitable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Generic, Protocol, TypeVar

import anyio
from anyio.abc import TaskGroup

from asterion._core.callables import is_async_callable
from asterion._core.hosts import parse_host as parse_host_header
from asterion._core.paths import get_route_path

__all__ = [
    "AwaitableOrContextManager",
    "AwaitableOrContextManagerWrapper",
    "SupportsAsyncClose",
    "create_collapsing_task_group",
    "get_route_path",
    "is_async_callable",
    "parse_host_header",
]


class SupportsAsyncClose(Protocol):
    """Anything with a coroutine method `close`."""

    async def close(self) -> None: ...


Result_co = TypeVar("Result_co", covariant=True)
Closing = TypeVar("Closing", bound=SupportsAsyncClose)


class AwaitableOrContextManager(Awaitable[Result_co], AbstractAsyncContextManager[Result_co], Protocol[Result_co]):
    """The type of what can be awaited for a result, or entered by `async with` to have the result closed at the end."""


class AwaitableOrContextManagerWrapper(Generic[Closing]):
    """Makes an awaitable such a one: it is awaited once, either way."""

    __slots__ = ("awaitable", "result")

    result: Closing
    """There once the block was entered."""

    def __init__(self, awaitable: Awaitable[Closing]) -> None:
        self.awaitable = awaitable

    def __await__(self) -> Generator[object, None, Closing]:
        return self.awaitable.__await__()

    async def __aenter__(self) -> Closing:
        self.result = result = await self.awaitable
        return result

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.result.close()


def _only_exception(error: BaseException) -> BaseException:
    """The one exception in a group of one, however deeply it is wrapped; the group itself if there are more."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        (error,) = error.exceptions
    return error


@asynccontextmanager
async def create_collapsing_task_group() -> AsyncIterator[TaskGroup]:
    """A task group of anyio from which a single failure comes out as itself and not in an exception group."""
    failure: BaseException
    try:
        async with anyio.create_task_group() as group:
            yield group
    except BaseExceptionGroup as raised:
        failure = _only_exception(raised)
        if failure is raised:
            raise
    else:
        return
    # Out of the handler, so that the group is not shown as the context of its only member.
    raise failure
