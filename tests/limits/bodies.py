"""Limits of bodies: their size, and JSON."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from asterion.requests import Request
from asterion.responses import Response
from asterion.routing import Route
from tests.asgi import request
from tests.limits.table import MEBIBYTE, Ask, limit, plain

PIECE = 64 * 1024


async def read_body(request: Request) -> Response:
    return plain(str(len(await request.body())))


async def read_json(request: Request) -> Response:
    await request.json()
    return plain()


async def read_stream(request: Request) -> Response:
    return plain(str(sum([len(chunk) async for chunk in request.stream()])))


def pieces(body: bytes) -> list[bytes]:
    return [body[start : start + PIECE] for start in range(0, len(body), PIECE)]


async def posted(app: Any, body: bytes, ask: Ask) -> str:
    answer = await request(app, "POST", body=pieces(body), spec_version=ask.spec_version)
    return str(answer.status)


def route(endpoint: Any, **more: Any) -> list[Route]:
    return [Route("/", endpoint, methods=["POST"], **more)]


@limit(
    "a body kept by `body()`",
    "32 MiB (`Starlette`: none)",
    "`kept_body_size` in the application's policies, or `max_body_size`",
    "413",
    amount=32 * MEBIBYTE,
    starlette=None,
    chosen=100_000,
    refused="413",
)
async def kept(ask: Ask, size: int) -> str:
    return await posted(ask.app(route(read_body), "kept_body_size"), b"x" * size, ask)


@limit(
    "a body read by `json()`",
    "1 MiB (`Starlette`: none)",
    "`json_size` in the application's policies, or `max_body_size`",
    "413",
    amount=MEBIBYTE,
    starlette=None,
    chosen=100_000,
    refused="413",
)
async def as_json(ask: Ask, size: int) -> str:
    return await posted(ask.app(route(read_json), "json_size"), b'"' + b"x" * (size - 2) + b'"', ask)


@limit(
    "a body, however it is read",
    "none",
    "`max_body_size` of an application, mount or route",
    "413",
    amount=None,
    chosen=1000,
    refused="413",
)
async def of_any_kind(ask: Ask, size: int) -> str:
    of_the_route = await posted(ask.app(route(read_stream, max_body_size=ask.setting)), b"x" * size, ask)
    of_the_app = await posted(ask.app(route(read_stream), max_body_size=ask.setting), b"x" * size, ask)
    return of_the_route if of_the_route == of_the_app else f"{of_the_route} and {of_the_app}"


@limit(
    "lists and objects within each other in JSON",
    "200",
    "`json_depth` in the application's policies",
    "400; a close with 1003 in a WebSocket",
    amount=200,
    chosen=7,
)
async def depth_of_json(ask: Ask, depth: int) -> str:
    app = ask.app(route(read_json), "json_depth")
    half = depth // 2
    mixed = b'[{"a": ' * half + b"[]" * (depth % 2) + b"1" * (1 - depth % 2) + b"}, 1]" * half
    answers = {await posted(app, text, ask) for text in (b"[" * depth + b"]" * depth, mixed)}
    return " and ".join(sorted(answers))


@contextmanager
def integers_of(digits: int | None) -> Iterator[None]:
    """Have the interpreter read integers of this many digits."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(before if digits is None else digits)
    try:
        yield
    finally:
        sys.set_int_max_str_digits(before)


@limit(
    "digits of an integer in JSON",
    "4,300",
    "`sys.set_int_max_str_digits`",
    "400",
    amount=4300,
    chosen=700,
)
async def digits_in_json(ask: Ask, digits: int) -> str:
    with integers_of(ask.setting):
        return await posted(ask.app(route(read_json)), b'{"a": [%s]}' % (b"9" * digits), ask)
