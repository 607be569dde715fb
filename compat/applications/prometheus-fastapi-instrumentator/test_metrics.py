"""An application whose requests are counted and timed, and the page that tells of it."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from prometheus_client import REGISTRY, CollectorRegistry, Counter
from prometheus_fastapi_instrumentator import Instrumentator
from prometheus_fastapi_instrumentator.metrics import Info
from served import serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient


def routes_on(app: FastAPI) -> None:
    @app.get("/parcels/{number}")
    async def parcel(number: int) -> dict[str, int]:
        if number == 404:
            raise HTTPException(404)
        return {"number": number}

    @app.post("/parcels")
    def accept(parcel: dict[str, str]) -> dict[str, str]:
        return parcel

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("belt stands still")

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(iter(["ab", "cd"]))

    inner = FastAPI()

    @inner.get("/deep/{name}")
    async def deep(name: str) -> str:
        return name

    app.mount("/inner", inner)


def application(**settings: Any) -> tuple[FastAPI, CollectorRegistry]:
    registry = CollectorRegistry()
    app = FastAPI()
    Instrumentator(registry=registry, **settings).instrument(app).expose(app)
    routes_on(app)
    return app, registry


def count(registry: CollectorRegistry, handler: str, status: str = "2xx", method: str = "GET") -> float | None:
    labels = {"handler": handler, "status": status, "method": method}
    return registry.get_sample_value("http_requests_total", labels)


def test_requests_are_counted_by_the_template_of_their_route() -> None:
    app, registry = application()
    client = TestClient(app)
    for number in (1, 2, 404, "x"):
        client.get(f"/parcels/{number}")
    client.post("/parcels", json={"to": "Rome"})
    assert count(registry, "/parcels/{number}") == 2
    assert count(registry, "/parcels/{number}", "4xx") == 2
    assert count(registry, "/parcels", method="POST") == 1


def test_unknown_paths_are_grouped_and_can_be_ignored() -> None:
    app, registry = application()
    TestClient(app).get("/nowhere/1")
    assert count(registry, "none", "4xx") == 1
    app, registry = application(should_ignore_untemplated=True)
    TestClient(app).get("/nowhere/1")
    assert count(registry, "none", "4xx") is None


def test_an_error_of_a_handler_is_a_500() -> None:
    app, registry = application()
    assert TestClient(app, raise_server_exceptions=False).get("/broken").status_code == 500
    assert count(registry, "/broken", "5xx") == 1
    with pytest.raises(RuntimeError, match="belt"):
        TestClient(app).get("/broken")


def test_routes_of_mounted_applications_are_known_by_their_whole_template() -> None:
    app, registry = application()
    assert TestClient(app).get("/inner/deep/a").json() == "a"
    assert count(registry, "/inner/deep/{name}") == 1


def test_sizes_and_latencies_are_measured() -> None:
    app, registry = application()
    client = TestClient(app)
    sent = client.post("/parcels", json={"to": "Rome"})
    labels = {"handler": "/parcels", "method": "POST"}
    size = registry.get_sample_value("http_response_size_bytes_sum", {"handler": "/parcels"})
    assert size == len(sent.content)
    asked = registry.get_sample_value("http_request_size_bytes_sum", {"handler": "/parcels"})
    assert asked == int(sent.request.headers["content-length"])
    assert registry.get_sample_value("http_request_duration_seconds_count", labels) == 1


def test_excluded_routes_and_whole_statuses() -> None:
    app, registry = application(excluded_handlers=["/metrics", "/parcels/.*"], should_group_status_codes=False)
    client = TestClient(app)
    client.get("/parcels/1")
    client.get("/stream")
    assert count(registry, "/parcels/{number}", "200") is None
    assert count(registry, "/stream", "200") == 1


def test_a_metric_of_our_own_sees_request_and_response() -> None:
    registry = CollectorRegistry()
    kinds = Counter("kinds", "Media types", ["kind", "body"], registry=registry)

    def by_kind(info: Info) -> None:
        kinds.labels(info.response.headers["content-type"], (info.response.body or b"").decode()).inc()

    async def by_path(info: Info) -> None:
        kinds.labels(info.modified_handler, info.request.url.path).inc()

    app = FastAPI()
    Instrumentator(registry=registry, body_handlers=[".*"]).add(by_kind, by_path).instrument(app)
    routes_on(app)
    assert TestClient(app).get("/parcels/3").json() == {"number": 3}
    assert registry.get_sample_value("kinds_total", {"kind": "application/json", "body": '{"number":3}'}) == 1
    assert registry.get_sample_value("kinds_total", {"kind": "/parcels/{number}", "body": "/parcels/3"}) == 1


def test_requests_in_progress_are_gauged() -> None:
    """The gauge is kept in the process's own registry, whichever was given."""
    app, _ = application(should_instrument_requests_inprogress=True, inprogress_name="parcels_inprogress")
    during: list[float | None] = []

    @app.get("/during")
    def ask() -> None:
        during.append(REGISTRY.get_sample_value("parcels_inprogress"))

    TestClient(app).get("/during")
    assert during == [1]
    assert REGISTRY.get_sample_value("parcels_inprogress") == 0


@pytest.mark.parametrize("gzip", [False, True])
def test_a_starlette_application_exposes_its_metrics(gzip: bool) -> None:
    async def hello(request: Request) -> Response:
        return PlainTextResponse("hello")

    registry = CollectorRegistry()
    app = Starlette(routes=[Route("/hello/{name}", hello), Mount("/deep", routes=[Route("/{name}", hello)])])
    Instrumentator(registry=registry).instrument(app).expose(app, should_gzip=gzip)
    client = TestClient(app)
    client.get("/hello/a")
    client.get("/deep/a")
    page = client.get("/metrics")
    assert page.headers.get("content-encoding") == ("gzip" if gzip else None)
    assert 'http_requests_total{handler="/hello/{name}",method="GET",status="2xx"} 1.0' in page.text
    assert 'http_requests_total{handler="/deep/{name}",method="GET",status="2xx"} 1.0' in page.text


def test_under_a_server_a_stream_is_counted_once_and_the_page_is_served() -> None:
    app, registry = application()
    with serving(app) as base, httpx.Client(base_url=base) as client:
        assert client.get("/stream").text == "abcd"
        assert client.get("/parcels/1").status_code == 200
        page = client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    assert 'handler="/stream"' in page.text
    assert count(registry, "/stream") == 1
