"""OpenAPI schemas from docstrings."""

import sys

import pytest
import yaml

from asterion.endpoints import HTTPEndpoint
from asterion.requests import Request
from asterion.routing import Host, Mount, Route, WebSocketRoute
from asterion.schemas import BaseSchemaGenerator, EndpointInfo, OpenAPIResponse, SchemaGenerator
from asterion.staticfiles import StaticFiles

BASE = {"openapi": "3.0.0", "info": {"title": "T", "version": "1"}}


def list_items(request):
    """
    responses:
      200:
        description: All items.
    """


def make_item(request):
    """Make one.

    A dash --- in a line is prose.
    ---
    responses:
      201:
        description: "Made: é."
    """


def prose(request):
    """This: is: not YAML {"""


def undocumented(request): ...


def plain(request):
    """Only prose."""


class Item(HTTPEndpoint):
    def get(self, request):
        """
        responses: {200: {description: One item.}}
        """

    def delete(self, request): ...


ROUTES = [
    Route("/items", list_items),
    Route("/items", make_item, methods=["POST", "PUT"]),
    Route("/hidden", list_items, include_in_schema=False),
    Route("/prose", prose),
    Route("/undocumented", undocumented),
    Route("/plain", plain),
    WebSocketRoute("/ws", undocumented),
    Mount("/v{version:int}", routes=[Route("/items/{id:int}", Item)]),
    Mount("/static", StaticFiles(directory=".")),
    Host("{tenant}.example.org", app=Mount("", routes=[Route("/tenant", list_items)])),
]


def test_every_described_operation_is_in_the_schema():
    schema = SchemaGenerator(BASE).get_schema(ROUTES)
    described = {(path, method) for path, methods in schema["paths"].items() for method in methods}
    assert described == {
        ("/items", "get"),
        ("/items", "post"),
        ("/items", "put"),
        ("/v{version}/items/{id}", "get"),
        ("/tenant", "get"),
    }
    assert schema["paths"]["/items"]["post"]["responses"][201]["description"] == "Made: é."
    assert schema["info"] == BASE["info"]


def test_the_base_is_not_changed_by_making_schemas():
    base = {**BASE, "paths": {"/own": {"get": {}}}}
    schemas = SchemaGenerator(base)
    first = schemas.get_schema(ROUTES)
    assert schemas.get_schema(ROUTES) == first
    assert base["paths"] == {"/own": {"get": {}}}


def test_endpoints_are_listed_with_their_functions():
    [found] = BaseSchemaGenerator().get_endpoints([Route("/a/{b:path}", list_items)])
    assert found == EndpointInfo("/a/{b}", "get", list_items)


def test_yaml_that_is_announced_and_wrong_names_the_function():
    def broken(request):
        """Text.
        ---
        a: b: c
        """

    with pytest.raises(ValueError, match=r"the docstring of .*broken has no valid YAML after '---'"):
        SchemaGenerator(BASE).get_schema([Route("/", broken)])


def test_nothing_behind_the_last_rule_describes_nothing():
    def ruled(request):
        """Text.
        ---
        tags: [not last]
        ---
        """

    assert SchemaGenerator(BASE).get_schema([Route("/", ruled)])["paths"] == {}


def test_the_response_is_yaml_of_the_application():
    class App:
        routes = ROUTES

    response = SchemaGenerator(BASE).OpenAPIResponse(Request({"type": "http", "app": App()}))
    assert response.headers["content-type"] == "application/vnd.oai.openapi"
    assert yaml.safe_load(response.body) == SchemaGenerator(BASE).get_schema(ROUTES)
    assert response.body.startswith(b"openapi: 3.0.0\ninfo:\n  title: T\n  version: '1'\npaths:\n")
    with pytest.raises(TypeError, match="an OpenAPI schema is a dict, got list"):
        OpenAPIResponse([])


def test_a_generator_without_a_schema_says_what_to_define():
    with pytest.raises(NotImplementedError, match=r"must define get_schema\(routes\)"):
        BaseSchemaGenerator().get_schema([])


def test_without_pyyaml_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(RuntimeError, match=r"asterion\[schemas\]"):
        OpenAPIResponse({})
