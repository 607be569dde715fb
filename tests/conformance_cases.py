"""Applications that keep to the ASGI specification, and for each of its rules one that breaks it.

A case is a scope, what the application does (a message to send, or RECEIVE), and for the broken ones the words that the
error must have. `scripted` makes the application.
"""

from typing import Any

RECEIVE = "receive"

OFFERED = {
    "http": {
        f"http.response.{name}": {}
        for name in ("debug", "early_hint", "push", "trailers", "pathsend", "zerocopysend", "house")
    },
    "websocket": {"websocket.http.response": {}},
}


def http(method="GET", extensions=OFFERED["http"]):
    return {"type": "http", "method": method, "extensions": extensions}


WEBSOCKET = {"type": "websocket", "extensions": OFFERED["websocket"], "subprotocols": ["one", "two"]}
LIFESPAN = {"type": "lifespan"}


def start(status=200, *headers, **more):
    return {"type": "http.response.start", "status": status, "headers": list(headers), **more}


def body(data=b"", more_body=False):
    return {"type": "http.response.body", "body": data, "more_body": more_body}


def other(name, **fields):
    return {"type": f"http.response.{name}", **fields}


def length(number):
    return (b"content-length", str(number).encode())


def frame(**fields):
    return {"type": "websocket.send", **fields}


def close(*code, **more):
    return {"type": "websocket.close", **({"code": code[0]} if code else {}), **more}


def denial(status=403, *headers):
    return {"type": "websocket.http.response.start", "status": status, "headers": list(headers)}


def denied(data=b"", more_body=False):
    return {"type": "websocket.http.response.body", "body": data, "more_body": more_body}


def living(word, **fields):
    return {"type": f"lifespan.{word}", **fields}


ACCEPT = {"type": "websocket.accept"}
TEXT = frame(text="x")
STARTED, STOPPED = living("startup.complete"), living("shutdown.complete")

RIGHT: dict[str, Any] = {
    "a body": (http(), [start(), body(b"x")]),
    "no optional keys": (http(), [{"type": "http.response.start", "status": 200}, {"type": "http.response.body"}]),
    "headers as lists": (http(), [start(200, [b"a", b"b"]), body()]),
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
    "205": (http(), [start(205, length(0)), body()]),
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
        [
            other("debug", info={}),
            other("early_hint", links=[b"</a>"]),
            other("push", path="/a", headers=[]),
            start(),
            body(),
        ],
    ),
    "push within": (
        http(),
        [start(), other("push", path="/a"), body(b"x", True), other("push", path="/b"), body()],
    ),
    "an extension of the server's own": (http(), [other("house"), start(), body()]),
    "accept, send, close": (WEBSOCKET, [RECEIVE, ACCEPT, TEXT, frame(bytes=b"x", text=None), close(1000)]),
    "accept and return": (WEBSOCKET, [ACCEPT]),
    "a subprotocol that was offered": (WEBSOCKET, [{**ACCEPT, "subprotocol": "two"}]),
    "codes and a reason": (WEBSOCKET, [ACCEPT, close(4999, reason="\u00e4" * 61)]),
    "refuse": (WEBSOCKET, [close(1006)]),
    "deny": (WEBSOCKET, [denial(), denied(b"x", True), denied(b"y")]),
    "a life": (LIFESPAN, [RECEIVE, STARTED, RECEIVE, STOPPED]),
    "a start before the question": (LIFESPAN, [STARTED, RECEIVE, RECEIVE, STOPPED]),
    "no lifespan": (LIFESPAN, []),
    "a failed start": (LIFESPAN, [RECEIVE, living("startup.failed", message="no")]),
    "a failed end": (LIFESPAN, [RECEIVE, STARTED, RECEIVE, living("shutdown.failed")]),
}

# Refused by every judge, strict or not. The words are: the message, the state, and what was expected.
WRONG_ORDER: dict[str, Any] = {
    "body first": (
        http(extensions={}),
        [body()],
        r"'http\.response\.body' is out of order \(state: nothing that counts has .* yet; expected: .*response\.start",
    ),
    "two starts": (http(), [start(), start()], r"state: the response has started; expected: .*http\.response\.body"),
    "two ends": (http(), [start(), body(), body()], "state: the answer is complete; expected: nothing more"),
    "body after a file": (http(), [start(), other("pathsend", path=__file__), body()], "the answer is complete"),
    "debug late": (http(), [start(), other("debug", info={})], "the response has started"),
    "early hint late": (http(), [start(), other("early_hint", links=[])], "the response has started"),
    "trailers not promised": (http(), [start(), body(), other("trailers")], "the answer is complete"),
    "body after trailers began": (http(), [start(trailers=True), body(), body()], "trailers are to follow"),
    "send before accept": (
        WEBSOCKET,
        [TEXT],
        r"'websocket\.send' .*expected: websocket\.accept or websocket\.close or websocket\.http",
    ),
    "accept twice": (WEBSOCKET, [ACCEPT, ACCEPT], "the WebSocket is accepted"),
    "deny after accept": (WEBSOCKET, [ACCEPT, denial()], "the WebSocket is accepted"),
    "send after close": (WEBSOCKET, [ACCEPT, close(), TEXT], "the answer is complete"),
    "close twice": (WEBSOCKET, [ACCEPT, close(), close()], "the answer is complete"),
    "accept after denial": (WEBSOCKET, [denial(), ACCEPT], "a denial response has started"),
    "denial body first": (WEBSOCKET, [denied()], "nothing that counts has been sent yet"),
    "shutdown before start": (
        LIFESPAN,
        [RECEIVE, STOPPED],
        r"'lifespan\.shutdown\.complete' .*was asked to start; expected: lifespan\.startup\.complete or",
    ),
    "shutdown before it is asked for": (LIFESPAN, [RECEIVE, STARTED, STOPPED], "not yet asked to shut down"),
    "started twice": (LIFESPAN, [RECEIVE, STARTED, STARTED], "the application has started"),
    "stopped twice": (LIFESPAN, [RECEIVE, STARTED, RECEIVE, STOPPED, STOPPED], "the answer is complete"),
    "no type": (http(), [{}], r"the message \{\} has no type .*a dict with a 'type' that is a str"),
    "type as bytes": (http(), [{"type": b"x"}], "has no type"),
    "no dict": (http(), [b"hello"], "the message b'hello' has no type"),
}

# Refused by a strict judge only: servers tolerate some of these, each in its own way.
WRONG: dict[str, Any] = {
    "nothing sent": (http(), [], r"returned before its answer .*expected: .*http\.response\.start"),
    "no end": (http(), [start(), body(b"x", True)], r"has started; expected: .*http\.response\.body"),
    "no trailers": (http(), [start(trailers=True), body()], r"expected: http\.response\.trailers"),
    "no answer to the handshake": (WEBSOCKET, [RECEIVE], r"expected: websocket\.accept or"),
    "half a denial": (WEBSOCKET, [denial(), denied(b"x", True)], r"expected: websocket\.http\.response\.body"),
    "no answer to start-up": (LIFESPAN, [RECEIVE], r"was asked to start; expected: lifespan\.startup\.complete"),
    "returned while running": (LIFESPAN, [RECEIVE, STARTED], "expected: to wait for 'lifespan.shutdown'"),
    "no answer to shutdown": (LIFESPAN, [RECEIVE, STARTED, RECEIVE], r"expected: lifespan\.shutdown\.complete"),
    "unknown": (http(), [{"type": "http.response.strange"}], "no message of ASGI"),
    "of the server": (http(), [{"type": "http.request"}], "no message of ASGI"),
    "of the other protocol": (http(), [ACCEPT], "out of order"),
    "not offered": (
        http(extensions={}),
        [other("push", path="/")],
        r"needs the extension 'http\.response\.push', which the scope does not offer",
    ),
    "trailers not offered": (http(extensions={}), [start(trailers=True)], "needs the extension"),
    "denial not offered": (
        {"type": "websocket", "extensions": {}},
        [denial()],
        r"needs the extension 'websocket\.http\.response'",
    ),
    "no status": (http(), [{"type": "http.response.start", "headers": []}], "has no 'status'"),
    "status as text": (http(), [start("200")], "'status' = '200' .*'status' to be an int"),
    "status as bool": (http(), [start(True)], "'status' = True"),
    "interim status": (http(), [start(103)], "has status 103 .*a final status"),
    "headers of None": (http(), [{**start(), "headers": None}], "'headers' = None .*an iterable of pairs"),
    "header as text": (http(), [start(200, ("a", "b"))], r"header \('a', 'b'\) .*name and value to be bytes"),
    "header no pair": (http(), [start(200, b"ab")], r"header b'ab' .*a pair of name and value"),
    "upper case": (http(), [start(200, (b"A", b"b"))], "header name b'A' .*a token in lower case"),
    "space in name": (http(), [start(200, (b"a b", b"c"))], "a token in lower case"),
    "no name": (http(), [start(200, (b"", b"c"))], "a token in lower case"),
    "pseudo header": (http(), [start(200, (b":status", b"200"))], "a token in lower case"),
    "line break in value": (http(), [start(200, (b"a", b"b\r\nc: d"))], "no CR, LF or NUL"),
    "two lengths": (http(), [start(200, length(1), length(1))], "more than one content-length"),
    "no number": (http(), [start(200, (b"content-length", b"-1"))], "a number of bytes"),
    "a number too large": (http(), [start(200, length("9" * 5000))], "a number of bytes"),
    "too long": (http(), [start(200, length(1)), body(b"ab")], "longer than announced: 2 bytes .*expected: 1 bytes"),
    "too short": (http(), [start(200, length(3)), body(b"ab")], "shorter than announced: 2 bytes .*expected: 3 bytes"),
    "body on 204": (http(), [start(204), body(b"x")], "1 bytes of body .*a 204 answer has no body"),
    "body on 205": (http(), [start(205), body(b"x")], "a 205 answer has no body"),
    "body on 304": (http(), [start(304), body(b"x")], "a 304 answer has no body"),
    "length on 204": (http(), [start(204, length(0))], "none on a 204 answer"),
    "body on HEAD": (http("HEAD"), [start(), body(b"x")], "no body in the answer to HEAD"),
    "body as text": (http(), [start(), body("x")], "'body' = 'x' .*'body' to be bytes"),
    "body of None": (http(), [start(), body(None)], "'body' = None"),
    "more_body as number": (http(), [start(), body(b"", 1)], "'more_body' = 1 .*to be a bool"),
    "trailers as text": (http(), [start(trailers="yes")], "'trailers' = 'yes'"),
    "upper case in trailers": (
        http(),
        [start(trailers=True), body(), other("trailers", headers=[(b"A", b"b")])],
        r"'http\.response\.trailers' has the header name b'A'",
    ),
    "more_trailers as number": (
        http(),
        [start(trailers=True), body(), other("trailers", more_trailers=0)],
        "'more_trailers' = 0",
    ),
    "push without a path": (http(), [other("push", headers=[])], "has no 'path'"),
    "upper case in push": (http(), [other("push", path="/", headers=[(b"A", b"b")])], "header name b'A'"),
    "hint without links": (http(), [other("early_hint")], "has no 'links'"),
    "hint with text": (http(), [other("early_hint", links=["</a>"])], "every link to be bytes"),
    "debug without info": (http(), [other("debug")], "has no 'info'"),
    "file without a path": (http(), [start(), other("pathsend")], "has no 'path'"),
    "copy without a file": (http(), [start(), other("zerocopysend")], "has no 'file'"),
    "copy from a text": (http(), [start(), other("zerocopysend", file=0, offset="1")], "'offset' = '1'"),
    "copy of a text": (http(), [start(), other("zerocopysend", file=0, count="1")], "'count' = '1'"),
    "a frame of both": (WEBSOCKET, [ACCEPT, frame(text="x", bytes=b"x")], "both 'text' and 'bytes' or neither"),
    "a frame of neither": (WEBSOCKET, [ACCEPT, frame()], "exactly one"),
    "text as bytes": (WEBSOCKET, [ACCEPT, frame(text=b"x")], "'text' = b'x' .*'text' to be a str"),
    "bytes as text": (WEBSOCKET, [ACCEPT, frame(bytes="x")], "'bytes' = 'x' .*'bytes' to be bytes"),
    "code as text": (WEBSOCKET, [ACCEPT, close("1000")], "'code' = '1000' .*'code' to be an int"),
    "reason as bytes": (WEBSOCKET, [ACCEPT, close(reason=b"x")], "'reason' = b'x'"),
    "a reserved code": (WEBSOCKET, [ACCEPT, close(1006)], "has code 1006 .*RFC 6455 7.4"),
    "a code of no range": (WEBSOCKET, [ACCEPT, close(5000)], "has code 5000"),
    "a long reason": (WEBSOCKET, [ACCEPT, close(reason="\u00e4" * 62)], "a reason of 124 bytes .*123 bytes at most"),
    "subprotocol as bytes": (WEBSOCKET, [{**ACCEPT, "subprotocol": b"one"}], "'subprotocol' = b'one'"),
    "a subprotocol not offered": (
        WEBSOCKET,
        [{**ACCEPT, "subprotocol": "three"}],
        r"the subprotocol 'three' .*one that the client offered \(one, two; RFC 6455 4\.2\.2\)",
    ),
    "upper case in accept": (WEBSOCKET, [{**ACCEPT, "headers": [(b"A", b"b")]}], "header name b'A'"),
    "denial without a status": (WEBSOCKET, [{"type": "websocket.http.response.start"}], "has no 'status'"),
    "upper case in denial": (WEBSOCKET, [denial(403, (b"A", b"b"))], "header name b'A'"),
    "a short denial": (WEBSOCKET, [denial(403, length(3)), denied(b"ab")], "shorter than announced"),
    "a reason of no text": (LIFESPAN, [RECEIVE, living("startup.failed", message=1)], "'message' = 1"),
}


def server_says(kind):
    """The messages of the server to an application of this kind, in order."""
    return {
        "http": [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}],
        "websocket": [{"type": "websocket.connect"}],
        "lifespan": [living("startup"), living("shutdown")],
    }[kind]


def scripted(steps):
    """An application that does `steps`, one after the other, whatever it is called for."""

    async def app(scope, receive, send):
        for step in steps:
            if step is RECEIVE:
                await receive()
            else:
                await send(dict(step) if isinstance(step, dict) else step)

    return app
