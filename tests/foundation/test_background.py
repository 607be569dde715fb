"""Background tasks as values: what they take, what they call, and in which order."""

import contextvars
import logging
import threading
from typing import Any

import anyio
import pytest

from asterion.applications import Asterion, Starlette
from asterion.background import BackgroundTask, BackgroundTasks, run_background

pytestmark = pytest.mark.anyio

OURS: dict[str, Any] = {"type": "http", "app": Asterion()}
THEIRS: dict[str, Any] = {"type": "http", "app": Starlette()}


@pytest.fixture(params=[OURS, THEIRS, {"type": "http"}], ids=["asterion", "starlette", "no application"])
def scope(request: pytest.FixtureRequest) -> Any:
    """Scopes with each kind of application."""
    return request.param


async def test_a_task_calls_its_function_with_its_arguments() -> None:
    calls: list[Any] = []

    async def work(*args: Any, **kwargs: Any) -> None:
        calls.append((args, kwargs))

    await BackgroundTask(work, 1, two=2)()
    assert calls == [((1,), {"two": 2})]


async def test_arguments_may_be_called_func_and_self() -> None:
    calls: list[Any] = []

    def work(**kwargs: Any) -> None:
        calls.append(kwargs)

    tasks = BackgroundTasks()
    tasks.add_task(work, tasks=1)
    await tasks()
    assert calls == [{"tasks": 1}]


async def test_a_sync_function_runs_in_a_worker_thread_and_an_async_one_on_the_loop() -> None:
    threads: list[bool] = []

    def note() -> None:
        threads.append(threading.current_thread() is threading.main_thread())

    async def async_note() -> None:
        note()

    await BackgroundTask(note)()
    await BackgroundTask(async_note)()
    assert threads == [False, True]


async def test_what_a_sync_function_returns_is_awaited_if_it_can_be() -> None:
    """Issue 886: a lambda around an async function must not silently do nothing."""
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    await BackgroundTask(lambda: work())()
    assert done == [1]


def test_the_result_of_a_call_is_refused_with_a_hint() -> None:
    with pytest.raises(TypeError, match=r"needs a callable, got None; .*BackgroundTask\(func, arg\)"):
        BackgroundTask(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="needs a callable"):
        BackgroundTasks().add_task("name")  # type: ignore[arg-type]


async def test_a_function_that_yields_is_refused() -> None:
    def yields() -> Any:
        yield 1

    with pytest.raises(TypeError, match="background task .*yields yields, so calling it does nothing"):
        BackgroundTask(yields)
    with pytest.raises(TypeError, match="yields, so calling it does nothing"):
        await BackgroundTask(lambda: yields())()


def test_a_task_tells_what_it_is() -> None:
    task = BackgroundTask(print, 1, sep="")
    assert (task.func, task.args, task.kwargs, task.is_async) == (print, (1,), {"sep": ""}, False)
    assert repr(task) == "BackgroundTask(builtins.print)"
    assert repr(BackgroundTasks([task])) == "BackgroundTasks([BackgroundTask(builtins.print)])"


# --- several ---


async def test_tasks_run_in_the_order_they_were_given_and_added() -> None:
    log: list[int] = []
    tasks = BackgroundTasks([BackgroundTask(log.append, 1)])
    tasks.add_task(log.append, 2)
    await tasks()
    assert log == [1, 2]


async def test_a_running_task_may_add_another() -> None:
    log: list[int] = []
    tasks = BackgroundTasks()

    def work() -> None:
        log.append(1)
        tasks.add_task(log.append, 2)

    tasks.add_task(work)
    await tasks()
    assert log == [1, 2]


async def test_the_list_that_was_given_stays_the_callers() -> None:
    given: list[BackgroundTask] = []
    BackgroundTasks(given).add_task(print)
    assert given == []


async def test_all_tasks_run_and_the_first_error_is_raised(caplog: pytest.LogCaptureFixture) -> None:
    log: list[int] = []
    tasks = BackgroundTasks()

    def fails(error: Exception) -> None:
        raise error

    first = KeyError("first")
    tasks.add_task(fails, first)
    tasks.add_task(log.append, 1)
    tasks.add_task(fails, KeyError("second"))
    tasks.add_task(log.append, 2)
    with caplog.at_level(logging.ERROR), pytest.raises(KeyError) as caught:
        await tasks()
    assert caught.value is first
    assert log == [1, 2]
    assert [record.exc_info[1].args for record in caplog.records if record.exc_info] == [("second",)]  # type: ignore[union-attr]


async def test_a_task_that_is_not_an_exception_of_the_works_ends_the_rest() -> None:
    log: list[int] = []

    class Stop(BaseException):
        """Not an Exception."""

    def stops() -> None:
        raise Stop

    tasks = BackgroundTasks([BackgroundTask(stops), BackgroundTask(log.append, 1)])
    with pytest.raises(Stop):
        await tasks()
    assert log == []


# --- under an application ---


async def test_work_runs_and_its_error_is_raised_once_as_itself(scope: Any) -> None:
    error = KeyError("x")

    async def work() -> None:
        raise error

    with pytest.raises(KeyError) as caught:
        await run_background(BackgroundTask(work), scope)
    assert caught.value is error
    assert caught.value.__context__ is None


async def test_work_runs_in_the_context_of_its_request(scope: Any) -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    seen: list[str] = []

    async def work() -> None:
        seen.append(variable.get())
        variable.set("by the work")

    variable.set("by the request")
    await run_background(BackgroundTask(work), scope)
    assert seen == ["by the request"]
    assert variable.get() == "by the work"


async def test_anything_that_can_be_called_and_awaited_is_work(scope: Any) -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    await run_background(work, scope)
    assert done == [1]


async def test_a_subclass_with_its_own_way_of_running_keeps_it(scope: Any) -> None:
    log: list[str] = []

    class Reversed(BackgroundTasks):
        async def __call__(self) -> None:
            for task in reversed(self.tasks):
                await task()

    await run_background(Reversed([BackgroundTask(log.append, "a"), BackgroundTask(log.append, "b")]), scope)
    assert log == ["b", "a"]


async def test_work_of_an_unknown_application_survives_the_request_as_on_our_face() -> None:
    go, done = anyio.Event(), anyio.Event()

    async def work() -> None:
        await go.wait()
        done.set()

    with anyio.CancelScope() as cancelled:
        cancelled.cancel()
        await run_background(work, {"type": "http"})
    go.set()
    with anyio.fail_after(10):
        await done.wait()


async def test_work_that_fails_as_its_request_is_cancelled_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody waits for its error any more, and it has not begun to be lost before it is raised."""
    cancelled = anyio.CancelScope()

    async def fail() -> None:
        cancelled.cancel()
        raise ValueError("the work failed")

    with cancelled, caplog.at_level(logging.ERROR, "asterion.background"):
        await run_background(BackgroundTask(fail), OURS)
    assert cancelled.cancelled_caught
    assert [str(record.exc_info and record.exc_info[1]) for record in caplog.records] == ["the work failed"]
