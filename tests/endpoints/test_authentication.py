"""Users, scopes, and endpoints that `requires` guards."""

import base64
import functools
import inspect

import pytest

from asterion.applications import Asterion
from asterion.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    AuthenticationError,
    BaseUser,
    SimpleUser,
    UnauthenticatedUser,
    has_required_scope,
    requires,
)
from asterion.endpoints import HTTPEndpoint
from asterion.middleware import Middleware
from asterion.middleware.authentication import AuthenticationMiddleware
from asterion.requests import Request
from asterion.responses import PlainTextResponse
from asterion.routing import Route, WebSocketRoute
from asterion.testclient import TestClient, WebSocketDisconnect


class Basic(AuthenticationBackend):
    """Anybody who names himself is authenticated; "admin" is an admin, too."""

    async def authenticate(self, conn):
        header = conn.headers.get("authorization")
        if header is None:
            return None
        try:
            name = base64.b64decode(header.split()[1]).decode().partition(":")[0]
        except ValueError as error:
            raise AuthenticationError("Invalid basic auth credentials") from error
        return AuthCredentials(["authenticated", *([name] if name == "admin" else [])]), SimpleUser(name)


def answer(text="hello"):
    return PlainTextResponse(text)


@requires("authenticated")
async def async_endpoint(request):
    return answer(request.user.display_name)


@requires("authenticated")
def sync_endpoint(request):
    return answer(request.user.display_name)


@functools.wraps(async_endpoint)
def _sync_over_async(request):
    return _answer_later(request)


async def _answer_later(request):
    return answer(request.user.display_name)


wrapped_endpoint = requires("authenticated")(_sync_over_async)


@requires(["authenticated", "admin"])
async def admin_endpoint(request):
    return answer()


@requires("authenticated", status_code=404)
async def hidden_endpoint(request):
    return answer()


@requires("authenticated", redirect="login")
async def redirecting_endpoint(request):
    return answer()


@requires("authenticated", redirect="login")
def redirecting_sync_endpoint(request):
    return answer()


async def login(request):
    return answer(request.query_params.get("next", ""))


class Page(HTTPEndpoint):
    @requires("authenticated")
    async def get(self, request):
        return answer(request.user.display_name)

    @requires("authenticated")
    def post(self, request):
        return answer(request.user.display_name)


@requires("authenticated")
async def socket(websocket):
    await websocket.accept()
    await websocket.send_text(websocket.user.display_name)
    await websocket.close()


def with_arguments(func):
    """A decorator that puts an argument before the request and one by name after it."""

    @functools.wraps(func)
    async def inner(request):
        return await func("first", request, last="last")

    return inner


@with_arguments
@requires("authenticated")
async def many_arguments(first, request, *, last):
    return answer(f"{first} {request.user.display_name} {last}")


ENDPOINTS = {
    "/async": async_endpoint,
    "/sync": sync_endpoint,
    "/wrapped": wrapped_endpoint,
    "/page": Page,
    "/many": many_arguments,
    "/admin": admin_endpoint,
    "/hidden": hidden_endpoint,
    "/redirect": redirecting_endpoint,
    "/redirect-sync": redirecting_sync_endpoint,
    "/login": login,
}

app = Asterion(
    routes=[
        *(Route(path, endpoint, name=path[1:]) for path, endpoint in ENDPOINTS.items()),
        WebSocketRoute("/socket", socket),
    ],
    middleware=[Middleware(AuthenticationMiddleware, backend=Basic())],
)


@pytest.fixture
def client(anyio_backend):
    return TestClient(app, backend=anyio_backend)


@pytest.mark.parametrize("path", ["/async", "/sync", "/wrapped", "/page", "/many"])
def test_only_requests_with_the_scope_reach_the_endpoint(client, path):
    refused = client.get(path)
    assert (refused.status_code, refused.text) == (403, "Forbidden")
    assert "anna" in client.get(path, auth=("anna", "")).text


def test_a_sync_method_of_an_endpoint_class_is_guarded(client):
    assert client.post("/page").status_code == 403
    assert client.post("/page", auth=("anna", "")).text == "anna"


def test_arguments_around_the_request_stay_in_their_places(client):
    assert client.get("/many", auth=("anna", "")).text == "first anna last"


def test_all_scopes_are_needed(client):
    assert client.get("/admin", auth=("anna", "")).status_code == 403
    assert client.get("/admin", auth=("admin", "")).status_code == 200


def test_the_status_can_be_chosen(client):
    assert client.get("/hidden").status_code == 404


@pytest.mark.parametrize("path", ["/redirect", "/redirect-sync"])
def test_a_redirect_keeps_where_the_client_wanted_to_go(client, path):
    response = client.get(f"{path}?a=1&b=2")
    assert [hop.status_code for hop in response.history] == [303]
    assert response.url.path == "/login"
    assert response.text == f"http://testserver{path}?a=1&b=2"
    assert client.get(path, auth=("anna", "")).text == "hello"


def test_a_websocket_without_the_scope_is_refused(client):
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/socket"):
        pass
    with client.websocket_connect("/socket", auth=("anna", "")) as session:
        assert session.receive_text() == "anna"


def test_the_guarded_endpoint_keeps_name_and_signature():
    async def endpoint(request, a: int = 1):
        """Words."""

    guarded = requires("x")(endpoint)
    assert (guarded.__name__, guarded.__doc__) == ("endpoint", "Words.")
    assert inspect.signature(guarded) == inspect.signature(endpoint)


def test_an_endpoint_without_request_or_websocket_is_refused_at_once():
    with pytest.raises(
        TypeError, match=r"guard .*endpoint\(a, b\): it needs a parameter named 'request' or 'websocket'"
    ):

        @requires("x")
        def endpoint(a, b):
            pass


@pytest.mark.parametrize("arguments", [(), ("text",)])
def test_a_guarded_endpoint_called_without_a_request_says_so(arguments):
    with pytest.raises(TypeError, match="must be called with a Request as 'request'"):
        sync_endpoint(*arguments)


@pytest.mark.parametrize(
    ("scopes", "enough"), [([], True), (["a"], True), (["a", "b"], True), (["a", "c"], False), (["c"], False)]
)
def test_has_required_scope_asks_for_all_of_them(scopes, enough):
    request = Request({"type": "http", "headers": [], "auth": AuthCredentials(["a", "b"])})
    assert has_required_scope(request, scopes) is enough


def test_credentials_keep_a_list_of_their_own():
    scopes = ["a"]
    credentials = AuthCredentials(scopes)
    scopes.append("b")
    assert credentials.scopes == ["a"]
    assert AuthCredentials().scopes == []


def test_users_say_who_they_are():
    user, nobody = SimpleUser("anna"), UnauthenticatedUser()
    assert (user.is_authenticated, user.display_name, user.identity) == (True, "anna", "anna")
    assert (nobody.is_authenticated, nobody.display_name, nobody.identity) == (False, "", "")


@pytest.mark.parametrize("name", ["is_authenticated", "display_name", "identity"])
def test_a_user_class_that_lacks_a_property_names_it(name):
    class Lacking(BaseUser):
        pass

    with pytest.raises(NotImplementedError, match=f"Lacking .*'{name}'"):
        getattr(Lacking(), name)


@pytest.mark.anyio
async def test_a_backend_that_does_not_authenticate_says_so():
    class Lacking(AuthenticationBackend):
        pass

    with pytest.raises(NotImplementedError, match="Lacking does not define authenticate"):
        await Lacking().authenticate(None)
