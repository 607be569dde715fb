"""Asking `receive` without waiting for it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any, cast

import anyio

from asterion.types import Message, Receive

TURNS = 8
"""Turns of the event loop that a `receive` may take to say what is there already. A wrapper around `receive` costs a
turn or two (issue 2094: with none, a disconnect behind a wrapper was never seen); a turn costs microseconds."""


async def glance(receive: Receive) -> Message | None:
    """What `receive` gives within a few turns of the event loop, or None; then it is cancelled.

    Turns and not a time: an idle client costs no wait, and the result does not depend on how fast the machine is.
    """
    run_soon = _run_soon()
    turns = TURNS

    def tick(again: Any) -> None:  # itself: a function that knew its name would be freed by the garbage collector only
        nonlocal turns
        turns -= 1
        if turns > 0:
            run_soon(again, again)
        elif turns == 0:
            scope.cancel()

    with anyio.CancelScope() as scope:
        run_soon(tick, tick)
        try:
            return await receive()
        finally:
            turns = 0
    return None


def _run_soon() -> Callable[[Callable[[Any], None], Any], Any]:
    try:
        return asyncio.get_running_loop().call_soon
    except RuntimeError:
        token = sys.modules["trio"].lowlevel.current_trio_token()
        return cast(Callable[[Callable[[Any], None], Any], Any], token.run_sync_soon)
