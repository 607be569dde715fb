"""URL text: nothing is dropped, every component stays where it was put."""

from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterion._core.urltext import TooManyFields, join_url, parse_urlencoded, quote_path, quote_query, split_url

steady = settings(derandomize=True, database=None, deadline=None)


class TestSplitting:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("", ("", "", "", "", "")),
            ("/a?b#c", ("", "", "/a", "b", "c")),
            ("HTTP://Host:80/a", ("http", "Host:80", "/a", "", "")),
            ("http://h?q", ("http", "h", "", "q", "")),
            ("http://h#f?g", ("http", "h", "", "", "f?g")),
            ("//h/p", ("", "h", "/p", "", "")),
            ("mailto:a@b", ("mailto", "", "a@b", "", "")),
            ("a/b:c", ("", "", "a/b:c", "", "")),
            ("1a:b", ("", "", "1a:b", "", "")),
            ("http://[::1]:8/", ("http", "[::1]:8", "/", "", "")),
            ("http://u:p@[::1]/", ("http", "u:p@[::1]", "/", "", "")),
            ("?a?b", ("", "", "", "a?b", "")),
            ("http://bücher.example:8/", ("http", "bücher.example:8", "/", "", "")),
        ],
    )
    def test_components(self, text, parts):
        assert tuple(split_url(text)) == parts

    @pytest.mark.parametrize("char", ["\t", "\r", "\n", "\x00", " "])
    def test_no_character_of_a_path_is_dropped(self, char):
        """urllib removes tabs and line breaks: a guard then compares another path than the one that was routed."""
        assert split_url(f"http://h/ad{char}min").path == f"/ad{char}min"

    @pytest.mark.parametrize(
        "netloc",
        ["a b", "a\tb", "a\nb", "a\\b", "good.example\\@evil.example", "[::1", "::1]", "a[::1]", "[::1]b", "[a]@h",
        "[[a]]",
         "evil.example\u2100good.example", "a\uff0fb"],
    )  # fmt: skip
    def test_an_authority_that_readers_disagree_about_is_refused(self, netloc):
        with pytest.raises(ValueError, match="of a URL"):
            split_url(f"http://{netloc}/")


class TestJoining:
    def test_a_path_cannot_become_the_authority(self):
        assert join_url("", "", "//evil.example", "", "") == "/%2Fevil.example"
        assert join_url("http", "", "//evil.example", "", "") == "http:///%2Fevil.example"

    def test_a_path_cannot_move_the_authority(self):
        assert join_url("http", "good.example", "@evil.example", "", "") == "http://good.example/@evil.example"

    def test_a_path_cannot_become_a_scheme(self):
        assert join_url("", "", "javascript:a:b/c:d", "", "") == "javascript%3Aa%3Ab/c:d"

    @steady
    @given(
        scheme=st.sampled_from(["", "http", "https", "ws", "wss"]),
        netloc=st.sampled_from(["", "h", "h:8", "u:p@h", "[::1]:8"]),
        path=st.text(max_size=12),
        query=st.text(max_size=8),
    )
    def test_components_come_back_as_they_went_in(self, scheme, netloc, path, query):
        """Whatever path and query hold, the scheme and the host stay; the decoded path is found again."""
        text = join_url(scheme, netloc, quote_path(path), quote_query(query), "")
        parts = split_url(text)
        assert (parts.scheme, parts.netloc, parts.fragment) == (scheme, netloc, "")
        assert parts.query == quote_query(query)
        if not any("\ud800" <= char <= "\udfff" for char in path):
            added = "/" if path and not path.startswith("/") and (netloc or scheme) else ""
            assert unquote(parts.path) == added + path

    @steady
    @given(st.text(max_size=12))
    def test_quoting_a_path_leaves_no_character_that_could_hide_or_end_it(self, path):
        assert not any(char <= " " or char in '"#<>?\\^`{|}\x7f\x85\u2028' for char in quote_path(path))


class TestUrlEncoded:
    def test_empty_fields_are_skipped_and_empty_values_kept(self):
        assert parse_urlencoded("&&a=&b&=c&=&") == [("a", ""), ("b", ""), ("", "c"), ("", "")]

    def test_more_fields_than_allowed_are_an_error_that_names_the_limit(self):
        assert len(parse_urlencoded("a=b&" * 10, max_fields=10)) == 10
        with pytest.raises(TooManyFields, match="at most 10"):
            parse_urlencoded("a=b&" * 11, max_fields=10)

    def test_empty_fields_do_not_count(self):
        assert parse_urlencoded("&" * 100 + "a=b", max_fields=1) == [("a", "b")]

    @pytest.mark.parametrize("text", ["a=b;" * 100_000, "%" * 400_000, "%4" * 200_000, "+" * 400_000, "a&" * 200_000])
    def test_long_texts_take_linear_time(self, text):
        """CVE-2026-53539: a quadratic parser would be busy for minutes."""
        assert parse_urlencoded(text)
