"""Compression: agreed with the client, whole or not at all, chunk by chunk (rows 59 and 60)."""

import codecs
import gzip
import random
import threading
import zlib

import anyio
import anyio.lowlevel
import pytest

from asterion._core.wire import straight
from asterion.middleware._compression.coders import GzipCoder
from asterion.middleware.gzip import GZipMiddleware, GZipResponder, IdentityResponder, unattached_send
from asterion.responses import PlainTextResponse, Response, StreamingResponse
from tests.asgi import request

pytestmark = pytest.mark.anyio

TEXT = "hello world " * 400


async def get(app, accepts="gzip", **kwargs):
    headers = [] if accepts is None else [("accept-encoding", accepts)]
    options = {key: kwargs.pop(key) for key in ("minimum_size", "thread_minimum_size") if key in kwargs}
    return await request(GZipMiddleware(app, **options), headers=[*headers, *kwargs.pop("headers", [])], **kwargs)


@pytest.mark.parametrize(
    "accepts", ["gzip", "GZIP", "deflate, gzip;q=0.5", "*", "br;q=0, *;q=0.1", "gzip;q=1.000", "x-gzip"]
)
async def test_a_client_that_accepts_gzip_gets_it(accepts):
    answer = await get(PlainTextResponse(TEXT), accepts)
    assert gzip.decompress(answer.body).decode() == TEXT
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "accepts", [None, "", "identity", "gzip;q=0", "notgzip", "*;q=0", "gzip;q=0, *", "br", "gzip;q=2"]
)
async def test_another_client_gets_the_plain_body_that_still_varies(accepts):
    answer = await get(PlainTextResponse(TEXT), accepts)
    assert answer.body.decode() == TEXT
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding"


async def test_accept_encoding_may_stand_on_several_lines():
    answer = await get(PlainTextResponse(TEXT), "br", headers=[("accept-encoding", "gzip")])
    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("given", "sent"),
    [("Cookie", b"Cookie, Accept-Encoding"), ("cookie, ACCEPT-ENCODING", b"cookie, ACCEPT-ENCODING"), ("*", b"*")],
)
async def test_vary_is_merged(given, sent):
    answer = await get(PlainTextResponse(TEXT, headers={"vary": given}))
    assert [value for name, value in answer.raw_headers if name == b"vary"] == [sent]


@pytest.mark.parametrize(
    "response",
    [
        lambda: PlainTextResponse("short"),
        lambda: PlainTextResponse(TEXT, headers={"content-encoding": "br"}),
        lambda: PlainTextResponse(TEXT, headers={"cache-control": "public, No-Transform"}),
        lambda: PlainTextResponse(TEXT, status_code=206, headers={"content-range": "bytes 0-9/10"}),
        lambda: Response(TEXT, media_type="image/png"),
        lambda: Response(TEXT, media_type="video/x-anything"),
        lambda: Response(TEXT, media_type="application/zip; a=b"),
        lambda: Response(random.Random(1).randbytes(2000)),
    ],
    ids=["small", "encoded", "no-transform", "partial", "png", "video", "zip", "incompressible"],
)
async def test_what_must_not_or_need_not_be_compressed_is_untouched(response):
    plain = response()
    answer = await get(response())
    assert answer.body == bytes(plain.body)
    assert answer.headers.get("content-encoding") == plain.headers.get("content-encoding")
    assert answer.headers["content-length"] == plain.headers["content-length"]


@pytest.mark.parametrize(("status", "method"), [(204, "GET"), (304, "GET")])
async def test_answers_without_content_are_untouched(status, method):
    answer = await get(PlainTextResponse(TEXT, status_code=status, headers={"etag": '"a"'}), method=method)
    assert answer.body == b""
    assert answer.headers["etag"] == '"a"'
    assert "content-encoding" not in answer.headers


async def test_a_compressed_answer_has_a_weak_tag_and_takes_no_ranges():
    """Two bodies may not share a strong validator (RFC 9110 8.8.1)."""
    headers = {"etag": '"a"', "accept-ranges": "bytes"}
    packed = await get(PlainTextResponse(TEXT, headers=headers))
    assert packed.headers["etag"] == 'W/"a"'
    assert "accept-ranges" not in packed.headers
    plain = await get(PlainTextResponse(TEXT, headers=headers), "identity")
    assert (plain.headers["etag"], plain.headers["accept-ranges"]) == ('"a"', "bytes")
    weak = await get(PlainTextResponse(TEXT, headers={"etag": 'W/"a"'}))
    assert weak.headers["etag"] == 'W/"a"'


async def test_each_chunk_of_a_stream_can_be_read_when_it_came():
    chunks = [b"one " * 10, b"two", b"three"]
    answer = await get(StreamingResponse(chunks, headers={"content-length": "999999"}))
    assert "content-length" not in answer.headers
    unpack = zlib.decompressobj(31)
    assert [unpack.decompress(chunk) for chunk in answer.chunks[:3]] == chunks
    unpack.decompress(b"".join(answer.chunks[3:]))
    assert unpack.eof


async def test_a_stream_that_says_it_is_small_is_untouched():
    answer = await get(StreamingResponse([b"a", b"b"], headers={"content-length": "2"}))
    assert (answer.body, answer.headers["content-length"]) == (b"ab", "2")


async def test_server_sent_events_are_untouched_and_go_out_at_once():
    class Events:
        async def __call__(self, scope, receive, send):
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
            )
            # Nothing is held back, and nobody looks at what follows.
            assert straight(send) is not send
            await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
            await send({"type": "http.response.body", "body": b"data: 2\n\n", "more_body": False})

    answer = await get(Events())
    assert answer.chunks == [b"data: 1\n\n", b"data: 2\n\n"]
    assert "vary" not in answer.headers


async def test_only_large_bodies_are_compressed_in_a_thread(monkeypatch):
    threads = []
    real = GzipCoder.encode

    def encode(self, chunk, more):
        threads.append(threading.current_thread() is threading.main_thread())
        return real(self, chunk, more)

    monkeypatch.setattr(GzipCoder, "encode", encode)
    here = threading.current_thread() is threading.main_thread()
    assert here
    await get(PlainTextResponse(TEXT))
    packed = await get(PlainTextResponse(TEXT), thread_minimum_size=1000)
    assert threads == [True, False]
    assert gzip.decompress(packed.body).decode() == TEXT


async def test_equal_bodies_are_compressed_equally():
    assert (await get(PlainTextResponse(TEXT))).body == (await get(PlainTextResponse(TEXT))).body


async def test_one_response_instance_is_not_changed_by_being_sent():
    response = PlainTextResponse(TEXT)
    before = list(response.raw_headers)
    await get(response)
    assert response.raw_headers == before


async def test_an_app_that_fails_before_its_body_has_sent_nothing():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    sent = []

    async def send(message):
        sent.append(message)

    with pytest.raises(ZeroDivisionError):
        await GZipMiddleware(app)(
            {"type": "http", "method": "GET", "headers": [(b"accept-encoding", b"gzip")]}, None, send
        )
    assert sent == []


async def test_a_responder_without_a_request_says_so():
    for responder in (IdentityResponder(None, 500), GZipResponder(None, 500)):
        with pytest.raises(RuntimeError, match="no request yet"):
            await responder.send_with_compression({"type": "http.response.body"})
    with pytest.raises(RuntimeError, match="cannot send 'x'"):
        await unattached_send({"type": "x"})


def test_an_impossible_level_is_refused():
    with pytest.raises(ValueError, match="compresslevel must be 0 .fast. to 9 .small., got 10"):
        GZipMiddleware(None, compresslevel=10)


async def test_a_responder_without_a_coding_leaves_a_chunk_as_it_is():
    assert await IdentityResponder(None, 500).apply_compression(b"chunk", more_body=False) == b"chunk"


def test_a_responder_with_a_coder_of_another_kind_has_no_compressor():
    responder = GZipResponder(None, 500)
    responder._make_coder = lambda size: "not a coder"
    with pytest.raises(TypeError, match="has a GzipCoder, not 'not a coder'"):
        responder.compressor  # noqa: B018


def test_the_compressor_of_a_responder_makes_gzip():
    responder = GZipResponder(None, 500)
    compressor = responder.compressor
    assert responder.compressor is compressor
    assert gzip.decompress(compressor.compress(b"a" * 100) + compressor.flush()) == b"a" * 100


async def test_a_responder_of_ones_own_needs_a_coding_and_a_method():
    class Rot13(IdentityResponder):
        content_encoding = "x-rot13"

        async def apply_compression(self, body, *, more_body):
            return codecs.encode(body.decode(), "rot13").encode()[:-1]

    answer = await request(Rot13(PlainTextResponse(TEXT), 500))
    assert answer.headers["content-encoding"] == "x-rot13"
    assert answer.body.decode() == codecs.encode(TEXT, "rot13")[:-1]


async def test_what_is_sent_without_ever_waiting_is_compressed_in_threads_now_and_then():
    """Pieces too small for a thread of their own: all of them together would hold the event loop."""
    turns = 0

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        for _ in range(20):
            await send({"type": "http.response.body", "body": b"a" * 16384, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def count():
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(count)
        await anyio.lowlevel.checkpoint()
        before = turns
        answer = await request(GZipMiddleware(app), headers=[("accept-encoding", "gzip")])
        after = turns
        group.cancel_scope.cancel()
    assert gzip.decompress(answer.body) == b"a" * 16384 * 20
    assert after - before >= 3
