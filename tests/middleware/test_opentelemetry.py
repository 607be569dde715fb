"""Traces and metrics by the semantic conventions for HTTP servers."""

import sys
from types import SimpleNamespace

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from asterion.middleware.opentelemetry import OpenTelemetryMiddleware
from asterion.responses import PlainTextResponse
from asterion.routing import Mount, Route, Router
from tests.asgi import request

pytestmark = pytest.mark.anyio


class Collected:
    """Everything one middleware told."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self.reader], shutdown_on_exit=False)

    def wrap(self, app, **options):
        return OpenTelemetryMiddleware(
            app, tracer_provider=self.tracer_provider, meter_provider=self.meter_provider, **options
        )

    @property
    def spans(self):
        return self.exporter.get_finished_spans()

    def metric(self, name):
        for resource in self.reader.get_metrics_data().resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    if metric.name == name:
                        return metric.data.data_points
        raise AssertionError(f"no metric {name}")


@pytest.fixture
def collected() -> Collected:
    return Collected()


class FakeRoute:
    path = "/items/{id}"


async def item(scope, receive, send):
    scope["route"] = FakeRoute()
    await PlainTextResponse("ok", status_code=201)(scope, receive, send)


async def test_a_request_is_a_server_span_named_by_its_route(collected):
    headers = [("user-agent", "test/1")]
    await request(collected.wrap(item), path="/items/3", query=b"a=b", headers=headers)
    [span] = collected.spans
    assert span.name == "GET /items/{id}"
    assert span.kind is trace.SpanKind.SERVER
    assert span.status.is_unset
    expected = {
        "http.request.method": "GET",
        "http.response.status_code": 201,
        "http.route": "/items/{id}",
        "url.scheme": "http",
        "url.path": "/items/3",
        "url.query": "a=b",
        "network.protocol.version": "1.1",
        "client.address": "127.0.0.1",
        "server.address": "127.0.0.1",
        "server.port": 8000,
        "user_agent.original": "test/1",
    }
    assert {key: span.attributes.get(key) for key in expected} == expected


@pytest.mark.parametrize(("path", "name"), [("/7/api/items/7", "GET /{team}/api/items/{id:int}"), ("/x/y", "GET")])
async def test_the_route_is_named_with_the_mounts_around_it_by_their_parameters(collected, path, name):
    """A name with a value in it would make a series of measurements for each visitor."""

    async def found(request):
        return PlainTextResponse("ok")

    inner = Router([Route("/items/{id:int}", found)])
    app = Router([Mount("/{team}", routes=[Mount("/api", app=inner)])])
    await request(collected.wrap(app), path=path)
    [span] = collected.spans
    assert span.name == name


async def test_without_a_route_the_method_is_the_name(collected):
    await request(collected.wrap(PlainTextResponse("ok")), "BREW", "/pot")
    [span] = collected.spans
    assert span.name == "_OTHER"
    assert span.attributes["http.request.method_original"] == "BREW"


async def test_the_trace_of_the_client_goes_on_and_the_applications_spans_are_within(collected):
    inner = []

    async def app(scope, receive, send):
        inner.append(trace.get_current_span().get_span_context().span_id)
        await PlainTextResponse("ok")(scope, receive, send)

    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await request(collected.wrap(app), headers=[("traceparent", parent)])
    [span] = collected.spans
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert inner == [span.context.span_id]
    assert not trace.get_current_span().get_span_context().is_valid


async def test_an_error_is_recorded_and_raised(collected):
    async def app(scope, receive, send):
        raise ZeroDivisionError("oops")

    with pytest.raises(ZeroDivisionError):
        await request(collected.wrap(app))
    [span] = collected.spans
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.attributes["error.type"] == "ZeroDivisionError"
    assert [event.name for event in span.events] == ["exception"]
    assert span.status.description is None  # which the conventions leave out where the exception says it all


async def test_a_server_error_is_an_error_and_a_client_error_is_not(collected):
    for status in (503, 500, 499, 404):
        await request(collected.wrap(PlainTextResponse("", status_code=status)))
    for span, kind in zip(collected.spans[:2], ("503", "500"), strict=True):
        assert (span.status.status_code, span.attributes["error.type"]) == (trace.StatusCode.ERROR, kind)
    assert [span.status.is_unset for span in collected.spans[2:]] == [True, True]


async def test_duration_and_active_requests_are_measured(collected):
    during = []

    async def app(scope, receive, send):
        during.append(collected.metric("http.server.active_requests")[0].value)
        await item(scope, receive, send)

    await request(collected.wrap(app))
    [point] = collected.metric("http.server.request.duration")
    assert point.count == 1
    assert dict(point.attributes) == {
        "http.request.method": "GET",
        "http.response.status_code": 201,
        "http.route": "/items/{id}",
        "url.scheme": "http",
        "network.protocol.version": "1.1",
    }
    assert during == [1]
    assert [point.value for point in collected.metric("http.server.active_requests")] == [0]


async def test_the_duration_is_that_of_the_response_and_not_of_work_behind_it(collected, monkeypatch):
    now = 10.0

    async def app(scope, receive, send):
        nonlocal now
        for seconds, message in (
            (1, {"type": "http.response.start", "status": 200, "headers": []}),
            (2, {"type": "http.response.body", "body": b"a", "more_body": True}),
            (4, {"type": "http.response.body", "body": b"b"}),
        ):
            now += seconds
            await send(message)
        now += 1000

    monkeypatch.setattr("asterion.middleware.opentelemetry.time", SimpleNamespace(perf_counter=lambda: now))
    await request(collected.wrap(app))
    [point] = collected.metric("http.server.request.duration")
    assert point.sum == 7


@pytest.mark.parametrize("excluded", ["^/health$,metrics", ["^/health$", "metrics"]])
async def test_excluded_paths_are_not_looked_at(collected, excluded):
    app = collected.wrap(PlainTextResponse("ok"), excluded_urls=excluded)
    for path in ("/health", "/metrics/all", "/healthy"):
        await request(app, path=path)
    assert [span.attributes["url.path"] for span in collected.spans] == ["/healthy"]


async def test_without_providers_it_costs_nothing_and_changes_nothing():
    assert (await request(OpenTelemetryMiddleware(PlainTextResponse("ok")))).body == b"ok"


def test_without_the_api_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(RuntimeError, match=r"asterion\[otel\]"):
        OpenTelemetryMiddleware(None)
