"""Applications whose routes may be asked so and so often, by decorator, by default and by middleware."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from served import serving
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.middleware import SlowAPIASGIMiddleware, SlowAPIMiddleware
from slowapi.util import get_remote_address
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

MIDDLEWARES = [SlowAPIMiddleware, SlowAPIASGIMiddleware]


def by_user(request: Request) -> str:
    return request.headers.get("x-user") or get_remote_address(request)


def starlette_app(middleware: Any = None, done: list[str] | None = None, **settings: Any) -> Starlette:
    limiter = Limiter(key_func=by_user, headers_enabled=True, **settings)

    @limiter.limit("2/minute")
    async def strict(request: Request) -> Response:
        return PlainTextResponse("strict")

    @limiter.limit("2/minute")
    def in_thread(request: Request) -> Response:
        return PlainTextResponse("thread")

    @limiter.limit("1/minute", key_func=lambda request: request.path_params["name"])
    async def named(request: Request) -> Response:
        return PlainTextResponse(request.path_params["name"])

    @limiter.exempt
    async def free(request: Request) -> Response:
        return PlainTextResponse("free")

    async def usual(request: Request) -> Response:
        return PlainTextResponse("usual", background=BackgroundTask((done if done is not None else []).append, "done"))

    async def stream(request: Request) -> Response:
        async def pieces() -> Any:
            for number in range(3):
                yield f"{number};"

        return StreamingResponse(pieces())

    app = Starlette(
        routes=[
            Route("/strict", strict),
            Route("/thread", in_thread),
            Route("/named/{name}", named),
            Route("/free", free),
            Route("/usual", usual),
            Route("/stream", stream),
        ]
    )
    app.state.limiter = limiter
    app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)  # type: ignore[arg-type]
    if middleware:
        app.add_middleware(middleware)
    return app


def statuses(client: Any, path: str, times: int, **headers: str) -> list[int]:
    return [client.get(path, headers=headers).status_code for _ in range(times)]


@pytest.mark.parametrize("middleware", [None, *MIDDLEWARES])
@pytest.mark.parametrize("path", ["/strict", "/thread"])
def test_a_decorated_route_is_limited(middleware: Any, path: str) -> None:
    client = TestClient(starlette_app(middleware))
    assert statuses(client, path, 3) == [200, 200, 429]


def test_the_refusal_says_what_the_limit_is_and_when_to_come_again() -> None:
    client = TestClient(starlette_app())
    first, _, refused = (client.get("/strict") for _ in range(3))
    assert (first.headers["x-ratelimit-limit"], first.headers["x-ratelimit-remaining"]) == ("2", "1")
    assert refused.json() == {"error": "Rate limit exceeded: 2 per 1 minute"}
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert 0 < int(refused.headers["retry-after"]) <= 60


def test_each_key_has_a_count_of_its_own() -> None:
    client = TestClient(starlette_app())
    assert statuses(client, "/strict", 3, **{"x-user": "ada"}) == [200, 200, 429]
    assert statuses(client, "/strict", 1, **{"x-user": "bob"}) == [200]
    assert [client.get(f"/named/{name}").status_code for name in ("a", "a", "b")] == [200, 429, 200]


@pytest.mark.parametrize("middleware", MIDDLEWARES)
def test_default_limits_hold_for_routes_without_one_but_not_for_exempt_ones(middleware: Any) -> None:
    done: list[str] = []
    client = TestClient(starlette_app(middleware, done, default_limits=["2/minute"]))
    assert statuses(client, "/usual", 3) == [200, 200, 429]
    assert statuses(client, "/free", 4) == [200] * 4
    assert statuses(client, "/nowhere", 4) == [404] * 4
    assert done == ["done", "done"]


def test_a_stream_bears_the_headers_and_is_limited() -> None:
    """With its function middleware: the other one of slowapi 0.1.10 sends the head again with each chunk."""
    client = TestClient(starlette_app(SlowAPIMiddleware, default_limits=["1/minute"]))
    answer = client.get("/stream")
    assert answer.text == "0;1;2;"
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert client.get("/stream").status_code == 429


@pytest.mark.parametrize("middleware", MIDDLEWARES)
def test_a_limiter_can_be_switched_off(middleware: Any) -> None:
    client = TestClient(starlette_app(middleware, default_limits=["1/minute"], enabled=False))
    assert statuses(client, "/usual", 3) == [200, 200, 200]


@pytest.mark.parametrize("middleware", MIDDLEWARES)
def test_a_handler_of_the_applications_own_answers(middleware: Any) -> None:
    app = starlette_app(middleware, default_limits=["1/minute"])

    def slow_down(request: Request, error: Exception) -> Response:
        return JSONResponse({"slow": request.url.path}, 420)

    app.add_exception_handler(RateLimitExceeded, slow_down)
    client = TestClient(app)
    client.get("/usual")
    assert (client.get("/usual").status_code, client.get("/usual").json()) == (420, {"slow": "/usual"})


def fastapi_app(middleware: Any) -> FastAPI:
    limiter = Limiter(key_func=get_remote_address, headers_enabled=True, default_limits=["3/minute"])
    app = FastAPI()
    app.state.limiter = limiter
    app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)  # type: ignore[arg-type]
    app.add_middleware(middleware)

    @app.get("/items/{number}")
    @limiter.limit("2/minute")
    async def item(request: Request, response: Response, number: int) -> dict[str, int]:
        return {"number": number}

    @app.get("/others")
    def others() -> list[int]:
        return [1, 2]

    shared = limiter.shared_limit("2/minute", scope="pair")

    @app.get("/left")
    @shared
    async def left(request: Request, response: Response) -> str:
        return "left"

    @app.get("/right")
    @shared
    async def right(request: Request, response: Response) -> str:
        return "right"

    return app


@pytest.mark.parametrize("middleware", MIDDLEWARES)
def test_fastapi_routes_are_limited_and_their_responses_bear_the_headers(middleware: Any) -> None:
    client = TestClient(fastapi_app(middleware))
    first = client.get("/items/7")
    assert (first.json(), first.headers["x-ratelimit-remaining"]) == ({"number": 7}, "1")
    assert statuses(client, "/items/7", 2) == [200, 429]
    assert [client.get(path).status_code for path in ("/left", "/right", "/left")] == [200, 200, 429]
    assert client.get("/items/x").status_code == 422


@pytest.mark.parametrize("middleware", MIDDLEWARES)
def test_under_a_server(middleware: Any) -> None:
    with serving(starlette_app(middleware, default_limits=["2/minute"])) as base, httpx.Client(base_url=base) as client:
        assert statuses(client, "/usual", 3) == [200, 200, 429]
        assert statuses(client, "/strict", 3) == [200, 200, 429]
        if middleware is SlowAPIMiddleware:
            assert client.get("/stream").text == "0;1;2;"
