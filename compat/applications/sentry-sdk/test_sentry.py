"""What Sentry is told about an application: errors, transactions, breadcrumbs, the user, bodies; kept in memory."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request
from pydantic import BaseModel
from sentry_sdk.integrations.fastapi import FastApiIntegration
from sentry_sdk.integrations.starlette import StarletteIntegration
from sentry_sdk.transport import Transport
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient

logger = logging.getLogger("shop")
logger.setLevel(logging.INFO)


class Memory(Transport):
    """Keeps what would be sent."""

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.items: list[Any] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.items += [item.payload.json for item in envelope.items if item.payload.json]

    def events(self) -> list[Any]:
        return [item for item in self.items if item.get("type") != "transaction" and "exception" in item]

    def transactions(self) -> list[Any]:
        return [item for item in self.items if item.get("type") == "transaction"]


@pytest.fixture
def told() -> Iterator[Memory]:
    memory = Memory()
    sentry_sdk.init(
        dsn="http://key@sentry.invalid/1",
        transport=memory,
        traces_sample_rate=1.0,
        send_default_pii=True,
        max_request_body_size="always",
        auto_enabling_integrations=False,
        integrations=[
            StarletteIntegration(middleware_spans=True, failed_request_status_codes={500, 503}),
            FastApiIntegration(middleware_spans=True, failed_request_status_codes={500, 503}),
        ],
    )
    yield memory
    sentry_sdk.get_client().close()


class ByHeader(AuthenticationBackend):
    async def authenticate(self, conn: Any) -> Any:
        name = conn.headers.get("x-user")
        return None if name is None else (AuthCredentials(["authenticated"]), SimpleUser(name))


class Trouble(Exception):
    pass


async def fail(request: Any) -> Any:
    logger.info("about to fail for %s", request.query_params.get("who"))
    raise Trouble("the till is empty")


def fail_in_thread(request: Any) -> Any:
    raise Trouble("the till is stuck")


async def take(request: Any) -> Any:
    await request.json()
    raise Trouble("not this one")


async def form(request: Any) -> Any:
    async with request.form() as given:
        read = len(await given["file"].read())
    raise Trouble(f"read {read}")


async def unread(request: Any) -> Any:
    raise Trouble("never read")


async def fine(request: Any) -> Any:
    return JSONResponse({"body": (await request.body()).decode()})


async def unavailable(request: Any) -> Any:
    raise HTTPException(503, "closed")


async def missing(request: Any) -> Any:
    raise HTTPException(404)


async def stream(request: Any) -> Any:
    async def parts() -> Any:
        for part in ("a", "b", "c"):
            with sentry_sdk.start_span(op="part", name=part):
                yield part

    return StreamingResponse(parts())


async def talk(websocket: Any) -> None:
    await websocket.accept()
    await websocket.receive_text()
    raise Trouble("lost for words")


async def stamp(request: Any, call_next: Any) -> Any:
    response = await call_next(request)
    response.headers["x-stamped"] = "yes"
    return response


async def troubled(request: Any, error: Exception) -> Any:
    return JSONResponse({"trouble": str(error)}, 409)


def starlette_app(**settings: Any) -> Any:
    routes = [
        Route("/fail", fail),
        Route("/thread/{name}", fail_in_thread),
        Route("/json", take, methods=["POST"]),
        Route("/form", form, methods=["POST"]),
        Route("/unread", unread, methods=["POST"]),
        Route("/fine/{number:int}", fine, methods=["POST", "GET"]),
        Route("/unavailable", unavailable),
        Route("/missing", missing),
        Route("/stream", stream),
        WebSocketRoute("/talk", talk),
        Mount("/inner", routes=[Route("/fail", fail)]),
    ]
    layers = [
        Middleware(BaseHTTPMiddleware, dispatch=stamp),
        Middleware(AuthenticationMiddleware, backend=ByHeader()),
    ]
    return Starlette(routes=routes, middleware=layers, **settings)


def client(app: Any) -> TestClient:
    return TestClient(app, raise_server_exceptions=False)


def the_event(memory: Memory) -> Any:
    (event,) = memory.events()
    return event


def test_an_error_is_told_once_with_its_request(told: Memory) -> None:
    answer = client(starlette_app()).get("/fail?who=me", headers={"x-user": "ada", "cookie": "a=1"})
    assert answer.status_code == 500
    event = the_event(told)
    error = event["exception"]["values"][-1]
    assert (error["type"], error["value"]) == ("Trouble", "the till is empty")
    assert error["mechanism"]["handled"] is False
    assert event["request"]["url"] == "http://testserver/fail"
    assert event["request"]["query_string"] == "who=me"
    assert event["request"]["method"] == "GET"
    assert event["request"]["cookies"] == {"a": "1"}
    assert event["user"]["username"] == "ada"
    assert event["transaction"] == "/fail"
    assert [crumb["message"] for crumb in event["breadcrumbs"]["values"]] == ["about to fail for me"]


def test_an_error_in_a_worker_thread_is_told(told: Memory) -> None:
    client(starlette_app()).get("/thread/x")
    assert the_event(told)["exception"]["values"][-1]["value"] == "the till is stuck"


def test_a_json_body_is_told_and_secrets_are_hidden(told: Memory) -> None:
    client(starlette_app()).post("/json", json={"item": "tea", "password": "secret"})
    assert the_event(told)["request"]["data"] == {"item": "tea", "password": "[Filtered]"}


def test_a_form_is_told_without_its_files(told: Memory) -> None:
    client(starlette_app()).post("/form", data={"item": "tea"}, files={"file": ("a.txt", b"12345")})
    event = the_event(told)
    assert event["exception"]["values"][-1]["value"] == "read 5"
    assert event["request"]["data"]["item"] == "tea"
    assert "12345" not in str(event["request"]["data"]["file"])


def test_a_body_that_the_endpoint_never_reads_is_told_too(told: Memory) -> None:
    client(starlette_app()).post("/unread", json=[1, 2, 3])
    assert the_event(told)["request"]["data"] == [1, 2, 3]


def test_the_endpoint_reads_the_body_that_was_looked_at_before(told: Memory) -> None:
    answer = client(starlette_app()).post("/fine/3", json={"a": 1})
    assert answer.json() == {"body": '{"a":1}'}


def test_a_transaction_names_its_route_and_its_layers(told: Memory) -> None:
    client(starlette_app()).get("/fine/3")
    (transaction,) = told.transactions()
    assert transaction["transaction"] == "/fine/{number:int}"
    assert transaction["contexts"]["trace"]["op"] == "http.server"
    assert transaction["contexts"]["trace"]["status"] == "ok"
    layers = [span["description"] for span in transaction["spans"] if span["op"] == "middleware.starlette"]
    assert layers == [
        "ServerErrorMiddleware",
        "BaseHTTPMiddleware",
        "AuthenticationMiddleware",
        "ExceptionMiddleware",
    ]


def test_an_http_exception_is_told_where_its_status_is_asked_for(told: Memory) -> None:
    asked = client(starlette_app())
    assert asked.get("/missing").status_code == 404
    assert told.events() == []
    assert asked.get("/unavailable").status_code == 503
    assert the_event(told)["exception"]["values"][-1]["mechanism"]["handled"] is True


def test_an_error_with_a_handler_is_answered_by_it_and_not_told(told: Memory) -> None:
    app = starlette_app(exception_handlers={Trouble: troubled})
    answer = client(app).get("/fail")
    assert (answer.status_code, answer.json()) == (409, {"trouble": "the till is empty"})
    assert told.events() == []


def test_an_error_in_a_mounted_application_is_told(told: Memory) -> None:
    client(starlette_app()).get("/inner/fail")
    assert the_event(told)["request"]["url"] == "http://testserver/inner/fail"


def test_breadcrumbs_and_users_of_requests_do_not_mix(told: Memory) -> None:
    asked = client(starlette_app())
    for who in ("ada", "bob"):
        asked.get(f"/fail?who={who}", headers={"x-user": who})
    events = told.events()
    crumbs = [[crumb["message"] for crumb in one["breadcrumbs"]["values"]] for one in events]
    assert list(zip([one["user"]["username"] for one in events], crumbs, strict=True)) == [
        ("ada", ["about to fail for ada"]),
        ("bob", ["about to fail for bob"]),
    ]


def test_a_stream_is_one_transaction(told: Memory) -> None:
    assert client(starlette_app()).get("/stream").text == "abc"
    (transaction,) = told.transactions()
    assert [span["description"] for span in transaction["spans"] if span["op"] == "part"] == ["a", "b", "c"]


def talk_to(asked: TestClient) -> None:
    with asked.websocket_connect("/talk") as websocket:
        websocket.send_text("well?")
        websocket.receive_text()


def test_an_error_in_a_websocket_is_told(told: Memory) -> None:
    asked = client(starlette_app())
    with pytest.raises(Trouble):
        talk_to(asked)
    assert the_event(told)["exception"]["values"][-1]["value"] == "lost for words"


class Item(BaseModel):
    name: str


def fastapi_app() -> Any:
    app = FastAPI()

    @app.post("/items/{number}")
    async def items(number: int, item: Item) -> Item:
        if number == 0:
            raise Trouble("nothing")
        return item

    @app.get("/sync/{number}")
    def sync(number: int) -> int:
        raise Trouble(f"number {number}")

    @app.get("/later")
    async def later(tasks: BackgroundTasks) -> str:
        def work() -> None:
            raise Trouble("afterwards")

        tasks.add_task(work)
        return "soon"

    @app.middleware("http")
    async def stamped(request: Request, call_next: Any) -> Any:
        return await stamp(request, call_next)

    return app


def test_fastapi_routes_are_named_and_their_bodies_told(told: Memory) -> None:
    asked = client(fastapi_app())
    assert asked.post("/items/0", json={"name": "tea"}).status_code == 500
    event = the_event(told)
    assert event["request"]["data"] == {"name": "tea"}
    assert event["transaction"] == "/items/{number}"
    assert asked.post("/items/1", json={"name": "tea"}).json() == {"name": "tea"}
    assert len(told.events()) == 1
    assert [one["contexts"]["trace"]["status"] for one in told.transactions()] == ["internal_error", "ok"]


def test_an_error_in_a_sync_fastapi_endpoint_is_told(told: Memory) -> None:
    assert client(fastapi_app()).get("/sync/7").status_code == 500
    assert the_event(told)["exception"]["values"][-1]["value"] == "number 7"


def test_an_error_in_background_work_is_told(told: Memory) -> None:
    assert client(fastapi_app()).get("/later").json() == "soon"
    assert the_event(told)["exception"]["values"][-1]["value"] == "afterwards"


def test_a_malformed_body_is_refused_and_not_told(told: Memory) -> None:
    answer = client(fastapi_app()).post("/items/1", content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert told.events() == []
