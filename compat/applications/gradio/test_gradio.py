"""A small interface of gradio, alone and mounted in a FastAPI application, under a real server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio
import httpx
import pytest
from fastapi import FastAPI
from gradio_client import Client, handle_file
from served import serving


def interface() -> Any:
    """Greets, counts in steps, measures a file, remembers per session, and fails."""
    with gradio.Blocks(title="Bench") as blocks:
        name = gradio.Textbox()
        greeting = gradio.Textbox()
        file = gradio.File()
        size = gradio.Number()
        remembered = gradio.State([])

        def greet(name: str) -> str:
            return f"Hello {name}"

        def count(name: str) -> Iterator[str]:
            for number in range(3):
                yield f"{name} {number}"

        def measure(path: str) -> int:
            return len(Path(path).read_bytes())

        def remember(name: str, held: list[str]) -> tuple[list[str], str]:
            held = [*held, name]
            return held, ",".join(held)

        def fail(name: str) -> str:
            raise gradio.Error(f"not {name}")

        async def shout(name: str) -> str:
            return name.upper()

        gradio.Button().click(greet, name, greeting, api_name="greet")
        gradio.Button().click(count, name, greeting, api_name="count")
        gradio.Button().click(measure, file, size, api_name="measure")
        gradio.Button().click(remember, [name, remembered], [remembered, greeting], api_name="remember")
        gradio.Button().click(fail, name, greeting, api_name="fail")
        gradio.Button().click(shout, name, greeting, api_name="shout")
    return blocks


def alone() -> Any:
    return gradio.mount_gradio_app(FastAPI(), interface(), path="/")


def mounted() -> Any:
    app = FastAPI()

    @app.get("/health")
    def health() -> dict[str, bool]:
        return {"ok": True}

    @app.middleware("http")
    async def stamp(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["x-stamped"] = "yes"
        return response

    return gradio.mount_gradio_app(app, interface(), path="/bench")


@pytest.fixture(scope="module", params=["alone", "mounted"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    app, path = (alone(), "/") if request.param == "alone" else (mounted(), "/bench/")
    with serving(app) as base:
        yield base + path


@pytest.fixture(scope="module")
def client(url: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(url, verbose=False, download_files=str(tmp_path_factory.mktemp("files")))


def test_the_page_and_its_parts_are_served(url: str) -> None:
    page = httpx.get(url)
    assert page.status_code == 200
    assert "Bench" in page.text
    assert httpx.get(f"{url}config").json()["title"] == "Bench"
    assert httpx.get(f"{url}theme.css").headers["content-type"].startswith("text/css")
    assert httpx.get(f"{url}static/../../etc/passwd").status_code in (403, 404)


def test_functions_are_listed_and_called(client: Client) -> None:
    assert "/greet" in client.view_api(return_format="dict")["named_endpoints"]
    assert client.predict("Ada", api_name="/greet") == "Hello Ada"
    assert client.predict("Ada", api_name="/shout") == "ADA"


def test_many_calls_at_once_are_answered(client: Client) -> None:
    jobs = [client.submit(str(number), api_name="/greet") for number in range(8)]
    assert [job.result(timeout=30) for job in jobs] == [f"Hello {number}" for number in range(8)]


def test_a_function_that_yields_streams_its_results(client: Client) -> None:
    job = client.submit("step", api_name="/count")
    assert job.result(timeout=30) is not None
    assert job.outputs() == ["step 0", "step 1", "step 2"]


def test_a_file_is_uploaded(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "some file.bin"
    path.write_bytes(b"x" * 1_500_000)
    assert client.predict(handle_file(str(path)), api_name="/measure") == 1_500_000


def test_a_session_remembers(url: str, client: Client) -> None:
    client.reset_session()
    client.predict("one", api_name="/remember")
    assert client.predict("two", api_name="/remember") == "one,two"


def test_an_error_is_told(client: Client) -> None:
    with pytest.raises(Exception, match="not today"):
        client.predict("today", api_name="/fail")


def test_the_api_is_called_without_the_client(url: str) -> None:
    answer = httpx.post(f"{url}gradio_api/call/greet", json={"data": ["Bob"]})
    identifier = answer.json()["event_id"]
    with httpx.stream("GET", f"{url}gradio_api/call/greet/{identifier}", timeout=30) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in stream.iter_lines() if line]
    assert lines[-2:] == ["event: complete", f"data: {json.dumps(['Hello Bob'])}"]


def test_an_upload_is_served_again_whole_and_in_part(url: str) -> None:
    uploaded = httpx.post(f"{url}gradio_api/upload", files={"files": ("note.txt", b"0123456789")})
    assert uploaded.status_code == 200
    where = f"{url}gradio_api/file={uploaded.json()[0]}"
    assert httpx.get(where).content == b"0123456789"
    part = httpx.get(where, headers={"range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    assert httpx.get(f"{url}gradio_api/file=/etc/passwd").status_code == 403


def test_the_application_around_is_served_beside(url: str) -> None:
    if not url.endswith("/bench/"):
        pytest.skip("stands alone")
    answer = httpx.get(url.replace("/bench/", "/health"))
    assert answer.json() == {"ok": True}
    assert answer.headers["x-stamped"] == "yes"
    assert httpx.get(url).headers["x-stamped"] == "yes"
