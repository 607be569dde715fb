"""Mounts and hosts: a whole application under a path or a host name, and what it leaves behind in the scope."""

from pathlib import Path
from typing import Any

import pytest

from asterion.applications import Asterion
from asterion.middleware import Middleware
from asterion.middleware.base import BaseHTTPMiddleware
from asterion.requests import Request
from asterion.responses import JSONResponse, PlainTextResponse, Response
from asterion.routing import Host, Match, Mount, Route, Router
from asterion.staticfiles import StaticFiles
from tests.asgi import http_scope, pass_through, request

pytestmark = pytest.mark.anyio


async def where(request: Request) -> Response:
    scope = request.scope
    return JSONResponse([scope["path"], scope["root_path"], scope.get("app_root_path", ""), request.path_params])


async def seen_at(app: Any, path: str, **scope: Any) -> Any:
    answer = await request(app, path=path, scope=scope)
    return answer.body.decode() if answer.status == 200 else answer.status


WHERE = [Route("/", where), Route("/x", where), Route("/{id:int}", where)]


# --- paths ---


async def test_in_a_mount_root_path_has_grown_and_the_path_is_the_same() -> None:
    router = Router([Mount("/a", routes=WHERE)])
    assert await seen_at(router, "/a/x") == '["/a/x","/a","",{}]'
    assert await seen_at(router, "/a/") == '["/a/","/a","",{}]'


async def test_mounts_nest_and_the_servers_own_prefix_is_kept() -> None:
    router = Router([Mount("/a", routes=[Mount("/b", app=Router([Mount("/c", routes=WHERE)]))])])
    assert await seen_at(router, "/a/b/c/x") == '["/a/b/c/x","/a/b/c","",{}]'
    assert await seen_at(router, "/api/a/b/c/x", root_path="/api") == '["/api/a/b/c/x","/api/a/b/c","/api",{}]'


async def test_parameters_of_mounts_and_routes_come_together_converted() -> None:
    router = Router([Mount("/{tenant}/{n:int}", routes=[Mount("/x{y}", routes=WHERE)])])
    assert await seen_at(router, "/acme/7/xz/42") == (
        '["/acme/7/xz/42","/acme/7/xz","",{"tenant":"acme","n":7,"y":"z","id":42}]'
    )


@pytest.mark.parametrize("path", ["/apiary", "/ap", "/API/x", "/api\n", "/api\n/x", "x/api/x"])
async def test_a_mount_is_on_a_segment_boundary(path: str) -> None:
    assert await seen_at(Router([Mount("/api", routes=WHERE)], redirect_slashes=False), path) == 404


async def test_a_path_with_a_newline_is_the_mounts_as_any_other() -> None:
    """Else a route that is declared behind a guarded mount would get hold of it."""
    router = Router([Mount("/admin", app=PlainTextResponse("guarded")), Route("/{a}/{b}", where)])
    assert await seen_at(router, "/admin/x\n") == "guarded"
    assert await seen_at(router, "/admin/\n/y") == "guarded"


async def test_a_prefix_inside_of_the_path_is_not_taken_for_the_mount() -> None:
    assert (
        await seen_at(Router([Mount("/a", routes=[Mount("/a", routes=WHERE)])]), "/a/a/x") == '["/a/a/x","/a/a","",{}]'
    )


@pytest.mark.parametrize("path", ["", "/"])
async def test_a_mount_at_the_root_takes_everything(path: str) -> None:
    router = Router([Mount(path, routes=WHERE)])
    assert await seen_at(router, "/x") == '["/x","","",{}]'


async def test_slashes_at_the_end_of_a_mounts_path_do_not_matter() -> None:
    assert Mount("/a/", routes=[]).path == "/a"
    assert await seen_at(Router([Mount("/a/", routes=WHERE)]), "/a/x") == '["/a/x","/a","",{}]'


async def test_any_asgi_application_can_be_mounted() -> None:
    router = Router([Mount("/files", app=PlainTextResponse("a file"))])
    assert await seen_at(router, "/files/any/where") == "a file"
    assert await seen_at(router, "/files/") == "a file"


@pytest.mark.parametrize("given", [{}, {"app": PlainTextResponse(""), "routes": []}])
def test_a_mount_takes_an_application_or_routes(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"Mount\('/x'\) takes either app= or routes=, and got (neither|both)"):
        Mount("/x", **given)


def test_a_mounts_path_begins_with_a_slash() -> None:
    with pytest.raises(ValueError, match="a mount's path must start with '/', got 'x'"):
        Mount("x", routes=[])


# --- what a mount passes on ---


async def test_what_a_mount_does_not_have_is_looked_for_in_the_other_routes_each_time(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("a file")
    files = Mount("/", StaticFiles(directory=tmp_path, fall_through=True))
    router = Router([files, Route("/x", where), Route("/y", where), Mount("/z", routes=WHERE)])
    for _ in range(2):
        assert (await request(router, path="/x")).body == b"a file"
        assert await seen_at(router, "/y") == '["/y","","",{}]'
        assert await seen_at(router, "/z/x") == '["/z/x","/z","",{}]'
        assert await seen_at(router, "/nowhere") == 404


# --- what is left behind ---


async def test_what_a_mount_changes_in_the_scope_is_undone() -> None:
    """Issue 906: a middleware outside sees its own place again after the call, and what was matched."""
    inner = Asterion(routes=[Route("/x", where)])
    outer = Asterion(routes=[Mount("/a", app=inner)])
    scope = http_scope(path="/api/a/x", root_path="/api")
    before = dict(scope)
    seen: list[Any] = []

    async def send(message: Any) -> None:
        seen.append((scope["root_path"], scope["app"]))

    async def receive() -> Any:
        return {"type": "http.request"}

    await outer(scope, receive, send)
    assert seen[0] == ("/api/a", inner)
    assert scope["root_path"] == before["root_path"]
    assert scope["app"] is outer
    assert "app_root_path" not in scope
    assert scope["endpoint"] is where


async def test_it_is_undone_as_well_where_the_mounted_application_fails() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError(scope["root_path"])

    scope = http_scope(path="/a/x")
    with pytest.raises(KeyError, match="/a"):
        await Router([Mount("/a", app=broken)])(scope, None, None)  # type: ignore[arg-type]
    assert scope["root_path"] == ""
    assert "app_root_path" not in scope


async def test_a_scope_without_root_path_has_none_afterwards() -> None:
    scope = http_scope(path="/a/x")
    del scope["root_path"]

    async def send(message: Any) -> None:
        """Nobody looks."""

    await Router([Mount("/a", app=PlainTextResponse(""))])(scope, None, send)  # type: ignore[arg-type]
    assert "root_path" not in scope


# --- middleware ---


async def test_middleware_of_a_mount_is_around_what_is_mounted() -> None:
    class Shout:
        def __init__(self, app: Any, mark: bytes) -> None:
            self.app, self.mark = app, mark

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            async def marked(message: Any) -> None:
                if message.get("body"):
                    message["body"] += self.mark
                await send(message)

            await self.app(scope, receive, marked)

    layers = [Middleware(Shout, b"1"), Middleware(Shout, mark=b"2")]
    mount = Mount("/a", app=PlainTextResponse("x", headers={"content-length": "3"}), middleware=layers)
    assert (await request(Router([mount]), path="/a/")).body == b"x21"


async def test_routes_are_found_behind_middleware() -> None:
    def layer(app: Any) -> Any:
        class Wrapped:
            def __init__(self) -> None:
                self.app = app

        return Wrapped()

    routes = [Route("/x", where)]
    assert Mount("/a", routes=routes, middleware=[Middleware(layer)]).routes == routes
    assert Mount("/a", app=layer(layer(Router(routes)))).routes == routes
    assert Mount("/a", app=PlainTextResponse("")).routes == []


def test_an_application_that_wraps_itself_has_no_routes() -> None:
    class Ring:
        @property
        def app(self) -> Any:
            return self

    assert Mount("/a", app=Ring()).routes == []  # type: ignore[arg-type]


# --- errors ---


async def test_a_404_within_a_mount_is_handled_by_the_application_around_it() -> None:
    async def handler(request: Request, error: Any) -> Response:
        return PlainTextResponse("lost", 404)

    app = Asterion(routes=[Mount("/a", routes=[])], exception_handlers={404: handler})
    answer = await request(app, path="/a/x")
    assert (answer.status, answer.body) == (404, b"lost")


async def test_a_mounted_application_handles_its_own() -> None:
    async def handler(request: Request, error: Any) -> Response:
        return PlainTextResponse("inner", 404)

    inner = Asterion(exception_handlers={404: handler})
    answer = await request(Asterion(routes=[Mount("/a", app=inner)]), path="/a/x")
    assert (answer.status, answer.body) == (404, b"inner")


# --- hosts ---


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("example.org", 200),
        ("example.org:8000", 200),
        ("EXAMPLE.org", 200),
        ("www.example.org", 404),
        ("example.org.evil", 404),
        ("example.org\n", 404),
        ("exampleXorg", 404),
        ("example.org:99999999", 404),
        ("example.org/x", 404),
        ("user@example.org", 404),
        ("", 404),
    ],
)
async def test_a_host_is_matched_as_a_whole_without_its_port(host: str, status: int) -> None:
    router = Router([Host("example.org", Router([Route("/", where)]))])
    assert (await request(router, headers=[("host", host)])).status == status


async def test_a_request_without_a_host_header_is_for_no_host() -> None:
    assert (await request(Router([Host("example.org", PlainTextResponse("x"))]))).status == 404


@pytest.mark.parametrize("layers", [[], [Middleware(BaseHTTPMiddleware, dispatch=pass_through)]])
async def test_an_application_under_a_host_adds_its_parameters_to_those_of_the_host(layers: list[Middleware]) -> None:
    async def both(request: Request) -> Response:
        return JSONResponse([request.path_params, request.url_for("home").path])

    inner = Asterion(routes=[Route("/{id:int}", both), Route("/", both, name="home")], middleware=layers)
    outer = Router([Route("/home", where, name="home"), Host("{tenant}.example.org", inner)])
    answer = await request(outer, path="/7", headers=[("host", "ann.example.org")])
    assert answer.body == b'[{"tenant":"ann","id":7},"/home"]'


async def test_a_host_may_have_parameters() -> None:
    router = Router([Host("{tenant}.example.org", Router(WHERE))])
    answer = await request(router, path="/7", headers=[("host", "acme.example.org:80")])
    assert answer.body == b'["/7","","",{"tenant":"acme","id":7}]'


async def test_hosts_and_paths_stand_in_one_order() -> None:
    router = Router(
        [
            Route("/x", where, name="first"),
            Host("example.org", PlainTextResponse("host")),
            Route("/y", where),
        ]
    )
    host = [("host", "example.org")]
    assert (await request(router, path="/x", headers=host)).body != b"host"
    assert (await request(router, path="/y", headers=host)).body == b"host"


def test_a_host_is_no_path() -> None:
    with pytest.raises(ValueError, match="a host must not start with '/', got '/x'; use Mount for paths"):
        Host("/x", PlainTextResponse(""))


# --- as values ---


def test_mounts_and_hosts_are_equal_by_what_they_are() -> None:
    app = PlainTextResponse("")
    assert Mount("/a", app, name="n") == Mount("/a/", app, name="n")
    assert Mount("/a", app) != Mount("/b", app)
    assert Mount("/a", app) != Mount("/a", PlainTextResponse(""))
    assert Mount("/a", app) != Mount("/a", app, name="n")
    assert Mount("/a", routes=[Route("/x", where)]) == Mount("/a", routes=[Route("/x", where)])
    assert Host("a", app) == Host("a", app)
    assert Host("a", app) != Host("b", app)
    assert Host("a", app) != Mount("/a", app)


def test_mounts_and_hosts_have_a_readable_repr() -> None:
    assert repr(Mount("/a", app=print, name="n")).startswith("Mount(path='/a', name='n', app=<built-in function print>")  # type: ignore[arg-type]
    assert repr(Host("a.b", app=print)) == "Host(host='a.b', name='', app=<built-in function print>)"  # type: ignore[arg-type]


@pytest.mark.parametrize("route", [Mount("/", routes=[]), Host("example.org", PlainTextResponse(""))])
def test_a_lifespan_is_for_no_mount_and_no_host(route: Any) -> None:
    assert route.matches({"type": "lifespan"}) == (Match.NONE, {})


async def test_a_table_of_routes_has_nothing_to_do_before_or_after() -> None:
    sent: list[Any] = []
    told = iter(("lifespan.startup", "lifespan.shutdown"))

    async def receive() -> Any:
        return {"type": next(told)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await Mount("/a", routes=[]).app({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
