"""What is said of a task that waits: the user's own lines, whatever stands between them and the event loop."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from asterion.testclient._awaitstacks import _DEEPEST, describe


class Parked:
    """Waits for ever."""

    def __await__(self) -> Iterator[None]:
        yield


async def parked() -> None:
    await Parked()


def described(coroutine: Any) -> str:
    """What is said of a coroutine that has been run up to its first wait."""
    coroutine.send(None)
    try:
        return describe("task 'x'", coroutine)
    finally:
        coroutine.close()


def test_a_source_that_is_asked_for_its_next_item_is_seen_through_that_question() -> None:
    async def source() -> AsyncIterator[int]:
        await Parked()
        yield 1

    async def reads() -> None:
        await anext(source())

    said = described(reads())
    assert "reads" in said
    assert "source" in said


def test_of_a_task_that_is_over_no_line_is_told() -> None:
    coroutine = parked()
    coroutine.close()
    assert describe("task 'x'", coroutine) == "- task 'x': has not run yet"


def test_a_stack_without_end_is_told_up_to_some_depth() -> None:
    class Ring:
        cr_frame = None

        @property
        def cr_await(self) -> Any:
            self.asked = getattr(self, "asked", 0) + 1
            return self

    ring = Ring()
    assert describe("task 'x'", ring) == "- task 'x': has not run yet"
    assert ring.asked == _DEEPEST
