"""Threads and tasks: where user code runs, what a thread sees of the context, and the one kind of task there is."""

import asyncio
import contextvars
import functools
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest

from asterion.concurrency import (
    FRAMEWORK_THREADS,
    Companion,
    _places,
    call,
    current_place,
    framework_limiter,
    is_at,
    iterate_in_threadpool,
    run_framework_io,
    run_in_threadpool,
    run_until_first_complete,
    running_task,
    settle,
    task_context,
)
from tests.asgi import wait_all_blocked

pytestmark = pytest.mark.anyio

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")


def on_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


# --- threads ---


async def test_a_blocking_function_runs_in_a_worker_thread_with_its_arguments() -> None:
    def work(a: int, *, b: int) -> tuple[int, bool]:
        return a + b, on_main_thread()

    assert await run_in_threadpool(work, 1, b=2) == (3, False)
    assert await run_framework_io(functools.partial(work, b=2), 1) == (3, False)


async def test_an_error_in_a_thread_is_raised_as_itself() -> None:
    error = KeyError("x")

    def work() -> None:
        raise error

    with pytest.raises(KeyError) as caught:
        await run_in_threadpool(work)
    assert caught.value is error


async def test_a_thread_sees_the_context_and_what_it_sets_stays_there() -> None:
    VARIABLE.set("outer")

    def work() -> str:
        seen = VARIABLE.get()
        VARIABLE.set("inner")
        return seen

    assert await run_in_threadpool(work) == "outer"
    assert VARIABLE.get() == "outer"


async def test_the_first_thread_that_waits_for_another_gets_one_though_the_limiter_has_no_more() -> None:
    limiter = anyio.to_thread.current_default_thread_limiter()
    before, limiter.total_tokens = limiter.total_tokens, 1
    try:
        with anyio.fail_after(20):
            found = await run_in_threadpool(anyio.from_thread.run, run_in_threadpool, lambda: "found")
    finally:
        limiter.total_tokens = before
    assert found == "found"


async def test_a_thread_may_give_a_coroutine() -> None:
    """Trio refuses one as the bare result of a thread."""

    async def coroutine() -> int:
        return 1

    assert await (await run_in_threadpool(lambda: coroutine())) == 1


async def test_user_threads_cannot_starve_the_frameworks_own_file_work() -> None:
    """Every user thread waits for a file: with one limiter for both, nothing would ever go on."""
    limiter = anyio.to_thread.current_default_thread_limiter()
    tokens = int(limiter.total_tokens)
    go = threading.Event()
    results: list[str] = []

    async def user() -> None:
        await run_in_threadpool(go.wait, 30)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for _ in range(tokens):
                group.start_soon(user)
            await wait_all_blocked()
            assert limiter.available_tokens == 0
            results.append(await run_framework_io(lambda: "read"))
            go.set()
    assert results == ["read"]


async def test_the_frameworks_limiter_is_one_per_event_loop() -> None:
    assert framework_limiter() is framework_limiter()
    assert framework_limiter() is not anyio.to_thread.current_default_thread_limiter()
    assert framework_limiter().total_tokens == FRAMEWORK_THREADS


# --- any callable ---


async def test_call_runs_sync_functions_in_threads_and_async_ones_on_the_loop() -> None:
    async def on_loop() -> bool:
        return on_main_thread()

    assert await call(on_main_thread) is False
    assert await call(on_loop) is True


async def test_call_awaits_whatever_comes_back_if_it_can() -> None:
    class Awaitable:
        def __await__(self) -> Iterator[Any]:
            yield from anyio.lowlevel.checkpoint().__await__()
            return 7

    async def seven() -> int:
        return 7

    assert await call(lambda: seven()) == 7
    assert await call(Awaitable) == 7
    assert await call(lambda value: value, 7) == 7
    assert await settle(7) == 7
    assert await settle(Awaitable()) == 7


# --- iterators in threads ---


async def test_a_sync_iterator_is_stepped_in_worker_threads() -> None:
    threads: list[bool] = []

    def numbers() -> Iterator[int]:
        for number in range(3):
            threads.append(on_main_thread())
            yield number

    assert [number async for number in iterate_in_threadpool(numbers())] == [0, 1, 2]
    assert threads == [False] * 3


async def test_a_context_variable_set_in_one_step_is_there_in_the_next() -> None:
    VARIABLE.set("outer")
    seen: list[str] = []

    def steps() -> Iterator[int]:
        seen.append(VARIABLE.get())
        token = VARIABLE.set("inner")
        yield 1
        seen.append(VARIABLE.get())
        VARIABLE.reset(token)
        yield 2
        seen.append(VARIABLE.get())

    assert [step async for step in iterate_in_threadpool(steps())] == [1, 2]
    assert seen == ["outer", "inner", "outer"]
    assert VARIABLE.get() == "outer"


async def test_closing_runs_the_generators_clean_up_in_a_thread_and_in_its_context() -> None:
    seen: list[Any] = []

    def steps() -> Iterator[int]:
        token = VARIABLE.set("inner")
        try:
            yield 1
            yield 2
        finally:
            seen.append((on_main_thread(), VARIABLE.get()))
            VARIABLE.reset(token)

    iterator = iterate_in_threadpool(steps())
    assert await anext(iterator) == 1
    await iterator.aclose()
    await iterator.aclose()
    assert seen == [(False, "inner")]
    with pytest.raises(StopAsyncIteration):
        await anext(iterator)


async def test_closing_that_is_cancelled_on_its_way_to_a_thread_closes_all_the_same() -> None:
    closed: list[bool] = []

    def steps() -> Iterator[int]:
        try:
            yield 1
        finally:
            closed.append(on_main_thread())

    iterator = iterate_in_threadpool(steps())
    assert await anext(iterator) == 1
    with anyio.CancelScope() as scope:
        scope.cancel()
        await iterator.aclose()
    assert (closed, scope.cancelled_caught) == ([False], True)


async def test_what_cannot_be_closed_needs_no_closing() -> None:
    iterator = iterate_in_threadpool([1, 2])
    assert await anext(iterator) == 1
    await iterator.aclose()


async def test_an_error_of_a_step_is_raised_as_itself() -> None:
    def steps() -> Iterator[int]:
        yield 1
        raise KeyError("step")

    iterator = iterate_in_threadpool(steps())
    assert await anext(iterator) == 1
    with pytest.raises(KeyError, match="step"):
        await anext(iterator)


def test_what_cannot_be_iterated_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        iterate_in_threadpool(42)  # type: ignore[arg-type]


# --- first complete ---


async def test_the_first_to_end_ends_the_others() -> None:
    log: list[str] = []

    async def quick(name: str) -> None:
        log.append(name)

    async def slow() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            log.append("slow is cancelled")

    with anyio.fail_after(10):
        await run_until_first_complete((slow, {}), (quick, {"name": "quick"}))
    assert sorted(log) in (["quick"], ["quick", "slow is cancelled"])


async def test_an_error_of_one_is_raised() -> None:
    async def fails() -> None:
        raise KeyError("x")

    with anyio.fail_after(10), pytest.raises((KeyError, ExceptionGroup)) as caught:
        await run_until_first_complete((fails, {}), (anyio.sleep_forever, {}))
    error = caught.value
    assert isinstance(error.exceptions[0] if isinstance(error, ExceptionGroup) else error, KeyError)


# --- companions ---


async def test_a_companion_runs_beside_its_maker_and_is_waited_for() -> None:
    tasks: list[Any] = []

    async def work() -> None:
        tasks.append(running_task())

    companion = Companion(work)
    assert not companion.done
    await companion.wait()
    assert companion.done
    assert companion.error is None
    assert tasks[0] is not running_task()


async def test_its_error_is_kept_until_somebody_asks() -> None:
    error = KeyError("x")

    async def work() -> None:
        raise error

    companion = Companion(work)
    await companion.wait()
    assert companion.error is error
    with pytest.raises(KeyError) as caught:
        await companion.join()
    assert caught.value is error


async def test_stopping_it_runs_its_clean_up_before_it_returns() -> None:
    log: list[str] = []

    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
            log.append("closed")

    companion = Companion(work)
    await wait_all_blocked()
    await companion.stop()
    assert (log, companion.done, companion.error) == (["closed"], True, None)
    await companion.stop()


async def test_one_that_is_cancelled_before_its_first_step_never_begins() -> None:
    begun: list[int] = []

    async def work() -> None:
        begun.append(1)

    companion = Companion(work)
    companion.cancel()
    await companion.stop()
    assert (begun, companion.done) == ([], True)


async def test_it_is_stopped_and_waited_for_although_its_maker_is_being_cancelled() -> None:
    log: list[str] = []

    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            log.append("closed")

    companion = Companion(work)
    await wait_all_blocked()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await companion.stop()
        log.append("stopped")
    assert log == ["closed", "stopped"]


async def test_cancelling_a_waiter_leaves_it_running() -> None:
    go = anyio.Event()
    log: list[str] = []

    async def work() -> None:
        await go.wait()
        log.append("ended")

    companion = Companion(work)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await companion.wait()
    assert not companion.done
    go.set()
    await companion.wait()
    assert log == ["ended"]


async def test_cancelling_who_joins_takes_it_along() -> None:
    companion = Companion(anyio.sleep_forever)
    await wait_all_blocked()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await companion.join()
        raise AssertionError("who joins is cancelled as well")
    assert companion.done


async def test_it_has_a_copy_of_the_context_unless_one_is_given() -> None:
    VARIABLE.set("maker")

    async def work() -> None:
        assert VARIABLE.get() == "maker"
        VARIABLE.set("companion")

    companion = Companion(work)
    await companion.join()
    assert VARIABLE.get() == "maker"


async def test_it_may_run_in_the_very_context_of_its_maker() -> None:
    VARIABLE.set("maker")
    context = task_context(running_task())

    async def work() -> None:
        assert VARIABLE.get() == "maker"
        token = VARIABLE.set("companion")
        await anyio.lowlevel.checkpoint()
        tokens.append(token)

    tokens: list[Any] = []
    companion = Companion(work, context=context)
    await companion.join()
    assert VARIABLE.get() == "companion"
    VARIABLE.reset(tokens[0])
    assert VARIABLE.get() == "maker"


async def test_the_context_of_a_task_is_that_task_own() -> None:
    VARIABLE.set("here")
    assert task_context(running_task())[VARIABLE] == "here"
    VARIABLE.set("there")
    assert task_context(running_task())[VARIABLE] == "there"


async def test_many_companions_end_in_any_order() -> None:
    events = [anyio.Event() for _ in range(20)]
    companions = [Companion(event.wait) for event in events]
    for event in reversed(events):
        event.set()
    for companion in companions:
        await companion.join()
    assert all(companion.done for companion in companions)


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="eager tasks are new in Python 3.12")
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_eager_task_factory_changes_nothing() -> None:
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
    try:
        log: list[str] = []

        async def work() -> None:
            log.append("work")

        companion = Companion(work, context=task_context(running_task()))
        assert log == []
        await companion.join()
        assert log == ["work"]
    finally:
        loop.set_task_factory(None)


# --- places ---


async def test_a_place_is_the_same_in_the_same_task_and_scope() -> None:
    place = current_place()
    await anyio.lowlevel.checkpoint()
    assert current_place() == place
    assert is_at(place)


async def test_a_scope_that_is_open_is_another_place_and_after_it_the_first_again() -> None:
    with anyio.CancelScope():
        outer = current_place()
        with anyio.CancelScope():
            inner = current_place()
            assert inner != outer
            assert not is_at(outer)
            assert is_at(inner)
        assert is_at(outer)
        assert not is_at(inner)


async def test_a_task_group_and_a_time_limit_are_scopes() -> None:
    before = current_place()
    async with anyio.create_task_group():
        assert not is_at(before)
    with anyio.move_on_after(60):
        assert not is_at(before)
    assert is_at(before)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_place_whose_scope_cannot_be_seen_is_equal_to_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another release of anyio may keep scopes elsewhere: then there may always be one."""
    monkeypatch.setattr(_places, "_anyio_state_of", _places._Unseen)
    place = current_place()
    assert current_place() != place
    assert not is_at(place)


async def test_another_task_is_another_place() -> None:
    place = current_place()
    seen: list[bool] = []

    async def work() -> None:
        seen.append(is_at(place))

    async with anyio.create_task_group() as group:
        group.start_soon(work)
    await Companion(work).join()
    assert seen == [False, False]


async def test_an_iterator_may_be_left_early_without_a_warning() -> None:
    async def first(iterator: AsyncIterator[int]) -> int:
        async for number in iterator:
            return number
        raise AssertionError

    def numbers() -> Iterator[int]:
        yield from range(3)

    iterator = iterate_in_threadpool(numbers())
    assert await first(iterator) == 0
    assert await first(iterator) == 1
    await iterator.aclose()
