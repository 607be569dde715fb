"""What a callable says about itself before it is called."""

import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeVar

if sys.version_info < (3, 12):
    from asyncio import coroutines

F = TypeVar("F", bound=Callable[..., Any])


def gives_coroutine(func: F) -> F:
    """Mark `func`, a plain function that returns a coroutine, as the coroutine function that it amounts to.

    Servers and instrumentations ask for that to tell an application of ASGI 3 (`scope, receive, send`) from one of
    ASGI 2 (`scope` alone): uvicorn and asgiref do.
    """
    if sys.version_info >= (3, 12):
        return inspect.markcoroutinefunction(func)
    func._is_coroutine = coroutines._is_coroutine  # type: ignore[attr-defined]
    return func
