"""Function middleware: `dispatch(request, call_next)`.

How it runs is told in `_exchange`: the inner application is awaited in its natural place, and `dispatch` is the coroutine
held in the hand.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from asterion.middleware._exchange import serve
from asterion.requests import Request
from asterion.responses import Response
from asterion.types import ASGIApp

RequestResponseEndpoint = Callable[[Request], Awaitable[Any]]
DispatchFunction = Callable[[Request, RequestResponseEndpoint], Awaitable[Any]]


class BaseHTTPMiddleware:
    """A middleware made of one function that gets the request and a way to call the inner application.

    Give `dispatch` to the constructor, or override the method. `await call_next(request)` runs the inner application up
    to the start of its response, and may be called again (a retry). Raises what the inner application raises, as
    itself. Requests other than HTTP pass untouched.
    """

    own_task = False
    """True runs every inner application in a task of its own, always. The exchange does so by itself where it must; set
    it where `dispatch` reads `body_iterator` from tasks or cancel scopes that it opens after `call_next`."""

    def __init__(self, app: ASGIApp, dispatch: DispatchFunction | None = None) -> None:
        self.app = app
        self.dispatch_func: DispatchFunction = self.dispatch if dispatch is None else dispatch

    # Runs `dispatch` around the inner application; an `async def`, for who asks which kind of application this is.
    __call__ = serve

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Answer `request`, usually with what `await call_next(request)` returns."""
        raise NotImplementedError(
            f"{type(self).__qualname__} has no dispatch: override `async def dispatch(self, request, call_next)` or pass "
            "a function as `dispatch=`"
        )
