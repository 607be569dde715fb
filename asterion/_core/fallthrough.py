"""How a mounted application says that it has nothing here, so that a later route may answer."""

from collections.abc import Mapping

from asterion.exceptions import HTTPException
from asterion.types import ASGIApp


class FallThrough(HTTPException):
    """Raised by an application, before it has sent or received anything, to pass a request on to later routes.

    A router goes on with the routes behind the one it was in. If none of them takes the request either, `answer` does,
    an ASGI application; without one, it is as if no route had matched. Where nobody goes on, it is an `HTTPException`
    like any other: the answer is the error of this status.
    """

    def __init__(
        self,
        status_code: int = 404,
        detail: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        answer: ASGIApp | None = None,
    ) -> None:
        super().__init__(status_code, detail, headers)
        self.answer = answer
