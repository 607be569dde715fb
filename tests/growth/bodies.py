"""Parsers of what a request carries: JSON, forms of both kinds, their content types, messages of WebSockets."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.growth.shapes import LOCAL, Kit, as_bytes, cases, http_scope, numbered, repeated

UNLIMITED = 10**9
CHUNK = 64 * 1024
"""Bytes that a server hands over at once (uvicorn's high-water mark)."""

MULTIPART = "multipart/form-data; boundary=b"
LONG_BOUNDARY = "b" * 70
URLENCODED = "application/x-www-form-urlencoded"
FIELD = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
FILE = b'--b\r\nContent-Disposition: form-data; name="f"; filename="n"\r\n\r\n'
END = b"\r\n--b--\r\n"


def pieces(body: bytes, cut: int) -> list[bytes]:
    """`body` in pieces of `cut` bytes."""
    return [body[at : at + cut] for at in range(0, len(body), cut)]


class Receive:
    """The `receive` of a server that has everything already."""

    def __init__(self, body: Sequence[bytes]) -> None:
        self._messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in body]
        self._messages.append({"type": "http.request", "body": b"", "more_body": False})
        self._messages.reverse()

    async def __call__(self) -> dict[str, Any]:
        return self._messages.pop()


def posted(kit: Kit, read: Callable[[Any], Any], content_type: str, cut: int = CHUNK) -> Callable[[bytes], None]:
    """A parser: what `read` makes of a request with a body, in pieces of `cut` bytes."""

    def parse(body: bytes) -> None:
        scope = http_scope("POST", headers=[("content-type", content_type)])
        LOCAL.run(read(kit.requests.Request(scope, Receive(pieces(body, cut)))))

    return parse


async def read_json(request: Any) -> None:
    """`request.json()`."""
    await request.json()


async def read_body(request: Any) -> None:
    """`request.body()`."""
    await request.body()


async def read_form(request: Any) -> None:
    """A form without limits of number and size."""
    async with request.form(max_fields=UNLIMITED, max_files=UNLIMITED, max_part_size=UNLIMITED) as form:
        form.multi_items()
        form.getlist("a")
        dict(form)


def form(content_type: str, cut: int = CHUNK) -> Callable[[Kit], Callable[[bytes], None]]:
    """A parser: a form of this type, in pieces of `cut` bytes."""
    return lambda kit: posted(kit, read_form, content_type, cut)


def around(start: bytes, inside: Callable[[int], bytes], end: bytes = END) -> Callable[[int], bytes]:
    """A body of a size, between `start` and `end`."""
    return lambda size: start + inside(size - len(start) - len(end)) + end


def parts(part: bytes) -> Callable[[int], bytes]:
    """A form of many equal parts."""
    return lambda size: b"\r\n".join([part] * (size // (len(part) + 2))) + END


def rests(unit: bytes) -> Callable[[int], bytes]:
    """The content of a part: `unit` again and again."""
    return lambda size: unit * (size // len(unit))


# --- JSON ---

JSON = {
    "numbers": repeated("0,", start="[", end="0]"),
    "floats": repeated("1e9,", start="[", end="0]"),
    "long_numbers": repeated("9" * 4300 + ",", start="[", end="0]"),
    "one_number": repeated("9", start="[", end="]"),
    "one_decimal": repeated("9", start="[0.", end="]"),
    "lists": repeated("[],", start="[", end="0]"),
    "objects": repeated("{},", start="[", end="0]"),
    "keys": lambda size: "{" + numbered('"{}":0,')(size) + '"":0}',
    "same_key": repeated('"a":0,', start="{", end='"":0}'),
    "open": repeated("["),
    "closed": repeated("]"),
    "open_objects": repeated('{"":'),
    "waves": repeated("[" * 100 + "]" * 100 + ",", start="[", end="0]"),
    "open_text": repeated("a", start='"'),
    "escapes": repeated("\\", start='"', end='"'),
    "wide": repeated("\\u4e00", start='"', end='"'),
    "halves": repeated("\\ud800", start='"', end='"'),
    "spaces": repeated(" ", end="1"),
    "lines": repeated("\n", end="x"),
    "quotes": repeated('"'),
}


def sixteen(size: int) -> bytes:
    """A list in UTF-16."""
    return ("[" + "0," * (size // 4) + "0]").encode("utf-16")


cases("JSON", lambda kit: posted(kit, read_json, "application/json"), **{n: as_bytes(s) for n, s in JSON.items()})
cases("JSON", lambda kit: posted(kit, read_json, "application/json"), utf_16=sixteen)
cases(
    "JSON in bytes", lambda kit: posted(kit, read_json, "application/json", 1), text=as_bytes(repeated("a", start='"'))
)
cases("a body in bytes", lambda kit: posted(kit, read_body, "text/plain", 1), any=as_bytes(repeated("a")))

# --- multipart ---

cases(
    "multipart",
    form(MULTIPART),
    fields=parts(FIELD + b"v"),
    empty_fields=parts(FIELD),
    files=lambda size: parts(FILE + b"v" * 450)(size),
    one_field=around(FIELD, rests(b"v")),
    one_file=around(FILE, rests(b"v")),
    preamble=around(b"", rests(b"\r\n"), FIELD + END),
    bad_preamble=around(b"", rests(b"x"), FIELD + END),
    epilogue=around(FIELD + END, rests(b"x"), b"x"),
    line_breaks=around(FILE, rests(b"\r\n")),
    returns=around(FILE, rests(b"\r")),
    hyphens=around(FILE, rests(b"-")),
    nearly=around(FILE, rests(b"\r\n--a")),
    nearly_closed=around(FILE, rests(b"\r\n--b-x")),
    boundaries=around(b"", rests(b"--b\r\n"), b""),
    no_end=around(FILE, rests(b"v"), b""),
    long_line=around(b"--b\r\n", rests(b"a"), b""),
    header_without_a_colon=around(b"--b\r\n", rests(b"a"), b"\r\n\r\n" + END),
    many_headers=around(b"--b\r\n", rests(b"a: b\r\n"), b"\r\n" + END),
    names=lambda size: b"\r\n".join(FIELD.replace(b'"a"', b'"%d"' % one) for one in range(size // 60)) + END,
    long_names=parts(FIELD.replace(b'"a"', b'"%s"' % (b'\\"' * 1900))),
    long_filenames=parts(FILE.replace(b'"n"', b'"%s"' % (b"%22" * 1250))),
    parameters=parts(FIELD.replace(b'"a"', b'"a"%s' % (b"; a=b" * 780))),
    semicolons=parts(FIELD.replace(b'"a"', b'"a"%s' % (b";" * 3900))),
    types=parts(FIELD[:-2] + b"Content-Type: text/plain%s\r\n\r\n" % (b"; charset=utf-8" * 260)),
    nested=parts(FIELD[:-2] + b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n--c--"),
)

CUT = {
    "a_file": around(FILE, rests(b"v")),
    "a_field": around(FIELD, rests(b"v")),
    "line_breaks": around(FILE, rests(b"\r\n")),
    "nearly": around(FILE, rests(b"\r\n--a")),
    "long_line": around(b"--b\r\n", rests(b"a"), b""),
    "preamble": around(b"", rests(b"\r\n"), FIELD + END),
    "fields": parts(FIELD + b"v"),
    "epilogue": around(FIELD + END, rests(b"x"), b"x"),
}
cases("multipart in single bytes", form(MULTIPART, 1), **CUT)
cases("multipart in 7 bytes", form(MULTIPART, 7), **CUT)


def long_boundary(start: bytes) -> bytes:
    """The same with a boundary as long as they may be."""
    return start.replace(b"--b", b"--" + LONG_BOUNDARY.encode())


NEARLY = b"\r\n--" + LONG_BOUNDARY.encode()[:-1]
LONG = {
    "nearly": around(long_boundary(FILE), rests(NEARLY), long_boundary(END)),
    "hyphens": around(long_boundary(FILE), rests(b"\r\n--"), long_boundary(END)),
    "same_letters": around(long_boundary(FILE), rests(b"b"), long_boundary(END)),
}
cases("long boundary", form(f"multipart/form-data; boundary={LONG_BOUNDARY}"), **LONG)
cases("long boundary in 7 bytes", form(f"multipart/form-data; boundary={LONG_BOUNDARY}", 7), **LONG)

# --- url-encoded ---

PAIRS = {
    "pairs": numbered("a{}=b&"),
    "same": repeated("a=b&"),
    "ampersands": repeated("&"),
    "equals": repeated("="),
    "escapes": repeated("%41"),
    "bad_escapes": repeated("%"),
    "wide": repeated("%E4%B8%80"),
    "no_text": repeated("%FF&"),
    "pluses": repeated("+"),
    "one_value": repeated("v", start="a="),
    "one_name": repeated("n"),
}
cases("url-encoded", form(URLENCODED), **{name: as_bytes(shape) for name, shape in PAIRS.items()})
cases("url-encoded in single bytes", form(URLENCODED, 1), **{name: as_bytes(shape) for name, shape in PAIRS.items()})

# --- content types ---

TYPES = {
    "parameters": repeated("; a=b"),
    "semicolons": repeated(";"),
    "quotes": repeated('"', start="; a="),
    "escapes": repeated("\\", start='; a="', end='"'),
    "open": repeated("a", start='; a="'),
    "equals": repeated("=", start="; a"),
    "spaces": repeated(" ", start=";", end="a"),
    "boundary": repeated("b", start="; boundary="),
    "boundaries": repeated("; boundary=b"),
    "continuations": numbered("; a*{}*=b"),
    "charset": repeated("a", start="; charset="),
}


def typed(kind: str) -> Callable[[Kit], Callable[[str], None]]:
    """A parser: the rest of a content type in a request for a form."""

    def make(kit: Kit) -> Callable[[str], None]:
        return lambda text: posted(kit, read_form, kind + text)(FIELD + END)

    return make


cases("content type", typed("multipart/form-data"), **TYPES)
cases("url-encoded content type", typed(URLENCODED), **TYPES)

# --- WebSockets ---


def receive_json(kit: Kit) -> Callable[[str], None]:
    """A message of a WebSocket that is JSON."""

    def parse(text: str) -> None:
        messages = [{"type": "websocket.receive", "text": text}, {"type": "websocket.connect"}]

        async def receive() -> Any:
            return messages.pop()

        async def send(message: Any) -> None:
            return None

        async def talk() -> None:
            websocket = kit.websockets.WebSocket({**http_scope(), "type": "websocket"}, receive, send)
            await websocket.accept()
            await websocket.receive_json()

        LOCAL.run(talk())

    return parse


cases(
    "JSON of a WebSocket",
    receive_json,
    **{name: JSON[name] for name in ("numbers", "keys", "open", "waves", "escapes")},
)


def sent_json(kit: Kit) -> Callable[[str], Any]:
    """A value sent back as JSON."""
    return lambda text: LOCAL.ask(kit.responses.JSONResponse(json.loads(text)))


cases("JSON that is sent", sent_json, **{name: JSON[name] for name in ("numbers", "keys", "lists", "wide")})
