"""Rows 46 to 50: a form is read whole, or refused as the client's mistake."""

import json

import pytest

from asterion._core.forms import FormLimits
from asterion.applications import Asterion
from asterion.exceptions import HTTPException
from asterion.middleware import Middleware
from asterion.requests import Request
from asterion.responses import JSONResponse, PlainTextResponse
from asterion.routing import Route
from tests.asgi import Exchange, function_layers, http_scope, layer_class
from tests.failures.serving import application, each_face, outcome, post
from tests.requests.building import END, MULTIPART, URL_ENCODED, field, file, part

pytestmark = pytest.mark.anyio


async def form_echo(request):
    form = await request.form()
    return JSONResponse(
        [[name, value if isinstance(value, str) else value.filename] for name, value in form.multi_items()]
    )


def form_app(face, layers):
    return application(face, layers, Route("/", form_echo, methods=["POST"]))


# --- row 46: malformed multipart --------------------------------------------------------------------------------------

MALFORMED = {
    "no boundary": (field("a") + END, "multipart/form-data"),
    "empty boundary": (field("a") + END, "multipart/form-data; boundary="),
    "another boundary": (field("a") + END, "multipart/form-data; boundary=other"),
    "boundary beyond ASCII": (field("a") + END, "multipart/form-data; boundary=\u00e9"),
    "no name": (part("Content-Disposition: form-data") + END, MULTIPART),
    "no disposition": (part("Content-Type: text/plain") + END, MULTIPART),
    "unclosed name": (part('Content-Disposition: form-data; name="a') + END, MULTIPART),
    "header without colon": (part("Content-Disposition") + END, MULTIPART),
    "garbage": (b"\x00\xff garbage \r\n\r\n", MULTIPART),
    "text that is not UTF-8": (field("a", b"\xff\xfe") + END, MULTIPART),
    "unknown charset": (field("a") + END, MULTIPART + "; charset=utf-7"),
}


@pytest.mark.failure(
    row=46, says="A multipart form that cannot be read is answered with 400 and a sentence that says what was wrong."
)
@each_face
@pytest.mark.parametrize("case", MALFORMED)
async def test_1617_a_malformed_multipart_form_is_the_clients_mistake(face, case, layers, spec_version):
    body, content_type = MALFORMED[case]
    answer = await post(form_app(face, layers), body, content_type, spec_version=spec_version)
    assert answer.status == 400
    assert b"form" in answer.body


async def test_1643_outside_of_an_application_the_error_is_an_http_exception_with_its_message():
    scope = http_scope("POST", headers=[("content-type", "multipart/form-data")])
    with pytest.raises(HTTPException, match="boundary") as caught:
        await Request(scope, Exchange(None, scope, body=b"x").receive).form()
    assert caught.value.status_code == 400


async def test_3492_a_malformed_form_read_in_function_middleware_is_a_400_too(layers):
    async def reading(request, call_next):
        await request.form()
        return await call_next(request)

    app = Asterion(
        routes=[Route("/", form_echo, methods=["POST"])],
        middleware=[*function_layers(layers), Middleware(layer_class("nested"), dispatch=reading)],
    )
    exchange, _ = await outcome(app, "POST", headers=[("content-type", MULTIPART)], body=b"garbage")
    assert exchange.status == 400


# --- row 47: large text fields ----------------------------------------------------------------------------------------


@pytest.mark.failure(
    row=47,
    says="A text field over 1 MiB is refused with 400 and the name of the setting, `max_part_size`, that lets it pass.",
)
@each_face
async def test_2785_a_large_field_is_a_matter_of_one_setting(face, layers):
    async def endpoint(request):
        size = request.query_params.get("size")
        form = await (request.form(max_part_size=int(size)) if size else request.form())
        return PlainTextResponse(str(len(form["big"])))

    app = application(face, layers, Route("/", endpoint, methods=["POST"]))
    body = field("big", b"x" * 2_000_000) + END
    refused = await post(app, body, MULTIPART)
    assert refused.status == 400
    assert b"max_part_size" in refused.body
    assert (await post(app, body, MULTIPART, query=b"size=2000000")).body == b"2000000"
    assert (await post(app, body, MULTIPART, query=b"size=1999999")).status == 400


async def test_2785_a_large_file_is_no_text_field():
    app = form_app(Asterion, 0)
    answer = await post(app, file("upload", "big.bin", b"x" * 2_000_000) + END, MULTIPART)
    assert answer.status == 200


# --- row 48: truncated multipart --------------------------------------------------------------------------------------

WHOLE = field("a", b"text") + file("upload", "u.txt", b"content") + END


@pytest.mark.failure(
    row=48, says="A multipart body that ends before its closing boundary is refused with 400, wherever it was cut."
)
@each_face
@pytest.mark.parametrize("missing", [3, 10, len(END), len(END) + 3, len(WHOLE) // 2, len(WHOLE) - 1])
async def test_row_48_a_truncated_upload_is_never_an_empty_form(face, missing, layers, spec_version):
    app = form_app(face, layers)
    answer = await post(app, WHOLE[:-missing], MULTIPART, spec_version=spec_version)
    assert answer.status == 400


@pytest.mark.parametrize("size", [1, 7, 64])
async def test_row_48_the_whole_body_is_accepted_in_any_chunks(size, layers):
    pieces = [WHOLE[at : at + size] for at in range(0, len(WHOLE), size)]
    answer = await post(form_app(Asterion, layers), pieces, MULTIPART)
    assert json.loads(answer.body) == [["a", "text"], ["upload", "u.txt"]]
    assert (await post(form_app(Asterion, layers), WHOLE[: -len("--\r\n")], MULTIPART)).status == 400


# --- row 49: raw UTF-8 in url-encoded bodies --------------------------------------------------------------------------


@pytest.mark.failure(row=49, says="A url-encoded body is read as UTF-8, whether its bytes are percent-encoded or not.")
@each_face
@pytest.mark.parametrize(
    "body",
    ["n=\u00e9\u65e5".encode(), b"n=%C3%A9%E6%97%A5", "n=%C3%A9\u65e5".encode()],
    ids=["raw", "encoded", "mixed"],
)
@pytest.mark.parametrize("size", [100, 1], ids=["whole", "byte by byte"])
async def test_row_49_text_of_a_url_encoded_form_is_what_was_sent(face, body, size, layers, spec_version):
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    answer = await post(form_app(face, layers), pieces, URL_ENCODED, spec_version=spec_version)
    assert json.loads(answer.body) == [["n", "\u00e9\u65e5"]]


async def test_row_49_bytes_that_are_no_text_are_refused_and_not_mangled(layers):
    for body in (b"n=\xe9", b"n=%E9"):
        assert (await post(form_app(Asterion, layers), body, URL_ENCODED)).status == 400


# --- row 50: the end of a url-encoded body, and its limits ------------------------------------------------------------


@pytest.mark.failure(
    row=50,
    says="The last field of a url-encoded form counts however its stream ends, and the limits of forms hold for it as "
    "they do for multipart.",
)
@pytest.mark.parametrize("chunks", [[b"a=1&b=2"], [b"a=1&", b"b=2"], [b"a=1", b"&b=2", b""], [b"", b"a=1&b", b"=2"]])
async def test_3599_the_last_field_counts_without_an_empty_chunk_behind_it(chunks):
    class Own(Request):
        async def stream(self):
            for chunk in chunks:
                yield chunk

    form = await Own(http_scope("POST", headers=[("content-type", URL_ENCODED)])).form()
    assert form.multi_items() == [("a", "1"), ("b", "2")]


@each_face
@pytest.mark.parametrize(
    ("body", "setting"),
    [
        (b"&".join(b"f=1" for _ in range(1001)), b"max_fields"),
        (b"f=" + b"x" * (1024 * 1024 + 1), b"max_part_size"),
        (b"x" * (1024 * 1024 + 2), b"max_part_size"),
        (b"f=" + b"%41" * (1024 * 1024), b"max_part_size"),
    ],
    ids=["fields", "value", "name", "encoded"],
)
async def test_cve_2026_54283_limits_hold_for_url_encoded_forms(face, body, setting, layers, spec_version):
    answer = await post(form_app(face, layers), body, URL_ENCODED, spec_version=spec_version)
    assert answer.status == 400
    assert setting in answer.body


async def test_cve_2026_54283_as_many_fields_as_allowed_pass():
    answer = await post(form_app(Asterion, 0), b"&".join(b"f=1" for _ in range(1000)), URL_ENCODED)
    assert len(json.loads(answer.body)) == 1000


async def test_cve_2026_54283_the_limits_of_a_call_hold_for_url_encoded_forms():
    async def endpoint(request):
        await request.form(limits=FormLimits(max_fields=2))
        return PlainTextResponse("read")

    app = Asterion(routes=[Route("/", endpoint, methods=["POST"])])
    assert (await post(app, b"a=1&b=2", URL_ENCODED)).status == 200
    assert (await post(app, b"a=1&b=2&c=3", URL_ENCODED)).status == 400
