"""Answers that are kept: in memory, and in Redis where a server of it is installed."""

import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi_cache import FastAPICache
from fastapi_cache.backends.inmemory import InMemoryBackend
from fastapi_cache.backends.redis import RedisBackend
from fastapi_cache.coder import PickleCoder
from fastapi_cache.decorator import cache
from pydantic import BaseModel
from redis.asyncio import Redis
from served import serving
from starlette.responses import JSONResponse
from starlette.testclient import TestClient


class Parcel(BaseModel):
    number: int
    asked: int


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    try:
        limit = time.monotonic() + 10
        while time.monotonic() < limit:
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(params=["memory", "redis"])
def app(request: pytest.FixtureRequest) -> Iterator[FastAPI]:
    port = request.getfixturevalue("redis_port") if request.param == "redis" else None
    InMemoryBackend._store.clear()
    FastAPICache.reset()
    yield application(port)
    FastAPICache.reset()


def application(port: int | None) -> FastAPI:  # noqa: C901 - one subject, a handler after the other
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if port is None:
            FastAPICache.init(InMemoryBackend(), prefix="memory", expire=60)
            yield
            return
        async with Redis(host="127.0.0.1", port=port) as redis:
            await redis.flushall()
            FastAPICache.init(RedisBackend(redis), prefix="redis", expire=60)
            yield

    app = FastAPI(lifespan=lifespan)
    asked = {"parcel": 0, "thread": 0, "plain": 0, "keyed": 0}

    def ask(name: str) -> int:
        asked[name] += 1
        return asked[name]

    @app.middleware("http")
    async def observe(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["x-seen"] = response.headers.get("x-fastapi-cache", "none")
        return response

    @app.get("/parcels/{number}")
    @cache(expire=30)
    async def parcel(number: int) -> Parcel:
        if number == 0:
            ask("parcel")
            raise HTTPException(404, "no such parcel")
        return Parcel(number=number, asked=ask("parcel"))

    @app.get("/thread")
    @cache(expire=30, coder=PickleCoder)
    def in_thread(request: Request, response: Response) -> dict[str, Any]:
        response.headers["x-own"] = request.method
        return {"asked": ask("thread")}

    @app.api_route("/plain", methods=["GET", "POST"])
    @cache(namespace="plain")
    async def plain() -> int:
        return ask("plain")

    def by_language(function: Any, namespace: str = "", *, request: Request, **others: Any) -> str:
        return f"{namespace}:{function.__name__}:{request.headers.get('accept-language')}"

    @app.get("/keyed")
    @cache(key_builder=by_language)
    async def keyed() -> int:
        return ask("keyed")

    @app.get("/response")
    @cache(expire=30)
    async def response() -> Response:
        return JSONResponse({"asked": ask("plain")})

    @app.delete("/plain")
    async def forget() -> None:
        await FastAPICache.clear(namespace="plain")

    return app


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


def test_the_second_answer_is_the_first_one_kept(client: TestClient) -> None:
    first, second = client.get("/parcels/7"), client.get("/parcels/7")
    assert first.json() == second.json() == {"number": 7, "asked": 1}
    assert [answer.headers["x-fastapi-cache"] for answer in (first, second)] == ["MISS", "HIT"]
    assert [answer.headers["x-seen"] for answer in (first, second)] == ["MISS", "HIT"]
    assert first.headers["cache-control"] == "max-age=30"
    assert client.get("/parcels/8").json() == {"number": 8, "asked": 2}


def test_a_client_that_has_it_is_told_so(client: TestClient) -> None:
    tag = client.get("/parcels/7").headers["etag"]
    answer = client.get("/parcels/7", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert client.get("/parcels/7", headers={"If-None-Match": "other"}).status_code == 200


def test_a_client_may_ask_for_a_fresh_one(client: TestClient) -> None:
    asked = [client.get("/plain", headers=headers).json() for headers in ({}, {"Cache-Control": "no-cache"}, {})]
    assert asked == [1, 2, 2]
    assert client.get("/plain", headers={"Cache-Control": "no-store"}).json() == 3
    assert client.get("/plain").json() == 2


def test_what_is_no_get_is_not_kept(client: TestClient) -> None:
    assert [client.post("/plain").json() for _ in range(2)] == [1, 2]


def test_an_error_is_not_kept(client: TestClient) -> None:
    assert [client.get("/parcels/0").status_code for _ in range(2)] == [404, 404]
    assert client.get("/parcels/1").json()["asked"] == 3


def test_a_sync_handler_runs_in_a_thread_and_gets_request_and_response(client: TestClient) -> None:
    first, second = client.get("/thread"), client.get("/thread")
    assert first.json() == second.json() == {"asked": 1}
    assert first.headers["x-own"] == "GET"
    assert second.headers["x-fastapi-cache"] == "HIT"


def test_keys_can_be_built_from_the_request(client: TestClient) -> None:
    asked = [client.get("/keyed", headers={"Accept-Language": tongue}).json() for tongue in ("de", "it", "de")]
    assert asked == [1, 2, 1]


def test_a_namespace_can_be_cleared(client: TestClient) -> None:
    assert [client.get("/plain").json() for _ in range(2)] == [1, 1]
    assert client.delete("/plain").status_code == 200
    assert client.get("/plain").json() == 2


def test_under_a_server(app: FastAPI) -> None:
    with serving(app) as base, httpx.Client(base_url=base) as client:
        answers = [client.get("/parcels/7") for _ in range(3)]
        fresh = client.get("/parcels/7", headers={"If-None-Match": answers[0].headers["etag"]})
    assert [answer.headers["x-fastapi-cache"] for answer in answers] == ["MISS", "HIT", "HIT"]
    assert fresh.status_code == 304
