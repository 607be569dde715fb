"""What the shop does behind a real socket, on both of uvicorn's event loops and HTTP parsers."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.dropin.fastapi_shop.shop import create_app
from tests.served.serving import PATIENCE, Served, serve, until


@pytest.fixture(params=["asyncio-h11", "uvloop-httptools"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Any, Served]]:
    (tmp_path / "index.html").write_text("<h1>welcome</h1>")
    app = create_app(tmp_path)
    loop, http = request.param.split("-")
    with serve(app, loop=loop, http=http) as served:
        yield app, served
    assert app.state.log[-1] == "stopped"


def ask(served: Served, path: str, **options: Any) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(served.url + path, **options), timeout=PATIENCE) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_many_clients_at_once_get_their_own_answers(shop: tuple[Any, Served]) -> None:
    _, served = shop

    def who(number: int) -> str:
        _, body = ask(served, "/admin/who", headers={"x-request-id": f"r{number}"})
        name: str = json.loads(body)["id"]
        return name

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(who, range(80))) == [f"r{number}" for number in range(80)]


def test_models_errors_streams_and_limits(shop: tuple[Any, Served]) -> None:
    _, served = shop
    assert ask(served, "/v1/items/1") == (200, b'{"name":"lamp","price":5.0,"tags":[]}')
    assert ask(served, "/v1/items/13")[0] == 409
    assert ask(served, "/work/feed") == (200, b"0 True\n1 True\n2 True\n")
    assert ask(served, "/work/small", data=b"1" * 11)[0] == 413
    assert ask(served, "/pages/", headers={"Accept": "text/html"}) == (200, b"<h1>welcome</h1>")
    assert served.records.lines == []
    assert ask(served, "/v1/broken") == (500, b"Internal Server Error")


def test_a_client_that_vanishes_from_a_stream_ends_its_dependency(shop: tuple[Any, Served]) -> None:
    app, served = shop
    with served.connect() as wire:
        wire.sendall(b"GET /work/endless HTTP/1.1\r\nHost: shop\r\n\r\n")
        assert wire.recv(4096)
        assert app.state.log[-1] == "session opened"
    until(lambda: app.state.log[-1] == "session closed", "the dependency of the stream is closed")
    assert ask(served, "/greeting") == (200, b'"hello"')


def test_a_websocket(shop: tuple[Any, Served]) -> None:
    app, served = shop
    with connect(f"ws://127.0.0.1:{served.port}/work/ws/blue?key=open") as websocket:
        websocket.send("one")
        assert json.loads(websocket.recv(PATIENCE)) == {"room": "blue", "said": "one"}
    until(lambda: app.state.log[-2:] == ["left with 1000", "session closed"], "the WebSocket's dependency is closed")
