"""How deeply a JSON text nests is found out exactly, in every encoding, whatever stands in its strings."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asterion._core.jsonbody import MalformedJSON, parse_json
from asterion._core.jsondepth import nests_deeper
from tests.properties.profiles import steady

TEXT = st.text(alphabet='[]{}"\\x,:é\u5b7b\u7d5d\n', max_size=6)
VALUES = st.recursive(
    st.none() | st.integers(0, 9) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)
CODECS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])


class Pairs(list[Any]):
    """The values of an object, of keys that stand twice as well."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(value for _, value in pairs)


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@given(VALUES, CODECS, st.booleans(), st.sampled_from([None, 1]))
@steady(500)
def test_a_text_nests_as_deep_as_its_value(value: Any, codec: str, ascii: bool, indent: int | None) -> None:
    body = json.dumps(value, ensure_ascii=ascii, indent=indent).encode(codec)
    depth = depth_of(value)
    for limit in range(depth):
        assert nests_deeper(body, limit)
    for limit in range(depth, depth + 3):
        assert not nests_deeper(body, limit)


@pytest.mark.parametrize(
    ("unit", "depth"),
    [("[]", 2), ('["["]', 2), ("[[[]]]", 4), ('{"a": [1], "b": {}}', 3), ('"[\\"["', 1), ('[{"\\\\": []}]', 4)],
)
def test_many_of_a_kind_nest_no_deeper_than_one(unit: str, depth: int) -> None:
    body = ("[" + ",".join([unit] * 500) + "]").encode()
    assert depth_of(json.loads(body)) == depth
    assert nests_deeper(body, depth - 1)
    assert not nests_deeper(body, depth)


def test_towers_side_by_side_nest_as_deep_as_the_highest() -> None:
    towers = [150, 199, 20, 180]
    body = ("[" + ",".join("[" * height + "]" * height for height in towers) + "]").encode()
    assert nests_deeper(body, 199)
    assert not nests_deeper(body, 200)


@given(st.text(alphabet='[]{}"\\,:1 ', max_size=40), st.integers(0, 5))
@example('{"a": [[]], "a": 1}', 2)
@steady(500)
def test_what_is_not_json_is_refused_with_or_without_a_limit(text: str, limit: int) -> None:
    body = text.encode()
    try:
        value = json.loads(body, object_pairs_hook=Pairs)
    except json.JSONDecodeError:
        with pytest.raises(MalformedJSON):
            parse_json(body, limit)
    else:
        assert nests_deeper(body, limit) is (depth_of(value) > limit)


def test_bytes_that_are_no_text_are_refused_as_such_and_not_for_their_depth() -> None:
    with pytest.raises(MalformedJSON, match="Bytes that are not UTF-16"):
        parse_json("[1]".encode("utf-16-le") * 3 + b"\xd8", 1)
