"""URLs, queries, routes and `url_for`: what is put in comes out again, whatever it holds."""

import uuid
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asterion._core.policies import policies_of
from asterion.applications import Asterion
from asterion.datastructures import URL, QueryParams
from asterion.responses import PlainTextResponse
from asterion.routing import Match, Mount, Route, Router
from asterion.routing._pathlength import NEVER_TOO_LONG
from tests.asgi import http_scope, request
from tests.properties.profiles import steady

pytestmark = pytest.mark.anyio

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TRICKY = st.lists(
    st.sampled_from(["%", "%2F", "?", "#", "&", "=", "+", ";", " ", "\\", "..", "é", "\n", "{x}"]), max_size=6
)
ANYTHING = TEXT | TRICKY.map("".join)
PAIRS = st.lists(st.tuples(ANYTHING, ANYTHING), max_size=6)
HOSTS = st.sampled_from(["example.org", "127.0.0.1", "::1", "a.b-c.example"])


@given(PAIRS)
@steady(100)
def test_a_query_is_read_back_as_it_was_written(pairs: list[tuple[str, str]]) -> None:
    written = str(QueryParams(pairs))
    assert QueryParams(written).multi_items() == pairs
    assert QueryParams(written.encode()).multi_items() == pairs
    assert URL(f"http://example.org/?{written}").query == written


@given(st.dictionaries(TEXT.filter(str.isidentifier), ANYTHING, max_size=4), PAIRS)
@steady(60)
def test_query_parameters_set_in_a_url_are_there_and_the_others_stay(
    new: dict[str, str], pairs: list[tuple[str, str]]
) -> None:
    new.pop("self", None)
    url = URL(f"http://example.org/?{QueryParams(pairs)}")
    changed = QueryParams(url.include_query_params(**new).query)
    assert {key: changed.getlist(key) for key in new} == {key: [value] for key, value in new.items()}
    assert [pair for pair in changed.multi_items() if pair[0] not in new] == [
        pair for pair in pairs if pair[0] not in new
    ]
    assert url.remove_query_params(list(dict(pairs))).query == ""


@given(st.sampled_from(["http", "https"]), HOSTS, st.none() | st.integers(0, 65535), ANYTHING, ANYTHING, ANYTHING)
@steady(100)
def test_components_put_into_a_url_stay_where_they_were_put(
    scheme: str, host: str, port: int | None, path: str, query: str, fragment: str
) -> None:
    url = URL("http://user:secret@other.example:1/x?y#z").replace(scheme=scheme, hostname=host, port=port)
    assert (url.scheme, url.hostname, url.port, url.path, url.query, url.fragment) == (
        scheme,
        host,
        port,
        "/x",
        "y",
        "z",
    )
    other = URL(str(url.replace(path=f"/{path}", query=query, fragment=fragment)))
    assert (other.scheme, other.hostname, other.port, other.username) == (scheme, host, port, "user")
    assert unquote(other.path) == unquote(f"/{path}")
    assert (unquote(other.query), unquote(other.fragment)) == (unquote(query), unquote(fragment))


# --- routes ---

VALUES: dict[str, Any] = {
    "str": ANYTHING.filter(lambda text: text and "/" not in text),
    "path": ANYTHING,
    "int": st.integers(0, 10**30),
    "float": st.floats(min_value=0, allow_nan=False, allow_infinity=False),
    "uuid": st.uuids(),
}
STATIC = st.sampled_from(["a", "b.c", "a b", "é", "(x)", "~", "%"])


@st.composite
def filled_templates(draw: Any) -> tuple[str, dict[str, Any]]:
    """A path template whose segments are static or one parameter, and values for its parameters."""
    segments, values = [], {}
    for number in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from([None, "str", "int", "float", "uuid"]))
        if kind is None:
            segments.append(draw(STATIC))
        else:
            segments.append(f"{{p{number}:{kind}}}")
            values[f"p{number}"] = draw(VALUES[kind])
    if draw(st.booleans()):
        segments.append("{rest:path}")
        values["rest"] = draw(VALUES["path"])
    return "/" + "/".join(segments), values


def echo(seen: list[Any], name: str) -> Any:
    """An endpoint that notes its route and parameters."""

    async def endpoint(request: Any) -> PlainTextResponse:
        seen.append((name, request.path_params))
        return PlainTextResponse(str(request.url_for(name, **request.path_params)))

    return endpoint


@given(filled_templates(), st.booleans())
@steady(60)
async def test_the_url_of_a_route_leads_back_to_it_with_the_same_values(
    template: tuple[str, dict[str, Any]], mounted: bool
) -> None:
    path, values = template
    seen: list[Any] = []
    routes: list[Any] = [Route(path, echo(seen, "in:here" if mounted else "here"), name="here")]
    if mounted:
        routes = [Mount("/in", routes=routes, name="in")]
    app = Asterion(routes=routes)
    url = app.url_path_for("in:here" if mounted else "here", **values)
    answer = await request(app, path=unquote(url), scope={"raw_path": url.encode()})
    assert answer.status == 200
    assert seen == [("in:here" if mounted else "here", values)]
    assert answer.body.decode() == f"http://127.0.0.1:8000{url}"


PIECES = st.sampled_from(["", "a", "7", "{x}", "{n:int}", "{p:path}", "a{x}", "{f:float}", "{x}.txt"])
PATHS = st.lists(st.sampled_from(["", "a", "7", "07", "1.5", "b", "a.txt", "é", "\n", "{x}", "9" * 5000]), max_size=4)


def numbered(pieces: list[str]) -> str:
    """A template of these pieces in which every parameter has a name of its own."""
    return "/" + "/".join(piece.replace("{", f"{{p{at}_") for at, piece in enumerate(pieces))


TABLES = st.lists(st.tuples(st.lists(PIECES, max_size=3).map(numbered), st.sampled_from(["GET", "POST"])), max_size=8)


@given(TABLES, PATHS)
@example([("/{p0_x}/{p1_p:path}", "GET")], ["9" * 5000, "9" * 5000])
@example([("/{p0_x}", "GET")], ["9" * 5000])
@steady(150)
async def test_the_index_the_short_way_and_a_walk_over_all_routes_take_the_same_route(
    table: list[tuple[str, str]], pieces: list[str]
) -> None:
    """`Router` hands a request to a route in three ways; a walk that asks every route's `matches` is the contract."""
    path = "/" + "/".join(pieces)
    seen: list[Any] = []
    routes = [
        Route(template, echo(seen, f"r{at}"), methods=[method], name=f"r{at}")
        for at, (template, method) in enumerate(table)
    ]
    too_long = len(path) > (policies_of({}).path_length or 0)
    expected = None
    for route in routes:
        match, child = route.matches(http_scope("GET", path))
        if match is Match.FULL:
            expected = (route.name, child["path_params"])
            break
    plain = Router(routes, redirect_slashes=False)
    found = plain.find_plain(http_scope("GET", path))
    partial = any(route.matches(http_scope("GET", path))[0] is Match.PARTIAL for route in routes)
    if found is not None:
        assert (found[1].name, found[2]) == expected
    else:
        assert expected is None or partial or len(path) > NEVER_TOO_LONG
    for asked in (plain, Asterion(routes=routes)):
        seen.clear()
        answer = await request(asked, path=path)
        assert ([expected] if expected and not too_long else []) == seen
        assert answer.status == (414 if too_long else 200 if expected else answer.status)


@given(st.uuids(), st.integers(0, 10**6))
@steady(20)
def test_a_value_that_the_route_could_not_take_back_has_no_url(identity: uuid.UUID, number: int) -> None:
    router = Router([Route("/{n:int}/{name}", echo([], ""), name="r")])
    for wrong in ({"n": -number - 1, "name": "a"}, {"n": number, "name": f"{identity}/x"}, {"n": number, "name": ""}):
        with pytest.raises(ValueError, match=r"cannot"):
            router.url_path_for("r", **wrong)
