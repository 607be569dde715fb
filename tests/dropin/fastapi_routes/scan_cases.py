"""Whatever FastAPI is built of: the narrowed walks answer as the walks over everything do."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request, WebSocket
from fastapi.exceptions import FastAPIError
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Host, Match, Mount

from asterion.dropin._filing import Filing
from tests.asgi import http_scope

steady = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

Step = Callable[[APIRouter], None]
"""What somebody does to a router."""


class Shouting(APIRoute):
    """Looks at the path in its own way."""

    def matches(self, scope: Any) -> Any:
        return super().matches({**scope, "path": scope["path"].lower()})


class Suffix(BaseRoute):
    """No path at all."""

    def matches(self, scope: Any) -> Any:
        return (Match.FULL if scope["path"].endswith("/b") else Match.NONE), {}

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("suffix")(scope, receive, send)


class Labelled:
    """An ASGI application that says which one it is."""

    def __init__(self, label: str) -> None:
        self.label = label

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse(f"{self.label} at {scope['path']}")(scope, receive, send)


def add_api_route(path: str, methods: list[str], kind: type[APIRoute], label: int) -> Step:
    async def endpoint(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{label} {kind.__name__} {request.path_params}")

    return lambda router: router.add_api_route(path, endpoint, methods=methods, route_class_override=kind)


def add_plain_route(path: str, label: int) -> Step:
    async def endpoint(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{label} plain {request.path_params}")

    return lambda router: router.add_route(path, endpoint, methods=["GET"])


def add_websocket(path: str, label: int) -> Step:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.close(4000 + label)

    return lambda router: router.add_api_websocket_route(path, endpoint)


def add_included(prefix: str, own: str, steps: list[Step]) -> Step:
    def include(router: APIRouter) -> None:
        inner = APIRouter(prefix=own)
        for step in steps:
            step(inner)
        # What does not fit together (a parameter twice in a path, say) is left out, or fails when it is asked.
        with contextlib.suppress(ValueError, FastAPIError):
            router.include_router(inner, prefix=prefix)

    return include


paths = st.sampled_from(
    ["/", "/a", "/a/", "/a/b", "/{x}", "/a/{x}", "/a/{x}/b", "/{n:int}", "/a/{p:path}", "/A", "/{x}/b"]
)
prefixes = st.sampled_from(["", "", "/a", "/a/b", "/{t}", "/b"])
labels = st.integers(0, 99)
leaves = st.one_of(
    st.builds(
        add_api_route,
        paths,
        st.sampled_from([["GET"], ["POST"], ["GET", "PUT"]]),
        st.sampled_from([APIRoute, APIRoute, APIRoute, Shouting]),
        labels,
    ),
    st.builds(add_plain_route, paths, labels),
    st.builds(add_websocket, paths, labels),
    st.sampled_from(["/a", "/b", "/{m}"]).map(lambda path: lambda router: router.mount(path, Labelled("mount"))),
    st.just(lambda router: router.routes.append(Host("acme.example.org", Labelled("host")))),
    st.just(lambda router: router.routes.append(Mount("/a/b", routes=[]))),
    st.just(lambda router: router.routes.append(Suffix())),
    st.sampled_from(["/", "/a"]).map(lambda path: lambda router: router.frontend(path, directory=FILES)),
)
steps = st.recursive(leaves, lambda inner: st.builds(add_included, prefixes, prefixes, st.lists(inner, max_size=4)))
programs = st.lists(steps, min_size=1, max_size=6)
requested = st.lists(st.sampled_from(["a", "a", "b", "A", "7", "", "app.js"]), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)
FILES = Path(__file__).parent


async def conversation(app: Any, scope: dict[str, Any]) -> Any:
    sent: list[Any] = []
    received = [
        {"type": "websocket.connect"} if scope["type"] == "websocket" else {"type": "http.request", "body": b""}
    ]

    async def receive() -> Any:
        return received.pop() if received else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    try:
        await app(scope, receive, send)
    except Exception as error:
        return type(error), str(error)
    return sent


@pytest.fixture(scope="module")
def loop() -> Any:
    with asyncio.Runner() as runner:
        yield runner


def answers(loop: Any, app: FastAPI, scope: dict[str, Any]) -> tuple[Any, Any]:
    """What the application answers when FastAPI's loops are handed those that can match, and when they get all."""
    narrowed = loop.run(conversation(app, dict(scope)))
    filing, Filing.candidates = Filing.candidates, lambda self, holder, every, scope: every  # type: ignore[method-assign]
    try:
        return narrowed, loop.run(conversation(app, dict(scope)))
    finally:
        Filing.candidates = filing  # type: ignore[method-assign]


scopes = st.builds(
    lambda path, kind, method, root_path, host: {
        **http_scope(method, path, headers=[("host", host), ("accept", "text/html")], root_path=root_path),
        "type": kind,
        "subprotocols": [],
    },
    requested,
    st.sampled_from(["http", "http", "http", "websocket"]),
    st.sampled_from(["GET", "POST", "DELETE"]),
    st.sampled_from(["", "", "/a"]),
    st.sampled_from(["example.org", "example.org", "acme.example.org"]),
)


@given(programs, st.lists(scopes, min_size=1, max_size=8), st.booleans(), programs)
@steady
def test_the_answer_is_that_of_the_walk_over_everything(
    loop: Any, program: list[Step], asked: list[dict[str, Any]], redirect_slashes: bool, later: list[Step]
) -> None:
    app = FastAPI(openapi_url=None, redirect_slashes=redirect_slashes)
    app.include_router(shared := APIRouter(), prefix="/b")
    for part in (program, later):
        for step in part:
            step(app.router)
            step(shared)
        for scope in asked:
            narrowed, full = answers(loop, app, scope)
            assert narrowed == full


def test_what_was_tried_is_something(loop: Any) -> None:
    """The walks are narrowed in these applications: else they would prove nothing."""
    app = FastAPI(openapi_url=None)
    add_api_route("/a", ["GET"], APIRoute, 1)(app.router)
    narrowed, full = answers(loop, app, http_scope("GET", "/a"))
    assert narrowed == full
    assert narrowed[1]["body"] == b"1 APIRoute {}"
    assert app.router.__dict__["_asterion_filed"].index.candidates("/b") == []
