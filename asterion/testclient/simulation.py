"""Whole applications under a scheduler and a clock that a seed decides: races are found, and replayed exactly.

Laws: all that happens in a simulation follows from its seed. Which of the tasks that are ready goes on is drawn;
nothing waits for real time, but virtual time jumps to the next timer when nothing can go on; threads run one at a
time, while the loop stands still. When no task can go on and no timer runs, that is an error at once, not a hang.

Outside of it, and so left to the scenario: `time.time()`, the module `random`, the network, and the order of sets of
strings in different processes (`PYTHONHASHSEED`).
"""

import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from random import Random
from typing import Any, Literal, TypeVar

import anyio

from asterion.concurrency import running_task
from asterion.testclient import _simulatedasyncio, _simulatedthreads
from asterion.testclient._watch import SimulationStuck, Watch
from asterion.testclient.asyncclient import AsyncTestClient
from asterion.types import ASGIApp

__all__ = ("SEED_VARIABLE", "Simulation", "SimulationStuck", "simulate")

T = TypeVar("T")
Backend = Literal["asyncio", "trio"]

SEED_VARIABLE = "ASTERION_SIMULATION_SEED"
"""Environment variable: the one seed that `simulate` runs, instead of those it was given."""


MOMENTS = 1024
"""Moments in a virtual second at which `pause` may end: a power of two, so that equal times are equal as floats."""


class Simulation:
    """One run of a scenario, of which `seed` decides every step. A `Simulation` runs once.

    `longest` is the virtual time, in seconds, and `most_steps` the number of steps of tasks, after which the scenario
    has to have ended. `thread_seconds` is the real time, in seconds, that a worker thread may take.

    `random` is for the scenario's own choices: how long a client thinks, when it goes away. It follows from the seed.
    """

    def __init__(
        self,
        seed: int,
        backend: Backend = "asyncio",
        *,
        longest: float = 3600.0,
        most_steps: int = 1_000_000,
        thread_seconds: float = 10.0,
    ) -> None:
        if backend not in ("asyncio", "trio"):
            raise ValueError(f"backend={backend!r}: a simulation runs on 'asyncio' or on 'trio'")
        self.seed = seed
        self.backend = backend
        self.random = _stream("scenario", seed)
        self._chance = _stream("scheduler", seed)
        self._watch = Watch(longest, most_steps)
        stuck = partial(self._watch.stuck, in_a_task=True)
        self._desk = _simulatedthreads.Desk(backend, _stream("threads", seed), thread_seconds, stuck)
        self._waiting: Callable[[object], list[str]] = lambda but: []

    @property
    def steps(self) -> int:
        """How many steps tasks have taken, up to the outcome of the scenario."""
        ended_after = self._watch.ended_after
        return self._watch.steps if ended_after is None else ended_after

    # --- running -----------------------------------------------------------------------------------------------------

    def run(self, scenario: Callable[["Simulation"], Awaitable[T]]) -> T:
        """Run `scenario` with this simulation on an event loop of its own, and return what it returns.

        Raises what it raises, and SimulationStuck when the application cannot go on or does not end.
        """
        if self._watch.steps:
            raise RuntimeError(f"the simulation of seed {self.seed} has run already: make a new one with its seed")
        with ExitStack() as stack:
            stack.enter_context(_no_collections())
            stack.enter_context(_simulatedthreads.at(self._desk))
            options = self._asyncio() if self.backend == "asyncio" else self._trio(stack)
            try:
                return anyio.run(self._main, scenario, backend=self.backend, backend_options=options)
            except BaseException as error:
                if self._watch.error is None or error is self._watch.error:
                    raise
                raise self._watch.error from error

    async def _main(self, scenario: Callable[["Simulation"], Awaitable[T]]) -> T:
        task = running_task()
        if self.backend == "asyncio":
            task.set_name("scenario")
        else:
            task.name = "scenario"
        with anyio.CancelScope() as scope:
            self._watch.cancel = scope.cancel
            try:
                result = await scenario(self)
            finally:
                self._watch.ended()
        if self._watch.error is not None:
            raise self._watch.error
        return result

    def _asyncio(self) -> dict[str, Any]:
        def make() -> _simulatedasyncio.SimulatedLoop:
            loop = _simulatedasyncio.SimulatedLoop(self._chance, self._watch, self._desk)
            self._observe(loop.waiting, _raise)
            return loop

        return {"loop_factory": make}

    def _trio(self, stack: ExitStack) -> dict[str, Any]:
        import trio.testing

        from asterion.testclient import _simulatedtrio

        stack.enter_context(_simulatedtrio.seeded(self._chance))
        self._observe(_simulatedtrio.waiting, _simulatedtrio.force)
        clock = trio.testing.MockClock(autojump_threshold=0)
        return {"clock": clock, "instruments": [_simulatedtrio.Instrument(self._watch)]}

    def _observe(self, waiting: Callable[[object], list[str]], force: Callable[[SimulationStuck], Any]) -> None:
        self._waiting = waiting
        self._watch.waiting = partial(waiting, None)
        self._watch.force = force

    # --- for scenarios -----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def clients(self, app: ASGIApp, count: int = 1, **options: Any) -> AsyncIterator[list[AsyncTestClient]]:
        """`count` clients of `app`, each with its own cookies, around one lifespan. `options` are AsyncTestClient's."""
        async with AsyncTestClient(app, **options) as first:
            others = [AsyncTestClient(app, **options) for _ in range(count - 1)]
            for other in others:
                other.app_state.update(first.app_state)
            yield [first, *others]

    async def together(self, *calls: Callable[[], Awaitable[T]]) -> list[T]:
        """What `calls` give, in their order, when all of them run at once. Raises the first error as itself."""
        results: dict[int, T] = {}
        errors: list[BaseException] = []

        async with anyio.create_task_group() as group:

            async def run(number: int, call: Callable[[], Awaitable[T]]) -> None:
                try:
                    results[number] = await call()
                except Exception as error:  # noqa: BLE001 - raised again below, without a group around it
                    errors.append(error)
                    group.cancel_scope.cancel()

            for number, call in enumerate(calls):
                group.start_soon(run, number, call, name=f"call {number}")
        if errors:
            raise errors[0]
        return [results[number] for number in range(len(calls))]

    async def pause(self, longest: float = 1.0) -> None:
        """Wait for a virtual time that the seed decides: none, a quarter, a half, three quarters or all of `longest`.

        Few moments, and the same ones for everybody: what meets at one moment is what races.
        """
        now = anyio.current_time()
        until = round((now + longest * self.random.randrange(5) / 4) * MOMENTS) / MOMENTS
        await anyio.sleep(max(until - now, 0))

    def waiting(self) -> list[str]:
        """What each task but the caller's waits for: what a scenario has left behind, if it asks at its end."""
        return self._waiting(running_task())


@contextmanager
def _no_collections() -> Iterator[None]:
    """The collector of cycles comes when the whole process has made enough of them, and ends async generators then."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _stream(purpose: str, seed: int) -> Random:
    """Choices of their own for each purpose: one more of the scenario's changes none of the scheduler's."""
    return Random(f"{purpose} {seed}")  # noqa: S311 - meant to be foretold


def _raise(error: SimulationStuck) -> None:
    raise error


def simulate(
    scenario: Callable[[Simulation], Awaitable[Any]],
    *,
    seeds: int | Iterable[int] = 100,
    backends: Sequence[Backend] = ("asyncio", "trio"),
    **options: Any,
) -> None:
    """Run `scenario` under each of `seeds` (a number: that many, from 0) on each of `backends`.

    `options` are those of `Simulation`. Raises the first error, with a note that says which seed replays it; setting
    the environment variable ASTERION_SIMULATION_SEED to that seed does so, too.
    """
    chosen = os.environ.get(SEED_VARIABLE)
    if chosen:
        seeds = [int(chosen)]
    for backend in backends:
        for seed in range(seeds) if isinstance(seeds, int) else seeds:
            try:
                Simulation(seed, backend, **options).run(scenario)
            except BaseException as error:
                error.add_note(
                    f"simulation: seed {seed} on {backend}; to replay it: simulate(..., seeds=[{seed}], "
                    f"backends=[{backend!r}]), or {SEED_VARIABLE}={seed} in the environment"
                )
                raise
