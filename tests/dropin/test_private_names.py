"""What outsiders import from Starlette's private modules behaves as they rely on."""

import anyio
import pytest

from asterion.dropin._utils import AwaitableOrContextManagerWrapper, create_collapsing_task_group

pytestmark = pytest.mark.anyio


async def fail(error: Exception) -> None:
    raise error


async def test_a_single_failure_comes_out_of_the_task_group_as_itself() -> None:
    error = LookupError("oops")
    with pytest.raises(LookupError) as caught:
        async with create_collapsing_task_group() as group:
            group.start_soon(fail, error)
    assert caught.value is error
    assert caught.value.__context__ is None


async def test_a_failure_in_nested_task_groups_comes_out_as_itself() -> None:
    error = LookupError("oops")
    with pytest.raises(LookupError) as caught:
        async with create_collapsing_task_group() as outer, anyio.create_task_group() as inner:
            inner.start_soon(fail, error)
            outer.start_soon(anyio.sleep_forever)
    assert caught.value is error


async def test_a_failure_of_the_block_itself_comes_out_as_itself() -> None:
    error = LookupError("oops")
    with pytest.raises(LookupError) as caught:
        async with create_collapsing_task_group() as group:
            group.start_soon(anyio.sleep_forever)
            raise error
    assert caught.value is error


async def test_several_failures_stay_a_group() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with create_collapsing_task_group() as group:
            group.start_soon(fail, LookupError("one"))
            group.start_soon(fail, ValueError("two"))
            await anyio.lowlevel.checkpoint()
            raise KeyError("three")
    assert len(caught.value.exceptions) >= 2


async def test_a_task_group_without_failure_waits_for_its_tasks() -> None:
    done = []

    async def task() -> None:
        await anyio.lowlevel.checkpoint()
        done.append(True)

    async with create_collapsing_task_group() as group:
        group.start_soon(task)
    assert done == [True]


class Resource:
    def __init__(self) -> None:
        self.closed = False

    async def close(self) -> None:
        self.closed = True


async def test_a_wrapped_awaitable_is_awaited_for_its_result() -> None:
    async def make() -> Resource:
        return Resource()

    resource = await AwaitableOrContextManagerWrapper(make())
    assert resource.closed is False


async def test_a_wrapped_awaitable_that_is_entered_is_closed_at_the_end_of_the_block() -> None:
    async def make() -> Resource:
        return Resource()

    with pytest.raises(LookupError):
        async with AwaitableOrContextManagerWrapper(make()) as resource:
            assert resource.closed is False
            raise LookupError
    assert resource.closed is True
