"""Who sends a request, and what they may do.

An `AuthenticationBackend` finds out; `AuthenticationMiddleware` puts the result into `request.user` and `request.auth`;
`requires` guards an endpoint by it.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, ParamSpec
from urllib.parse import urlencode

from asterion._core.callables import describe_callable, is_async_callable
from asterion.concurrency import call
from asterion.exceptions import HTTPException
from asterion.requests import HTTPConnection, Request
from asterion.responses import RedirectResponse
from asterion.websockets import WebSocket

__all__ = (
    "AuthCredentials",
    "AuthenticationBackend",
    "AuthenticationError",
    "BaseUser",
    "SimpleUser",
    "UnauthenticatedUser",
    "has_required_scope",
    "requires",
)

_P = ParamSpec("_P")


class AuthenticationError(Exception):
    """The credentials of a request are there and are wrong. `AuthenticationMiddleware` answers with its `on_error`."""


class AuthCredentials:
    """The scopes (permissions) a request has."""

    def __init__(self, scopes: Sequence[str] | None = None) -> None:
        self.scopes = list(scopes or ())


class BaseUser:
    """What a user object offers. Subclasses define all three properties."""

    @property
    def is_authenticated(self) -> bool:
        """Whether this is a known user."""
        self._missing("is_authenticated")

    @property
    def display_name(self) -> str:
        """The name to show."""
        self._missing("display_name")

    @property
    def identity(self) -> str:
        """What tells this user from all others."""
        self._missing("identity")

    def _missing(self, name: str) -> NoReturn:
        raise NotImplementedError(f"{type(self).__name__} does not define the property {name!r} of a user")


class SimpleUser(BaseUser):
    """A known user who is nothing but a name."""

    def __init__(self, username: str) -> None:
        self.username = username

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def display_name(self) -> str:
        return self.username

    @property
    def identity(self) -> str:
        return self.username


class UnauthenticatedUser(BaseUser):
    """Nobody in particular: the user of a request without credentials."""

    @property
    def is_authenticated(self) -> bool:
        return False

    @property
    def display_name(self) -> str:
        return ""

    @property
    def identity(self) -> str:
        return ""


class AuthenticationBackend:
    """Finds out who sends a request."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        """The scopes and the user of `conn`, or None when it carries no credentials.

        Raises `AuthenticationError` for credentials that are wrong.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define authenticate(conn)")


def has_required_scope(conn: HTTPConnection, scopes: Sequence[str]) -> bool:
    """Whether `conn` has all of `scopes`."""
    granted = conn.auth.scopes
    return all(scope in granted for scope in scopes)


def requires(
    scopes: str | Sequence[str], status_code: int = 403, redirect: str | None = None
) -> Callable[[Callable[_P, Any]], Callable[_P, Any]]:
    """Guard an endpoint: only requests that have all of `scopes` reach it.

    Others get `HTTPException(status_code)` or, with `redirect` (the name of a route), a redirect to that route with
    the address that was asked for in the query parameter `next`. A WebSocket is closed, which refuses its handshake.

    The endpoint may be sync or async and any callable, and must have a parameter `request` or `websocket`, wherever it
    stands. Raises `TypeError` at once when it has neither.
    """
    needed = [scopes] if isinstance(scopes, str) else list(scopes)
    refuse = functools.partial(_refuse, status_code=status_code, redirect=redirect)

    def decorate(func: Callable[_P, Any]) -> Callable[_P, Any]:
        finder = _ConnectionFinder(func)

        @functools.wraps(func)
        async def guarded_websocket(*args: _P.args, **kwargs: _P.kwargs) -> Any:
            websocket: WebSocket = finder.find(args, kwargs)
            if not has_required_scope(websocket, needed):
                return await websocket.close()
            return await call(func, *args, **kwargs)

        @functools.wraps(func)
        async def guarded_async(*args: _P.args, **kwargs: _P.kwargs) -> Any:
            request: Request = finder.find(args, kwargs)
            return await func(*args, **kwargs) if has_required_scope(request, needed) else refuse(request)

        @functools.wraps(func)
        def guarded(*args: _P.args, **kwargs: _P.kwargs) -> Any:
            request: Request = finder.find(args, kwargs)
            return func(*args, **kwargs) if has_required_scope(request, needed) else refuse(request)

        if finder.name == "websocket":
            return guarded_websocket
        return guarded_async if is_async_callable(func) else guarded

    return decorate


def _refuse(request: Request, *, status_code: int, redirect: str | None) -> RedirectResponse:
    """The answer to a request without the scopes: a redirect, or `HTTPException`."""
    if redirect is None:
        raise HTTPException(status_code)
    query = urlencode({"next": str(request.url)})
    return RedirectResponse(f"{request.url_for(redirect)}?{query}", status_code=303)


class _ConnectionFinder:
    """Finds the request or the WebSocket among the arguments of `func`."""

    __slots__ = ("_func", "_index", "_type", "name")

    def __init__(self, func: Callable[..., Any]) -> None:
        names = list(inspect.signature(func).parameters)
        found = [name for name in names if name in ("request", "websocket")]
        if not found:
            raise TypeError(
                f"requires() cannot guard {describe_callable(func)}({', '.join(names)}): it needs a parameter named "
                "'request' or 'websocket'"
            )
        self.name = found[0]
        self._index = names.index(self.name)
        self._type: type[HTTPConnection] = WebSocket if self.name == "websocket" else Request
        self._func = func

    def find(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The connection of this call. Raises `TypeError` when it is not there or something else."""
        value = kwargs.get(self.name, args[self._index] if self._index < len(args) else None)
        if not isinstance(value, self._type):
            raise TypeError(
                f"{describe_callable(self._func)} is guarded by requires() and must be called with a "
                f"{self._type.__name__} as {self.name!r}, not {value!r}"
            )
        return value
