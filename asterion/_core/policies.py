"""The choices that tell the two faces apart.

A *bug* of upstream is fixed for everybody; a *documented choice* of upstream that Asterion makes otherwise is one field
here, with its reason. `Asterion` carries `ASTERION`, `Starlette` carries `STARLETTE`. Nothing else in the toolkit asks
which face it serves: it asks the policy.
"""

from dataclasses import dataclass
from typing import Any

from asterion.types import Scope


@dataclass(frozen=True, slots=True, eq=False)
class Policies:
    """What an application has chosen where upstream chose otherwise."""

    background_isolated: bool = True
    """Run every background task even if an earlier one failed: what was asked for is done. Upstream stops there."""

    background_survives_cancel: bool = True
    """Background work runs in a task the application owns: cancelling the request leaves it. Upstream lets it die."""

    background_grace: float = 30.0
    """Seconds that shutdown waits for such work before it is cancelled."""

    errors_pass_middleware: bool = True
    """The answer to an unhandled error goes out through user middleware, which adds its CORS and other headers; and an
    HTTPException that user middleware raises is answered by its handler. Upstream answers the one outside of user
    middleware, and the other with a 500. (A function middleware sees the 500 response, not the exception.)"""

    mounted_lifespans: bool = True
    """The lifespan of a mounted application runs within the outer one. Upstream runs the outermost only."""

    automatic_options: bool = True
    """OPTIONS is answered with `Allow` where a path has routes but none for it. Upstream answers 405."""

    bare_mounts: bool = True
    """A mount of routes answers at its path without a slash. Upstream redirects to the path with one."""

    encoded_slashes: bool = True
    """Where no route takes a path as decoded, `%2F` stays within its segment: `/units/kg%2Fs` is `/units/{name}` with
    the name `kg/s`. Upstream answers 404."""

    websocket_same_origin: bool = True
    """A WebSocket handshake with cookies must come from our own origin, unless its route allows others: else any site
    could speak in a visitor's name. Upstream does not look."""

    leaving_is_no_error: bool = True
    """A WebSocketDisconnect that an endpoint lets out ends it quietly. Upstream raises it to the server, and people's
    tests wait for it."""

    announced_size_first: bool = True
    """A request that announces a larger body than RequestBodyLimitMiddleware allows is answered before anything inside
    is called. Upstream judges it when it is read or answered, so that a limit further in can allow more."""

    kept_body_size: int | None = 32 * 1024 * 1024
    """Bytes that `Request.body()` and `json()` keep in memory where no `max_body_size` was set; one more is a 413. None
    means any number, which is what upstream does; what comes to 64 KiB or less is never refused."""

    json_size: int | None = 1024 * 1024
    """Bytes that `Request.json()` reads where no `max_body_size` was set; one more is a 413. To read JSON holds the
    event loop, in a thread as well, and takes up to 40 times its size. None means any number, as upstream does."""

    json_depth: int | None = 200
    """Lists and objects within each other that `json()` and the WebSockets' `receive_json` take; one more is a 400, or
    a close with 1003. Code that walks through a value has room for some calls at each level then. None means what the
    interpreter can nest."""

    path_length: int | None = 8192
    """Characters of a decoded path that are routed; one more is a 414. Servers of the field take heads of about as
    much; RFC 9110 4.1 asks for 8,000. None means any number; paths of 1,024 or less are never refused."""

    websocket_message_size: int | None = 16 * 1024 * 1024
    """Bytes of a WebSocket message (of text, in UTF-8) that are received; one more closes the connection with 1009.
    None means what the server passes on: upstream sets no limit, and neither do we where a server's was raised."""


ASTERION = Policies()
STARLETTE = Policies(
    background_isolated=False,
    background_survives_cancel=False,
    errors_pass_middleware=False,
    mounted_lifespans=False,
    automatic_options=False,
    bare_mounts=False,
    encoded_slashes=False,
    websocket_same_origin=False,
    leaving_is_no_error=False,
    announced_size_first=False,
    kept_body_size=None,
    json_size=None,
    websocket_message_size=None,
)


def policies_of(scope: Scope) -> Policies:
    """The policies of the application that serves `scope`; Asterion's own where no application is named in it."""
    app: Any = scope.get("app")
    return getattr(app, "policies", ASTERION)
