"""Every case comes back the same from its case file, whatever stands in its texts."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from fixbook.casefile import attachments, dumps, loads, read_case, write_case
from fixbook.model import (
    Case,
    Expectation,
    Option,
    Outcome,
    Quote,
    Reproduction,
    Role,
    Source,
    Target,
    VersionStatus,
)

# What Markdown and YAML have rules about, among anything else.
SPECIAL = [
    "## Trigger",
    "### One",
    "# x",
    "```",
    "~~~~",
    "---",
    "> a",
    "- a",
    "  b",
    "Not when: x",
    "Kind: y",
    "— a, b",
]
SPECIAL += [
    "null",
    "0.20",
    "true",
    "*a",
    "&b",
    "!c",
    "`x`",
    "\r",
    "\x00",
    "\x85",
    "\ufeff",
    " ",
    "",
    "{",
    "é",
    "🦊",
    ": ",
]
pieces = st.one_of(st.sampled_from(SPECIAL), st.text(max_size=12))
texts = st.lists(pieces, max_size=5).map("\n".join)
maybe = st.none() | texts
lists = st.lists(texts, max_size=3).map(tuple)
names = st.dictionaries(texts, texts, max_size=3)


expectations = st.none() | st.builds(
    Expectation,
    exit=st.integers(0, 255),
    output=st.lists(st.sampled_from([r"lost\b", "a: b", "x{2}", ""]), max_size=2).map(tuple),
    exception=maybe,
)
exact = st.builds(
    Target,
    role=st.sampled_from([Role.BROKEN, Role.FIXED]),
    version=st.sampled_from(["0.20", "1.0rc1"]),
    requires=st.sampled_from([(), ("anyio<4",)]),
    expect=st.sampled_from([Outcome.BROKEN, Outcome.RIGHT]),
)
floating = st.builds(Target, role=st.sampled_from([Role.NEWEST, Role.ASTERION]))
reproductions = st.none() | st.builds(
    Reproduction,
    code=texts,
    path=st.sampled_from([None, "repro.py", "below/script.py"]),
    package=maybe,
    requires=st.sampled_from([(), ("httpx<0.28", 'a; python_version < "3.12"')]),
    targets=st.lists(exact | floating, max_size=4, unique_by=lambda target: target.role).map(tuple),
    broken=expectations,
    right=expectations,
    timeout=st.floats(0.001, 3600),
    files=st.dictionaries(st.sampled_from(["data.txt", "more/a.py"]), texts, max_size=2),
    python=st.sampled_from([None, ">=3.11"]),
)
cases = st.builds(
    Case,
    id=st.from_regex(r"[a-z0-9](?:[a-z0-9._-]{0,20}[a-z0-9])?", fullmatch=True),
    status=st.sampled_from([None, "fixed", "open"]),
    confidence=st.none() | st.floats(0, 1),
    truncated=st.booleans(),
    reproduction=reproductions,
    options=st.lists(st.builds(Option, title=texts, text=texts, kind=maybe, not_when=maybe), max_size=3).map(tuple),
    discussion=st.lists(st.builds(Quote, text=texts, author=maybe, date=maybe, url=maybe), max_size=3).map(tuple),
    versions=st.lists(st.builds(VersionStatus, version=texts, status=texts), max_size=3).map(tuple),
    source=st.none() | st.builds(Source, name=texts, text=texts, layout=maybe),
    **dict.fromkeys(["title", "package", "repository", "issue", "issue_url", "fix", "first_fixed", "summary"], maybe),
    **dict.fromkeys(["trigger", "mechanism", "why_it_works", "error_message", "diff"], maybe),
    **dict.fromkeys(["impact", "symptoms", "signatures", "not_when", "prevention", "notes", "related", "tags"], lists),
    **dict.fromkeys(["environment", "evidence"], names),
)


@settings(max_examples=150, deadline=None, report_multiple_bugs=False)
@given(cases)
def test_a_case_comes_back_the_same(case: Case) -> None:
    assert loads(dumps(case), attachments(case)) == case


def test_a_case_comes_back_the_same_from_its_folder(tmp_path: Path) -> None:
    case = Case(
        "x-1",
        title="A thing",
        reproduction=Reproduction("print('é')\r\n", path="repro.py", files={"more/a.txt": "\n"}),
        source=Source("page.txt", "one\n\n```\ntwo\n## Trigger\n"),
    )
    write_case(case, tmp_path / "x-1")
    assert (tmp_path / "x-1" / "more" / "a.txt").read_bytes() == b"\n"
    assert read_case(tmp_path / "x-1") == case


def test_ordinary_texts_stand_under_headings_and_not_in_the_front_matter() -> None:
    case = Case(
        "x", summary="It\n\nbreaks.", impact=("One.", "Two\nlines."), options=(Option("Up", "Do.", "upgrade", "No."),)
    )
    text = dumps(case)
    assert text.startswith("---\nid: x\n---\n")
    assert "## What breaks\n\nIt\n\nbreaks.\n" in text
    assert "- One.\n- Two\n  lines.\n" in text
    assert "### Up\n\nKind: upgrade\n\nDo.\n\nNot when: No.\n" in text
