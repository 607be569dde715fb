"""Text of cases as HTML: whatever stands in it, it stays text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixbook.web._text import coloured, inline, markdown, terminal

HOSTILE = [
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html,<script>)",
    "[x](vbscript:x)",
    "<javascript:alert(1)>",
    "![x](https://evil.example/p.png)",
    '[x](https://a.example "onmouseover=alert(1)")',
    "<img src=x onerror=alert(1)>",
    "```html\n<script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\n```',
    "[x]: javascript:alert(1)\n\n[x]",
    "<!-- comment --><b onclick=x>",
    "&lt;script&gt;",
    "| a |\n|---|\n| <script> |",
]


def assert_harmless(html: str) -> None:
    """Only tags that Markdown has, only attributes that are safe, only addresses of the web."""
    for tag in re.findall(r"<[^>]*>", html):
        name = re.match(r"</?([a-z0-9]+)", tag)
        assert name is not None, tag
        assert name[1] in {
            *("a", "p", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "hr", "br", "s", "span"),
            *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
        }, tag
        attributes = dict(re.findall(r' ([a-z]+)="([^"]*)"', tag))
        assert set(attributes) <= {"href", "rel", "class", "title", "start"}, tag
        address = attributes.get("href", "https://")
        assert not re.match(r"\s*(?:javascript|data|vbscript|file):", address, re.I), tag


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_markdown_is_text(text: str) -> None:
    assert_harmless(markdown(text))
    assert_harmless(inline(text))


@given(
    st.lists(st.sampled_from([*HOSTILE, "*", "`", "```", "[", "](", ")", "<", ">", '"', "\n", " ", "a:", "//"])).map(
        "".join
    )
)
def test_no_mixture_of_it_is_more_than_text(text: str) -> None:
    assert_harmless(markdown(text))


def test_what_people_write_is_rendered() -> None:
    assert inline("*new* in `1.0`") == "<em>new</em> in <code>1.0</code>"
    text = markdown("One\n\n- two\n- [three](https://example.org)\n\n```python\nimport a\n```")
    assert "<li>two</li>" in text
    assert 'rel="nofollow noopener"' in text
    assert 'class="c-kn"' in text


def test_code_is_coloured_whatever_it_is_called() -> None:
    assert (
        coloured("<b>", "python")
        == '<span class="c-o">&lt;</span><span class="c-n">b</span><span class="c-o">&gt;</span>'
    )
    assert coloured("<b>", "no such language") == "&lt;b&gt;"
    assert len(coloured("x = 1\n" * 100_000)) == 599_999  # too long for colours: as it is


def test_a_terminal_s_orders_are_left_out() -> None:
    assert terminal("\x1b[31mred\x1b[0m\r\nnext\x1b]0;title\x07\x00\x08\ttab\x1b[?25l") == "red\nnext0;title\ttab"
    assert terminal("\x1b[" + "1;" * 100_000) != ""  # linear
