"""Path templates: what they match, what they give, and the way back to a path."""

import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterion._core.paths import (
    Template,
    compile_path,
    compile_template,
    get_route_path,
    parse_params,
    parse_tail,
    path_with_encoded_slashes,
    replace_params,
    static_prefix,
    tail_of,
)


def parse(template: Template, path: str) -> dict[str, Any] | None:
    return parse_params(template.regex, template.convertors, path)


steady = settings(derandomize=True, database=None, deadline=None)


@pytest.mark.parametrize(
    ("template", "path", "params"),
    [
        ("/", "/", {}),
        ("/users", "/users", {}),
        ("/users/{name}", "/users/tom", {"name": "tom"}),
        ("/users/{name:str}", "/users/tom", {"name": "tom"}),
        ("/users/{id:int}", "/users/7", {"id": 7}),
        ("/users/{id:int}", "/users/007", {"id": 7}),
        ("/x/{value:float}", "/x/1.5", {"value": 1.5}),
        ("/x/{value:float}", "/x/3", {"value": 3.0}),
        ("/files/{rest:path}", "/files/a/b/c", {"rest": "a/b/c"}),
        ("/files/{rest:path}", "/files/", {"rest": ""}),
        ("/{rest:path}/edit", "/a/b/edit", {"rest": "a/b"}),
        ("/{a}/{b}", "/1/2", {"a": "1", "b": "2"}),
        ("/{name}.{ext}", "/tar.gz", {"name": "tar", "ext": "gz"}),
        ("/pre{x}post", "/prexpost", {"x": "x"}),
        ("/{_x1}", "/y", {"_x1": "y"}),
        ("/é/{name}", "/é/ü", {"name": "ü"}),
        ("/{name}", "/a\nb", {"name": "a\nb"}),
        ("/{rest:path}", "/a\n/b\n", {"rest": "a\n/b\n"}),
    ],
)
def test_a_template_gives_the_converted_parameters_of_a_path(template: str, path: str, params: dict[str, Any]) -> None:
    assert parse(compile_template(template), path) == params


def test_a_uuid_becomes_a_uuid() -> None:
    value = uuid.UUID("ec38df32-ceda-4cfa-9b4a-1aeb94ad551a")
    template = compile_template("/{id:uuid}")
    assert parse(template, f"/{value}") == {"id": value}
    assert parse(template, f"/{value.hex}") == {"id": value}


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/", ""),
        ("/users", "/users/"),
        ("/users", "/Users"),
        ("/users", "/users\n"),
        ("/users/{name}", "/users/"),
        ("/users/{name}", "/users/a/b"),
        ("/users/{name}", "/users/a/\n"),
        ("/users/{id:int}", "/users/7\n"),
        ("/users/{id:int}", "/users/-7"),
        ("/users/{id:int}", "/users/+7"),
        ("/users/{id:int}", "/users/1_0"),
        ("/users/{id:int}", "/users/٣"),
        ("/users/{id:int}", "/users/" + "9" * 5000),
        ("/x/{value:float}", "/x/1."),
        ("/x/{value:float}", "/x/1e5"),
        ("/x/{value:float}", "/x/" + "9" * 400),
        ("/{id:uuid}", "/not-a-uuid"),
        ("/files/{rest:path}", "/files"),
        ("/a.b", "/axb"),
        ("/a+b", "/aab"),
        ("/(x)", "/x"),
    ],
)
def test_a_template_matches_a_path_as_a_whole_or_not_at_all(template: str, path: str) -> None:
    """Static text means itself, a trailing newline is a character, and a number that cannot be read is no match."""
    assert parse(compile_template(template), path) is None


def test_a_repeated_parameter_is_refused() -> None:
    with pytest.raises(ValueError, match="parameter 'id' stands twice in path '/{id}/{id}'"):
        compile_template("/{id}/{id}")


def test_an_unknown_convertor_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown convertor 'nope' in path '/\{id:nope\}'; known ones: .*int.*path"):
        compile_template("/{id:nope}")


@pytest.mark.parametrize("path", ["/{}", "/{1x}", "/{a b}", "/{a:}", "/{é}"])
def test_braces_that_name_no_parameter_are_text(path: str) -> None:
    template = compile_template(path)
    assert not template.convertors
    assert parse(template, path) == {}


@pytest.mark.parametrize(
    ("path", "literal", "prefix"),
    [
        ("/", True, "/"),
        ("/users/me", True, "/users/"),
        ("/users/{id}", False, "/users/"),
        ("/users/x{id}", False, "/users/"),
        ("/{id}/users", False, "/"),
        ("/a/b/{c}/d/{e}", False, "/a/b/"),
    ],
)
def test_the_prefix_is_the_static_text_up_to_the_last_slash_before_a_parameter(
    path: str, literal: bool, prefix: str
) -> None:
    template = compile_template(path)
    assert (not template.convertors, static_prefix(template.format)) == (literal, prefix)


@given(st.lists(st.sampled_from(["a", "{x}", "b{y}", "{z:path}", "."]), min_size=1, max_size=4, unique=True), st.data())
@steady
def test_every_path_that_matches_begins_with_the_prefix(segments: list[str], data: st.DataObject) -> None:
    """The law the index stands on."""
    template = compile_template("/" + "/".join(segments))
    path = data.draw(st.from_regex(template.regex))
    if parse(template, path) is not None:
        assert path.startswith(static_prefix(template.format))
        assert template.convertors or path == template.format


def test_a_host_template_is_matched_without_its_port() -> None:
    template = compile_template("{tenant}.example.org:8000")
    assert parse(template, "acme.example.org") == {"tenant": "acme"}
    assert parse(template, "acme.example.org:8000") is None
    assert parse(template, "acme.exampleXorg") is None


def test_compile_path_gives_pattern_format_and_convertors() -> None:
    regex, fmt, convertors = compile_path("/u/{id:int}/{rest:path}")
    match = regex.match("/u/7/a/b")
    assert match is not None
    assert match.groupdict() == {"id": "7", "rest": "a/b"}
    assert fmt == "/u/{id}/{rest}"
    assert list(convertors) == ["id", "rest"]
    assert not regex.match("/u/7\n/a")


# --- the way back ---


def fill(path: str, **params: Any) -> tuple[str, dict[str, Any]]:
    _, fmt, convertors = compile_path(path)
    return replace_params(fmt, convertors, params)


def test_parameters_are_filled_in_and_the_others_given_back() -> None:
    assert fill("/u/{id:int}/{name}", id=7, name="tom", page=2) == ("/u/7/tom", {"page": 2})


def test_a_missing_parameter_stays_in_the_path() -> None:
    assert fill("/u/{id:int}/{name}", name="tom") == ("/u/{id}/tom", {})


def test_a_value_that_looks_like_a_parameter_is_not_filled_in_again() -> None:
    assert fill("/{a}/{b}", a="{b}", b="x") == ("/{b}/x", {})


def test_the_given_parameters_are_not_changed() -> None:
    params = {"id": 7, "page": 2}
    _, fmt, convertors = compile_path("/{id:int}")
    replace_params(fmt, convertors, params)
    assert params == {"id": 7, "page": 2}


@pytest.mark.parametrize(("template", "value"), [("/{x}", "a/b"), ("/{x}", ""), ("/{x:int}", -1), ("/{x:float}", -1.0)])
def test_a_value_that_the_route_would_not_take_back_is_refused(template: str, value: Any) -> None:
    with pytest.raises(ValueError, match="path parameter"):
        fill(template, x=value)


@given(st.text(st.characters(exclude_characters="/"), min_size=1), st.integers(min_value=0))
@steady
def test_a_filled_path_matches_and_gives_its_parameters_back(name: str, number: int) -> None:
    template = compile_template("/{name}/{number:int}")
    path, _ = replace_params(template.format, template.convertors, {"name": name, "number": number})
    assert parse(template, path) == {"name": name, "number": number}


# --- root_path ---


@pytest.mark.parametrize(
    ("path", "root_path", "route_path"),
    [
        ("/users", "", "/users"),
        ("/api/users", "/api", "/users"),
        ("/api/", "/api", "/"),
        ("/api", "/api", ""),
        ("/apiary", "/api", "/apiary"),
        ("/users", "/api", "/users"),
        ("/api/api/x", "/api", "/api/x"),
        ("/a.b/x", "/a.b", "/x"),
        ("/aXb/x", "/a.b", "/aXb/x"),
        ("", "", ""),
    ],
)
def test_routing_looks_at_the_path_behind_root_path_on_a_segment_boundary(
    path: str, root_path: str, route_path: str
) -> None:
    assert get_route_path({"type": "http", "path": path, "root_path": root_path}) == route_path


def test_a_scope_may_have_no_root_path() -> None:
    assert get_route_path({"type": "http", "path": "/x"}) == "/x"


@pytest.mark.parametrize(
    ("path", "prefix", "values"),
    [
        ("/users/{name}", "/users", {"tom": {"name": "tom"}, "": None}),
        ("/users/{id:int}", "/users", {"7": {"id": 7}, "x": None}),
        ("/{name}", "", {"tom": {"name": "tom"}}),
    ],
)
def test_a_template_that_ends_in_its_only_parameter_has_a_tail(
    path: str, prefix: str, values: dict[str, dict[str, object] | None]
) -> None:
    template = compile_template(path)
    tail = tail_of(template.regex, template.format, template.convertors)
    assert tail is not None
    assert tail.prefix == prefix
    for last, params in values.items():
        assert parse_tail(tail, prefix, last) == params == parse(template, f"{prefix}/{last}")


@pytest.mark.parametrize("path", ["/users", "/{a}/{b}", "/{a}/x", "/x{a}", "/{a:float}", "/{a:path}", "/{a:uuid}"])
def test_every_other_template_has_none(path: str) -> None:
    template = compile_template(path)
    assert tail_of(template.regex, template.format, template.convertors) is None


@pytest.mark.parametrize(
    ("raw", "path", "marked"),
    [
        (b"/a%2Fb", "/a/b", "/a\ue000b"),
        (b"/a%2fb/c%2Fd", "/a/b/c/d", "/a\ue000b/c\ue000d"),
        (b"/a%2fb", "/a/b", "/a\ue000b"),
        (b"/a/b", "/a/b", None),
        (b"/a%2Fb", "/rewritten", None),
        (None, "/a/b", None),
    ],
)
def test_slashes_that_were_encoded_are_told_from_others(raw: bytes | None, path: str, marked: str | None) -> None:
    assert path_with_encoded_slashes({"path": path, "raw_path": raw}) == marked
