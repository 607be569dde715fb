"""Whatever a page is made of, it is read in linear time or refused with a reason."""

import codecs
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixbook.casefile import attachments, dumps, loads
from fixbook.pages import LIMIT, UnreadablePage, read_page
from tests.fixbook.pages.given import FLAT, LINES, SIGNATURE


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "page.txt: the page is empty"),
        (b" \n\t\r\n", "page.txt: the page is empty"),
        (codecs.BOM_UTF8, "page.txt: the page is empty"),
        (b"x" * (LIMIT + 1), "page.txt: 2097153 bytes are too many"),
        (b"\x7fELF\x02\x01\x01" + bytes(64), "this is not text"),
        (b"The Fix\nUp\x00grade\n", r"this is not text: '\\x00' in line 2"),
        (bytes(range(256)) * 8, "this is not text"),
        (b"\x01\x02\x03abc", "this is not text"),
        (codecs.BOM_UTF16_LE + b"abc", "marked as utf-16-le"),
        (codecs.BOM_UTF32_BE + b"\xff\xff\xff\xff", "marked as utf-32-be"),
    ],
)
def test_what_is_no_page_is_refused_with_a_reason(data: bytes, says: str) -> None:
    with pytest.raises(UnreadablePage, match=says):
        read_page(data, name="page.txt")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_encodings_are_recognised(encoding: str) -> None:
    expected = read_page(LINES.encode(), name="a").case
    assert read_page(LINES.encode(encoding), name="a").case == expected


def test_latin_1_is_read_and_reported_with_its_line() -> None:
    page = read_page("What Broke\nLe café.\n".encode("latin-1"), name="a")
    assert page.case.summary == "Le café."
    assert page.problems[0].line == 2
    assert "byte 0xe9 in line 2 is not UTF-8" in page.problems[0].message


def test_line_breaks_of_every_system_are_the_same() -> None:
    expected = read_page(LINES.encode(), name="a").case
    assert read_page(LINES.replace("\n", "\r\n").encode(), name="a").case == expected
    assert read_page(LINES.replace("\n", "\r").encode(), name="a").case == expected


def test_a_text_that_is_no_such_page_is_kept_whole_and_said_to_be_none() -> None:
    page = read_page(b"Shopping list\n- milk\n", name="list.txt")
    assert page.layout is None
    assert page.case.id == "list"
    assert page.case.source is not None
    assert page.case.source.text == "Shopping list\n- milk\n"
    assert [problem.line for problem in page.problems] == [0, 1, 2]


def test_problems_stay_a_list_that_a_person_can_read() -> None:
    page = read_page(b"x\n" * 5000, name="a")
    assert len(page.problems) < 250
    assert any(
        "4801 further lines" in problem.message or "further lines" in problem.message for problem in page.problems
    )


@pytest.mark.parametrize(
    "unit",
    ["x", "a ", "(", "if x: ", "Option A — ", "\\n", "“", "| ", "- ", "@@ ", 'File "', "def f(): ", "'", "```", "§\n"],
)
@pytest.mark.parametrize(
    "section", ["The Fix", "Minimal Reproduction", "Error Message", "Fix Options (Details)", "Discussion"]
)
def test_a_line_of_a_mebibyte_is_read_in_linear_time(section: str, unit: str) -> None:
    start = process_time()
    read_page(f"{section}\n{unit * (1024 * 1024 // len(unit.encode()))}\n".encode(), name="a")
    assert process_time() - start < 3


PIECES = [line for page in (LINES, SIGNATURE, FLAT) for line in page.split("\n")]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=20)), min_size=1, max_size=40))
def test_any_lines_are_read_and_written_again(lines: list[str]) -> None:
    try:
        page = read_page("\n".join(lines).encode(), name="a")
    except UnreadablePage:
        return
    assert loads(dumps(page.case), attachments(page.case)) == page.case


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_page(data, name="a")
    except UnreadablePage:
        return
