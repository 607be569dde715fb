"""Conditional requests for answers that are made anew each time (RFC 9110 section 13)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from asterion.applications import Asterion
from asterion.middleware import Middleware
from asterion.middleware.compression import CompressionMiddleware
from asterion.middleware.conditional import ConditionalMiddleware
from asterion.responses import PlainTextResponse, Response, StreamingResponse
from asterion.routing import Route
from asterion.testclient import TestClient
from tests.asgi import Answer, request

DATE = "Sat, 21 Nov 2026 08:00:00 GMT"
LATER = "Sat, 21 Nov 2026 08:00:01 GMT"
EARLIER = "Fri, 20 Nov 2026 08:00:00 GMT"

pytestmark = pytest.mark.anyio


async def ask(response: Any, *headers: tuple[str, str], method: str = "GET") -> Answer:
    return await request(ConditionalMiddleware(response), method=method, headers=headers)


async def test_a_page_gets_a_tag_of_its_content() -> None:
    first, same, other = [await ask(PlainTextResponse(text)) for text in ("one", "one", "two")]
    assert first.headers["etag"] == same.headers["etag"] != other.headers["etag"]
    assert first.headers["etag"].startswith('"')
    assert (first.status, first.body) == (200, b"one")


async def test_who_has_it_gets_304_with_the_headers_that_belong_to_one() -> None:
    def page() -> Response:
        response = PlainTextResponse("one", headers={"cache-control": "no-cache", "vary": "Cookie", "x-other": "1"})
        response.set_cookie("a", "b")
        return response

    tag = (await ask(page())).headers["etag"]
    for value in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = await ask(page(), ("if-none-match", value))
        assert (answer.status, answer.body) == (304, b"")
        assert sorted(answer.headers) == ["cache-control", "etag", "set-cookie", "vary"]
        assert answer.headers["etag"] == tag
    for value in ('"other"', tag.strip('"'), "", '"'):
        assert (await ask(page(), ("if-none-match", value))).status == 200


async def test_a_tag_or_date_of_the_application_is_what_counts() -> None:
    def page() -> Response:
        return PlainTextResponse("one", headers={"etag": '"mine"', "last-modified": DATE})

    assert (await ask(page())).headers["etag"] == '"mine"'
    assert (await ask(page(), ("if-none-match", '"mine"'))).status == 304
    assert (await ask(page(), ("if-modified-since", DATE))).status == 304
    assert (await ask(page(), ("if-modified-since", LATER))).status == 304
    assert (await ask(page(), ("if-modified-since", EARLIER))).status == 200
    # The tag decides alone, where there is one.
    assert (await ask(page(), ("if-none-match", '"other"'), ("if-modified-since", LATER))).status == 200


async def test_head_is_answered_by_what_the_application_says_of_the_body() -> None:
    assert "etag" not in (await ask(PlainTextResponse("one"), method="HEAD")).headers
    tagged = PlainTextResponse("one", headers={"etag": '"mine"'})
    assert (await ask(tagged, ("if-none-match", '"mine"'), method="HEAD")).status == 304


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_left_alone(method: str) -> None:
    answer = await ask(PlainTextResponse("one"), ("if-none-match", "*"), method=method)
    assert (answer.status, answer.body) == (200, b"one")
    assert "etag" not in answer.headers


@pytest.mark.parametrize("status", [201, 404, 500, 206])
async def test_other_statuses_are_left_alone(status: int) -> None:
    answer = await ask(PlainTextResponse("one", status_code=status), ("if-none-match", "*"))
    assert (answer.status, answer.body) == (status, b"one")
    assert "etag" not in answer.headers


async def test_what_must_not_be_kept_is_never_compared() -> None:
    answer = await ask(PlainTextResponse("one", headers={"cache-control": "no-store"}), ("if-none-match", "*"))
    assert answer.status == 200
    assert "etag" not in answer.headers


async def test_a_stream_is_sent_piece_by_piece_without_a_tag() -> None:
    async def pieces() -> AsyncIterator[str]:
        yield "one"
        yield "two"

    answer = await ask(StreamingResponse(pieces()))
    assert answer.chunks == [b"one", b"two", b""]
    assert "etag" not in answer.headers


async def test_a_stream_with_a_tag_of_its_own_is_not_sent_to_who_has_it() -> None:
    stream = StreamingResponse(["one", "two"], headers={"etag": '"mine"'})
    answer = await ask(stream, ("if-none-match", '"mine"'))
    assert (answer.status, answer.body) == (304, b"")


async def test_inside_of_compression_the_tag_is_weak_and_good_for_both_forms() -> None:
    async def page(request: Any) -> Response:
        return PlainTextResponse("a page " * 1000)

    middleware = [Middleware(CompressionMiddleware, encodings=["gzip"]), Middleware(ConditionalMiddleware)]
    client = TestClient(Asterion(routes=[Route("/", page)], middleware=middleware))
    packed = client.get("/", headers={"accept-encoding": "gzip"})
    plain = client.get("/", headers={"accept-encoding": "identity"})
    assert packed.headers["etag"] == f"W/{plain.headers['etag']}"
    for coding in ("gzip", "identity"):
        again = client.get("/", headers={"accept-encoding": coding, "if-none-match": packed.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
