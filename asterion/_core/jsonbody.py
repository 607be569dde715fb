"""JSON request bodies: bytes to values, where every fault of the body is one error with a position.

Law of this module: whatever a client sends, the result is a value or `MalformedJSON`.
"""

import json
import re
import sys
from collections.abc import Generator
from typing import Any

from asterion._core.jsoncodec import JSON, STANDARD
from asterion._core.jsondepth import nests_deeper
from asterion._core.jsonslices import JSONSlices
from asterion.exceptions import HTTPException

AT_ONCE = 64 * 1024
"""Bytes of JSON that are read without a turn for others in between: 4 to 6 ms for lists nested in lists."""


class MalformedJSON(HTTPException, json.JSONDecodeError):
    """A request body that is not JSON, or JSON beyond what can be read. Answered with 400.

    Also a `json.JSONDecodeError`, with `msg`, `doc` (the text), `pos` (in characters), `lineno` and `colno`. The detail
    for the client names fault and position, never the text.
    """

    def __init__(self, msg: str, doc: str, pos: int) -> None:
        # Not HTTPException.__init__: its super() is JSONDecodeError here, which takes other arguments.
        json.JSONDecodeError.__init__(self, msg, doc, pos)
        self.status_code = 400
        self.detail = f"The request body is not JSON that can be read: {self.args[0]}."
        self.headers = None

    def __str__(self) -> str:
        return str(self.args[0])


def parse_json(body: bytes, max_depth: int | None = None) -> Any:
    """The value of a JSON text in UTF-8, UTF-16 or UTF-32 (RFC 8259; the encoding is told by its first bytes).

    Raises MalformedJSON for text that is not JSON, bytes that are not text, more than `max_depth` lists and objects
    within each other (RFC 8259 9 lets a parser limit that), nesting too deep for the interpreter, and integers with
    more digits than `sys.get_int_max_str_digits()`.
    """
    # PERF(benchmarks/json_echo): each level takes two bytes, so that most texts are too short to be too deep.
    if max_depth is not None and len(body) > 2 * max_depth:
        _check_depth(body, max_depth)
    try:
        return JSON.codec.decode(body)
    except (ValueError, RecursionError) as error:
        raise _malformed(error, body) from None


def parse_json_slices(body: bytes, max_depth: int | None = None) -> Generator[None, None, Any]:
    """Steps that read a JSON text a slice at a time; the value is what they return. Raises what `parse_json` raises.

    A codec that is not the standard library's reads the whole text in one step.
    """
    if max_depth is not None:
        _check_depth(body, max_depth)
    try:
        if JSON.codec is not STANDARD:
            return JSON.codec.decode(body)
        yield
        slices = JSONSlices(body.decode(json.detect_encoding(body)))
        while slices.step():
            yield
        return slices.value
    except (ValueError, RecursionError) as error:
        raise _malformed(error, body) from None


def _check_depth(body: bytes, max_depth: int) -> None:
    if nests_deeper(body, max_depth):
        raise MalformedJSON(f"Nested too deeply, at most {max_depth} levels (json_depth)", _text_of(body), 0)


def _malformed(error: Exception, body: bytes) -> MalformedJSON:
    if isinstance(error, UnicodeDecodeError):
        encoding = error.encoding
        doc = body.decode(encoding, "replace")
        place = len(body[: error.start].decode(encoding, "replace"))
        return MalformedJSON(f"Bytes that are not {encoding.upper()}", doc, min(place, len(doc)))
    if isinstance(error, json.JSONDecodeError):
        return MalformedJSON(error.msg, error.doc, error.pos)
    if isinstance(error, RecursionError):
        return MalformedJSON("Nested too deeply", _text_of(body), 0)
    # The interpreter refuses very long integers, because converting takes quadratic time, and does not say where.
    text, limit = _text_of(body), sys.get_int_max_str_digits()
    long = re.search(f"(?<![0-9])[0-9]{{{limit + 1}}}", text) if limit else None
    if long is None:
        return MalformedJSON(str(error), text, 0)
    return MalformedJSON(f"Integer of more than {limit} digits", text, long.start())


def _text_of(body: bytes) -> str:
    return body.decode(json.detect_encoding(body), "replace")
