"""JSON by the functions of the standard library that stand in their place now.

Programs, and tests more often, replace `json.dumps`, `json.loads` or `json.JSONEncoder.default`, and with upstream
every response and request sees it. Asterion's own codec has its encoder from the start; this one goes back to the
functions where one of them was replaced.
"""

import json
from typing import Any

from asterion._core.jsoncodec import JSON, STANDARD, JSONCodec

_dumps, _loads, _default = json.dumps, json.loads, json.JSONEncoder.default


def _encode(value: Any) -> bytes:
    if json.dumps is _dumps and json.JSONEncoder.default is _default:
        return STANDARD.encode(value)
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")


def _decode(body: bytes) -> Any:
    return STANDARD.decode(body) if json.loads is _loads else json.loads(body)


REPLACEABLE = JSONCodec("json", _encode, _decode)
"""The standard library's codec, which notices that one of its functions was replaced."""


def let_json_be_replaced() -> None:
    """Have `REPLACEABLE` used, unless another codec was chosen. Doing it twice does no harm."""
    if JSON.codec is STANDARD:
        JSON.codec = REPLACEABLE
