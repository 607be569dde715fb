"""Rows 65, 66 and 67: URLs and redirects lead where they say, without a detour."""

import json

import pytest

from asterion.applications import Asterion
from asterion.middleware.cors import CORSMiddleware
from asterion.requests import Request
from asterion.responses import JSONResponse, PlainTextResponse
from asterion.routing import Host, Mount, Route, Router
from tests.asgi import http_scope, request
from tests.failures.serving import allow, answering, application, each_face, route

pytestmark = pytest.mark.anyio


# --- row 65: mounts without their slash -------------------------------------------------------------------------------


@pytest.mark.failure(
    row=65,
    says="`Asterion` answers at the path of a mount without a redirect; `Starlette` redirects to the path with a "
    "slash, as upstream does. Both take `redirect_slashes` where the application is made.",
)
@each_face
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_869_a_mount_answers_at_its_path_without_a_slash(face, method, layers, spec_version):
    async def endpoint(request):
        return PlainTextResponse(request.method.encode() + b":" + await request.body())

    app = application(face, layers, Mount("/sub", routes=[Route("/", endpoint, methods=["GET", "POST"])]))
    answer = await request(app, method, "/sub", body=b"data", query=b"a=1", spec_version=spec_version)
    if face is Asterion:
        assert (answer.status, answer.body) == (200, method.encode() + b":data")
    else:
        assert (answer.status, answer.headers["location"]) == (307, "/sub/?a=1")
    assert (await request(app, method, "/sub/", body=b"data")).status == 200


@each_face
async def test_3377_slashes_are_left_alone_where_the_application_says_so(face, layers):
    app = application(face, layers, route("/with/"), route("/without"), redirect_slashes=False)
    assert (await request(app, path="/with")).status == 404
    assert (await request(app, path="/without/")).status == 404
    redirecting = application(face, layers, route("/with/"), route("/without"))
    assert (await request(redirecting, path="/with")).headers["location"] == "/with/"
    assert (await request(redirecting, path="/without/")).headers["location"] == "/without"


# --- row 66: redirects and absolute URLs ------------------------------------------------------------------------------


@pytest.mark.failure(
    row=66,
    says="Redirects for a slash name a path and no host, so neither a proxy nor a Host header can make them lead "
    "elsewhere; `url_path_for` gives paths, and absolute URLs take only a host that is one.",
)
@each_face
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("host", ["evil.example", "testserver", "evil.example/x?", "a@evil.example"])
async def test_2748_a_redirect_leads_where_the_client_is(face, method, host, layers, spec_version):
    app = application(face, layers, Route("/x", answering(), methods=["GET", "POST"]))
    answer = await request(app, method, "/x/", headers=[("host", host)], query=b"a=1&b=%20", spec_version=spec_version)
    assert (answer.status, answer.headers["location"]) == (307, "/x?a=1&b=%20")


@each_face
@pytest.mark.parametrize("path", ["//evil.example/", "//evil.example/x/", "/\\evil.example/"])
async def test_604_a_path_that_looks_like_a_host_is_not_redirected_to(face, path, layers):
    app = application(face, layers, Route("/{any:path}x", answering()), route("/evil.example"))
    location = (await request(app, path=path)).headers.get("location", "/")
    assert not location.startswith(("//", "/\\"))


@each_face
async def test_1396_a_redirect_behind_a_prefix_keeps_the_prefix(face, layers):
    app = application(face, layers, route("/x"))
    answer = await request(app, path="/api/x/", scope={"root_path": "/api"})
    assert answer.headers["location"] == "/api/x"


async def _urls(request):
    return JSONResponse(
        [str(request.url_for("here")), str(request.app.url_path_for("here")), request.url.path, request.url.hostname]
    )


@each_face
@pytest.mark.parametrize(
    ("host", "scheme", "base"),
    [
        ("app.example", "https", "https://app.example"),
        ("app.example:8443", "https", "https://app.example:8443"),
        ("[::1]:8000", "http", "http://[::1]:8000"),
        ("evil.example/x?", "http", "http://127.0.0.1:8000"),
        ("evil.example#", "http", "http://127.0.0.1:8000"),
        ("a@evil.example", "http", "http://127.0.0.1:8000"),
    ],
)
async def test_cve_2026_48710_no_host_header_moves_the_path(face, host, scheme, base, layers, spec_version):
    app = application(face, layers, Route("/here", _urls, name="here"))
    answer = await request(
        app, path="/here", headers=[("host", host)], scope={"scheme": scheme}, spec_version=spec_version
    )
    absolute, path, url_path, hostname = json.loads(answer.body)
    assert (absolute, path, url_path) == (f"{base}/here", "/here", "/here")
    assert hostname != "evil.example"


@pytest.mark.parametrize("path", ["@evil.example/x", "evil.example", "x"])
def test_cve_2026_54282_no_path_moves_the_host(path):
    url = Request(http_scope(path=path, headers=[("host", "app.example")])).url
    assert (url.hostname, url.path) == ("app.example", f"/{path}")


# --- row 67: names and redirects --------------------------------------------------------------------------------------


@pytest.mark.failure(
    row=67,
    says="URLs through a host route keep the port, names are found through mounted middleware, and a path with another "
    "slash is a 405 where the method would be refused there too.",
)
@each_face
@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("api.example", "http://api.example"),
        ("api.example:8000", "http://api.example:8000"),
    ],
)
async def test_row_67_a_url_through_a_host_route_keeps_the_port(face, host, base, layers, spec_version):
    async def endpoint(request):
        return PlainTextResponse(str(request.url_for("api:here")))

    app = application(face, layers, Host("api.example", Router([Route("/here", endpoint, name="here")]), name="api"))
    answer = await request(app, path="/here", headers=[("host", host)], spec_version=spec_version)
    assert answer.body.decode() == f"{base}/here"


@each_face
@pytest.mark.parametrize("wrapped", [0, 1, 3])
async def test_row_67_names_are_found_behind_middleware_of_a_mount(face, wrapped, layers):
    async def endpoint(request):
        return PlainTextResponse(request.app.url_path_for("sub:here", number=7))

    inner = Router([Route("/here/{number:int}", endpoint, name="here")])
    for _ in range(wrapped):
        inner = CORSMiddleware(inner)
    app = application(face, layers, Mount("/sub", app=inner, name="sub"))
    assert (await request(app, path="/sub/here/1")).body == b"/sub/here/7"


@each_face
@pytest.mark.parametrize(("path", "declared"), [("/x/", "/x"), ("/y", "/y/")])
async def test_row_67_no_redirect_to_a_path_that_would_refuse_the_method(face, path, declared, layers, spec_version):
    app = application(face, layers, Route(declared, answering(), methods=["GET"]))
    answer = await request(app, "POST", path, spec_version=spec_version)
    assert answer.status == 405
    assert allow(answer) == {"GET", "HEAD"}
    assert (await request(app, path=path)).status == 307
