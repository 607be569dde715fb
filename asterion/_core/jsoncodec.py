"""JSON text to values and back, through one setting: the standard library's, or that of a library which is named.

Laws of this module: what is written is UTF-8 (RFC 8259 8.1) and never `NaN`; a decoder raises ValueError for whatever
is not JSON, `json.JSONDecodeError` where it knows the place.
"""

import importlib
import json
import json.encoder
from collections.abc import Callable
from typing import Any


class JSONCodec:
    """How values become JSON in UTF-8 and back.

    `encode` raises TypeError or ValueError for what JSON cannot hold; `decode` is given bytes and raises ValueError for
    what is not JSON, best `json.JSONDecodeError`, which names the place.
    """

    __slots__ = ("decode", "encode", "name")

    def __init__(self, name: str, encode: Callable[[Any], bytes], decode: Callable[[bytes], Any]) -> None:
        self.name = name
        self.encode = encode
        self.decode = decode

    def __repr__(self) -> str:
        return f"JSONCodec({self.name!r})"


_thorough = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _make_chunks() -> Callable[[Any, int], Any] | None:
    # PERF(benchmarks/typed_parameter): JSONEncoder.encode makes the same encoder, in C, again for every value. Without
    # a record of what it is in the middle of, one encoder can serve every thread; a circle ends by its depth.
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # an interpreter without the accelerator
        return None
    text = json.encoder.encode_basestring
    try:
        chunks: Callable[[Any, int], Any] = make(None, _thorough.default, text, None, ":", ",", False, False, False)
    except TypeError:  # another release's arguments
        return None
    return chunks


_chunks = _make_chunks()


def _encode(value: Any) -> bytes:
    if _chunks is None:
        text = _thorough.encode(value)
    else:
        try:
            text = "".join(_chunks(value, 0))
        except RecursionError:
            text = _thorough.encode(value)  # which says so of a circle
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        # A lone surrogate, which JSON may hold as an escape only (RFC 8259 8.2).
        return text.encode("utf-8", "backslashreplace")


_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined] # what `decode` does between its two looks at spaces
_SPACE = " \t\n\r"


def _decode(body: bytes) -> Any:
    # PERF(benchmarks/json_echo): objects and lists in UTF-8 show in their first bytes (RFC 4627 3).
    plain = len(body) > 2 and body[0] in b"{[" and body[1] and body[2]
    text = body.decode("utf-8" if plain else json.detect_encoding(body))
    if plain:
        try:
            value, end = _scan(text, 0)
        except StopIteration:
            pass  # what is wrong is said below
        else:
            if end == len(text) or not text[end:].strip(_SPACE):
                return value
    return json.loads(text)


STANDARD = JSONCodec("json", _encode, _decode)
"""The standard library's, which is there by default."""


class _Setting:
    """The codec in use. A class, so that those who read it see it change."""

    codec: JSONCodec = STANDARD


JSON = _Setting


def use_json_codec(codec: str | JSONCodec) -> JSONCodec:
    """Have JSON read and written by `codec` in this whole process: "json", "orjson", "msgspec", or one of your own.

    Serves `JSONResponse`, `Request.json` and the WebSockets' `send_json` and `receive_json`. Gives the codec that was
    in use before. Raises ValueError for a name that is not known and ImportError where the library is not installed.
    """
    before = JSON.codec
    JSON.codec = codec if isinstance(codec, JSONCodec) else _named(codec)
    return before


def _named(name: str) -> JSONCodec:
    if name == "json":
        return STANDARD
    if name == "orjson":
        orjson = importlib.import_module("orjson")
        return JSONCodec(name, orjson.dumps, orjson.loads)
    if name == "msgspec":
        msgspec = importlib.import_module("msgspec.json")
        return JSONCodec(name, msgspec.encode, msgspec.decode)
    raise ValueError(f"no JSON codec is named {name!r}; say 'json', 'orjson', 'msgspec', or pass a JSONCodec")
