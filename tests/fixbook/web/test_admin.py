"""Logging in and out, and what is done against guessing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from asterion.testclient import TestClient
from fixbook.settings import Settings
from fixbook.store import open_store
from fixbook.web._limits import Attempts
from tests.fixbook.web.samples import PASSWORD, log_in, token


def test_an_administrator_logs_in_and_out(client: TestClient) -> None:
    answer = log_in(client)
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs")
    assert "Run again" in client.get("/cases/teapot-7").text
    page = client.get("/jobs").text
    assert "Logged in as ada" in page
    left = client.post("/logout", data={"csrf": token(page)}, follow_redirects=False)
    assert (left.status_code, left.headers["location"]) == (303, "/")
    assert "Run again" not in client.get("/cases/teapot-7").text


def test_a_session_that_was_copied_ends_with_the_log_out(client: TestClient) -> None:
    log_in(client)
    copied = dict(client.cookies)
    client.post("/logout", data={"csrf": token(client.get("/jobs").text)})
    client.cookies.clear()
    client.cookies.update(copied)
    assert "Run again" not in client.get("/cases/teapot-7").text


def test_logging_in_begins_a_new_session(client: TestClient) -> None:
    """A token that was planted before is worth nothing after (session fixation)."""
    planted = token(client.get("/login").text)
    log_in(client)
    assert token(client.get("/jobs").text) != planted
    assert client.post("/logout", data={"csrf": planted}).status_code == 403


def test_a_vote_survives_logging_in(client: TestClient) -> None:
    client.post("/cases/teapot-7/votes", data={"csrf": token(client.get("/cases/teapot-7").text), "worked": "yes"})
    log_in(client)
    assert 'aria-pressed="true"' in client.get("/cases/teapot-7").text


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ada", "wrong"),
        ("nobody", PASSWORD),
        ("", ""),
        ("ada", ""),
        ("ADA", PASSWORD),
        ("x" * 500, "y" * 5000),
        ("ada\x00", PASSWORD),
        ("'; --", "x"),
        ("ada", PASSWORD + "\x00"),
    ],
)
def test_who_does_not_know_both_is_told_nothing_of_either(client: TestClient, name: str, password: str) -> None:
    answer = log_in(client, password, name)
    assert answer.status_code == 401
    assert "do not belong together" in answer.text
    assert "Run again" not in client.get("/cases/teapot-7").text


def test_guessing_has_to_wait_and_so_does_the_right_password_then(client: TestClient) -> None:
    for _ in range(5):
        assert log_in(client, "wrong").status_code == 401
    answer = log_in(client)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 300


def test_the_form_needs_its_token(client: TestClient) -> None:
    client.get("/login")
    assert client.post("/login", data={"name": "ada", "password": PASSWORD}).status_code == 403


@pytest.mark.parametrize(
    ("next_", "place"),
    [
        ("/cases/teapot-7", "/cases/teapot-7"),
        ("", "/jobs"),
        ("https://evil.example", "/jobs"),
        ("//evil.example", "/jobs"),
        ("/\\evil.example", "/jobs"),
        ("/a\r\nset-cookie: x=y", "/jobs"),
        ("javascript:x", "/jobs"),
    ],
)
def test_after_logging_in_one_stays_on_this_site(client: TestClient, next_: str, place: str) -> None:
    form = {"csrf": token(client.get("/login", params={"next": next_}).text), "name": "ada", "password": PASSWORD}
    answer = client.post("/login", data={**form, "next": next_}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, place)


def test_an_administrator_who_is_removed_is_out_at_once(client: TestClient, settings: Settings) -> None:
    log_in(client)

    async def remove() -> None:
        async with open_store(settings.database_url) as store:
            assert await store.remove_user("ada")

    asyncio.run(remove())
    assert "Run again" not in client.get("/cases/teapot-7").text


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_attempts_are_counted_for_a_while_and_forgotten_after_it() -> None:
    clock = Clock()
    attempts = Attempts(most=2, seconds=10, clock=clock)
    attempts.note("a")
    clock.now = 4
    assert attempts.wait("a") == 0
    attempts.note("a")
    assert attempts.wait("a", "b") == 6
    assert attempts.wait("b") == 0
    clock.now = 10
    assert attempts.wait("a") == 0
    attempts.note("a")
    assert attempts.wait("a") == 4
    attempts.forget("a")
    assert attempts.wait("a") == 0


def test_nobody_fills_the_memory_with_names() -> None:
    attempts: Any = Attempts(keys=100)
    for number in range(1000):
        attempts.note(f"name:{number}")
    assert len(attempts._times) == 100
