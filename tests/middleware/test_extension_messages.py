"""Every ASGI extension message passes through every middleware, untouched and in its order (issue 472 and its kin)."""

import pytest

from asterion.authentication import AuthenticationBackend
from asterion.middleware.authentication import AuthenticationMiddleware
from asterion.middleware.body_limit import RequestBodyLimitMiddleware
from asterion.middleware.compression import CompressionMiddleware
from asterion.middleware.cors import CORSMiddleware
from asterion.middleware.gzip import GZipMiddleware
from asterion.middleware.httpsredirect import HTTPSRedirectMiddleware
from asterion.middleware.opentelemetry import OpenTelemetryMiddleware
from asterion.middleware.origin import OriginMiddleware
from asterion.middleware.sessions import SessionMiddleware
from asterion.middleware.trustedhost import TrustedHostMiddleware

pytestmark = pytest.mark.anyio


class Anybody(AuthenticationBackend):
    async def authenticate(self, conn):
        return None


def using_the_session(app):
    async def inner(scope, receive, send):
        if "session" in scope:
            scope["session"]["a"] = 1
        await app(scope, receive, send)

    return SessionMiddleware(inner, "key")


MIDDLEWARE = {
    "authentication": lambda app: AuthenticationMiddleware(app, Anybody()),
    "body limit": lambda app: RequestBodyLimitMiddleware(app, 100),
    "compression": CompressionMiddleware,
    "cors": lambda app: CORSMiddleware(app, allow_origins=["https://a.example"]),
    "gzip": GZipMiddleware,
    "https redirect": HTTPSRedirectMiddleware,
    "opentelemetry": OpenTelemetryMiddleware,
    "origin": lambda app: OriginMiddleware(app, ["https://a.example"], check_http=True),
    "sessions": using_the_session,
    "trusted host": lambda app: TrustedHostMiddleware(app, ["example.com"]),
}


def everything(app):
    for build in MIDDLEWARE.values():
        app = build(app)
    return app


START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")], "trailers": True}
BODY = {"type": "http.response.body", "body": b"x" * 2000, "more_body": False}
STREAM = [
    {"type": "http.response.body", "body": b"x" * 2000, "more_body": True},
    {"type": "http.response.body", "body": b"y", "more_body": False},
]
DEBUG = {"type": "http.response.debug", "info": {"template": object()}}
PUSH = {"type": "http.response.push", "path": "/a.css", "headers": []}
HINT = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]}
TRAILERS = {"type": "http.response.trailers", "headers": [(b"grpc-status", b"0")], "more_trailers": False}
PATH = {"type": "http.response.pathsend", "path": "/srv/a.txt"}
ZERO = {"type": "http.response.zerocopysend", "file": 7, "offset": 0, "count": 3, "more_body": False}
UNKNOWN = {"type": "http.response.invented", "value": 1}

CONVERSATIONS = {
    "debug": [DEBUG, START, BODY],
    "push before": [PUSH, START, BODY],
    "push after": [START, PUSH, BODY],
    "push within": [START, STREAM[0], PUSH, STREAM[1]],
    "early hints": [HINT, HINT, START, BODY],
    "trailers": [START, BODY, TRAILERS],
    "trailers of a stream": [START, *STREAM, TRAILERS],
    "trailers without a body": [START, TRAILERS],
    "path": [START, PATH],
    "zero copy": [START, ZERO],
    "zero copy within": [START, STREAM[0], ZERO],
    "unknown before": [UNKNOWN, START, BODY],
    "unknown after": [START, UNKNOWN, BODY],
    "unknown at the end": [START, BODY, UNKNOWN],
}


@pytest.fixture(params=[*MIDDLEWARE, "all of them"])
def wrap(request):
    return everything if request.param == "all of them" else MIDDLEWARE[request.param]


@pytest.mark.parametrize("conversation", CONVERSATIONS.values(), ids=CONVERSATIONS)
@pytest.mark.parametrize("accepts", [b"identity", b"gzip"])
async def test_messages_pass(wrap, conversation, accepts):
    sent = []

    async def app(scope, receive, send):
        for message in conversation:
            await send(dict(message))

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"example.com"), (b"origin", b"https://a.example"), (b"accept-encoding", accepts)]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "2",
        "method": "GET",
        "scheme": "https",
        "path": "/",
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "extensions": {},
    }
    await wrap(app)(scope, receive, send)
    assert [message["type"] for message in sent] == [message["type"] for message in conversation]
    for message, original in zip(sent, conversation, strict=True):
        if original["type"] == "http.response.start":
            assert message["trailers"] is True
            # Whoever sent it may still hold the list.
            assert original["headers"] == [(b"content-type", b"text/plain")]
        elif original["type"] != "http.response.body":
            assert message == original


@pytest.mark.parametrize("kind", ["lifespan", "websocket", "mcp"])
async def test_other_scopes_pass(wrap, kind):
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])
        await send({"type": f"{kind}.invented"})

    async def send(message):
        seen.append(message["type"])

    async def receive():
        raise AssertionError("nobody asked for a message")

    scope = {"type": kind, "scheme": "wss", "path": "/", "headers": [(b"host", b"example.com")]}
    await wrap(app)(scope, receive, send)
    assert seen == [kind, f"{kind}.invented"]
