"""Foreign pages do not speak for our visitors: a policy on the `Origin` of WebSockets and of unsafe HTTP requests.

A page of any site can open a WebSocket to any other, and the browser sends the cookies along; CORS does not apply to
it (cross-site WebSocket hijacking, CVE-2019-13611). The browser also says whose page it is, truthfully: that is judged
here, before the application sees the handshake. The rules are those of `asterion._core.origins`.
"""

import logging
from collections.abc import Iterable

from asterion._core.origins import SAFE_METHODS, OriginPolicy
from asterion._core.scopekeys import ORIGIN_JUDGED
from asterion.responses import PlainTextResponse
from asterion.types import ASGIApp, Receive, Scope, Send
from asterion.websockets import refuse_connection

__all__ = ("SAFE_METHODS", "OriginMiddleware")

logger = logging.getLogger("asterion.origin")

_REASON = "Origin not allowed"


class OriginMiddleware:
    """Refuse WebSocket handshakes that a page of another origin makes with our visitors' cookies.

    Without settings, a handshake with a `Cookie` or `Authorization` header must come from a page of this very origin
    (scheme, host and port) or from something that is no browser. `allowed_origins` are further origins, exact ones
    (`https://app.example`), never patterns. `require_origin` refuses what does not tell its origin, which every browser
    does. With either of them, or with `always`, handshakes without credentials are judged too. `check_http` judges
    HTTP requests with unsafe methods (POST, PUT, PATCH, DELETE and all that are not in `SAFE_METHODS`) by the same
    rules, against cross-site request forgery.

    A refused handshake gets a denial response with status 403 if the server offers that extension, else it is closed
    with code 1008; a refused request gets 403. Why is in the log `asterion.origin`, not in the answer. Raises
    ValueError for what is no exact origin, such as `*` or `null`.
    """

    def __init__(
        self,
        app: ASGIApp,
        allowed_origins: Iterable[str] = (),
        *,
        check_http: bool = False,
        always: bool | None = None,
        require_origin: bool = False,
    ) -> None:
        self.app = app
        self.policy = OriginPolicy(allowed_origins, always=always, require_origin=require_origin)
        self.check_http = check_http

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the connection on or refuse it."""
        why = self.policy.refusal(scope) if self._is_judged(scope) else None
        if why is None:
            scope[ORIGIN_JUDGED] = True  # routes without a word of their own need not look again
            await self.app(scope, receive, send)
            return
        logger.warning(
            "refused a %s request for %r: %s. If that page is yours, add its origin to allowed_origins; behind a proxy "
            "that ends TLS, let the server believe its headers (uvicorn --proxy-headers --forwarded-allow-ips)",
            scope["type"],
            scope["path"][:200],
            why,
        )
        await refuse_connection(scope, receive, send, PlainTextResponse(_REASON, status_code=403), reason=_REASON)

    def _is_judged(self, scope: Scope) -> bool:
        if scope["type"] == "websocket":
            return True
        return self.check_http and scope["type"] == "http" and scope["method"] not in SAFE_METHODS
