"""What kind of callable a user handed over, and how a message names it."""

import functools
import types
from collections.abc import AsyncIterator, Iterator
from typing import Any
from unittest.mock import AsyncMock, Mock, create_autospec

import pytest

from asterion._core.callables import (
    describe_callable,
    is_async_callable,
    is_generator_callable,
    refuse_generator,
    unwrap_partials,
)
from tests.names import without_address


async def coroutine_function(*args: Any) -> None:
    """An async function."""


def function(*args: Any) -> None:
    """A sync function."""


class AsyncCall:
    async def __call__(self) -> None:
        """An async call."""

    async def method(self) -> None:
        """An async method."""

    @classmethod
    async def of_class(cls) -> None:
        """An async class method."""

    @staticmethod
    async def static() -> None:
        """An async static method."""


class SyncCall:
    def __call__(self) -> None:
        """A sync call."""

    def method(self) -> None:
        """A sync method."""


@functools.wraps(coroutine_function)
async def wrapped_async() -> None:
    """An async wrapper."""


@functools.wraps(coroutine_function)
def wrapped_sync() -> Any:
    """A sync wrapper around an async function."""
    return coroutine_function()


ASYNC = [
    coroutine_function,
    AsyncCall(),
    AsyncCall().method,
    AsyncCall.of_class,
    AsyncCall.static,
    functools.partial(coroutine_function),
    functools.partial(functools.partial(coroutine_function, 1), 2),
    functools.partial(AsyncCall()),
    functools.partial(AsyncCall().method),
    wrapped_async,
    AsyncMock(),
    create_autospec(coroutine_function),
]

SYNC = [
    function,
    SyncCall(),
    SyncCall().method,
    functools.partial(function),
    lambda: coroutine_function(),
    wrapped_sync,
    AsyncCall,
    SyncCall,
    functools.partial(AsyncCall),
    print,
    Mock(),
    len,
]


@pytest.mark.parametrize("func", ASYNC, ids=without_address)
def test_what_gives_a_coroutine_for_sure_is_async(func: Any) -> None:
    assert is_async_callable(func) is True


@pytest.mark.parametrize("func", SYNC, ids=without_address)
def test_everything_else_is_not_and_a_class_never_is(func: Any) -> None:
    """What only turns out to be async when called is found by what it returns; see `concurrency.call`."""
    assert is_async_callable(func) is False


async def async_generator() -> AsyncIterator[int]:
    yield 1


def generator() -> Iterator[int]:
    yield 1


class GeneratorCall:
    def __call__(self) -> Iterator[int]:
        yield 1


@types.coroutine
def generator_coroutine() -> Iterator[int]:
    yield 1


GENERATORS = [async_generator, generator, GeneratorCall(), functools.partial(generator)]


@pytest.mark.parametrize("func", GENERATORS, ids=without_address)
def test_functions_that_yield_are_known_as_such(func: Any) -> None:
    assert is_generator_callable(func)
    assert not is_async_callable(func)


@pytest.mark.parametrize("func", [*ASYNC, *SYNC, generator_coroutine], ids=without_address)
def test_others_are_not(func: Any) -> None:
    assert not is_generator_callable(func)


@pytest.mark.parametrize("func", [generator, async_generator])
def test_a_generator_as_a_result_is_refused_by_the_name_of_what_gave_it(func: Any) -> None:
    with pytest.raises(TypeError, match=rf"hook .*{func.__name__} yields, so calling it does nothing"):
        refuse_generator(func, func(), "hook")


@pytest.mark.parametrize("result", [None, 1, [1], iter([1])])
def test_any_other_result_is_accepted(result: Any) -> None:
    refuse_generator(function, result, "hook")


def test_partials_are_unwrapped_to_what_they_call() -> None:
    assert unwrap_partials(functools.partial(functools.partial(function, 1), 2)) is function
    assert unwrap_partials(function) is function


@pytest.mark.parametrize(
    ("func", "name"),
    [
        (function, f"{__name__}.function"),
        (functools.partial(function, 1), f"{__name__}.function"),
        (AsyncCall().method, f"{__name__}.AsyncCall.method"),
        (AsyncCall, f"{__name__}.AsyncCall"),
        (len, "builtins.len"),
    ],
)
def test_a_callable_is_named_with_its_module(func: Any, name: str) -> None:
    assert describe_callable(func) == name


def test_an_instance_is_named_by_its_repr() -> None:
    class Thing:
        def __repr__(self) -> str:
            return "<the thing>"

        def __call__(self) -> None:
            """Do nothing."""

    assert describe_callable(Thing()) == "<the thing>"
