"""Rows 59 and 60: what is compressed can be told from what is not, and each chunk comes when it came."""

import gzip
import zlib

import pytest

from asterion.applications import Asterion
from asterion.middleware import Middleware
from asterion.middleware.gzip import GZipMiddleware
from asterion.responses import FileResponse, Response, StreamingResponse
from asterion.routing import Route
from tests.asgi import request
from tests.failures.serving import application, each_face, vary

pytestmark = pytest.mark.anyio


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
