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
)


def policies_of(scope: Scope) -> Policies:
    """The policies of the application that serves `scope`; Asterion's own where no application is named in it."""
    app: Any = scope.get("app")
    return getattr(app, "policies", ASTERION)
