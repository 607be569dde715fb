"""Where Asterion's interface differs from Starlette's on purpose: a pattern for a line of `parity`, and the reason."""

_ITERATOR = "an object with __anext__ and aclose: used in the same way, and nothing is left to the garbage collector"
_INNER = "what an object notes while it serves one message after the other; nobody outside reads it"
_PAGE = "text of the debug page, which is made otherwise here"

ACCEPTED: dict[str, str] = {
    "concurrency iterate_in_threadpool: is no async generator": _ITERATOR,
    "requests Request.stream: is no async generator": _ITERATOR,
    "websockets WebSocket.iter_*: is no async generator": _ITERATOR,
    "convertors PathConvertor.regex: is *": "line breaks are part of a path, as they are below a mount",
    "middleware.base *Stream*: missing": "annotations that the module has by the way; the drop-in adds them",
    "middleware.body_limit RequestBodyLimitResponder.*: missing": _INNER,
    "middleware.gzip IdentityResponder.*: missing": _INNER,
    "middleware.gzip GZipResponder.compresslevel: missing": _INNER,
    "middleware.wsgi WSGIResponder.*: missing": _INNER,
    "middleware.errors [A-Z]*: missing": _PAGE,
    "middleware.sessions SessionMiddleware: has the default https_only=None*": (
        "None is Secure whenever the request came by https; False and True mean what they mean upstream"
    ),
    "middleware.sessions SessionMiddleware.security_flags: missing": "_core.cookies makes the cookie, from attributes",
    "routing PARAM*_REGEX: missing": "path templates are not taken apart by regular expressions",
    "routing Route.handle: is no async function": "it gives the endpoint's own awaitable, one coroutine less a request",
    "testclient ASGI*: missing": "annotations of a helper that asterion does not have",
    "testclient TestClient.*: missing": "where upstream keeps the client's lifespan task",
    "testclient WebSocketDenialResponse: has *": "made by the test client alone, from what the application sent",
    "testclient WebSocketTestSession.*: missing": "where upstream keeps the session's event loop",
}
