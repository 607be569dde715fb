"""The keys Asterion writes into a scope, and who reads them.

The scope is the one thing every layer shares, so a key is a public interface. Upstream's names are kept where outsiders
read them.

| key | value | written by | read by |
|---|---|---|---|
| `app` | the application | applications | requests, routing, policies |
| `router` | the outermost router | routing | `url_for` |
| `app_root_path` | `root_path` as the server gave it | routing (mounts) | requests (`base_url`) |
| `route`, `endpoint`, `path_params` | what was matched | routing | requests, middleware after the call |
| `session`, `auth`, `user`, `state` | per-request data | middleware, lifespan | requests |
| `starlette.exception_handlers` | `(by class, by status)` | middleware.exceptions | routing |
| `starlette.max_body_size` | bytes | body limits | middleware.body_limit |
| `asterion.origin_judged` | True where the origin of a WebSocket was found good | middleware.origin | routing |
| `asterion.csp_nonce` | the nonce of the response, in `state` too | middleware.securityheaders | `csp_nonce` |
| `asterion.csrf` | the visitor's secret against forged requests | middleware.csrf | `csrf_token` and its like |
| `asterion.answers` | gives a handler's response to an exception of user middleware | middleware.errors | routing |
| `asterion.answered` | the mark of the answered error (`_core.handlers`) | middleware.exceptions | middleware.errors |
| `asterion.stashed` | `http.request` messages that a look-out for a disconnect took | responses, requests | requests |
| `asterion.reading` | True while a request body is being read | requests | responses |
| `asterion.listeners` | the `Listener`s that wait in `receive` | responses | requests |
| `asterion.body` | `KeptBody`: what was kept of a body read to its end | requests | requests, middleware.base |
| `asterion.body_limit_counter` | who counts the body and can be told another limit | body limits | body limits |
"""

from typing import Protocol

from asterion.types import Scope

EXCEPTION_HANDLERS = "starlette.exception_handlers"
ANSWERED = "asterion.answered"
ORIGIN_JUDGED = "asterion.origin_judged"
CSP_NONCE = "asterion.csp_nonce"
CSRF = "asterion.csrf"
ANSWERS = "asterion.answers"
STASHED = "asterion.stashed"
READING = "asterion.reading"
LISTENERS = "asterion.listeners"

KEPT_CSRF = "_csrf"
"""In a session (not in a scope): the secret of `middleware.csrf`, which a regenerated session does not keep."""

STASH_LIMIT = 1024 * 1024
"""Bytes of a body that are kept at most for a reader who may never come, while a disconnect is looked for."""


class Listener(Protocol):
    """Somebody who waits in `receive` to learn that the client has gone, and makes room for a reader of the body.

    Two callers of one `receive` would each get a part of what the server tells, and perhaps wait for ever.
    """

    gone: bool

    async def stand_aside(self) -> None: ...

    def resume(self) -> None: ...

    def note_gone(self) -> None: ...


def stashed_bytes(scope: Scope) -> int:
    """How many bytes of the body are stashed."""
    return sum(len(message.get("body", b"")) for message in scope.get(STASHED, ()))
