"""Conditional requests: current copies are not sent again, parts of two versions are never joined."""

import pytest

from asterion._core.conditional import (
    if_range_matches,
    is_not_modified,
    precondition_failed,
    strong_match,
    weak_match,
)
from asterion._core.headers import Headers

EARLIER = "Sun, 06 Nov 1994 08:49:36 GMT"
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
LATER = "Sun, 06 Nov 1994 08:49:38 GMT"
SAME_DATE = [DATE, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 09:49:37 +0100"]
NO_DATE = [
    "",
    "x",
    "0",
    "1994",
    "Sun, 99 Nov 1994 08:49:37 GMT",
    "9" * 5000,
    "Sun, 06 Nov ²994 08:49:37 GMT",
    "-1",
    "\x00",
]


def response(**headers):
    return Headers({name.replace("_", "-"): value for name, value in headers.items()})


def request(*lines):
    return Headers(raw=[(name.encode(), value.encode("latin-1")) for name, value in lines])


class TestTags:
    @pytest.mark.parametrize(
        ("one", "two", "strong", "weak"),
        [
            ('W/"1"', 'W/"1"', False, True),
            ('W/"1"', 'W/"2"', False, False),
            ('W/"1"', '"1"', False, True),
            ('"1"', '"1"', True, True),
            ('"1"', '"2"', False, False),
            ('"W1"', 'W/"W1"', False, True),
            ('"W/"', '"/"', False, False),
        ],
    )
    def test_the_table_of_the_rfc(self, one, two, strong, weak):
        """RFC 9110 8.8.3.2, table 3, and tags that themselves begin with W."""
        assert strong_match(one, two) is strong_match(two, one) is strong
        assert weak_match(one, two) is weak_match(two, one) is weak


class TestNotModified:
    @pytest.mark.parametrize(
        ("tag", "wanted", "current"),
        [
            ('"a"', '"a"', True),
            ('"a"', 'W/"a"', True),
            ('W/"a"', '"a"', True),
            ('"a"', '"b"', False),
            ('"a"', '"b", "a"', True),
            ('"a"', '"b","a"', True),
            ('"a"', ',, "b" ,\t"a" ,', True),
            ('"a,b"', '"a,b"', True),
            ('"a"', '"x, "a""', False),
            ('"W1"', 'W/"W1"', True),
            ('"a"', "*", True),
            ('"a"', " * ", True),
            ('"a"', '"*"', False),
            ('"*"', '"*"', True),
            ('"a"', "a", False),
            ('"a"', 'w/"a"', False),
            ('"a"', '"a', False),
            ('"a"', "", False),
            ('""', '""', True),
            ('"é"', '"é"', True),
        ],
    )
    def test_if_none_match_is_a_list_compared_weakly(self, tag, wanted, current):
        assert is_not_modified(response(etag=tag), request(("if-none-match", wanted))) is current

    def test_several_lines_are_one_list(self):
        lines = request(("if-none-match", '"a"'), ("if-none-match", '"b"'))
        assert is_not_modified(response(etag='"b"'), lines)

    def test_the_star_matches_a_representation_without_a_tag(self):
        assert is_not_modified(response(), request(("if-none-match", "*")))
        assert not is_not_modified(response(), request(("if-none-match", '"a"')))

    @pytest.mark.parametrize(("since", "current"), [(EARLIER, False), (DATE, True), (LATER, True)])
    def test_if_modified_since_compares_dates(self, since, current):
        assert is_not_modified(response(last_modified=DATE), request(("if-modified-since", since))) is current

    @pytest.mark.parametrize("since", SAME_DATE)
    def test_every_form_of_a_date_is_read(self, since):
        """RFC 9110 5.6.7: servers must read all three."""
        assert is_not_modified(response(last_modified=DATE), request(("if-modified-since", since)))
        assert not is_not_modified(response(last_modified=LATER), request(("if-modified-since", since)))

    @pytest.mark.parametrize(("characters", "current"), [(64, True), (65, False)])
    def test_a_date_has_at_most_64_characters(self, characters, current):
        since = f"Sun, 06 Nov 1994 08:49:37 {'GMT':>{characters - 26}}"
        assert len(since) == characters
        assert is_not_modified(response(last_modified=DATE), request(("if-modified-since", since))) is current

    @pytest.mark.parametrize("since", NO_DATE)
    def test_what_is_no_date_is_ignored(self, since):
        assert not is_not_modified(response(last_modified=DATE), request(("if-modified-since", since)))

    def test_the_tag_beats_the_date(self):
        """RFC 9110 13.1.3, whichever verdict the date would give."""
        both = response(etag='"a"', last_modified=DATE)
        assert is_not_modified(both, request(("if-none-match", '"a"'), ("if-modified-since", EARLIER)))
        assert not is_not_modified(both, request(("if-none-match", '"b"'), ("if-modified-since", LATER)))
        assert not is_not_modified(both, request(("if-none-match", "garbage"), ("if-modified-since", LATER)))

    def test_without_conditions_or_validators_nothing_is_current(self):
        assert not is_not_modified(response(etag='"a"', last_modified=DATE), request())
        assert not is_not_modified(response(), request(("if-modified-since", DATE)))

    @pytest.mark.parametrize(
        "text", ['"' * 200_000, 'W/"a",' * 50_000, "W/" * 100_000, " ," * 100_000, '"a"' * 100_000]
    )
    def test_long_lists_take_linear_time(self, text):
        assert not is_not_modified(response(etag='"b"'), request(("if-none-match", text)))


class TestPrecondition:
    @pytest.mark.parametrize(
        ("tag", "wanted", "failed"),
        [
            ('"a"', '"a"', False),
            ('"a"', '"b"', True),
            ('W/"a"', 'W/"a"', True),
            ('"a"', "*", False),
            (None, '"a"', True),
        ],
    )
    def test_if_match_is_compared_strongly(self, tag, wanted, failed):
        headers = response(etag=tag) if tag else response()
        assert precondition_failed(headers, request(("if-match", wanted))) is failed

    @pytest.mark.parametrize(("since", "failed"), [(EARLIER, True), (DATE, False), (LATER, False), ("garbage", False)])
    def test_if_unmodified_since_compares_dates(self, since, failed):
        headers = response(last_modified=DATE)
        assert precondition_failed(headers, request(("if-unmodified-since", since))) is failed

    def test_the_tag_beats_the_date(self):
        both = response(etag='"a"', last_modified=DATE)
        assert not precondition_failed(both, request(("if-match", '"a"'), ("if-unmodified-since", EARLIER)))

    def test_without_conditions_nothing_fails(self):
        assert not precondition_failed(response(etag='"a"', last_modified=DATE), request())


class TestIfRange:
    @pytest.mark.parametrize(
        ("tag", "wanted", "matches"),
        [
            ('"a"', '"a"', True),
            ('"a"', '"b"', False),
            ('W/"a"', 'W/"a"', False),
            ('"a"', 'W/"a"', False),
            ('W/"a"', '"a"', False),
            ('"a"', '"a", "b"', False),
            ('"a"', "*", False),
            ('"a"', "", False),
        ],
    )
    def test_a_tag_is_compared_strongly(self, tag, wanted, matches):
        assert if_range_matches(response(etag=tag), request(("if-range", wanted))) is matches

    @pytest.mark.parametrize("date", SAME_DATE)
    def test_a_date_must_be_the_very_one(self, date):
        assert if_range_matches(response(last_modified=DATE), request(("if-range", date)))
        assert not if_range_matches(response(last_modified=EARLIER), request(("if-range", date)))
        assert not if_range_matches(response(last_modified=LATER), request(("if-range", date)))

    @pytest.mark.parametrize("date", NO_DATE)
    def test_what_is_neither_never_matches(self, date):
        assert not if_range_matches(response(etag='"a"', last_modified=DATE), request(("if-range", date)))
        assert not if_range_matches(response(), request(("if-range", date)))

    def test_without_the_header_the_range_counts(self):
        assert if_range_matches(response(), request())
