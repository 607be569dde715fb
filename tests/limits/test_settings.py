"""What the settings of limits take, and how limits hold where the table's probes do not look."""

import dataclasses
import json
from typing import Any

import pytest

from asterion.applications import Asterion
from asterion.endpoints import WebSocketEndpoint
from asterion.formparsers import FormLimits
from asterion.requests import Request
from asterion.responses import JSONResponse, Response
from asterion.routing import Mount, Route, Router, WebSocketRoute
from asterion.websockets import FrameTooLarge, WebSocket
from tests.asgi import Exchange, http_scope, request
from tests.limits.table import plain
from tests.limits.talk import talk

pytestmark = pytest.mark.anyio

LONG = 3000


def limited(**policies: Any) -> Any:
    """An application with these policies."""

    class Limited(Asterion):
        pass

    Limited.policies = dataclasses.replace(Asterion.policies, **policies)
    return Limited


async def rest(request: Request) -> Response:
    return plain(str(len(request.path_params["rest"])))


async def home(request: Request) -> Response:
    return plain("home")


async def echo(request: Request) -> Response:
    return JSONResponse(await request.json())


# --- paths ---


async def test_a_path_of_any_length_where_there_is_no_limit() -> None:
    app = limited(path_length=None)(routes=[Route("/{rest:path}", rest)])
    assert (await request(app, path="/" + "x" * 100_000)).body == b"100000"


async def test_paths_of_1024_characters_are_never_refused() -> None:
    app = limited(path_length=10)(routes=[Route("/{rest}", rest)])
    assert (await request(app, path="/" + "x" * 1023)).status == 200
    assert (await request(app, path="/" + "x" * 1024)).status == 414


async def test_a_path_that_was_declared_is_never_too_long() -> None:
    path = "/" + "x" * LONG
    routes = [Mount("/m", routes=[Route(path, home)]), Route(path, home), Route("/{rest}", rest)]
    app = limited(path_length=2000)(routes=routes)
    assert [(await request(app, path=p)).status for p in (path, path + "x")] == [200, 414]
    # Asked by way of the table, not of the shortcut for plain routes.
    app = limited(path_length=2000)(routes=routes, max_body_size=10)
    assert [(await request(app, path=p)).status for p in (path, path + "x")] == [200, 414]


async def test_characters_are_counted_and_not_the_bytes_that_they_were_sent_as() -> None:
    app = limited(path_length=2000)(routes=[Route("/{rest}", rest)])
    assert (await request(app, path="/" + "é" * 1999)).body == b"1999"
    assert (await request(app, path="/" + "é" * 2000)).status == 414


async def test_the_answer_to_a_long_path_names_the_setting_and_not_the_path() -> None:
    answer = await request(Asterion(routes=[Route("/{rest}", rest)]), path="/" + "x" * 8192)
    assert answer.status == 414
    assert answer.body == b"The path of the URL is too long: at most 8192 characters (path_length)."


async def test_a_handler_for_414_answers_a_long_path() -> None:
    async def handler(request: Request, error: Exception) -> Response:
        return JSONResponse({"long": len(request.url.path)}, 414)

    app = Asterion(routes=[Route("/{rest}", rest)], exception_handlers={414: handler})
    assert json.loads((await request(app, path="/" + "x" * 9000)).body) == {"long": 9001}


async def test_a_router_without_an_application_has_the_default() -> None:
    router = Router([Route("/{rest}", rest)])
    assert (await request(router, path="/" + "x" * 8191)).status == 200
    answer = await request(router, path="/" + "x" * 8192)
    assert (answer.status, answer.headers["content-type"]) == (414, "text/plain; charset=utf-8")


async def test_a_websocket_with_a_long_path_is_refused() -> None:
    async def never(websocket: WebSocket) -> None:
        raise AssertionError("the endpoint was called")

    app = Asterion(routes=[WebSocketRoute("/{rest}", never)])
    assert await talk(app, "/" + "x" * 8192) == [{"type": "websocket.close", "code": 1008, "reason": ""}]
    sent = await talk(app, "/" + "x" * 8192, extensions={"websocket.http.response": {}})
    assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 414)


async def test_long_paths_of_unknown_methods_and_slashes_at_the_end_are_too_long_as_well() -> None:
    app = Asterion(routes=[Route("/{rest}/", rest, methods=["POST"])])
    for path in ("/" + "x" * 8192, "/" + "x" * 8192 + "/"):
        assert (await request(app, "GET", path)).status == 414


# --- JSON ---


async def test_json_has_no_size_of_its_own_where_a_size_of_bodies_was_set() -> None:
    routes = [Route("/", echo, methods=["POST"], max_body_size=300_000)]
    app = limited(json_size=100_000)(routes=routes)
    body = b'"' + b"x" * 299_998 + b'"'
    assert (await request(app, "POST", body=body)).status == 200
    assert (await request(app, "POST", body=body + b" ")).status == 413


async def test_a_body_that_was_kept_is_judged_when_it_is_read_as_json() -> None:
    async def endpoint(request: Request) -> Response:
        size = len(await request.body())
        await request.json()
        return plain(str(size))

    app = limited(json_size=100_000)(routes=[Route("/", endpoint, methods=["POST"])])
    assert (await request(app, "POST", body=b"1" + b" " * 100_000)).status == 413
    assert (await request(app, "POST", body=b"1" + b" " * 99_999)).body == b"100000"


async def test_nesting_without_a_limit_ends_where_the_interpreter_ends() -> None:
    app = limited(json_depth=None)(routes=[Route("/", echo, methods=["POST"])])
    assert (await request(app, "POST", body=b"[" * 300 + b"]" * 300)).status == 200
    answer = await request(app, "POST", body=b"[" * 400_000 + b"]" * 400_000)
    assert (answer.status, b"Nested too deeply" in answer.body) == (400, True)


@pytest.mark.parametrize("around", [b"%s", b"[[], %s, []]", b'{"a": %s}'])
@pytest.mark.parametrize("levels", range(2, 8))
async def test_nesting_up_to_a_small_limit(around: bytes, levels: int) -> None:
    app = limited(json_depth=levels)(routes=[Route("/", echo, methods=["POST"])])
    inside = levels - (around != b"%s")
    for more, status in ((0, 200), (1, 400)):
        body = around % (b"[" * (inside + more) + b"]" * (inside + more))
        assert (await request(app, "POST", body=body)).status == status


async def test_the_answer_to_deep_json_names_the_limit_and_the_setting() -> None:
    app = Asterion(routes=[Route("/", echo, methods=["POST"])])
    answer = await request(app, "POST", body=b'{"secret": ' * 201 + b"1" + b"}" * 201)
    assert answer.status == 400
    assert b"Nested too deeply, at most 200 levels (json_depth)" in answer.body
    assert b"secret" not in answer.body


async def test_a_request_made_of_a_bare_scope_nests_as_deep_as_asterions() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await JSONResponse(await Request(scope, receive).json())(scope, receive, send)

    assert (await request(app, "POST", body=b"[" * 200 + b"]" * 200)).status == 200
    with pytest.raises(json.JSONDecodeError, match="Nested too deeply"):
        await Exchange(app, http_scope("POST"), body=b"[" * 201 + b"]" * 201).run()


async def receive_json(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json(await websocket.receive_json())


class JSONEndpoint(WebSocketEndpoint):
    encoding = "json"

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        await websocket.send_json(data)
        await websocket.close()


@pytest.mark.parametrize("endpoint", [receive_json, JSONEndpoint])
async def test_json_of_a_websocket_nests_as_deep_as_that_of_a_request(endpoint: Any) -> None:
    app = limited(json_depth=5)(routes=[WebSocketRoute("/", endpoint)])
    sent = await talk(app, "/", {"text": "[" * 5 + "]" * 5})
    assert sent[1] == {"type": "websocket.send", "text": "[[[[[]]]]]"}
    sent = await talk(app, "/", {"text": "[" * 6 + "]" * 6})
    assert [(message["type"], message.get("code")) for message in sent[1:]] == [("websocket.close", 1003)]
    assert "Nested too deeply, at most 5 levels (json_depth)" in sent[1]["reason"]


# --- messages of WebSockets ---


class Told(WebSocketEndpoint):
    encoding = "text"
    codes: list[int]

    async def on_disconnect(self, websocket: WebSocket, close_code: int) -> None:
        self.codes.append(close_code)


async def test_an_endpoint_is_told_that_a_message_was_too_large() -> None:
    Told.codes = []
    app = limited(websocket_message_size=4)(routes=[WebSocketRoute("/", Told)])
    sent = await talk(app, "/", {"text": "four"}, {"text": "fives"})
    assert sent[1:] == [
        {"type": "websocket.close", "code": 1009, "reason": "more than 4 bytes (websocket_message_size)"}
    ]
    assert Told.codes == [1009]


async def test_an_endpoint_without_an_application_closes_and_raises() -> None:
    Told.codes = []
    with pytest.raises(FrameTooLarge, match="1009: more than 16777216 bytes"):
        await talk(Told, "/", {"bytes": b"x" * (16 * 1024 * 1024 + 1)})
    assert Told.codes == [1009]


@pytest.mark.parametrize(
    ("frame", "fits"),
    [
        ({"text": "x" * 12}, True),
        ({"text": "x" * 13}, False),
        ({"text": "é" * 6}, True),
        ({"text": "é" * 6 + "x"}, False),
        ({"text": "\N{SNOWMAN}" * 4}, True),
        ({"text": "\N{SNOWMAN}" * 4 + "x"}, False),
        ({"text": "\N{PILE OF POO}" * 3}, True),
        ({"text": "\N{PILE OF POO}" * 3 + "x"}, False),
        ({"text": "\ud800" * 4}, True),
        ({"text": "\ud800" * 5}, False),
        ({"bytes": bytearray(12), "text": None}, True),
        ({"bytes": memoryview(bytes(13)), "text": None}, False),
    ],
)
@pytest.mark.parametrize("raw", [False, True])
async def test_a_message_is_measured_in_bytes(frame: dict[str, Any], fits: bool, raw: bool) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        if raw:
            assert await websocket.receive() == {"type": "websocket.receive", **frame}
        elif frame.get("bytes") is None:
            assert await websocket.receive_text() == frame["text"]
        else:
            assert await websocket.receive_bytes() == frame["bytes"]
        await websocket.close(4000)

    app = limited(websocket_message_size=12)(routes=[WebSocketRoute("/", endpoint)])
    assert (await talk(app, "/", frame))[-1]["code"] == (4000 if fits else 1009)


# --- charsets ---


@pytest.mark.parametrize("label", ["nonsense", "hex", "UTF-8", " utf-8", "u"])
def test_a_charset_that_is_none_is_refused_where_it_is_set(label: str) -> None:
    with pytest.raises(ValueError, match=f"charset.* got {label!r}|Python has no charset {label!r}"):
        FormLimits(charsets=frozenset([label]))


def form_in(label: str, text: bytes) -> tuple[list[tuple[str, str]], bytes]:
    head = f'--b\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: text/plain; charset={label}\r\n\r\n'
    return [("content-type", "multipart/form-data; boundary=b")], head.encode() + text + b"\r\n--b--\r\n"


@pytest.mark.parametrize("label", ["shift_jis", "Shift_JIS", "utf-32"])
async def test_a_charset_that_was_added_is_accepted(label: str) -> None:
    limits = FormLimits(charsets=FormLimits().charsets | {"shift_jis", "utf-32"})

    async def endpoint(request: Request) -> Response:
        async with request.form(limits=limits) as form:
            return plain(str(form["a"]))

    app = Asterion(routes=[Route("/", endpoint, methods=["POST"])])
    headers, body = form_in(label, "日本".encode(label))
    assert (await request(app, "POST", headers=headers, body=body)).body.decode() == "日本"


async def test_a_charset_that_is_not_allowed_is_named_with_those_that_are() -> None:
    async def endpoint(request: Request) -> Response:
        async with request.form(limits=FormLimits(charsets=frozenset(["utf-8", "ascii"]))):
            return plain()

    app = Asterion(routes=[Route("/", endpoint, methods=["POST"])])
    headers, body = form_in("latin-1", b"x")
    answer = await request(app, "POST", headers=headers, body=body)
    assert answer.status == 400
    assert answer.body == (
        b"The form names the charset 'latin-1', which is not accepted; use one of ascii, utf-8 (charsets)."
    )
    # What names no charset is UTF-8, whatever may be named.
    headers, body = form_in("ascii", b"x")
    assert (await request(app, "POST", headers=headers, body=body)).status == 200
