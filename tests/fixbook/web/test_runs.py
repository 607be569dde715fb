"""Live runs: started by administrators, followed by anybody, taken up again, and seen from other processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asterion.testclient import AsyncTestClient
from fixbook.model import Outcome, Role
from fixbook.settings import Settings
from fixbook.store import JobState, Store, StoreUnavailable, open_store
from fixbook.web import build
from tests.fixbook.web.samples import PASSWORD, POURING, Play, settings_for, shown, token

pytestmark = pytest.mark.anyio

CASE = POURING.id
PATIENCE = 20.0


@pytest.fixture
def settings(database_url: str, tmp_path: Path, catalogue: Path) -> Settings:
    """A site on each kind of database."""
    return replace(settings_for(tmp_path, catalogue), database_url=database_url)


@asynccontextmanager
async def site(settings: Settings, play: Play) -> AsyncIterator[tuple[AsyncTestClient, Store]]:
    """The site, and its own store."""
    async with asyncio.timeout(PATIENCE), AsyncTestClient(build(settings, execute=play)) as client:
        store: Store = client.app_state["site"].store
        try:
            yield client, store
        finally:
            play.go.set()


async def log_in(client: AsyncTestClient, store: Store) -> None:
    await store.add_user("ada", PASSWORD)
    form = {"csrf": token((await client.get("/login")).text), "name": "ada", "password": PASSWORD}
    assert (await client.post("/login", data=form, follow_redirects=False)).status_code == 303


async def start(client: AsyncTestClient, role: str = "fixed") -> Any:
    form = {"csrf": token((await client.get(f"/cases/{CASE}")).text), "role": role}
    return await client.post(f"/cases/{CASE}/runs", data=form, follow_redirects=False)


def events_of(text: str) -> list[tuple[str, str | None, Any]]:
    """Name, id and data of each event in a stream."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "event" in fields:
            found.append((fields["event"], fields.get("id"), json.loads(fields["data"])))
    return found


async def test_a_run_is_followed_from_the_queue_to_its_verdict(settings: Settings) -> None:
    play = Play(waits=True)
    async with site(settings, play) as (client, store):
        await log_in(client, store)
        place = (await start(client)).headers["location"]
        job = int(place.removeprefix("/jobs/"))
        text = ""
        async with client.stream("GET", f"{place}/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            async for piece in stream.aiter_text():
                text += piece
                if "hello" in text:
                    play.go.set()  # it was seen while the run is still going on
        seen = events_of(text)
        assert [name for name, _, _ in seen if name != "output"][-1] == "end"
        output = [(id_, data["stream"], data["text"]) for name, id_, data in seen if name == "output"]
        assert output[0][1:] == ("state", "installing")
        assert output[1][1:] == ("stdout", "hello \x1b[1mthere\x1b[0m\n")
        assert ("stderr", "oh <b>dear</b>\n") in [piece[1:] for piece in output]
        assert [int(id_ or 0) for id_, _, _ in output] == list(range(1, len(output) + 1))
        end = seen[-1][2]
        assert (end["outcome"], end["confirmed"], end["version"]) == ("right", True, "1.1.0")
        run = await store.run(end["run"])
        assert run is not None
        assert run.output == "hello there\noh <b>dear</b>\n"
        page = (await client.get(place)).text
        assert "as declared" in page
        assert "data-events" not in page  # there is nothing left to follow
        assert (await store.job(job)).state is JobState.DONE  # type: ignore[union-attr]


async def test_a_stream_goes_on_behind_the_last_event_that_was_seen(settings: Settings) -> None:
    async with site(settings, Play()) as (client, store):
        await log_in(client, store)
        place = (await start(client)).headers["location"]
        whole = events_of((await client.get(f"{place}/events")).text)
        numbers = [id_ for name, id_, _ in whole if name == "output"]
        for seen in range(len(numbers) + 1):
            headers = {"last-event-id": str(seen)}
            rest = events_of((await client.get(f"{place}/events", headers=headers)).text)
            assert [id_ for name, id_, _ in rest if name == "output"] == numbers[seen:]
            assert rest[-1][0] == "end"
        after = events_of((await client.get(f"{place}/events?after=2")).text)
        assert [id_ for name, id_, _ in after if name == "output"] == numbers[2:]
        ended = await client.get(f"{place}/events", headers={"last-event-id": "end"})
        assert (ended.status_code, ended.content) == (204, b"")


@pytest.mark.parametrize("last", ["-1", "x", "99999999999999999999", "1e3", "\xb2", "end ", "0x1", " 1"])
async def test_a_last_event_id_that_is_none_begins_anew_or_behind_the_end(settings: Settings, last: str) -> None:
    async with site(settings, Play()) as (client, store):
        job = await store.enqueue(CASE, Role.FIXED, "somebody")
        answer = await client.get(f"/jobs/{job.id}/events", headers={"last-event-id": last.encode("latin-1")})
        assert events_of(answer.text)[-1][0] == "end"


async def test_what_a_worker_in_another_process_writes_is_seen(settings: Settings) -> None:
    """A second store on the same database rings no bell of the first: the page's stream looks by itself."""
    async with site(replace(settings, workers=0), Play()) as (client, store):
        job = await store.enqueue(CASE, Role.FIXED, "somebody")

        async def elsewhere(store: Store) -> None:
            claimed = await store.claim("elsewhere", 30)
            assert claimed is not None
            await store.append_output(claimed.id, "elsewhere", "from afar\n", "stdout", claimed.attempt)
            await store.finish(claimed, "elsewhere", shown(POURING, Role.FIXED, Outcome.RIGHT))

        text, other = "", None
        async with (
            open_store(settings.database_url) as foreign,
            client.stream("GET", f"/jobs/{job.id}/events") as stream,
        ):
            async for piece in stream.aiter_text():
                text += piece
                if other is None:  # the stream has begun
                    other = asyncio.create_task(elsewhere(foreign))
            assert other is not None
            await other
        seen = events_of(text)
        assert seen[0][0::2] == ("state", {"state": "queued", "attempt": 0, "worker": None})
        assert "from afar\n" in [data["text"] for name, _, data in seen if name == "output"]
        assert seen[-1][0] == "end"


async def test_a_job_that_is_claimed_again_says_so(settings: Settings) -> None:
    async with site(replace(settings, workers=0), Play()) as (client, store):
        job = await store.enqueue(CASE, Role.FIXED, "somebody")
        first = await store.claim("first", 30)
        assert first is not None
        await store.append_output(job.id, "first", "one\n", "stdout", first.attempt)
        await store.release(first, "first")
        second = await store.claim("second", 30)
        assert second is not None
        await store.append_output(job.id, "second", "two\n", "stdout", second.attempt)
        assert "two" in (page := (await client.get(f"/jobs/{job.id}")).text)
        assert "one" not in page  # of the attempt that came to nothing
        await store.finish(second, "second", shown(POURING, Role.FIXED, Outcome.UNEXPECTED, reason="it sang"))
        seen = events_of((await client.get(f"/jobs/{job.id}/events")).text)
        assert seen[0][2]["attempt"] == 2
        assert (seen[-1][2]["confirmed"], seen[-1][2]["reason"]) == (False, "it sang")


async def test_a_database_that_goes_away_and_comes_back_ends_no_stream(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site(replace(settings, workers=0), Play()) as (client, store):
        job = await store.enqueue(CASE, Role.FIXED, "somebody")
        claimed = await store.claim("worker", 30)
        assert claimed is not None
        await store.finish(claimed, "worker", shown(POURING, Role.FIXED, Outcome.RIGHT))
        output, failures = store.output, iter([True, False])

        async def away(*args: Any, **kwargs: Any) -> Any:
            if next(failures, False):
                store.events.ring(f"job:{job.id}")
                raise StoreUnavailable("the database is away")
            return await output(*args, **kwargs)

        monkeypatch.setattr(store, "output", away)
        seen = events_of((await client.get(f"/jobs/{job.id}/events")).text)
        assert [data["state"] for name, _, data in seen if name == "state"] == ["done", "away", "done"]
        assert seen[-1][0] == "end"


async def test_pages_say_that_the_database_is_away_and_when_to_come_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site(settings, Play()) as (client, store):

        async def away(*args: Any, **kwargs: Any) -> Any:
            raise StoreUnavailable("the database sqlite:///secret/place cannot be used now")

        monkeypatch.setattr(store, "case", away)
        page = await client.get(f"/cases/{CASE}")
        assert (page.status_code, page.headers["retry-after"]) == (503, "5")
        assert "Nothing is lost" in page.text
        problem = await client.get(f"/api/cases/{CASE}")
        assert (problem.status_code, problem.json()["title"]) == (503, "Service Unavailable")
        assert "secret" not in page.text + problem.text


async def test_a_follower_that_leaves_is_let_go(settings: Settings) -> None:
    async with site(replace(settings, workers=0), Play()) as (client, store):
        job = await store.enqueue(CASE, Role.FIXED, "somebody")
        state = client.app_state["site"]
        async with client.stream("GET", f"/jobs/{job.id}/events") as stream:
            async for piece in stream.aiter_text():
                if "state" in piece:
                    break
            assert state.followers == 1
        assert state.followers == 0
        state.followers = 500
        answer = await client.get(f"/jobs/{job.id}/events")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


async def test_all_roles_at_once_are_queued_and_the_case_is_verified_by_them(settings: Settings) -> None:
    async with site(settings, Play()) as (client, store):
        await log_in(client, store)
        assert (await start(client, "all")).headers["location"] == "/jobs"
        for job in await store.jobs():
            assert events_of((await client.get(f"/jobs/{job.id}/events")).text)[-1][0] == "end"
        assert "Verified by running it" in (await client.get(f"/cases/{CASE}")).text
        feed = (await client.get("/feed.atom")).text
        assert "Pouring with the lid on" in feed


async def test_a_visitor_cannot_start_a_run_and_sees_no_button(settings: Settings) -> None:
    async with site(settings, Play()) as (client, store):
        page = (await client.get(f"/cases/{CASE}")).text
        assert "Run again" not in page
        assert (await start(client)).status_code == 401
        assert await store.jobs() == []


@pytest.mark.parametrize("role", ["", "nothing", "BROKEN", "\0"])
async def test_a_role_that_the_case_has_not_is_refused(settings: Settings, role: str) -> None:
    async with site(settings, Play()) as (client, store):
        await log_in(client, store)
        assert (await start(client, role)).status_code == 400
        forged = await client.post(f"/cases/{CASE}/runs", data={"role": "fixed", "csrf": "x"})
        assert forged.status_code == 403
        form = {"csrf": token((await client.get("/jobs")).text), "role": "fixed"}
        assert (await client.post("/cases/nobody/runs", data=form)).status_code == 404
        assert await store.jobs() == []
