"""Exception handlers: by class, by status, for everything; added late; and for errors after the start."""

import errno
from typing import Any

import pytest

from asterion.applications import Asterion, Starlette
from asterion.background import BackgroundTask
from asterion.exceptions import HTTPException
from asterion.middleware import Middleware
from asterion.middleware.base import BaseHTTPMiddleware
from asterion.middleware.exceptions import ExceptionMiddleware
from asterion.requests import Request
from asterion.responses import PlainTextResponse, Response, StreamingResponse
from asterion.routing import Mount, Route, Router, WebSocketRoute
from asterion.websockets import WebSocket
from tests.asgi import Exchange, http_scope, pass_through, request
from tests.names import without_address

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[Asterion, Starlette])
def face(request: pytest.FixtureRequest) -> Any:
    """Both classes of application."""
    return request.param


class Missing(LookupError):
    """An error of the application's own."""


def raises(error: BaseException) -> Route:
    async def endpoint(request: Request) -> Response:
        raise error

    return Route("/", endpoint)


async def handler(request: Request, error: Any) -> Response:
    return PlainTextResponse(f"{type(error).__name__} at {request.url.path}", 418)


def sync_handler(request: Request, error: Any) -> Response:
    return PlainTextResponse(f"{type(error).__name__} at {request.url.path}", 418)


class HandlerObject:
    async def __call__(self, request: Request, error: Any) -> Response:
        return await handler(request, error)


@pytest.mark.parametrize(
    "func",
    [handler, sync_handler, HandlerObject(), lambda request, error: handler(request, error)],
    ids=without_address,
)
@pytest.mark.parametrize("key", [Missing, LookupError])
async def test_an_exception_is_answered_by_the_handler_for_its_class_or_a_base(face: Any, func: Any, key: Any) -> None:
    answer = await request(face(routes=[raises(Missing("x"))], exception_handlers={key: func}))
    assert (answer.status, answer.body) == (418, b"Missing at /")


async def test_an_http_exception_is_its_status_detail_and_headers_unless_handled(face: Any) -> None:
    app = face(routes=[raises(HTTPException(409, "taken", headers={"x-by": "me"}))])
    answer = await request(app)
    assert (answer.status, answer.body, answer.headers["x-by"]) == (409, b"taken", "me")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("status", [204, 304])
async def test_an_http_exception_without_content_has_none(face: Any, status: int) -> None:
    answer = await request(face(routes=[raises(HTTPException(status, headers={"x-by": "me"}))]))
    assert (answer.status, answer.body, answer.headers) == (status, b"", {"x-by": "me"})


async def test_a_handler_for_a_status_wins_over_one_for_a_class(face: Any) -> None:
    async def not_found(request: Request, error: HTTPException) -> Response:
        return PlainTextResponse("404 handler", error.status_code)

    app = face(routes=[raises(HTTPException(404))], exception_handlers={404: not_found, HTTPException: handler})
    assert (await request(app)).body == b"404 handler"
    assert (await request(app, path="/nowhere")).body == b"404 handler"


async def test_the_exceptions_of_a_group_are_answered(face: Any) -> None:
    """Issue 2811: an endpoint with a task group raises a group, and means what is in it."""
    group = ExceptionGroup("tasks", [HTTPException(404, "not here")])
    assert (await request(face(routes=[raises(group)]))).body == b"not here"


async def test_a_handler_that_returns_no_response_is_a_clear_error(face: Any) -> None:
    async def forgets(request: Request, error: Exception) -> None:
        """Returns nothing."""

    app = face(routes=[raises(Missing("x"))], exception_handlers={Missing: forgets})
    with pytest.raises(
        TypeError, match=r"exception handler .*forgets returned None for Missing\('x'\); return a Response"
    ):
        await request(app)


async def test_an_error_of_a_handler_is_raised_with_the_one_it_was_called_for_as_its_context(face: Any) -> None:
    async def broken(request: Request, error: Exception) -> Response:
        raise KeyError("broken handler")

    first = Missing("x")
    with pytest.raises(KeyError, match="broken handler") as caught:
        await request(face(routes=[raises(first)], exception_handlers={Missing: broken}))
    assert caught.value.__context__ is first


async def test_a_handler_may_read_the_body(face: Any) -> None:
    async def endpoint(request: Request) -> Response:
        await request.body()
        raise Missing("x")

    async def repeats(request: Request, error: Exception) -> Response:
        return PlainTextResponse(await request.body(), 400)

    app = face(routes=[Route("/", endpoint, methods=["POST"])], exception_handlers={Missing: repeats})
    assert (await request(app, "POST", body=b"data")).body == b"data"


async def test_base_exceptions_pass_untouched(face: Any) -> None:
    class Stop(BaseException):
        """Not for handlers."""

    with pytest.raises(Stop):
        await request(face(routes=[raises(Stop())], exception_handlers={Exception: handler}))


# --- everything else ---


@pytest.mark.parametrize("key", [500, Exception])
async def test_the_handler_for_everything_answers_and_the_error_is_raised_all_the_same(face: Any, key: Any) -> None:
    error = Missing("x")
    exchange = Exchange(face(routes=[raises(error)], exception_handlers={key: handler}), http_scope())
    with pytest.raises(Missing) as caught:
        await exchange.run()
    assert caught.value is error
    assert (exchange.status, exchange.body, exchange.complete) == (418, b"Missing at /", True)


class PlainLayer:
    """A middleware that is no function: an error passes it on its way out."""

    def __init__(self, app: Any, then: BaseException | None = None) -> None:
        self.app = app
        self.then = then

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self.app(scope, receive, send)
        except Missing:
            if self.then is None:
                raise
            raise self.then from None


@pytest.mark.parametrize(
    ("then", "told"), [(None, ["Missing('first')"]), (KeyError(1), ["Missing('first')", "KeyError(1)"])]
)
async def test_the_handler_for_everything_is_told_of_each_error_once(face: Any, then: Any, told: list[str]) -> None:
    """Middleware lets the answer of the first pass, and its error, or raises another in its place."""
    seen: list[str] = []

    async def everything(request: Request, error: Exception) -> Response:
        seen.append(repr(error))
        return PlainTextResponse("everything", 500)

    layers = [Middleware(PlainLayer, then=then)]
    app = face(routes=[raises(Missing("first"))], middleware=layers, exception_handlers={Exception: everything})
    exchange = Exchange(app, http_scope())
    with pytest.raises(LookupError):
        await exchange.run()
    assert (exchange.status, exchange.body, exchange.complete) == (500, b"everything", True)
    assert seen == (told if face is Asterion else told[-1:])


async def test_a_nearer_handler_comes_first(face: Any) -> None:
    async def everything(request: Request, error: Exception) -> Response:
        return PlainTextResponse("everything", 500)

    app = face(routes=[raises(Missing("x"))], exception_handlers={Exception: everything, LookupError: handler})
    assert (await request(app)).status == 418


# --- added late ---


@pytest.mark.parametrize("key", [Missing, 409])
async def test_a_handler_counts_from_now_on_though_the_application_has_started(face: Any, key: Any) -> None:
    app = face(routes=[raises(HTTPException(409) if key == 409 else Missing("x"))])
    first = Exchange(app, http_scope())
    if key == 409:
        assert (await first.run()).status == 409
    else:
        with pytest.raises(Missing):
            await first.run()

    @app.exception_handler(key)
    async def late(request: Request, error: Exception) -> Response:
        return PlainTextResponse("late", 418)

    assert (await request(app)).body == b"late"
    assert late.__name__ == "late"


@pytest.mark.parametrize("key", [500, Exception])
async def test_so_does_the_handler_for_everything(face: Any, key: Any) -> None:
    app = face(routes=[raises(Missing("x"))])
    with pytest.raises(Missing):
        await request(app)
    app.add_exception_handler(key, handler)
    exchange = Exchange(app, http_scope())
    with pytest.raises(Missing):
        await exchange.run()
    assert exchange.status == 418


async def test_handlers_given_to_an_application_are_copied(face: Any) -> None:
    given: dict[Any, Any] = {}
    app = face(routes=[raises(Missing("x"))], exception_handlers=given)
    given[Missing] = handler
    with pytest.raises(Missing):
        await request(app)


@pytest.mark.parametrize("key", ["404", Missing("x"), int])
async def test_a_key_that_is_no_exception_and_no_status_is_refused(face: Any, key: Any) -> None:
    app = face(exception_handlers={key: handler})
    with pytest.raises(TypeError, match="an exception handler is for an exception class or a status code"):
        await request(app)


# --- after the start ---


async def stream_and_fail() -> Any:
    yield b"partial"
    raise Missing("x")


async def test_after_the_start_a_handler_is_called_and_the_error_raised_and_nothing_is_sent(face: Any) -> None:
    called: list[str] = []

    async def noted(request: Request, error: Exception) -> Response:
        called.append(type(error).__name__)
        return PlainTextResponse("too late", 400)

    async def endpoint(request: Request) -> Response:
        return StreamingResponse(stream_and_fail())

    exchange = Exchange(face(routes=[Route("/", endpoint)], exception_handlers={Missing: noted}), http_scope())
    with pytest.raises(Missing):
        await exchange.run()
    assert called == ["Missing"]
    assert (exchange.status, exchange.body, exchange.complete) == (200, b"partial", False)


@pytest.mark.parametrize("answers", [True, False])
async def test_an_error_of_background_work_that_is_handled_is_done_with(
    face: Any, answers: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """An answer that can no longer be sent would be lost, and the error with it: then it is logged."""
    called: list[Any] = []

    async def noted(request: Request, error: Exception) -> Response | None:
        called.append(error)
        return PlainTextResponse("too late", 400) if answers else None

    def work() -> None:
        raise Missing("in the background")

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("done", background=BackgroundTask(work))

    answer = await request(face(routes=[Route("/", endpoint)], exception_handlers={Missing: noted}))
    assert (answer.body, answer.complete, [str(error) for error in called]) == (b"done", True, ["in the background"])
    logged = ["Missing('in the background') was raised after the response was complete: no answer can be sent"]
    assert [record.getMessage() for record in caplog.records] == (logged if answers else [])


async def test_one_without_a_handler_is_raised_once_as_itself(face: Any) -> None:
    error = Missing("in the background")

    def work() -> None:
        raise error

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("done", background=BackgroundTask(work))

    exchange = Exchange(face(routes=[Route("/", endpoint)]), http_scope())
    with pytest.raises(Missing) as caught:
        await exchange.run()
    assert caught.value is error
    assert (exchange.body, exchange.complete) == (b"done", True)


# --- what is kept ---


async def test_an_exception_that_is_a_modules_constant_does_not_keep_every_request(face: Any) -> None:
    """Issue 3205: each request would hang on its traceback."""
    constant = Missing("constant")
    app = face(routes=[raises(constant)], exception_handlers={Missing: handler})
    for _ in range(3):
        await request(app)
    assert constant.__traceback__ is None


# --- as a middleware of one's own ---


async def test_exception_middleware_stands_alone() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise Missing("x")

    assert (await request(ExceptionMiddleware(app, {Missing: handler}))).status == 418
    with pytest.raises(Missing):
        await request(ExceptionMiddleware(app))


async def test_a_subclass_with_a_call_of_its_own_is_called_wherever_it_stands() -> None:
    """Function middleware right around it does not go past it, to the router."""
    seen: list[str] = []

    class Counting(ExceptionMiddleware):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # type: ignore[override]
            seen.append(scope["path"])
            await super().__call__(scope, receive, send)

    boundary = Counting(Router([raises(HTTPException(409))]).app)
    answer = await request(BaseHTTPMiddleware(boundary, dispatch=pass_through))
    assert (answer.status, seen) == (409, ["/"])


async def test_an_exception_of_a_websocket_is_answered_by_its_handler_and_others_are_raised() -> None:
    async def endpoint(websocket: WebSocket) -> None:
        raise {"known": Missing, "unknown": KeyError}[websocket.query_params["error"]]

    async def close(websocket: WebSocket, error: Exception) -> None:
        await websocket.close(4040, type(error).__name__)

    app = ExceptionMiddleware(Router([WebSocketRoute("/", endpoint)]), handlers={Missing: close})
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({**http_scope(query=b"error=known"), "type": "websocket"}, receive, send)
    assert [(message["type"], message["code"], message["reason"]) for message in sent] == [
        ("websocket.close", 4040, "Missing")
    ]
    with pytest.raises(KeyError):
        await app({**http_scope(query=b"error=unknown"), "type": "websocket"}, receive, send)


async def test_other_scopes_pass_untouched() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    scope = {"type": "lifespan"}
    await ExceptionMiddleware(app)(scope, None, None)  # type: ignore[arg-type]
    assert seen == [{"type": "lifespan"}]


@pytest.mark.parametrize("name", ["http_exception", "websocket_exception"])
async def test_the_default_handlers_say_what_they_are_for(name: str) -> None:
    middleware = ExceptionMiddleware(PlainTextResponse(""))
    with pytest.raises(TypeError, match=r"this handler answers \w+, got KeyError\('x'\)"):
        await getattr(middleware, name)(None, KeyError("x"))


async def test_an_inner_application_answers_before_the_outer(face: Any) -> None:
    async def outer(request: Request, error: Exception) -> Response:
        return PlainTextResponse("outer", 400)

    inner = face(routes=[raises(Missing("x"))], exception_handlers={Missing: handler})
    app = face(routes=[Mount("/in", inner), raises(Missing("x"))], exception_handlers={Missing: outer})
    assert (await request(app, path="/in/")).body == b"Missing at /in/"
    assert (await request(app)).body == b"outer"


async def test_a_handler_that_answers_nothing_to_an_error_of_background_work_leaves_nothing_unseen(
    face: Any, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Exception] = []

    async def noted(request: Request, error: Exception) -> None:
        seen.append(error)

    async def work() -> None:
        raise Missing

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("done", background=BackgroundTask(work))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await ExceptionMiddleware(endpoint_app, handlers={Missing: noted})(scope, receive, send)

    async def endpoint_app(scope: Any, receive: Any, send: Any) -> None:
        await (await endpoint(Request(scope)))(scope, receive, send)

    assert (await request(app)).body == b"done"
    assert len(seen) == 1
    assert "no answer can be sent" not in caplog.text


class Outer:
    """An ASGI middleware of the user's that raises where it is told to."""

    def __init__(self, app: Any, when: str) -> None:
        self.app, self.when = app, when

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)
        if scope["type"] == "http" and self.when == "afterwards":
            raise HTTPException(403)


async def test_an_http_exception_of_middleware_after_the_response_is_raised() -> None:
    app = Asterion(routes=[Route("/", answers_nothing)], middleware=[Middleware(Outer, "afterwards")])
    with pytest.raises(HTTPException, match="403"):
        await request(app)


async def answers_nothing(request: Request) -> Response:
    return Response()


async def test_middleware_of_the_users_is_called_for_websockets_too() -> None:
    async def live(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    app = Asterion(routes=[WebSocketRoute("/", live)], middleware=[Middleware(Outer, "never")])
    await app({"type": "websocket", "path": "/", "headers": [], "query_string": b""}, receive, send)
    assert sent == ["websocket.accept", "websocket.close"]


async def test_a_handlers_answer_to_an_error_after_the_end_of_a_websocket_has_nowhere_to_go() -> None:
    async def live(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close(4000)
        raise Missing

    async def late(websocket: WebSocket, error: Exception) -> Response:
        return PlainTextResponse("late")

    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    app = Asterion(routes=[WebSocketRoute("/", live)], exception_handlers={Missing: late})
    await app({"type": "websocket", "path": "/", "headers": [], "query_string": b""}, receive, send)
    assert sent == ["websocket.accept", "websocket.close"]


async def test_an_error_of_send_that_is_not_about_the_client_is_raised(face: Any) -> None:
    def full(message: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        await Exchange(face(routes=[Route("/", answers_nothing)]), on_send=full).run()
