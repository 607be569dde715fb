"""The small structures, and one place to import all of them from."""

import copy
import pickle

import pytest

import asterion.datastructures
from asterion.datastructures import Address, CommaSeparatedStrings, Secret


def test_every_public_name_is_there():
    for name in asterion.datastructures.__all__:
        assert hasattr(asterion.datastructures, name)


def test_an_address_is_a_tuple_of_host_and_port():
    address = Address("h", 80)
    assert address == ("h", 80)
    assert (address.host, address.port) == ("h", 80)


class TestSecret:
    def test_it_shows_in_str_only(self):
        secret = Secret("hunter2")
        assert str(secret) == "hunter2"
        assert repr(secret) == "Secret('**********')"
        assert "hunter2" not in f"{[secret]!r}"

    def test_it_is_true_if_it_is_not_empty(self):
        assert Secret("x")
        assert not Secret("")

    def test_duplicates_hold_the_same(self):
        for twin in (copy.copy(Secret("x")), pickle.loads(pickle.dumps(Secret("x")))):
            assert str(twin) == "x"


class TestCommaSeparatedStrings:
    @pytest.mark.parametrize(
        ("text", "items"),
        [
            ("", []),
            ("a", ["a"]),
            ("a, b,c", ["a", "b", "c"]),
            (" a b ,, c ,", ["a b", "c"]),
            ("'a, b', \"c\"", ["a, b", "c"]),
            ("#a,b#c", ["#a", "b#c"]),
        ],
    )
    def test_text_is_split_at_commas_outside_of_quotes(self, text, items):
        assert list(CommaSeparatedStrings(text)) == items

    def test_it_is_a_sequence(self):
        strings = CommaSeparatedStrings(["a", "b", "c"])
        assert len(strings) == 3
        assert (strings[0], strings[-1], strings[1:]) == ("a", "c", ["b", "c"])
        assert "b" in strings
        assert strings == CommaSeparatedStrings("a,b,c")
        assert hash(strings) == hash(CommaSeparatedStrings("a,b,c"))
        assert strings != ["a", "b", "c"]

    def test_it_is_shown_quoted(self):
        strings = CommaSeparatedStrings(["a", "b c"])
        assert str(strings) == "'a', 'b c'"
        assert repr(strings) == "CommaSeparatedStrings(['a', 'b c'])"
        assert list(CommaSeparatedStrings(str(strings))) == list(strings)

    def test_a_quote_that_is_not_closed_is_an_error(self):
        with pytest.raises(ValueError, match="quotation"):
            CommaSeparatedStrings("'a, b")
