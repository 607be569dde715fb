"""strawberry-graphql's ASGI application and its FastAPI router, in an application with middleware around it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import Depends, FastAPI, Request
from schema import schema
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from strawberry.asgi import GraphQL
from strawberry.fastapi import GraphQLRouter


SETTINGS: Any = {
    "multipart_uploads_enabled": True,
    "subscription_protocols": ["graphql-transport-ws", "graphql-ws", "multipart-subscription", "graphql-sse"],
}


async def stamp(request: Any, call_next: Any) -> Any:
    response = await call_next(request)
    response.headers["x-stamped"] = "yes"
    return response


def starlette_app() -> Any:
    view: Any = GraphQL(schema, **SETTINGS)
    routes = [Route("/graphql", view), WebSocketRoute("/graphql", view), Mount("/mounted", view)]
    return Starlette(routes=routes, middleware=[Middleware(BaseHTTPMiddleware, dispatch=stamp)])


def bare_app() -> Any:
    return Starlette(routes=[Mount("/graphql", GraphQL(schema, **SETTINGS))])


async def reader_of(request: Request = None) -> str | None:
    return None if request is None else request.headers.get("x-reader")


def context_getter(reader: str | None = Depends(reader_of)) -> dict[str, Any]:
    return {"reader": reader}


def fastapi_app() -> Any:
    app = FastAPI()
    app.middleware("http")(stamp)
    app.add_middleware(GZipMiddleware)
    router: Any = GraphQLRouter(schema, context_getter=context_getter, **SETTINGS)
    app.include_router(router, prefix="/graphql")
    return app


@pytest.fixture(params=[starlette_app, bare_app, fastapi_app], ids=["starlette", "mounted", "fastapi"])
def client(request: pytest.FixtureRequest) -> Iterator[TestClient]:
    with TestClient(request.param()) as made:
        yield made


def ask(client: TestClient, query: str, variables: dict[str, Any] | None = None, **options: Any) -> Any:
    return client.post("/graphql", json={"query": query, "variables": variables or {}}, **options)


def test_a_query_is_answered(client: TestClient) -> None:
    answer = ask(client, "query ($since: Int!) { books(since: $since) { title } }", {"since": 1900})
    assert answer.status_code == 200
    assert answer.json() == {"data": {"books": [{"title": "Dune"}]}, "extensions": {"traced": True}}
    assert answer.headers["content-type"] == "application/json"


def test_a_query_may_come_in_the_url(client: TestClient) -> None:
    answer = client.get("/graphql", params={"query": "{ books { year } }"})
    assert answer.json()["data"] == {"books": [{"year": 1965}, {"year": 1815}]}


def test_resolvers_see_the_request(client: TestClient) -> None:
    assert ask(client, "{ whoami }", headers={"x-reader": "Ada"}).json()["data"] == {"whoami": "Ada"}


def test_an_error_of_a_resolver_is_told_beside_the_data(client: TestClient) -> None:
    answer = ask(client, "{ broken }")
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["message"] == "no such shelf"


def test_a_mutation_sets_headers_cookies_and_the_status_of_the_response(client: TestClient) -> None:
    answer = ask(client, 'mutation { add(book: {title: "Ulysses", year: 1922}) { title year } }')
    assert answer.status_code == 201
    assert answer.json()["data"] == {"add": {"title": "Ulysses", "year": 1922}}
    assert answer.headers["x-added"] == "Ulysses"
    assert answer.cookies["last"] == "1922"
    assert len(answer.headers.get_list("content-length")) <= 1


def test_a_mutation_is_refused_in_the_url(client: TestClient) -> None:
    answer = client.get("/graphql", params={"query": "mutation { measure(file: null) }"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"{}", 400), (b'{"query": 1}', 400), (b"[]", 400)],
)
def test_what_is_no_operation_is_refused(client: TestClient, body: bytes, status: int) -> None:
    answer = client.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith(("text/plain", "application/json"))


def test_another_content_type_and_method_are_refused(client: TestClient) -> None:
    assert client.post("/graphql", content=b"x", headers={"content-type": "text/plain"}).status_code == 400
    assert client.put("/graphql").status_code == 405


def test_a_browser_is_given_the_page_to_explore_with(client: TestClient) -> None:
    answer = client.get("/graphql", headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<html" in answer.text


def test_a_file_is_uploaded(client: TestClient) -> None:
    query = "mutation ($file: Upload!) { measure(file: $file) }"
    operations = {"query": query, "variables": {"file": None}}
    form = {"operations": json.dumps(operations), "map": json.dumps({"0": ["variables.file"]})}
    answer = client.post("/graphql", data=form, files={"0": ("a.bin", b"x" * 300_000)})
    assert answer.json()["data"] == {"measure": 300_000}


def test_several_files_are_uploaded_at_once(client: TestClient) -> None:
    query = "mutation ($files: [Upload!]!) { join(files: $files) }"
    operations = {"query": query, "variables": {"files": [None, None]}}
    places = {"a": ["variables.files.0"], "b": ["variables.files.1"]}
    form = {"operations": json.dumps(operations), "map": json.dumps(places)}
    files = {"a": ("eins.txt", b"one"), "b": ("zwei.txt", b"two")}
    assert client.post("/graphql", data=form, files=files).json()["data"] == {"join": "eins.txt:one,zwei.txt:two"}


@pytest.mark.parametrize("form", [{}, {"operations": "{"}, {"operations": "{}", "map": "{}"}])
def test_a_form_that_is_no_upload_is_refused(client: TestClient, form: dict[str, str]) -> None:
    answer = client.post("/graphql", data=form, files={"other": ("a.txt", b"one")})
    assert answer.status_code == 400


def test_a_subscription_streams_in_parts_of_one_response(client: TestClient) -> None:
    headers = {"accept": "multipart/mixed;subscriptionSpec=1.0"}
    answer = ask(client, "subscription { count(to: 2) }", headers=headers)
    assert answer.headers["content-type"].startswith("multipart/mixed")
    parts = [line for line in answer.text.splitlines() if line.startswith("{") and "payload" in line]
    assert [json.loads(part)["payload"]["data"]["count"] for part in parts] == [0, 1]


def test_a_subscription_streams_as_server_sent_events(client: TestClient) -> None:
    answer = ask(client, "subscription { count(to: 2) }", headers={"accept": "text/event-stream"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line.startswith("data: {")]
    assert [one["data"]["count"] for one in told if one.get("data")] == [0, 1]


def connect(client: TestClient, protocols: list[str], **options: Any) -> Any:
    bare = any(isinstance(route, Mount) and route.path == "/graphql" for route in client.app.routes)
    return client.websocket_connect("/graphql/" if bare else "/graphql", protocols, **options)


def begin(websocket: Any, protocol: str, **payload: Any) -> None:
    assert websocket.accepted_subprotocol == protocol
    websocket.send_json({"type": "connection_init", "payload": payload})
    assert websocket.receive_json()["type"] == "connection_ack"


def test_a_subscription_over_a_websocket_ends_with_complete(client: TestClient) -> None:
    with connect(client, ["graphql-transport-ws"]) as websocket:
        begin(websocket, "graphql-transport-ws")
        websocket.send_json({"id": "1", "type": "subscribe", "payload": {"query": "subscription { count }"}})
        received = [websocket.receive_json() for _ in range(4)]
    assert [message["type"] for message in received] == ["next", "next", "next", "complete"]
    assert [message["payload"]["data"]["count"] for message in received[:3]] == [0, 1, 2]


def test_parameters_of_the_connection_reach_the_resolvers(client: TestClient) -> None:
    with connect(client, ["graphql-transport-ws"]) as websocket:
        begin(websocket, "graphql-transport-ws", reader="Grace")
        websocket.send_json({"id": "a", "type": "subscribe", "payload": {"query": "subscription { reader }"}})
        assert websocket.receive_json()["payload"]["data"] == {"reader": "Grace"}


def test_an_endless_subscription_is_stopped_and_others_go_on(client: TestClient) -> None:
    with connect(client, ["graphql-transport-ws"]) as websocket:
        begin(websocket, "graphql-transport-ws")
        websocket.send_json({"id": "1", "type": "subscribe", "payload": {"query": "subscription { forever }"}})
        assert websocket.receive_json()["payload"]["data"] == {"forever": 0}
        websocket.send_json({"id": "1", "type": "complete"})
        websocket.send_json({"id": "2", "type": "subscribe", "payload": {"query": "{ books { title } }"}})
        while (message := websocket.receive_json())["id"] == "1":
            assert message["type"] == "next"
        assert message["payload"]["data"]["books"][0] == {"title": "Dune"}
        websocket.send_json({"type": "ping"})
        while (message := websocket.receive_json())["type"] != "pong":
            assert message["id"] == "2"


def test_a_client_that_leaves_in_the_middle_of_a_subscription_harms_nobody(client: TestClient) -> None:
    for _ in range(3):
        with connect(client, ["graphql-transport-ws"]) as websocket:
            begin(websocket, "graphql-transport-ws")
            websocket.send_json({"id": "1", "type": "subscribe", "payload": {"query": "subscription { forever }"}})
            websocket.receive_json()
    assert ask(client, "{ books { title } }").status_code == 200


def test_an_error_in_a_subscription_is_told(client: TestClient) -> None:
    with connect(client, ["graphql-transport-ws"]) as websocket:
        begin(websocket, "graphql-transport-ws")
        websocket.send_json({"id": "1", "type": "subscribe", "payload": {"query": "subscription { failing }"}})
        assert websocket.receive_json()["payload"]["data"] == {"failing": 1}
        message = websocket.receive_json()
        assert "the shelf fell" in json.dumps(message)


def test_the_older_protocol_works_too(client: TestClient) -> None:
    with connect(client, ["graphql-ws"]) as websocket:
        begin(websocket, "graphql-ws")
        websocket.send_json({"id": "1", "type": "start", "payload": {"query": "subscription { count(to: 1) }"}})
        assert websocket.receive_json()["payload"]["data"] == {"count": 0}
        assert websocket.receive_json()["type"] == "complete"


def closed_with(websocket: Any) -> tuple[int, str]:
    with pytest.raises(WebSocketDisconnect) as caught:
        websocket.receive_json()
    return caught.value.code, caught.value.reason


def test_a_subscription_before_the_greeting_closes_the_connection(client: TestClient) -> None:
    with connect(client, ["graphql-transport-ws"]) as websocket:
        websocket.send_json({"id": "1", "type": "subscribe", "payload": {"query": "subscription { count }"}})
        assert closed_with(websocket) == (4401, "Unauthorized")


def test_what_is_no_message_closes_the_connection(client: TestClient) -> None:
    with connect(client, ["graphql-transport-ws"]) as websocket:
        websocket.send_text("no json")
        assert closed_with(websocket)[0] == 4400
    with connect(client, ["graphql-transport-ws"]) as websocket:
        websocket.send_bytes(b"{}")
        assert closed_with(websocket)[0] == 4400


def test_a_protocol_that_nobody_speaks_is_refused(client: TestClient) -> None:
    with connect(client, ["telepathy"]) as websocket:
        assert closed_with(websocket)[0] == 4406


def test_a_page_of_another_origin_may_not_connect(client: TestClient) -> None:
    headers = {"origin": "https://elsewhere.example", "host": "library.example"}
    with (
        pytest.raises(WebSocketDisconnect) as caught,
        connect(client, ["graphql-transport-ws"], headers=headers),
    ):
        pass
    assert caught.value.code == 1008
