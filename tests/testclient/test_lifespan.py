"""`with TestClient(app)` runs the application's lifespan, and failures of it reach the test as themselves."""

import anyio
import pytest

from asterion.testclient import ConformanceError, LifespanFailed, TestClient


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
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"ok"})
            return
        app.events.append((await receive())["type"])
        await act(startup, send)
        if startup[-1:] == ("lifespan.startup.complete",):
            app.events.append((await receive())["type"])
            await act(shutdown, send)

    app.events = []
    return app


@pytest.fixture
def client_of(anyio_backend):
    return lambda app, **options: TestClient(app, backend=anyio_backend, **options)


def test_start_up_and_shutdown_frame_the_requests(client_of):
    app = living()
    with client_of(app) as client:
        assert app.events == ["lifespan.startup"]
        assert client.get("/").text == "ok"
    assert app.events == ["lifespan.startup", "lifespan.shutdown"]


def test_without_with_no_lifespan_runs(client_of):
    app = living()
    client_of(app).get("/")
    assert app.events == []


@pytest.mark.parametrize("steps", [(Boom("up"),), ("lifespan.startup.failed", Boom("up"))], ids=["raises", "both"])
def test_an_exception_at_start_up_is_raised_as_itself(client_of, steps):
    with pytest.raises(Boom, match="up"), client_of(living(startup=steps)):
        pass


@pytest.mark.parametrize("steps", [(Boom("down"),), ("lifespan.shutdown.failed", Boom("down"))], ids=["raises", "both"])
def test_an_exception_at_shutdown_is_raised_as_itself(client_of, steps):
    with pytest.raises(Boom, match="down"), client_of(living(shutdown=steps)) as client:
        assert client.get("/").text == "ok"


def test_an_exception_after_the_last_answer_is_not_lost(client_of):
    with pytest.raises(Boom), client_of(living(shutdown=("lifespan.shutdown.complete", Boom()))):
        pass


def test_a_failure_that_is_only_reported_has_the_applications_own_words(client_of):
    with (
        pytest.raises(LifespanFailed, match="startup failed: because"),
        client_of(living(("lifespan.startup.failed",))),
    ):
        pass
    app = living(shutdown=("lifespan.shutdown.failed",))
    with pytest.raises(LifespanFailed, match="shutdown failed: because"), client_of(app):
        pass


def test_a_lifespan_that_dies_while_requests_are_served_is_raised_at_the_end(client_of):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        raise Boom

    with pytest.raises(Boom), client_of(app):
        pass


def test_an_application_that_returns_without_an_answer_has_no_lifespan(client_of):
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            return
        await living()(scope, receive, send)

    with client_of(app) as client:
        assert client.get("/").text == "ok"


def test_an_answer_to_something_else_is_named(client_of):
    with (
        pytest.raises(ConformanceError, match=r"'lifespan\.shutdown\.complete' is out of order .*asked to start"),
        client_of(living(startup=("lifespan.shutdown.complete",))),
    ):
        pass


def test_what_the_lifespan_task_opens_it_can_close(client_of):
    closed = []

    async def app(scope, receive, send):
        await receive()
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep_forever)
            await send({"type": "lifespan.startup.complete"})
            await receive()
            group.cancel_scope.cancel()
        closed.append(1)
        await send({"type": "lifespan.shutdown.complete"})

    with client_of(app):
        pass
    assert closed == [1]


def test_an_error_in_the_with_block_still_shuts_down(client_of):
    app = living()
    with pytest.raises(ZeroDivisionError), client_of(app):
        raise ZeroDivisionError
    assert app.events[-1] == "lifespan.shutdown"


def test_a_client_can_be_entered_again(client_of):
    app = living()
    client = client_of(app)
    for _ in range(2):
        with client:
            assert client.get("/").text == "ok"
    assert app.events == ["lifespan.startup", "lifespan.shutdown"] * 2


def test_after_a_failed_start_the_client_is_usable_and_not_entered(client_of):
    client = client_of(living(startup=(Boom(),)))
    with pytest.raises(Boom), client:
        pass
    assert client.portal is None
    assert client.get("/").text == "ok"


def test_a_client_cannot_be_entered_twice_at_once(client_of):
    with client_of(living()) as client, pytest.raises(RuntimeError, match="already entered"), client:
        pass


def test_the_lifespan_scope_has_the_state_and_the_version():
    scopes = []

    async def app(scope, receive, send):
        scopes.append(scope)
        await living()(scope, receive, send)

    with TestClient(app) as client:
        assert scopes[0]["state"] is client.app_state
    assert scopes[0]["asgi"] == {"version": "3.0", "spec_version": "2.0"}


def test_leaving_a_client_twice_is_harmless(client_of):
    app = living()
    client = client_of(app)
    with client:
        pass
    client.__exit__()
    assert app.events == ["lifespan.startup", "lifespan.shutdown"]
    with client:
        assert client.get("/").text == "ok"


async def test_a_lifespan_that_was_not_entered_cannot_be_shut_down(client_of):
    with pytest.raises(RuntimeError, match="use `with TestClient"):
        await client_of(living()).wait_shutdown()


def test_an_answer_that_is_none_is_named_by_a_client_that_is_not_strict_too(client_of):
    client = client_of(living(startup=("lifespan.invented",)), strict=False)
    with pytest.raises(ConformanceError, match=r"does not answer 'lifespan\.startup'"), client:
        pass
