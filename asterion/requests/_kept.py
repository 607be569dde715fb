"""What became of the body of a request, for those who ask for it later over the same scope."""

from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any
from weakref import ref

from asterion.datastructures import FormData
from asterion.types import Receive

BODY = "asterion.body"
"""Scope key of what became of the body (`KeptBody`), for a second request over the same scope."""

_SAME: Any = object.__eq__
_Weak = tuple[Callable[[], Any], Any]
"""What gives an object or None, and the function of which it is the `self`, if it is that."""


def _origin(receive: Any) -> Any:
    """The `receive` that this one stands for: one that counts, say, names it in `counted`."""
    while type(receive) not in (MethodType, FunctionType) and hasattr(receive, "counted"):
        receive = receive.counted
    return receive


def _weakly(receive: Any) -> _Weak:
    receive = _origin(receive)
    if type(receive) is MethodType:
        owner, function = receive.__self__, receive.__func__
    else:
        owner, function = receive, None
    # Not where a class has __slots__, say, nor for the method of an object made by C: the next one taken from there is
    # equal, also when this one has gone.
    if type(owner).__weakrefoffset__ and (function is not None or type(owner).__eq__ is _SAME):
        return ref(owner), function
    return (lambda: owner), function


def _is(kept: _Weak, receive: Any) -> bool:
    owner, function = kept
    if function is None:
        return bool(owner() == receive)
    return type(receive) is MethodType and owner() is receive.__self__ and function is receive.__func__


class KeptBody:
    """What became of a body that was read to its end: where it came from, and what was kept of it.

    A request made later over the same scope and the same `receive` finds the bytes or the form here, instead of waiting
    for a body that will not come again (issue 495). Several callables may stand for the same body.

    They are referred to weakly: servers keep the scope in the object whose method `receive` is, and neither would be
    freed but by the garbage collector.
    """

    body: bytes | None = None
    form: FormData | None = None
    _owner: Callable[[], Any]
    _function: Any = None
    _others: tuple[_Weak, ...] = ()

    def __init__(self, receive: Receive) -> None:
        # PERF(benchmarks/json_echo.py): what `_weakly` does for the method of a server.
        if type(receive) is MethodType and type(owner := receive.__self__).__weakrefoffset__:
            self._owner = ref(owner)
            self._function = receive.__func__
        else:
            self._owner, self._function = _weakly(receive)

    def add(self, *receives: Receive) -> None:
        """Let these stand for this body as well."""
        self._others += tuple(map(_weakly, receives))

    def is_from(self, receive: Receive) -> bool:
        """Whether `receive` stands for this body."""
        receive = _origin(receive)
        return any(_is(kept, receive) for kept in ((self._owner, self._function), *self._others))
