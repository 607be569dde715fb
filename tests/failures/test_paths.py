"""Rows 61, 62, 63 and 68: the path that is guarded is the path that is routed."""

import json

import pytest

from asterion.applications import Asterion
from asterion.middleware import Middleware
from asterion.requests import Request
from asterion.responses import JSONResponse, PlainTextResponse
from asterion.routing import Mount, Route, WebSocketRoute
from asterion.testclient import TestClient
from tests.asgi import request
from tests.failures.serving import answering, application, each_face, route

pytestmark = pytest.mark.anyio


# --- row 61: control characters in paths ------------------------------------------------------------------------------

CONTROLS = ["\n", "\r", "\t", "\r\n", "\x00", "\x85", "\u2028"]


class Guard:
    """What applications write: a list of paths that are not for everybody."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["path"] == "/admin":
            await PlainTextResponse("forbidden", status_code=403)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


@pytest.mark.failure(
    row=61,
    says="A path matches a route as a whole, control characters included, and `request.url.path` is the very path that "
    "was routed, so a guard that compares paths cannot be passed by.",
)
@each_face
@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
async def test_1289_a_guard_of_one_path_cannot_be_passed_by(face, control, layers, spec_version):
    app = application(face, layers, route("/admin", "the secret"), middleware=(Middleware(Guard),))
    assert (await request(app, path="/admin", spec_version=spec_version)).status == 403
    for path in (f"/admin{control}", f"/admin{control}/", f"{control}/admin", f"/{control}admin"):
        answer = await request(app, path=path, spec_version=spec_version)
        assert answer.status == 404
        assert b"secret" not in answer.body


@each_face
@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
async def test_1058_the_path_of_the_url_is_the_path_that_was_routed(face, control, layers):
    seen = []

    async def endpoint(scope, receive, send):
        seen.append(Request(scope).url.path)
        await PlainTextResponse("")(scope, receive, send)

    app = application(face, layers, Mount("/", app=endpoint))
    path = f"/a{control}dmin/b{control}"
    await request(app, path=path)
    assert seen == [path]


@pytest.mark.parametrize("convertor", ["int", "float", "uuid", "str"])
async def test_3339_a_parameter_ends_where_the_path_ends(convertor, layers):
    app = application(Asterion, layers, route(f"/x/{{value:{convertor}}}/end"))
    value = "12345678-1234-1234-1234-123456789012" if convertor == "uuid" else "1"
    assert (await request(app, path=f"/x/{value}/end")).status == 200
    assert (await request(app, path=f"/x/{value}/end\n")).status == 404
    if convertor != "str":
        assert (await request(app, path=f"/x/{value}\n/end")).status == 404


# --- row 62: numbers in paths -----------------------------------------------------------------------------------------


@pytest.mark.failure(
    row=62, says="A number in a path that is too long for an int or too large for a float is a 404, as any other text."
)
@each_face
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/i/" + "9" * 4300, 200),
        ("/i/" + "9" * 4301, 404),
        ("/i/" + "9" * 8000, 404),
        ("/i/" + "9" * 100_000, 414),
        ("/f/" + "9" * 308, 200),
        ("/f/" + "9" * 310, 404),
        ("/f/" + "9" * 5000 + ".5", 404),
        ("/i/\u0661", 404),
        ("/i/1_0", 404),
    ],
    ids=lambda value: value if isinstance(value, int) else ascii(value[:8]) + str(len(value)),
)
async def test_row_62_a_number_without_a_value_is_no_server_error(face, path, status, layers, spec_version):
    async def endpoint(request):
        return JSONResponse(request.path_params["v"] > 0)

    app = application(face, layers, Route("/i/{v:int}", endpoint), Route("/f/{v:float}", endpoint))
    assert (await request(app, path=path, spec_version=spec_version)).status == status


# --- row 63: slashes inside of segments -------------------------------------------------------------------------------


def unit_app(face, layers, *paths):
    async def endpoint(request):
        return PlainTextResponse(request.path_params["unit"])

    return application(face, layers, *(Route(path, endpoint) for path in paths))


KG_PER_S = {"path": "/units/kg/s", "scope": {"raw_path": b"/units/kg%2Fs"}}


@pytest.mark.failure(
    row=63,
    says="On `Asterion` a `%2F` is part of its segment where no route takes the decoded path and the server tells the "
    "raw one; `Starlette` answers 404, as upstream does.",
)
@each_face
async def test_826_an_encoded_slash_is_a_character_of_its_segment(face, layers, spec_version):
    answer = await request(unit_app(face, layers, "/units/{unit}"), **KG_PER_S, spec_version=spec_version)
    assert (answer.status, answer.body) == ((200, b"kg/s") if face is Asterion else (404, b"Not Found"))


async def test_826_a_route_that_takes_the_decoded_path_comes_first(layers):
    async def decoded(request):
        return PlainTextResponse("decoded")

    app = unit_app(Asterion, layers, "/units/{unit}")
    app.add_route("/units/kg/s", decoded)
    assert (await request(app, **KG_PER_S)).body == b"decoded"


async def test_826_a_path_that_middleware_has_rewritten_is_the_one_that_counts(layers):
    answer = await request(
        unit_app(Asterion, layers, "/units/{unit}"), path="/units/m", scope={"raw_path": b"/units/kg%2Fs"}
    )
    assert answer.body == b"m"


async def test_826_without_a_raw_path_a_slash_is_a_slash(layers):
    app = unit_app(Asterion, layers, "/units/{unit}")
    assert (await request(app, path="/units/kg/s", scope={"raw_path": None})).status == 404


@each_face
async def test_826_a_path_parameter_takes_slashes_of_either_kind(face, layers):
    app = unit_app(face, layers, "/units/{unit:path}")
    for raw in (b"/units/kg%2Fs", b"/units/kg/s"):
        assert (await request(app, path="/units/kg/s", scope={"raw_path": raw})).body == b"kg/s"


# --- row 68: prefixes -------------------------------------------------------------------------------------------------


@pytest.mark.failure(
    row=68,
    says="A prefix counts at a segment boundary only, whether it is the server's root path or a mount's, and URLs "
    "carry the server's.",
)
@each_face
@pytest.mark.parametrize(
    ("root_path", "path", "found"),
    [
        ("", "/foo-123", b"foo-123"),
        ("/foo", "/foo-123", b"foo-123"),
        ("/foo", "/foo/foo-123", b"foo-123"),
        ("/foo", "/foo/x", b"x"),
        ("/foo", "/x", b"x"),
        ("/foo", "/foox", b"foox"),
    ],
)
async def test_2400_the_root_path_ends_at_a_segment_boundary(face, root_path, path, found, layers, spec_version):
    async def endpoint(request):
        return PlainTextResponse(request.path_params["name"])

    app = application(face, layers, Route("/{name}", endpoint))
    answer = await request(app, path=path, scope={"root_path": root_path}, spec_version=spec_version)
    assert answer.body == found


@each_face
async def test_2352_a_mount_takes_whole_segments(face, layers):
    app = application(face, layers, Mount("/foo", routes=[route("/x", "mounted")]), route("/foo-1/x", "not mounted"))
    assert (await request(app, path="/foo/x")).body == b"mounted"
    assert (await request(app, path="/foo-1/x")).body == b"not mounted"
    assert (await request(app, path="/foo-2/x")).status == 404


@each_face
async def test_2600_nested_mounts_behind_a_prefix_know_where_they_are(face, layers):
    async def endpoint(request):
        return JSONResponse([request.scope["root_path"], request.scope["path"], str(request.url_for("a:b:here"))])

    inner = Mount("/b", routes=[Route("/here", endpoint, name="here")], name="b")
    app = application(face, layers, Mount("/a", routes=[inner], name="a"))
    answer = await request(
        app, path="/proxy/a/b/here", scope={"root_path": "/proxy"}, headers=[("host", "app.example")]
    )
    url = "http://app.example/proxy/a/b/here"
    assert json.loads(answer.body) == ["/proxy/a/b", "/proxy/a/b/here", url]
    assert json.loads((await request(app, path="/a/b/here")).body)[:2] == ["/a/b", "/a/b/here"]


def test_3293_a_client_with_a_root_path_reaches_mounts_and_websockets(layers, anyio_backend):
    async def endpoint(websocket):
        await websocket.accept()
        await websocket.send_text(str(websocket.url_for("sub:page")))
        await websocket.close()

    sub = Mount("/sub", routes=[Route("/page", answering(), name="page"), WebSocketRoute("/ws", endpoint)], name="sub")
    client = TestClient(application(Asterion, layers, sub), root_path="/api", backend=anyio_backend)
    assert client.get("/api/sub/page").text == "done"
    with client.websocket_connect("/api/sub/ws") as session:
        assert session.receive_text() == "http://testserver/api/sub/page"
