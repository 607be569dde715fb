"""What kind of callable a user handed over.

One function decides, once, when the callable is accepted. It is a hint for where to run the call (on the loop or in a
worker thread), never a promise: whoever calls also awaits what comes back if that can be awaited, so nothing that a
user passes is silently not run (issues 886, 984, 1107).
"""

import functools
import inspect
from typing import Any


def unwrap_partials(obj: Any) -> Any:
    """The callable beneath any number of `functools.partial` layers."""
    while isinstance(obj, functools.partial):
        obj = obj.func
    return obj


def is_async_callable(obj: Any) -> bool:
    """Whether calling `obj` is known to give an awaitable.

    True for coroutine functions, bound methods, class and static methods, partials of these, instances whose class
    defines `async def __call__`, and async mocks. False for a sync wrapper around an async function, a lambda that
    returns a coroutine and the like: those are found by what they return. A class is never async: calling it gives an
    instance.
    """
    inner = unwrap_partials(obj)
    if isinstance(inner, type):
        return False
    return _is_coroutine_function(inner) or _is_coroutine_function(getattr(inner, "__call__", None))  # noqa: B004


def _is_coroutine_function(obj: Any) -> bool:
    # `unittest.mock.create_autospec` marks its stand-in for an async function so, and `ServerErrorMiddleware` its call:
    # with asyncio's own mark, a bare object.
    return inspect.iscoroutinefunction(obj) or type(getattr(obj, "_is_coroutine", None)) is object


def is_generator_callable(obj: Any) -> bool:
    """Whether `obj` is a sync or async generator function: a mistake wherever the call itself is to do the work."""
    inner = unwrap_partials(obj)
    kinds = (inner, getattr(inner, "__call__", None))  # noqa: B004 - the method itself is asked
    return any(inspect.isasyncgenfunction(kind) or _is_plain_generator_function(kind) for kind in kinds)


def _is_plain_generator_function(func: Any) -> bool:
    # What `types.coroutine` has marked is a generator function as well, and can be awaited.
    return inspect.isgeneratorfunction(func) and not func.__code__.co_flags & inspect.CO_ITERABLE_COROUTINE


def refuse_generator(func: Any, result: Any, kind: str) -> None:
    """Raise TypeError if `result`, which calling `func` gave, is a generator: nothing of it has run or ever would."""
    if inspect.isasyncgen(result) or inspect.isgenerator(result):
        raise TypeError(does_nothing(func, kind))


def does_nothing(func: Any, kind: str) -> str:
    """The message about a callable that yields where a call has to do the work."""
    return (
        f"{kind} {describe_callable(func)} yields, so calling it does nothing; do the work in a function that returns"
    )


def describe_callable(obj: Any) -> str:
    """How an error message names a callable: its qualified name and module, or its repr."""
    inner = unwrap_partials(obj)
    name = getattr(inner, "__qualname__", None)
    module = getattr(inner, "__module__", None)
    return f"{module}.{name}" if name and module else repr(inner)
