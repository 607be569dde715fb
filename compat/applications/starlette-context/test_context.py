"""An application that keeps request ids in starlette-context: middlewares of both kinds, plugins, errors, streams."""

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette_context import context, plugins, request_cycle_context
from starlette_context.errors import ContextDoesNotExistError
from starlette_context.middleware import ContextMiddleware, RawContextMiddleware

ID = "d6a0bcc2-3c6b-4e3a-8f27-0f1a8d1f6a51"
seen: list[object] = []


async def index(request):
    context["own"] = request.url.path
    return JSONResponse(dict(context.data))


def threaded(request):
    return PlainTextResponse(context["X-Request-ID"])


async def late(request):
    return PlainTextResponse("ok", background=BackgroundTask(lambda: seen.append(context.get("X-Request-ID"))))


async def stream(request):
    async def chunks():
        for number in range(3):
            await asyncio.sleep(0)
            yield f"{number}:{context['X-Request-ID']}\n"

    return StreamingResponse(chunks())


async def fails(request):
    raise LookupError(context["X-Request-ID"])


async def answer_lookup(request, error):
    return PlainTextResponse(f"sorry, {context['X-Request-ID']}", status_code=404)


async def socket(websocket):
    await websocket.accept()
    await websocket.send_text(context["X-Request-ID"])
    await websocket.close()


async def function(request, call_next):
    context["outer"] = True
    response = await call_next(request)
    response.headers["x-own"] = context.get("own", "none")
    return response


KINDS = [ContextMiddleware, RawContextMiddleware]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def client(request):
    seen.clear()
    middleware = [
        Middleware(
            request.param,
            plugins=(plugins.RequestIdPlugin(), plugins.CorrelationIdPlugin(), plugins.UserAgentPlugin()),
        ),
        Middleware(BaseHTTPMiddleware, dispatch=function),
    ]
    routes = [
        Route("/", index),
        Route("/threaded", threaded),
        Route("/late", late),
        Route("/stream", stream),
        Route("/fails", fails),
        WebSocketRoute("/ws", socket),
    ]
    app = Starlette(routes=routes, middleware=middleware, exception_handlers={LookupError: answer_lookup})
    with TestClient(app) as client:
        yield client


def test_ids_of_a_request_are_kept_and_sent_back(client):
    answer = client.get("/", headers={"X-Request-ID": ID, "User-Agent": "me"})
    assert answer.json()["X-Request-ID"] == ID
    assert answer.json()["User-Agent"] == "me"
    assert answer.headers["X-Request-ID"] == ID
    assert answer.headers["X-Correlation-ID"] == answer.json()["X-Correlation-ID"]


def test_ids_are_made_for_each_request(client):
    one, other = client.get("/").headers["X-Request-ID"], client.get("/").headers["X-Request-ID"]
    assert len(one) == len(other) == 36 - 4
    assert one != other


def test_what_a_function_middleware_keeps_is_seen_inside_and_back(client):
    answer = client.get("/")
    assert answer.json()["outer"] is True
    assert answer.headers["x-own"] == "/"


def test_an_id_that_is_none_is_answered_with_400(client):
    answer = client.get("/", headers={"X-Request-ID": "no-uuid"})
    assert (answer.status_code, answer.text) == (400, "")


@pytest.mark.parametrize(("path", "text"), [("/threaded", ID), ("/stream", f"0:{ID}\n1:{ID}\n2:{ID}\n")])
def test_the_context_reaches_threads_and_streams(client, path, text):
    assert client.get(path, headers={"X-Request-ID": ID}).text == text


def test_an_error_handler_sees_the_context(client):
    answer = client.get("/fails", headers={"X-Request-ID": ID})
    assert (answer.status_code, answer.text, answer.headers["X-Request-ID"]) == (404, f"sorry, {ID}", ID)


def test_a_background_task_sees_the_context(client):
    client.get("/late", headers={"X-Request-ID": ID})
    assert seen == [ID]


def test_there_is_no_context_outside_of_a_request(client):
    client.get("/")
    assert not context.exists()
    with pytest.raises(ContextDoesNotExistError):
        context["X-Request-ID"]
    with request_cycle_context({"a": 1}):
        assert context["a"] == 1


def test_a_websocket_has_a_context_of_its_own():
    app = Starlette(
        routes=[WebSocketRoute("/ws", socket)],
        middleware=[Middleware(RawContextMiddleware, plugins=(plugins.RequestIdPlugin(),))],
    )
    with TestClient(app).websocket_connect("/ws", headers={"X-Request-ID": ID}) as connection:
        assert connection.receive_text() == ID


def test_a_date_is_read_or_refused():
    async def when(request):
        return PlainTextResponse(context["Date"].isoformat())

    app = Starlette(
        routes=[Route("/", when)], middleware=[Middleware(ContextMiddleware, plugins=(plugins.DateHeaderPlugin(),))]
    )
    client = TestClient(app)
    assert client.get("/", headers={"Date": "Wed, 01 Jan 2020 04:27:12 GMT"}).text == "2020-01-01T04:27:12"
    assert client.get("/", headers={"Date": "yesterday"}).status_code == 400
