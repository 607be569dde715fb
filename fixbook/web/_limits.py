"""How often somebody may try: failures are counted for a while, in the memory of this process."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

__all__ = ["Attempts"]


class Attempts:
    """Counts per key; more than `most` within `seconds`, and the key has to wait.

    The keys that were quiet for longest are forgotten beyond `keys`, so that nobody fills the memory.
    """

    def __init__(
        self,
        most: int = 5,
        seconds: float = 300.0,
        keys: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.most = most
        self.seconds = seconds
        self.keys = keys
        self._clock = clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, *keys: str) -> float:
        """How many seconds until all of `keys` may try again; 0: now."""
        now = self._clock()
        return max((self._wait(key, now) for key in keys), default=0.0)

    def note(self, *keys: str) -> None:
        """Count an attempt for each of `keys`."""
        now = self._clock()
        for key in keys:
            times = self._times.setdefault(key, deque(maxlen=self.most))
            times.append(now)
            self._times.move_to_end(key)
        while len(self._times) > self.keys:
            self._times.popitem(last=False)

    def forget(self, *keys: str) -> None:
        """Begin anew for `keys`."""
        for key in keys:
            self._times.pop(key, None)

    def _wait(self, key: str, now: float) -> float:
        times = self._times.get(key)
        if times is None or len(times) < self.most:
            return 0.0
        return max(0.0, times[0] + self.seconds - now)
