"""The strict mode of both clients: for each rule of ASGI an application breaks it, and its test hears of it."""

import anyio
import pytest

from asterion.applications import Asterion, Starlette
from asterion.testclient import AsyncTestClient, ConformanceError, TestClient
from tests.conformance_cases import OFFERED, RIGHT, WRONG, WRONG_ORDER, body, length, scripted, start


def prepare(client, scope):
    """The settings under which `client` makes such a scope."""
    extensions = {**OFFERED, scope["type"]: scope.get("extensions", {})}
    client.settings.extensions = {kind: dict(extensions[kind]) for kind in ("http", "websocket")}
    client.settings.websocket_timeout = 0.2
    return client


def run_sync(app, scope, backend, stream, strict):
    client = prepare(TestClient(app, backend=backend, strict=strict), scope)
    if scope["type"] == "lifespan":
        with client:
            pass
    elif scope["type"] == "websocket":
        with client.websocket_connect("/", subprotocols=scope.get("subprotocols")) as session:
            while session.receive()["type"] != "websocket.close":
                pass
    elif stream:
        with client.stream(scope["method"], "/") as response:
            response.read()
    else:
        client.request(scope["method"], "/")


def run_async(app, scope, backend, stream, strict):
    async def main():
        client = prepare(AsyncTestClient(app, strict=strict), scope)
        if scope["type"] == "lifespan":
            async with client:
                pass
        elif scope["type"] == "websocket":
            async with client.websocket_connect("/", subprotocols=scope.get("subprotocols")) as session:
                while (await session.receive())["type"] != "websocket.close":
                    pass
        elif stream:
            async with client.stream(scope["method"], "/") as response:
                await response.aread()
        else:
            await client.request(scope["method"], "/")

    anyio.run(main, backend=backend)


@pytest.fixture(params=[run_sync, run_async], ids=["sync", "async"])
def run(request, anyio_backend):
    """`run(app, scope, stream=False, strict=True)` uses the application as `scope` says, by one of the two clients."""
    return lambda app, scope, stream=False, strict=True: request.param(app, scope, anyio_backend, stream, strict)


CLEAN = {name: case for name, case in RIGHT.items() if case[0]["type"] == "http"}
HTTP = {name: case for name, case in {**WRONG_ORDER, **WRONG}.items() if case[0]["type"] == "http"}
BROKEN = {**WRONG_ORDER, **WRONG}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("scope", "steps"), CLEAN.values(), ids=CLEAN)
def test_a_clean_application_is_answered_in_silence(run, scope, steps, stream):
    run(scripted(steps), scope, stream)


@pytest.mark.parametrize("name", ["a life", "a start before the question", "no lifespan"])
def test_a_clean_life_is_lived_in_silence(run, name):
    scope, steps = RIGHT[name]
    run(scripted(steps), scope)


@pytest.mark.parametrize("name", ["accept, send, close", "codes and a reason"])
def test_a_clean_conversation_is_held_in_silence(run, name):
    scope, steps = RIGHT[name]
    run(scripted(steps), scope)


@pytest.mark.parametrize(("scope", "steps", "words"), BROKEN.values(), ids=BROKEN)
def test_each_broken_application_fails_its_test(run, scope, steps, words):
    with pytest.raises(ConformanceError, match=words):
        run(scripted(steps), scope)


@pytest.mark.parametrize(("scope", "steps", "words"), HTTP.values(), ids=HTTP)
def test_and_fails_it_when_its_answer_is_streamed(run, scope, steps, words):
    with pytest.raises(ConformanceError, match=words):
        run(scripted(steps), scope, stream=True)


def test_a_client_that_is_not_strict_lets_much_pass(run):
    app = scripted([start(200, length(3)), body(b"ab")])
    run(app, {"type": "http", "method": "GET"}, strict=False)


def mounted(kind):
    application = kind()
    application.mount("/", scripted([start(200, length(3)), body(b"ab")]))
    return application


GET = {"type": "http", "method": "GET"}


def test_an_asterion_application_is_judged_strictly_unless_asked_not_to(run):
    with pytest.raises(ConformanceError, match="shorter than announced: 2 bytes"):
        run(mounted(Asterion), GET, strict=None)
    run(mounted(Asterion), GET, strict=False)


def test_its_starlette_face_is_judged_on_request(run):
    run(mounted(Starlette), GET, strict=None)
    with pytest.raises(ConformanceError):
        run(mounted(Starlette), GET, strict=True)
