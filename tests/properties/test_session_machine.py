"""A session over many requests, against a model: what was stored is there until it is changed or expires.

Moves: set, delete, clear, a change inside of a value, only reading, not touching it; the clock goes on; the cookie is
lost, damaged, or an old one is sent again (which a signed cookie cannot prevent, as the documentation says).
"""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterion.middleware.sessions import SessionMiddleware
from asterion.requests import Request
from asterion.responses import Response
from tests.asgi import request
from tests.properties.profiles import steady

pytestmark = pytest.mark.anyio

KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    st.none() | st.integers(-9, 9) | st.text(max_size=4), lambda inner: st.lists(inner, max_size=2), max_leaves=3
)
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("set"), KEYS, VALUES),
        st.tuples(st.sampled_from(["delete", "append", "pop"]), KEYS, st.none()),
        st.tuples(st.sampled_from(["clear", "read", "nothing"]), st.none(), st.none()),
        st.tuples(st.just("wait"), st.none(), st.sampled_from([1, 9, 11, 60, 99, 100, 101])),
        st.tuples(st.sampled_from(["lose the cookie", "damage the cookie"]), st.none(), st.none()),
        st.tuples(st.just("send an old cookie"), st.none(), st.integers(0, 10)),
    ),
    max_size=12,
)
MAX_AGE = 100
START = 1_700_000_000


def change(session: Any, move: str, key: Any, value: Any) -> None:
    """A move on a session or on the dict that is its model."""
    if move == "set":
        session[key] = deepcopy(value)
    elif move == "delete" and key in session:
        del session[key]
    elif move == "append" and isinstance(session.get(key), list):
        session[key].append(1)
    elif move == "pop":
        session.pop(key, None)
    elif move == "clear":
        session.clear()
    elif move == "read":
        dict(session)


class Site:
    """The application with its clock, and a browser that keeps one cookie."""

    def __init__(self) -> None:
        self.now = START
        self.move: tuple[str, Any, Any] = ("nothing", None, None)
        self.seen: dict[str, Any] = {}
        self.cookie: str | None = None
        self.middleware = SessionMiddleware(self.app, "key", max_age=MAX_AGE)
        self.middleware.signer.get_timestamp = lambda: self.now

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        session = Request(scope).session
        self.seen = deepcopy(dict(dict.items(session)))  # without the session noticing that it is read
        change(session, *self.move)
        await Response()(scope, receive, send)

    async def ask(self, *move: Any) -> str | None:
        """One request; the Set-Cookie it was answered with."""
        self.move = (move[0], move[1], move[2])
        headers = [] if self.cookie is None else [("cookie", f"x=y; session={self.cookie}")]
        answer = await request(self.middleware, headers=headers)
        lines = [value.decode() for name, value in answer.raw_headers if name == b"set-cookie"]
        assert len(lines) <= 1
        assert (answer.headers.get("vary") == "Cookie") == (move[0] != "nothing")
        if lines:
            value = lines[0].partition(";")[0].removeprefix("session=").strip('"')
            self.cookie = None if "Max-Age=0" in lines[0] else value
        return lines[0] if lines else None


@given(MOVES)
@steady(100)
async def test_a_session_is_what_the_model_says_in_every_order_of_requests(moves: list[tuple[str, Any, Any]]) -> None:
    site = Site()
    model: dict[str, Any] = {}
    written_at = START
    history: list[tuple[str, dict[str, Any], int]] = []
    for move, key, value in moves:
        if move == "wait":
            site.now += value
            continue
        if move == "lose the cookie":
            site.cookie, model = None, {}
            continue
        if move == "damage the cookie":
            if site.cookie is not None:
                site.cookie = ("A" if site.cookie[0] != "A" else "B") + site.cookie[1:]
                model = {}
            continue
        if move == "send an old cookie":
            if history:
                site.cookie, old, written_at = history[value % len(history)]
                model = deepcopy(old)
            continue
        damaged = site.cookie
        age = site.now - written_at
        if site.cookie is None or age > MAX_AGE:
            model = {}
        before = deepcopy(model)
        line = await site.ask(move, key, value)
        assert site.seen == before
        change(model, move, key, value)
        if model != before and model:
            assert line is not None
        if not model and before:
            assert line is not None
            assert "Max-Age=0" in line
        if line is None:
            assert model == before
            assert not model or move == "nothing" or age <= MAX_AGE / 10
        elif site.cookie is not None:
            written_at = site.now
            history.append((site.cookie, deepcopy(model), site.now))
        assert model or site.cookie is None or site.cookie == damaged


@given(MOVES, st.sampled_from([None, 30, 150]))
@steady(60)
async def test_an_absolute_age_ends_a_session_and_loses_none_without_it(moves: list[Any], absolute: int | None) -> None:
    """The start is that of the first write, whatever is done in between; cookies made before the setting are good.

    Each cookie is also shown to a middleware without an absolute age, which finds the same contents in it.
    """
    site = Site()
    site.middleware.absolute_age = absolute
    plain = SessionMiddleware(site.app, "key", max_age=None)
    began: int | None = None
    for move, key, value in moves:
        if move == "wait":
            site.now += value
        elif move in ("set", "delete", "append", "pop", "clear", "read", "nothing"):
            ended = began is not None and absolute is not None and site.now - began > absolute
            line = await site.ask(move, key, value)
            if ended:
                assert site.seen == {}
            if move == "clear" or site.seen == {}:
                began = site.now if line is not None and site.cookie is not None else None
            if line is not None and site.cookie is not None:
                change(site.seen, move, key, value)
                assert plain.load(site.cookie).data == site.seen
                assert began is not None
                lasts = MAX_AGE if absolute is None else min(MAX_AGE, began + absolute - site.now)
                assert f"Max-Age={lasts};" in line
