"""Background work: its order, what an error in it does, what survives a cancelled request, and the shutdown."""

import dataclasses
import logging
from typing import Any

import anyio
import pytest

from asterion._core.policies import ASTERION
from asterion.applications import Asterion, Starlette
from asterion.background import BackgroundTask, BackgroundTasks
from asterion.requests import Request
from asterion.responses import PlainTextResponse, Response, StreamingResponse
from asterion.routing import Route
from tests.applications.serving import served
from tests.asgi import Exchange, http_scope, wait_all_blocked

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[Asterion, Starlette])
def face(request: pytest.FixtureRequest) -> Any:
    """Both classes of application."""
    return request.param


def application(face: Any, background: Any, *, stream: bool = False, **more: Any) -> Any:
    async def endpoint(request: Request) -> Response:
        if stream:
            return StreamingResponse([b"hello"], background=background)
        return PlainTextResponse("hello", background=background)

    return face(routes=[Route("/", endpoint)], **more)


@pytest.mark.parametrize("stream", [False, True])
async def test_work_begins_when_the_last_byte_was_sent(face: Any, stream: bool, spec_version: str) -> None:
    log: list[str] = []

    def note(message: Any) -> None:
        log.append(message["type"].removeprefix("http.response.") + (" more" if message.get("more_body") else ""))

    async def work() -> None:
        log.append("work")

    app = application(face, BackgroundTask(work), stream=stream)
    await Exchange(app, http_scope(spec_version=spec_version), on_send=note).run()
    assert log == (["start", "body more", "body", "work"] if stream else ["start", "body", "work"])


async def test_tasks_run_one_after_the_other(face: Any) -> None:
    log: list[str] = []
    tasks = BackgroundTasks()

    async def slow() -> None:
        log.append("slow begins")
        await anyio.lowlevel.checkpoint()
        log.append("slow ends")

    tasks.add_task(slow)
    tasks.add_task(log.append, "quick")
    await Exchange(application(face, tasks)).run()
    assert log == ["slow begins", "slow ends", "quick"]


async def test_an_error_ends_the_later_tasks_on_upstreams_face_only(face: Any) -> None:
    log: list[str] = []
    tasks = BackgroundTasks()

    def fails() -> None:
        raise KeyError("first")

    tasks.add_task(log.append, "before")
    tasks.add_task(fails)
    tasks.add_task(log.append, "after")
    exchange = Exchange(application(face, tasks))
    with pytest.raises(KeyError, match="first"):
        await exchange.run()
    assert log == (["before", "after"] if face is Asterion else ["before"])
    assert exchange.complete


@pytest.mark.parametrize("stream", [False, True])
async def test_cancelling_the_request_ends_work_on_upstreams_face_only(
    face: Any, stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    go = anyio.Event()
    log: list[str] = []

    async def work() -> None:
        log.append("begins")
        await go.wait()
        log.append("ends")

    app = application(face, BackgroundTask(work), stream=stream)
    async with served(app):
        async with anyio.create_task_group() as group:
            group.start_soon(Exchange(app).run)
            await wait_all_blocked()
            assert log == ["begins"]
            group.cancel_scope.cancel()
        go.set()
        await wait_all_blocked()
        assert log == (["begins", "ends"] if face is Asterion else ["begins"])
    assert caplog.records == []  # nothing has failed


async def test_shutdown_waits_for_work_that_outlived_its_request() -> None:
    go = anyio.Event()
    log: list[str] = []

    async def work() -> None:
        await go.wait()
        log.append("work ends")

    app = application(Asterion, BackgroundTask(work), on_shutdown=[lambda: log.append("shutdown hook")])
    async with anyio.create_task_group() as outer, served(app) as server:
        async with anyio.create_task_group() as group:
            group.start_soon(Exchange(app).run)
            await wait_all_blocked()
            group.cancel_scope.cancel()
        server.stop()
        await wait_all_blocked()
        assert server.told == ["startup.complete"]
        outer.start_soon(_set, go)
    assert log == ["work ends", "shutdown hook"]
    assert server.told == ["startup.complete", "shutdown.complete"]


async def _set(event: anyio.Event) -> None:
    event.set()


async def test_work_that_does_not_end_is_cancelled_when_its_grace_is_over(caplog: pytest.LogCaptureFixture) -> None:
    log: list[str] = []

    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            log.append("cancelled")

    class Impatient(Asterion):
        policies = dataclasses.replace(ASTERION, background_grace=0.0)

    app = application(Impatient, BackgroundTask(work))
    async with served(app) as server:
        async with anyio.create_task_group() as group:
            group.start_soon(Exchange(app).run)
            await wait_all_blocked()
            group.cancel_scope.cancel()
        with caplog.at_level(logging.WARNING):
            server.stop()
            await wait_all_blocked()
    assert log == ["cancelled"]
    assert "background work was still running at shutdown" in caplog.text
    assert server.told == ["startup.complete", "shutdown.complete"]


async def test_work_that_ends_while_other_work_is_cancelled_is_not_said_to_run_still(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Two pieces of work, of which one ends when the other is cancelled: only one of them has to be cancelled."""
    log: list[str] = []
    cancelled, ended = anyio.Event(), anyio.Event()

    async def work() -> None:
        try:
            await cancelled.wait()
        except BaseException:
            log.append("cancelled")
            cancelled.set()
            with anyio.CancelScope(shield=True):
                await ended.wait()
            raise
        log.append("came to its end")
        ended.set()

    class Impatient(Asterion):
        policies = dataclasses.replace(ASTERION, background_grace=0.0)

    app = application(Impatient, BackgroundTask(work))
    async with served(app) as server:
        async with anyio.create_task_group() as group:
            group.start_soon(Exchange(app).run)
            group.start_soon(Exchange(app).run)
            await wait_all_blocked()
            group.cancel_scope.cancel()
        with caplog.at_level(logging.WARNING):
            server.stop()
            await wait_all_blocked()
    assert log == ["cancelled", "came to its end"]
    assert caplog.text.count("background work was still running at shutdown") == 1


async def test_an_error_of_work_that_outlived_its_request_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody waits for it any more, so nobody else would hear of it."""
    go = anyio.Event()

    async def work() -> None:
        await go.wait()
        raise KeyError("orphaned")

    app = application(Asterion, BackgroundTask(work))
    async with served(app):
        async with anyio.create_task_group() as group:
            group.start_soon(Exchange(app).run)
            await wait_all_blocked()
            group.cancel_scope.cancel()
        go.set()
        await wait_all_blocked()
    assert "orphaned" in caplog.text


async def test_finished_work_is_not_kept() -> None:
    app = application(Asterion, BackgroundTask(lambda: None))
    for _ in range(3):
        await Exchange(app).run()
    assert app.background_work == set()


async def test_work_that_outlived_its_request_is_not_kept_after_its_end() -> None:
    go = anyio.Event()
    app = application(Asterion, BackgroundTask(go.wait))
    async with anyio.create_task_group() as group:
        group.start_soon(Exchange(app).run)
        await wait_all_blocked()
        group.cancel_scope.cancel()
    assert len(app.background_work) == 1
    go.set()
    await wait_all_blocked()
    assert app.background_work == set()


async def test_an_error_of_work_in_the_moment_of_its_requests_end_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The request is cancelled, and hears of that first: nobody hears of the error."""
    scope = anyio.CancelScope()

    async def work() -> None:
        scope.cancel()
        raise KeyError("in the same moment")

    app = application(Asterion, BackgroundTask(work))
    with scope:
        await Exchange(app).run()
    await wait_all_blocked()
    assert scope.cancelled_caught
    assert "in the same moment" in caplog.text
