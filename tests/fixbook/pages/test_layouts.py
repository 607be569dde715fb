"""Pages in each layout are read into a case, and what they do not say stays unknown."""

import ast

from fixbook.casefile import attachments, dumps, loads
from fixbook.model import Option, Problem, Quote, VersionStatus
from fixbook.pages import Layout, read_page
from tests.fixbook.pages.given import FLAT, LINES, SIGNATURE


def _after(page: str, line: str) -> int:
    """The number of the line after `line`."""
    return page.split("\n").index(line) + 2


def test_a_page_of_lines() -> None:
    page = read_page(LINES.encode(), name="77.txt")
    case = page.case
    assert page.layout is Layout.LINES
    assert (case.id, case.repository, case.issue) == ("widget-77", "acme/widget", "77")
    assert case.issue_url == "https://github.com/acme/widget/issues/77"
    assert (case.fix, case.first_fixed, case.status) == ("https://github.com/acme/widget/pull/78", "2.1.0", "fixed")
    assert (case.summary, case.trigger) == ("Widgets are gone.", "WidgetError: gone")
    assert (case.mechanism, case.why_it_works) == (
        "The widget forgets itself",
        "It remembers. (first fixed release: 2.1.0).",
    )
    assert (case.impact, case.symptoms) == (("If left unfixed, widgets go away.",), ("WidgetError: gone",))
    assert case.signatures == ("WidgetError: gone",)
    assert case.environment == {"Python": "3.9"}
    assert case.evidence == {"Reproduced locally": "No (not executed)", "Last verified": "2026-02-09"}
    assert case.confidence == 0.85
    assert case.versions == (VersionStatus("2.1.0", "Fixed"), VersionStatus("2.0.9", "Broken"))
    assert case.discussion == (Quote("One voice."), Quote("A voice\non two lines"))
    assert case.diff == "@@ -1,3 +1,4 @@\nimport os\n+import sys\n-import re"
    assert case.not_when == ("Never on Mondays.",)
    assert case.prevention == ("Test widgets.",)
    assert (case.title, case.package, case.related) == (None, None, ())
    assert case.source is not None
    assert case.source.text == LINES


def test_options_are_put_together_from_the_summary_and_the_details() -> None:
    assert read_page(LINES.encode(), name="a").case.options == (
        Option("Upgrade to fixed release", "Upgrade to version 2.1.0 or later.", "upgrade", "Never on Mondays."),
        Option("Workaround", "Call it twice.", "workaround", "Never at night."),
    )


def test_a_trace_that_was_cut_off_is_marked() -> None:
    case = read_page(LINES.encode(), name="a").case
    assert case.truncated
    assert (case.error_message or "").startswith("Traceback (most recent call last):\nFile ")
    assert not read_page(SIGNATURE.encode(), name="a").case.truncated


def test_code_without_its_indentation_is_kept_as_it_is_and_a_form_that_parses_is_offered_beside() -> None:
    page = read_page(LINES.encode(), name="a")
    assert page.case.reproduction is not None
    assert page.case.reproduction.code.startswith("from widget import Widget\ndef main(request):\nwidget = Widget(\n")
    assert page.case.reproduction.path is None
    assert [problem.line for problem in page.problems] == [_after(LINES, "Minimal Reproduction")]
    assert "may have lost its indentation" in page.problems[0].message
    assert page.proposal is not None
    ast.parse(page.proposal)
    assert page.proposal.endswith("    return widget\nmain(None)\n")


def test_a_page_with_a_signature_and_code_that_is_whole() -> None:
    page = read_page(SIGNATURE.encode(), name="a")
    assert (page.layout, page.problems, page.proposal) == (Layout.SIGNATURE, (), None)
    assert page.case.signatures == ("raise Gone()", "def test_gone():")
    assert page.case.error_message == "def test_gone():\nraise Gone()"
    assert page.case.reproduction is not None
    assert (page.case.reproduction.code, page.case.reproduction.path) == ("import gadget\n\ngadget.run()\n", "repro.py")
    assert (page.case.confidence, page.case.options, page.case.environment) == (None, (), {})


def test_a_flat_page() -> None:
    page = read_page(FLAT.encode(), name="a")
    case = page.case
    assert (page.layout, case.status, case.id) == (Layout.FLAT, "open", "widget-78")
    assert case.discussion == (Quote("One voice.", "ann", "2022-01-28"), Quote("Another.", "bob", "2022-04-03"))
    assert "confirmation: @bob, 2022-04-03" in case.notes
    assert (case.error_message or "").startswith("gone Traceback (most recent call last): File")
    assert case.versions == (VersionStatus("2.1.0", "Fixed"),)
    assert case.related == ("Widgets of other kinds",)
    assert [problem.line for problem in page.problems] == [11, _after(FLAT, "Minimal Reproduction") + 2]
    assert case.reproduction is not None
    assert "\n" not in case.reproduction.code
    assert page.proposal == (
        "import widget\n"
        "async def get(a):\n    try:\n        return await widget.get(a)\n"
        '    except KeyError:\n        print("gone")\n        raise\n'
        "class W(widget.W):\n    def f(self):\n        return 1\n"
        "w = W( a=[1, 2], )\n"
    )


def test_a_traceback_in_the_place_of_the_reproduction_is_not_taken_for_code() -> None:
    text = 'Minimal Reproduction\nTraceback (most recent call last):\nFile "a.py", line 1, in f\nKeyError: 1\n'
    page = read_page(text.encode(), name="a")
    assert page.case.reproduction is None
    assert page.problems == (Problem(2, "a traceback stands where the reproduction should; there is no reproduction"),)


def test_every_line_that_is_not_understood_is_reported_with_its_number() -> None:
    text = "Hello\nEnvironment\n- Python: 3.9\nwhat is this\nProof / Evidence\n- Confidence: high\n"
    text += "Version Compatibility Table\nlonely\n"
    page = read_page(text.encode(), name="a")
    assert [(problem.line, problem.message.partition(":")[0]) for problem in page.problems] == [
        (1, "not understood before the first heading"),
        (4, "not understood in the environment"),
        (6, "the confidence 'high' is not a number from 0 to 1"),
        (8, "not understood in the version table"),
    ]


def test_a_page_that_contradicts_itself_is_reported() -> None:
    text = LINES.replace("First fixed release: 2.1.0\nLast", "First fixed release: 2.2.0\nLast")
    page = read_page(text.encode(), name="a")
    assert page.case.first_fixed == "2.1.0"
    assert (
        Problem(
            _after(text, "First fixed release: 2.2.0") - 1,
            "first_fixed is '2.2.0' here, and '2.1.0' elsewhere in the page",
        )
        in page.problems
    )


def test_no_line_of_a_page_is_lost_without_a_word() -> None:
    """Each line with a mark of its own stands in the case, or in a problem that names its number."""
    lines = LINES.split("\n")
    for index, line in enumerate(lines):
        if not line.strip() or line[0] not in "-“UCT" or line.startswith(("---", "Use ")):
            continue
        marked = "\n".join([*lines[:index], line.replace(line[-3], "§mark" + line[-3], 1), *lines[index + 1 :]])
        page = read_page(marked.encode(), name="a")
        kept = dumps(page.case).partition("## Source")[0]
        assert "§mark" in kept or any(problem.line == index + 1 for problem in page.problems), line


def test_a_case_that_was_read_comes_back_the_same_from_its_case_file() -> None:
    for text in (LINES, SIGNATURE, FLAT):
        case = read_page(text.encode(), name="a").case
        assert loads(dumps(case), attachments(case)) == case
