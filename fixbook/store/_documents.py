"""Values of the model as documents: JSON that the database keeps, and back.

A document has every field by its name. Text that no database takes (NUL, half of a surrogate pair) is replaced by
U+FFFD; everything else comes back equal to what went in. Fields that a newer or older Fixbook wrote differently are
left at their defaults.
"""

from __future__ import annotations

import hashlib
import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from fixbook.model import plain

__all__ = ["digest", "document", "restore", "storable"]

T = TypeVar("T")


def storable(text: str) -> str:
    """`text` without what a database refuses."""
    return text.replace("\0", "\ufffd").encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def document(value: Any) -> dict[str, Any]:
    """A dataclass of the model as a JSON object."""
    return cast("dict[str, Any]", _clean(plain(value)))


def digest(content: Any) -> str:
    """SHA-256 of JSON, in hexadecimal; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def restore(kind: type[T], content: Mapping[str, Any]) -> T:
    """The `kind` that `document` was made of. Raises TypeError or ValueError if it is something else."""
    hints = _hints(cast("Any", kind))
    return kind(**{name: _value(hints[name], item) for name, item in content.items() if name in hints})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {item.name: hints[item.name] for item in fields(kind)}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value


def _value(hint: Any, item: Any) -> Any:
    if item is None:
        return None
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        hint = next(argument for argument in arguments if argument is not type(None))
        return _value(hint, item)
    if origin is tuple:
        return tuple(_value(arguments[0], part) for part in item)
    if isinstance(hint, type):
        if is_dataclass(hint):
            return restore(hint, item)
        if issubclass(hint, StrEnum):
            return hint(item)
        if hint is datetime:
            return datetime.fromisoformat(item)
        if hint is float:
            return float(item)
    return item
