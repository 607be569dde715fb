"""What the shop does, by a test client on both event loops."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

import asterion.applications
from tests.dropin.fastapi_shop.shop import Session, Unexpected, create_app, session


@pytest.fixture
def shop(tmp_path: Path) -> FastAPI:
    (tmp_path / "index.html").write_text("<h1>welcome</h1>")
    (tmp_path / "app.js").write_text("run()")
    return create_app(tmp_path)


@pytest.fixture(params=["asyncio", "trio"])
def client(shop: FastAPI, request: pytest.FixtureRequest) -> Iterator[TestClient]:
    with TestClient(shop, backend=request.param) as client:
        shop.state.log.clear()
        yield client
        shop.state.log.clear()
    assert shop.state.log == ["stopped"]


def log_of(client: TestClient) -> list[str]:
    log: list[str] = client.app.state.log  # type: ignore[attr-defined]
    return log


def test_a_model_comes_back_through_every_layer(client: TestClient) -> None:
    answer = client.get("/v1/items/1", headers={"x-request-id": "r1", "origin": "https://shop.example"})
    assert (answer.status_code, answer.json()) == (200, {"name": "lamp", "price": 5.0, "tags": []})
    expected = {
        "x-route": "read_item",
        "x-request-id": "r1",
        "x-timing": "1",
        "x-pure": "1",
        "access-control-allow-origin": "https://shop.example",
    }
    assert {name: answer.headers[name] for name in expected} == expected
    assert log_of(client) == ["session opened", "session closed"]


def test_dependencies_validate_and_refuse(client: TestClient) -> None:
    item = {"name": "vase", "price": 3}
    refused = client.put("/v1/items/2", json=item)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Customer")
    answer = client.put("/v1/items/2", json=item, headers={"x-customer": "ann"})
    assert (answer.status_code, answer.json()) == (201, {"number": 2, "by": "ann", **item, "tags": []})
    for path, body, place in [
        ("/v1/items/x", item, ["path", "number"]),
        ("/v1/items/2", {"name": "v", "price": 3}, ["body", "name"]),
    ]:
        wrong = client.put(path, json=body, headers={"x-customer": "ann"})
        assert (wrong.status_code, wrong.json()["detail"][0]["loc"]) == (422, place)
    headers = {"x-customer": "ann", "content-type": "application/json"}
    malformed = client.put("/v1/items/2", content="{", headers=headers)
    assert (malformed.status_code, malformed.json()["detail"][0]["type"]) == (422, "json_invalid")
    assert client.get("/v1/search", params={"q": "lamp", "limit": 3}).json() == {"q": "lamp", "limit": 3}
    assert client.get("/v1/search", params={"q": "too long"}).status_code == 422


def test_errors_reach_dependencies_handlers_and_callers(client: TestClient) -> None:
    assert (client.get("/v1/items/9").status_code, log_of(client)[1:]) == (
        404,
        ["session saw HTTPException", "session closed"],
    )
    sold_out = client.get("/v1/items/13")
    assert (sold_out.status_code, sold_out.json()) == (409, {"sold_out": "black cat"})
    with pytest.raises(Unexpected, match="inside"):
        client.get("/v1/broken")
    assert log_of(client)[-2:] == ["session saw Unexpected", "session closed"]
    with pytest.raises(Unexpected, match="after the start"):
        client.get("/failing-stream")
    assert client.post("/v1/items/1").status_code == 405
    assert client.get("/nowhere").json() == {"detail": "Not Found"}


def test_it_is_asterion_that_serves() -> None:
    assert FastAPI.__mro__[1] is asterion.applications.Starlette


def test_background_tasks_run_before_the_dependencies_end(client: TestClient) -> None:
    assert client.post("/work/orders", headers={"x-request-id": "r7"}).json() == {"id": "r7"}
    assert log_of(client) == ["session opened", "mailed", "packed by r7", "session closed"]


def test_a_stream_has_its_dependency_to_its_end(client: TestClient) -> None:
    assert client.get("/work/feed").text == "0 True\n1 True\n2 True\n"
    assert log_of(client) == ["session opened", "session closed"]


def test_forms_files_and_limits(client: TestClient) -> None:
    answer = client.post("/work/upload", files={"file": ("a.txt", b"12345")}, data={"note": "n"})
    assert answer.json() == {"name": "a.txt", "size": 5, "note": "n"}
    assert client.post("/work/upload").status_code == 422
    assert client.post("/work/small", content=b"1" * 10).json() == 10

    def in_pieces() -> Iterator[bytes]:
        yield b"1" * 6
        yield b"1" * 6

    for content in (b"1" * 11, in_pieces()):
        assert client.post("/work/small", content=content).status_code == 413
    assert client.post("/work/upload", files={"file": ("a.txt", b"1" * 200_000)}).status_code == 413
    assert client.post("/admin/notes", content=b"1" * 101).status_code == 413
    assert client.post("/admin/notes", content=b"1" * 100).json() == 100


def test_a_mounted_application_has_its_own_paths_and_layers(client: TestClient) -> None:
    answer = client.get("/admin/who", headers={"x-request-id": "r2"})
    assert answer.json() == {"root_path": "/admin", "id": "r2"}
    assert (answer.headers["x-admin"], answer.headers["x-request-id"]) == ("/admin", "r2")
    assert client.get("/admin/openapi.json").json()["servers"] == [{"url": "/admin"}]


def test_redirects_urls_state_and_pages(client: TestClient) -> None:
    moved = client.get("/work/old", follow_redirects=False)
    assert (moved.status_code, moved.headers["location"]) == (307, "http://testserver/v1/items/1")
    assert client.get("/greeting/", follow_redirects=False).headers["location"] == "http://testserver/greeting"
    assert client.get("/greeting").json() == "hello"
    assert client.get("/pages/", headers={"accept": "text/html"}).text == "<h1>welcome</h1>"
    assert client.get("/pages/deep/link", headers={"accept": "text/html"}).text == "<h1>welcome</h1>"
    assert client.get("/pages/app.js").text == "run()"
    assert client.get("/pages/missing.js").status_code == 404


def test_openapi_and_its_pages(client: TestClient) -> None:
    answer = client.get("/openapi.json", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert sorted(answer.json()["paths"])[:2] == ["/failing-stream", "/greeting"]
    assert "swagger-ui" in client.get("/docs").text


def test_a_preflight_is_answered_before_the_application(client: TestClient) -> None:
    headers = {"origin": "https://shop.example", "access-control-request-method": "PUT"}
    answer = client.options("/v1/items/1", headers=headers)
    assert (answer.status_code, "x-timing" in answer.headers) == (200, False)


def test_websockets(client: TestClient) -> None:
    with client.websocket_connect("/work/ws/blue?key=open") as websocket:
        for word in ("one", "two"):
            websocket.send_text(word)
            assert websocket.receive_json() == {"room": "blue", "said": word}
    assert log_of(client) == ["session opened", "left with 1000", "session closed"]
    with pytest.raises(WebSocketDisconnect) as caught, client.websocket_connect("/work/ws/blue"):
        pass
    assert caught.value.code == 4401


def test_dependencies_are_overridden_in_tests(client: TestClient, shop: FastAPI) -> None:
    mine: list[str] = ["mine"]

    async def other() -> Any:
        return Session(mine)

    shop.dependency_overrides[session] = other
    assert client.get("/work/feed").status_code == 200
    assert log_of(client) == []


def test_what_is_not_caught_is_a_500_for_clients(shop: FastAPI) -> None:
    answer = TestClient(shop, raise_server_exceptions=False).get("/v1/broken")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
