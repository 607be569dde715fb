"""`async with AsyncTestClient(app)`: the lifespan runs on the test's loop, and failures of it surface as themselves."""

import contextlib
import contextvars

import anyio
import pytest

from asterion.applications import Asterion
from asterion.responses import JSONResponse, PlainTextResponse
from asterion.routing import Route
from asterion.testclient import AsyncTestClient, ConformanceError, LifespanFailed, _conversation
from tests.asgi import wait_all_blocked


class Boom(Exception):
    pass


def living(startup=("lifespan.startup.complete",), shutdown=("lifespan.shutdown.complete",)):
    """An application whose lifespan sends, or raises, what it is told at each phase."""

    async def act(steps, send):
        for step in steps:
            if not isinstance(step, str):
                raise step
            await send({"type": step, **({"message": "because"} if step.endswith("failed") else {})})

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await PlainTextResponse("ok")(scope, receive, send)
            return
        app.events.append((await receive())["type"])
        await act(startup, send)
        if startup[-1:] == ("lifespan.startup.complete",):
            app.events.append((await receive())["type"])
            await act(shutdown, send)

    app.events = []
    return app


async def enter(app, **options):
    async with AsyncTestClient(app, **options) as client:
        assert (await client.get("/")).text == "ok"


pytestmark = pytest.mark.anyio


async def test_start_up_and_shutdown_frame_the_requests():
    app = living()
    async with AsyncTestClient(app) as client:
        assert app.events == ["lifespan.startup"]
        assert (await client.get("/")).text == "ok"
    assert app.events == ["lifespan.startup", "lifespan.shutdown"]
    await AsyncTestClient(app).get("/")
    assert app.events == ["lifespan.startup", "lifespan.shutdown"]


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("steps", [(Boom("up"),), ("lifespan.startup.failed", Boom("up"))], ids=["raises", "both"])
async def test_an_exception_at_start_up_is_raised_as_itself(steps, strict):
    with pytest.raises(Boom, match="up"):
        await enter(living(startup=steps), strict=strict)


@pytest.mark.parametrize("steps", [(Boom("down"),), ("lifespan.shutdown.failed", Boom("down"))], ids=["raises", "both"])
async def test_an_exception_at_shutdown_is_raised_as_itself(steps):
    with pytest.raises(Boom, match="down"):
        await enter(living(shutdown=steps))


async def test_a_failure_that_is_only_reported_has_the_applications_own_words():
    with pytest.raises(LifespanFailed, match="startup failed: because"):
        await enter(living(("lifespan.startup.failed",)))
    with pytest.raises(LifespanFailed, match="shutdown failed: because"):
        await enter(living(shutdown=("lifespan.shutdown.failed",)))


async def test_a_lifespan_that_breaks_asgi_is_a_conformance_error():
    with pytest.raises(ConformanceError, match="was asked to start"):
        await enter(living(startup=("lifespan.shutdown.complete",)))


@pytest.mark.parametrize("phase", ["up", "down"])
async def test_an_exception_of_a_lifespan_function_is_raised_as_itself(phase):
    @contextlib.asynccontextmanager
    async def lifespan(app):
        if phase == "up":
            raise Boom("up")
        yield
        raise Boom("down")

    with pytest.raises(Boom, match=phase):
        async with AsyncTestClient(Asterion(lifespan=lifespan)):
            pass


async def test_the_state_of_the_lifespan_is_the_requests_state_and_the_clients():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        yield {"name": "value"}

    async def endpoint(request):
        return JSONResponse({"name": request.state.name})

    app = Asterion(routes=[Route("/", endpoint)], lifespan=lifespan)
    async with AsyncTestClient(app) as client:
        assert (await client.get("/")).json() == client.app_state == {"name": "value"}


async def test_an_error_in_the_block_is_raised_and_the_application_shut_down():
    app = living()
    with pytest.raises(ZeroDivisionError):
        async with AsyncTestClient(app):
            raise ZeroDivisionError
    assert app.events[-1] == "lifespan.shutdown"


async def test_a_test_that_is_cancelled_still_shuts_its_application_down():
    events = []

    @contextlib.asynccontextmanager
    async def lifespan(app):
        yield
        await wait_all_blocked()
        events.append("shut down")

    with anyio.CancelScope() as scope:
        async with AsyncTestClient(Asterion(lifespan=lifespan)):
            scope.cancel()
            await anyio.sleep_forever()
    assert events == ["shut down"]


async def test_a_test_that_is_cancelled_before_the_start_leaves_nothing_running():
    ended = []

    async def app(scope, receive, send):
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(1)

    with anyio.fail_after(_conversation.END_SECONDS / 2), anyio.CancelScope() as scope:
        scope.cancel()
        async with AsyncTestClient(app):
            raise AssertionError("not reached")
    assert ended == [1]


async def test_the_state_of_one_life_is_not_that_of_the_next():
    lives = []

    @contextlib.asynccontextmanager
    async def lifespan(app):
        lives.append(1)
        yield {f"life {len(lives)}": True}

    client = AsyncTestClient(Asterion(lifespan=lifespan))
    for life in ("life 1", "life 2"):
        async with client:
            assert client.app_state == {life: True}


async def test_a_start_up_that_is_cancelled_ends_the_lifespan():
    ended = []

    async def app(scope, receive, send):
        scope_of_test.cancel()
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(1)

    with anyio.CancelScope() as scope_of_test:
        async with AsyncTestClient(app):
            raise AssertionError("not reached")
    assert (scope_of_test.cancelled_caught, ended) == (True, [1])


async def test_a_client_can_be_entered_again_but_not_twice_at_once():
    app = living()
    client = AsyncTestClient(app)
    for _ in range(2):
        async with client:
            with pytest.raises(RuntimeError, match="already entered"):
                await client.__aenter__()
    assert app.events == ["lifespan.startup", "lifespan.shutdown"] * 2


async def test_after_a_failed_start_the_client_is_usable_and_not_entered():
    client = AsyncTestClient(living(startup=(Boom(),)))
    with pytest.raises(Boom):
        await client.__aenter__()
    assert (await client.get("/")).text == "ok"
    await client.__aexit__()


VARIABLE = contextvars.ContextVar("variable", default="unset")


async def test_the_lifespan_sees_the_tests_context():
    seen = []

    @contextlib.asynccontextmanager
    async def lifespan(app):
        seen.append(VARIABLE.get())
        yield

    VARIABLE.set("the test's")
    async with AsyncTestClient(Asterion(lifespan=lifespan)):
        pass
    assert seen == ["the test's"]


async def test_the_two_halves_of_a_fixture_may_run_in_different_tasks():
    """As under pytest plugins that run each of them as a task of its own."""
    app = living()
    client = AsyncTestClient(app)
    for half in (client.__aenter__, client.__aexit__):
        async with anyio.create_task_group() as group:
            group.start_soon(half)
        assert (await client.get("/")).text == "ok"
    assert app.events == ["lifespan.startup", "lifespan.shutdown"]
