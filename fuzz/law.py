"""How a target says that a law is broken, and how it runs a coroutine that has nothing to wait for."""

import math
from collections.abc import Coroutine
from typing import Any, TypeVar

from asterion.concurrency import _turns

T = TypeVar("T")


def holds(true: object, *seen: object) -> None:
    """Raise AssertionError, showing what was seen, unless `true`. Not `assert`, which `python -O` leaves out."""
    if not true:
        raise AssertionError(", ".join(map(repr, seen)))


def finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that never waits. Raises what it raises.

    It gives no turns to others either, however long a busy machine makes it take: there is no event loop here.
    """
    seconds, _turns.SECONDS_PER_TURN = _turns.SECONDS_PER_TURN, math.inf
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        _turns.SECONDS_PER_TURN = seconds
    coroutine.close()
    raise AssertionError("the coroutine waits for something")
