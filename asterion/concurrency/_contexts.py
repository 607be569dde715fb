"""Context variables, put back for work that goes on after somebody has reset them."""

from collections.abc import Sequence
from contextvars import Context, ContextVar, Token, copy_context
from typing import Any

Reinstated = Sequence[tuple[ContextVar[Any], Token[Any]]]

_MISSING: Any = object()


def reinstate(before: Context) -> Reinstated:
    """Give every variable the value it had in `before`, where it has another one now.

    The values are those of the context that runs. Returns what `put_back`, called in the same context, undoes.
    """
    if not before:
        return ()
    now = copy_context()
    return [(var, var.set(value)) for var, value in before.items() if now.get(var, _MISSING) is not value]


def put_back(reinstated: Reinstated) -> None:
    """Leave the variables as they were before `reinstate`: with their values, or without one."""
    for var, token in reversed(reinstated):
        var.reset(token)
