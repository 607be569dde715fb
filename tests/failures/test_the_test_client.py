"""Rows 73 and 74: a test of a WebSocket never hangs, and bodies are streamed both ways."""

import anyio
import pytest

from asterion.responses import PlainTextResponse, StreamingResponse
from asterion.routing import Route
from asterion.testclient import TestClient
from tests.failures.serving import application, at_root, each_face

pytestmark = pytest.mark.anyio


# --- row 73: tests that hang ------------------------------------------------------------------------------------------


@pytest.mark.failure(
    row=73,
    says="Receiving in a test raises at once when the application has returned, and after a time limit when it is "
    "silent; leaving the session ends an application that does not notice.",
)
@each_face
def test_1140_receiving_from_an_application_that_has_returned_is_an_error(face, layers, anyio_backend):
    async def endpoint(websocket):
        await websocket.accept()

    client = TestClient(at_root(face, layers, endpoint), backend=anyio_backend)
    with client.websocket_connect("/") as session, pytest.raises(Exception, match="returned"):
        session.receive_text()


@each_face
def test_2598_receiving_from_a_silent_application_ends_after_the_limit(face, layers, anyio_backend):
    async def endpoint(websocket):
        await websocket.accept()
        async for _ in websocket.iter_text():
            pass

    client = TestClient(at_root(face, layers, endpoint), backend=anyio_backend)
    with client.websocket_connect("/") as session, pytest.raises(TimeoutError):
        session.receive(timeout=0.01)


@each_face
def test_947_an_application_that_never_accepts_does_not_hold_the_test(face, layers, anyio_backend):
    async def endpoint(websocket):
        await anyio.sleep_forever()

    client = TestClient(at_root(face, layers, endpoint), backend=anyio_backend)
    client.settings.websocket_timeout = 0.01
    client.settings.leave_grace = 0.01
    with pytest.raises(TimeoutError), client.websocket_connect("/"):
        pass


# --- row 74: streams in tests -----------------------------------------------------------------------------------------


@pytest.mark.failure(
    row=74,
    says="The test client streams both ways: chunks of a request and of a response pass one by one, as they come.",
)
@each_face
def test_1102_a_request_body_arrives_chunk_by_chunk(face, layers, anyio_backend):
    seen = []

    async def endpoint(request):
        async for chunk in request.stream():
            if chunk:
                seen.append((chunk, list(made)))
        return PlainTextResponse("read")

    made = []

    def chunks():
        for chunk in (b"a", b"b", b"c"):
            made.append(chunk)
            yield chunk

    client = TestClient(application(face, layers, Route("/", endpoint, methods=["POST"])), backend=anyio_backend)
    assert client.post("/", content=chunks()).text == "read"
    assert [chunk for chunk, _ in seen] == [b"a", b"b", b"c"]
    assert seen[0][1] == [b"a"]  # the second was not made when the first was read


@each_face
def test_491_a_response_arrives_chunk_by_chunk(face, layers, anyio_backend):
    sent = []

    async def body():
        for chunk in (b"a", b"b", b"c"):
            sent.append(chunk)
            yield chunk

    async def endpoint(request):
        return StreamingResponse(body())

    client = TestClient(application(face, layers, Route("/", endpoint)), backend=anyio_backend)
    with client.stream("GET", "/") as response:
        stream = response.iter_raw()
        assert next(stream) == b"a"
        assert len(sent) < 3
        assert list(stream) == [b"b", b"c"]


@each_face
def test_3491_a_stream_without_an_end_can_be_left(face, layers, anyio_backend):
    closed = []

    async def body():
        try:
            while True:
                yield b"tick"
                await anyio.lowlevel.checkpoint()
        finally:
            closed.append(True)

    async def endpoint(request):
        return StreamingResponse(body())

    client = TestClient(application(face, layers, Route("/", endpoint)), backend=anyio_backend)
    with client.stream("GET", "/") as response:
        assert next(response.iter_raw()) == b"tick"
    assert closed == [True]
