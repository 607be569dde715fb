"""Lifespans in every form, the hooks beside them, the state they share, and what the server is told when they fail."""

import functools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import pytest

from asterion.applications import Asterion, Starlette
from asterion.requests import Request
from asterion.responses import JSONResponse, Response
from asterion.routing import Route, Router
from tests.applications.serving import LifespanServer, live, served
from tests.asgi import request

pytestmark = pytest.mark.anyio

LOG: list[str] = []


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    LOG.clear()


@pytest.fixture(params=[Asterion, Starlette])
def face(request: pytest.FixtureRequest) -> Any:
    """Both classes of application."""
    return request.param


# --- forms ---


async def async_generator(app: Any) -> AsyncIterator[dict[str, Any]]:
    LOG.append("up")
    yield {"value": 1}
    LOG.append("down")


def generator(app: Any) -> Iterator[dict[str, Any]]:
    LOG.append("up")
    yield {"value": 1}
    LOG.append("down")


class Manager:
    def __init__(self, app: Any) -> None:
        self.app = app

    async def __aenter__(self) -> dict[str, Any]:
        LOG.append("up")
        return {"value": 1}

    async def __aexit__(self, *exc: Any) -> None:
        LOG.append("down")


class SyncManager:
    def __init__(self, app: Any) -> None:
        self.app = app

    def __enter__(self) -> dict[str, Any]:
        LOG.append("up")
        return {"value": 1}

    def __exit__(self, *exc: Any) -> None:
        LOG.append("down")


class CallableObject:
    def __call__(self, app: Any) -> Any:
        return asynccontextmanager(async_generator)(app)

    async def method(self, app: Any) -> AsyncIterator[dict[str, Any]]:
        async for state in async_generator(app):
            yield state


class GeneratorObject:
    async def __call__(self, app: Any) -> AsyncIterator[dict[str, Any]]:
        async for state in async_generator(app):
            yield state


FORMS = {
    "async context manager": asynccontextmanager(async_generator),
    "async generator": async_generator,
    "generator": generator,
    "context manager": contextmanager(generator),
    "class of an async context manager": Manager,
    "class of a context manager": SyncManager,
    "object": CallableObject(),
    "object with an async generator": GeneratorObject(),
    "method": CallableObject().method,
    "partial": functools.partial(async_generator),
    "partial of a context manager": functools.partial(asynccontextmanager(async_generator)),
    "lambda that gives a manager": lambda app: asynccontextmanager(async_generator)(app),
    "lambda that gives a generator": lambda app: async_generator(app),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
async def test_a_lifespan_may_be_written_in_many_forms(face: Any, form: Any) -> None:
    async def endpoint(request: Request) -> Response:
        return JSONResponse(request.state.value)

    app = face(lifespan=form, routes=[Route("/", endpoint)])
    async with served(app) as server:
        assert (server.told, LOG) == (["startup.complete"], ["up"])
        answer = await request(app, scope={"state": dict(server.scope["state"])})
        assert answer.body == b"1"
    assert (server.told, LOG) == (["startup.complete", "shutdown.complete"], ["up", "down"])
    assert server.error is None


async def test_the_lifespan_is_given_the_application(face: Any) -> None:
    given: list[Any] = []

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        given.append(app)
        yield

    app = face(lifespan=lifespan)
    await live(app)
    assert given == [app]


async def test_without_a_lifespan_the_server_is_told_that_all_is_well(face: Any) -> None:
    assert (await live(face())).told == ["startup.complete", "shutdown.complete"]
    assert (await live(Router())).told == ["startup.complete", "shutdown.complete"]


async def test_a_router_has_a_lifespan_too() -> None:
    await live(Router(lifespan=asynccontextmanager(async_generator)))
    assert LOG == ["up", "down"]


def test_a_coroutine_function_is_refused_when_the_application_is_made(face: Any) -> None:
    async def lifespan(app: Any) -> None:
        """Does not yield."""

    with pytest.raises(TypeError, match=r"lifespan .*lifespan is a coroutine function; it must yield once"):
        face(lifespan=lifespan)


@pytest.mark.parametrize("gives", [None, 42, "app"])
async def test_something_that_gives_no_context_manager_is_a_start_up_failure_with_its_name(gives: Any) -> None:
    server = await live(Asterion(lifespan=lambda app: gives))
    assert server.told == ["startup.failed"]
    assert f"gave {gives!r}, which is not an async context manager" in server.sent[0]["message"]


async def test_a_lambda_around_a_coroutine_function_is_a_start_up_failure_too() -> None:
    async def lifespan(app: Any) -> None:
        """Does not yield."""

    server = await live(Asterion(lifespan=lambda app: lifespan(app)))
    assert server.told == ["startup.failed"]


# --- state ---


async def test_every_request_has_a_state_of_its_own_with_what_the_lifespan_gave(face: Any) -> None:
    async def endpoint(request: Request) -> Response:
        request.state.seen = request.state.shared
        request.state.shared.append(1)
        return JSONResponse(len(request.state.shared))

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
        yield {"shared": []}

    app = face(lifespan=lifespan, routes=[Route("/", endpoint)])
    async with served(app) as server:
        for count in (b"1", b"2"):
            assert (await request(app, scope={"state": dict(server.scope["state"])})).body == count
        assert server.scope["state"].keys() == {"shared"}


async def test_state_where_the_server_offers_none_is_a_start_up_failure_that_says_so(face: Any) -> None:
    server = await live(face(lifespan=async_generator), state=False)
    assert server.told == ["startup.failed"]
    assert "this server offers no lifespan state" in server.sent[0]["message"]


async def test_a_lifespan_without_state_needs_none(face: Any) -> None:
    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        yield

    assert (await live(face(lifespan=lifespan), state=False)).told == ["startup.complete", "shutdown.complete"]


# --- hooks ---


async def test_hooks_run_within_the_lifespan_in_order(face: Any) -> None:
    app = face(
        lifespan=async_generator,
        on_startup=[lambda: LOG.append("start 1"), lambda: LOG.append("start 2")],
        on_shutdown=[lambda: LOG.append("stop 1")],
    )
    app.add_event_handler("shutdown", lambda: LOG.append("stop 2"))

    @app.on_event("startup")
    async def start_3() -> None:
        LOG.append("start 3")

    await live(app)
    assert LOG == ["up", "start 1", "start 2", "start 3", "stop 1", "stop 2", "down"]
    assert start_3.__name__ == "start_3"


async def test_hooks_run_without_a_lifespan(face: Any) -> None:
    await live(face(on_startup=[lambda: LOG.append("start")], on_shutdown=[lambda: LOG.append("stop")]))
    assert LOG == ["start", "stop"]


async def test_what_a_hook_gives_is_awaited_if_it_can_be(face: Any) -> None:
    async def hook(text: str) -> None:
        LOG.append(text)

    class Hook:
        async def __call__(self) -> None:
            LOG.append("object")

    await live(face(on_startup=[functools.partial(hook, "partial"), lambda: hook("lambda"), Hook()]))
    assert LOG == ["partial", "lambda", "object"]


async def test_a_hook_that_yields_is_a_start_up_failure_and_not_silently_skipped(face: Any) -> None:
    async def hook() -> AsyncIterator[None]:
        yield

    server = await live(face(on_startup=[hook]))
    assert server.told == ["startup.failed"]
    assert "yields; use a lifespan" in server.sent[0]["message"]


def test_an_event_is_startup_or_shutdown(face: Any) -> None:
    app = face()
    with pytest.raises(ValueError, match="an event is 'startup' or 'shutdown', got 'start'"):
        app.add_event_handler("start", lambda: None)
    with pytest.raises(ValueError, match="got 'stop'"):
        app.on_event("stop")(lambda: None)


# --- failures ---


async def test_a_start_up_that_fails_is_told_with_its_traceback_and_raised_as_itself(face: Any) -> None:
    error = KeyError("no database")

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        raise error
        yield

    server = await live(face(lifespan=lifespan, on_startup=[lambda: LOG.append("hook")]))
    assert server.told == ["startup.failed"]
    assert "KeyError: 'no database'" in server.sent[0]["message"]
    assert "Traceback" in server.sent[0]["message"]
    assert server.error is error
    assert LOG == []


async def test_a_start_up_hook_that_fails_ends_the_lifespan_properly(face: Any) -> None:
    def hook() -> None:
        raise KeyError("x")

    class Undone(Manager):
        async def __aexit__(self, *exc: Any) -> None:
            LOG.append(f"down {exc[0].__name__}")

    server = await live(face(lifespan=Undone, on_startup=[hook], on_shutdown=[lambda: LOG.append("stop")]))
    assert server.told == ["startup.failed"]
    assert isinstance(server.error, KeyError)
    assert LOG == ["up", "down KeyError"]


@pytest.mark.parametrize("where", ["hook", "lifespan"])
async def test_a_shutdown_that_fails_is_told_and_raised_as_itself(face: Any, where: str) -> None:
    error = KeyError("x")

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        yield
        LOG.append("down")
        if where == "lifespan":
            raise error

    def hook() -> None:
        if where == "hook":
            raise error

    server = await live(face(lifespan=lifespan, on_shutdown=[hook]))
    assert server.told == ["startup.complete", "shutdown.failed"]
    assert "KeyError: 'x'" in server.sent[1]["message"]
    assert server.error is error
    assert (["down"] if where == "lifespan" else []) == LOG


async def test_a_lifespan_may_keep_a_task_group_open(face: Any) -> None:
    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
        async with anyio.create_task_group() as group:
            yield {"group": group}
            group.cancel_scope.cancel()

    async def worker(done: anyio.Event) -> None:
        done.set()
        await anyio.sleep_forever()

    async def endpoint(request: Request) -> Response:
        done = anyio.Event()
        request.state.group.start_soon(worker, done)
        await done.wait()
        return Response()

    app = face(lifespan=lifespan, routes=[Route("/", endpoint)])
    async with served(app) as server:
        assert (await request(app, scope={"state": server.scope["state"]})).status == 200
    assert server.told == ["startup.complete", "shutdown.complete"]


async def test_a_lifespan_that_is_cancelled_is_a_failure_and_no_complete_shutdown(face: Any) -> None:
    server = LifespanServer()
    async with anyio.create_task_group() as group:
        group.start_soon(server.run, face(lifespan=async_generator))
        await server.started()
        group.cancel_scope.cancel()
    assert "shutdown.complete" not in server.told
