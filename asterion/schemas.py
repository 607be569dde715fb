"""OpenAPI schemas from the docstrings of endpoints.

What stands in a docstring after a line `---` (or all of it, if it is YAML) describes the operation.
"""

import copy
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from asterion.requests import Request
from asterion.responses import Response
from asterion.routing import BaseRoute, Route

_METHODS = ("get", "post", "put", "patch", "delete", "options")


class OpenAPIResponse(Response):
    """A schema as YAML. Raises RuntimeError if PyYAML is missing and TypeError if the content is not a dict."""

    media_type = "application/vnd.oai.openapi"

    def render(self, content: Any) -> bytes:
        """`content` as YAML in UTF-8."""
        if not isinstance(content, dict):
            raise TypeError(f"an OpenAPI schema is a dict, got {type(content).__name__}: {content!r:.80}")
        text: str = _require_yaml().safe_dump(content, default_flow_style=False, sort_keys=False, allow_unicode=True)
        return text.encode("utf-8")


class EndpointInfo(NamedTuple):
    """One operation: a path template without convertors, a lower-case method, and the function that answers."""

    path: str
    http_method: str
    func: Callable[..., Any]


class BaseSchemaGenerator:
    """Finds endpoints and reads their docstrings; `get_schema` is for subclasses to give."""

    def get_schema(self, routes: list[BaseRoute]) -> dict[str, Any]:
        """The schema of `routes`."""
        raise NotImplementedError(f"{type(self).__name__} must define get_schema(routes)")

    def get_endpoints(self, routes: Sequence[BaseRoute]) -> list[EndpointInfo]:
        """The operations of `routes` and of what is mounted in them, without those kept out of the schema."""
        return list(_operations(routes, ""))

    def parse_docstring(self, func_or_method: Callable[..., Any]) -> dict[str, Any]:
        """What the docstring says in YAML; empty if it says nothing.

        Raises ValueError, naming the function, if what stands after `---` is not YAML.
        """
        text = inspect.cleandoc(func_or_method.__doc__ or "")
        prose, marker, described = _split_at_last_rule(text)
        yaml = _require_yaml()
        try:
            found = yaml.safe_load(described if marker else prose)
        except yaml.YAMLError as error:
            if not marker:
                return {}  # prose that is not meant to be YAML
            name = getattr(func_or_method, "__qualname__", repr(func_or_method))
            raise ValueError(f"the docstring of {name} has no valid YAML after '---': {error}") from error
        return found if isinstance(found, dict) else {}

    def OpenAPIResponse(self, request: Request) -> Response:
        """The schema of the application that serves `request`."""
        return OpenAPIResponse(self.get_schema(routes=request.app.routes))


class SchemaGenerator(BaseSchemaGenerator):
    """Schemas that start from `base_schema` (`{"openapi": ..., "info": ...}`), which is never changed."""

    def __init__(self, base_schema: dict[str, Any]) -> None:
        self.base_schema = base_schema

    def get_schema(self, routes: Sequence[BaseRoute]) -> dict[str, Any]:
        """The schema of the described operations of `routes`."""
        schema = copy.deepcopy(self.base_schema)
        paths = schema.setdefault("paths", {})
        for path, method, func in self.get_endpoints(routes):
            if described := self.parse_docstring(func):
                paths.setdefault(path, {})[method] = described
        return schema


def _operations(routes: Sequence[BaseRoute], prefix: str) -> Iterator[EndpointInfo]:
    for route in routes:
        if isinstance(route, Route):
            if route.include_in_schema:
                path = prefix + route.path_format
                yield from (EndpointInfo(path, method, func) for method, func in _functions(route))
        elif inner := getattr(route, "routes", None):
            # A mount adds its path; a Host has none.
            yield from _operations(inner, prefix + getattr(route, "path_format", "").removesuffix("/{path}"))


def _functions(route: Route) -> Iterator[tuple[str, Callable[..., Any]]]:
    if isinstance(route.endpoint, type):
        for method in _METHODS:
            if (func := getattr(route.endpoint, method, None)) is not None:
                yield method, func
    else:
        # HEAD comes with GET and says nothing new.
        for name in sorted(route.methods or ()):
            if name != "HEAD":
                yield name.lower(), route.endpoint


def _split_at_last_rule(text: str) -> tuple[str, bool, str]:
    lines = text.splitlines()
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].strip() == "---":
            return "\n".join(lines[:index]), True, "\n".join(lines[index + 1 :])
    return text, False, ""


def _require_yaml() -> Any:
    try:
        import yaml
    except ImportError as error:
        raise RuntimeError("schemas need PyYAML: pip install 'asterion[schemas]'") from error
    return yaml
