"""`Middleware`: a middleware class with the arguments it will be built with.

It lives on floor 0 because routes, routers and applications take sequences of it; `asterion.middleware` re-exports it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ParamSpec

from asterion.types import ASGIApp

P = ParamSpec("P")


class Middleware:
    """A callable that makes a middleware (usually its class), with positional and keyword arguments.

    The callable is given the inner app first: `cls(app, *args, **kwargs)`.
    """

    def __init__(self, cls: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self.cls = cls
        self.args = args
        self.kwargs = kwargs

    def __iter__(self) -> Iterator[Any]:
        """Unpacks as `cls, args, kwargs`."""
        yield from (self.cls, self.args, self.kwargs)

    def __repr__(self) -> str:
        name = getattr(self.cls, "__name__", repr(self.cls))
        given = [repr(value) for value in self.args]
        given += [f"{key}={value!r}" for key, value in self.kwargs.items()]
        return f"{type(self).__name__}({', '.join([name, *given])})"


def wrap_app(app: ASGIApp, middleware: Sequence[Any]) -> ASGIApp:
    """`app` inside `middleware`, the first of which becomes the outermost layer."""
    for cls, args, kwargs in reversed(list(middleware)):
        app = cls(app, *args, **kwargs)
    return app
