"""Percent-encoded text means what it means to `urllib.parse`; what it costs is in tests/growth."""

from urllib.parse import parse_qsl, unquote, unquote_plus, unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterion._core.percent import split_fields, unquote_bytes, unquote_text
from asterion._core.urltext import quote_query, quote_query_bytes
from asterion.datastructures import QueryParams

steady = settings(derandomize=True, database=None, deadline=None, max_examples=300)
PIECES = [
    "%", "%%", "%4", "%g", "%41", "%e4", "%E4", "%b8", "%F0", "%9F", "%26", "%3d", "%3D", "%25", "%2526", "%00",
    "%0026", "\x00", "\x0026", "%5c", "=41", "&", "=", "+", "%2B", "26", "0", "a", "\\", "\\x41", "_", "\r\n",
    "é", "一", "😀",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.characters(), max_size=12).map("".join)
SLICE = 64 * 1024


@steady
@given(texts)
def test_unquoting_text_is_that_of_urllib(text):
    assert unquote_text(text) == unquote(text)


@steady
@given(st.lists(st.sampled_from(PIECES).map(str.encode) | st.binary(max_size=4), max_size=12).map(b"".join))
def test_unquoting_bytes_is_that_of_urllib(raw):
    assert unquote_bytes(raw) == unquote_to_bytes(raw)


@steady
@given(texts)
def test_fields_are_split_before_they_are_unquoted(text):
    """An encoded separator separates nothing, and a NUL, with which they are told apart, stays what it was."""
    fields = [field.partition("=") for field in text.split("&") if field]
    assert split_fields(text) == [(unquote_plus(name), unquote_plus(value)) for name, _, value in fields]


@steady
@given(texts.filter(lambda text: not any("\ud800" <= char <= "\udfff" for char in text)))
def test_a_query_is_read_as_parse_qsl_reads_it(text):
    expected = parse_qsl(text, keep_blank_values=True)
    assert QueryParams(text).multi_items() == QueryParams(text.encode()).multi_items() == expected


def test_every_escape_of_a_byte_is_that_byte_whatever_the_case_of_its_digits():
    for byte in range(256):
        for escape in (f"%{byte:02X}", f"%{byte:02x}", f"%{byte:02X}"[:2] + f"{byte:02x}"[1:]):
            assert unquote_bytes(b"a" + escape.encode() + b"b") == bytes([97, byte, 98])


def test_what_is_not_utf8_becomes_the_replacement_character_and_the_separator_behind_it_stays():
    assert split_fields("a%E4=%E4%B8&b=%F0%9F&%ff=%C0%AF") == [
        ("a\ufffd", "\ufffd"),
        ("b", "\ufffd"),
        ("\ufffd", "\ufffd\ufffd"),
    ]


def test_a_lone_surrogate_that_a_program_wrote_stays():
    assert QueryParams("a=\ud800%41&%26=\udfff").multi_items() == [("a", "\ud800A"), ("&", "\udfff")]


@pytest.mark.parametrize("signs", range(1, 8))
@pytest.mark.parametrize("then", [b"", b"41", b"4", b"g", b"%41", b"&"])
def test_runs_of_percent_signs_are_that_in_long_texts_too(signs, then):
    raw = (b"%" * signs + then + b"a") * 100
    assert unquote_bytes(raw) == unquote_to_bytes(raw)


@pytest.mark.parametrize("ending", ["%41", "%4", "%", "%%41", "%%", "é", "%g", "%%%"])
@pytest.mark.parametrize("offset", range(-4, 3))
def test_an_escape_across_the_end_of_a_slice_is_whole(ending, offset):
    """Long texts are unquoted in slices: wherever one would end, the result is that of the whole."""
    raw = b"a" * (SLICE + offset) + ending.encode() * 3 + b"41" + b"%41" * SLICE
    assert unquote_bytes(raw) == unquote_to_bytes(raw)


@steady
@given(st.binary(max_size=12))
def test_the_query_of_a_server_is_quoted_byte_by_byte(raw):
    by_hand = "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in raw)
    assert quote_query_bytes(raw) == quote_query(by_hand)
    assert quote_query(quote_query_bytes(raw)) == quote_query_bytes(raw)


@steady
@given(st.text(max_size=12))
def test_quoting_writes_each_byte_of_what_a_query_cannot_hold(text):
    unsafe = '"#<>\x7f\u2028\u2029'
    expected = "".join(
        "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
        if char <= " " or char in unsafe or "\x7f" <= char <= "\x9f" or "\ud800" <= char <= "\udfff"
        else char
        for char in text
    )
    assert quote_query(text) == expected
