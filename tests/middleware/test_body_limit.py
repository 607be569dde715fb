"""Body limits: 413 through any stack, and no byte too many (row 53)."""

import pickle

import anyio
import pytest

from asterion._core.bodylimits import announced_length
from asterion.applications import Asterion, Starlette
from asterion.exceptions import HTTPException
from asterion.middleware.base import BaseHTTPMiddleware
from asterion.middleware.body_limit import (
    MAX_BODY_SIZE_SCOPE_KEY,
    RequestBodyLimitMiddleware,
    RequestBodyLimitResponder,
    RequestBodyTooLarge,
)
from asterion.middleware.errors import ServerErrorMiddleware
from asterion.requests import Request
from asterion.responses import PlainTextResponse
from tests.asgi import function_layers, request

pytestmark = pytest.mark.anyio

BIG = [b"x" * 60, b"y" * 60]


async def echo_length(scope, receive, send):
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


def limited(app, limit=100, **options):
    return RequestBodyLimitMiddleware(app, limit, **options)


def wrapped(app, layers, way):
    for cls, args, kwargs in function_layers(layers, way):
        app = cls(app, *args, **kwargs)
    return app


async def test_a_body_within_the_limit_passes():
    for body in (b"x" * 100, [b"x" * 50, b"y" * 50], b""):
        answer = await request(limited(echo_length), "POST", body=body)
        assert answer.body == str(len(b"".join(body) if isinstance(body, list) else body)).encode()


async def test_a_length_over_the_limit_is_answered_without_the_handler(layers, way):
    async def never(scope, receive, send):
        raise AssertionError("must not be called")

    app = limited(wrapped(never, layers, way))
    answer = await request(app, "POST", headers=[("content-length", "101")], body=BIG)
    assert (answer.status, answer.body) == (413, b"Content Too Large")
    assert answer.receives == 0


async def test_a_length_of_18_digits_is_taken_as_it_is_and_a_longer_one_is_too_large():
    limit = 10**18 - 1
    for digits, status in (("9" * 18, 200), ("0" * 18 + "9", 413)):
        answer = await request(limited(echo_length, limit), "POST", headers=[("content-length", digits)], body=b"x")
        assert answer.status == status


async def test_a_body_that_grows_over_the_limit_is_413_through_any_stack(layers, way):
    """Upstream: 500 as soon as one function middleware stands in between (issue 1255, its OPEN variant)."""
    answer = await request(limited(wrapped(echo_length, layers, way)), "POST", body=BIG)
    assert answer.status == 413


async def test_a_length_that_understates_the_body_does_not_help():
    answer = await request(limited(echo_length), "POST", headers=[("content-length", "5")], body=BIG)
    assert answer.status == 413


async def test_the_application_sees_an_http_exception_again_and_again_and_no_byte_too_many():
    seen = []

    async def app(scope, receive, send):
        for _ in range(4):
            try:
                seen.append((await receive())["body"])
            except HTTPException as error:
                seen.append(error.status_code)
        await PlainTextResponse("mine", status_code=400)(scope, receive, send)

    answer = await request(limited(app), "POST", body=[*BIG, b"z"])
    assert seen == [BIG[0], 413, 413, 413]
    # An application that answers the error itself has the last word.
    assert (answer.status, answer.body) == (400, b"mine")


async def test_an_application_that_reads_in_a_task_group_is_413_too():
    async def app(scope, receive, send):
        async def read():
            await Request(scope, receive).body()

        async with anyio.create_task_group() as group:
            group.start_soon(read)

    assert (await request(limited(app), "POST", body=BIG)).status == 413


async def test_other_errors_stay_what_they_are():
    async def app(scope, receive, send):
        try:
            await Request(scope, receive).body()
        finally:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await request(limited(app), "POST", body=BIG)


async def test_an_error_after_the_start_cannot_become_an_answer():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await Request(scope, receive).body()

    with pytest.raises(RequestBodyTooLarge):
        await request(limited(app), "POST", body=BIG)


@pytest.mark.parametrize(("inner", "status"), [(200, 200), (110, 413), (50, 413)])
async def test_of_several_limits_the_innermost_counts(inner, status):
    app = limited(limited(echo_length, inner))
    assert (await request(app, "POST", body=BIG)).status == status


def putting(app, body):
    """A layer that gives the inner application another body than the one that was sent, as one that decompresses."""

    async def layer(scope, receive, send):
        await receive()

        async def receive_other():
            return {"type": "http.request", "body": body, "more_body": False}

        await app(scope, receive_other, send)

    return layer


@pytest.mark.parametrize(("inner", "status"), [(119, 413), (120, 200)])
async def test_an_inner_limit_counts_what_passes_through_it(inner, status):
    """Upstream: 200, however much comes out of a body that is small on the wire."""
    app = limited(putting(limited(echo_length, inner), b"".join(BIG)), 10)
    assert (await request(app, "POST", body=b"small")).status == status


@pytest.mark.parametrize(("inner", "status"), [(119, 413), (120, 200)])
async def test_a_body_that_a_middleware_has_read_and_kept_is_judged_by_the_inner_limit(inner, status, layers, way):
    """What was read under the wider limit of the application is still too much for the route."""

    class Reading(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            await request.body()
            return await call_next(request)

    app = limited(Reading(wrapped(limited(limited(echo_length, inner), 500), layers, way)), 1000)
    assert (await request(app, "POST", body=BIG)).status == status


@pytest.mark.parametrize(("inner", "status"), [(119, 413), (120, 200)])
async def test_a_request_made_after_another_finds_the_body_under_an_inner_limit_too(inner, status):
    async def reading(scope, receive, send):
        await Request(scope, receive).body()
        await limited(echo_length, inner)(scope, receive, send)

    assert (await request(limited(reading, 1000), "POST", body=BIG)).status == status


@pytest.mark.parametrize(("outermost", "innermost", "status"), [(1000, 120, 200), (10, 120, 200), (1000, 10, 413)])
async def test_of_three_limits_the_innermost_counts(outermost, innermost, status):
    app = limited(limited(limited(echo_length, innermost), 50), outermost)
    assert (await request(app, "POST", body=BIG)).status == status


async def test_a_copied_scope_does_not_lose_the_inner_limit():
    async def copying(scope, receive, send):
        await limited(echo_length, 200)(dict(scope), receive, send)

    assert (await request(limited(copying), "POST", body=BIG)).body == b"120"


async def too_large(request, error):
    return PlainTextResponse("too large", 413)


@pytest.mark.parametrize(("inner", "status"), [(200, 200), (None, 200), (110, 413)])
async def test_an_inner_layer_may_write_its_limit_into_the_scope(inner, status):
    async def route(scope, receive, send):
        assert scope[MAX_BODY_SIZE_SCOPE_KEY] == 100
        scope[MAX_BODY_SIZE_SCOPE_KEY] = inner
        await echo_length(scope, receive, send)

    # A 413 is left to the error boundary of the application that this stands in.
    app = ServerErrorMiddleware(limited(route, deferred=True))
    app.handled = too_large
    headers = [("content-length", "120")]
    assert (await request(app, "POST", headers=headers, body=BIG)).status == status


async def test_a_deferred_limit_judges_the_length_at_the_first_read():
    reached = []

    async def app(scope, receive, send):
        reached.append(True)
        await echo_length(scope, receive, send)

    boundary = ServerErrorMiddleware(limited(app, deferred=True))
    boundary.handled = too_large
    answer = await request(boundary, "POST", headers=[("content-length", "101")], body=b"")
    assert (answer.status, answer.receives, reached) == (413, 0, [True])


def scope_of(face):
    return {"app": face()}


async def answer_without_reading(scope, receive, send):
    await PlainTextResponse("unread")(scope, receive, send)


@pytest.mark.parametrize("inner", [echo_length, answer_without_reading])
@pytest.mark.parametrize(("face", "wider"), [(Asterion, 413), (Starlette, 200)])
async def test_on_the_starlette_face_an_inner_limit_can_allow_what_was_announced(face, wider, inner, layers, way):
    for limit, status in ((1000, wider), (100, 413)):
        app = limited(wrapped(limited(inner, limit), layers, way))
        headers = [("content-length", "120")]
        answer = await request(app, "POST", headers=headers, body=BIG, scope=scope_of(face))
        assert answer.status == status


@pytest.mark.parametrize(("face", "called"), [(Asterion, []), (Starlette, [True])])
async def test_on_the_starlette_face_the_application_is_called_and_its_answer_judged(face, called):
    reached = []

    async def app(scope, receive, send):
        reached.append(True)
        await answer_without_reading(scope, receive, send)

    headers = [("content-length", "101")]
    answer = await request(limited(app), "POST", headers=headers, body=BIG, scope=scope_of(face))
    assert (answer.status, answer.receives, reached) == (413, 0, called)


async def test_on_the_starlette_face_an_answer_that_is_an_error_is_left_alone():
    async def app(scope, receive, send):
        await PlainTextResponse("no such thing", 404)(scope, receive, send)

    headers = [("content-length", "101")]
    answer = await request(limited(app), "POST", headers=headers, body=BIG, scope=scope_of(Starlette))
    assert (answer.status, answer.body) == (404, b"no such thing")


async def test_within_the_reach_of_exception_handlers_the_error_is_theirs():
    """A handler for 413, and the middleware around it (CORS), then make the answer."""
    scope = {"starlette.exception_handlers": ({}, {})}
    with pytest.raises(HTTPException) as caught:
        await request(limited(echo_length), "POST", headers=[("content-length", "101")], scope=scope)
    assert caught.value.status_code == 413
    with pytest.raises(RequestBodyTooLarge):
        await request(limited(echo_length), "POST", body=BIG, scope=dict(scope))


async def test_handlers_that_stand_inside_do_not_count():
    async def app(scope, receive, send):
        scope["starlette.exception_handlers"] = ({}, {})
        await Request(scope, receive).body()

    assert (await request(limited(app), "POST", body=BIG)).status == 413


@pytest.mark.parametrize(
    ("values", "length"),
    [
        (["5"], 5),
        ([" 7 "], 7),
        (["5", "6"], 6),
        (["-1"], None),
        (["1_0"], None),
        (["+5"], None),
        (["x"], None),
        ([], None),
        (["9" * 5000], 10**18),
        (["0005"], 5),
        (["٥"], None),
    ],
)
def test_an_announced_length_is_ascii_digits(values, length):
    assert announced_length([(b"content-length", value.encode("utf-8")) for value in values]) == length


@pytest.mark.parametrize("limit", [-1, 1.5, "1", True, None])
def test_a_limit_is_a_number_of_bytes(limit):
    with pytest.raises(ValueError, match="max_body_size is a number of bytes"):
        limited(None, limit)


def test_a_responder_without_a_request_says_so():
    responder = RequestBodyLimitResponder(None, 5)
    for name in ("scope", "receive", "send"):
        with pytest.raises(RuntimeError, match="no request yet"):
            getattr(responder, name)


def test_the_error_survives_pickling():
    error = pickle.loads(pickle.dumps(RequestBodyTooLarge(5)))
    assert (error.status_code, error.max_body_size) == (413, 5)


async def test_a_limit_of_nothing_lets_an_empty_body_through_and_no_other():
    app = limited(echo_length, 0)
    assert (await request(app, "POST")).status == 200
    assert (await request(app, "POST", body=[b"x"])).status == 413
