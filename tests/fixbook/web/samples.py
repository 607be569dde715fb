"""A small catalogue, a site on it, and what takes the place of running reproductions."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asterion.testclient import TestClient
from fixbook.casefile import write_case
from fixbook.execution import Event, digest_of, record_runs
from fixbook.model import Case, Expectation, Option, Outcome, Quote, Reproduction, Role, Run, Target, VersionStatus
from fixbook.settings import Settings

PASSWORD = "correct horse"
TRACEBACK = """\
Traceback (most recent call last):
  File "/srv/app/venv/lib/python3.11/site-packages/teapot/pouring.py", line 71, in pour
    await self.spout.open(cup)
  File "/srv/app/venv/lib/python3.11/site-packages/teapot/spout.py", line 12, in open
    raise SpoutBlocked(f"the spout of {self!r} is blocked")
teapot.errors.SpoutBlocked: the spout of <Teapot at 0x7f01> is blocked
"""

POURING = Case(
    id="teapot-7",
    title="Pouring with the lid on raises `SpoutBlocked`",
    package="teapot",
    repository="brewers/teapot",
    issue="7",
    issue_url="https://example.org/issues/7",
    fix="https://example.org/pull/8",
    first_fixed="1.1.0",
    status="fixed",
    summary="A pot that is filled to the brim cannot be poured. <script>alert('summary')</script>",
    trigger="`pour()` with the lid on",
    mechanism="The lid keeps *air* out. See [the source](javascript:alert(1)) and [the page](https://example.org/lids).",
    why_it_works="Air comes in by a hole.",
    impact=("No tea", "![a picture](https://evil.example/pixel.png)"),
    symptoms=("A gurgling noise",),
    signatures=("SpoutBlocked: the spout of … is blocked",),
    error_message=TRACEBACK,
    reproduction=Reproduction(
        code="import teapot\n\nprint('pouring')  # <b>not bold</b>\n",
        path="repro.py",
        package="teapot",
        requires=("cup<2",),
        targets=(
            Target(Role.BROKEN, "1.0.9", (), Outcome.BROKEN),
            Target(Role.FIXED, "1.1.0"),
            Target(Role.NEWEST),
            Target(Role.ASTERION),
        ),
        broken=Expectation(exit=1),
        right=Expectation(exit=0),
    ),
    environment={"Python": "3.11"},
    options=(Option("Take the lid off", "With a cloth, as it is hot.", "workaround", "There are bees"),),
    not_when=("The tea is cold",),
    discussion=(Quote("I see this too", "A. Brewer", "2026-02-03", "https://example.org/issues/7#1"),),
    prevention=("Look under the lid",),
    versions=(VersionStatus("1.1.0", "Fixed"), VersionStatus("0.9.0", "Broken")),
    confidence=0.9,
    evidence={"Last verified": "2026-02-09"},
    related=("teapot-9",),
    tags=("spout",),
)
OPEN = Case(
    id="teapot-9",
    title="The handle gets hot",
    package="teapot",
    status="open",
    summary="Nobody can hold it.",
    reproduction=Reproduction(
        code="raise SystemExit(1)\n",
        path="repro.py",
        package="teapot",
        targets=(Target(Role.NEWEST, expect=Outcome.BROKEN),),
        broken=Expectation(exit=1),
        right=Expectation(exit=0),
    ),
)
BARE = Case(
    id="kettle-1", title="It whistles", package="kettle", issue_url="javascript:alert(1)", fix="data:text/html,x"
)


def make_catalogue(folder: Path) -> Path:
    """Three cases, of which one has been run in three of its four roles."""
    for case in (POURING, OPEN, BARE):
        write_case(case, folder / case.id)
    record_runs(
        POURING.id,
        [
            shown(POURING, Role.BROKEN, Outcome.BROKEN, output="pouring\n\x1b[31mSpoutBlocked\x1b[0m <b>&</b>\n"),
            shown(POURING, Role.FIXED, Outcome.RIGHT, output="tea\n"),
            shown(POURING, Role.NEWEST, Outcome.RIGHT, version="2.0.0"),
        ],
        folder,
    )
    return folder


def shown(case: Case, role: Role, outcome: Outcome, **fields: Any) -> Run:
    """A run of `case` as if it had been executed."""
    assert case.reproduction is not None
    target = case.reproduction.target(role)
    assert target is not None
    run = Run(
        case=case.id,
        role=role,
        outcome=outcome,
        expected=target.expect,
        package=case.package,
        version=target.version or "2.0.0",
        exit_code=1 if outcome is Outcome.BROKEN else 0,
        output="it ran\n",
        duration=0.25,
        started=datetime(2026, 11, 21, 8, 0, tzinfo=UTC),
        python="3.11.7",
        digest=digest_of(case.reproduction, target),
    )
    return replace(run, **fields)


class Play:
    """Takes the place of running a reproduction: says three things, and goes on when it is told to.

    `go` is for another thread to set; without `waits` it goes on at once.
    """

    def __init__(self, *, waits: bool = False) -> None:
        self.go = threading.Event()
        if not waits:
            self.go.set()
        self.started = threading.Event()

    async def __call__(self, case: Case, target: Target, *, on_event: Callable[[Event], None]) -> Run:
        """Show what was declared."""
        on_event(Event("state", "installing"))
        on_event(Event("output", "hello \x1b[1mthere\x1b[0m\n", "stdout"))
        self.started.set()
        # A thread waits, so that whoever drives the test may live on another loop.
        while not await asyncio.to_thread(self.go.wait, 0.05):
            pass
        on_event(Event("output", "oh <b>dear</b>\n", "stderr"))
        return shown(case, target.role, target.expect, output="hello there\noh <b>dear</b>\n")


def settings_for(folder: Path, catalogue: Path, **more: Any) -> Settings:
    """A site with a database of its own."""
    return Settings(database_url=f"sqlite+aiosqlite:///{folder / 'site.sqlite3'}", catalogue=catalogue, **more)


def token(text: str) -> str:
    """The token in the first form of a page."""
    found = re.search(r'name="csrf" value="([\w-]+)"', text)
    assert found is not None
    return found[1]


def log_in(client: TestClient, password: str = PASSWORD, name: str = "ada") -> Any:
    """Fill in the form for administrators."""
    form = {"csrf": token(client.get("/login").text), "name": name, "password": password, "next": ""}
    return client.post("/login", data=form, follow_redirects=False)
