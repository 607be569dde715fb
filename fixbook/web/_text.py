"""Text of cases as HTML: Markdown without any HTML of its own, and code in colours.

Laws: whatever a case says, what comes out has no script, no foreign image and no address but http, https and mailto;
colours are classes, so that the strict policy for styles holds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

__all__ = ["coloured", "inline", "markdown", "terminal"]

_LANGUAGES = {"": "text", "py": "python", "pytb": "pytb", "traceback": "pytb", "sh": "bash", "shell": "bash"}
_FORMAT = HtmlFormatter(nowrap=True, classprefix="c-")
_LONGEST = 200_000
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]{0,40}[ -/]{0,4}[@-~]|[@-_])|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def coloured(code: str, language: str = "python") -> Markup:
    """`code` with spans of classes; as plain text where the language is not known or the code is very long."""
    name = _LANGUAGES.get(language.lower(), language.lower())
    try:
        lexer = get_lexer_by_name(name if len(code) <= _LONGEST else "text", stripnl=False)
    except ClassNotFound:
        lexer = get_lexer_by_name("text", stripnl=False)
    return Markup(highlight(code, lexer, _FORMAT).rstrip("\n"))  # noqa: S704 - Pygments escapes the code


def _fence(text: str, language: str, _: str) -> str:
    return str(coloured(text, language))


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "highlight": _fence})
    parser.enable(["table", "strikethrough"]).disable("image")
    parser.add_render_rule("link_open", _link)
    return parser


def _link(renderer: Any, tokens: Sequence[Any], index: int, options: Any, env: Any) -> str:
    tokens[index].attrSet("rel", "nofollow noopener")
    rendered: str = renderer.renderToken(tokens, index, options, env)
    return rendered


_MARKDOWN = _parser()


@lru_cache(maxsize=2048)
def markdown(text: str) -> Markup:
    """Paragraphs, lists, code and links. Headings in it stand two levels below the page's sections."""
    return Markup(_MARKDOWN.render(text))  # noqa: S704 - rendered without raw HTML


@lru_cache(maxsize=2048)
def inline(text: str) -> Markup:
    """One line: code, emphasis and links, no paragraph around it."""
    return Markup(_MARKDOWN.renderInline(text))  # noqa: S704 - rendered without raw HTML


def terminal(text: str) -> str:
    """What a program has printed, without the control characters that only terminals understand."""
    return _ESCAPES.sub("", text.replace("\r\n", "\n"))
