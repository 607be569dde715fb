"""Authentication: who is asking, and what happens when that cannot be told."""

import pytest

from asterion.authentication import AuthCredentials, AuthenticationError, SimpleUser
from asterion.middleware.authentication import AuthenticationMiddleware
from asterion.requests import Request
from asterion.responses import JSONResponse
from tests.asgi import request

pytestmark = pytest.mark.anyio


class Backend:
    async def authenticate(self, conn):
        name = conn.headers.get("authorization")
        if name == "bad":
            raise AuthenticationError("no good")
        if name == "broken":
            raise ZeroDivisionError
        return None if name is None else (AuthCredentials(["authenticated"]), SimpleUser(name))


class SyncBackend:
    def authenticate(self, conn):
        return AuthCredentials(["sync"]), SimpleUser("sync")


async def who(scope, receive, send):
    asked = Request(scope)
    found = {"user": asked.user.display_name, "known": asked.user.is_authenticated, "scopes": asked.auth.scopes}
    await JSONResponse(found)(scope, receive, send)


async def never(scope, receive, send):
    raise AssertionError("must not be called")


async def test_the_backend_names_the_user():
    answer = await request(AuthenticationMiddleware(who, Backend()), headers=[("authorization", "ann")])
    assert answer.body == b'{"user":"ann","known":true,"scopes":["authenticated"]}'


async def test_a_visitor_is_nobody():
    answer = await request(AuthenticationMiddleware(who, Backend()))
    assert answer.body == b'{"user":"","known":false,"scopes":[]}'


async def test_a_sync_backend_works():
    answer = await request(AuthenticationMiddleware(who, SyncBackend()))
    assert b'"sync"' in answer.body


async def test_an_authentication_error_is_answered_without_the_application():
    answer = await request(AuthenticationMiddleware(never, Backend()), headers=[("authorization", "bad")])
    assert (answer.status, answer.body) == (400, b"no good")


async def on_error_async(conn, error):
    return JSONResponse({"error": str(error)}, status_code=401)


@pytest.mark.parametrize(
    "on_error", [on_error_async, lambda conn, error: JSONResponse({"error": str(error)}, status_code=401)]
)
async def test_the_answer_to_an_error_can_be_ones_own(on_error):
    app = AuthenticationMiddleware(never, Backend(), on_error=on_error)
    answer = await request(app, headers=[("authorization", "bad")])
    assert (answer.status, answer.body) == (401, b'{"error":"no good"}')


async def test_it_fails_closed():
    with pytest.raises(ZeroDivisionError):
        await request(AuthenticationMiddleware(never, Backend()), headers=[("authorization", "broken")])


@pytest.mark.parametrize(
    ("extensions", "kinds"),
    [
        ({}, ["websocket.close"]),
        ({"websocket.http.response": {}}, ["websocket.http.response.start", "websocket.http.response.body"]),
    ],
)
async def test_a_websocket_is_refused_as_the_server_allows(extensions, kinds):
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "headers": [(b"authorization", b"bad")], "extensions": extensions}
    await AuthenticationMiddleware(never, Backend())(scope, None, send)
    assert [message["type"] for message in sent] == kinds
