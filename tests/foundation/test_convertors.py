"""Path parameters: text that looks right and has no value is a ValueError, and every value can be read back."""

import math
import re
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterion.convertors import CONVERTOR_TYPES, Convertor, register_url_convertor

steady = settings(derandomize=True, database=None, deadline=None)

STR, PATH, INT, FLOAT, UUID = (CONVERTOR_TYPES[key] for key in ("str", "path", "int", "float", "uuid"))


def read_back(convertor, value):
    text = convertor.to_string(value)
    assert re.fullmatch(convertor.regex, text)
    return convertor.convert(text)


class TestText:
    def test_a_string_is_one_segment_with_at_least_a_character(self):
        assert read_back(STR, "a b\n%") == "a b\n%"
        assert STR.to_string(5) == "5"
        for bad in ("", "a/b", "/"):
            with pytest.raises(ValueError, match="path parameter of type str"):
                STR.to_string(bad)

    def test_a_path_may_have_slashes_and_may_be_empty(self):
        assert read_back(PATH, "a//b/") == "a//b/"
        assert read_back(PATH, "") == ""
        assert read_back(PATH, "a\nb\r\n") == "a\nb\r\n"


class TestNumbers:
    def test_the_largest_integer_has_4300_digits(self):
        """Issue 62 of the catalogue: 4,301 digits were a 500."""
        assert INT.convert("9" * 4300) == 10**4300 - 1
        with pytest.raises(ValueError, match=r"at most 4300 digits \(max_digits\), not 4301"):
            INT.convert("9" * 4301)

    @pytest.mark.parametrize("text", ["1_0", "+1", "-1", " 1", "1\n", "\u0661", "\u00b2", "", "0x1", "1.0"])
    def test_an_integer_is_ascii_digits_and_nothing_else(self, text):
        assert not re.fullmatch(INT.regex, text)
        with pytest.raises(ValueError, match="ASCII digits"):
            INT.convert(text)

    @pytest.mark.parametrize(
        "text", ["1_0.0", "+1.0", "-1", "1e5", "inf", "nan", ".5", "1.", "\u0661.0", "1.2.3", "", "."]
    )
    def test_a_float_is_ascii_digits_with_at_most_one_point(self, text):
        assert not re.fullmatch(FLOAT.regex, text)
        with pytest.raises(ValueError, match=r"ASCII digits"):
            FLOAT.convert(text)

    def test_a_float_that_overflows_has_no_value(self):
        """Infinity is no JSON, so it was a 500 one step later."""
        with pytest.raises(ValueError, match="too large"):
            FLOAT.convert("9" * 400)

    @pytest.mark.parametrize("value", [-1, "-1", "x", "1_0", "9" * 4301])
    def test_an_integer_that_the_route_would_not_take_back_is_refused(self, value):
        with pytest.raises(ValueError, match=r"negative|digits"):
            INT.to_string(value)

    def test_an_integer_of_too_many_digits_is_refused(self):
        with pytest.raises(ValueError, match="4300 digits"):
            INT.to_string(10**4300)

    @pytest.mark.parametrize("value", [-1.0, math.inf, -math.inf, math.nan])
    def test_a_float_that_the_route_would_not_take_back_is_refused(self, value):
        with pytest.raises(ValueError, match="finite and not negative"):
            FLOAT.to_string(value)

    @pytest.mark.parametrize(
        ("value", "text"), [(25.5, "25.5"), (25.0, "25"), (0.1, "0.1"), (1e22, "1" + "0" * 22), (1e-7, "0.0000001"),
        (-0.0, "0"), (3, "3")]
    )  # fmt: skip
    def test_floats_are_written_in_full_and_short(self, value, text):
        assert FLOAT.to_string(value) == text

    @steady
    @given(st.floats(min_value=0, allow_nan=False, allow_infinity=False))
    def test_floats_are_read_back_exactly(self, value):
        assert read_back(FLOAT, value) == value

    @steady
    @given(st.integers(min_value=0))
    def test_integers_are_read_back(self, value):
        assert read_back(INT, value) == value


class TestUUID:
    @pytest.mark.parametrize("text", ["12345678123456781234567812345678", "12345678-1234-5678-1234-567812345678"])
    def test_dashes_are_optional(self, text):
        assert re.fullmatch(UUID.regex, text)
        assert UUID.convert(text) == uuid.UUID("12345678123456781234567812345678")

    @steady
    @given(st.uuids())
    def test_uuids_are_read_back(self, value):
        assert read_back(UUID, value) == value


class TestOwn:
    def test_a_convertor_of_ones_own_is_registered_under_a_name(self):
        class Hex(Convertor[int]):
            regex = "[0-9a-f]+"

            def convert(self, value):
                return int(value, 16)

            def to_string(self, value):
                return f"{value:x}"

        register_url_convertor("hex", Hex())
        try:
            assert read_back(CONVERTOR_TYPES["hex"], 255) == 255
        finally:
            del CONVERTOR_TYPES["hex"]

    def test_one_without_its_methods_says_which_to_write(self):
        class Empty(Convertor[int]):
            regex = "x"

        with pytest.raises(NotImplementedError, match=r"Empty must define convert"):
            Empty().convert("x")
        with pytest.raises(NotImplementedError, match=r"Empty must define to_string"):
            Empty().to_string(1)
