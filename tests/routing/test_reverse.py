"""Reverse URLs: from the name of a route and its parameters to a path that leads back to it."""

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterion.applications import Asterion
from asterion.datastructures import URLPath
from asterion.responses import PlainTextResponse
from asterion.routing import Host, Match, Mount, NoMatchFound, Route, Router, WebSocketRoute

steady = settings(derandomize=True, database=None, deadline=None)


async def endpoint(request: Any) -> Any:
    """An endpoint."""


USER = Route("/users/{id:int}", endpoint, name="user")
FILE = Route("/files/{rest:path}", endpoint, name="file")
PAGE = Route("/pages/{name}", endpoint, name="page")
CHAT = WebSocketRoute("/chat/{room}", endpoint, name="chat")
ROUTES = [USER, FILE, PAGE, CHAT]


def test_a_route_is_found_by_its_name_and_exactly_its_parameters() -> None:
    router = Router(ROUTES)
    assert router.url_path_for("user", id=7) == "/users/7"
    assert router.url_path_for("user", id="7") == "/users/7"
    assert router.url_path_for("file", rest="a/b.txt") == "/files/a/b.txt"
    assert Asterion(routes=ROUTES).url_path_for("page", name="home") == "/pages/home"


@pytest.mark.parametrize(
    ("name", "params"), [("user", {}), ("user", {"id": 1, "x": 2}), ("user", {"x": 2}), ("nope", {})]
)
def test_other_names_or_parameters_are_no_match_and_say_what_was_asked_for(name: str, params: dict[str, Any]) -> None:
    with pytest.raises(NoMatchFound) as caught:
        Router(ROUTES).url_path_for(name, **params)
    assert (caught.value.name, caught.value.path_params) == (name, params)
    assert str(caught.value) == f'No route exists for name "{name}" and params "{", ".join(params)}".'


def test_the_first_route_of_a_name_that_takes_the_parameters_is_taken() -> None:
    router = Router(
        [Route("/a/{x}", endpoint, name="n"), Route("/b", endpoint, name="n"), Route("/c", endpoint, name="n")]
    )
    assert router.url_path_for("n") == "/b"
    assert router.url_path_for("n", x="1") == "/a/1"


def test_a_parameter_may_be_called_name_or_self() -> None:
    router = Router([Route("/{name}/{self}", endpoint, name="odd")])
    assert router.url_path_for("odd", name="a", self="b") == "/a/b"


def test_a_path_knows_the_protocol_of_its_route() -> None:
    router = Router(ROUTES)
    user, chat = router.url_path_for("user", id=7), router.url_path_for("chat", room="x")
    assert isinstance(user, URLPath)
    assert (user.protocol, chat.protocol) == ("http", "websocket")
    assert str(user.make_absolute_url("https://example.org/api/")) == "https://example.org/api/users/7"
    assert str(chat.make_absolute_url("https://example.org/")) == "wss://example.org/chat/x"


# --- what a value may hold ---


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("a b", "/pages/a%20b"),
        ("a?b#c", "/pages/a%3Fb%23c"),
        ("100%", "/pages/100%25"),
        ("%2F", "/pages/%252F"),
        ("a\r\nb", "/pages/a%0D%0Ab"),
        ("\\evil", "/pages/%5Cevil"),
        ("a+b&c=d;e,f@g:h!$'()*~-._", "/pages/a+b&c=d;e,f@g:h!$'()*~-._"),
        ("<script>", "/pages/%3Cscript%3E"),
        ("{name}", "/pages/%7Bname%7D"),
        ("ü", "/pages/ü"),
    ],
)
def test_a_value_stays_in_its_segment_whatever_it_holds(value: str, path: str) -> None:
    assert Router(ROUTES).url_path_for("page", name=value) == path


def test_a_path_parameter_keeps_its_slashes_and_nothing_else() -> None:
    assert Router(ROUTES).url_path_for("file", rest="a/b c?d") == "/files/a/b%20c%3Fd"


@pytest.mark.parametrize("params", [{"name": ""}, {"name": "a/b"}])
def test_a_value_that_the_route_would_not_take_back_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="A path parameter of type str cannot"):
        Router(ROUTES).url_path_for("page", **params)


def test_static_text_of_a_template_is_encoded_too() -> None:
    route = Route("/a b/{x}/(c)", endpoint, name="n")
    assert route.url_path_for("n", x="1") == "/a%20b/1/(c)"


def test_no_value_makes_the_url_of_another_host() -> None:
    router = Router([Route("/{rest:path}", endpoint, name="n")])
    path = router.url_path_for("n", rest="/evil.example/x")
    assert path == "/%2Fevil.example/x"
    assert str(path.make_absolute_url("http://example.org")) == "http://example.org/%2Fevil.example/x"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1), st.integers(min_value=0))
@steady
def test_every_url_leads_back_to_its_route_with_the_same_parameters(name: str, number: int) -> None:
    inner = Route("/{name}/x/{n:int}", endpoint, name="r")
    router = Router([Mount("/m/{outer}", routes=[inner], name="m")])
    path = unquote(router.url_path_for("m:r", outer=name, name=name, n=number))
    scope = {"type": "http", "method": "GET", "path": path, "root_path": ""}
    match, child = router.routes[0].matches(scope)
    assert match is Match.FULL
    match, child = inner.matches({**scope, **child})
    assert match is Match.FULL
    assert child["path_params"] == {"outer": name, "name": name, "n": number}


# --- nested ---


def test_names_of_nested_mounts_are_joined_by_colons() -> None:
    inner = Mount("/inner", routes=ROUTES, name="inner")
    router = Router([Mount("/outer", app=Router([inner]), name="outer"), *ROUTES])
    assert router.url_path_for("outer:inner:user", id=7) == "/outer/inner/users/7"
    assert router.url_path_for("user", id=7) == "/users/7"
    assert router.url_path_for("outer:inner:chat", room="x").protocol == "websocket"
    with pytest.raises(NoMatchFound):
        router.url_path_for("outer:user", id=7)


def test_a_mount_without_a_name_lends_its_routes_names_to_the_router() -> None:
    router = Router([Mount("/a", routes=[Mount("/b", routes=ROUTES)])])
    assert router.url_path_for("user", id=7) == "/a/b/users/7"


def test_parameters_of_mounts_are_filled_in_as_well() -> None:
    router = Router([Mount("/{tenant}/{n:int}", routes=ROUTES, name="t")])
    assert router.url_path_for("t:user", tenant="a b", n=3, id=7) == "/a%20b/3/users/7"
    with pytest.raises(NoMatchFound):
        router.url_path_for("t:user", id=7)


def test_a_mount_and_its_route_may_not_share_a_parameter_unnoticed() -> None:
    """The mount takes it, so that nothing is left for the route: no URL is better than a wrong one."""
    router = Router([Mount("/{id}", routes=ROUTES, name="m")])
    with pytest.raises(NoMatchFound):
        router.url_path_for("m:user", id=7)


def test_a_mount_has_a_url_of_its_own() -> None:
    """What stands behind its prefix is the parameter `path`; its slashes stay, and there is one in between."""
    router = Router([Mount("/static", app=PlainTextResponse(""), name="static")])
    assert router.url_path_for("static", path="css/a b.css") == "/static/css/a%20b.css"
    assert router.url_path_for("static", path="/css/a.css") == "/static/css/a.css"
    assert router.url_path_for("static", path="") == "/static/"
    with pytest.raises(NoMatchFound):
        router.url_path_for("static")


def test_a_mount_at_the_root_adds_nothing() -> None:
    assert Router([Mount("/", routes=ROUTES)]).url_path_for("user", id=7) == "/users/7"


def test_an_error_names_what_was_asked_for_and_not_what_was_left_of_it() -> None:
    router = Router([Mount("/{tenant}", routes=ROUTES, name="m")])
    with pytest.raises(NoMatchFound, match=r'name "m:nope" and params "tenant, x"'):
        router.url_path_for("m:nope", tenant="a", x=1)


# --- hosts ---


def test_a_host_stands_in_the_url() -> None:
    router = Router([Host("{tenant}.example.org", Router(ROUTES), name="api")])
    path = router.url_path_for("api:user", tenant="acme", id=7)
    assert (path, path.host, path.protocol) == ("/users/7", "acme.example.org", "http")
    assert str(path.make_absolute_url("https://other.example/")) == "https://acme.example.org/users/7"


def test_a_host_may_have_a_port_in_its_urls() -> None:
    path = Router([Host("api.example.org:3600", Router(ROUTES), name="api")]).url_path_for("api:user", id=7)
    assert str(path.make_absolute_url("https://other.example/")) == "https://api.example.org:3600/users/7"


def test_a_host_has_a_url_of_its_own() -> None:
    router = Router([Host("{tenant}.example.org", Router(ROUTES), name="api")])
    path = router.url_path_for("api", tenant="acme", path="/any where")
    assert (path, path.host) == ("/any%20where", "acme.example.org")


@pytest.mark.parametrize("tenant", ["a@b", "\\evil", "a:80", "a b", "a#", "a\r\nb", ".", "a?"])
def test_a_value_that_makes_another_host_of_it_is_refused(tenant: str) -> None:
    router = Router([Host("{tenant}.example.org", Router(ROUTES), name="api")])
    with pytest.raises(ValueError, match="is no host name"):
        router.url_path_for("api:user", tenant=tenant, id=7)


def test_a_slash_in_a_host_is_refused_as_in_any_segment() -> None:
    with pytest.raises(ValueError, match="cannot contain a slash"):
        Router([Host("{tenant}.example.org", Router(ROUTES), name="api")]).url_path_for(
            "api:user", tenant="evil/", id=7
        )


def test_hosts_without_their_parameters_are_no_match() -> None:
    router = Router([Host("{tenant}.example.org", Router(ROUTES), name="api")])
    for name in ("api:user", "user", "api"):
        with pytest.raises(NoMatchFound):
            router.url_path_for(name, id=7)
