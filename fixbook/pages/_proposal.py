"""A form of code that parses, offered where a page lost its line breaks or its indentation.

Where one statement ends is sure: two operands side by side are never one expression. How deep a statement stands is not
always sure, so what comes out is a proposal for a person to look at, and only if Python parses it.
"""

from __future__ import annotations

import io
import keyword
import tokenize
from itertools import pairwise

from fixbook.pages._blocks import parses

__all__ = ["propose"]

_LIMIT = 20_000
_DEEPEST = 20
_OPENERS = frozenset(
    {"def", "class", "if", "for", "while", "with", "try", "else", "elif", "except", "finally", "async", "match"}
)
_FOLLOWERS = {
    "else": frozenset({"if", "elif", "for", "while", "try", "except"}),
    "elif": frozenset({"if", "elif"}),
    "except": frozenset({"try", "except"}),
    "finally": frozenset({"try", "except", "else"}),
}
_WHOLE = frozenset({"None", "True", "False", "pass", "break", "continue"})
_ENDERS = frozenset({"return", "raise", "pass", "continue", "break"})
_ALWAYS_STARTING = frozenset({"import", "def", "class", "async", "try", "except", "finally", "with", "while", "assert"})
_STARTING = _ALWAYS_STARTING | {"from", "return", "raise", "for", "if", "elif", "else", "pass", "break", "continue"}
_STARTING |= {"del", "global", "nonlocal", "yield", "await", "not", "lambda"}


def propose(code: str) -> str | None:
    """`code` with lines and indentation, if a form is found that parses; else `None`. Never raises."""
    if len(code) > _LIMIT or "\x00" in code:
        return None
    lines = [line.strip() for line in code.split("\n") if line.strip()]
    try:
        statements = [part for line in lines for part in _split(line)] if len(lines) == 1 else _joined(lines)
    except (tokenize.TokenError, SyntaxError, ValueError):
        return None
    laid_out = _indented(statements)
    return laid_out if parses(laid_out) else None


def _joined(lines: list[str]) -> list[str]:
    """Logical lines: what is open in brackets or in a string of several lines goes on."""
    found: list[str] = []
    pending: list[str] = []
    depth, quote = 0, ""
    for line in lines:
        pending.append(line)
        depth, quote = _state(line, depth, quote)
        if depth <= 0 and not quote:
            found.append("\n".join(pending))
            pending, depth = [], 0
    return [*found, "\n".join(pending)] if pending else found


def _state(line: str, depth: int, quote: str) -> tuple[int, str]:
    """How many brackets are open after `line`, and the quotes of the string of several lines that is."""
    index = 0
    while index < len(line):
        if quote:
            if line[index] == "\\":
                index += 2
                continue
            if line.startswith(quote, index):
                index += len(quote)
                quote = ""
                continue
        elif line[index] in "\"'":
            quote = line[index] * 3 if line.startswith(line[index] * 3, index) else line[index]
            index += len(quote)
            continue
        elif line[index] == "#":
            break
        else:
            depth += (line[index] in "([{") - (line[index] in ")]}")
        index += 1
    return depth, quote if len(quote) == 3 else ""


def _split(line: str) -> list[str]:
    """The statements of one flattened line."""
    tokens = [
        token
        for token in tokenize.generate_tokens(io.StringIO(line + "\n").readline)
        if token.type not in (tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER, tokenize.INDENT, tokenize.DEDENT)
    ]
    starts = [0]
    depth = 0
    for index, token in enumerate(tokens):
        statement = tokens[starts[-1] : index]
        if statement and depth == 0 and _starts_statement(statement, token):
            starts.append(index)
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
    edges = [tokens[start].start[1] for start in starts] + [len(line)]
    return [line[begin:end].strip() for begin, end in pairwise(edges)]


def _starts_statement(statement: list[tokenize.TokenInfo], token: tokenize.TokenInfo) -> bool:
    """Whether `token` starts a new statement after the tokens of `statement`."""
    first, last = statement[0].string, statement[-1]
    if last.string == ":" and first in _OPENERS and "lambda" not in {one.string for one in statement}:
        return True
    word = token.string
    if last.string in ("raise", "return") and len(statement) == 1:
        return word in _ALWAYS_STARTING or word == "@"
    if not _ends_operand(last):
        return False
    if token.type in (tokenize.NUMBER, tokenize.STRING) or (
        token.type == tokenize.NAME and not keyword.iskeyword(word)
    ):
        return not (token.type == tokenize.STRING and last.type == tokenize.STRING)
    if word == "@":
        return first in _ENDERS or last.string == ")"
    if word == "import":
        return first != "from"
    if word in ("if", "for", "else", "async", "from", "not") and _continues(statement, word):
        return False
    return word in _STARTING


def _continues(statement: list[tokenize.TokenInfo], word: str) -> bool:
    """Whether a word that may stand inside of an expression does so here."""
    words = [one.string for one in statement]
    if word == "else":
        return "if" in words[1:]
    if word == "from":
        return words[0] in ("raise", "yield") and "from" not in words
    return word == "not"


def _ends_operand(token: tokenize.TokenInfo) -> bool:
    if token.type in (tokenize.NUMBER, tokenize.STRING):
        return True
    if token.type == tokenize.NAME:
        return not keyword.iskeyword(token.string) or token.string in _WHOLE
    return token.string in (")", "]", "}", "...")


def _indented(statements: list[str]) -> str:
    """The statements with an indentation that follows from what must be: bodies, `except`, ends of blocks."""
    lines: list[str] = []
    stack: list[tuple[str, str]] = []  # the blocks that are open: what opened each, and the name of a function
    previous = ""
    for statement in statements:
        word = _word(statement)
        if previous != ":":
            _close(stack, word, statement, previous)
        if len(stack) > _DEEPEST:
            return ""
        lines.append("    " * len(stack) + statement.replace("\n", "\n" + "    " * (len(stack) + 1)))
        opens = statement.rstrip().endswith(":") and word in _OPENERS
        if opens:
            parts = [*statement.replace("(", " ").replace(":", " ").split(), "", ""]
            kind = parts[0] if parts[0] != "async" else parts[1]
            stack.append((kind, parts[parts.index(kind) + 1] if kind == "def" else ""))
        previous = ":" if opens else word
    return "\n".join(lines) + "\n"


def _word(statement: str) -> str:
    return statement.split(None, 1)[0].split("(", 1)[0].rstrip(":") if statement.strip() else ""


def _close(stack: list[tuple[str, str]], word: str, statement: str, previous: str) -> None:
    """Leave the blocks that cannot, or would not, go on with this statement."""
    if word in _FOLLOWERS:
        while stack and stack[-1][0] not in _FOLLOWERS[word]:
            stack.pop()
        del stack[-1:]
        return
    if previous in _ENDERS and stack:
        _leave_ended(stack)
    defines = word in ("def", "class", "async") or word.startswith("@")
    if defines or word in ("import", "from"):
        is_method = defines and ("(self" in statement or "(cls" in statement)
        while stack and not (is_method and stack[-1][0] == "class"):
            stack.pop()
    if stack and stack[-1][0] == "class" and previous in _ENDERS and not defines:
        stack.clear()
    for depth, (kind, name) in enumerate(stack):
        if kind == "def" and name and not name.startswith("_") and f"{name}(" in statement:
            del stack[depth:]  # it calls the function that it would be in
            break


def _leave_ended(stack: list[tuple[str, str]]) -> None:
    """After `return` and its like: the block ends, and with `except` or `with` the function does."""
    kind = stack.pop()[0]
    while stack and kind in ("with", "try", "except", "else", "finally") and stack[-1][0] != "class":
        kind = stack.pop()[0]
