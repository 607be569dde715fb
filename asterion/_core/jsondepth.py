"""How deeply a JSON text nests, found out without reading it as JSON.

Laws of this module: the work is linear in the text, and next to nothing for a text with few brackets; of text that is
JSON the answer is exact, and what is not JSON may get either, because whoever decodes it refuses it anyway.
"""

import json
from array import array
from itertools import accumulate

_BUT_OPENING = bytes(byte for byte in range(256) if byte not in b"[{")
_BUT_BRACKETS_AND_QUOTES = bytes(byte for byte in range(256) if byte not in b'[]{}"')
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_STEPS = bytes.maketrans(b"[]", b"\x01\xff")  # one down, one up, as signed bytes

_AT_ONCE = 8192


def nests_deeper(body: bytes, limit: int) -> bool:
    """Whether a JSON text, in any of its encodings, has more than `limit` lists and objects within each other."""
    # PERF(benchmarks/json_echo): to drop all other bytes takes half as long as to count two kinds.
    if len(body.translate(None, _BUT_OPENING)) <= limit:
        return False
    brackets = brackets_of(_as_utf8(body)).translate(_ONE_KIND)
    # What is innermost goes first, one level at a time: of an ordinary text not much is left after two.
    while (opened := brackets.count(b"[")) > limit >= 0:
        rest = brackets.replace(b"[]", b"")
        if 4 * len(rest) > 3 * len(brackets):
            return _goes_deeper(brackets, limit)
        brackets, limit = rest, limit - 1
    return opened > limit


def _goes_deeper(brackets: bytes, limit: int) -> bool:
    steps, depth = brackets.translate(_STEPS), 0
    for start in range(0, len(steps), _AT_ONCE):  # what goes too deep does so early
        *depths, depth = accumulate(array("b", steps[start : start + _AT_ONCE]), initial=depth)
        if max(depths) > limit or depth > limit:
            return True
    return False


def _as_utf8(body: bytes) -> bytes:
    encoding = json.detect_encoding(body)
    return body if encoding.startswith("utf-8") else body.decode(encoding, "replace").encode("utf-8", "replace")


def brackets_of(text: bytes) -> bytes:
    """The brackets outside of strings, in a JSON text in UTF-8 or the beginning of one."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    # What is left of a string without brackets is two quotes. Whatever lies behind any two of them is within a string
    # if it was before.
    marks = text.translate(None, _BUT_BRACKETS_AND_QUOTES).replace(b'""', b"")
    return b"".join(marks.split(b'"')[::2])
