"""Every kind of callable a user may hand over (issue 886), each doing the same work.

A maker takes `work`, an async function, and gives a callable that does it with up to two arguments, named `request`
and `error`. "Known" kinds can be seen to be async; "found" ones only turn out so by what they return.
"""

import functools
import types
from collections.abc import Awaitable, Callable
from typing import Any
from unittest import mock

Work = Callable[..., Awaitable[Any]]
Maker = Callable[[Work], Any]


def function(work: Work) -> Any:
    async def plain(request: Any = None, error: Any = None) -> Any:
        return await work(request, error)

    return plain


def _methods(work: Work) -> Any:
    class Methods:
        async def bound(self, request: Any = None, error: Any = None) -> Any:
            return await work(request, error)

        @classmethod
        async def of_class(cls, request: Any = None, error: Any = None) -> Any:
            return await work(request, error)

        @staticmethod
        async def static(request: Any = None, error: Any = None) -> Any:
            return await work(request, error)

        async def with_extra(self, extra: int, request: Any = None, error: Any = None) -> Any:
            return await work(request, error)

        part = functools.partialmethod(with_extra, 1)

    return Methods


def instance(work: Work) -> Any:
    class Instance:
        async def __call__(self, request: Any = None, error: Any = None) -> Any:
            return await work(request, error)

    return Instance()


def instance_with_option(work: Work) -> Any:
    class Instance:
        async def __call__(self, request: Any = None, error: Any = None, *, x: int = 1) -> Any:
            return await work(request, error)

    return functools.partial(Instance(), x=2)


def inherited(work: Work) -> Any:
    return type("Child", (type(instance(work)),), {})()


def sync_call_giving_coroutine(work: Work) -> Any:
    class Instance:
        def __call__(self, request: Any = None, error: Any = None) -> Any:
            return work(request, error)

    return Instance()


def awaitable_object(work: Work) -> Any:
    class Later:
        def __init__(self, request: Any = None, error: Any = None) -> None:
            self.given = (request, error)

        def __await__(self) -> Any:
            return work(*self.given).__await__()

    return lambda request=None, error=None: Later(request, error)


def generator_based(work: Work) -> Any:
    @types.coroutine
    def based(request: Any = None, error: Any = None) -> Any:
        return (yield from work(request, error).__await__())

    return based


def wrapper(work: Work) -> Any:
    inner = function(work)

    @functools.wraps(inner)
    def outer(*args: Any, **kwargs: Any) -> Any:
        return inner(*args, **kwargs)

    return outer


KNOWN: dict[str, Maker] = {
    "function": function,
    "bound method": lambda work: _methods(work)().bound,
    "class method": lambda work: _methods(work).of_class,
    "static method": lambda work: _methods(work).static,
    "partial method": lambda work: _methods(work)().part,
    "partial": lambda work: functools.partial(function(work)),
    "partial of partial": lambda work: functools.partial(functools.partial(function(work))),
    "partial of class method": lambda work: functools.partial(_methods(work).of_class),
    "instance": instance,
    "inherited __call__": inherited,
    "partial of instance": lambda work: functools.partial(instance(work)),
    "partial of instance with option": instance_with_option,
    "autospec mock": lambda work: mock.create_autospec(function(work), side_effect=work),
}

FOUND: dict[str, Maker] = {
    "wraps wrapper": wrapper,
    "lambda": lambda work: lambda request=None, error=None: work(request, error),
    "partial of lambda": lambda work: functools.partial(lambda request=None, error=None: work(request, error)),
    "sync __call__ giving a coroutine": sync_call_giving_coroutine,
    "lru_cache": lambda work: functools.lru_cache(function(work)),
    "awaitable object": awaitable_object,
    "generator-based coroutine": generator_based,
}

# Looks at the type of its first argument, so it cannot be called without one.
SINGLE_DISPATCH: dict[str, Maker] = {"singledispatch": lambda work: functools.singledispatch(function(work))}

# Takes any number of arguments, so it cannot be told from a raw ASGI application where that is allowed as well.
MOCKS: dict[str, Maker] = {
    "AsyncMock": lambda work: mock.AsyncMock(side_effect=work),
    "MagicMock giving a coroutine": lambda work: mock.MagicMock(side_effect=lambda *args: work(*args)),
}


def overridden_by_sync(work: Callable[..., Any]) -> Any:
    """An instance whose base class has an async `__call__` and whose own is sync."""

    class Child(type(instance(work))):  # type: ignore[misc]
        def __call__(self, request: Any = None, error: Any = None) -> Any:
            return work(request, error)

    return Child()


def _sync_function(work: Callable[..., Any]) -> Any:
    def plain(request: Any = None, error: Any = None) -> Any:
        return work(request, error)

    return plain


SYNC: dict[str, Callable[[Callable[..., Any]], Any]] = {
    "sync function": _sync_function,
    "sync lambda": lambda work: lambda request=None, error=None: work(request, error),
    "sync partial": lambda work: functools.partial(_sync_function(work)),
    "sync __call__ over an async one": overridden_by_sync,
}
"""Makers of callables that are sync, and whose result is the result: `work` is sync as well."""

EVERY: dict[str, Maker] = {**KNOWN, **FOUND}
