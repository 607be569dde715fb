"""Requests that carry an identifier from the client to handlers, logs, background work and back."""

import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from asgi_correlation_id import CorrelationIdFilter, CorrelationIdMiddleware, correlation_id
from served import serving
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

KNOWN = "0a1b2c3d4e5f40718293a4b5c6d7e8f9"
log = logging.getLogger("parcels")


def application(seen: list[str | None], **settings: Any) -> Starlette:  # noqa: C901 - a handler after the other
    async def track(request: Request) -> Response:
        log.warning("tracked")
        return JSONResponse({"context": correlation_id.get(), "header": request.headers.get("x-request-id")})

    def in_thread(request: Request) -> Response:
        return PlainTextResponse(str(correlation_id.get()))

    async def stream(request: Request) -> Response:
        async def pieces() -> Any:
            for _ in range(2):
                yield f"{correlation_id.get()} "

        return StreamingResponse(pieces())

    async def later(request: Request) -> Response:
        return PlainTextResponse("soon", background=BackgroundTask(lambda: seen.append(correlation_id.get())))

    async def lost(request: Request) -> Response:
        raise HTTPException(404, "no such parcel")

    async def broken(request: Request) -> Response:
        raise RuntimeError("belt stands still")

    async def on_error(request: Request, error: Exception) -> Response:
        return PlainTextResponse("sorry", 500, {"X-Request-ID": correlation_id.get() or ""})

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(str(correlation_id.get()))
        await websocket.close()

    async def observe(request: Request, call_next: Any) -> Response:
        response = await call_next(request)
        response.headers["x-observed"] = correlation_id.get() or ""
        return response

    return Starlette(
        routes=[
            Route("/track", track),
            Route("/thread", in_thread),
            Route("/stream", stream),
            Route("/later", later),
            Route("/lost", lost),
            Route("/broken", broken),
            WebSocketRoute("/socket", socket),
        ],
        middleware=[Middleware(CorrelationIdMiddleware, **settings), Middleware(BaseHTTPMiddleware, dispatch=observe)],
        exception_handlers={Exception: on_error},
    )


@pytest.fixture
def seen() -> list[str | None]:
    return []


@pytest.fixture
def client(seen: list[str | None]) -> Iterator[TestClient]:
    with TestClient(application(seen), raise_server_exceptions=False) as client:
        yield client


def test_an_identifier_is_made_and_is_the_same_everywhere(client: TestClient) -> None:
    answer = client.get("/track")
    made = answer.headers["x-request-id"]
    assert UUID(made)
    assert answer.json() == {"context": made, "header": made}
    assert answer.headers["x-observed"] == made


def test_the_clients_identifier_is_kept(client: TestClient) -> None:
    answer = client.get("/track", headers={"X-Request-ID": KNOWN})
    assert answer.headers["x-request-id"] == answer.json()["context"] == KNOWN


def test_an_identifier_that_is_none_is_replaced(client: TestClient) -> None:
    answer = client.get("/track", headers={"X-Request-ID": "not one"})
    assert UUID(answer.headers["x-request-id"])
    assert answer.json()["header"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/thread", "/stream"])
def test_threads_and_streams_know_it(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"X-Request-ID": KNOWN})
    assert set(answer.text.split()) == {KNOWN}


def test_background_work_knows_it(client: TestClient, seen: list[str | None]) -> None:
    client.get("/later", headers={"X-Request-ID": KNOWN})
    assert seen == [KNOWN]


@pytest.mark.parametrize(("path", "status"), [("/lost", 404), ("/nowhere", 404), ("/broken", 500)])
def test_errors_bear_it(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path, headers={"X-Request-ID": KNOWN})
    assert answer.status_code == status
    assert answer.headers["x-request-id"] == KNOWN


def test_a_websocket_knows_it(client: TestClient) -> None:
    with client.websocket_connect("/socket", headers={"X-Request-ID": KNOWN}) as socket:
        assert socket.receive_text() == KNOWN


def test_log_records_bear_it(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(CorrelationIdFilter(uuid_length=8))
    client.get("/track", headers={"X-Request-ID": KNOWN})
    assert [record.correlation_id for record in caplog.records if record.name == "parcels"] == [KNOWN[:8]]


def test_header_generator_validator_and_transformer_can_be_set(seen: list[str | None]) -> None:
    app = application(
        seen,
        header_name="X-Parcel",
        generator=lambda: "made",
        validator=str.isdigit,
        transformer=lambda value: value + "!",
        update_request_header=False,
    )
    with TestClient(app) as client:
        kept, made = client.get("/track", headers={"X-Parcel": "12"}), client.get("/track", headers={"X-Parcel": "a"})
    assert (kept.headers["x-parcel"], made.headers["x-parcel"]) == ("12!", "made!")


def test_under_a_server_each_request_has_its_own(seen: list[str | None]) -> None:
    with serving(application(seen)) as base, httpx.Client(base_url=base) as client:
        answers = [client.get("/track") for _ in range(5)]
        streamed = client.get("/stream", headers={"X-Request-ID": KNOWN})
    assert len({answer.headers["x-request-id"] for answer in answers}) == 5
    assert all(answer.json()["context"] == answer.headers["x-request-id"] for answer in answers)
    assert set(streamed.text.split()) == {KNOWN}
