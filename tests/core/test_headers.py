"""Header text is checked where it becomes bytes; the mappings are views on the raw list."""

import copy
import pickle
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterion._core.headers import Headers, MutableHeaders, encode_header_name, encode_header_value

steady = settings(derandomize=True, database=None, deadline=None)

TOKEN = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
names = st.text(TOKEN, min_size=1, max_size=20)
# Every Latin-1 character but the controls; the tab is allowed inside.
values = st.text([chr(code) for code in range(256) if code >= 32 and code != 127] + ["\t"]).map(
    lambda t: t.strip(" \t")
)


class TestEncoding:
    def test_a_name_becomes_lower_case_bytes(self):
        assert encode_header_name("X-Request-Id") == b"x-request-id"

    @pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "a\x00", "é", "日本", "a(b)", "\u212a"])
    def test_a_name_that_is_no_token_is_refused(self, name):
        with pytest.raises(ValueError, match="is not a token"):
            encode_header_name(name)

    def test_a_name_is_refused_again_when_it_was_looked_up_before(self):
        assert Headers().get("bad name") is None
        with pytest.raises(ValueError, match="is not a token"):
            MutableHeaders()["bad name"] = "1"

    def test_a_name_of_another_type_is_a_type_error_that_shows_it(self):
        with pytest.raises(TypeError, match="not bytes: b'x'"):
            encode_header_name(b"x")

    @pytest.mark.parametrize("code", [*range(9), *range(10, 32), 127])
    def test_a_value_with_a_control_is_refused(self, code):
        """Response splitting needs CR or LF; the others confuse parsers behind us."""
        with pytest.raises(ValueError, match="control character"):
            encode_header_value(f"a{chr(code)}b", "x")

    @pytest.mark.parametrize("value", ["\r\nSet-Cookie: a=b", "x\n", "\nx", "x\r", "\x00"])
    def test_a_line_break_at_either_end_is_refused_and_not_stripped(self, value):
        with pytest.raises(ValueError, match="'location'"):
            encode_header_value(value, "location")

    def test_a_tab_and_latin_1_are_allowed_inside(self):
        assert encode_header_value("a\té\x85b") == b"a\t\xe9\x85b"

    def test_white_space_around_is_no_part_of_the_value(self):
        """RFC 9110 5.5; h11 refuses to send it."""
        assert encode_header_value(" \ta b\t ") == b"a b"

    def test_text_beyond_latin_1_says_what_to_write_instead(self):
        with pytest.raises(ValueError, match=r"'content-disposition'.*Percent-encode"):
            encode_header_value("日本", "content-disposition")

    def test_a_name_that_is_too_long_to_be_remembered_is_checked_each_time(self):
        for _ in range(2):
            assert encode_header_name("X" * 100) == b"x" * 100
            with pytest.raises(ValueError, match="is not a token"):
                encode_header_name(" " * 100)

    def test_a_kind_of_text_that_fails_by_itself_is_not_said_to_be_none(self):
        class Lazy(str):
            __slots__ = ()

            def isprintable(self):
                raise AttributeError("translations are not loaded")

        with pytest.raises(AttributeError, match="translations are not loaded"):
            encode_header_value(Lazy("x"))

    @pytest.mark.parametrize("value", [1, None, b"x", 1.5])
    def test_a_value_of_another_type_is_a_type_error_that_shows_it(self, value):
        with pytest.raises(TypeError, match="'x-count' must be a str"):
            encode_header_value(value, "x-count")

    @steady
    @given(name=names, value=values)
    def test_what_is_written_is_read_back(self, name, value):
        headers = MutableHeaders({name: value})
        assert headers[name.upper()] == headers[name.lower()] == value

    @steady
    @given(name=st.text(max_size=10), value=st.text(max_size=10))
    def test_whatever_is_written_no_line_break_reaches_the_raw_list(self, name, value):
        headers = MutableHeaders()
        try:
            headers[name] = value
        except ValueError:
            assert headers.raw == []
        else:
            assert not any(char in field for pair in headers.raw for field in pair for char in (b"\r", b"\n", b"\0"))


class TestReading:
    def test_a_look_up_ignores_case_and_gives_the_first_value(self):
        headers = Headers(raw=[(b"a", b"1"), (b"b", b"2"), (b"a", b"3")])
        assert headers["A"] == "1"
        assert headers.get("a") == "1"
        assert headers.getlist("A") == ["1", "3"]

    @pytest.mark.parametrize("size", [20, 100])
    @pytest.mark.parametrize(
        "look",
        [
            lambda headers, name: name in headers,
            lambda headers, name: headers.get(name) == "1",
            lambda headers, name: headers[name] == "1",
            lambda headers, name: headers.getlist(name) == ["1"],
        ],
    )
    def test_a_name_is_found_the_first_time_and_ever_after(self, monkeypatch, look, size):
        monkeypatch.setattr("asterion._core.headers._looked_up_names", {})  # as when a program begins
        headers = Headers(raw=[(b"x-name".ljust(size, b"-"), b"1")])
        for _ in range(3):
            assert look(headers, "X-Name".ljust(size, "-"))

    def test_what_is_not_there_is_a_key_error_or_the_default(self):
        headers = Headers()
        with pytest.raises(KeyError, match="Accept"):
            headers["Accept"]
        assert headers.get("accept") is None
        assert headers.get("accept", "*/*") == "*/*"
        assert headers.getlist("accept") == []

    @pytest.mark.parametrize("key", ["日本", 3, None, b"a", (), []])
    def test_a_key_that_no_header_can_have_is_simply_not_there(self, key):
        assert key not in Headers({"a": "1"})

    def test_the_lists_keep_order_and_repeats(self):
        headers = Headers(raw=[(b"b", b"2"), (b"a", b"1"), (b"b", b"3")])
        assert headers.keys() == ["b", "a", "b"]
        assert headers.values() == ["2", "1", "3"]
        assert headers.items() == [("b", "2"), ("a", "1"), ("b", "3")]
        assert list(headers) == ["b", "a", "b"]
        assert len(headers) == 3

    def test_equality_ignores_order_and_wants_headers(self):
        one = Headers(raw=[(b"a", b"1"), (b"b", b"2")])
        assert one == Headers(raw=[(b"b", b"2"), (b"a", b"1")])
        assert one != Headers(raw=[(b"a", b"1")])
        assert one != {"a": "1", "b": "2"}

    def test_headers_have_no_hash(self):
        with pytest.raises(TypeError, match="unhashable"):
            hash(Headers())

    def test_repr_is_short_without_repeats_and_exact_with_them(self):
        assert repr(Headers({"A": "1"})) == "Headers({'a': '1'})"
        assert repr(Headers(raw=[(b"a", b"1"), (b"a", b"2")])) == "Headers(raw=[(b'a', b'1'), (b'a', b'2')])"

    def test_only_one_source_is_taken(self):
        for sources in ({"headers": {}, "raw": []}, {"raw": [], "scope": {}}, {"headers": {}, "scope": {}}):
            with pytest.raises(TypeError, match="one source"):
                Headers(**sources)

    def test_a_mapping_is_checked_as_outgoing_headers_are(self):
        with pytest.raises(ValueError, match="control character"):
            Headers({"a": "b\r\nc"})

    def test_copies_and_pickles_stand_alone(self):
        headers = MutableHeaders({"a": "1"})
        twins = [copy.copy(headers), copy.deepcopy(headers), pickle.loads(pickle.dumps(headers)), headers.mutablecopy()]
        headers["a"] = "2"
        assert all(type(twin) is MutableHeaders and twin["a"] == "1" for twin in twins)


class TestScope:
    def test_reading_a_scope_does_not_rewrite_its_headers(self):
        """A scope is shared by every layer; a look at the headers must leave no trace."""
        for given_lines in ([(b"a", b"1")], ((b"a", b"1"),)):
            scope = {"headers": given_lines}
            assert Headers(scope=scope)["a"] == "1"
            assert scope["headers"] is given_lines

    def test_headers_that_can_be_read_once_are_left_for_the_next_reader(self):
        scope = {"headers": iter([(b"a", b"1")])}
        assert Headers(scope=scope)["a"] == "1"
        assert Headers(scope=scope)["a"] == "1"

    def test_changes_of_a_message_reach_the_message_and_not_the_senders_list(self):
        constant = [(b"a", b"1")]
        message = {"type": "http.response.start", "headers": constant}
        MutableHeaders(scope=message)["b"] = "2"
        assert message["headers"] == [(b"a", b"1"), (b"b", b"2")]
        assert constant == [(b"a", b"1")]

    def test_a_message_without_headers_gets_some(self):
        """ASGI: `headers` of http.response.start is optional."""
        message = {"type": "http.response.start", "status": 200}
        MutableHeaders(scope=message).append("a", "1")
        assert message["headers"] == [(b"a", b"1")]

    def test_a_message_without_headers_can_be_read(self):
        assert Headers(scope={"type": "http.response.start"}).get("a") is None


class TestChanging:
    def test_setting_keeps_the_place_and_removes_the_repeats(self):
        headers = MutableHeaders(raw=[(b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"c", b"4")])
        headers["A"] = "9"
        assert headers.raw == [(b"a", b"9"), (b"b", b"2"), (b"c", b"4")]

    def test_every_change_is_made_in_the_list_that_was_given(self):
        raw = [(b"a", b"1"), (b"a", b"2")]
        headers = MutableHeaders(raw=raw)
        headers["a"] = "3"
        headers["b"] = "4"
        del headers["A"]
        assert headers.raw is raw
        assert raw == [(b"b", b"4")]

    def test_deleting_what_is_not_there_does_nothing(self):
        headers = MutableHeaders({"a": "1"})
        del headers["b"]
        assert headers.raw == [(b"a", b"1")]

    def test_append_adds_a_line_and_setdefault_only_where_there_is_none(self):
        headers = MutableHeaders({"a": "1"})
        headers.append("A", "2")
        assert headers.setdefault("a", "3") == "1"
        assert headers.setdefault("B", "4") == "4"
        assert headers.raw == [(b"a", b"1"), (b"a", b"2"), (b"b", b"4")]

    def test_update_and_the_or_operators_set(self):
        headers = MutableHeaders({"a": "1"})
        headers.update({"A": "2"})
        headers |= {"b": "3"}
        merged = headers | {"a": "9"}
        assert headers.raw == [(b"a", b"2"), (b"b", b"3")]
        assert merged.raw == [(b"a", b"9"), (b"b", b"3")]

    @pytest.mark.parametrize("other", [3, [("a", "b")], None])
    def test_only_mappings_can_be_merged(self, other):
        with pytest.raises(TypeError, match="merged with a mapping"):
            MutableHeaders() | other
        headers = MutableHeaders()
        with pytest.raises(TypeError, match="merged with a mapping"):
            headers |= other

    @pytest.mark.parametrize("write", ["append", "setdefault", "__setitem__"])
    def test_every_way_of_writing_checks_name_and_value(self, write):
        headers = MutableHeaders()
        with pytest.raises(ValueError, match="control character"):
            getattr(headers, write)("a", "b\r\nc: d")
        with pytest.raises(ValueError, match="not a token"):
            getattr(headers, write)("a\r\nb", "c")
        assert headers.raw == []


class TestVary:
    @pytest.mark.parametrize(
        ("present", "added", "result"),
        [
            ([], "Accept", "Accept"),
            (["Accept"], "accept", "Accept"),
            (["Accept, Cookie"], "Origin", "Accept, Cookie, Origin"),
            (["Accept", "cookie"], "COOKIE, Origin", "Accept, cookie, Origin"),
            (["*"], "Cookie", "*"),
            (["Accept, *"], "Cookie", "*"),
            (["Accept"], "*", "*"),
            ([" Accept ,, "], "Cookie", "Accept, Cookie"),
        ],
    )
    def test_members_are_merged_in_one_line(self, present, added, result):
        headers = MutableHeaders(raw=[(b"vary", value.encode()) for value in present])
        headers.add_vary_header(added)
        assert headers.getlist("vary") == [result]

    def test_adding_nothing_adds_no_header(self):
        headers = MutableHeaders()
        headers.add_vary_header(" , ")
        assert headers.raw == []


class TestManyFields:
    """Hundreds of lines, of which a mapping is made: every name is asked for in turn."""

    raw = [(b"x-%d" % (number % 150), b"%d" % number) for number in range(300)]

    def test_each_name_has_its_first_value(self):
        assert dict(Headers(raw=self.raw)) == {f"x-{number}": str(number) for number in range(150)}

    def test_a_name_that_is_not_there_is_not_found_after_all_were_asked_for(self):
        headers = Headers(raw=self.raw)
        headers.keys()
        with pytest.raises(KeyError):
            headers["x-150"]

    def test_a_line_that_has_moved_is_found_where_it_is(self):
        raw = list(self.raw)
        headers = Headers(raw=raw)
        headers.keys()
        del raw[0]
        assert headers["x-7"] == "7"
        assert headers["x-0"] == "150"

    def test_a_line_that_was_the_last_and_has_gone_is_not_found(self):
        raw = [*self.raw, (b"x-last", b"1")]
        headers = Headers(raw=raw)
        assert dict(headers)["x-last"] == "1"
        del raw[-1]
        with pytest.raises(KeyError):
            headers["x-last"]

    def test_a_value_that_reads_like_a_name_is_not_taken_for_one(self):
        headers = Headers(raw=[*self.raw, (b"x-late", b"x-later"), (b"x-later", b"1")])
        assert dict(headers)["x-later"] == "1"


class TestMadeUpNames:
    """Whoever looks for what a client has named (a query that says which header to show) keeps nothing of it."""

    @pytest.mark.parametrize("size", [20, 300])
    @pytest.mark.parametrize("ask", [Headers().get, encode_header_name], ids=["look for", "write"])
    def test_names_that_were_used_once_are_not_kept_for_ever(self, monkeypatch, ask, size):
        for table in ("asterion._core.headers._looked_up_names", "asterion._core.headertext._checked_names"):
            monkeypatch.setattr(table, {})  # what fills them here is none of the other tests'
        grown = []
        tracemalloc.start()
        try:
            for start in (0, 5000):
                before, _ = tracemalloc.get_traced_memory()
                for number in range(start, start + 5000):
                    ask(f"x-{number}".ljust(size, "a"))
                after, _ = tracemalloc.get_traced_memory()
                grown.append(after - before)
        finally:
            tracemalloc.stop()
        few = 1100 * 250  # names, and bytes of one that is short with all that it takes to keep it
        assert grown[0] < few
        assert grown[1] < few // 10
