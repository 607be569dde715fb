"""Traces and metrics of requests, by the semantic conventions of OpenTelemetry for HTTP servers.

Only `opentelemetry-api` is needed, and only when the middleware is built: without an SDK that collects them, spans and
measurements cost next to nothing and go nowhere.
"""

import re
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from asterion._core.wire import StartWatch
from asterion.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from opentelemetry import metrics, trace

_SCOPE_NAME = "asterion"

# Other methods are all called the same, so that a client cannot fill the collector with names of its own.
_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})


class OpenTelemetryMiddleware:
    """A server span and the metrics `http.server.request.duration` (seconds) and `http.server.active_requests`.

    The span continues the trace of the request's headers and is named by method and route (`GET /users/{id}`). It ends
    when the application has returned, background work included, while the duration ends with the last byte of the
    response. `excluded_urls` are regular expressions (a list, or separated by commas); a request with a path in which
    one of them is found is not looked at. Raises RuntimeError if opentelemetry-api is missing.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        excluded_urls: str | Sequence[str] = (),
        tracer_provider: "trace.TracerProvider | None" = None,
        meter_provider: "metrics.MeterProvider | None" = None,
    ) -> None:
        try:
            from opentelemetry import metrics, propagate, trace
        except ImportError as error:
            raise RuntimeError(
                "OpenTelemetryMiddleware needs opentelemetry-api: pip install 'asterion[otel]'"
            ) from error
        self.app = app
        patterns = excluded_urls.split(",") if isinstance(excluded_urls, str) else excluded_urls
        self.excluded_urls = [re.compile(pattern.strip()) for pattern in patterns if pattern.strip()]
        self.tracer = trace.get_tracer(_SCOPE_NAME, tracer_provider=tracer_provider)
        meter = metrics.get_meter(_SCOPE_NAME, meter_provider=meter_provider)
        self.duration = meter.create_histogram(
            "http.server.request.duration", unit="s", description="Duration of HTTP server requests."
        )
        self.active = meter.create_up_down_counter(
            "http.server.active_requests", unit="{request}", description="Number of active HTTP server requests."
        )
        self._extract = propagate.extract
        self._trace = trace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request within a span."""
        if scope["type"] != "http" or any(pattern.search(scope["path"]) for pattern in self.excluded_urls):
            await self.app(scope, receive, send)
            return
        common = common_attributes(scope)
        context = self._extract(_carrier(scope["headers"]))
        kind = self._trace.SpanKind.SERVER
        attributes = {**common, **request_attributes(scope)}
        name = common["http.request.method"]
        watch = _Watching(scope, send)
        self.active.add(1, common)
        # Errors are noted below, where what the client saw is known as well.
        with self.tracer.start_as_current_span(
            name, context, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                await self.app(scope, receive, watch.send)
            except BaseException as error:
                watch.error = error
                raise
            finally:
                self.active.add(-1, common)
                self._finish(span, watch, common)

    def _finish(self, span: "trace.Span", watch: "_Watching", common: dict[str, Any]) -> None:
        found = dict(watch.result())
        if "http.route" in found:
            span.update_name(f"{common['http.request.method']} {found['http.route']}")
        span.set_attributes(found)
        if "error.type" in found:
            span.set_status(self._trace.Status(self._trace.StatusCode.ERROR))
        if isinstance(watch.error, Exception):
            span.record_exception(watch.error)
        ended = watch.ended or time.perf_counter()
        self.duration.record(ended - watch.began, {**common, **found})


class _Watching(StartWatch):
    """The `send` of one request: remembers its route, its status and when it was complete."""

    __slots__ = ("_root", "_scope", "began", "ended", "error", "route", "status")

    def __init__(self, scope: Scope, send: Send) -> None:
        super().__init__(send)
        self._scope = scope
        self._root: str = scope.get("root_path", "")
        self.route: str | None = None
        self.began = time.perf_counter()
        self.ended = 0.0
        self.status: int | None = None
        self.error: BaseException | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.route = route_template(self._scope, self._root)
        # The last message comes here whatever way the others take.
        await super().send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.ended = time.perf_counter()

    def result(self) -> Iterable[tuple[str, Any]]:
        route = self.route or route_template(self._scope, self._root)
        if route is not None:
            yield "http.route", route
        if self.status is not None:
            yield "http.response.status_code", self.status
        if self.error is not None:
            yield "error.type", type(self.error).__qualname__
        elif self.status is not None and self.status >= 500:
            yield "error.type", str(self.status)


def common_attributes(scope: Scope) -> dict[str, Any]:
    """What spans and metrics of a request have in common; few different values."""
    method = scope["method"]
    return {
        "http.request.method": method if method in _METHODS else "_OTHER",
        "url.scheme": scope.get("scheme", "http"),
        "network.protocol.version": scope.get("http_version", "1.1"),
    }


def request_attributes(scope: Scope) -> dict[str, Any]:
    """What only the span of a request says."""
    attributes: dict[str, Any] = {"url.path": scope["path"]}
    if scope.get("query_string"):
        attributes["url.query"] = scope["query_string"].decode("latin-1")
    if scope["method"] not in _METHODS:
        attributes["http.request.method_original"] = scope["method"]
    for side in ("client", "server"):
        if scope.get(side):
            host, port = scope[side]
            attributes[f"{side}.address"] = host
            if port is not None:
                attributes[f"{side}.port"] = port
    for name, value in scope["headers"]:
        if name == b"user-agent":
            attributes["user_agent.original"] = value.decode("latin-1")
    return attributes


def route_template(scope: Scope, outer_root: str) -> str | None:
    """The template of the route that was matched, with the mounts it stands under; None if there is none.

    Asked while the route is answering: only then does `root_path` say where it is mounted. `outer_root` is what it was
    before routing. The values that parameters have in the path of a mount are replaced by their names, because there
    must be few different templates.
    """
    route = scope.get("route")
    template = getattr(route, "path", None)
    if template is None:
        return None
    own = getattr(route, "param_convertors", {})
    names = {str(value): name for name, value in scope.get("path_params", {}).items() if name not in own}
    mounted = scope.get("root_path", "")[len(outer_root) :]
    prefix = "/".join(f"{{{names[part]}}}" if part in names else part for part in mounted.split("/"))
    return f"{prefix}{template}"


def _carrier(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
