"""The judge of ASGI messages: what it lets pass, and what it refuses with which words."""

import pytest

from asterion.applications import Asterion, Starlette
from asterion.testclient import Conformance, ConformanceError, TestClient

EXTENSIONS = {f"http.response.{name}": {} for name in ("debug", "early_hint", "push", "trailers", "pathsend")}


def http(method="GET", extensions=EXTENSIONS):
    return {"type": "http", "method": method, "extensions": extensions}


WEBSOCKET = {"type": "websocket", "extensions": {"websocket.http.response": {}}}


def start(status=200, *headers, **more):
    return {"type": "http.response.start", "status": status, "headers": list(headers), **more}


def body(data=b"", more_body=False):
    return {"type": "http.response.body", "body": data, "more_body": more_body}


def other(name, **fields):
    return {"type": f"http.response.{name}", **fields}


def length(number):
    return (b"content-length", str(number).encode())


ACCEPT = {"type": "websocket.accept"}
CLOSE = {"type": "websocket.close", "code": 1000}
TEXT = {"type": "websocket.send", "text": "x"}


def judge(scope, messages, strict=True):
    judge = Conformance(scope, strict=strict)
    for message in messages:
        judge.check(message)
    judge.finish()


RIGHT = {
    "a body": (http(), [start(), body(b"x")]),
    "no headers key": (http(), [{"type": "http.response.start", "status": 200}, {"type": "http.response.body"}]),
    "chunks": (http(), [start(), body(b"x", True), body(b"", True), body(b"y")]),
    "the right length": (http(), [start(200, length(3)), body(b"ab", True), body(b"c")]),
    "bytearray and memoryview": (
        http(),
        [start(200, length(4)), body(bytearray(b"ab"), True), body(memoryview(b"cd"))],
    ),
    "a typed memoryview": (http(), [start(200, length(4)), body(memoryview(b"abcd").cast("I"))]),
    "HEAD with a length": (http("HEAD"), [start(200, length(3)), body()]),
    "304 with a length": (http(), [start(304, length(3)), body()]),
    "204": (http(), [start(204), body()]),
    "trailers": (http(), [start(trailers=True), body(b"x"), other("trailers", headers=[(b"a", b"b")])]),
    "trailers in parts": (
        http(),
        [
            start(trailers=True),
            body(),
            other("trailers", headers=[], more_trailers=True),
            other("trailers", headers=[]),
        ],
    ),
    "debug, hints and push first": (
        http(),
        [other("debug", info={}), other("early_hint"), other("push"), start(), body()],
    ),
    "push within": (http(), [start(), other("push"), body(b"x", True), other("push"), body()]),
    "a file": (http(), [start(200, length(3)), other("pathsend", path="/x")]),
    "accept, send, close": (WEBSOCKET, [ACCEPT, TEXT, {"type": "websocket.send", "bytes": b"x", "text": None}, CLOSE]),
    "accept and return": (WEBSOCKET, [ACCEPT]),
    "refuse": (WEBSOCKET, [CLOSE]),
    "deny": (
        WEBSOCKET,
        [
            {"type": "websocket.http.response.start", "status": 403, "headers": []},
            {"type": "websocket.http.response.body", "body": b"x", "more_body": True},
            {"type": "websocket.http.response.body", "body": b"y"},
        ],
    ),
}

WRONG_ORDER = {
    "body first": (http(), [body()], "nothing that counts has been sent yet: allowed now is"),
    "two starts": (http(), [start(), start()], "the response has started: allowed now is"),
    "two ends": (http(), [start(), body(), body()], "the answer is complete: allowed now is nothing more"),
    "debug late": (http(), [start(), other("debug", info={})], "the response has started"),
    "trailers not promised": (http(), [start(), body(), other("trailers")], "the answer is complete"),
    "body after trailers began": (http(), [start(trailers=True), body(), body()], "trailers are to follow"),
    "send before accept": (WEBSOCKET, [TEXT], r"allowed now is websocket\.accept or websocket\.close"),
    "accept twice": (WEBSOCKET, [ACCEPT, ACCEPT], "the WebSocket is accepted"),
    "send after close": (WEBSOCKET, [ACCEPT, CLOSE, TEXT], "the answer is complete"),
    "close twice": (WEBSOCKET, [ACCEPT, CLOSE, CLOSE], "the answer is complete"),
    "no type": (http(), [{}], "needs a 'type'"),
}

WRONG = {
    "nothing sent": (http(), [], r"must still send .*http\.response\.start"),
    "no end": (http(), [start(), body(b"x", True)], r"must still send .*http\.response\.body"),
    "no trailers": (http(), [start(trailers=True), body()], r"must still send http\.response\.trailers"),
    "unknown": (http(), [{"type": "http.response.strange"}], "no message of ASGI"),
    "of the other protocol": (http(), [ACCEPT], "allowed now is"),
    "not offered": (http(extensions={}), [other("push")], r"do not offer 'http\.response\.push'"),
    "trailers not offered": (http(extensions={}), [start(trailers=True)], "does not offer"),
    "denial not offered": (
        {"type": "websocket"},
        [{"type": "websocket.http.response.start", "status": 403}],
        r"do not offer 'websocket\.http\.response'",
    ),
    "status as text": (http(), [start("200")], "'status' that is an int, not '200'"),
    "status as bool": (http(), [start(True)], "not True"),
    "interim status": (http(), [start(103)], "a final status"),
    "header as text": (http(), [start(200, ("a", "b"))], r"\('a', 'b'\): name and value must be bytes"),
    "header no pair": (http(), [start(200, b"abc")], "must be a pair"),
    "upper case": (http(), [start(200, (b"A", b"b"))], "in lower case"),
    "space in name": (http(), [start(200, (b"a b", b"c"))], "must be a token"),
    "line break in value": (http(), [start(200, (b"a", b"b\r\nc: d"))], "CR, LF and NUL"),
    "two lengths": (http(), [start(200, length(1), length(1))], "more than one content-length"),
    "no number": (http(), [start(200, (b"content-length", b"-1"))], "no number of bytes"),
    "too long": (http(), [start(200, length(1)), body(b"ab")], r"longer \(2 bytes\) than content-length said \(1\)"),
    "too short": (http(), [start(200, length(3)), body(b"ab")], "ended after 2 bytes, but content-length said 3"),
    "body on 204": (http(), [start(204), body(b"x")], "a 204 answer has no body, but 1 bytes"),
    "length on 204": (http(), [start(204, length(0))], "must not have a content-length"),
    "body on 304": (http(), [start(304), body(b"x")], "a 304 answer has no body"),
    "body on HEAD": (http("HEAD"), [start(), body(b"x")], "the answer to HEAD has no body"),
    "body as text": (http(), [start(), body("x")], "'body' to be bytes or bytearray or memoryview, not 'x'"),
    "more_body as number": (http(), [start(), body(b"", 1)], "'more_body' to be bool, not 1"),
    "a frame of both": (WEBSOCKET, [ACCEPT, {"type": "websocket.send", "text": "x", "bytes": b"x"}], "exactly one"),
    "a frame of neither": (WEBSOCKET, [ACCEPT, {"type": "websocket.send"}], "exactly one"),
    "text as bytes": (WEBSOCKET, [ACCEPT, {"type": "websocket.send", "text": b"x"}], "'text' to be str, not b'x'"),
    "code as text": (WEBSOCKET, [ACCEPT, {"type": "websocket.close", "code": "1000"}], "'code' to be int"),
    "subprotocol as bytes": (WEBSOCKET, [{"type": "websocket.accept", "subprotocol": b"x"}], "'subprotocol' to be str"),
}


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
@pytest.mark.parametrize(("scope", "messages"), RIGHT.values(), ids=RIGHT)
def test_what_asgi_allows_passes(scope, messages, strict):
    judge(scope, messages, strict)


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
@pytest.mark.parametrize(("scope", "messages", "words"), WRONG_ORDER.values(), ids=WRONG_ORDER)
def test_a_wrong_order_is_refused_always(scope, messages, words, strict):
    with pytest.raises(ConformanceError, match=words):
        judge(scope, messages, strict)


@pytest.mark.parametrize(("scope", "messages", "words"), WRONG.values(), ids=WRONG)
def test_all_else_is_refused_when_strict(scope, messages, words):
    with pytest.raises(ConformanceError, match=words):
        judge(scope, messages)


@pytest.mark.parametrize(("scope", "messages", "words"), WRONG.values(), ids=WRONG)
def test_and_only_then(scope, messages, words):
    judge(scope, messages, strict=False)


def test_an_error_is_an_assertion_error():
    assert issubclass(ConformanceError, AssertionError)


# --- in the client ----------------------------------------------------------------------------------------------------


async def too_short(scope, receive, send):
    await send(start(200, length(3)))
    await send(body(b"ab"))


async def endless(scope, receive, send):
    await send(start())
    await send(body(b"ab", True))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("app", [too_short, endless])
def test_a_strict_client_judges_any_application(app, stream, anyio_backend):
    client = TestClient(app, backend=anyio_backend, strict=True)
    with pytest.raises(ConformanceError):
        if stream:
            with client.stream("GET", "/") as response:
                response.read()
        else:
            client.get("/")
    assert TestClient(app, backend=anyio_backend).get("/").content == b"ab"


def mounted(kind):
    application = kind()
    application.mount("/", too_short)
    return application


def test_an_asterion_application_is_judged_strictly_unless_asked_not_to():
    with pytest.raises(ConformanceError, match="ended after 2 bytes"):
        TestClient(mounted(Asterion)).get("/")
    assert TestClient(mounted(Asterion), strict=False).get("/").content == b"ab"


def test_its_starlette_face_is_judged_on_request():
    assert TestClient(mounted(Starlette)).get("/").content == b"ab"
    with pytest.raises(ConformanceError):
        TestClient(mounted(Starlette), strict=True).get("/")
