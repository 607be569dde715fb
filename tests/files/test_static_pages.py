"""Static files as a part of a site: the page of an application in the browser, and routes behind the files (row 44)."""

import pytest

from asterion.responses import PlainTextResponse
from asterion.routing import Mount, Route, Router, WebSocketRoute
from asterion.staticfiles import FallThrough, StaticFiles, StaticFilesConfigurationError
from tests.asgi import Exchange, http_scope, request

pytestmark = pytest.mark.anyio

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
VARY = "Accept, Sec-Fetch-Mode"

# The router goes on with later routes when a mounted application raises FallThrough.


def text(content: str, path: str, **options):
    async def endpoint(request):
        return PlainTextResponse(content, headers={"x-params": repr(request.path_params)})

    return Route(path, endpoint, **options)


@pytest.fixture
def site(root):
    (root / "index.html").write_text("<div id=app>")
    (root / "404.html").write_text("lost")
    (root / "assets").mkdir()
    (root / "assets" / "app.js").write_text("app()")
    return root


# --- a page for every path --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("html", [False, True])
@pytest.mark.parametrize("path", ["/", "/users", "/users/7/edit", "/assets/", "/v1.2/notes"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_deep_link_that_a_browser_opens_is_answered_by_the_page(site, serve, html, path, method):
    answer = await serve(fallback="index.html", html=html)(path, method, accept=BROWSER)
    assert answer.status == 200
    assert answer.body == (b"<div id=app>" if method == "GET" else b"")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-length"] == "12"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/assets/missing.js", {"accept": BROWSER}),
        ("/missing.png", {"accept": "image/avif,*/*"}),
        ("/users", {"accept": "application/json"}),
        ("/users", {"accept": "*/*"}),
        ("/users", {}),
        ("/users", {"accept": BROWSER, "sec-fetch-mode": "cors"}),
    ],
)
async def test_a_missing_asset_and_a_call_of_a_program_are_404(site, serve, path, headers):
    answer = await serve(fallback="index.html")(path, **headers)
    assert (answer.status, answer.body) == (404, b"Not Found")
    assert answer.headers["vary"] == VARY
    answer = await serve(fallback="index.html", html=True)(path, **headers)
    assert (answer.status, answer.body, answer.headers["vary"]) == (404, b"lost", VARY)


async def test_files_are_served_as_ever_and_other_methods_are_405(site, serve):
    ask = serve(fallback="index.html")
    answer = await ask("/assets/app.js", accept=BROWSER)
    assert answer.body == b"app()"
    assert "vary" not in answer.headers
    answer = await ask("/users", "POST", accept=BROWSER)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_the_page_varies_by_what_decided_and_is_conditional_cached_and_compressed_as_itself(site, serve):
    (site / "index.html.gz").write_bytes(b"gzip")
    ask = serve(fallback="index.html", precompressed=True, immutable=r"^users/", cache_control=lambda path: path)
    answer = await ask("/users/7", accept=BROWSER, accept_encoding="gzip")
    assert (answer.body, answer.headers["content-encoding"]) == (b"gzip", "gzip")
    assert answer.headers["vary"] == f"Accept-Encoding, {VARY}"
    assert answer.headers["cache-control"] == "index.html"
    again = await ask("/users/7", accept=BROWSER, accept_encoding="gzip", if_none_match=answer.headers["etag"])
    assert (again.status, again.headers["vary"]) == (304, f"Accept-Encoding, {VARY}")


async def test_a_mount_of_routes_before_it_answers_for_all_of_its_paths(site, serve):
    """A missing call is the API's 404 and never the page, even for a browser."""
    ask = serve(fallback="index.html", before=[Mount("/api", routes=[text("users", "/users")])])
    assert (await ask("/api/users", accept=BROWSER)).body == b"users"
    assert (await ask("/api/missing", accept=BROWSER)).status == 404


@pytest.mark.parametrize("fallback", ["missing.html", "../secret.html", "assets", "/etc/passwd"])
async def test_a_fallback_that_is_no_file_of_ours_is_told_at_once_or_with_the_first_request(site, fallback):
    (site.parent / "secret.html").write_text("secret")
    with pytest.raises(StaticFilesConfigurationError, match=f"fallback='{fallback}' is no file in"):
        StaticFiles(directory=site, fallback=fallback)
    static = StaticFiles(directory=site, fallback=fallback, check_dir=False)
    with pytest.raises(StaticFilesConfigurationError, match="is no file in"):
        await request(static, path="/users", headers=[("accept", BROWSER)])


async def test_a_fallback_that_is_removed_later_is_404(site, serve):
    ask = serve(fallback="index.html")
    assert (await ask("/users", accept=BROWSER)).status == 200
    (site / "index.html").unlink()
    assert (await ask("/users", accept=BROWSER)).status == 404


# --- later routes -----------------------------------------------------------------------------------------------------


async def test_without_fall_through_a_mount_answers_for_all_of_its_paths(site, serve):
    ask = serve(after=[text("api", "/api")])
    assert (await ask("/api")).status == 404


async def test_with_fall_through_later_routes_answer_what_is_no_file(site, serve):
    ask = serve(fall_through=True, after=[text("api", "/api"), text("user", "/users/{id:int}", methods=["POST"])])
    assert (await ask("/assets/app.js")).body == b"app()"
    answer = await ask("/api")
    assert (answer.body, answer.headers["x-params"]) == (b"api", "{}")
    answer = await ask("/users/7", "POST")
    assert (answer.body, answer.headers["x-params"]) == (b"user", "{'id': 7}")
    answer = await ask("/users/7")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


async def test_what_no_later_route_takes_either_is_answered_as_without_later_routes(site, serve):
    ask = serve(fall_through=True, after=[text("api", "/api")])
    answer = await ask("/missing")
    assert (answer.status, answer.body) == (404, b"Not Found")
    answer = await ask("/assets/app.js", "POST")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    ask = serve(fall_through=True, html=True, after=[text("api", "/api")])
    answer = await ask("/missing")
    assert (answer.status, answer.body) == (404, b"lost")


async def test_the_page_is_for_what_no_later_route_takes(site, serve):
    ask = serve(fall_through=True, fallback="index.html", after=[text("api", "/api")])
    assert (await ask("/api", accept=BROWSER)).body == b"api"
    assert (await ask("/users/7", accept=BROWSER)).body == b"<div id=app>"
    assert (await ask("/users/7")).status == 404


async def test_a_missing_slash_is_redirected_to_a_later_route_and_never_to_the_files_themselves(site, serve):
    ask = serve(fall_through=True, after=[text("notes", "/notes/")])
    answer = await ask("/notes")
    assert (answer.status, answer.headers["location"]) == (307, "/notes/")
    for path in ("/missing", "/missing/"):
        assert (await ask(path)).status == 404


async def test_several_directories_may_fall_through_one_after_the_other(site, serve, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.txt").write_text("b")
    more = Mount("/", StaticFiles(directory=tmp_path / "more", fall_through=True))
    ask = serve(fall_through=True, after=[more, text("api", "/api")])
    assert (await ask("/assets/app.js")).body == b"app()"
    assert (await ask("/b.txt")).body == b"b"
    assert (await ask("/api")).body == b"api"
    assert (await ask("/missing")).status == 404


async def test_a_later_route_sees_nothing_of_the_mount(site, layers):
    seen = []

    async def endpoint(request):
        seen.append((request.path_params, request.scope["root_path"], str(request.url), str(request.base_url)))
        return PlainTextResponse("later")

    router = Router(
        [
            Mount("/{tenant}", StaticFiles(directory=site, fall_through=True)),
            Route("/a/{page}", endpoint),
        ]
    )
    answer = await request(router, path="/a/b", headers=[("host", "example.org")])
    assert answer.body == b"later"
    assert seen == [({"page": "b"}, "", "http://example.org/a/b", "http://example.org/")]


async def test_it_is_the_later_routes_of_the_same_router_that_answer(site, serve):
    inner = [Mount("/", StaticFiles(directory=site, fall_through=True)), text("inner", "/api")]
    ask = serve(at="/none", before=[Mount("/site", routes=inner)], after=[text("outer", "/site/outer")])
    assert (await ask("/site/assets/app.js")).body == b"app()"
    assert (await ask("/site/api")).body == b"inner"
    assert (await ask("/site/outer")).status == 404


async def test_a_later_websocket_route_takes_the_handshake(site):
    async def endpoint(websocket):
        await websocket.accept()
        await websocket.close()

    router = Router([Mount("/", StaticFiles(directory=site, fall_through=True)), WebSocketRoute("/ws", endpoint)])
    assert await handshake(router, "/ws") == ["websocket.accept", "websocket.close"]
    assert await handshake(router, "/missing") == ["websocket.close"]


async def handshake(app, path):
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message["type"])

    await app({**http_scope(path=path), "type": "websocket"}, receive, send)
    return sent


async def test_where_nobody_goes_on_it_is_an_error_like_any_other(site):
    static = StaticFiles(directory=site, fall_through=True)
    for method, status in (("GET", 404), ("POST", 405)):
        exchange = Exchange(static, http_scope(method, "/missing"))
        with pytest.raises(FallThrough) as caught:
            await exchange.run()
        assert caught.value.status_code == status
        assert exchange.messages == []


@pytest.mark.parametrize(
    ("options", "answers"), [({}, False), ({"html": True}, True), ({"fallback": "index.html"}, True)]
)
async def test_who_falls_through_brings_an_answer_for_the_case_that_nobody_has_one(site, options, answers):
    with pytest.raises(FallThrough) as caught:
        await request(StaticFiles(directory=site, fall_through=True, **options), path="/missing")
    assert (caught.value.answer is not None) is answers
