"""The boundaries are applications of ASGI 3 for whoever asks before calling: servers and instrumentations do."""

import asyncio
import inspect
import sys
from collections.abc import Callable
from typing import Any

import pytest

from asterion._core.callables import is_async_callable
from asterion.middleware.errors import ServerErrorMiddleware
from asterion.middleware.exceptions import ExceptionMiddleware
from asterion.responses import PlainTextResponse

is_coroutine_function: Any = inspect.iscoroutinefunction if sys.version_info >= (3, 12) else asyncio.iscoroutinefunction


@pytest.mark.parametrize("boundary", [ServerErrorMiddleware, ExceptionMiddleware])
def test_a_boundary_is_called_with_three_arguments_and_gives_a_coroutine(boundary: Callable[..., Any]) -> None:
    instance = boundary(PlainTextResponse(""))
    assert is_coroutine_function(instance.__call__)
    assert is_async_callable(instance)
    assert not is_async_callable(boundary)
