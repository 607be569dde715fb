"""Which exception handler answers an exception."""

from collections.abc import Mapping
from typing import Any

from asterion._core.scopekeys import ANSWERED
from asterion.exceptions import HTTPException
from asterion.types import ExceptionHandler, Scope

ByClass = Mapping[Any, ExceptionHandler]
ByStatus = Mapping[int, ExceptionHandler]


def split_handlers(
    handlers: Mapping[Any, ExceptionHandler],
) -> tuple[dict[Any, ExceptionHandler], dict[int, ExceptionHandler]]:
    """`handlers` as those by exception class and those by status code. Raises TypeError for any other key."""
    by_class: dict[Any, ExceptionHandler] = {}
    by_status: dict[int, ExceptionHandler] = {}
    for key, handler in handlers.items():
        if isinstance(key, int):
            by_status[key] = handler
        elif isinstance(key, type) and issubclass(key, BaseException):
            by_class[key] = handler
        else:
            raise TypeError(f"an exception handler is for an exception class or a status code, got {key!r}")
    return by_class, by_status


def find_handler(
    error: BaseException, by_class: ByClass, by_status: ByStatus
) -> tuple[BaseException, ExceptionHandler] | None:
    """The exception to answer and its handler, or None.

    A status code wins over a class, a nearer base class over a farther one. An exception group that has no handler of
    its own is looked into: if every exception in it has a handler, the first is answered (issues 2811, 2830).
    """
    if isinstance(error, HTTPException) and error.status_code in by_status:
        return error, by_status[error.status_code]
    for cls in type(error).__mro__:
        handler = by_class.get(cls)
        if handler is not None:
            return error, handler
    if isinstance(error, BaseExceptionGroup):
        found = [find_handler(inner, by_class, by_status) for inner in error.exceptions]
        if all(one is not None for one in found):
            return found[0]
    return None


def mark_answered(scope: Scope, error: BaseException) -> None:
    """Note that `error` has been answered, for the boundaries that it passes on its way out.

    The scope does not refer to it: its traceback leads to the frames of the request, and those to the scope.
    """
    scope[ANSWERED] = error.__dict__[ANSWERED] = object()


def was_answered(scope: Scope, error: BaseException) -> bool:
    """Whether `error` has been answered in this request."""
    mark = scope.get(ANSWERED)
    return mark is not None and error.__dict__.get(ANSWERED) is mark
