"""Rows 55 and 56: a session keeps what was put into it, and no more is written than has to be."""

import json
from base64 import b64encode
from types import SimpleNamespace

import pytest
from itsdangerous import TimestampSigner

from asterion.applications import Asterion
from asterion.middleware import Middleware
from asterion.middleware.sessions import SessionMiddleware, SessionTooLarge
from asterion.responses import PlainTextResponse
from asterion.routing import Route, WebSocketRoute
from tests.asgi import request
from tests.failures.serving import Wire, application, each_face, outcome

pytestmark = pytest.mark.anyio


# --- rows 55 and 56: sessions -----------------------------------------------------------------------------------------

AGE = 1000


@pytest.fixture
def clock(monkeypatch):
    """The time by which sessions are signed, to be moved by a test."""
    clock = SimpleNamespace(now=1_700_000_000)
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda signer: clock.now)
    return clock


class Browser:
    """A client of an application with sessions, which keeps the one cookie it is given and counts how often it is."""

    def __init__(self, face, layers, spec_version="2.4"):
        self.cookie = None
        self.writes = 0
        self.spec_version = spec_version
        sessions = Middleware(SessionMiddleware, secret_key="key", max_age=AGE)
        self.app = application(face, layers, Route("/", self._endpoint), middleware=(sessions,))

    async def _endpoint(self, request):
        return PlainTextResponse(json.dumps(self._work(request.session)))

    async def visit(self, work):
        """What `work`, done with the session, gives."""
        self._work = work
        headers = [("cookie", self.cookie)] if self.cookie else []
        answer = await request(self.app, headers=headers, spec_version=self.spec_version)
        for name, value in answer.raw_headers:
            if name == b"set-cookie":
                self.cookie = value.decode().partition(";")[0]
                self.writes += 1
        return json.loads(answer.body)


def whole(session):
    return dict(session)


@pytest.mark.failure(
    row=55,
    says="A session is written when its contents have changed, at any depth, and otherwise only now and then while it "
    "is used, so that who is active stays logged in and simultaneous requests do not overwrite each other.",
)
@each_face
async def test_3474_a_change_inside_of_a_value_is_kept(face, layers, spec_version):
    browser = Browser(face, layers, spec_version)
    await browser.visit(lambda session: session.update(cart=[], user={"name": "ann"}))
    await browser.visit(lambda session: session["cart"].append(1))
    await browser.visit(lambda session: session["user"].setdefault("roles", []).append("admin"))
    assert await browser.visit(whole) == {"cart": [1], "user": {"name": "ann", "roles": ["admin"]}}


@each_face
async def test_3166_who_is_active_stays_logged_in(clock, face, layers):
    browser = Browser(face, layers)
    await browser.visit(lambda session: session.update(user="ann"))
    for _ in range(10):
        clock.now += AGE // 2
        assert await browser.visit(whole) == {"user": "ann"}
    clock.now += AGE + 1
    assert await browser.visit(whole) == {}


@each_face
async def test_2019_a_request_that_only_reads_writes_nothing(clock, face, layers):
    browser = Browser(face, layers)
    await browser.visit(lambda session: session.update(user="ann"))
    for _ in range(10):
        assert await browser.visit(whole) == {"user": "ann"}
    assert browser.writes == 1


async def test_2019_a_slow_reader_does_not_undo_what_a_writer_did(layers):
    """Two requests at once: one reads the session and answers last, the other logs the user out meanwhile."""
    browser = Browser(Asterion, layers)
    await browser.visit(lambda session: session.update(user="ann"))
    slow = Browser(Asterion, layers)
    slow.cookie, slow.writes = browser.cookie, 0
    await browser.visit(lambda session: session.clear())
    await slow.visit(whole)
    assert slow.writes == 0


@pytest.mark.failure(
    row=56,
    says="Changes before a WebSocket is accepted are kept, a session that browsers would drop is an error that says "
    "so, and a payload that cannot be decoded is an empty session.",
)
@each_face
async def test_row_56_a_change_before_the_websocket_is_accepted_is_kept(face, layers):
    async def endpoint(websocket):
        websocket.session["seen"] = True
        await websocket.accept()
        await websocket.close()

    sessions = Middleware(SessionMiddleware, secret_key="key")
    app = application(face, layers, WebSocketRoute("/", endpoint), middleware=(sessions,))
    wire = Wire()
    await app(wire.scope, wire.receive, wire.send)
    assert wire.sent[0]["type"] == "websocket.accept"
    [cookie] = [value.decode() for name, value in wire.sent[0]["headers"] if name == b"set-cookie"]
    seen = []

    async def reading(request):
        seen.append(dict(request.session))
        return PlainTextResponse("")

    reader = application(face, layers, Route("/", reading), middleware=(sessions,))
    await request(reader, headers=[("cookie", cookie.partition(";")[0])])
    assert seen == [{"seen": True}]


@each_face
async def test_row_56_a_cookie_that_browsers_drop_is_not_sent(face, layers, spec_version):
    async def endpoint(request):
        request.session["big"] = "x" * 6000
        return PlainTextResponse("stored?")

    sessions = Middleware(SessionMiddleware, secret_key="key")
    app = application(face, layers, Route("/", endpoint), middleware=(sessions,))
    answer, error = await outcome(app, spec_version=spec_version)
    assert isinstance(error, SessionTooLarge)
    assert "4096" in str(error)
    assert answer.status == 500
    assert "set-cookie" not in answer.headers


def signed(payload):
    return TimestampSigner("key", salt="asterion.session.session").sign(payload).decode()


@each_face
@pytest.mark.parametrize(
    "payload",
    [b"%%%", b64encode(b"not json"), b64encode(b"[1]"), b64encode(b"\xff"), b64encode(b"[" * 100_000), b"YQ"],
    ids=["not base64", "not JSON", "no object", "not UTF-8", "too deep", "cut"],
)
async def test_row_56_a_signed_payload_that_cannot_be_read_is_an_empty_session(face, payload, layers, spec_version):
    browser = Browser(face, layers, spec_version)
    browser.cookie = f"session={signed(payload)}"
    assert await browser.visit(whole) == {}


async def test_row_56_the_signature_of_these_tests_is_the_middlewares():
    """The control: a payload signed in the same way is a session, so the ones above fail for what they hold."""
    browser = Browser(Asterion, 0)
    payload = b64encode(json.dumps({"a": 1}).encode())
    browser.cookie = f"session={signed(payload)}"
    assert await browser.visit(whole) == {"a": 1}
