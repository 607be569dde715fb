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
| `asterion.stashed` | `http.request` messages taken from `receive` by somebody who was looking for a disconnect | responses, requests | requests |
| `asterion.reading` | True while a request body is being read | requests | responses |
"""

EXCEPTION_HANDLERS = "starlette.exception_handlers"
STASHED = "asterion.stashed"
READING = "asterion.reading"
