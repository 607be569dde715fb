"""Body limits of routes, mounts and routers: the innermost that is set wins, announced or counted."""

from typing import Any

import pytest

from asterion.applications import Asterion
from asterion.middleware import Middleware
from asterion.requests import Request
from asterion.responses import PlainTextResponse, Response
from asterion.routing import Mount, Route, Router
from asterion.routing._limits import limit_body
from tests.asgi import Exchange, http_scope, layer_class, request

pytestmark = pytest.mark.anyio


async def size(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def ignores(request: Request) -> Response:
    return PlainTextResponse("not read")


def post(path: str, endpoint: Any = size, **more: Any) -> Route:
    return Route(path, endpoint, methods=["POST"], **more)


ANNOUNCED = pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])


async def answer_to(app: Any, length: int, announced: bool = False, path: str = "/", **more: Any) -> Exchange:
    body = [b"x" * (length // 2), b"x" * (length - length // 2)]
    headers = [("content-length", str(length))] if announced else [("transfer-encoding", "chunked")]
    return await request(app, "POST", path, body=body, headers=headers, **more)


@ANNOUNCED
@pytest.mark.parametrize(("length", "status"), [(0, 200), (9, 200), (10, 200), (11, 413), (1000, 413)])
async def test_a_route_may_limit_its_body(announced: bool, length: int, status: int) -> None:
    app = Asterion(routes=[post("/", max_body_size=10)])
    answer = await answer_to(app, length, announced)
    assert answer.status == status
    assert answer.body.endswith(str(length).encode() if status == 200 else b"Too Large")


@ANNOUNCED
@pytest.mark.parametrize(
    "where", ["route", "mount", "mounted router", "router", "application"], ids=lambda name: name.replace(" ", "-")
)
async def test_a_limit_counts_wherever_it_is_set(announced: bool, where: str) -> None:
    inner = Router(
        [post("/x", max_body_size=10 if where == "route" else None)],
        max_body_size=10 if where == "mounted router" else None,
    )
    mount = Mount("/m", inner, max_body_size=10 if where == "mount" else None)
    if where == "router":
        app: Any = Router([mount], max_body_size=10)
        app = Asterion(routes=[Mount("", app)])
    else:
        app = Asterion(routes=[mount], max_body_size=10 if where == "application" else None)
    assert (await answer_to(app, 10, announced, "/m/x")).status == 200
    assert (await answer_to(app, 11, announced, "/m/x")).status == 413


@ANNOUNCED
@pytest.mark.parametrize(("outer", "inner"), [(10, 100), (100, 10)])
async def test_the_inner_limit_replaces_the_outer_whether_more_or_less(announced: bool, outer: int, inner: int) -> None:
    app = Asterion(
        routes=[
            post("/own", max_body_size=inner),
            post("/theirs"),
            Mount("/m", routes=[post("/x")], max_body_size=inner),
        ],
        max_body_size=outer,
    )
    for path, limit in (("/own", inner), ("/theirs", outer), ("/m/x", inner)):
        assert (await answer_to(app, limit, announced, path)).status == 200
        assert (await answer_to(app, limit + 1, announced, path)).status == 413


@ANNOUNCED
async def test_a_limit_of_zero_allows_no_body(announced: bool) -> None:
    app = Asterion(routes=[post("/", max_body_size=0)])
    assert (await answer_to(app, 0, announced)).status == 200
    assert (await answer_to(app, 1, announced)).status == 413


async def test_an_announced_body_is_refused_before_anything_of_it_is_received() -> None:
    exchange = Exchange(
        Asterion(routes=[post("/", max_body_size=10)]),
        http_scope("POST", headers=[("content-length", "11")]),
        body=b"x" * 11,
    )
    assert (await exchange.run()).status == 413
    assert exchange.receives == 0


@pytest.mark.parametrize("limited", ["application", "mount"])
async def test_an_announced_body_is_refused_before_an_application_in_a_mount_runs(limited: str) -> None:
    called: list[str] = []

    async def other(scope: Any, receive: Any, send: Any) -> None:
        called.append(scope["path"])
        await PlainTextResponse("not read")(scope, receive, send)

    mount = Mount("/m", other, max_body_size=10 if limited == "mount" else None)
    app = Asterion(routes=[mount], max_body_size=10 if limited == "application" else None)
    assert (await answer_to(app, 11, True, "/m/x")).status == 413
    assert called == []
    assert (await answer_to(app, 10, True, "/m/x")).body == b"not read"


async def test_an_endpoint_that_reads_no_body_is_called_where_no_length_is_announced() -> None:
    app = Asterion(routes=[post("/", ignores, max_body_size=10)])
    assert (await answer_to(app, 1000)).body == b"not read"


async def test_more_than_was_announced_is_counted_all_the_same() -> None:
    app = Asterion(routes=[post("/", max_body_size=10)])
    answer = await request(app, "POST", body=[b"x" * 6, b"x" * 6], headers=[("content-length", "1")])
    assert answer.status == 413


async def test_middleware_of_a_route_is_within_its_limit() -> None:
    read: list[int] = []

    def reader(app: Any) -> Any:
        async def wrapped(scope: Any, receive: Any, send: Any) -> None:
            message = await receive()
            read.append(len(message["body"]))
            await app(scope, receive, send)

        return wrapped

    app = Asterion(routes=[post("/", max_body_size=10, middleware=[Middleware(reader)])])
    assert (await request(app, "POST", body=b"x" * 11)).status == 413
    assert read == []


async def test_a_body_that_is_too_large_can_be_handled() -> None:
    async def handler(request: Request, error: Any) -> Response:
        return PlainTextResponse(f"at most {error.max_body_size}", 413)

    app = Asterion(routes=[post("/", max_body_size=10)], exception_handlers={413: handler})
    assert (await answer_to(app, 11)).body == b"at most 10"


async def test_a_limit_within_one_mount_does_not_last_for_the_next_request() -> None:
    app = Asterion(routes=[Mount("/small", routes=[post("/")], max_body_size=10), post("/large")])
    assert (await answer_to(app, 11, path="/small/")).status == 413
    assert (await answer_to(app, 11, path="/large")).status == 200


@pytest.mark.parametrize("way", ["nested", "turns", "task"])
async def test_a_body_that_a_middleware_has_read_is_there_within_a_limit(way: str) -> None:
    async def reads(request: Request, call_next: Any) -> Any:
        await request.body()
        return await call_next(request)

    app = Router(
        [Mount("/a", routes=[post("/b", max_body_size=20)], max_body_size=10)],
        middleware=[Middleware(layer_class(way), dispatch=reads)],
    )
    assert (await answer_to(app, 8, path="/a/b")).body == b"8"


async def test_a_middleware_that_reads_gets_nothing_of_a_body_that_is_announced_too_large(way: str) -> None:
    async def reads(request: Request, call_next: Any) -> Any:
        await request.body()
        return await call_next(request)

    middleware = [Middleware(layer_class(way), dispatch=reads)]
    app = Asterion(routes=[post("/")], middleware=middleware, max_body_size=10)
    answer = await answer_to(app, 11, True)
    assert (answer.status, answer.receives) == (413, 0)


async def test_a_receive_that_counts_stands_for_the_one_it_counts() -> None:
    async def receive() -> Any:
        return {"type": "http.request"}

    counting: Any = limit_body(http_scope(), receive, 10)
    assert counting == receive
    assert hash(counting) == hash(receive)
    assert counting != limit_body(http_scope(), request, 10)  # type: ignore[arg-type]
