"""Class-based HTTP endpoints: only the methods a class defines are answered, by their exact names."""

import threading

import pytest

from asterion.applications import Asterion
from asterion.endpoints import HTTPEndpoint
from asterion.responses import PlainTextResponse
from asterion.routing import Route
from asterion.testclient import TestClient
from tests.asgi import request


class Page(HTTPEndpoint):
    secret = "secret"

    async def get(self, request):
        return PlainTextResponse(f"hello {request.path_params.get('name', 'world')}")

    def put(self, request):
        return PlainTextResponse(threading.current_thread().name)

    async def query(self, request):
        return PlainTextResponse(await request.body())

    async def helper(self, request):
        raise AssertionError("not an HTTP method")

    HELPER = helper


class Child(Page):
    get = None

    async def post(self, request):
        return PlainTextResponse("posted")


@pytest.fixture(params=["routed", "bare"])
def client_of(request, anyio_backend):
    """A client of an endpoint class, behind a route of an application or used as an ASGI application itself."""

    def client_of(endpoint):
        app = Asterion(routes=[Route("/", endpoint), Route("/{name}", endpoint)])
        return TestClient(app if request.param == "routed" else endpoint, backend=anyio_backend)

    return client_of


def test_a_method_answers_its_http_method(client_of):
    assert client_of(Page).get("/").text == "hello world"


def test_path_parameters_are_on_the_request(anyio_backend):
    client = TestClient(Asterion(routes=[Route("/{name}", Page)]), backend=anyio_backend)
    assert client.get("/you").text == "hello you"


def test_head_is_answered_by_get_without_the_body(client_of):
    response = client_of(Page).head("/")
    assert (response.status_code, response.content, response.headers["content-length"]) == (200, b"", "11")


def test_a_head_method_wins(client_of):
    class Both(Page):
        async def head(self, request):
            return PlainTextResponse("", headers={"x-head": "own"})

    assert client_of(Both).head("/").headers["x-head"] == "own"


def test_a_sync_method_runs_in_a_worker_thread(client_of):
    names = [client_of(Page).put("/").text]
    assert "asterion-testclient" not in names[0]
    assert names[0] != threading.current_thread().name


def test_query_is_a_method_like_others(client_of):
    assert client_of(Page).request("QUERY", "/", content=b"q").text == "q"


@pytest.mark.parametrize("method", ["POST", "DELETE", "SECRET", "HELPER", "__INIT__", "DISPATCH"])
def test_any_other_method_is_405_with_allow(client_of, method):
    response = client_of(Page).request(method, "/")
    assert (response.status_code, response.text) == (405, "Method Not Allowed")
    assert response.headers["allow"] == "GET, PUT, QUERY"


@pytest.mark.anyio
async def test_in_an_application_its_handlers_answer_any_other_method():
    async def sorry(request, error):
        return PlainTextResponse("sorry", error.status_code, error.headers)

    answer = await request(Asterion(routes=[Route("/", Page)], exception_handlers={405: sorry}), "POST")
    assert (answer.status, answer.body, answer.headers["allow"]) == (405, b"sorry", "GET, PUT, QUERY")


def test_a_subclass_adds_and_removes_methods(client_of):
    client = client_of(Child)
    assert client.post("/").text == "posted"
    assert client.get("/").status_code == 405
    assert client.head("/").status_code == 405
    assert client.get("/").headers["allow"] == "POST, PUT, QUERY"
    assert client_of(Page).get("/").status_code == 200


def test_methods_added_by_a_decorator_are_found(client_of):
    def with_delete(cls):
        async def delete(self, request):
            return PlainTextResponse("deleted")

        cls.delete = delete
        return cls

    @with_delete
    class Decorated(Page):
        pass

    assert client_of(Decorated).delete("/").text == "deleted"


def test_method_not_allowed_can_be_overridden(client_of):
    class Custom(HTTPEndpoint):
        async def method_not_allowed(self, request):
            return PlainTextResponse("custom", status_code=405)

    assert client_of(Custom).get("/").text == "custom"


def test_a_scope_of_a_websocket_is_refused_with_words():
    with pytest.raises(RuntimeError, match="Page answers HTTP requests, not a scope of type 'websocket'"):
        Page({"type": "websocket"}, None, None)


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["get", "Get", "helper", "dispatch", ""])
async def test_methods_are_compared_as_they_are(method):
    answer = await request(Page, method=method)
    assert answer.status == 405
