"""`fixbook user` and `fixbook serve`, as processes."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from fixbook.model import Role
from fixbook.store import open_store
from tests.fixbook.web.samples import POURING
from tests.served.serving import PATIENCE

ROOT = Path(__file__).parents[3]


@pytest.fixture
def variables(tmp_path: Path, catalogue: Path) -> dict[str, str]:
    return {
        **os.environ,
        "FIXBOOK_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'a.sqlite3'}",
        "FIXBOOK_CATALOGUE": str(catalogue),
        "PYTHONUNBUFFERED": "1",
    }


def run(variables: dict[str, str], *arguments: str, given: str = "") -> tuple[int, str]:
    command = [sys.executable, "-m", "fixbook", *arguments]
    done = subprocess.run(
        command, env=variables, input=given, capture_output=True, text=True, cwd=ROOT, check=False, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


def test_administrators_are_added_listed_and_removed(variables: dict[str, str]) -> None:
    assert run(variables, "user", "add", "ada", "--stdin", given="correct horse\n") == (0, "ada can log in\n")
    assert run(variables, "user", "list") == (0, "ada\n")
    assert run(variables, "user", "remove", "ada") == (0, "ada is removed\n")
    status, said = run(variables, "user", "remove", "ada")
    assert (status, "no administrator called 'ada'" in said) == (1, True)
    status, said = run(variables, "user", "add", "ada", "--stdin", given="short\n")
    assert status == 1
    assert "10 characters" in said
    assert "Traceback" not in said


def test_the_site_says_where_it_is_and_ends_in_order(variables: dict[str, str]) -> None:
    variables["FIXBOOK_WORKERS"] = "0"

    async def wait_for_ever() -> None:
        async with open_store(variables["FIXBOOK_DATABASE_URL"]) as store:
            await store.sync_catalogue([POURING])
            await store.enqueue(POURING.id, Role.FIXED, "somebody")

    asyncio.run(wait_for_ever())
    command = [sys.executable, "-m", "fixbook", "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    ) as process:
        ended = threading.Timer(60, process.kill)
        ended.start()
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"Fixbook is at (http://127\.0\.0\.1:\d+/)", line)
            assert found is not None, line
            with urllib.request.urlopen(found[1], timeout=PATIENCE) as answer:
                assert b"Pouring with the lid on" in answer.read()
                assert "server" not in answer.headers
            # A page that follows a run does not keep the server from ending.
            with urllib.request.urlopen(f"{found[1]}jobs/1/events", timeout=PATIENCE) as stream:
                assert stream.readline() == b"retry: 2000\n"
                process.send_signal(signal.SIGINT)
                assert b"event: end" not in stream.read()
            assert process.wait(PATIENCE) == 0
            assert process.stdout.read() == ""
        finally:
            ended.cancel()
            process.kill()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"FIXBOOK_WORKERS": "many"}, "FIXBOOK_WORKERS"),
        ({"FIXBOOK_DATABASE_URL": "mysql://x"}, "mysql"),
        ({"FIXBOOK_DATABASE_URL": "postgresql+asyncpg://x:secret@127.0.0.1:1/x"}, "127.0.0.1"),
        ({"FIXBOOK_CATALOGUE": "/nowhere"}, "/nowhere"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_line(variables: dict[str, str], changed: dict[str, str], said: str) -> None:
    status, text = run({**variables, **changed}, "serve", "--port", "0")
    assert status == 1
    assert said in text
    assert "secret" not in text
    assert "Traceback" not in text
