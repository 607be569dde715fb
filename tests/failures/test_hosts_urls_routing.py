"""Rows 61 to 69: the path that is guarded is the path that is routed, and every answer leads where it says."""

import json

import pytest

from asterion.applications import Asterion
from asterion.exceptions import HTTPException
from asterion.middleware import Middleware
from asterion.middleware.cors import CORSMiddleware
from asterion.requests import Request
from asterion.responses import JSONResponse, PlainTextResponse
from asterion.routing import Host, Mount, Route, Router, WebSocketRoute
from asterion.testclient import TestClient
from tests.asgi import http_scope, layer_class, request
from tests.failures.serving import allow, answering, application, each_face, outcome, route

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
        ("/i/" + "9" * 100_000, 404),
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


# --- row 64: methods --------------------------------------------------------------------------------------------------


def two_routes():
    return Route("/", answering("got"), methods=["GET"]), Route("/", answering("posted"), methods=["POST"])


@pytest.mark.failure(
    row=64,
    says="`Allow` lists the methods of every route of the path; `Asterion` answers OPTIONS with it by itself, "
    "`Starlette` answers 405 as upstream does.",
)
@each_face
async def test_12_the_allow_header_lists_the_methods_of_all_routes_of_a_path(face, layers, spec_version):
    answer = await request(application(face, layers, *two_routes()), "DELETE", spec_version=spec_version)
    assert answer.status == 405
    assert allow(answer) == {"GET", "HEAD", "POST"}


@each_face
@pytest.mark.parametrize("routes", [1, 2])
async def test_1434_options_are_answered_where_nobody_else_does(face, routes, layers, spec_version):
    answer = await request(application(face, layers, *two_routes()[:routes]), "OPTIONS", spec_version=spec_version)
    methods = {"GET", "HEAD"} if routes == 1 else {"GET", "HEAD", "POST"}
    if face is Asterion:
        assert (answer.status, answer.body) == (204, b"")
        assert allow(answer) == {*methods, "OPTIONS"}
    else:
        assert answer.status == 405
        assert allow(answer) == methods


@each_face
async def test_1434_a_route_of_its_own_answers_options(face, layers):
    own = Route("/", answering("own"), methods=["OPTIONS"])
    assert (await request(application(face, layers, *two_routes(), own), "OPTIONS")).body == b"own"


@each_face
async def test_3585_options_of_a_path_that_is_not_there_are_a_404(face, layers):
    assert (await request(application(face, layers, *two_routes()), "OPTIONS", "/missing")).status == 404


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


# --- row 69: handlers and middleware ----------------------------------------------------------------------------------


class Refusing:
    """ASGI middleware that raises what it is given."""

    def __init__(self, app, error):
        self.app = app
        self.error = error

    async def __call__(self, scope, receive, send):
        raise self.error


def refusing(way, error):
    if way == "asgi":
        return Middleware(Refusing, error=error)

    async def dispatch(request, call_next):
        raise error

    return Middleware(layer_class(way), dispatch=dispatch)


@pytest.mark.failure(
    row=69,
    says="`Asterion` answers an HTTPException that middleware raises as the response it stands for, by the "
    "application's handlers; `Starlette` answers 500, as upstream does.",
)
@each_face
@pytest.mark.parametrize("by", ["asgi", "turns", "task"])
async def test_1175_an_http_exception_of_middleware_is_its_answer(face, by, layers, spec_version):
    error = HTTPException(401, detail="who?", headers={"www-authenticate": "Basic"})
    app = application(face, layers, route("/"), middleware=(refusing(by, error),))
    answer, raised = await outcome(app, spec_version=spec_version)
    if face is Asterion:
        assert (answer.status, answer.body, raised) == (401, b"who?", None)
        assert answer.headers["www-authenticate"] == "Basic"
    else:
        assert (answer.status, raised) == (500, error)


async def test_2723_the_applications_handlers_answer_for_middleware(layers, way):
    async def handler(request, error):
        return PlainTextResponse("sign in", status_code=error.status_code)

    app = application(
        Asterion,
        layers,
        route("/"),
        middleware=(refusing(way, HTTPException(401)),),
        exception_handlers={401: handler},
    )
    answer, raised = await outcome(app)
    assert (answer.status, answer.body, raised) == (401, b"sign in", None)


@pytest.mark.failure(row=69, says="Middleware outside of the one that raised sees the answer.")
@pytest.mark.xfail(
    strict=True,
    reason="an HTTPException of user middleware is answered outside of all user middleware, so that CORS and others "
    "around the one that raised do not see the answer (applications.py, middleware/errors.py)",
)
@pytest.mark.parametrize("by", ["asgi", "turns", "task"])
async def test_1175_middleware_outside_sees_the_answer(by, layers):
    """What CORS needs: the refusal of an inner middleware is a response to the outer ones."""
    cors = Middleware(CORSMiddleware, allow_origins=["*"])
    app = application(Asterion, layers, route("/"), middleware=(cors, refusing(by, HTTPException(401))))
    answer, _ = await outcome(app, headers=[("origin", "https://app.example")])
    assert (answer.status, answer.headers.get("access-control-allow-origin")) == (401, "*")


async def raising_500(request):
    raise HTTPException(500, detail="asked for")


async def on_500(request, error):
    return PlainTextResponse(f"handled {type(error).__name__}", status_code=500)


@pytest.mark.failure(row=69, says="A handler for 500 takes HTTPException(500) on both faces.")
@pytest.mark.xfail(
    strict=True,
    reason="a handler for 500 is given to the error boundary only and not to the handlers for HTTPException "
    "(applications.py, build_middleware_stack and add_exception_handler)",
)
@each_face
async def test_1802_the_handler_for_500_answers_an_http_exception_500(face, layers, spec_version):
    app = application(face, layers, Route("/", raising_500), exception_handlers={500: on_500})
    answer, _ = await outcome(app, spec_version=spec_version)
    assert (answer.status, answer.body) == (500, b"handled HTTPException")


@each_face
async def test_1802_the_handler_for_500_answers_an_unhandled_error_which_is_still_raised(face, layers):
    async def endpoint(request):
        raise LookupError("unhandled")

    app = application(face, layers, Route("/", endpoint), exception_handlers={500: on_500})
    answer, raised = await outcome(app)
    assert (answer.status, answer.body) == (500, b"handled LookupError")
    assert isinstance(raised, LookupError)  # so that the server logs it


@each_face
async def test_2723_a_handler_for_a_class_is_called_in_debug_mode_too(face, layers):
    async def endpoint(request):
        raise LookupError("known")

    app = application(face, layers, Route("/", endpoint), exception_handlers={LookupError: on_500}, debug=True)
    answer, raised = await outcome(app)
    assert (answer.body, raised) == (b"handled LookupError", None)
