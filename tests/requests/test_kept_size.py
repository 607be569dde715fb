"""`Request.body()` and `json()` keep as much as the application's policy says, where no `max_body_size` was set."""

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest

from asterion._core.bodylimits import RequestBodyTooLarge
from asterion.applications import Asterion, Starlette
from asterion.requests import Request
from asterion.responses import PlainTextResponse
from asterion.routing import Mount, Route
from tests.asgi import request

pytestmark = pytest.mark.anyio

LIMIT = 100_000


async def size_of_body(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def length_of_json(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.json())))


async def size_of_stream(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(sum([len(chunk) async for chunk in request.stream()])))


ROUTES = [
    Route("/body", size_of_body, methods=["POST"]),
    Route("/json", length_of_json, methods=["POST"]),
    Route("/stream", size_of_stream, methods=["POST"]),
    Route("/more", size_of_body, methods=["POST"], max_body_size=3 * LIMIT),
]


class Careful(Asterion):
    policies = dataclasses.replace(Asterion.policies, kept_body_size=LIMIT)


@pytest.mark.parametrize("piece", [1000, LIMIT + 1], ids=["many_pieces", "one_piece"])
async def test_a_body_at_the_limit_is_kept_and_one_byte_more_is_a_413(piece: int) -> None:
    for size, status in ((LIMIT, 200), (LIMIT + 1, 413)):
        body = b"x" * size
        pieces = [body[start : start + piece] for start in range(0, size, piece)]
        answer = await request(Careful(routes=ROUTES), "POST", "/body", body=pieces)
        assert answer.status == status
        text = b'"' + b"x" * (size - 2) + b'"'
        answer = await request(Careful(routes=ROUTES), "POST", "/json", body=text)
        assert answer.status == status


class Unpacked(Request):
    """A request whose body is another one than was sent, as one that decompresses it has."""

    async def stream(self) -> AsyncIterator[bytes]:  # type: ignore[override]
        async for chunk in super().stream():
            yield chunk * 2


@pytest.mark.parametrize(("sent", "size"), [(LIMIT // 2, LIMIT), (LIMIT // 2 + 1, None)])
async def test_what_a_subclass_makes_of_the_stream_counts(sent: int, size: int | None) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await Unpacked(scope, receive).body()
        except RequestBodyTooLarge:
            sizes.append(None)
        else:
            sizes.append(len(body))
        await PlainTextResponse("")(scope, receive, send)

    sizes: list[int | None] = []
    await request(Careful(routes=[Mount("/", app)]), "POST", body=b"x" * sent)
    assert sizes == [size]


async def test_a_stream_is_not_kept_and_may_be_longer() -> None:
    answer = await request(Careful(routes=ROUTES), "POST", "/stream", body=b"x" * (2 * LIMIT))
    assert answer.body == str(2 * LIMIT).encode()


async def test_a_limit_that_was_set_stands_in_its_place() -> None:
    for size, status in ((3 * LIMIT, 200), (3 * LIMIT + 1, 413)):
        answer = await request(Careful(routes=ROUTES), "POST", "/more", body=b"x" * size)
        assert answer.status == status


async def test_the_starlette_face_keeps_any_number_of_bytes_and_asterion_32_mebibytes() -> None:
    limit = 32 * 1024 * 1024
    assert Asterion.policies.kept_body_size == limit
    over: list[Any] = [bytes(1024 * 1024)] * 32 + [b"x"]
    assert (await request(Asterion(routes=ROUTES), "POST", "/body", body=over[:-1])).status == 200
    assert (await request(Asterion(routes=ROUTES), "POST", "/body", body=over)).status == 413
    assert (await request(Starlette(routes=ROUTES), "POST", "/body", body=over)).body == str(limit + 1).encode()
