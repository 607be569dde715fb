"""Answers to the HTTPExceptions of user middleware, given where they were raised.

The layers outside then see a response: CORS headers are on a refusal as they are on everything else.
"""

from typing import Any

from asterion._core.scopekeys import ANSWERS
from asterion._core.wire import watched
from asterion.exceptions import HTTPException
from asterion.requests import Request
from asterion.types import ASGIApp, Receive, Scope, Send


async def answer_http_exception(error: HTTPException, scope: Scope, receive: Receive, send: Send) -> bool:
    """Send the response that the application's handlers give for `error`; False where they are not to be asked."""
    response = await response_to_http_exception(error, scope, receive, send)
    if response is None:
        return False
    await response(scope, receive, send)
    return True


async def response_to_http_exception(error: HTTPException, scope: Scope, receive: Receive, send: Send) -> Any:
    """The response that the application's handlers give for `error`; None where they are not to be asked."""
    answers = scope.get(ANSWERS)
    return None if answers is None else await answers(Request(scope, receive, send), error)


class AnsweringLayer:
    """Stands around an ASGI middleware of the user's, which may raise an HTTPException."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the middleware, and answer what it raises before its start."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        send, watch = watched(send)
        try:
            await self.app(scope, receive, send)
        except HTTPException as error:
            if watch.started or not await answer_http_exception(error, scope, receive, send):
                raise
