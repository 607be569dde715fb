"""`AsyncTestClient`: requests, cookies, redirects and errors, in the test's own event loop."""

import contextvars

import anyio
import pytest

from asterion.applications import Asterion
from asterion.background import BackgroundTask
from asterion.responses import JSONResponse, PlainTextResponse, RedirectResponse
from asterion.routing import Route
from asterion.testclient import AsyncTestClient
from tests.asgi import function_layers

pytestmark = pytest.mark.anyio


class Boom(Exception):
    pass


async def home(request):
    return PlainTextResponse(await request.body() or b"home")


async def cookies(request):
    response = JSONResponse(request.cookies)
    response.set_cookie("seen", "yes", secure=False)
    return response


async def away(request):
    return RedirectResponse("/", status_code=307)


async def boom(request):
    raise Boom("here")


ROUTES = [
    Route("/", home, methods=["GET", "POST"]),
    Route("/cookies", cookies),
    Route("/away", away, methods=["GET", "POST"]),
    Route("/boom", boom),
]


@pytest.fixture
def client(layers):
    return AsyncTestClient(Asterion(routes=ROUTES, middleware=function_layers(layers)))


async def test_a_request_is_answered(client):
    response = await client.get("/")
    assert (response.status_code, response.text) == (200, "home")
    assert (await client.post("/", content=b"sent")).text == "sent"
    assert (await client.post("/", json={"a": 1})).text == '{"a":1}'
    head = await client.head("/")
    assert (head.headers["content-length"], head.content) == ("4", b"")


async def test_the_scope_is_that_of_the_sync_client():
    scopes = []

    async def app(scope, receive, send):
        scopes.append(scope)
        await PlainTextResponse("ok")(scope, receive, send)

    client = AsyncTestClient(app, base_url="https://host:8443", root_path="/root", client=("1.2.3.4", 5))
    await client.get("/a%20b?c=d", headers={"X-Name": "v"})
    (scope,) = scopes
    assert (scope["scheme"], scope["server"], scope["client"]) == ("https", ["host", 8443], ("1.2.3.4", 5))
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a b", b"/a%20b", b"c=d")
    assert (scope["root_path"], scope["method"]) == ("/root", "GET")
    headers = dict(scope["headers"])
    assert (headers[b"x-name"], headers[b"user-agent"]) == (b"v", b"testclient")


async def test_an_application_of_asgi_2_is_served():
    def app(scope):
        async def call(receive, send):
            await PlainTextResponse(scope["asgi"]["version"])(scope, receive, send)

        return call

    assert (await AsyncTestClient(app).get("/")).text == "2.0"


async def test_cookies_are_kept_from_one_request_to_the_next(client):
    assert (await client.get("/cookies")).json() == {}
    assert (await client.get("/cookies")).json() == {"seen": "yes"}


async def test_redirects_are_followed_unless_not_wanted(client):
    response = await client.post("/away", content=b"again")
    assert (response.text, len(response.history)) == ("again", 1)
    assert (await client.get("/away", follow_redirects=False)).status_code == 307


async def test_an_exception_of_the_application_reaches_the_test_as_itself(client):
    with pytest.raises(Boom, match="here"):
        await client.get("/boom")
    with pytest.raises(Boom, match="here"):
        async with client.stream("GET", "/boom"):
            raise AssertionError("not reached")


@pytest.mark.parametrize("failure", [KeyboardInterrupt, SystemExit])
async def test_even_one_that_ends_programs_reaches_the_test_and_not_the_loop(failure):
    async def app(scope, receive, send):
        raise failure

    with pytest.raises(failure):
        await AsyncTestClient(app).get("/")
    with pytest.raises(failure):
        async with AsyncTestClient(app).stream("GET", "/"):
            pass


async def test_raise_server_exceptions_false_gives_the_error_response():
    client = AsyncTestClient(Asterion(routes=ROUTES), raise_server_exceptions=False)
    assert (await client.get("/boom")).status_code == 500


async def test_debug_information_becomes_attributes_of_the_response():
    async def app(scope, receive, send):
        info = {"template": "the template", "context": {"a": 1}}
        await send({"type": "http.response.debug", "info": info})
        await PlainTextResponse("ok")(scope, receive, send)

    response = await AsyncTestClient(app).get("/")
    assert (response.template, response.context) == ("the template", {"a": 1})
    async with AsyncTestClient(app).stream("GET", "/") as response:
        assert (response.template, response.context) == ("the template", {"a": 1})


async def test_background_work_is_done_when_the_response_is_there(client):
    done = []

    async def work():
        await anyio.lowlevel.checkpoint()
        done.append(1)

    async def endpoint(request):
        return PlainTextResponse("ok", background=BackgroundTask(work))

    await AsyncTestClient(Asterion(routes=[Route("/", endpoint)])).get("/")
    assert done == [1]


# --- the loop ---------------------------------------------------------------------------------------------------------

VARIABLE = contextvars.ContextVar("variable", default="unset")


async def test_contextvars_of_the_test_are_seen_and_those_of_the_application_stay_its_own(layers):
    async def endpoint(request):
        seen = VARIABLE.get()
        VARIABLE.set("the application's")
        return PlainTextResponse(seen)

    app = Asterion(routes=[Route("/", endpoint)], middleware=function_layers(layers))
    client = AsyncTestClient(app)
    VARIABLE.set("the test's")
    assert (await client.get("/")).text == "the test's"
    async with client.stream("GET", "/") as response:
        assert await response.aread() == b"the test's"
    assert VARIABLE.get() == "the test's"


async def test_requests_can_be_made_side_by_side(client):
    together = anyio.Event()

    async def meet(request):
        waiting.append(1)
        if len(waiting) == 2:
            together.set()
        await together.wait()
        return PlainTextResponse("met")

    waiting = []
    client = AsyncTestClient(Asterion(routes=[Route("/", meet)]))
    answers = []

    async def ask():
        answers.append((await client.get("/")).text)

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        group.start_soon(ask)
    assert answers == ["met", "met"]


async def test_a_request_that_is_cancelled_cancels_the_application():
    ended = []

    async def app(scope, receive, send):
        scope_of_test.cancel()
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(1)

    with anyio.CancelScope() as scope_of_test:
        await AsyncTestClient(app).get("/")
    assert (scope_of_test.cancelled_caught, ended) == (True, [1])


async def test_a_closed_client_says_so(client):
    await client.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await client.get("/")
