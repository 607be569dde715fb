"""The quick ways of the JSON codec give what the standard library's functions give."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterion._core.jsonbody import MalformedJSON, parse_json
from asterion._core.jsoncodec import STANDARD
from tests.properties.profiles import steady

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
KEYS = st.text(max_size=5) | st.integers() | st.booleans() | st.none() | st.floats()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4) | st.tuples(inner)
)
TOKENS = st.sampled_from(
    [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        '"a"',
        "1",
        "-0",
        "1e5",
        "1E999",
        "null",
        "tru",
        "NaN",
        " ",
        "\n",
        "\x0b",
        '"\\ud800"',
        '"\\',
        "é",
        "\x00",
    ]
)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])


def outcome(function: Any, *args: Any) -> Any:
    """What a function gives, or the kind of what it raises and the place it names."""
    try:
        return repr(function(*args))
    except UnicodeDecodeError as error:
        return (UnicodeDecodeError, error.start)
    except json.JSONDecodeError as error:
        return (json.JSONDecodeError, error.msg, error.pos, error.doc)
    except (ValueError, TypeError) as error:
        return (type(error), str(error))


def read(body: bytes) -> Any:
    """What the standard library reads, of bytes that are text: it alone takes encoded surrogates."""
    return json.loads(body.decode(json.detect_encoding(body)))


def written(value: Any) -> bytes:
    """What the standard library writes, with the escapes that UTF-8 needs for lone surrogates."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


@given(VALUES)
@steady(300)
def test_values_are_written_as_the_standard_library_writes_them(value: Any) -> None:
    assert outcome(STANDARD.encode, value) == outcome(written, value)


@given(VALUES)
@steady(200)
def test_what_was_written_is_read_back(value: Any) -> None:
    try:
        text = STANDARD.encode(value)
    except ValueError:
        return
    assert repr(STANDARD.decode(text)) == repr(json.loads(json.dumps(value)))
    assert repr(parse_json(text)) == repr(json.loads(text))


@given(VALUES, ENCODINGS, st.booleans())
@steady(200)
def test_text_in_every_encoding_is_read_as_the_standard_library_reads_it(value: Any, codec: str, ascii: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii).encode(codec)
    assert outcome(STANDARD.decode, body) == outcome(read, body)


@given(st.lists(TOKENS, max_size=10).map("".join).map(str.encode) | st.binary(max_size=12), ENCODINGS)
@steady(300)
def test_what_is_not_json_is_refused_at_the_same_place_with_the_same_words(body: bytes, codec: str) -> None:
    assert outcome(STANDARD.decode, body) == outcome(read, body)
    try:
        expected = repr(read(body))
    except ValueError:
        with pytest.raises(MalformedJSON) as caught:
            parse_json(body)
        assert 0 <= caught.value.pos <= len(caught.value.doc)
    else:
        assert repr(parse_json(body)) == expected


@pytest.mark.parametrize("depth", [10, 5_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_depth_is_read_or_refused_as_a_fault_of_the_client(depth: int, opening: str, closing: str) -> None:
    body = (opening * depth + "1" + closing * depth).encode()
    try:
        json.loads(body)
    except RecursionError:
        with pytest.raises(MalformedJSON, match="deep"):
            parse_json(body)
    else:
        parse_json(body)
