"""Paths that are too long to be routed: 414, which says that the client's URL is at fault (RFC 9110 15.5.15).

A 404 would say that there is nothing now, and invite to ask again. Servers do not all limit the head of a request, and
a path is looked at several times on its way: by middleware, by each table of routes, by what writes it into a log.
"""

from asterion._core.policies import policies_of
from asterion.exceptions import HTTPException
from asterion.responses import PlainTextResponse
from asterion.types import Receive, Scope, Send
from asterion.websockets import refuse_connection

NEVER_TOO_LONG = 1024
"""Characters up to which no policy is asked."""


def longest_path(scope: Scope) -> float:
    """The number of characters that a path may have, by the policy of the application that serves `scope`."""
    limit = policies_of(scope).path_length
    return float("inf") if limit is None else max(limit, NEVER_TOO_LONG)


async def refuse_long_path(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer that the path is too long: 414, or a refused handshake."""
    detail = f"The path of the URL is too long: at most {longest_path(scope)} characters (path_length)."
    if scope["type"] == "http" and "app" in scope:
        raise HTTPException(414, detail)
    await refuse_connection(scope, receive, send, PlainTextResponse(detail, 414))
