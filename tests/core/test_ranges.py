"""The Range header: what is not exactly right is ignored, what exists is sent."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterion._core.ranges import Unsatisfiable, parse_range

steady = settings(derandomize=True, database=None, deadline=None)


@pytest.mark.parametrize(
    ("header", "ranges"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=2-5", [(2, 6)]),
        ("bytes=7-", [(7, 10)]),
        ("bytes=-3", [(7, 10)]),
        ("bytes=-99", [(0, 10)]),
        ("bytes=0-99", [(0, 10)]),
        ("bytes=5-" + "9" * 90, [(5, 10)]),
        ("bytes=-" + "9" * 90, [(0, 10)]),
        ("bytes=5-" + "9" * 100, [(5, 10)]),
        ("bytes=0005-0006", [(5, 7)]),
        ("BYTES=0-1", [(0, 2)]),
        (" bytes=0-1\t", [(0, 2)]),
        ("bytes=0-1,5-6", [(0, 2), (5, 7)]),
        ("bytes=0-1 ,\t5-6", [(0, 2), (5, 7)]),
        ("bytes=,0-1,,5-6,", [(0, 2), (5, 7)]),
    ],
)
def test_ranges_are_half_open_and_cut_to_the_size(header, ranges):
    assert parse_range(header, 10) == ranges


@pytest.mark.parametrize(
    ("header", "ranges"),
    [
        ("bytes=5-6,0-1", [(5, 7), (0, 2)]),
        ("bytes=0-3,2-5", [(0, 6)]),
        ("bytes=0-1,2-3", [(0, 4)]),
        ("bytes=0-9,3-4", [(0, 10)]),
        ("bytes=8-9,0-1,7-8", [(7, 10), (0, 2)]),
        ("bytes=8-9,0-1,2-7", [(0, 10)]),
        ("bytes=4-4,0-0,2-2,0-0", [(4, 5), (0, 1), (2, 3)]),
        ("bytes=-1,0-0,9-9", [(9, 10), (0, 1)]),
    ],
)
def test_ranges_keep_the_order_asked_for_and_are_merged_where_they_meet(header, ranges):
    assert parse_range(header, 10) == ranges


@pytest.mark.parametrize(
    "header",
    [
        "", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=x", "bytes=0", "bytes=0-x", "bytes=a-b", "bytes=--1",
        "bytes=0-1-2",
        "bytes=5-4", "bytes=0-1,5-4", "bytes=0-1,x", "items=0-5", "bytes 0-1", "=0-1", "bytes=0-1;2-3",
        "bytes=1_0-2_0", "bytes=+1-+5", "bytes= 1 - 5 ", "bytes= 1-5", "bytes=1 -5", "bytes =1-5", "bytes=0x1-5",
        "bytes=\u0661-5", "bytes=\u00b2-5", "bytes=1.0-5", "bytes=-+5", "bytes=0-1,bytes=2-3", "bytes=0-" + "9" * 101,
        "bytes=" + "9" * 5000 + "-",
    ],
)  # fmt: skip
def test_what_is_malformed_or_in_another_unit_is_ignored(header):
    """RFC 9110 14.2: the answer is the whole representation; never 400."""
    assert parse_range(header, 10) is None


@pytest.mark.parametrize(
    "header", ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99-100,10-", "bytes=" + "9" * 90 + "-"]
)
def test_a_well_formed_set_of_which_nothing_exists_is_unsatisfiable(header):
    with pytest.raises(Unsatisfiable) as caught:
        parse_range(header, 10)
    assert caught.value.size == 10


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-5", "bytes=0-0"])
def test_of_an_empty_representation_nothing_exists(header):
    with pytest.raises(Unsatisfiable, match="0 bytes"):
        parse_range(header, 0)


def test_one_range_that_exists_is_enough():
    """Issue 27 of the catalogue: one bad range made the answer 416."""
    assert parse_range("bytes=0-0,99999-", 10) == [(0, 1)]
    assert parse_range("bytes=-0,5-5", 10) == [(5, 6)]


def test_more_ranges_than_allowed_are_ignored():
    hundred = "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 200, 2))
    assert len(parse_range(hundred, 1000)) == 100
    assert parse_range(f"{hundred},500-500", 1000) is None
    assert parse_range("bytes=0-0,2-2", 10, max_ranges=1) is None


def test_thousands_of_ranges_cost_no_more_than_reading_them():
    """CVE-2025-62727: merging was quadratic."""
    many = "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 200_000, 2))
    assert parse_range(many, 10**9) is None
    assert len(parse_range(many, 10**9, max_ranges=100_000)) == 100_000


bounds = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda pair: (min(pair), max(pair)))


@steady
@given(st.lists(bounds, min_size=1, max_size=8), st.integers(1, 25))
def test_exactly_the_bytes_asked_for_are_sent_once(asked, size):
    """The union of what is sent is the union of what was asked for and exists; no byte is sent twice."""
    header = "bytes=" + ", ".join(f"{first}-{last}" for first, last in asked)
    wanted = {at for first, last in asked for at in range(first, last + 1) if at < size}
    if not wanted:
        with pytest.raises(Unsatisfiable):
            parse_range(header, size)
        return
    ranges = parse_range(header, size)
    sent = [at for start, stop in ranges for at in range(start, stop)]
    assert len(sent) == len(set(sent))
    assert set(sent) == wanted
    # Written again, the same ranges come back.
    assert parse_range("bytes=" + ",".join(f"{start}-{stop - 1}" for start, stop in ranges), size) == ranges


@steady
@given(st.text(max_size=30), st.integers(0, 100))
def test_any_header_gives_ranges_within_the_size_or_none(text, size):
    for header in (text, f"bytes={text}"):
        try:
            ranges = parse_range(header, size)
        except Unsatisfiable:
            continue
        assert ranges is None or all(0 <= start < stop <= size for start, stop in ranges)


def test_the_last_no_bytes_of_nothing_do_not_exist():
    with pytest.raises(Unsatisfiable):
        parse_range("bytes=-0", 0)
