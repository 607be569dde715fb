"""Seams with the event loops: what they keep and do not show is found, and where it is not, all goes on."""

import asyncio
import contextvars
from pathlib import Path
from typing import Any

import anyio
import pytest

from asterion.applications import Asterion
from asterion.concurrency import Companion, Signal, _places, current_place, is_at, task_context
from asterion.concurrency._contexts import put_back, reinstate
from asterion.responses import PlainTextResponse
from asterion.routing import Route
from tests.asgi import function_layers, request, wait_all_blocked
from tests.dropin.interpreter import python


@pytest.mark.anyio
async def test_a_signal_that_is_given_already_is_not_waited_for() -> None:
    signal = Signal()
    signal.set()
    await signal.wait()


@pytest.mark.anyio
async def test_a_second_one_who_waits_for_a_signal_is_an_error() -> None:
    signal = Signal()
    async with anyio.create_task_group() as group:
        group.start_soon(signal.wait)
        await wait_all_blocked()
        with pytest.raises(RuntimeError, match="a Signal has one waiter"):
            await signal.wait()
        signal.set()


def test_a_companion_that_the_loop_cancels_has_ended_and_says_so() -> None:
    async def main() -> None:
        companion = Companion(anyio.sleep_forever)
        await wait_all_blocked()
        companion._task.cancel()
        await companion.wait()
        assert isinstance(companion.error, asyncio.CancelledError)

    asyncio.run(main())


def test_the_context_of_a_task_is_what_the_task_says() -> None:
    context = contextvars.copy_context()

    class Task(asyncio.Future[None]):
        """As tasks are from Python 3.12 on."""

        def get_context(self) -> contextvars.Context:
            return context

    async def main() -> None:
        assert task_context(Task()) is context

    asyncio.run(main())


def test_where_a_task_hides_its_context_a_copy_takes_its_place() -> None:
    variable = contextvars.ContextVar[str]("variable")

    async def main() -> None:
        variable.set("here")
        assert task_context(asyncio.get_running_loop().create_future())[variable] == "here"

    asyncio.run(main())


def test_from_an_empty_context_nothing_is_put_in_place() -> None:
    put_back(reinstate(contextvars.Context()))
    assert reinstate(contextvars.Context()) == ()


def test_where_anyio_runs_nothing_places_are_known_by_their_task(tmp_path: Path) -> None:
    program = """
import asyncio, sys
from asterion.concurrency import current_place, is_at

async def main():
    here = current_place()
    print(here == current_place(), is_at(here), await asyncio.create_task(elsewhere(here)))

async def elsewhere(place):
    return is_at(place)

asyncio.run(main())
print("anyio._backends._asyncio" in sys.modules)
"""
    finished = python("-c", program, cwd=tmp_path)
    assert finished.stdout == "True True False\nFalse\n", finished.stderr


class Hidden:
    """The states that anyio keeps of its tasks, in a form that this toolkit does not know."""

    data = None

    def __init__(self, states: Any) -> None:
        self._states = states

    def __getattr__(self, name: str) -> Any:
        return getattr(self._states, name)

    def __getitem__(self, task: Any) -> Any:
        return self._states[task]

    def __setitem__(self, task: Any, state: Any) -> None:
        self._states[task] = state

    def __delitem__(self, task: Any) -> None:
        del self._states[task]


def test_where_anyio_keeps_its_scopes_elsewhere_no_place_is_equal_and_requests_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from anyio._backends import _asyncio

    monkeypatch.setattr(_asyncio, "_task_states", Hidden(_asyncio._task_states))
    monkeypatch.setattr(_places, "_anyio_state_of", _places._find_anyio_states)

    async def endpoint(request: Any) -> PlainTextResponse:
        return PlainTextResponse("hello")

    async def main() -> None:
        with anyio.CancelScope():
            here = current_place()
            assert here != current_place()
            assert not is_at(here)
            for way in ("nested", "turns", "task"):
                app = Asterion(routes=[Route("/", endpoint)], middleware=function_layers(3, way))
                assert (await request(app)).body == b"hello"

    asyncio.run(main())
