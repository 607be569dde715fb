"""`simulate` and `Simulation`: a seed decides the order of everything, and time is virtual."""

import asyncio
import contextlib
import contextvars
import functools
import gc
import sys
import threading
import time
import weakref
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest
import trio

from asterion.applications import Asterion
from asterion.concurrency import run_in_threadpool
from asterion.responses import PlainTextResponse
from asterion.routing import Route
from asterion.testclient import Simulation, SimulationStuck, _watch, simulate
from asterion.testclient.simulation import SEED_VARIABLE

BACKENDS = ["asyncio", "trio"]
backends = pytest.mark.parametrize("backend", BACKENDS)


async def interleaved(simulation: Simulation) -> list[str]:
    """Five tasks that take turns, with threads and timers among them: the order of what they did."""
    events: list[str] = []

    async def task(name: str) -> None:
        for step in range(3):
            events.append(f"{name} {step}")
            await anyio.lowlevel.checkpoint()
        await run_in_threadpool(events.append, f"{name} in a thread")
        await simulation.pause(10)
        events.append(f"{name} at {anyio.current_time():.3f}")

    await simulation.together(*(functools.partial(task, name) for name in "abcde"))
    return events


@backends
def test_the_same_seed_gives_the_same_order_of_events(backend: Any) -> None:
    for seed in range(20):
        first, again = Simulation(seed, backend), Simulation(seed, backend)
        assert first.run(interleaved) == again.run(interleaved)
        assert first.steps == again.steps


@backends
def test_different_seeds_give_different_orders(backend: Any) -> None:
    orders = {
        tuple(event.partition(" at ")[0] for event in Simulation(seed, backend).run(interleaved)) for seed in range(20)
    }
    assert len(orders) == 20


@backends
def test_tasks_that_are_cancelled_together_end_in_an_order_of_the_seed(backend: Any) -> None:
    async def scenario(simulation: Simulation) -> list[int]:
        ended: list[int] = []

        async def sleeper(number: int) -> None:
            try:
                await anyio.sleep_forever()
            finally:
                ended.append(number)

        ballast = [object() for _ in range(simulation.random.randint(0, 50) + len(junk))]
        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(sleeper, number)
            await anyio.sleep(1)
            group.cancel_scope.cancel()
        junk.append(ballast)  # the next run has its tasks at other addresses
        return ended

    junk: list[Any] = []
    runs = [[tuple(Simulation(seed, backend).run(scenario)) for _ in range(5)] for seed in range(5)]
    assert all(len(set(orders)) == 1 for orders in runs)
    assert len({orders[0] for orders in runs}) > 1


@backends
def test_a_task_may_overtake_another_one_any_number_of_times(backend: Any) -> None:
    async def scenario(simulation: Simulation) -> int:
        lead = 0
        steps = {"a": 0, "b": 0}

        async def run(name: str) -> None:
            nonlocal lead
            for _ in range(20):
                steps[name] += 1
                lead = max(lead, abs(steps["a"] - steps["b"]))
                await anyio.lowlevel.checkpoint()

        await simulation.together(functools.partial(run, "a"), functools.partial(run, "b"))
        return lead

    assert max(Simulation(seed, backend).run(scenario) for seed in range(20)) >= (3 if backend == "asyncio" else 1)


@backends
def test_time_is_virtual_and_exact(backend: Any) -> None:
    async def scenario(simulation: Simulation) -> float:
        before = anyio.current_time()
        await anyio.sleep(3000)
        with anyio.move_on_after(0.5) as scope:
            await anyio.sleep(1)
        assert scope.cancelled_caught
        return anyio.current_time() - before

    started = time.perf_counter()
    assert Simulation(1, backend).run(scenario) == pytest.approx(3000.5)
    assert time.perf_counter() - started < 5


# --- threads ---------------------------------------------------------------------------------------------------------


@backends
def test_the_loop_stands_still_while_a_thread_works(backend: Any) -> None:
    async def scenario(simulation: Simulation) -> None:
        working = 0
        seen: list[int] = []

        def work() -> None:
            nonlocal working
            working = 1
            time.sleep(0.002)
            working = 0

        async def look() -> None:
            for _ in range(50):
                seen.append(working)
                await anyio.lowlevel.checkpoint()

        await simulation.together(look, *[functools.partial(anyio.to_thread.run_sync, work)] * 3)
        assert seen == [0] * 50

    simulate(scenario, seeds=5, backends=[backend])


@backends
def test_a_thread_is_a_real_one_in_the_context_of_its_task(backend: Any) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

    def work() -> tuple[str, bool]:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        assert anyio.run(anyio.lowlevel.checkpoint) is None  # a loop of its own can run there
        return variable.get(), threading.current_thread() is threading.main_thread()

    async def scenario(simulation: Simulation) -> tuple[str, bool]:
        variable.set("of the task")
        return await anyio.to_thread.run_sync(work)

    assert Simulation(0, backend).run(scenario) == ("of the task", False)


@backends
def test_a_thread_can_ask_the_loop(backend: Any) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

    async def answer(value: int) -> str:
        await anyio.sleep(value)
        return f"{value} {variable.get()}"

    def work(number: int) -> list[str]:
        variable.set("of the thread")
        with pytest.raises(LookupError):
            anyio.from_thread.run_sync({}.__getitem__, "missing")
        anyio.from_thread.check_cancelled()
        return [anyio.from_thread.run(answer, number) for _ in range(2)]

    async def scenario(simulation: Simulation) -> list[list[str]]:
        return await simulation.together(
            *(functools.partial(anyio.to_thread.run_sync, work, number) for number in range(3))
        )

    for seed in range(10):
        assert Simulation(seed, backend).run(scenario) == [[f"{n} of the thread"] * 2 for n in range(3)]


@backends
def test_what_a_thread_asked_for_is_cancelled_with_its_task(backend: Any) -> None:
    ended: list[str] = []

    def work() -> None:
        try:
            anyio.from_thread.run(anyio.sleep_forever)
        finally:
            ended.append("thread")

    async def scenario(simulation: Simulation) -> None:
        with anyio.move_on_after(5) as scope:
            await anyio.to_thread.run_sync(work)
        assert scope.cancelled_caught
        assert ended == ["thread"]

    Simulation(0, backend).run(scenario)


@backends
def test_limiters_of_threads_hold(backend: Any) -> None:
    async def scenario(simulation: Simulation) -> None:
        limiter = anyio.CapacityLimiter(1)
        inside = 0

        async def enter() -> None:
            nonlocal inside
            inside += 1
            assert inside == 1
            await anyio.sleep(1)
            inside -= 1

        def work() -> None:
            anyio.from_thread.run(enter)

        run = functools.partial(anyio.to_thread.run_sync, work, limiter=limiter)
        await simulation.together(run, run, run)

    simulate(scenario, seeds=10, backends=[backend])


def test_the_threads_of_the_libraries_themselves_are_simulated_too() -> None:
    async def on_asyncio(simulation: Simulation) -> str:
        return await asyncio.to_thread(lambda: threading.current_thread().name)

    async def on_trio(simulation: Simulation) -> str:
        return await trio.to_thread.run_sync(lambda: threading.current_thread().name)

    assert Simulation(0, "asyncio").run(on_asyncio) == "simulated"
    assert Simulation(0, "trio").run(on_trio) == "simulated"


@pytest.mark.anyio
async def test_threads_outside_of_a_simulation_are_what_they_were(anyio_backend: Any) -> None:
    assert await anyio.to_thread.run_sync(lambda: threading.current_thread().name) != "simulated"


@backends
def test_a_thread_that_waits_for_another_one_is_found(backend: Any) -> None:
    release = threading.Event()

    async def scenario(simulation: Simulation) -> None:
        await simulation.together(
            functools.partial(anyio.to_thread.run_sync, release.wait),
            functools.partial(anyio.to_thread.run_sync, release.wait),
        )

    try:
        with pytest.raises(SimulationStuck, match="a worker thread has worked for 0.05 seconds, at threading.py"):
            Simulation(0, backend, thread_seconds=0.05).run(scenario)
    finally:
        release.set()


# --- ends ------------------------------------------------------------------------------------------------------------


@backends
def test_a_deadlock_is_reported_at_once_with_what_each_task_waits_for(backend: Any) -> None:
    async def scenario(simulation: Simulation) -> None:
        first, second = anyio.Lock(), anyio.Lock()

        async def takes(one: anyio.Lock, other: anyio.Lock) -> None:
            async with one:
                await anyio.lowlevel.checkpoint()
                async with other:
                    pass

        await simulation.together(functools.partial(takes, first, second), functools.partial(takes, second, first))

    with pytest.raises(SimulationStuck) as caught:
        simulate(scenario, seeds=100, backends=[backend])
    lines = str(caught.value).splitlines()
    assert lines[0] == "deadlock: no task can go on and no timer runs"
    assert lines[1].startswith("- task 'scenario' waits in ")
    assert sum("waits in Lock." in line for line in lines) == 2
    assert sum(line.endswith("takes: async with other:") for line in lines) == 2
    assert caught.value.__notes__[0].startswith("simulation: seed ")


@backends
def test_an_application_that_ignores_cancellation_is_ended_all_the_same(backend: Any) -> None:
    async def scenario(simulation: Simulation) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.Event().wait()

    with pytest.raises(SimulationStuck, match="deadlock"):
        Simulation(0, backend).run(scenario)


@backends
def test_an_endless_wait_is_an_error(backend: Any) -> None:
    async def scenario(simulation: Simulation) -> None:
        while True:
            await anyio.sleep(1)

    with pytest.raises(SimulationStuck, match=r"6\d virtual seconds have passed .*longest"):
        Simulation(0, backend, longest=60).run(scenario)


@backends
def test_a_loop_without_rest_is_an_error(backend: Any) -> None:
    async def scenario(simulation: Simulation) -> None:
        while True:
            await anyio.lowlevel.checkpoint()

    with pytest.raises(SimulationStuck, match=r"steps were taken .*most_steps"):
        Simulation(0, backend, most_steps=1000).run(scenario)


@backends
def test_what_a_scenario_raises_arrives_as_itself(backend: Any) -> None:
    error = LookupError("own")

    async def fails() -> None:
        await anyio.lowlevel.checkpoint()
        raise error

    async def scenario(simulation: Simulation) -> None:
        await simulation.together(fails, anyio.sleep_forever)

    with pytest.raises(LookupError) as caught:
        simulate(scenario, seeds=[7], backends=[backend])
    assert caught.value is error
    assert caught.value.__notes__ == [
        (
            f"simulation: seed 7 on {backend}; to replay it: simulate(..., seeds=[7], backends=[{backend!r}]), "
            f"or {SEED_VARIABLE}=7 in the environment"
        )
    ]


def test_a_seed_in_the_environment_is_the_one_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[int, str]] = []

    async def scenario(simulation: Simulation) -> None:
        ran.append((simulation.seed, simulation.backend))

    monkeypatch.setenv(SEED_VARIABLE, "41")
    simulate(scenario, seeds=1000)
    assert ran == [(41, "asyncio"), (41, "trio")]


@backends
def test_what_is_left_behind_can_be_seen(backend: Any) -> None:
    async def left_behind() -> None:
        await anyio.sleep(1)

    async def scenario(simulation: Simulation) -> None:
        assert simulation.waiting() == []
        async with anyio.create_task_group() as group:
            group.start_soon(left_behind, name="straggler")
            await anyio.sleep(0.5)
            (line,) = simulation.waiting()
            assert line.startswith("- task 'straggler' waits in sleep")
            assert line.splitlines()[1].endswith(": await anyio.sleep(1)")

    Simulation(0, backend).run(scenario)


def test_a_simulation_runs_once_and_on_a_backend_that_there_is() -> None:
    async def scenario(simulation: Simulation) -> None:
        await anyio.sleep(1)

    simulation = Simulation(0)
    simulation.run(scenario)
    with pytest.raises(RuntimeError, match="has run already"):
        simulation.run(scenario)
    with pytest.raises(ValueError, match="backend='curio'"):
        Simulation(0, "curio")  # type: ignore[arg-type]


def test_there_is_no_network() -> None:
    async def scenario(simulation: Simulation) -> None:
        await asyncio.open_connection("127.0.0.1", 9)

    with pytest.raises(RuntimeError, match="a simulation has no network"):
        Simulation(0).run(scenario)


@backends
def test_the_collector_of_cycles_rests_during_a_run(backend: Any) -> None:
    async def scenario(simulation: Simulation) -> bool:
        return gc.isenabled()

    assert not Simulation(0, backend).run(scenario)
    assert gc.isenabled()


@backends
def test_steps_after_the_outcome_do_not_count(backend: Any) -> None:
    async def scenario(simulation: Simulation) -> int:
        await anyio.lowlevel.checkpoint()
        return simulation.steps

    simulation = Simulation(0, backend)
    assert simulation.run(scenario) == simulation.steps


@backends
def test_a_simulation_leaves_nothing_behind(backend: Any) -> None:
    async def scenario(simulation: Simulation) -> None:
        await anyio.to_thread.run_sync(lambda: None)

    threads = threading.active_count()
    simulation = Simulation(0, backend)
    simulation.run(scenario)
    assert threading.active_count() <= threads + 1  # the last thread may be on its way out
    gone = weakref.ref(simulation)
    del simulation
    gc.collect()
    assert gone() is None


# --- clients ---------------------------------------------------------------------------------------------------------


@backends
def test_clients_share_a_lifespan_and_have_cookies_of_their_own(backend: Any) -> None:
    events: list[str] = []

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> Any:
        events.append("started")
        yield {"greeting": "Hello"}
        events.append("stopped")

    async def greet(request: Any) -> PlainTextResponse:
        response = PlainTextResponse(f"{request.state.greeting} {request.cookies.get('name')}")
        response.set_cookie("name", request.query_params["name"])
        return response

    app = Asterion(routes=[Route("/", greet)], lifespan=lifespan)

    async def scenario(simulation: Simulation) -> None:
        events.clear()
        async with simulation.clients(app, 3) as clients:
            for expected in ("Hello None", "Hello {}"):
                answers = await simulation.together(
                    *(functools.partial(client.get, f"/?name={number}") for number, client in enumerate(clients))
                )
                assert [answer.text for answer in answers] == [expected.format(number) for number in range(3)]
        assert events == ["started", "stopped"]

    simulate(scenario, seeds=10, backends=[backend])


def test_a_task_that_is_told_twice_to_end_ends_once() -> None:
    """Two steps of one task are queued: asyncio takes calls of a task's methods for steps of it."""
    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    async def scenario(simulation: Simulation) -> None:
        task = asyncio.create_task(waits())
        await asyncio.sleep(0.1)
        for _ in range(2):
            asyncio.get_running_loop().call_soon(task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    Simulation(0, "asyncio").run(scenario)
    assert ended == ["ended"]


def test_a_call_from_anywhere_wakes_a_loop_whose_time_is_virtual() -> None:
    async def scenario(simulation: Simulation) -> float:
        called = asyncio.Event()
        asyncio.get_running_loop().call_soon_threadsafe(called.set)
        await called.wait()
        await asyncio.sleep(3)
        return asyncio.get_running_loop().time()

    assert Simulation(0, "asyncio").run(scenario) == 3


def test_where_no_cycles_are_collected_none_are_afterwards() -> None:
    async def scenario(simulation: Simulation) -> bool:
        return gc.isenabled()

    gc.disable()
    try:
        assert Simulation(0, "asyncio").run(scenario) is False
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_threads_of_trio_outside_of_a_simulation_are_what_they_were() -> None:
    async def scenario(simulation: Simulation) -> None:
        await trio.to_thread.run_sync(threading.get_ident)

    Simulation(0, "trio").run(scenario)
    assert trio.run(trio.to_thread.run_sync, threading.get_ident) != threading.get_ident()


@backends
def test_threads_are_simulated_without_the_library_that_names_libraries(
    backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(simulation: Simulation) -> int:
        return await anyio.to_thread.run_sync(functools.partial(anyio.from_thread.run_sync, threading.get_ident))

    monkeypatch.delitem(sys.modules, "sniffio", raising=False)
    assert Simulation(0, backend).run(scenario) == threading.get_ident()


@backends
@pytest.mark.parametrize("wait", [anyio.sleep_forever, anyio.lowlevel.checkpoint], ids=["waits", "never rests"])
@pytest.mark.parametrize("raises", [False, True])
def test_an_application_that_takes_no_end_for_an_answer_fails_in_the_end(backend: Any, wait: Any, raises: bool) -> None:
    refused = 0

    async def scenario(simulation: Simulation) -> None:
        nonlocal refused
        while refused < 20:
            try:
                await wait()
            except BaseException:
                refused += 1
        if raises:
            raise LookupError

    with pytest.raises(SimulationStuck) as caught:
        Simulation(0, backend, most_steps=100).run(scenario)
    assert isinstance(caught.value.__cause__, LookupError) is raises
    assert refused == 20


@backends
def test_an_application_that_waits_under_a_shield_again_and_again_is_ended_by_force(backend: Any) -> None:
    forced: list[type[BaseException]] = []

    async def scenario(simulation: Simulation) -> None:
        while len(forced) < 5:
            try:
                with anyio.CancelScope(shield=True):
                    await anyio.Event().wait()
            except BaseException as error:
                forced.append(type(error))

    with pytest.raises(SimulationStuck, match="deadlock"):
        Simulation(0, backend).run(scenario)
    # asyncio ends its loop, which cancels what is left; in trio the error is thrown to where the task waits.
    assert forced == ([asyncio.CancelledError] if backend == "asyncio" else [SimulationStuck] * 5)


@backends
def test_an_application_that_never_rests_under_a_shield_fails_when_it_has_ended(
    backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_watch, "_MORE_STEPS", 100)

    async def scenario(simulation: Simulation) -> None:
        with anyio.CancelScope(shield=True):
            for _ in range(1000):
                with contextlib.suppress(SimulationStuck):
                    await anyio.lowlevel.checkpoint()

    with pytest.raises(SimulationStuck, match="steps were taken"):
        Simulation(0, backend, most_steps=100).run(scenario)
