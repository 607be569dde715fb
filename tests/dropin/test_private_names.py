"""What outsiders import from Starlette's private modules behaves as they rely on."""

from typing import Any

import anyio
import pytest

from asterion.applications import Asterion
from asterion.dropin._exception_handler import _lookup_exception_handler, wrap_app_handling_exceptions
from asterion.dropin._lifespan import DefaultLifespan
from asterion.dropin._utils import AwaitableOrContextManagerWrapper, create_collapsing_task_group
from asterion.requests import Request
from asterion.responses import PlainTextResponse, Response
from asterion.routing import Route, Router, WebSocketRoute
from asterion.testclient import TestClient
from asterion.websockets import WebSocket, WebSocketDisconnect
from tests.asgi import request


async def fail(error: Exception) -> None:
    raise error


@pytest.mark.anyio
async def test_a_single_failure_comes_out_of_the_task_group_as_itself() -> None:
    error = LookupError("oops")
    with pytest.raises(LookupError) as caught:
        async with create_collapsing_task_group() as group:
            group.start_soon(fail, error)
    assert caught.value is error
    assert caught.value.__context__ is None


@pytest.mark.anyio
async def test_a_failure_in_nested_task_groups_comes_out_as_itself() -> None:
    error = LookupError("oops")
    with pytest.raises(LookupError) as caught:
        async with create_collapsing_task_group() as outer, anyio.create_task_group() as inner:
            inner.start_soon(fail, error)
            outer.start_soon(anyio.sleep_forever)
    assert caught.value is error


@pytest.mark.anyio
async def test_a_failure_of_the_block_itself_comes_out_as_itself() -> None:
    error = LookupError("oops")
    with pytest.raises(LookupError) as caught:
        async with create_collapsing_task_group() as group:
            group.start_soon(anyio.sleep_forever)
            raise error
    assert caught.value is error


@pytest.mark.anyio
async def test_several_failures_stay_a_group() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with create_collapsing_task_group() as group:
            group.start_soon(fail, LookupError("one"))
            group.start_soon(fail, ValueError("two"))
            await anyio.lowlevel.checkpoint()
            raise KeyError("three")
    assert len(caught.value.exceptions) >= 2


@pytest.mark.anyio
async def test_a_task_group_without_failure_waits_for_its_tasks() -> None:
    done = []

    async def task() -> None:
        await anyio.lowlevel.checkpoint()
        done.append(True)

    async with create_collapsing_task_group() as group:
        group.start_soon(task)
    assert done == [True]


class Resource:
    def __init__(self) -> None:
        self.closed = False

    async def close(self) -> None:
        self.closed = True


@pytest.mark.anyio
async def test_a_wrapped_awaitable_is_awaited_for_its_result() -> None:
    async def make() -> Resource:
        return Resource()

    resource = await AwaitableOrContextManagerWrapper(make())
    assert resource.closed is False


@pytest.mark.anyio
async def test_a_wrapped_awaitable_that_is_entered_is_closed_at_the_end_of_the_block() -> None:
    async def make() -> Resource:
        return Resource()

    with pytest.raises(LookupError):
        async with AwaitableOrContextManagerWrapper(make()) as resource:
            assert resource.closed is False
            raise LookupError
    assert resource.closed is True


class OutOfStock(Exception):
    pass


async def out_of_stock(conn: Any, exc: Exception) -> Response:
    return PlainTextResponse(f"{type(exc).__name__} at {conn.url.path}", status_code=409)


async def out_of_stock_on_websocket(conn: Any, exc: Exception) -> None:
    await conn.close(code=4409)


def wrapping(inner: Any, conn_class: Any) -> Any:
    """An ASGI application that is wrapped as frameworks on top of Starlette wrap their endpoints."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        conn = conn_class(scope, receive, send)

        async def handled(scope: Any, receive: Any, send: Any) -> None:
            await inner(conn, scope, receive, send)

        await wrap_app_handling_exceptions(handled, conn)(scope, receive, send)

    return app


class Endpoint:
    """Not a function, so that the router takes it for an ASGI application."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


@pytest.mark.anyio
async def test_an_exception_of_a_wrapped_app_is_answered_by_its_handler() -> None:
    async def fails(conn: Any, scope: Any, receive: Any, send: Any) -> None:
        raise OutOfStock

    app = Asterion(
        routes=[Route("/shop", Endpoint(wrapping(fails, Request)))], exception_handlers={OutOfStock: out_of_stock}
    )
    answer = await request(app, path="/shop")
    assert (answer.status, answer.body) == (409, b"OutOfStock at /shop")


@pytest.mark.anyio
async def test_an_exception_without_handler_leaves_a_wrapped_app_as_itself() -> None:
    error = OutOfStock()

    async def fails(conn: Any, scope: Any, receive: Any, send: Any) -> None:
        raise error

    with pytest.raises(OutOfStock) as caught:
        await request(wrapping(fails, Request))
    assert caught.value is error


@pytest.mark.anyio
async def test_an_exception_in_the_middle_of_a_response_is_not_hidden() -> None:
    seen = []

    async def note(conn: Any, exc: Exception) -> None:
        seen.append(exc)

    async def fails_late(conn: Any, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise OutOfStock

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["starlette.exception_handlers"] = ({OutOfStock: note}, {})
        await wrapping(fails_late, Request)(scope, receive, send)

    with pytest.raises(OutOfStock) as caught:
        await request(app)
    assert seen == [caught.value]


@pytest.mark.anyio
@pytest.mark.parametrize("answers", [True, False])
async def test_an_answer_to_an_exception_of_background_work_is_logged_with_it(
    answers: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody gets the answer. A handler that gives none has dealt with the exception in its own way."""
    seen = []

    async def handler(conn: Any, exc: Exception) -> Response | None:
        seen.append(exc)
        return PlainTextResponse("sold out", 409) if answers else None

    async def fails_afterwards(conn: Any, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("ordered")(scope, receive, send)
        raise OutOfStock

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["starlette.exception_handlers"] = ({OutOfStock: handler}, {})
        await wrapping(fails_afterwards, Request)(scope, receive, send)

    assert (await request(app)).body == b"ordered"
    logged = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert len(seen) == 1
    assert logged == (seen if answers else [])


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_exception_of_a_wrapped_websocket_is_answered_by_its_handler(backend: Any) -> None:
    async def fails(conn: Any, scope: Any, receive: Any, send: Any) -> None:
        await conn.accept()
        raise OutOfStock

    app = Asterion(
        routes=[WebSocketRoute("/shop", Endpoint(wrapping(fails, WebSocket)))],
        exception_handlers={OutOfStock: out_of_stock_on_websocket},
    )
    with TestClient(app, backend=backend).websocket_connect("/shop") as websocket:
        with pytest.raises(WebSocketDisconnect) as caught:
            websocket.receive_text()
    assert caught.value.code == 4409


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_exception_without_handler_leaves_a_wrapped_websocket_as_itself(backend: Any) -> None:
    left: list[Exception] = []

    async def fails(conn: Any, scope: Any, receive: Any, send: Any) -> None:
        await conn.accept()
        raise OutOfStock

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await wrapping(fails, WebSocket)(scope, receive, send)
        except OutOfStock as error:
            left.append(error)
            raise

    with pytest.raises(OutOfStock) as caught:
        with TestClient(app, backend=backend).websocket_connect("/shop") as websocket:
            websocket.receive_text()
    assert left == [caught.value]


class SoldOut(OutOfStock):
    pass


def test_the_handler_of_the_nearest_base_class_is_looked_up() -> None:
    handlers: dict[Any, Any] = {Exception: "any", OutOfStock: "out of stock"}
    assert _lookup_exception_handler(handlers, SoldOut()) == "out of stock"
    assert _lookup_exception_handler(handlers, ValueError()) == "any"
    assert _lookup_exception_handler({OutOfStock: out_of_stock}, ValueError()) is None


def test_a_handler_for_what_is_in_a_group_is_not_taken_for_the_group() -> None:
    assert _lookup_exception_handler({OutOfStock: out_of_stock}, ExceptionGroup("", [OutOfStock()])) is None


@pytest.mark.anyio
async def test_a_router_without_a_lifespan_has_the_default_one() -> None:
    given = Router(lifespan=DefaultLifespan(Router()))
    assert isinstance(Router().lifespan_context, DefaultLifespan)
    assert not isinstance(Router(lifespan=lambda app: app).lifespan_context, DefaultLifespan)
    async with given.lifespan_context(given) as state, DefaultLifespan(given)(None) as own:
        assert state is own is None


@pytest.mark.anyio
async def test_the_default_lifespan_hides_no_failure() -> None:
    with pytest.raises(OutOfStock):
        async with DefaultLifespan(Router())(None):
            raise OutOfStock
