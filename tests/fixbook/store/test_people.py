"""Votes are one for each voter and case; administrators have passwords that nobody can read, and sessions that end."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from fixbook.store import Store, UnknownCase
from tests.fixbook.store.samples import make_case

pytestmark = pytest.mark.anyio


async def test_a_voter_has_one_vote_and_may_change_it(store: Store) -> None:
    await store.sync_catalogue([make_case("a"), make_case("b")])
    assert await store.votes("a") == (0, 0)
    await store.vote("a", "ann", True)
    await store.vote("a", "bob", True)
    await store.vote("b", "ann", False)
    assert (await store.votes("a"), await store.votes("b")) == ((2, 0), (0, 1))
    await store.vote("a", "ann", False)
    assert await store.votes("a") == (1, 1)
    assert await store.vote_of("a", "ann") is False
    assert await store.vote_of("a", "eve") is None
    with pytest.raises(UnknownCase):
        await store.vote("c", "ann", True)
    with pytest.raises(ValueError, match="1 to 128"):
        await store.vote("a", "", True)


async def test_an_administrator_is_known_by_the_password_alone(store: Store) -> None:
    await store.add_user("ann", "correct horse")
    assert await store.authenticate("ann", "correct horse")
    for name, password in (("ann", "wrong"), ("ann", ""), ("bob", "correct horse"), ("\0", "\ud800"), ("", "")):
        assert not await store.authenticate(name, password)
    async with store.engine.connect() as connection:
        kept = await connection.scalar(text("SELECT password FROM users"))
    assert kept.startswith("$argon2id$")
    for name, password in (("", "long enough"), ("a\nb", "long enough"), ("ann", "short"), ("x" * 81, "long enough")):
        with pytest.raises(ValueError, match="has"):
            await store.add_user(name, password)


async def test_a_session_ends_by_time_by_itself_and_with_the_password(store: Store) -> None:
    await store.add_user("ann", "correct horse")
    token = await store.open_session("ann")
    assert await store.session_user(token) == "ann"
    assert await store.session_user("other\ud800") is None
    over = await store.open_session("ann", seconds=-1)
    assert await store.session_user(over) is None
    await store.close_session(token)
    assert await store.session_user(token) is None
    token = await store.open_session("ann")
    await store.add_user("ann", "battery staple")
    assert await store.session_user(token) is None
    assert not await store.authenticate("ann", "correct horse")
    token = await store.open_session("ann")
    assert await store.users() == ["ann"]
    assert await store.remove_user("ann")
    assert not await store.remove_user("ann")
    assert await store.session_user(token) is None
