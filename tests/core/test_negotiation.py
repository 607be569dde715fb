"""What a client accepts, and what it likes best."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterion._core.negotiation import (
    Accepted,
    accepts_encoding,
    accepts_media_type,
    choose_encoding,
    choose_media_type,
    encoding_quality,
    media_type_quality,
    parse_accept,
)

steady = settings(derandomize=True, database=None, deadline=None)


class TestParsing:
    @pytest.mark.parametrize(
        ("header", "members"),
        [
            ("", []),
            (" , ,", []),
            ("gzip", [Accepted("gzip", (), 1.0)]),
            ("GZIP;Q=0.5 , br", [Accepted("gzip", (), 0.5), Accepted("br", (), 1.0)]),
            ("a ; q=0.123", [Accepted("a", (), 0.123)]),
            ("text/html;Level=1;q=0;ext=1", [Accepted("text/html", (("level", "1"),), 0.0)]),
            ('a/b;c="x,y;q=0\\"\\\\";q=1.000', [Accepted("a/b", (("c", 'x,y;q=0"\\'),), 1.0)]),
            ('a/b;c="x', [Accepted("a/b", (("c", '"x'),), 1.0)]),
        ],
    )
    def test_members_with_their_parameters_and_quality(self, header, members):
        assert parse_accept(header) == members

    @pytest.mark.parametrize(
        "quality",
        ["", "x", "2", "1.001", "-1", "+1", "0.1234", "0.0123", ".5", "1e0", "0.x", "²", "0.²", "nan", "1_0", "0. 5"],
    )
    def test_a_member_with_a_malformed_quality_is_as_if_it_were_not_there(self, quality):
        assert "gzip" not in [member.value for member in parse_accept(f"gzip;q={quality}, br")]
        assert not accepts_encoding(f"gzip;q={quality}", "gzip")

    @pytest.mark.parametrize(
        "header", ["a," * 100_000, '"' * 200_000, "a;" * 100_000, '"\\' * 100_000, "a;q=0.1," * 50_000]
    )
    def test_long_headers_take_linear_time(self, header):
        assert isinstance(parse_accept(header), list)

    @steady
    @given(st.text('ab/*;,="\\q01. \t', max_size=30))
    def test_any_header_can_be_read(self, header):
        assert all(0 <= member.quality <= 1 for member in parse_accept(header))
        assert 0 <= media_type_quality(header, "a/b") <= 1
        assert choose_encoding(header, ["a", "b"]) in ("a", "b", "identity", None)


class TestEncoding:
    @pytest.mark.parametrize(
        ("header", "accepted"),
        [
            ("gzip", True),
            ("GZIP", True),
            ("x-gzip", True),
            ("deflate, gzip;q=0.001", True),
            ("*", True),
            ("*;q=0, gzip", True),
            ("gzip;q=0", False),
            ("gzip;q=0.000, *", False),
            ("*, gzip;q=0", False),
            ("*;q=0", False),
            ("notgzip", False),
            ("gzipped", False),
            ("identity", False),
            ("", False),
        ],
    )
    def test_gzip_is_accepted_by_name_or_star_and_refused_by_zero(self, header, accepted):
        """Issue 60 of the catalogue: a substring test took `gzip;q=0` and `notgzip` for gzip."""
        assert accepts_encoding(header, "gzip") is accepted

    @pytest.mark.parametrize(
        ("header", "quality"),
        [("", 1), ("gzip", 1), ("*;q=0", 0), ("identity;q=0", 0), ("*;q=0, identity;q=0.5", 0.5), ("*;q=0.5", 1)],
    )
    def test_identity_is_accepted_unless_it_is_refused(self, header, quality):
        assert encoding_quality(header, "identity") == quality

    @pytest.mark.parametrize(
        ("header", "chosen"),
        [
            ("gzip, br", "br"),
            ("br;q=0.5, gzip", "gzip"),
            ("gzip;q=0.5", "gzip"),
            ("gzip;q=0.5, identity", "identity"),
            ("gzip, identity", "gzip"),
            ("*", "br"),
            ("br;q=0, *;q=0.1", "gzip"),
            ("", "identity"),
            ("deflate", "identity"),
            ("identity;q=0", None),
            ("*;q=0", None),
            ("gzip, identity;q=0", "gzip"),
        ],
    )
    def test_the_best_coding_is_chosen_in_the_servers_order_among_equals(self, header, chosen):
        assert choose_encoding(header, ["br", "gzip"]) == chosen

    def test_a_long_header_is_read_as_a_short_one_is(self):
        assert accepts_encoding("x," * 200 + "gzip", "gzip")


class TestMediaTypes:
    # The example of RFC 9110, 12.5.1.
    HEADER = "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5"

    @pytest.mark.parametrize(
        ("media_type", "quality"),
        [
            ("text/plain;format=flowed", 1),
            ("text/plain", 0.7),
            ("text/html", 0.3),
            ("image/jpeg", 0.5),
            ("text/plain;format=fixed", 0.4),
            ("text/html;level=3", 0.3),
            ("TEXT/Plain; Format=Flowed", 1),
        ],
    )
    def test_the_most_specific_range_decides(self, media_type, quality):
        assert media_type_quality(self.HEADER, media_type) == quality

    def test_a_refused_type_is_refused_although_everything_else_is_taken(self):
        assert not accepts_media_type("*/*, text/html;q=0", "text/html")
        assert accepts_media_type("*/*, text/html;q=0", "text/plain")

    @pytest.mark.parametrize("header", ["", " ", ","])
    def test_no_header_takes_everything(self, header):
        assert media_type_quality(header, "a/b") == 1

    def test_a_header_that_names_other_types_takes_nothing(self):
        assert media_type_quality("application/json", "text/html") == 0

    def test_the_best_type_is_chosen_in_the_servers_order_among_equals(self):
        offered = ["application/json", "text/html"]
        assert choose_media_type("*/*", offered) == "application/json"
        assert choose_media_type("text/html, */*;q=0.9", offered) == "text/html"
        assert choose_media_type("text/html;q=0.5, application/json;q=0.5", offered) == "application/json"
        assert choose_media_type("image/png", offered) is None

    def test_an_offer_that_is_no_media_type_is_the_callers_error(self):
        with pytest.raises(ValueError, match="'text html'"):
            media_type_quality("text/html", "text html")
