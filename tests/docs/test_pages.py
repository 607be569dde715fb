"""What the README and the pages of `docs/` show is true: their examples run, and do what the text says."""

import contextlib
import inspect
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from asterion.testclient import TestClient

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def run_page(page: Path, directory: Path) -> dict[str, Any]:
    """The names that a page's examples define, run one after the other as one program."""
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    program = directory / f"{page.stem}_examples.py"
    program.write_text("\n".join(blocks), encoding="utf-8")
    return runpy.run_path(str(program))


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    monkeypatch.chdir(ROOT)
    return lambda name: run_page(ROOT / name, tmp_path)


@pytest.fixture
def ask(page: Callable[[str], dict[str, Any]]):  # type: ignore[no-untyped-def]
    """A test client for the application of a page."""
    with contextlib.ExitStack() as stack:
        yield lambda name: stack.enter_context(TestClient(page(name)["app"]))


@pytest.mark.skipif(not __debug__, reason="the examples show what comes out by assert statements")
@pytest.mark.parametrize("path", [path for path in PAGES if path.stem != "dropin"], ids=lambda path: path.stem)
def test_the_examples_of_a_page_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names = run_page(path, tmp_path)
    for name, value in names.items():
        if name.startswith("test_") and inspect.iscoroutinefunction(value):
            for backend in ("asyncio", "trio"):
                anyio.run(value, backend=backend)
        elif name.startswith("test_"):
            for arguments in _parameters(value):
                value(*arguments)


def _parameters(test: Any) -> list[tuple[Any, ...]]:
    """What pytest would call a test with: nothing, or each value of the one parameter it is marked with."""
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    return [(value,) for mark in marks for value in mark.args[1]] or [()]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_links_of_a_page_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


def test_the_index_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\(([^)#]+)\)", (ROOT / "docs/index.md").read_text(encoding="utf-8")))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert pages - {"index.md"} <= linked


def test_readme(page: Callable[[str], dict[str, Any]]) -> None:
    names = page("README.md")
    with TestClient(names["app"]) as client:
        response = client.get("/users/7")
        assert response.json() == {"id": 7}
        assert response.headers["x-served-by"] == "asterion"


def test_applications(ask: Any) -> None:
    assert ask("docs/applications.md").get("/").text == "Hello"


def test_routing(ask: Any) -> None:
    client = ask("docs/routing.md")
    assert client.get("/api/users/7").text == "user 7"
    assert client.get("/some/page").text == "page some/page"
    assert client.delete("/some/page").status_code == 405


def test_requests(ask: Any) -> None:
    client = ask("docs/requests.md")
    assert client.get("/?page=2", headers={"cookie": "theme=dark"}).json() == {
        "method": "GET",
        "path": "/",
        "page": "2",
        "agent": "testclient",
        "theme": "dark",
    }
    assert client.post("/echo", json=[1, 2]).json() == [1, 2]
    assert client.post("/echo", content=b"{").status_code == 400
    assert client.post("/count", content=b"x" * 1000).json() == {"bytes": 1000}
    assert client.post("/upload", files={"file": ("a.txt", b"abc")}).json() == {"name": "a.txt", "bytes": 3}
    assert client.post("/upload", files={"file": ("a.txt", b"x" * 10_000_001)}).status_code == 413


def test_responses(page: Callable[[str], dict[str, Any]]) -> None:
    names = page("docs/responses.md")
    with TestClient(names["app"], follow_redirects=False) as client:
        assert client.get("/").cookies["theme"] == "dark"
        assert client.get("/old").status_code == 308
        assert client.get("/readme", headers={"range": "bytes=2-9"}).text == "Asterion"
        assert client.get("/stream").text == "0\n1\n2\n"
        resumed = client.get("/progress", headers={"last-event-id": "2"}).text
        assert resumed == "retry: 2000\n\nevent: step\nid: 3\ndata: done\n\n"
        assert client.post("/order").json() == {"ordered": True}
    assert names["sent"] == ["to the customer", "to the shop"]


def test_middleware(ask: Any) -> None:
    response = ask("docs/middleware.md").get("/")
    assert (response.text, response.headers["x-visitor"]) == ("Hello", "somebody")


def test_websockets(ask: Any) -> None:
    with ask("docs/websockets.md").websocket_connect("/echo") as websocket:
        websocket.send_text("Hello")
        assert websocket.receive_text() == "Hello"


def test_templates(ask: Any) -> None:
    client = ask("docs/templates.md")
    assert "<h1>A tour of Asterion</h1>" in client.get("/").text
    assert client.get("/static/tour.css").status_code == 200
    assert client.get("/static/%2e%2e/app.py").status_code == 404


def test_function_middleware(page: Callable[[str], dict[str, Any]]) -> None:
    client = TestClient(page("docs/function-middleware.md")["app"])
    assert client.get("/").text == "0\n1\n2\n"
    assert client.get("/?loud=1").text == "0!\n1!\n2!\n"
    assert client.post("/echo", content=b"back").text == "back"


def test_faces(page: Callable[[str], dict[str, Any]]) -> None:
    names = page("docs/faces.md")
    assert TestClient(names["app"]).get("/").text == "Hello"
    policies = names["app"].policies
    assert not policies.errors_pass_middleware
    text = (ROOT / "docs/faces.md").read_text(encoding="utf-8")
    for name in policies.__slots__:
        assert f"`{name}`" in text
