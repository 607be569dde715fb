"""Several values for one key: every pair is kept, the last value counts."""

import copy
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterion._core.multidict import ImmutableMultiDict, MultiDict, QueryParams

steady = settings(derandomize=True, database=None, deadline=None)

PAIRS = [("a", 1), ("b", 0), ("a", 2)]
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


class TestReading:
    @pytest.mark.parametrize("kind", [ImmutableMultiDict, MultiDict])
    def test_the_last_value_counts_and_all_are_kept(self, kind):
        multi = kind(PAIRS)
        assert multi["a"] == 2
        assert multi.getlist("a") == [1, 2]
        assert multi.multi_items() == PAIRS
        assert dict(multi) == {"a": 2, "b": 0}
        assert list(multi) == ["a", "b"]
        assert list(multi.keys()) == ["a", "b"]
        assert list(multi.values()) == [2, 0]
        assert list(multi.items()) == [("a", 2), ("b", 0)]
        assert len(multi) == 2
        assert "a" in multi
        assert "c" not in multi

    def test_what_is_not_there_is_a_key_error_a_default_or_an_empty_list(self):
        multi = ImmutableMultiDict(PAIRS)
        with pytest.raises(KeyError):
            multi["c"]
        assert multi.get("c", 7) == 7
        assert multi.getlist("c") == []

    @pytest.mark.parametrize(
        ("args", "kwargs"),
        [
            ((PAIRS,), {}),
            ((iter(PAIRS),), {}),
            ((MultiDict(PAIRS),), {}),
            ((ImmutableMultiDict(PAIRS[:2]),), {"a": 2}),
            (({"a": 1, "b": 0},), {"a": 2}),
        ],
    )
    def test_it_is_made_from_pairs_mappings_multi_dicts_and_keywords(self, args, kwargs):
        assert ImmutableMultiDict(*args, **kwargs).multi_items() == PAIRS

    @pytest.mark.parametrize("args", [(), (None,), ([],), ({},)])
    def test_it_is_made_from_nothing(self, args):
        assert ImmutableMultiDict(*args).multi_items() == []

    def test_two_sources_are_one_too_many(self):
        with pytest.raises(TypeError, match="not 2"):
            ImmutableMultiDict([], [])

    def test_equality_ignores_order_and_asks_for_the_same_pairs(self):
        assert MultiDict(PAIRS) == MultiDict(PAIRS[::-1])
        assert MultiDict(PAIRS) != MultiDict(PAIRS[:2])
        assert MultiDict([("a", 1), ("a", 1), ("b", 2)]) != MultiDict([("a", 1), ("b", 2), ("b", 2)])
        assert MultiDict(a=1) != {"a": 1}

    def test_equality_works_for_values_that_have_no_order_and_no_hash(self):
        one, two = MultiDict([("a", None), ("a", "x"), ("a", [])]), MultiDict([("a", []), ("a", None), ("a", "x")])
        assert one == two

    @pytest.mark.parametrize("kind", [ImmutableMultiDict, MultiDict])
    def test_copies_and_pickles_stand_alone(self, kind):
        multi = kind(PAIRS)
        for twin in (copy.copy(multi), copy.deepcopy(multi), pickle.loads(pickle.dumps(multi))):
            assert type(twin) is kind
            assert twin == multi
            assert twin._list is not multi._list


class TestChanging:
    def test_setting_drops_the_earlier_values(self):
        multi = MultiDict(PAIRS)
        multi["a"] = 5
        multi["c"] = 6
        assert multi.multi_items() == [("b", 0), ("a", 5), ("c", 6)]

    def test_deleting_drops_every_value_and_wants_one(self):
        multi = MultiDict(PAIRS)
        del multi["a"]
        assert multi.multi_items() == [("b", 0)]
        with pytest.raises(KeyError):
            del multi["a"]

    def test_pop_gives_the_last_value_or_the_default(self):
        multi = MultiDict(PAIRS)
        assert multi.pop("a") == 2
        assert multi.pop("a", 4) == 4
        assert multi.pop("a") is None
        assert multi.multi_items() == [("b", 0)]

    def test_popitem_takes_a_key_with_all_of_its_values(self):
        multi = MultiDict([("b", 0), *PAIRS])
        assert multi.popitem() == ("a", 2)
        assert multi.popitem() == ("b", 0)
        assert multi.multi_items() == []
        with pytest.raises(KeyError, match="empty"):
            multi.popitem()

    def test_lists_of_values_are_set_and_taken(self):
        multi = MultiDict(PAIRS)
        assert multi.poplist("a") == [1, 2]
        assert multi.poplist("a") == []
        multi.setlist("b", [7, 8])
        assert multi.multi_items() == [("b", 7), ("b", 8)]
        multi.setlist("b", [])
        assert "b" not in multi

    def test_append_setdefault_and_clear(self):
        multi = MultiDict(a=1)
        multi.append("a", 2)
        assert multi.setdefault("a", 9) == 2
        assert multi.setdefault("b", 3) == 3
        assert multi.multi_items() == [("a", 1), ("a", 2), ("b", 3)]
        multi.clear()
        assert (multi.multi_items(), dict(multi)) == ([], {})

    def test_update_replaces_the_keys_it_has_and_keeps_their_repeats(self):
        multi = MultiDict(PAIRS)
        multi.update([("a", 8), ("a", 9)], c=1)
        assert multi.multi_items() == [("b", 0), ("a", 8), ("a", 9), ("c", 1)]
        assert multi["a"] == 9

    @steady
    @given(st.lists(st.tuples(st.sampled_from(["set", "append", "pop", "poplist", "setlist", "update"]), text, text)))
    def test_the_mapping_always_says_what_the_list_says(self, steps):
        multi = MultiDict()
        for step, key, value in steps:
            match step:
                case "set":
                    multi[key] = value
                case "append":
                    multi.append(key, value)
                case "pop":
                    multi.pop(key)
                case "poplist":
                    multi.poplist(key)
                case "setlist":
                    multi.setlist(key, [value, value])
                case "update":
                    multi.update({key: value})
            assert dict(multi.items()) == dict(multi.multi_items())


class TestQueryParams:
    def test_it_reads_text_bytes_pairs_and_mappings(self):
        for source in ("a=1&a=2&b=", b"a=1&a=2&b=", [("a", 1), ("a", 2), ("b", "")]):
            assert QueryParams(source).multi_items() == [("a", "1"), ("a", "2"), ("b", "")]
        assert QueryParams({"a": None}, b=2).multi_items() == [("a", "None"), ("b", "2")]
        assert QueryParams("a=1", b=2).multi_items() == [("a", "1"), ("b", "2")]

    def test_only_the_ampersand_separates(self):
        """A cache that reads `;` otherwise would store one page under the key of another (CVE-2020-28473)."""
        assert QueryParams("role=user&x=;role=admin")["role"] == "user"

    def test_bytes_are_utf_8_whether_percent_encoded_or_not(self):
        """Issue 49 of the catalogue: raw UTF-8 was read as Latin-1."""
        assert QueryParams("n=é".encode())["n"] == QueryParams(b"n=%C3%A9")["n"] == "é"

    def test_what_is_not_utf_8_becomes_a_replacement_character(self):
        assert QueryParams(b"a=%ff&b=\xff").multi_items() == [("a", "\ufffd"), ("b", "\ufffd")]

    def test_a_plus_is_a_space_and_a_bad_escape_stays(self):
        assert QueryParams("a+b=c%20d&e=%zz%4").multi_items() == [("a b", "c d"), ("e", "%zz%4")]

    def test_text_and_repr(self):
        assert str(QueryParams([("a", "b c"), ("d", "é&=")])) == "a=b+c&d=%C3%A9%26%3D"
        assert repr(QueryParams("a=1")) == "QueryParams('a=1')"
        assert repr(MultiDict([("a", 1), ("a", 2)])) == "MultiDict([('a', 1), ('a', 2)])"

    @steady
    @given(st.lists(st.tuples(text, text)))
    def test_what_is_written_is_read_back(self, pairs):
        params = QueryParams(pairs)
        assert QueryParams(str(params)).multi_items() == pairs
        assert QueryParams(str(params).encode("ascii")) == params

    @steady
    @given(st.binary(max_size=40))
    def test_any_bytes_can_be_read(self, query):
        params = QueryParams(query)
        assert QueryParams(str(params)) == params
