"""Limits of paths, headers, files, sessions and WebSockets."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asterion.convertors import IntegerConvertor
from asterion.middleware import Middleware
from asterion.middleware.sessions import SessionMiddleware, SessionTooLarge
from asterion.requests import Request
from asterion.responses import FileResponse, Response
from asterion.routing import Mount, Route, WebSocketRoute
from asterion.websockets import WebSocket
from tests.asgi import request
from tests.limits.table import MEBIBYTE, Ask, limit, plain
from tests.limits.talk import talk


async def answer(request: Request) -> Response:
    return plain()


async def status(app: Any, ask: Ask, path: str, *headers: tuple[str, str]) -> str:
    return str((await request(app, path=path, headers=headers, spec_version=ask.spec_version)).status)


@limit(
    "characters of a path",
    "8,192",
    "`path_length` in the application's policies",
    "414; a refused WebSocket handshake",
    amount=8192,
    chosen=2000,
    refused="414",
)
async def path(ask: Ask, length: int) -> str:
    routes: list[Any] = [Route("/a/{name}", answer), Mount("/m", routes=[Route("/{rest:path}", answer)])]
    app = ask.app(routes, "path_length")
    seen = {await status(app, ask, start + "x" * (length - len(start))) for start in ("/a/", "/m/a/")}
    return " and ".join(sorted(seen))


@contextmanager
def integers_of(digits: int | None) -> Iterator[None]:
    before = IntegerConvertor.max_digits
    IntegerConvertor.max_digits = before if digits is None else digits
    try:
        yield
    finally:
        IntegerConvertor.max_digits = before


@limit(
    "digits of an integer in a path",
    "4,300",
    "`IntegerConvertor.max_digits`",
    "404",
    amount=4300,
    chosen=20,
    refused="404",
)
async def digits(ask: Ask, count: int) -> str:
    app = ask.app([Route("/{number:int}", answer), Route("/{number:int}/{name}", answer)])
    with integers_of(ask.setting):
        seen = {await status(app, ask, path) for path in ("/" + "9" * count, "/" + "9" * count + "/a")}
    return " and ".join(sorted(seen))


class FewRanges(FileResponse):
    """What an application may set."""

    max_ranges = 3


@limit(
    "ranges of a file",
    "100",
    "`FileResponse.max_ranges`",
    "the whole file (200)",
    amount=100,
    chosen=3,
    accepted="206",
    refused="200",
)
async def ranges(ask: Ask, count: int) -> str:
    kind = FileResponse if ask.setting is None else FewRanges

    async def endpoint(request: Request) -> Response:
        return kind(Path(__file__))

    header = "bytes=" + ",".join(f"{2 * n}-{2 * n}" for n in range(count))
    return await status(ask.app([Route("/", endpoint)]), ask, "/", ("range", header))


class SmallSessions(SessionMiddleware):
    """What an application may set."""

    max_cookie_size = 300


@limit(
    "the cookie of a session, with its name",
    "4,096",
    "`SessionMiddleware.max_cookie_size`: browsers drop more",
    "`SessionTooLarge`",
    amount=4096,
    chosen=300,
    refused="SessionTooLarge",
)
async def session(ask: Ask, size: int) -> str:
    kind = SessionMiddleware if ask.setting is None else SmallSessions
    name = "s"
    signed = len(kind(ask.app([]), "k", name).dump(b""))
    # Base64 makes four characters of three bytes: the name takes up what is left.
    value, rest = divmod(size - signed - len(name), 4)
    name += "n" * rest

    async def endpoint(request: Request) -> Response:
        request.session["a"] = "x" * (3 * value - len('{"a":""}'))
        return plain()

    layers = (Middleware(kind, secret_key="k", session_cookie=name), *ask.layers)
    app = Ask(ask.face, layers).app([Route("/", endpoint)])
    try:
        found = await request(app, spec_version=ask.spec_version)
    except SessionTooLarge as error:
        return "SessionTooLarge" if f"the session is {size} bytes" in str(error) else str(error)
    cookie = found.headers["set-cookie"].partition(";")[0]
    assert len(cookie) - len("=") == size
    return str(found.status)


@limit(
    "a message of a WebSocket, text in UTF-8",
    "16 MiB (`Starlette`: none)",
    "`websocket_message_size` in the application's policies",
    "a close with 1009",
    amount=16 * MEBIBYTE,
    starlette=None,
    chosen=100,
    refused="1009",
)
async def message(ask: Ask, size: int) -> str:
    async def text(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(str(len((await websocket.receive_text()).encode())))
        await websocket.close(4000)

    async def data(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(str(len(await websocket.receive_bytes())))
        await websocket.close(4000)

    routes = [WebSocketRoute("/text", text), WebSocketRoute("/bytes", data)]
    app = ask.app(routes, "websocket_message_size")
    frames: list[tuple[str, dict[str, Any]]] = [
        ("/text", {"text": "x" * size}),
        ("/text", {"text": "é" * (size // 2) + "x" * (size % 2)}),
        ("/bytes", {"bytes": b"x" * size}),
    ]
    seen = set()
    for path, frame in frames:
        sent = await talk(app, path, frame)
        assert [sent[0]["type"], sent[-1]["type"]] == ["websocket.accept", "websocket.close"]
        # The endpoint's own code says that it was received whole.
        taken = sent[-1]["code"] == 4000 and sent[1] == {"type": "websocket.send", "text": str(size)}
        seen.add("200" if taken else str(sent[-1]["code"]))
    return " and ".join(sorted(seen))
