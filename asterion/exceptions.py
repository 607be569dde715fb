"""The exceptions and warnings an application raises on purpose.

Laws of this module:

- An exception here is plain data: it can be copied, pickled and sent to another process, subclasses with a constructor
  of their own included.
- `args` holds the same values whether the caller wrote them by position or by name.
"""

from __future__ import annotations

import http
from collections.abc import Mapping
from typing import Any

__all__ = ("AsterionDeprecationWarning", "HTTPException", "StarletteDeprecationWarning", "WebSocketException")


def _restore(cls: type[BaseException], args: tuple[Any, ...], fields: dict[str, Any]) -> BaseException:
    """Make an exception again from its parts, without calling the constructor of the class.

    A subclass is free to have another signature than its base (`class Gone(HTTPException): def __init__(self)`), so
    calling `cls(*args)`, which is what Python does by default, would fail for it.
    """
    exc = cls.__new__(cls)
    exc.args = args
    exc.__dict__.update(fields)
    return exc


class HTTPException(Exception):
    """Ends the request with an error response of the given status.

    `detail` defaults to the phrase of the status ("Not Found" for 404; empty for a number HTTP has no phrase for).
    `headers` is kept as given and is added to the response.

    >>> str(HTTPException(404))
    '404: Not Found'
    """

    def __init__(self, status_code: int, detail: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        if detail is None:
            detail = _phrase(status_code)
        super().__init__(status_code, detail)
        self.status_code = status_code
        self.detail = detail
        self.headers = headers

    def __str__(self) -> str:
        return f"{self.status_code}: {self.detail}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}(status_code={self.status_code!r}, detail={self.detail!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, dict(self.__dict__))


class WebSocketException(Exception):
    """Closes the WebSocket with the given close code (RFC 6455 section 7.4) and reason (empty by default)."""

    def __init__(self, code: int, reason: str | None = None) -> None:
        reason = reason or ""
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}(code={self.code!r}, reason={self.reason!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, dict(self.__dict__))


class AsterionDeprecationWarning(UserWarning):
    """Something still works and should be written differently.

    A `UserWarning`, because Python hides `DeprecationWarning` outside of `__main__` and nobody would see it.
    """


class StarletteDeprecationWarning(AsterionDeprecationWarning):
    """The same for names and forms that Starlette itself has deprecated."""


def _phrase(status_code: int) -> str:
    try:
        return http.HTTPStatus(status_code).phrase
    except ValueError:
        return ""
