"""Compression in every coding: agreed with the client, whole or not at all, chunk by chunk (rows 59 and 60)."""

import contextlib
import gzip
import importlib
import threading
import zlib

import anyio
import brotli
import pytest
import zstandard

from asterion._core.wire import straight, watched
from asterion.applications import Asterion
from asterion.middleware import Middleware
from asterion.middleware._compression import coders
from asterion.middleware._compression.responder import CodingResponder
from asterion.middleware.compression import CompressionMiddleware, available_encodings
from asterion.middleware.gzip import GZipMiddleware
from asterion.responses import PlainTextResponse, Response, StreamingResponse
from asterion.routing import Mount, Route
from tests.asgi import Exchange, function_layers, http_scope, request

pytestmark = pytest.mark.anyio

TEXT = "hello world " * 400
CODINGS = ["br", "zstd", "gzip"]


class Decoder:
    """Reads a coding piece by piece, as a client does."""

    def __init__(self, coding):
        if coding == "gzip":
            self.feed = zlib.decompressobj(31).decompress
        elif coding == "zstd":
            self.feed = zstandard.ZstdDecompressor().decompressobj().decompress
        else:
            self.feed = brotli.Decompressor().process


def decoded(answer):
    return Decoder(answer.headers["content-encoding"]).feed(answer.body)


async def get(app, accepts="br, zstd, gzip", **kwargs):
    headers = [] if accepts is None else [("accept-encoding", accepts)]
    names = ("encodings", "minimum_size", "thread_minimum_size", "exclude_content_types")
    options = {key: kwargs.pop(key) for key in names if key in kwargs}
    return await request(
        CompressionMiddleware(app, **options), headers=[*headers, *kwargs.pop("headers", [])], **kwargs
    )


def test_everything_is_offered_that_is_installed():
    assert available_encodings() == ("br", "zstd", "gzip")
    assert CompressionMiddleware(None).encodings == ("br", "zstd", "gzip")


@pytest.mark.parametrize(
    ("accepts", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate, zstd", "zstd"),
        ("gzip, deflate", "gzip"),
        ("GZip", "gzip"),
        ("x-gzip", "gzip"),
        ("br;q=0.5, zstd;q=0.9, gzip;q=0.8", "zstd"),
        ("br;q=0, *", "zstd"),
        ("*", "br"),
        ("*;q=0.1, gzip;q=0.2", "gzip"),
        ("*;q=0, gzip", "gzip"),
        ("br;q=0.001", "br"),
        ("gzip, identity", "gzip"),
        ("gzip;q=0.5, identity;q=0.2", "gzip"),
    ],
)
async def test_the_client_gets_the_coding_it_likes_best_and_of_equals_the_one_the_server_likes(accepts, coding):
    answer = await get(PlainTextResponse(TEXT), accepts)
    assert answer.headers["content-encoding"] == coding
    assert decoded(answer).decode() == TEXT
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "accepts",
    [
        None,
        "",
        "identity",
        "deflate",
        "notgzip, brotli, zstandard",
        "br;q=0, zstd;q=0, gzip;q=0",
        "gzip;q=0.5, identity",
        "br;q=7, gzip;q=x",
        "br;q=\u0661",
        "identity;q=0",
        "*;q=0",
    ],
)
async def test_a_client_that_accepts_nothing_we_have_gets_the_plain_body_which_varies(accepts):
    accepts = accepts and accepts.encode()
    answer = await get(PlainTextResponse(TEXT), accepts)
    assert answer.body.decode() == TEXT
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding"


async def test_the_order_of_encodings_is_the_preference_of_the_server():
    for encodings in (["gzip", "br"], ("zstd", "gzip"), "gzip"):
        answer = await get(PlainTextResponse(TEXT), encodings=encodings)
        assert answer.headers["content-encoding"] == ([encodings] if encodings == "gzip" else encodings)[0]
    assert "content-encoding" not in (await get(PlainTextResponse(TEXT), "br", encodings=["gzip"])).headers


async def test_small_bodies_stay_plain():
    assert "content-encoding" not in (await get(PlainTextResponse("a" * 499))).headers
    assert "content-encoding" in (await get(PlainTextResponse("a" * 500))).headers
    assert "content-encoding" in (await get(PlainTextResponse("a" * 50), minimum_size=50)).headers


@pytest.mark.parametrize("accepts", ["gzip, identity;q=0", "gzip;q=0.5, *;q=0"])
async def test_a_client_that_refuses_plain_bodies_gets_small_and_incompressible_ones_compressed_too(accepts):
    answer = await get(PlainTextResponse("ab"), accepts)
    assert gzip.decompress(answer.body) == b"ab"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert "content-encoding" not in (await get(PlainTextResponse(""), accepts)).headers


@pytest.mark.parametrize(
    "headers",
    [
        {"content-encoding": "br"},
        {"content-encoding": "identity"},
        {"content-range": "bytes 0-9/4800"},
        {"cache-control": "private, No-Transform"},
        {"content-digest": "sha-256=:AA==:"},
        {"repr-digest": "sha-256=:AA==:"},
        {"digest": "sha-256=AA=="},
        {"content-md5": "AA=="},
        {"content-type": "image/png"},
        {"content-type": "VIDEO/mp4"},
        {"content-type": "text/event-stream; charset=utf-8"},
        {"content-length": "10"},
    ],
    ids=lambda headers: "-".join(next(iter(headers.items()))),
)
async def test_what_must_not_be_compressed_is_untouched(headers):
    headers = {"etag": '"a"', "accept-ranges": "bytes", **headers}
    answer = await get(Response(TEXT, headers=headers))
    assert answer.body.decode() == TEXT
    sent = dict(answer.headers)
    sent.pop("vary", None)
    assert sent == {"content-length": str(len(TEXT)), **headers}


@pytest.mark.parametrize(
    "headers", [{"cache-control": "no-transform"}, {"content-type": "image/png"}, {"content-digest": "sha-256=:AA==:"}]
)
async def test_what_no_client_gets_compressed_does_not_vary(headers):
    for accepts in ("gzip", "identity"):
        assert "vary" not in (await get(Response(TEXT, headers=headers), accepts)).headers


async def test_a_directive_that_only_looks_like_no_transform_forbids_nothing():
    answer = await get(PlainTextResponse(TEXT, headers={"cache-control": 'x-no-transform, a="no-transformers"'}))
    assert "content-encoding" in answer.headers


async def test_the_excluded_types_are_a_setting():
    answer = await get(Response(TEXT, media_type="text/csv"), exclude_content_types=["text/csv"])
    assert answer.body.decode() == TEXT
    answer = await get(Response(TEXT, media_type="text/csv"), exclude_content_types="text/*")
    assert answer.body.decode() == TEXT
    answer = await get(Response(TEXT, media_type="image/png"), exclude_content_types=())
    assert decoded(answer).decode() == TEXT


@pytest.mark.parametrize("outer", [GZipMiddleware, CompressionMiddleware])
@pytest.mark.parametrize("inner", [GZipMiddleware, CompressionMiddleware])
async def test_nothing_is_compressed_twice(inner, outer):
    answer = await request(outer(inner(PlainTextResponse(TEXT))), headers=[("accept-encoding", "br, gzip")])
    assert decoded(answer).decode() == TEXT
    assert answer.headers["content-encoding"] == ("gzip" if inner is GZipMiddleware else "br")
    assert answer.headers["vary"] == "Accept-Encoding"


# --- validators, ranges and answers without content ------------------------------------------------------------------


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_compressed_answer_has_a_weak_tag_and_takes_no_ranges(coding):
    headers = {"etag": '"a"', "accept-ranges": "bytes"}
    packed = await get(PlainTextResponse(TEXT, headers=headers), coding)
    assert packed.headers["etag"] == 'W/"a"'
    assert "accept-ranges" not in packed.headers
    plain = await get(PlainTextResponse(TEXT, headers=headers), "identity")
    assert (plain.headers["etag"], plain.headers["accept-ranges"]) == ('"a"', "bytes")


@pytest.mark.parametrize(
    ("asked", "confirmed"),
    [
        ('W/"a"', 'W/"a"'),
        ('"x", W/"a"', 'W/"a"'),
        ('"a"', '"a"'),
        ('W/"a", "a"', '"a"'),
        ('W/"b"', '"a"'),
        (None, '"a"'),
    ],
)
@pytest.mark.parametrize("accepts", ["gzip", "identity"])
async def test_a_304_has_the_tag_that_its_client_has_stored(accepts, asked, confirmed):
    """A strong tag in a 304 selects no stored answer with a weak one (RFC 9111 4.3.4)."""
    headers = [] if asked is None else [("if-none-match", asked)]
    answer = await get(Response(status_code=304, headers={"etag": '"a"'}), accepts, headers=headers)
    assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", confirmed)
    assert answer.headers["vary"] == "Accept-Encoding"
    weak = await get(Response(status_code=304, headers={"etag": 'W/"a"'}), accepts, headers=headers)
    assert weak.headers["etag"] == 'W/"a"'


@pytest.mark.parametrize("status", [204, 205])
async def test_answers_without_content_are_untouched(status):
    answer = await get(Response(status_code=status, headers={"etag": '"a"'}))
    assert (answer.body, answer.headers["etag"]) == (b"", '"a"')
    assert "content-encoding" not in answer.headers


async def test_a_part_stays_the_part_that_was_asked_for():
    headers = {"content-range": "bytes 0-999/4800", "etag": '"a"', "accept-ranges": "bytes"}
    answer = await get(Response(TEXT[:1000], status_code=206, headers=headers))
    assert answer.body.decode() == TEXT[:1000]
    assert {name: answer.headers[name] for name in headers} == headers
    multipart = Response(TEXT, 206, {"content-type": "multipart/byteranges; boundary=a"})
    assert (await get(multipart)).body.decode() == TEXT


async def test_the_answer_to_head_does_not_say_what_would_be_wrong_for_a_get():
    """RFC 9110 8.6: a length in it must be that of the GET, which is not known without compressing."""
    headers = {"etag": '"a"', "accept-ranges": "bytes", "content-type": "text/plain"}
    answer = await get(Response(TEXT, headers=headers), method="HEAD")
    assert answer.body == b""
    assert answer.headers == {"etag": 'W/"a"', "content-type": "text/plain", "vary": "Accept-Encoding"}


@pytest.mark.parametrize(("accepts", "text"), [("identity", TEXT), ("gzip", "small")])
async def test_the_answer_to_head_is_untouched_where_that_to_a_get_would_be(accepts, text):
    headers = {"etag": '"a"', "content-length": str(len(text))}
    answer = await get(Response(text, headers=headers), accepts, method="HEAD")
    assert answer.headers == {**headers, "vary": "Accept-Encoding"}


# --- streams ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", CODINGS)
async def test_each_chunk_of_a_stream_can_be_read_when_it_came(coding, layers, way, spec_version):
    async def stream(request):
        return StreamingResponse(iter_chunks(), headers={"content-length": "999999"})

    async def iter_chunks():
        for chunk in (b"one " * 10, b"two", b"three" * 1000):
            yield chunk
            assert decoder.feed(exchange.chunks[-1]) == chunk

    decoder = Decoder(coding)
    app = Asterion(
        routes=[Route("/", stream)], middleware=[Middleware(CompressionMiddleware), *function_layers(layers, way)]
    )
    exchange = Exchange(app, http_scope(headers=[("accept-encoding", coding)], spec_version=spec_version))
    await exchange.run()
    assert exchange.headers["content-encoding"] == coding
    assert "content-length" not in exchange.headers
    assert exchange.complete
    whole = b"".join(exchange.chunks)
    assert Decoder(coding).feed(whole) == b"one " * 10 + b"two" + b"three" * 1000


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_stream_that_begins_with_an_empty_chunk_starts_at_once(coding):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        assert exchange.started
        await send({"type": "http.response.body", "body": b"now", "more_body": True})
        await send({"type": "http.response.body"})

    exchange = Exchange(CompressionMiddleware(app), http_scope(headers=[("accept-encoding", coding)]))
    await exchange.run()
    assert decoded(exchange) == b"now"


@pytest.mark.parametrize("coding", CODINGS)
async def test_every_kind_of_bytes_is_compressed(coding):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": memoryview(b"view"), "more_body": True})
        await send({"type": "http.response.body", "body": bytearray(b"array"), "more_body": False})

    assert decoded(await get(app, coding)) == b"viewarray"


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_stream_that_fails_is_not_closed_as_if_it_were_whole(coding):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
        raise ZeroDivisionError

    exchange = Exchange(CompressionMiddleware(app), http_scope(headers=[("accept-encoding", coding)]))
    with pytest.raises(ZeroDivisionError):
        await exchange.run()
    assert not exchange.complete
    assert Decoder(coding).feed(exchange.body) == b"part"


@pytest.mark.parametrize("accepts", ["gzip", "identity"])
async def test_a_failure_after_the_start_is_never_answered_by_a_second_start(accepts):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
        raise ZeroDivisionError

    async def handled(request, error):
        return PlainTextResponse("handled")

    whole = Asterion(
        routes=[Mount("/", app=app)],
        middleware=[Middleware(CompressionMiddleware)],
        exception_handlers={ZeroDivisionError: handled},
    )
    exchange = Exchange(whole, http_scope(headers=[("accept-encoding", accepts)]))
    with pytest.raises(ZeroDivisionError):
        await exchange.run()
    assert [message["type"] for message in exchange.messages] == ["http.response.start", "http.response.body"]


@pytest.mark.parametrize("accepts", ["gzip", "identity"])
async def test_whoever_watches_a_response_is_told_how_far_it_is(accepts):
    seen = []

    async def app(scope, receive, send):
        _, watch = watched(send)
        for message in (
            {"type": "http.response.start", "status": 200, "headers": []},
            {"type": "http.response.body", "body": b"a", "more_body": True},
            {"type": "http.response.body", "body": b"b"},
        ):
            seen.append((watch.started, watch.complete))
            await send(message)
        seen.append((watch.started, watch.complete))

    await get(app, accepts)
    assert seen == [(False, False), (True, False), (True, False), (True, True)]


async def test_a_stream_that_is_not_compressed_is_looked_at_no_more():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"video/mp4")]})
        assert straight(send) is not send
        await send({"type": "http.response.body", "body": b"x"})

    assert (await get(app)).body == b"x"


async def test_a_stream_stays_plain_where_parts_of_it_may_come_by_file_descriptor():
    """Such a part never passes through the middleware; amid compressed chunks it would be garbage."""
    answer = await get(StreamingResponse([b"a" * 600, b"b"]), extensions={"http.response.zerocopysend": {}})
    assert answer.body == b"a" * 600 + b"b"
    whole = await get(PlainTextResponse(TEXT), extensions={"http.response.zerocopysend": {}})
    assert decoded(whole).decode() == TEXT


@pytest.mark.parametrize(
    "other",
    [
        {"type": "http.response.pathsend", "path": "/srv/a"},
        {"type": "http.response.zerocopysend", "file": 7},
    ],
    ids=lambda other: other["type"],
)
async def test_a_file_that_the_server_sends_itself_is_untouched(other):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"etag", b'"a"')]})
        await send(dict(other))
        assert send.__self__.complete

    answer = await get(app)
    assert answer.messages[1] == other
    assert answer.raw_headers == [(b"etag", b'"a"'), (b"vary", b"Accept-Encoding")]


async def test_a_second_start_reaches_the_server_which_refuses_it():
    async def app(scope, receive, send):
        for _ in range(2):
            await send({"type": "http.response.start", "status": 200, "headers": []})

    with pytest.raises(AssertionError, match="a second start"):
        await get(app)


async def test_only_large_chunks_are_compressed_in_a_thread_and_their_order_stays(monkeypatch):
    threads = []
    real = coders.BrotliCoder.encode

    def encode(self, chunk, more):
        threads.append(threading.current_thread() is threading.main_thread())
        return real(self, chunk, more)

    monkeypatch.setattr(coders.BrotliCoder, "encode", encode)
    chunks = [b"a" * 10, b"b" * 1000, b"c" * 10]
    answer = await get(StreamingResponse(chunks), thread_minimum_size=1000)
    assert decoded(answer) == b"".join(chunks)
    assert threads[:3] == [True, False, True]


@pytest.mark.parametrize("coding", [*CODINGS, "identity"])
async def test_tasks_that_send_at_once_do_not_mix_up_the_stream(coding):
    """The first chunk takes a thread and the start takes time; the others must not overtake it."""
    chunks = [b"a" * 500_000, b"b" * 10, b"c" * 300_000, b"d" * 10]

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        async with anyio.create_task_group() as group:
            for chunk in chunks:
                group.start_soon(send, {"type": "http.response.body", "body": chunk, "more_body": True})
                await anyio.lowlevel.checkpoint()
        await send({"type": "http.response.body"})

    async def slow(message):
        await anyio.lowlevel.checkpoint()

    app = CompressionMiddleware(app, thread_minimum_size=1000)
    exchange = Exchange(app, http_scope(headers=[("accept-encoding", coding)]), on_send=slow)
    await exchange.run()
    whole = exchange.body if coding == "identity" else decoded(exchange)
    assert len(whole) == 800_020
    assert all(chunk in whole for chunk in chunks)


async def test_a_request_that_is_cancelled_while_a_thread_compresses_ends():
    body = b"".join(b"%d " % number for number in range(60_000))
    with anyio.CancelScope() as scope:

        async def app(_, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            scope.cancel()
            await send({"type": "http.response.body", "body": body})

        await get(app, thread_minimum_size=1)
    assert scope.cancelled_caught


# --- the codings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("size", [500, 511, 512, 513, 32_767, 32_768, 32_769, 200_000])
async def test_bodies_of_any_size_come_back_and_equal_ones_are_encoded_equally(coding, size):
    text = "".join(f"{number}," for number in range(size))[:size]
    first = await get(PlainTextResponse(text), coding)
    assert decoded(first).decode() == text
    assert (await get(PlainTextResponse(text), coding)).body == first.body


@pytest.mark.parametrize("whole", [True, False])
async def test_no_client_needs_more_than_8_mb_for_zstd(whole):
    """RFC 9659: browsers refuse frames with a larger window."""
    coder = coders.coder_for("zstd", 19, "zstd_level")(5_000_000 if whole else None)
    frame = coder.encode(b"a" * 5_000_000, more=not whole)
    assert zstandard.get_frame_parameters(frame).window_size <= 8 * 1024 * 1024


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"brotli_quality": 12}, "brotli_quality must be 0 .fast. to 11 .small., got 12"),
        ({"zstd_level": 20}, "zstd_level must be 1 .fast. to 19 .small., got 20"),
        ({"gzip_level": "6"}, "gzip_level must be 0 .fast. to 9 .small., got '6'"),
        ({"encodings": ["gzip", "deflate"]}, "encodings has 'deflate', which is none of 'br', 'zstd', 'gzip'"),
    ],
)
def test_impossible_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CompressionMiddleware(None, **options)


@pytest.mark.parametrize(("saved", "coded"), [(0, False), (1, True)])
async def test_a_body_goes_out_as_it_is_unless_it_is_smaller_compressed(saved, coded):
    class Cutting:
        def encode(self, chunk, more):
            return bytes(chunk)[saved:]

    responder = CodingResponder(PlainTextResponse(TEXT), 1, "gzip", lambda size: Cutting())
    answer = await request(responder)
    assert answer.headers.get("content-encoding") == ("gzip" if coded else None)
    assert len(answer.body) == int(answer.headers["content-length"]) == len(TEXT) - saved


@pytest.mark.parametrize(
    ("coding", "setting", "levels"),
    [("gzip", "gzip_level", (0, 9)), ("br", "brotli_quality", (0, 11)), ("zstd", "zstd_level", (1, 19))],
)
async def test_the_first_and_the_last_level_can_be_asked_for_and_none_beyond(coding, setting, levels):
    for level in levels:
        middleware = CompressionMiddleware(PlainTextResponse(TEXT), encodings=[coding], **{setting: level})
        answer = await request(middleware, headers=[("accept-encoding", f"{coding}, identity;q=0")])
        assert answer.headers["content-encoding"] == coding
    for level in (levels[0] - 1, levels[1] + 1):
        with pytest.raises(ValueError, match=f"{setting} must be"):
            CompressionMiddleware(None, encodings=[coding], **{setting: level})


@pytest.fixture
def without_libraries(monkeypatch):
    """As if only those modules were installed that the test puts into the dictionary."""
    present = {}

    def import_module(name):
        if name not in present:
            raise ImportError(name)
        return present[name]

    coders._made_by.cache_clear()
    monkeypatch.setattr(coders.importlib, "import_module", import_module)
    yield present
    coders._made_by.cache_clear()


async def test_without_libraries_there_is_gzip(without_libraries):
    assert available_encodings() == ("gzip",)
    answer = await get(PlainTextResponse(TEXT), "br, zstd, gzip")
    assert answer.headers["content-encoding"] == "gzip"


def test_a_coding_that_is_named_without_its_library_is_an_error_that_tells_what_to_install(without_libraries):
    with pytest.raises(ImportError, match=r"'br' needs brotli or brotlicffi.*pip install 'asterion\[brotli\]'"):
        CompressionMiddleware(None, ["br", "gzip"])
    with pytest.raises(ImportError, match=r"'zstd' needs compression.zstd or zstandard.*asterion\[zstd\]"):
        CompressionMiddleware(None, ["zstd"])


class CffiBrotli:
    """brotlicffi: the same, but `bytes` only, and an older name for its method."""

    class Compressor:
        def __init__(self, *, quality, lgwin):
            self._real = brotli.Compressor(quality=quality, lgwin=lgwin)
            self.flush, self.finish = self._real.flush, self._real.finish

        def compress(self, data):
            assert type(data) is bytes
            return self._real.process(data)


class StandardZstd:
    """compression.zstd of Python 3.14, as far as it is used."""

    class ZstdCompressor:
        CONTINUE, FLUSH_BLOCK, FLUSH_FRAME = 0, 1, 2

        def __init__(self, level):
            self._level, self._size, self._real = level, -1, None

        def set_pledged_input_size(self, size):
            self._size = size

        def compress(self, data, mode):
            if self._real is None:
                self._real = zstandard.ZstdCompressor(level=self._level).compressobj(size=self._size)
            end = zstandard.COMPRESSOBJ_FLUSH_BLOCK if mode == self.FLUSH_BLOCK else zstandard.COMPRESSOBJ_FLUSH_FINISH
            return self._real.compress(data) + self._real.flush(end)


@pytest.mark.parametrize(
    ("coding", "module", "library"), [("br", "brotlicffi", CffiBrotli), ("zstd", "compression.zstd", StandardZstd)]
)
async def test_the_other_libraries_do_as_well(without_libraries, coding, module, library):
    without_libraries[module] = library
    assert available_encodings() == (coding, "gzip")
    whole = await get(PlainTextResponse(TEXT), coding)
    assert decoded(whole).decode() == TEXT
    stream = await get(StreamingResponse([b"", b"one", memoryview(b"two")]), coding)
    assert decoded(stream) == b"onetwo"


@pytest.mark.skipif(importlib.util.find_spec("compression") is None, reason="compression.zstd is new in Python 3.14")
async def test_the_standard_library_makes_zstd():
    assert isinstance(coders.coder_for("zstd", 3, "zstd_level")(None), coders.StandardZstdCoder)


PUSH = {"type": "http.response.push", "path": "/a.css", "headers": []}
PIECE = {"type": "http.response.zerocopysend", "file": 0, "count": 1, "more_body": True}


@pytest.mark.parametrize(
    ("messages", "raised"),
    [
        ([{"type": "http.response.body", "body": b"a", "more_body": True}, PUSH], True),
        ([{"type": "http.response.body", "body": b"a", "more_body": True}, PIECE], True),
        ([{"type": "http.response.body", "body": b"a", "more_body": True}, {**PIECE, "more_body": False}], False),
        ([PIECE, {**PIECE, "more_body": False}], False),
        ([{"type": "http.response.pathsend", "path": "/a.png"}], False),
    ],
)
async def test_an_error_is_raised_again_unless_the_response_that_was_left_as_it_is_was_complete(messages, raised):
    """Whatever the body is made of: to its handler an error behind it is one of background work."""
    handled = []

    async def endpoint(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"image/png")]})
        for message in messages:
            await send(message)
        raise KeyError("late")

    def handler(request, error):
        handled.append(error)

    app = Asterion(
        routes=[Mount("/", endpoint)],
        middleware=[Middleware(CompressionMiddleware)],
        exception_handlers={KeyError: handler},
    )
    with pytest.raises(KeyError, match="late") if raised else contextlib.nullcontext():
        await request(app, headers=[("accept-encoding", "gzip")])
    assert len(handled) == 1
