"""Rows 55 to 60: what middleware adds to a response belongs to that response, and is all of it."""

import gzip
import json
import zlib
from base64 import b64encode
from types import SimpleNamespace

import pytest
from itsdangerous import TimestampSigner

from asterion.applications import Asterion
from asterion.exceptions import HTTPException
from asterion.middleware import Middleware
from asterion.middleware.cors import CORSMiddleware
from asterion.middleware.gzip import GZipMiddleware
from asterion.middleware.sessions import SessionMiddleware, SessionTooLarge
from asterion.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from asterion.routing import Route, WebSocketRoute
from tests.asgi import function_layers, request
from tests.failures.serving import application, each_face, outcome, route, vary

pytestmark = pytest.mark.anyio


# --- rows 55 and 56: sessions -----------------------------------------------------------------------------------------

AGE = 1000


@pytest.fixture
def clock(monkeypatch):
    """The time by which sessions are signed, to be moved by a test."""
    clock = SimpleNamespace(now=1_700_000_000)
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda signer: clock.now)
    return clock


class Browser:
    """A client of an application with sessions, which keeps the one cookie it is given and counts how often it is."""

    def __init__(self, face, layers, spec_version="2.4"):
        self.cookie = None
        self.writes = 0
        self.spec_version = spec_version
        sessions = Middleware(SessionMiddleware, secret_key="key", max_age=AGE)
        self.app = application(face, layers, Route("/", self._endpoint), middleware=(sessions,))

    async def _endpoint(self, request):
        return PlainTextResponse(json.dumps(self._work(request.session)))

    async def visit(self, work):
        """What `work`, done with the session, gives."""
        self._work = work
        headers = [("cookie", self.cookie)] if self.cookie else []
        answer = await request(self.app, headers=headers, spec_version=self.spec_version)
        for name, value in answer.raw_headers:
            if name == b"set-cookie":
                self.cookie = value.decode().partition(";")[0]
                self.writes += 1
        return json.loads(answer.body)


def whole(session):
    return dict(session)


@pytest.mark.failure(
    row=55,
    says="A session is written when its contents have changed, at any depth, and otherwise only now and then while it "
    "is used, so that who is active stays logged in and simultaneous requests do not overwrite each other.",
)
@each_face
async def test_3474_a_change_inside_of_a_value_is_kept(face, layers, spec_version):
    browser = Browser(face, layers, spec_version)
    await browser.visit(lambda session: session.update(cart=[], user={"name": "ann"}))
    await browser.visit(lambda session: session["cart"].append(1))
    await browser.visit(lambda session: session["user"].setdefault("roles", []).append("admin"))
    assert await browser.visit(whole) == {"cart": [1], "user": {"name": "ann", "roles": ["admin"]}}


@each_face
async def test_3166_who_is_active_stays_logged_in(clock, face, layers):
    browser = Browser(face, layers)
    await browser.visit(lambda session: session.update(user="ann"))
    for _ in range(10):
        clock.now += AGE // 2
        assert await browser.visit(whole) == {"user": "ann"}
    clock.now += AGE + 1
    assert await browser.visit(whole) == {}


@each_face
async def test_2019_a_request_that_only_reads_writes_nothing(clock, face, layers):
    browser = Browser(face, layers)
    await browser.visit(lambda session: session.update(user="ann"))
    for _ in range(10):
        assert await browser.visit(whole) == {"user": "ann"}
    assert browser.writes == 1


async def test_2019_a_slow_reader_does_not_undo_what_a_writer_did(layers):
    """Two requests at once: one reads the session and answers last, the other logs the user out meanwhile."""
    browser = Browser(Asterion, layers)
    await browser.visit(lambda session: session.update(user="ann"))
    slow = Browser(Asterion, layers)
    slow.cookie, slow.writes = browser.cookie, 0
    await browser.visit(lambda session: session.clear())
    await slow.visit(whole)
    assert slow.writes == 0


class Wire:
    """The server's side of a WebSocket handshake with the cookie of a session."""

    def __init__(self, cookie=None):
        headers = [(b"cookie", cookie.encode())] if cookie else []
        self.scope = {"type": "websocket", "path": "/", "headers": headers, "extensions": {}, "state": {}}
        self.sent = []

    async def receive(self):
        return {"type": "websocket.connect"}

    async def send(self, message):
        self.sent.append(message)


@pytest.mark.failure(
    row=56,
    says="Changes before a WebSocket is accepted are kept, a session that browsers would drop is an error that says "
    "so, and a payload that cannot be decoded is an empty session.",
)
@each_face
async def test_row_56_a_change_before_the_websocket_is_accepted_is_kept(face, layers):
    async def endpoint(websocket):
        websocket.session["seen"] = True
        await websocket.accept()
        await websocket.close()

    sessions = Middleware(SessionMiddleware, secret_key="key")
    app = application(face, layers, WebSocketRoute("/", endpoint), middleware=(sessions,))
    wire = Wire()
    await app(wire.scope, wire.receive, wire.send)
    assert wire.sent[0]["type"] == "websocket.accept"
    [cookie] = [value.decode() for name, value in wire.sent[0]["headers"] if name == b"set-cookie"]
    seen = []

    async def reading(request):
        seen.append(dict(request.session))
        return PlainTextResponse("")

    reader = application(face, layers, Route("/", reading), middleware=(sessions,))
    await request(reader, headers=[("cookie", cookie.partition(";")[0])])
    assert seen == [{"seen": True}]


@each_face
async def test_row_56_a_cookie_that_browsers_drop_is_not_sent(face, layers, spec_version):
    async def endpoint(request):
        request.session["big"] = "x" * 6000
        return PlainTextResponse("stored?")

    sessions = Middleware(SessionMiddleware, secret_key="key")
    app = application(face, layers, Route("/", endpoint), middleware=(sessions,))
    answer, error = await outcome(app, spec_version=spec_version)
    assert isinstance(error, SessionTooLarge)
    assert "4096" in str(error)
    assert answer.status == 500
    assert "set-cookie" not in answer.headers


def signed(payload):
    return TimestampSigner("key", salt="asterion.session.session").sign(payload).decode()


@each_face
@pytest.mark.parametrize(
    "payload",
    [b"%%%", b64encode(b"not json"), b64encode(b"[1]"), b64encode(b"\xff"), b64encode(b"[" * 100_000), b"YQ"],
    ids=["not base64", "not JSON", "no object", "not UTF-8", "too deep", "cut"],
)
async def test_row_56_a_signed_payload_that_cannot_be_read_is_an_empty_session(face, payload, layers, spec_version):
    browser = Browser(face, layers, spec_version)
    browser.cookie = f"session={signed(payload)}"
    assert await browser.visit(whole) == {}


async def test_row_56_the_signature_of_these_tests_is_the_middlewares():
    """The control: a payload signed in the same way is a session, so the ones above fail for what they hold."""
    browser = Browser(Asterion, 0)
    payload = b64encode(json.dumps({"a": 1}).encode())
    browser.cookie = f"session={signed(payload)}"
    assert await browser.visit(whole) == {"a": 1}


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
    says="The origin is echoed wherever credentials count, with or without a cookie in the request, and every answer "
    "that depends on the origin says so in `Vary`.",
)
@each_face
@pytest.mark.parametrize("cookie", [[], [("cookie", "a=1")]], ids=["no cookie", "cookie"])
async def test_1111_any_origin_with_credentials_is_echoed_and_varies(face, cookie, layers, spec_version):
    cors = Middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True)
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


# --- rows 59 and 60: compression --------------------------------------------------------------------------------------

LONG = b"the same again and " * 200
ACCEPTS = [("accept-encoding", "gzip")]


def compressing(face, layers, respond, **options):
    async def endpoint(request):
        return respond()

    gzips = Middleware(GZipMiddleware, minimum_size=10, **options)
    return application(face, layers, Route("/", endpoint), middleware=(gzips,))


async def _events():
    yield b"data: 1\n\n"
    yield b"data: 2\n\n"


async def _chunks():
    for _ in range(3):
        yield LONG


@pytest.mark.failure(
    row=59,
    says="Server-sent events, partial content, encoded bodies and answers without content pass uncompressed; chunks of "
    "a compressed stream can be read as they come, `Vary` is merged, and trailers pass.",
)
@each_face
async def test_2871_server_sent_events_arrive_one_by_one(face, layers, spec_version):
    app = compressing(face, layers, lambda: StreamingResponse(_events(), media_type="text/event-stream"))
    answer = await request(app, headers=ACCEPTS, spec_version=spec_version)
    assert "content-encoding" not in answer.headers
    assert [chunk for chunk in answer.chunks if chunk] == [b"data: 1\n\n", b"data: 2\n\n"]


@each_face
async def test_1579_each_chunk_of_a_compressed_stream_can_be_read_when_it_has_come(face, layers, spec_version):
    app = compressing(face, layers, lambda: StreamingResponse(_chunks(), media_type="text/plain"))
    answer = await request(app, headers=ACCEPTS, spec_version=spec_version)
    assert answer.headers["content-encoding"] == "gzip"
    assert "content-length" not in answer.headers
    reader = zlib.decompressobj(16 + zlib.MAX_WBITS)
    read = [reader.decompress(chunk) for chunk in answer.chunks]
    assert [one for one in read if one] == [LONG] * 3
    assert reader.eof


@each_face
async def test_3419_a_range_of_a_file_stays_the_bytes_that_were_asked_for(face, layers, tmp_path, spec_version):
    (tmp_path / "f.txt").write_bytes(LONG)
    app = compressing(face, layers, lambda: FileResponse(tmp_path / "f.txt"))
    answer = await request(app, headers=[*ACCEPTS, ("range", "bytes=100-1099")], spec_version=spec_version)
    assert answer.status == 206
    assert answer.body == LONG[100:1100]
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-range"] == f"bytes 100-1099/{len(LONG)}"


@each_face
@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip"])
async def test_1901_a_body_that_is_encoded_already_is_left_alone(face, encoding, layers):
    app = compressing(face, layers, lambda: Response(LONG, headers={"content-encoding": encoding}))
    answer = await request(app, headers=ACCEPTS)
    assert answer.body == LONG
    assert answer.headers["content-encoding"] == encoding


async def test_3420_two_of_them_compress_once(layers):
    async def endpoint(request):
        return Response(LONG, media_type="text/plain")

    both = (Middleware(GZipMiddleware), Middleware(GZipMiddleware))
    answer = await request(application(Asterion, layers, Route("/", endpoint), middleware=both), headers=ACCEPTS)
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == LONG


@each_face
@pytest.mark.parametrize("accepts", [[], ACCEPTS], ids=["plain", "gzip"])
async def test_2865_both_variants_vary_by_what_the_client_accepts(face, accepts, layers):
    app = compressing(face, layers, lambda: Response(LONG, media_type="text/plain", headers={"vary": "Cookie"}))
    assert vary(await request(app, headers=accepts)) == {"cookie", "accept-encoding"}


@each_face
async def test_3565_trailers_pass_behind_a_compressed_body(face, layers, spec_version):
    class Trailing(Response):
        async def __call__(self, scope, receive, send):
            headers = [(b"content-type", b"text/plain"), (b"trailer", b"x-sum")]
            await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": True})
            await send({"type": "http.response.body", "body": LONG})
            await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]})

    app = compressing(face, layers, Trailing)
    answer = await request(app, headers=ACCEPTS, extensions={"http.response.trailers": {}}, spec_version=spec_version)
    assert gzip.decompress(answer.body) == LONG
    assert answer.start["trailers"] is True
    assert answer.messages[-1] == {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]}


@each_face
@pytest.mark.parametrize("status", [204, 304])
async def test_3631_answers_without_content_stay_without(face, status, layers):
    answer = await request(compressing(face, layers, lambda: Response(status_code=status)), headers=ACCEPTS)
    assert (answer.status, answer.body) == (status, b"")
    assert "content-encoding" not in answer.headers


@pytest.mark.failure(
    row=60,
    says="Accept-Encoding is read by its grammar, with weights, `*` and any case; a compressed answer has a weak "
    "entity tag and takes no ranges.",
)
@each_face
@pytest.mark.parametrize(
    ("accepts", "compressed"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("*", True),
        ("br;q=1, gzip;q=0.5", True),
        ("x-gzip", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("notgzip", False),
        ("gzipped, br", False),
        ("identity", False),
        ("", False),
    ],
)
async def test_3495_what_the_client_accepts_is_read_and_not_searched(face, accepts, compressed, layers, spec_version):
    app = compressing(face, layers, lambda: Response(LONG, media_type="text/plain"))
    answer = await request(app, headers=[("accept-encoding", accepts)], spec_version=spec_version)
    assert answer.headers.get("content-encoding") == ("gzip" if compressed else None)
    assert (gzip.decompress(answer.body) if compressed else answer.body) == LONG


@each_face
async def test_row_60_a_compressed_file_has_a_weak_tag_and_takes_no_ranges(face, layers, tmp_path, spec_version):
    (tmp_path / "f.txt").write_bytes(LONG)
    app = compressing(face, layers, lambda: FileResponse(tmp_path / "f.txt"))
    plain = await request(app, spec_version=spec_version)
    packed = await request(app, headers=ACCEPTS, spec_version=spec_version)
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["etag"].startswith("W/")
    assert "accept-ranges" not in packed.headers
    assert plain.headers["accept-ranges"] == "bytes"


async def test_row_60_a_client_that_has_the_compressed_answer_is_told_so(layers, tmp_path):
    (tmp_path / "f.txt").write_bytes(LONG)

    async def endpoint(request):
        return FileResponse(tmp_path / "f.txt")

    app = application(Asterion, layers, Route("/", endpoint), middleware=(Middleware(GZipMiddleware),))
    packed = await request(app, headers=ACCEPTS)
    again = await request(app, headers=[*ACCEPTS, ("if-none-match", packed.headers["etag"])])
    assert (again.status, again.body) == (304, b"")
