"""Rows 57 and 58: answers carry the CORS headers that they should, also those to errors."""

import pytest

from asterion.applications import Asterion
from asterion.exceptions import HTTPException
from asterion.middleware import Middleware
from asterion.middleware.cors import CORSMiddleware
from asterion.responses import PlainTextResponse
from asterion.routing import Route
from tests.asgi import function_layers, request
from tests.failures.serving import application, each_face, outcome, route, vary

pytestmark = pytest.mark.anyio


# --- row 57: errors and middleware ------------------------------------------------------------------------------------

ORIGIN = "https://app.example"
FROM_APP = [("origin", ORIGIN)]
CORS = Middleware(CORSMiddleware, allow_origins=[ORIGIN], allow_credentials=True)


async def failing(request):
    raise LookupError("in the endpoint")


async def marking(request, call_next):
    response = await call_next(request)
    response.headers["x-request-id"] = "7"
    return response


@pytest.mark.failure(
    row=57,
    says="`Asterion` sends the 500 of an unhandled error out through user middleware, with CORS and all other headers; "
    "`Starlette` answers outside of it, as upstream documents.",
)
@each_face
@pytest.mark.parametrize("handler", [False, True], ids=["plain", "handler"])
async def test_1116_an_unhandled_error_is_answered_with_cors_headers(face, handler, layers, spec_version):
    async def on_error(request, error):
        return PlainTextResponse("sorry", status_code=500)

    app = application(
        face,
        layers,
        Route("/", failing),
        middleware=(CORS,),
        exception_handlers={Exception: on_error} if handler else None,
    )
    answer, error = await outcome(app, headers=FROM_APP, spec_version=spec_version)
    assert answer.status == 500
    assert isinstance(error, LookupError)
    assert answer.body == (b"sorry" if handler else b"Internal Server Error")
    expected = ORIGIN if face is Asterion else None
    assert answer.headers.get("access-control-allow-origin") == expected


async def test_1175_function_middleware_can_mark_the_answer_to_an_unhandled_error(layers, way):
    middleware = [*function_layers(1, way, marking), *function_layers(layers)]
    app = Asterion(routes=[Route("/", failing)], middleware=middleware)
    answer, error = await outcome(app)
    assert (answer.status, answer.headers.get("x-request-id")) == (500, "7")
    assert isinstance(error, LookupError)


@each_face
@pytest.mark.parametrize("error", [HTTPException(418), KeyError("known")], ids=["HTTPException", "registered"])
async def test_1175_an_error_with_a_handler_is_answered_inside_of_middleware(face, error, layers):
    async def endpoint(request):
        raise error

    async def known(request, error):
        return PlainTextResponse("known", status_code=418)

    app = application(face, layers, Route("/", endpoint), middleware=(CORS,), exception_handlers={KeyError: known})
    answer = await request(app, headers=FROM_APP)
    assert (answer.status, answer.headers.get("access-control-allow-origin")) == (418, ORIGIN)


# --- row 58: CORS -----------------------------------------------------------------------------------------------------


@pytest.mark.failure(
    row=58,
    says="Where everybody is let in with credentials, the origin is echoed, with or without a cookie in the request; a "
    "star with credentials is a wrong configuration. Every answer that depends on the origin says so in `Vary`.",
)
@each_face
@pytest.mark.parametrize("cookie", [[], [("cookie", "a=1")]], ids=["no cookie", "cookie"])
async def test_1111_any_origin_with_credentials_is_echoed_and_varies(face, cookie, layers, spec_version):
    with pytest.raises(ValueError, match="lets every site act as its visitor"):
        CORSMiddleware(PlainTextResponse(""), allow_origins=["*"], allow_credentials=True)
    cors = Middleware(CORSMiddleware, allow_origin_regex=".*", allow_credentials=True)
    app = application(face, layers, route("/"), middleware=(cors,))
    answer = await request(app, headers=[*FROM_APP, *cookie], spec_version=spec_version)
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "origin" in vary(answer)


@each_face
@pytest.mark.parametrize(
    ("origin", "allowed"), [(ORIGIN, ORIGIN), ("https://other.example", None), (None, None)], ids=str
)
async def test_1199_a_cache_is_told_that_the_answer_depends_on_the_origin(face, origin, allowed, layers):
    app = application(face, layers, route("/"), middleware=(CORS,))
    answer = await request(app, headers=[("origin", origin)] if origin else [])
    assert answer.headers.get("access-control-allow-origin") == allowed
    assert "origin" in vary(answer)


@each_face
async def test_3137_a_vary_of_the_endpoint_is_kept(face, layers):
    async def endpoint(request):
        return PlainTextResponse("", headers={"vary": "Accept-Language"})

    app = application(face, layers, Route("/", endpoint), middleware=(CORS,))
    assert vary(await request(app, headers=FROM_APP)) == {"accept-language", "origin"}


async def test_1113_one_requests_origin_does_not_stay_for_the_next(layers):
    cors = Middleware(CORSMiddleware, allow_origin_regex=r"https://\w+\.example")
    app = application(Asterion, layers, route("/"), middleware=(cors,))
    for origin in ("https://one.example", "https://two.example"):
        answer = await request(app, headers=[("origin", origin)])
        assert answer.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-origin" not in (await request(app)).headers


@each_face
async def test_3516_a_preflight_answer_varies_as_well(face, layers):
    app = application(face, layers, route("/"), middleware=(CORS,))
    answer = await request(app, "OPTIONS", headers=[*FROM_APP, ("access-control-request-method", "GET")])
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, ORIGIN)
    assert "origin" in vary(answer)


async def test_1111_without_credentials_the_star_is_sent_as_it_is():
    cors = Middleware(CORSMiddleware, allow_origins=["*"])
    answer = await request(application(Asterion, 0, route("/"), middleware=(cors,)), headers=FROM_APP)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert vary(answer) == set()
