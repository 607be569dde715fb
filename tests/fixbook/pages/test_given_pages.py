"""The five pages that were given with the task of reading such pages, where they are at hand."""

from pathlib import Path

import pytest

from fixbook.casefile import attachments, dumps, loads
from fixbook.finding import rank
from fixbook.pages import Layout, read_page

PAGES = sorted((Path(__file__).parents[3].parent / "shared" / "seeds").glob("*.txt"))
KNOWN = {
    "starlette-886": ("0.20.1", Layout.SIGNATURE, False),
    "starlette-1438": ("0.21.0", Layout.FLAT, False),
    "starlette-793": ("0.14.0", Layout.FLAT, True),
    "starlette-1255": ("0.17.0", Layout.LINES, True),
    "starlette-472": ("0.24.0", Layout.LINES, False),
}

pytestmark = pytest.mark.skipif(len(PAGES) != 5, reason="the given pages are not here")


def test_all_five_are_read_and_only_what_is_damaged_is_reported() -> None:
    pages = {page.case.id: page for page in (read_page(path.read_bytes(), name=path.name) for path in PAGES)}
    assert {id: (p.case.first_fixed, p.layout, p.case.truncated) for id, p in pages.items()} == KNOWN
    for page in pages.values():
        assert not [problem for problem in page.problems if "not understood" in problem.message]
        assert page.case.summary
        assert page.case.mechanism
        assert page.case.signatures
        assert loads(dumps(page.case), attachments(page.case)) == page.case


def test_each_is_found_by_its_own_error_message() -> None:
    cases = [read_page(path.read_bytes(), name=path.name).case for path in PAGES]
    for case in cases:
        found = rank(case.error_message or "", cases)
        assert found[0].case.id == case.id
