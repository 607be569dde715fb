"""The OpenAPI document of the API: operations from routes and docstrings, schemas from the model's dataclasses.

Nothing is written twice: paths, methods and path parameters are those of the routes, fields those of the values that
are sent.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

from asterion.routing import BaseRoute
from asterion.schemas import SchemaGenerator
from fixbook import __version__
from fixbook.model import Case, Run
from fixbook.store import Chunk, Job

__all__ = ["document"]

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}
_PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}
_HIT = {
    "type": "object",
    "description": "A case that a search has found.",
    "required": ["id", "title", "url", "score", "reasons", "excerpt"],
    "properties": {
        "id": {"type": "string"},
        "title": {"type": ["string", "null"]},
        "url": {"type": "string"},
        "score": {"type": ["number", "null"], "description": "By signature, 0 to 1; null: found by words."},
        "reasons": {"type": "array", "items": {"type": "string"}},
        "excerpt": {"type": ["string", "null"]},
    },
}
_PARAMETERS = {
    "id": {"description": "The id of a case, or the number of a run or job.", "schema": {"type": "string"}},
}


def document(routes: Sequence[BaseRoute], server: str) -> dict[str, Any]:
    """The document for an API with these routes, served at the URL `server`."""
    generator = SchemaGenerator(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Fixbook",
                "version": __version__,
                "description": "Known failures, with every fix executed. Reading is free; starting runs needs an "
                "administrator's session.",
                "license": {"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
            },
            "servers": [{"url": server}],
        }
    )
    made = generator.get_schema(routes=list(routes))
    for path, operations in made["paths"].items():
        for operation in operations.values():
            _complete(path, operation)
    schemas: dict[str, Any] = {"Problem": _PROBLEM, "Hit": _HIT}
    for kind in (Case, Run, Job, Chunk):
        _schema(kind, schemas)
    made["components"] = {
        "schemas": dict(sorted(schemas.items())),
        "responses": {
            "Problem": {
                "description": "An error.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }
        },
        "securitySchemes": {
            "session": {"type": "apiKey", "in": "cookie", "name": "fixbook", "description": "Log in at /login."}
        },
    }
    return made


def _complete(path: str, operation: dict[str, Any]) -> None:
    """Add what every operation has: the parameters of its path, and the answer to whatever goes wrong."""
    named = [
        {"name": name, "in": "path", "required": True, **_PARAMETERS.get(name, {"schema": {"type": "string"}})}
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    if named:
        operation["parameters"] = named + operation.get("parameters", [])
    responses = {str(status): answer for status, answer in operation["responses"].items()}
    operation["responses"] = {**responses, "default": {"$ref": "#/components/responses/Problem"}}


def _schema(hint: Any, known: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a type of the model; dataclasses and enumerations are put among the `known`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = next(argument for argument in arguments if argument is not type(None))
        found = _schema(inner, known)
        if isinstance(found.get("type"), str):
            return {**found, "type": [found["type"], "null"]}
        return {"anyOf": [found, {"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": _schema(arguments[0], known)}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(arguments[1], known)}
    if hint is datetime:
        return {"type": "string", "format": "date-time"}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    return _named(hint, known)


def _named(kind: Any, known: dict[str, Any]) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{kind.__name__}"}
    if kind.__name__ in known:
        return reference
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        known[kind.__name__] = {"type": "string", "enum": [item.value for item in kind]}
    elif isinstance(kind, type) and is_dataclass(kind):
        known[kind.__name__] = {}  # for one that refers to itself
        hints = get_type_hints(kind)
        names = [item.name for item in fields(kind)]
        known[kind.__name__] = {
            "type": "object",
            "description": " ".join((kind.__doc__ or "").split("\n\n")[0].split()),
            "required": names,
            "properties": {name: _schema(hints[name], known) for name in names},
        }
    else:
        raise TypeError(f"{kind!r} has no form in JSON Schema; add it to fixbook.web._openapi")
    return reference
