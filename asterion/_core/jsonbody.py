"""JSON request bodies: bytes to values, where every fault of the body is one error with a position.

Law of this module: whatever a client sends, the result is a value or `MalformedJSON`.
"""

import json
import re
import sys
from typing import Any

from asterion._core.jsoncodec import JSON
from asterion._core.jsondepth import nests_deeper
from asterion.exceptions import HTTPException

_DIGITS = re.compile("[0-9]+")


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
    # PERF(benchmarks/json_echo): each level takes two bytes, so that most texts are too short.
    if max_depth is not None and len(body) > 2 * max_depth and nests_deeper(body, max_depth):
        raise MalformedJSON(f"Nested too deeply, at most {max_depth} levels (json_depth)", _text_of(body), 0)
    try:
        return JSON.codec.decode(body)
    except UnicodeDecodeError as error:
        encoding = error.encoding
        doc = body.decode(encoding, "replace")
        place = len(body[: error.start].decode(encoding, "replace"))
        raise MalformedJSON(f"Bytes that are not {encoding.upper()}", doc, min(place, len(doc))) from None
    except json.JSONDecodeError as error:
        raise MalformedJSON(error.msg, error.doc, error.pos) from None
    except RecursionError:
        raise MalformedJSON("Nested too deeply", _text_of(body), 0) from None
    except ValueError as error:
        raise _without_a_place(error, _text_of(body)) from None


def _text_of(body: bytes) -> str:
    return body.decode(json.detect_encoding(body), "replace")


def _without_a_place(error: ValueError, text: str) -> MalformedJSON:
    # The interpreter refuses very long integers, because converting takes quadratic time, and does not say where.
    limit = sys.get_int_max_str_digits()
    for run in _DIGITS.finditer(text):
        if run.end() - run.start() > limit:
            return MalformedJSON(f"Integer of more than {limit} digits", text, run.start())
    return MalformedJSON(str(error), text, 0)
