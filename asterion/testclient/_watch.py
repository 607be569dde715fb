"""The end of a simulation that would not end by itself: a deadlock, an endless wait, a loop without rest."""

from collections.abc import Callable
from typing import Any

STUBBORN = 3
"""How often a simulation that is cancelled may get stuck again before it is ended by force."""

_MORE_STEPS = 100_000


class SimulationStuck(AssertionError):
    """The simulated application cannot go on, or does not end. The text says what each task waits for."""


class Watch:
    """Looks after one run. `waiting` describes the tasks, `cancel` ends the scenario, `force` ends what is left.

    `longest` is in virtual seconds, `most` in steps of tasks.
    """

    def __init__(self, longest: float, most: int) -> None:
        self.steps = 0
        self.ended_after: int | None = None
        self.error: SimulationStuck | None = None
        self.waiting: Callable[[], list[str]] = list
        self.cancel: Callable[[], Any] = lambda: None
        self.force: Callable[[SimulationStuck], Any] = lambda error: None
        self._longest = longest
        self._most = most
        self._after = 0

    def stepped(self) -> None:
        """A task is about to take a step."""
        self.steps += 1

    def ended(self) -> None:
        """The scenario's outcome is there; what follows is the end of the event loop."""
        if self.ended_after is None:
            self.ended_after = self.steps

    def looked(self) -> None:
        """The loop is between two rounds of steps."""
        if self.steps > self._most:
            self._most = self.steps + _MORE_STEPS
            self.stuck(f"{self.steps} steps were taken and the scenario has not ended (most_steps=...)")

    def rested(self, now: float, *, dead: bool) -> None:
        """Nothing was ready; it is `now`. `dead`: no timer runs."""
        if dead:
            self.stuck("deadlock: no task can go on and no timer runs")
        elif now > self._longest:
            self._longest = 2 * now
            self.stuck(f"{now:g} virtual seconds have passed and the scenario has not ended (longest=...)")

    def stuck(self, reason: str, *, in_a_task: bool = False) -> SimulationStuck:
        """End the scenario with an error, which is also returned. By force, when it should have ended before.

        `in_a_task`: the task that found it raises the error, so no force is needed.
        """
        self.ended()
        if self.error is None:
            waiting = "\n".join(self.waiting())
            self.error = SimulationStuck(f"{reason}\n{waiting}" if waiting else reason)
        self._after += 1
        if self._after <= STUBBORN:
            self.cancel()
        if self._after > 1 and not in_a_task:
            self.force(self.error)
        return self.error
