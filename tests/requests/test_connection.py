"""What a request shows of its scope."""

import pickle
from typing import Any

import pytest

from asterion.datastructures import Address, State, URLPath
from asterion.formparsers import MultiPartException
from asterion.requests import HTTPConnection, MalformedJSON, MissingMiddleware, Request, WrongScope, cookie_parser
from tests.requests.building import http_scope, make_request


def test_a_connection_is_a_mapping_over_its_scope() -> None:
    request = make_request(extra=1)
    assert request["extra"] == 1
    assert dict(request) == request.scope
    assert len(request) == len(request.scope)


def test_a_connection_equals_only_itself_and_can_be_a_key() -> None:
    scope = http_scope()
    one, other = Request(scope), Request(scope)
    assert one != other
    assert {one: 1, other: 2}[one] == 1


def test_construction_parses_nothing() -> None:
    request = Request({"type": "http"})
    assert sorted(vars(request)) == ["_receive", "_send", "scope"]


@pytest.mark.parametrize("error", [RuntimeError, AssertionError])
def test_a_scope_of_another_type_is_refused_with_both_kinds_of_error(error: type[Exception]) -> None:
    with pytest.raises(error, match="'websocket'"):
        Request({"type": "websocket"})
    with pytest.raises(error, match="'lifespan'"):
        HTTPConnection({"type": "lifespan"})
    assert issubclass(WrongScope, error)
    assert str(WrongScope("'http'", {"type": "lifespan", "path": "/secret"})).startswith(
        "This class reads scopes of type 'http', and got one of type 'lifespan'. Use Request for"
    )


def test_a_websocket_scope_is_a_connection() -> None:
    assert HTTPConnection({"type": "websocket"})["type"] == "websocket"


@pytest.mark.parametrize(
    ("attribute", "middleware"),
    [("session", "SessionMiddleware"), ("auth", "AuthenticationMiddleware"), ("user", "AuthenticationMiddleware")],
)
def test_what_a_middleware_provides_is_given_or_the_middleware_is_named(attribute: str, middleware: str) -> None:
    assert getattr(make_request(**{attribute: "there"}), attribute) == "there"
    for error in (RuntimeError, AssertionError, MissingMiddleware):
        with pytest.raises(error, match=f"{attribute}.* provided by {middleware}"):
            getattr(make_request(), attribute)


def test_plain_facts_of_the_scope() -> None:
    request = make_request(query_string=b"a=1&a=2", client=("10.0.0.1", 5000), path_params={"id": 7}, app="the app")
    assert request.method == "POST"
    assert str(request.url) == "http://example.org/path?a=1&a=2"
    assert request.query_params.getlist("a") == ["1", "2"]
    assert request.client == Address("10.0.0.1", 5000)
    assert request.path_params == {"id": 7}
    assert request.headers["host"] == "example.org"
    assert request.app == "the app"


def test_facts_that_a_scope_may_leave_out() -> None:
    request: Request[Any] = Request({"type": "http", "headers": [], "path": "/"})
    assert request.client is None
    assert request.path_params == {}
    assert dict(request.query_params) == {}
    assert request.cookies == {}


def test_parsed_facts_are_made_once() -> None:
    request = make_request()
    for name in ("url", "base_url", "headers", "query_params", "cookies", "state"):
        assert getattr(request, name) is getattr(request, name)


@pytest.mark.parametrize(
    ("roots", "expected"),
    [
        ({}, "http://example.org/"),
        ({"root_path": "/api", "path": "/api/x"}, "http://example.org/api/"),
        ({"root_path": "/api/"}, "http://example.org/api/"),
        ({"root_path": "/api/mounted", "app_root_path": "/api"}, "http://example.org/api/"),
    ],
)
def test_the_base_url_is_the_root_of_the_application(roots: dict[str, str], expected: str) -> None:
    assert str(make_request(query_string=b"a=1", **roots).base_url) == expected


def test_cookies_of_several_headers_come_together() -> None:
    request: Request[Any] = Request({"type": "http", "headers": [(b"cookie", b"a=1"), (b"cookie", b"b=2; a=3")]})
    assert request.cookies == {"a": "3", "b": "2"}
    assert cookie_parser('name="a b"; other=1') == {"name": "a b", "other": "1"}


def test_state_is_a_view_on_the_scope_and_is_made_when_missing() -> None:
    request = make_request()
    request.state.user = "me"
    assert request.scope["state"] == {"user": "me"}
    assert isinstance(request.state, State)
    assert Request[Any](http_scope(state={"a": 1})).state.a == 1


class _Router:
    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        return URLPath(f"/{name}/{path_params['id']}")

    def __bool__(self) -> bool:
        return False


@pytest.mark.parametrize("key", ["router", "app"])
def test_url_for_asks_the_router_or_the_application_even_one_that_is_false(key: str) -> None:
    request = make_request(**{key: _Router()})
    assert str(request.url_for("user", id=3)) == "http://example.org/user/3"


def test_url_for_without_routes_says_what_is_missing() -> None:
    with pytest.raises(RuntimeError, match=r"url_for\('user'\).*'router' nor 'app'"):
        make_request().url_for("user")


def test_the_errors_can_be_pickled() -> None:
    for error in (MalformedJSON("Bad", "{", 1), MultiPartException("too much", 413)):
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.status_code, again.detail) == (str(error), error.status_code, error.detail)
