"""Sessions in a signed cookie: bound to its name, noticed when changed, never a server error (rows 55 and 56)."""

import json
import sys
from base64 import b64encode

import pytest
from itsdangerous import TimestampSigner

from asterion._core.wire import straight
from asterion.datastructures import Secret
from asterion.middleware.sessions import COOKIE_SIZE, Session, SessionMiddleware, SessionTooLarge
from asterion.requests import Request
from asterion.responses import PlainTextResponse
from tests.asgi import request

pytestmark = pytest.mark.anyio

DAY = 24 * 60 * 60


class Clock:
    """The clock of itsdangerous, to be moved by tests."""

    def __init__(self, monkeypatch) -> None:
        self.now = 1_700_000_000
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda signer: self.now)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    return Clock(monkeypatch)


def app_that(work):
    """An application that does `work` with the session and answers with what it gives."""

    async def app(scope, receive, send):
        await PlainTextResponse(str(work(Request(scope).session)))(scope, receive, send)

    return app


def set_cookies(answer) -> list[str]:
    return [value.decode() for name, value in answer.raw_headers if name == b"set-cookie"]


def cookie_of(answer) -> str:
    [header] = set_cookies(answer)
    return header.partition(";")[0]


async def visit(work, cookie=None, key="key", scope=None, **options):
    headers = [("cookie", cookie)] if cookie else []
    return await request(SessionMiddleware(app_that(work), key, **options), headers=headers, scope=scope)


def login(session):
    session["user"] = {"name": "ann", "cart": []}


async def test_what_is_stored_comes_back():
    first = await visit(login)
    second = await visit(lambda session: session["user"]["name"], cookie_of(first))
    assert second.body == b"ann"
    assert second.headers["vary"] == "Cookie"
    assert set_cookies(second) == []


async def test_a_session_nobody_looks_at_leaves_no_trace():
    cookie = cookie_of(await visit(login))
    answer = await visit(lambda session: "", cookie)
    assert "vary" not in answer.headers
    assert set_cookies(answer) == []


@pytest.mark.parametrize(
    "look",
    [
        lambda s: s.get("a"),
        lambda s: "a" in s,
        len,
        dict,
        lambda s: {**s},
        list,
        lambda s: s.keys(),
        lambda s: bool(s),
        lambda s: list(s.items()),
        lambda s: s.values(),
        lambda s: s.pop("b", 1),
        json.dumps,
        lambda s: s == {},
        lambda s: s.copy(),
        lambda s: [key for key in s],  # noqa: C416 - `list` asks for the length as well
    ],
)
async def test_reading_in_any_way_makes_the_answer_vary_and_writes_nothing(look):
    cookie = cookie_of(await visit(login))
    answer = await visit(look, cookie)
    assert answer.headers["vary"] == "Cookie"
    assert set_cookies(answer) == []


async def test_a_change_deep_inside_is_noticed():
    """Upstream lost it: only the top level told (row 55)."""
    first = await visit(login)
    second = await visit(lambda session: session["user"]["cart"].append("apple"), cookie_of(first))
    third = await visit(lambda session: session["user"]["cart"], cookie_of(second))
    assert third.body == b"['apple']"


async def test_emptying_a_session_deletes_its_cookie():
    cookie = cookie_of(await visit(login))
    for empty in (lambda s: s.clear(), lambda s: s.pop("user"), lambda s: s.popitem(), lambda s: s.__delitem__("user")):
        [header] = set_cookies(await visit(empty, cookie))
        assert header.startswith("session=null;")
        assert "Max-Age=0" in header
        assert "expires=Thu, 01 Jan 1970 00:00:00 GMT" in header
    assert set_cookies(await visit(lambda session: session.clear())) == []


async def test_the_cookie_has_every_attribute_that_is_asked_for():
    [plain] = set_cookies(await visit(login))
    attributes = [part.strip().lower() for part in plain.split(";")[1:]]
    assert sorted(attributes) == ["httponly", f"max-age={14 * DAY}", "path=/", "samesite=lax"]
    [full] = set_cookies(
        await visit(login, path="/a", same_site="none", domain="example.com", partitioned=True, max_age=None)
    )
    attributes = [part.strip().lower() for part in full.split(";")[1:]]
    assert sorted(attributes) == ["domain=example.com", "httponly", "partitioned", "path=/a", "samesite=none", "secure"]


@pytest.mark.parametrize(
    ("scheme", "https_only", "secure"),
    [("https", None, True), ("http", None, False), ("http", True, True), ("https", False, False)],
)
async def test_over_tls_the_cookie_is_secure_unless_that_is_refused(scheme, https_only, secure):
    [header] = set_cookies(await visit(login, https_only=https_only, scope={"scheme": scheme}))
    assert ("secure" in header.lower()) is secure


async def test_a_signature_is_good_for_one_cookie_name_only():
    """Signed under the name `a`, sent as `b`: accepted upstream (CVE-2026-6873 in another framework)."""
    value = cookie_of(await visit(login, session_cookie="a")).partition("=")[2]
    answer = await visit(lambda session: len(session), f"b={value}", session_cookie="b")
    assert answer.body == b"0"


async def test_keys_can_be_changed_while_sessions_live_on():
    old = cookie_of(await visit(login, key="old"))
    answer = await visit(lambda session: session["user"]["cart"].append(1), old, key=[Secret("new"), "old"])
    new = cookie_of(answer)
    assert (await visit(len, new, key="new")).body == b"1"
    assert (await visit(len, new, key="old")).body == b"0"


@pytest.mark.parametrize(
    "payload",
    [
        b"not base64!",
        b"!" + b64encode(b'{"a":1}'),
        b64encode(b"{"),
        b64encode(b"[1]"),
        b64encode(b"\xff"),
        b64encode(b"3"),
    ],
)
async def test_what_is_validly_signed_but_cannot_be_decoded_is_an_empty_session(payload):
    signed = SessionMiddleware(None, "key").signer.sign(payload).decode()
    assert (await visit(len, f"session={signed}")).body == b"0"


@pytest.mark.parametrize("value", ["", "x", "a.b.c", "é.é.é", '"\\303\\251"', "null", "." * 100])
async def test_a_forged_cookie_is_an_empty_session(value):
    answer = await request(SessionMiddleware(app_that(len), "key"), headers=[(b"cookie", f"session={value}".encode())])
    assert (answer.status, answer.body) == (200, b"0")


async def test_the_cookie_is_found_among_others_on_several_lines():
    cookie = cookie_of(await visit(login)).encode()
    headers = [(b"cookie", b"a=1; xsession=2"), (b"cookie", cookie), (b"cookie", b"b=3")]
    assert (await request(SessionMiddleware(app_that(len), "key"), headers=headers)).body == b"1"


async def test_a_session_ends_max_age_after_it_was_last_written(clock):
    cookie = cookie_of(await visit(login, max_age=100))
    clock.now += 100
    assert (await visit(lambda session: "", cookie, max_age=100)).status == 200
    clock.now += 1
    assert (await visit(len, cookie, max_age=100)).body == b"0"


async def test_a_session_in_use_lives_on_beyond_max_age(clock):
    """Upstream logs an active user out at max_age (row 55)."""
    cookie = cookie_of(await visit(login, max_age=100))
    for _ in range(10):
        clock.now += 60
        answer = await visit(len, cookie, max_age=100)
        assert answer.body == b"1"
        cookie = cookie_of(answer)


async def test_a_session_in_use_is_not_written_with_every_request(clock):
    cookie = cookie_of(await visit(login, max_age=100))
    clock.now += 10
    assert set_cookies(await visit(len, cookie, max_age=100)) == []
    clock.now += 1
    assert len(set_cookies(await visit(len, cookie, max_age=100))) == 1
    clock.now += 58
    # Nor is one that nobody looks at: it may be a page that caches keep.
    assert set_cookies(await visit(lambda session: "", cookie, max_age=100)) == []


async def test_a_session_without_max_age_never_ends(clock):
    cookie = cookie_of(await visit(login, max_age=None))
    clock.now += 10_000 * DAY
    answer = await visit(len, cookie, max_age=None)
    assert answer.body == b"1"
    assert set_cookies(answer) == []


async def test_a_session_that_browsers_would_drop_is_an_error():
    def fill(session):
        session["a"] = "x" * COOKIE_SIZE

    with pytest.raises(SessionTooLarge, match=f"browsers drop cookies of more than {COOKIE_SIZE}"):
        await visit(fill)


@pytest.mark.parametrize(("less", "fits"), [(0, True), (1, False)])
async def test_a_session_may_fill_the_cookie_to_the_last_byte(less, fits):
    """The limit is on the cookie's name and value together, as browsers count it."""
    size = len(cookie_of(await visit(login))) - len("=")
    limited = type("Limited", (SessionMiddleware,), {"max_cookie_size": size - less})
    if fits:
        assert len(cookie_of(await request(limited(app_that(login), "key")))) == size + len("=")
    else:
        with pytest.raises(SessionTooLarge, match=f"{size} bytes as a cookie, which is more than {size - 1}"):
            await request(limited(app_that(login), "key"))


async def test_a_session_json_cannot_hold_is_a_clear_error():
    def fill(session):
        session["a"] = object()

    with pytest.raises(TypeError, match="the session holds something JSON cannot hold"):
        await visit(fill)


@pytest.mark.parametrize("kind", ["websocket.accept", "websocket.http.response.start"])
async def test_a_websocket_handshake_keeps_what_was_changed(kind):
    """Upstream lost it (row 56)."""
    sent = []

    async def app(scope, receive, send):
        scope["session"]["a"] = 1
        await send({"type": kind})

    async def send(message):
        sent.append(message)

    await SessionMiddleware(app, "key")({"type": "websocket", "headers": [], "scheme": "wss"}, None, send)
    assert b"set-cookie" in dict(sent[0]["headers"])
    assert b"secure" in dict(sent[0]["headers"])[b"set-cookie"].lower()


async def test_somebodys_own_session_object_is_written_as_well():
    async def app(scope, receive, send):
        scope["session"] = {"own": 1}
        await PlainTextResponse("")(scope, receive, send)

    cookie = cookie_of(await request(SessionMiddleware(app, "key")))
    assert (await visit(lambda session: session["own"], cookie)).body == b"1"
    again = await request(SessionMiddleware(app, "key"), headers=[("cookie", cookie)])
    assert set_cookies(again) == []  # it holds what has come in


async def test_two_sessions_with_a_cookie_each_do_not_mix():
    async def app(scope, receive, send):
        scope["session"]["inner"] = 1
        await PlainTextResponse("")(scope, receive, send)

    async def between(scope, receive, send):
        scope["session"]["outer"] = 1
        await SessionMiddleware(app, "key", session_cookie="inner")(scope, receive, send)

    answer = await request(SessionMiddleware(between, "key", session_cookie="outer"))
    inner, outer = (header.partition(";")[0] for header in set_cookies(answer))
    assert (await visit(dict, inner, session_cookie="inner")).body == b"{'inner': 1}"
    assert (await visit(dict, outer, session_cookie="outer")).body == b"{'outer': 1}"


async def test_what_is_sent_before_the_head_has_no_cookie():
    hint = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]}

    async def app(scope, receive, send):
        scope["session"]["a"] = 1
        await send(dict(hint))
        await PlainTextResponse("")(scope, receive, send)

    answer = await request(SessionMiddleware(app, "key"))
    assert answer.messages[0] == hint
    assert cookie_of(answer).startswith("session=")


async def test_it_stands_aside_once_the_head_is_out():
    async def app(scope, receive, send):
        assert straight(send) is send
        await send({"type": "http.response.start", "status": 200, "headers": []})
        assert straight(send) is not send
        await send({"type": "http.response.body", "body": b"ok"})

    assert (await request(SessionMiddleware(app, "key"))).body == b"ok"


def test_a_session_is_read_as_the_dict_it_is():
    session = Session({"a": 1, "b": [2]})
    assert (session["a"], session.get("b"), session.get("c"), session.get("c", 3)) == (1, [2], None, 3)
    assert (list(session), list(session.keys()), list(session.values())) == (["a", "b"], ["a", "b"], [1, [2]])
    assert list(session.items()) == [("a", 1), ("b", [2])]
    assert (len(session), "a" in session, "c" in session) == (2, True, False)
    assert session == {"a": 1, "b": [2]}
    assert session != {"a": 1}
    assert session.copy() == dict(session)
    assert (session.pop("a"), session.setdefault("c", 4), session.popitem()) == (1, 4, ("c", 4))
    session |= {"d": 5}
    assert (session, type(session)) == ({"b": [2], "d": 5}, Session)


def test_a_session_tells_what_happened_to_it():
    session = Session({"a": 1})
    assert (session.accessed, session.modified) == (False, False)
    session.mark_accessed()
    assert (session.accessed, session.modified) == (True, False)
    for change in (
        lambda s: s.__setitem__("b", 1),
        lambda s: s.__delitem__("a"),
        lambda s: s.clear(),
        lambda s: s.pop("a"),
        lambda s: s.popitem(),
        lambda s: s.setdefault("b", 1),
        lambda s: s.update(b=1),
        lambda s: s.__ior__({"b": 1}),
        lambda s: s.mark_modified(),
    ):
        session = Session({"a": 1})
        change(session)
        assert (session.accessed, session.modified) == (True, True)
    session = Session({"a": 1})
    assert session.setdefault("a", 2) == session.pop("b", 1) == 1
    assert (session.accessed, session.modified) == (True, False)


@pytest.mark.parametrize("key", ["", Secret(""), [], ["key", ""]])
def test_an_empty_key_is_refused(key):
    with pytest.raises(ValueError, match="anybody could sign"):
        SessionMiddleware(None, key)


@pytest.mark.parametrize(
    "options",
    [
        {"same_site": "none", "https_only": False},
        {"session_cookie": "__Secure-s", "https_only": False},
        {"session_cookie": "__Host-s", "path": "/a"},
        {"session_cookie": "__Host-s", "domain": "example.com"},
        {"same_site": "sometimes"},
    ],
)
def test_a_cookie_that_browsers_drop_is_refused(options):
    with pytest.raises(ValueError, match=r"browsers drop|must"):
        SessionMiddleware(None, "key", **options)


async def test_a_host_prefix_makes_the_cookie_secure():
    [header] = set_cookies(await visit(login, session_cookie="__Host-s"))
    assert "secure" in header.lower()


def test_without_itsdangerous_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "itsdangerous", None)
    with pytest.raises(RuntimeError, match=r"asterion\[sessions\]"):
        SessionMiddleware(None, "key")


# --- beginnings and ends ---


async def test_a_session_ends_absolute_age_after_it_began_however_much_it_is_used(clock):
    options = {"max_age": 100, "absolute_age": 250}
    cookie = cookie_of(await visit(login, **options))
    for passed, left in ((60, 100), (60, 100), (60, 70), (60, 10)):
        clock.now += passed
        answer = await visit(len, cookie, **options)
        assert answer.body == b"1"
        assert f"Max-Age={left};" in set_cookies(answer)[0]
        cookie = cookie_of(answer)
    clock.now += 10
    assert (await visit(len, cookie, **options)).body == b"1"
    clock.now += 1
    assert (await visit(len, cookie, **options)).body == b"0"


async def test_changes_do_not_make_a_session_younger_and_its_start_is_none_of_its_contents(clock):
    options = {"absolute_age": 100, "max_age": None}
    began = clock.now
    cookie = cookie_of(await visit(login, **options))
    for _ in range(4):
        clock.now += 25

        def change(session):
            session["n"] = session.get("n", 0) + 1
            return sorted(session), session.started_at

        answer = await visit(change, cookie, **options)
        assert answer.body == f"(['n', 'user'], {began})".encode()
        assert "Max-Age" not in set_cookies(answer)[0]
        cookie = cookie_of(answer)
    clock.now += 1
    assert (await visit(len, cookie, **options)).body == b"0"


async def test_regenerate_begins_anew(clock):
    options = {"absolute_age": 100}
    cookie = cookie_of(await visit(lambda session: session.update(user="ann", voter=1, _csrf="secret"), **options))
    clock.now += 60
    answer = await visit(lambda session: session.regenerate() or sorted(session), cookie, **options)
    assert answer.body == b"['user', 'voter']"
    assert cookie_of(answer) != cookie
    assert "Max-Age=100;" in set_cookies(answer)[0]
    clock.now += 60
    assert (await visit(lambda session: dict(session), cookie, **options)).body == b"{}"
    kept = await visit(lambda session: session.regenerate(keep=["voter", "x"]) or dict(session), cookie_of(answer))
    assert kept.body == b"{'voter': 1}"


async def test_regenerate_is_noticed_by_whoever_stores_the_session():
    session = Session({"a": 1})
    assert not session.regenerated
    session.regenerate()
    assert (session.regenerated, session.modified, dict(session)) == (True, True, {"a": 1})
    session.regenerate(keep=())
    assert dict(session) == {}


async def test_what_is_put_into_a_cleared_session_is_a_new_one(clock):
    options = {"absolute_age": 100}
    cookie = cookie_of(await visit(login, **options))
    clock.now += 90
    cookie = cookie_of(await visit(lambda session: session.clear() or login(session), cookie, **options))
    clock.now += 90
    assert (await visit(len, cookie, **options)).body == b"1"
    gone = await visit(lambda session: session.clear(), cookie, **options)
    assert "Max-Age=0" in set_cookies(gone)[0]


async def test_a_cookie_from_before_the_setting_counts_from_when_it_was_last_written(clock):
    cookie = cookie_of(await visit(login, max_age=1000))
    clock.now += 90
    answer = await visit(len, cookie, max_age=1000, absolute_age=100)
    assert answer.body == b"1"
    assert set_cookies(answer) == []
    clock.now += 10
    due = await visit(lambda session: session.update(n=1), cookie, max_age=1000, absolute_age=100)
    assert "Max-Age=0;" in set_cookies(due)[0]
    clock.now += 1
    for old in (cookie, cookie_of(due)):
        assert (await visit(len, old, max_age=1000, absolute_age=100)).body == b"0"


async def test_a_cookie_with_a_start_is_the_same_session_where_the_setting_is_off(clock):
    cookie = cookie_of(await visit(login, absolute_age=100))
    clock.now += 1000
    answer = await visit(lambda session: dict(session), cookie)
    assert answer.body == b"{'user': {'name': 'ann', 'cart': []}}"
    assert set_cookies(answer) == []


async def test_an_application_cannot_make_its_session_younger_by_a_key(clock):
    cookie = cookie_of(await visit(lambda session: session.update({"asterion.start": 2**40}), absolute_age=100))
    clock.now += 101
    assert (await visit(len, cookie, absolute_age=100)).body == b"0"
    odd = SessionMiddleware(None, "key").dump(b'{"a":1,"asterion.start":"soon"}')
    assert (await visit(dict, f"session={odd}", absolute_age=100)).body == b"{'a': 1}"


async def test_a_dict_of_the_applications_own_has_the_start_of_what_came_in(clock):
    async def app(scope, receive, send):
        scope["session"] = {"mine": len(scope["session"])}
        await PlainTextResponse("")(scope, receive, send)

    middleware = SessionMiddleware(app, "key", absolute_age=100)
    cookie = cookie_of(await request(middleware))
    clock.now += 90
    cookie = cookie_of(await request(middleware, headers=[("cookie", cookie)]))
    clock.now += 11
    assert (await visit(len, cookie, absolute_age=100)).body == b"0"


async def test_an_absolute_age_may_be_a_second(clock):
    cookie = cookie_of(await visit(login, absolute_age=1))
    clock.now += 1
    assert (await visit(len, cookie, absolute_age=1)).body == b"1"
    clock.now += 1
    assert (await visit(len, cookie, absolute_age=1)).body == b"0"


@pytest.mark.parametrize("age", [0, -1, 1.5, True, "100"])
def test_an_absolute_age_that_is_none_is_refused(age):
    with pytest.raises(ValueError, match="absolute_age is a number of seconds above 0, or None for no such end; got"):
        SessionMiddleware(None, "key", absolute_age=age)
