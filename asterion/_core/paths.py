"""Path templates: `/users/{id:int}` as a pattern, a format and convertors.

A path matches as a whole: the pattern is anchored with `\\Z`, so a trailing newline is never overlooked (`$` would).
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from asterion._core.openpaths import OpenTemplate, open_template
from asterion._core.percent import unquote_bytes
from asterion.convertors import CONVERTOR_TYPES, Convertor, IntegerConvertor, StringConvertor
from asterion.types import Scope

_PARAM = re.compile(r"{([a-zA-Z_][a-zA-Z0-9_]*)(?::([a-zA-Z_][a-zA-Z0-9_]*))?}")

_OPEN: dict[str, OpenTemplate] = {}
"""By their pattern, the templates that are matched without it, because it could try too many ways."""


def get_route_path(scope: Scope) -> str:
    """The part of `scope["path"]` that routing looks at: without `root_path`, which ends at a segment boundary.

    A path outside of `root_path` is returned whole (the server did not include the prefix).
    """
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if not root or not path.startswith(root):
        return path
    rest = path[len(root) :]
    return rest if not rest or rest[0] == "/" else path


ENCODED_SLASH = "\ue000"
"""Stands for a slash that was written as `%2F`, while a path is matched: a private character, in no pattern."""


def path_with_encoded_slashes(scope: Scope) -> str | None:
    """The path with `ENCODED_SLASH` for every `%2F`, or None if there is none (RFC 3986 2.2)."""
    raw: bytes = scope.get("raw_path") or b""
    if b"%2f" not in raw and b"%2F" not in raw:
        return None
    marked = raw.replace(b"%2f", b"%EE%80%80").replace(b"%2F", b"%EE%80%80")
    path = unquote_bytes(marked).decode("utf-8", "replace")
    # Else something has rewritten the path, and that counts.
    return path if path.replace(ENCODED_SLASH, "/") == scope["path"] else None


def with_slashes(params: dict[str, Any]) -> dict[str, Any]:
    """`params` with plain slashes in the place of `ENCODED_SLASH`."""
    return {k: v.replace(ENCODED_SLASH, "/") if isinstance(v, str) else v for k, v in params.items()}


def parse_params(regex: re.Pattern[str], convertors: Mapping[str, Convertor[Any]], path: str) -> dict[str, Any] | None:
    """The converted parameters of `path`, or None where it does not match.

    A convertor that raises ValueError (a number with too many digits, say) is a path that does not match.
    """
    params: dict[str, Any] | None
    if len(convertors) > 1 and regex.pattern in _OPEN:
        params = _OPEN[regex.pattern].match(path)
    else:
        match = regex.match(path)
        params = None if match is None else match.groupdict()
    if params is None:
        return None
    try:
        for name, convertor in convertors.items():
            if convertor.__class__ is StringConvertor:
                continue  # PERF(benchmarks/typed_parameter): text stays as it is
            params[name] = convertor.convert(params[name])
    except ValueError:
        return None
    return params


class Tail(NamedTuple):
    """A template with one parameter, which is its whole last segment: read without the pattern.

    PERF(benchmarks/typed_parameter, benchmarks/many_routes).
    """

    regex: re.Pattern[str]
    """The pattern that says the same: a route whose pattern was replaced is read by that."""
    prefix: str
    """What stands before the last slash."""
    name: str
    convertor: Convertor[Any] | None
    """None where the text is the value."""


def tail_of(regex: re.Pattern[str], path_format: str, convertors: Mapping[str, Convertor[Any]]) -> Tail | None:
    """The template as a `Tail`, if it is one whose only parameter is text or an integer."""
    if len(convertors) != 1:
        return None
    ((name, convertor),) = convertors.items()
    prefix = path_format.removesuffix(f"{{{name}}}")
    if not prefix.endswith("/") or "{" in prefix or type(convertor) not in (StringConvertor, IntegerConvertor):
        return None
    return Tail(regex, prefix[:-1], name, None if type(convertor) is StringConvertor else convertor)


def parse_tail(tail: Tail, above: str, last: str) -> dict[str, Any] | None:
    """What `parse_params` gives for the pattern of `tail` and the path `above/last`, of which `last` has no slash."""
    _, prefix, name, convertor = tail
    if above != prefix or not last:
        return None
    if convertor is None:
        return {name: last}
    try:
        return {name: convertor.convert(last)}
    except ValueError:
        return None


def static_prefix(path_format: str) -> str:
    """The static beginning of a path format, up to and including the last slash before its first parameter."""
    before = path_format.partition("{")[0]
    return before[: before.rfind("/") + 1]


class Template(NamedTuple):
    """A compiled path (or host) template: what it matches, the way back, and what its parameters are."""

    regex: re.Pattern[str]
    format: str
    convertors: dict[str, Convertor[Any]]


def compile_template(path: str, flags: re.RegexFlag = re.NOFLAG) -> Template:
    """Compile `path`, a template that starts with `/`, or a host pattern otherwise; `flags` are for the whole pattern.

    Raises ValueError for an unknown convertor or a parameter that stands twice.
    """
    is_host = not path.startswith("/")
    fmt: list[str] = []
    literals: list[str] = []
    convertors: dict[str, Convertor[Any]] = {}
    end = 0
    for found in _PARAM.finditer(path):
        name, kind = found.group(1), found.group(2) or "str"
        if kind not in CONVERTOR_TYPES:
            known = ", ".join(sorted(CONVERTOR_TYPES))
            raise ValueError(f"unknown convertor {kind!r} in path {path!r}; known ones: {known}, or register your own")
        if name in convertors:
            raise ValueError(f"parameter {name!r} stands twice in path {path!r}; give each its own name")
        convertors[name] = CONVERTOR_TYPES[kind]
        literals.append(path[end : found.start()])
        fmt += [literals[-1], f"{{{name}}}"]
        end = found.end()
    before, tail = "".join(fmt), path[end:]
    # A host template is matched without its port.
    matched = before + (tail.split(":")[0] if is_host else tail)
    regex = re.compile(pattern_of(matched, convertors), flags)
    if len(convertors) > 1 and flags in (re.NOFLAG, re.DOTALL):  # under which each kind takes the same
        found_open = open_template([*literals, matched[len(before) :]], convertors)
        if found_open is not None:
            _OPEN[regex.pattern] = found_open
    return Template(regex, before + tail, convertors)


def pattern_of(path_format: str, convertors: Mapping[str, Convertor[Any]]) -> str:
    """What a template with this format and these convertors is compiled to."""
    pattern, end = ["^"], 0
    for found in _PARAM.finditer(path_format):
        name = found.group(1)
        if name in convertors:
            pattern += [re.escape(path_format[end : found.start()]), f"(?P<{name}>{convertors[name].regex})"]
            end = found.end()
    pattern += [re.escape(path_format[end:]), r"\Z"]
    return "".join(pattern)


def compile_path(path: str) -> tuple[re.Pattern[str], str, dict[str, Convertor[Any]]]:
    """`path` as `(pattern, format, convertors)`; see `compile_template`."""
    return compile_template(path)


def replace_params(
    path: str, param_convertors: Mapping[str, Convertor[Any]], path_params: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Fill in the parameters of a path format; returns the decoded path and the parameters that were not used.

    In one pass: a value that looks like a parameter itself is not filled in again.
    """
    remaining = dict(path_params)
    parts, end = [], 0
    for found in _PARAM.finditer(path):
        name = found.group(1)
        if name in path_params and name in param_convertors:
            remaining.pop(name, None)
            parts += [path[end : found.start()], param_convertors[name].to_string(path_params[name])]
            end = found.end()
    parts.append(path[end:])
    return "".join(parts), remaining
