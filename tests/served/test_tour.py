"""The tour over a real socket, asked by a real HTTP client that behaves."""

import hashlib

import httpx
import pytest
from websockets.sync.client import connect

from tests.served.serving import Served, until


@pytest.fixture
def client(tour: Served):  # type: ignore[no-untyped-def]
    with httpx.Client(base_url=tour.url, follow_redirects=True) as client:
        yield client
    tour.assert_healthy()


def test_the_page_comes_from_its_template_through_three_middlewares(client: httpx.Client) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>A tour of Asterion</h1>" in page.text
    assert page.headers["server-timing"].startswith("app;dur=")
    assert page.headers["x-request-number"] == "1"
    assert page.headers["content-security-policy"].startswith("default-src 'self'")


def test_the_page_numbers_its_requests(client: httpx.Client) -> None:
    client.get("/")
    assert "Request number 2." in client.get("/").text


def test_a_note_is_shown_and_filed_by_the_background_task(client: httpx.Client, tour: Served) -> None:
    page = client.post("/notes", data={"name": "Ada", "text": "Hello & <b>welcome</b>"})
    assert page.history[0].status_code == 303
    assert "Hello &amp; &lt;b&gt;welcome&lt;/b&gt;" in page.text
    until(lambda: tour.state()["notes"][0]["filed"] is not None, "the note is filed")
    assert "Filed at" in client.get("/").text


def test_the_connection_stays_open_after_a_background_task(client: httpx.Client) -> None:
    streams = {
        client.post("/notes", data={"name": "Ada", "text": str(number)}).extensions["network_stream"]
        for number in range(3)
    }
    assert len(streams) == 1


def test_an_upload_is_read_to_its_last_byte(client: httpx.Client) -> None:
    content = bytes(range(256)) * 8192
    page = client.post("/uploads", files={"file": ("two megabytes.bin", content)})
    assert page.status_code == 200
    assert "two megabytes.bin" in page.text
    assert str(len(content)) in page.text
    assert hashlib.sha256(content).hexdigest() in page.text


def test_a_stream_arrives_while_it_is_made(client: httpx.Client, tour: Served) -> None:
    with client.stream("GET", "/stream", params={"lines": "30"}) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "line 1 of 30"
        assert tour.state()["streams_open"] == 1
        assert list(lines)[-1] == "line 30 of 30"


def test_a_static_file_is_not_sent_again_to_who_has_it(client: httpx.Client) -> None:
    first = client.get("/static/tour.css")
    assert (first.status_code, first.headers["content-type"]) == (200, "text/css; charset=utf-8")
    again = client.get("/static/tour.css", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_websocket_echoes(tour: Served) -> None:
    with connect(f"ws://127.0.0.1:{tour.port}/echo") as websocket:
        for text in ("Hello", "καλημέρα", ""):
            websocket.send(text)
            assert websocket.recv(timeout=10) == text
    tour.assert_healthy()


@pytest.mark.parametrize(
    ("method", "path", "content", "headers", "status"),
    [
        ("GET", "/nothing-here", b"", {}, 404),
        ("GET", "/notes", b"", {}, 405),
        ("GET", "/stream?lines=0", b"", {}, 400),
        ("GET", "/stream?lines=%F0%9F%92%A9", b"", {}, 400),
        ("GET", "/static/../app.py", b"", {}, 404),
        ("GET", "/static/%2e%2e/app.py", b"", {}, 404),
        ("GET", "/static/tour.css%0a", b"", {}, 404),
        ("GET", "/static/tour.css%00", b"", {}, 404),
        ("GET", "/static/tour.css", b"", {"range": "bytes=9999999-"}, 416),
        ("GET", "/static/tour.css", b"", {"range": "bytes=oops"}, 200),
        ("GET", "/", b"", {"cookie": "\xff=;;;=; a"}, 200),
        ("POST", "/notes", b"name=Ada", {"content-type": "application/x-www-form-urlencoded"}, 400),
        ("POST", "/notes", b"%zz=%f&&&=", {"content-type": "application/x-www-form-urlencoded"}, 400),
        ("POST", "/notes", b"{", {"content-type": "application/json"}, 400),
        ("POST", "/uploads", b"no boundary", {"content-type": "multipart/form-data"}, 400),
        ("POST", "/uploads", b"--x\r\nnot a part", {"content-type": "multipart/form-data; boundary=x"}, 400),
        ("POST", "/uploads", b"x" * (10 * 1024 * 1024 + 1), {"content-type": "application/octet-stream"}, 413),
    ],
)
def test_a_malformed_request_is_answered_and_never_by_a_server_error(
    client: httpx.Client, method: str, path: str, content: bytes, headers: dict[str, str], status: int
) -> None:
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = client.request(method, path, content=content, headers=encoded)
    assert answer.status_code == status
