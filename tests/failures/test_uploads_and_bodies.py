"""Rows 51 to 54: uploads are closed, bodies that cannot be read are refused, and clients may leave."""

import json
import logging

import pytest

from asterion.applications import Asterion
from asterion.background import BackgroundTask
from asterion.endpoints import HTTPEndpoint
from asterion.exceptions import HTTPException
from asterion.middleware import Middleware
from asterion.middleware.cors import CORSMiddleware
from asterion.requests import ClientDisconnect
from asterion.responses import JSONResponse, PlainTextResponse, StreamingResponse
from asterion.routing import Route
from tests.asgi import Exchange, function_layers, http_scope, layer_class, request
from tests.failures.serving import application, each_face, outcome, post
from tests.requests.building import END, MULTIPART, file

pytestmark = pytest.mark.anyio


# --- row 51: uploaded files are closed --------------------------------------------------------------------------------

UPLOAD = file("upload", "u.txt", b"content") + END


@pytest.fixture
def uploads():
    """The uploads an endpoint was given, to look at after the request; what is open then does not outlive the test."""
    given = []
    yield given
    for upload in given:
        upload.file.close()


def keeping(uploads, respond):
    async def endpoint(request):
        upload = (await request.form())["upload"]
        uploads.append(upload)
        return respond(upload)

    return endpoint


async def _stream_of(upload):
    yield await upload.read()


@pytest.mark.failure(
    row=51, says="The files of a form are closed when the request is over: after the response and its background work."
)
@each_face
async def test_1903_uploads_are_closed_when_the_request_is_over(face, uploads, layers, spec_version):
    app = application(face, layers, Route("/", keeping(uploads, lambda _: PlainTextResponse("kept")), methods=["POST"]))
    answer = await post(app, UPLOAD, MULTIPART, spec_version=spec_version)
    assert answer.body == b"kept"
    assert [upload.file.closed for upload in uploads] == [True]


@each_face
async def test_3191_a_response_may_stream_an_upload_before_it_is_closed(face, uploads, layers, spec_version):
    app = application(
        face, layers, Route("/", keeping(uploads, lambda up: StreamingResponse(_stream_of(up))), methods=["POST"])
    )
    answer = await post(app, UPLOAD, MULTIPART, spec_version=spec_version)
    assert answer.body == b"content"
    assert [upload.file.closed for upload in uploads] == [True]


@each_face
async def test_3191_background_work_may_read_an_upload_before_it_is_closed(face, uploads, layers):
    read = []

    async def work(upload):
        read.append(await upload.read())

    def respond(upload):
        return PlainTextResponse("kept", background=BackgroundTask(work, upload))

    app = application(face, layers, Route("/", keeping(uploads, respond), methods=["POST"]))
    assert (await post(app, UPLOAD, MULTIPART)).body == b"kept"
    assert read == [b"content"]
    assert [upload.file.closed for upload in uploads] == [True]


@each_face
async def test_1903_uploads_are_closed_when_the_endpoint_fails(face, uploads, layers):
    def respond(upload):
        raise LookupError("after the form")

    app = application(face, layers, Route("/", keeping(uploads, respond), methods=["POST"]))
    exchange, error = await outcome(app, "POST", headers=[("content-type", MULTIPART)], body=UPLOAD)
    assert (exchange.status, type(error)) == (500, LookupError)
    assert [upload.file.closed for upload in uploads] == [True]


async def test_1903_uploads_of_a_class_based_endpoint_are_closed_too(uploads, layers):
    class Uploading(HTTPEndpoint):
        async def post(self, request):
            uploads.append((await request.form())["upload"])
            return PlainTextResponse("kept")

    assert (await post(application(Asterion, layers, Route("/", Uploading)), UPLOAD, MULTIPART)).body == b"kept"
    assert [upload.file.closed for upload in uploads] == [True]


def reading_uploads(uploads, layers):
    """A middleware that reads the form, `layers` others inside of it, and an endpoint that asks for the same form."""

    async def reading(request, call_next):
        uploads.append((await request.form())["upload"])
        return await call_next(request)

    async def endpoint(request):
        return PlainTextResponse(await (await request.form())["upload"].read())

    layer = Middleware(layer_class("nested"), dispatch=reading)
    return application(Asterion, layers, Route("/", endpoint, methods=["POST"]), middleware=(layer,))


async def test_1903_uploads_read_in_function_middleware_are_closed_too(uploads):
    assert (await post(reading_uploads(uploads, 0), UPLOAD, MULTIPART)).body == b"content"
    assert [upload.file.closed for upload in uploads] == [True]


@pytest.mark.failure(row=51, says="So are those of a form that function middleware has read.")
@pytest.mark.parametrize("between", [1, 3])
async def test_1903_uploads_read_further_out_are_closed_too(uploads, between):
    assert (await post(reading_uploads(uploads, between), UPLOAD, MULTIPART)).body == b"content"
    assert [upload.file.closed for upload in uploads] == [True]


# --- row 52: malformed JSON -------------------------------------------------------------------------------------------


async def json_echo(request):
    return JSONResponse(await request.json())


@pytest.mark.failure(
    row=52, says="JSON that cannot be read is answered with 400; code that catches json.JSONDecodeError still does."
)
@each_face
@pytest.mark.parametrize("body", [b"{", b"", b"nothing", b"[1,]", b"\xff\xfe{", b'{"a": 1} x', b"[" * 100_000])
async def test_78_malformed_json_is_the_clients_mistake(face, body, layers, spec_version):
    app = application(face, layers, Route("/", json_echo, methods=["POST"]))
    answer = await request(app, "POST", body=body, spec_version=spec_version)
    assert answer.status == 400


async def test_78_malformed_json_can_be_caught_as_what_it_is(layers):
    async def endpoint(request):
        try:
            await request.json()
        except json.JSONDecodeError as error:
            return PlainTextResponse(f"at {error.pos}", status_code=422)

    app = application(Asterion, layers, Route("/", endpoint, methods=["POST"]))
    answer = await request(app, "POST", body=b'{"a": }')
    assert (answer.status, answer.body) == (422, b"at 6")


# --- row 53: the body limit -------------------------------------------------------------------------------------------


class Limited:
    """An application that takes 10 bytes, with CORS, a handler for 413, and an endpoint that notes when it runs."""

    def __init__(self, face, layers, endpoint=None):
        self.runs = 0

        async def counting(request):
            self.runs += 1
            return await endpoint(request) if endpoint else PlainTextResponse("did not look")

        async def too_large(request, error):
            return JSONResponse({"too": "large"}, status_code=413)

        cors = Middleware(CORSMiddleware, allow_origins=["https://a.example"])
        self.app = application(
            face,
            layers,
            Route("/", counting, methods=["POST"]),
            middleware=(cors,),
            exception_handlers={413: too_large},
            max_body_size=10,
        )

    async def post(self, body, *headers, spec_version="2.4"):
        return await request(
            self.app,
            "POST",
            headers=[("origin", "https://a.example"), *headers],
            body=body,
            spec_version=spec_version,
        )


def is_the_answer_of_the_application(answer):
    return (
        answer.status == 413
        and json.loads(answer.body) == {"too": "large"}
        and answer.headers.get("access-control-allow-origin") == "https://a.example"
    )


@pytest.mark.failure(
    row=53,
    says="A length over the limit is answered before the endpoint runs, by the application's own 413 handler and "
    "inside of its middleware; of a body without a length no byte over the limit reaches the endpoint.",
)
@each_face
async def test_row_53_a_length_over_the_limit_is_answered_before_the_endpoint_runs(face, layers, spec_version):
    limited = Limited(face, layers)
    answer = await limited.post(b"x" * 11, ("content-length", "11"), spec_version=spec_version)
    assert is_the_answer_of_the_application(answer)
    assert limited.runs == 0
    assert (await limited.post(b"x" * 10, ("content-length", "10"))).status == 200
    assert limited.runs == 1


@each_face
async def test_3431_a_body_without_a_length_is_cut_off_at_the_limit(face, layers, spec_version):
    async def endpoint(request):
        return PlainTextResponse(await request.body())

    limited = Limited(face, layers, endpoint)
    answer = await limited.post([b"x" * 6, b"x" * 6], spec_version=spec_version)
    assert is_the_answer_of_the_application(answer)
    assert (await limited.post([b"x" * 5, b"x" * 5])).body == b"x" * 10


async def test_row_53_an_endpoint_that_catches_the_error_gets_no_more_of_the_body(layers):
    seen = []

    async def endpoint(request):
        for _ in range(3):
            try:
                async for chunk in request.stream():
                    seen.append(chunk)
            except HTTPException as error:
                seen.append(error.status_code)
        return PlainTextResponse("stubborn")

    await Limited(Asterion, layers, endpoint).post([b"x" * 6, b"y" * 6, b"z" * 6])
    assert [one for one in seen if one != 413] == [b"x" * 6]
    assert seen.count(413) == 3


async def test_row_53_an_endpoint_that_does_not_look_at_a_body_without_a_length_answers_as_it_likes(layers):
    """What nobody reads costs nothing: there is no limit to break before it is read."""
    assert (await Limited(Asterion, layers).post([b"x" * 6, b"x" * 6])).body == b"did not look"


# --- row 54: clients that leave during an upload ----------------------------------------------------------------------


class Leaving(Exchange):
    """A client that announces more than it sends, then is gone."""

    async def receive(self):
        if not self.receives:
            self.receives += 1
            return {"type": "http.request", "body": b"--B", "more_body": True}
        self.disconnect()
        return await super().receive() if self._told >= len(self._pieces) else {"type": "http.disconnect"}


@pytest.mark.failure(
    row=54,
    says="A client that leaves in the middle of its request is not an error of the application: nothing is raised to "
    "the server, no 500 is sent and nothing is logged above debug level.",
)
@each_face
@pytest.mark.parametrize("read", ["body", "json", "form", "stream"])
async def test_1648_a_client_that_leaves_during_its_upload_is_no_error(face, read, layers, way, spec_version, caplog):
    caplog.set_level(logging.INFO)
    reached = []

    async def endpoint(request):
        try:
            if read == "stream":
                async for _ in request.stream():
                    pass
            else:
                await getattr(request, read)()
        except ClientDisconnect as error:
            reached.append(type(error))
            raise
        return PlainTextResponse("whole")

    app = face(routes=[Route("/", endpoint, methods=["POST"])], middleware=function_layers(layers, way))
    scope = http_scope(
        "POST",
        headers=[("content-length", "100"), ("content-type", MULTIPART if read == "form" else "application/json")],
        spec_version=spec_version,
    )
    exchange = await Leaving(app, scope).run()
    assert reached == [ClientDisconnect]
    assert not exchange.started
    assert [message.get("status") for message in exchange.sent_after_disconnect] == []
    assert caplog.records == []


async def test_1648_an_application_may_still_note_it_with_a_handler(layers):
    noted = []

    async def gone(request, error):
        noted.append(type(error))
        return PlainTextResponse("", status_code=499)

    async def endpoint(request):
        await request.body()

    app = application(
        Asterion, layers, Route("/", endpoint, methods=["POST"]), exception_handlers={ClientDisconnect: gone}
    )
    await Leaving(app, http_scope("POST", headers=[("content-length", "100")], spec_version="2.3")).run()
    assert noted == [ClientDisconnect]
