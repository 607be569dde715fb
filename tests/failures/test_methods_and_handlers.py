"""Rows 64 and 69: methods that no route takes, and exceptions that middleware raises, have their answers."""

import pytest

from asterion.applications import Asterion
from asterion.exceptions import HTTPException
from asterion.middleware import Middleware
from asterion.middleware.cors import CORSMiddleware
from asterion.responses import PlainTextResponse
from asterion.routing import Route
from tests.asgi import layer_class, request
from tests.failures.serving import allow, answering, application, each_face, outcome, route

pytestmark = pytest.mark.anyio


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
@pytest.mark.parametrize("by", ["asgi", "nested", "turns", "task"])
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
@pytest.mark.parametrize("by", ["asgi", "nested", "turns", "task"])
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
