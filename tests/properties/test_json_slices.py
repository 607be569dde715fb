"""A JSON text read a slice at a time gives what it gives read at once: the value, or the fault and its place."""

import gc
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asterion._core.jsonslices import SLICE, JSONSlices
from tests.properties.profiles import steady

TEXT = st.text(alphabet='[]{}"\\/,:1é\u5b7b\n', max_size=6)
NUMBERS = st.integers(-12, 12) | st.floats(allow_nan=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=30,
)
SIZES = st.sampled_from([1, 2, 3, 7, 20, 64])
KEYS = st.sampled_from(["a", "b", "\\u0061"])
REPEATING = st.recursive(
    st.sampled_from(["0", "[]", "{}", '"a"', "NaN", "-Infinity"]),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: "[" + ", ".join(items) + "]")
        | st.lists(st.tuples(KEYS, inner), max_size=6).map(
            lambda items: "{" + " ,".join(f'"{key}" : {value}' for key, value in items) + "}"
        )
    ),
    max_leaves=30,
)
"""Texts of objects in which keys stand more than once."""
EDITS = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 3), st.text(alphabet='[]{},:"\\ 1a', max_size=2)),
    min_size=1, max_size=3,
)  # fmt: skip


def in_slices(text: str, size: int) -> Any:
    slices = JSONSlices(text, size)
    while slices.step():
        pass
    return slices.value


def outcome(read: Any, *arguments: Any) -> tuple[Any, ...]:
    """What came of it, with the order of keys, and with NaN equal to itself."""
    try:
        return "value", json.dumps(read(*arguments))
    except json.JSONDecodeError as fault:
        return "fault", fault.msg, fault.pos, fault.doc


@given(VALUES, st.booleans(), st.sampled_from([None, 1]), SIZES)
@steady(500)
def test_a_text_has_the_same_value_in_slices(value: Any, ascii: bool, indent: int | None, size: int) -> None:
    text = json.dumps(value, ensure_ascii=ascii, indent=indent)
    assert outcome(in_slices, text, size) == ("value", json.dumps(value))


@given(REPEATING, SIZES)
@example('{"a": [0], "b": {"a": [1, {"b": 2, "a": 3}]}, "a": [0, [{"a": 1, "b": 2, "a": [1, 2]}]]}', 1)
@example('[0, {"a": [1], "b": [2], "a": [3, 44444444444], "c": [5]}]', 38)
@steady(500)
def test_of_keys_that_stand_more_than_once_the_last_one_counts(text: str, size: int) -> None:
    assert outcome(in_slices, text, size) == outcome(json.loads, text)


@given(VALUES, EDITS, SIZES)
@example([1, 2], [(6, 0, "]")], 1)
@example([1, 2], [(6, 0, ", 3")], 1)
@example([[1, 2], 3], [(4, 0, "]")], 1)
@example({"a": 1, "b": 2}, [(7, 2, ",2")], 1)
@example([1, 2, 3], [(2, 0, ",")], 1)
@steady(1000)
def test_a_fault_is_told_in_the_same_words_and_at_the_same_place(
    value: Any, edits: list[tuple[int, int, str]], size: int
) -> None:
    text = json.dumps(value)
    for place, drop, put in edits:
        place %= len(text) + 1
        text = text[:place] + put + text[place + drop :]
    assert outcome(in_slices, text, size) == outcome(json.loads, text)


@pytest.mark.parametrize(
    "text", ["", " ", "1", ' "a,b" ', "[1,2", "[1,2]]", "[1],[2]", "1,2", '{"a":1,"b"', "[,,,,,,,"]
)
@pytest.mark.parametrize("size", [1, 4])
def test_texts_at_the_edges(text: str, size: int) -> None:
    assert outcome(in_slices, text, size) == outcome(json.loads, text)


def test_what_is_long_is_read_in_steps_of_a_slice() -> None:
    records = [{"id": number, "name": "[{,\\" + str(number), "tags": ["a", None, 1.5]} for number in range(20_000)]
    text = json.dumps({"of": {"all": records}, "count": len(records)})
    slices = JSONSlices(text)
    steps = 1
    while slices.step():
        steps += 1
    assert slices.value == json.loads(text)
    assert len(text) / SLICE <= steps <= 1.01 * len(text) / SLICE + 1


@pytest.mark.parametrize("middle", [" " * 9 * SLICE, "[]" + " " * SLICE + "," + " " * 3 * SLICE + "[]"])
def test_where_there_is_no_place_to_cut_a_slice_is_longer(middle: str) -> None:
    for text in (f'[1, "{middle}", 2]', f"[1, [{middle}], 2]", f'{{"a": [{middle}]}}'):
        assert in_slices(text, SLICE) == json.loads(text)


@pytest.mark.parametrize("one", ['""', '","'])
def test_text_of_nothing_but_strings_is_not_looked_at_for_a_place_to_cut(one: str) -> None:
    """It is refused at its second string, in the first step."""
    with pytest.raises(json.JSONDecodeError, match=f"Extra data: line 1 column {len(one) + 1} "):
        JSONSlices(one * 10 * SLICE).step()


@pytest.mark.parametrize("collects", [True, False])
def test_the_garbage_collector_is_left_as_it_was(collects: bool) -> None:
    was = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    try:
        assert in_slices("[1,[2,3]]", 1) == [1, [2, 3]]
        assert gc.isenabled() is collects
        with pytest.raises(json.JSONDecodeError):
            in_slices("[1,", 1)
        assert gc.isenabled() is collects
    finally:
        (gc.enable if was else gc.disable)()
