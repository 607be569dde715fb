"""Issue 472: middleware passes every message on, also the ones it was not written for.

A template response showed its template and context to the test client by a message of its own, and upstream's function
middleware asserted that the first message must be the start. The same disease stayed with other messages and other
middleware: debug under gzip, push, early hints, trailers, zero-copy (open upstream in 1.10).
"""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import jinja2
import pytest

import asterion.middleware
from asterion.applications import Asterion, Starlette
from asterion.authentication import AuthenticationBackend
from asterion.middleware import Middleware
from asterion.middleware.base import BaseHTTPMiddleware
from asterion.middleware.gzip import GZipMiddleware
from asterion.requests import Request
from asterion.responses import PlainTextResponse, Response, StreamingResponse
from asterion.routing import Mount, Route
from asterion.templating import Jinja2Templates
from asterion.testclient import TestClient
from tests.asgi import Exchange, TaskMiddleware, function_layers, http_scope, layer_class, pass_through, request

each_face = pytest.mark.parametrize("face", [Asterion, Starlette])
each_layering = pytest.mark.parametrize(
    ("count", "way"),
    [(0, "nested"), (1, "nested"), (3, "nested"), (1, "turns"), (3, "turns"), (1, "task"), (3, "task")],
)


# --- every message through every middleware ---


class _Anybody(AuthenticationBackend):
    async def authenticate(self, conn: Any) -> None:
        return None


async def _change_head(request: Any, call_next: Any) -> Any:
    response = await call_next(request)
    response.headers["x-layer"] = "yes"
    return response


async def _read_request(request: Any, call_next: Any) -> Any:
    await request.body()
    return await call_next(request)


Build = Callable[[Any], Any]

ARGUMENTS: dict[str, dict[str, Any]] = {
    "AuthenticationMiddleware": {"backend": _Anybody()},
    "BaseHTTPMiddleware": {"dispatch": pass_through},
    "RequestBodyLimitMiddleware": {"max_body_size": 100},
    "CORSMiddleware": {"allow_origins": ["https://a.example"]},
    "SessionMiddleware": {"secret_key": "key"},
    "TrustedHostMiddleware": {"allowed_hosts": ["example.com"]},
}


# The one is an end, with no ASGI application in it; the other is there to refuse what is not in the specification.
NO_LAYERS = ("WSGIMiddleware", "ConformanceMiddleware")


def _built_in() -> dict[str, Build]:
    """Every public middleware there is, also one that is added later."""
    found: dict[str, Build] = {}
    for module in pkgutil.iter_modules(asterion.middleware.__path__, "asterion.middleware."):
        if module.name.rpartition(".")[2].startswith("_"):
            continue
        for name, member in vars(importlib.import_module(module.name)).items():
            if inspect.isclass(member) and name.endswith("Middleware") and name not in NO_LAYERS:
                found[name] = functools.partial(member, **ARGUMENTS.get(name, {}))
    return found


BUILT_IN = _built_in()


STACKS: dict[str, list[Build]] = {
    **{name: [build] for name, build in BUILT_IN.items()},
    "function middleware that changes the head": [lambda app: BaseHTTPMiddleware(app, dispatch=_change_head)],
    "function middleware that reads the request": [lambda app: BaseHTTPMiddleware(app, dispatch=_read_request)],
    "function middleware in a task": [lambda app: TaskMiddleware(app, dispatch=_change_head)],
    "three function middlewares": [lambda app: BaseHTTPMiddleware(app, dispatch=_change_head)] * 3,
    "three in tasks": [lambda app: TaskMiddleware(app, dispatch=pass_through)] * 3,
    "gzip in function middleware": [GZipMiddleware, lambda app: BaseHTTPMiddleware(app, dispatch=_change_head)],
    "function middleware in gzip": [lambda app: BaseHTTPMiddleware(app, dispatch=_change_head), GZipMiddleware],
    "all of them": list(BUILT_IN.values()),
    "all of them, turned round": list(BUILT_IN.values())[::-1],
    "an application": [lambda app: Asterion(routes=[Mount("/", app)], middleware=function_layers(3))],
    "a mounted application": [lambda app: Asterion(routes=[Mount("/", Starlette(routes=[Mount("/", app)]))])],
}

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")], "trailers": True}
BODY = {"type": "http.response.body", "body": b"x" * 2000, "more_body": False}
FIRST = {"type": "http.response.body", "body": b"x" * 2000, "more_body": True}
LAST = {"type": "http.response.body", "body": b"y", "more_body": False}
DEBUG = {"type": "http.response.debug", "info": {"template": object(), "anything": object()}}
PUSH = {"type": "http.response.push", "path": "/a.css", "headers": [(b"a", b"b")]}
HINT = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]}
MORE_TRAILERS = {"type": "http.response.trailers", "headers": [(b"a", b"1")], "more_trailers": True}
TRAILERS = {"type": "http.response.trailers", "headers": [(b"grpc-status", b"0")], "more_trailers": False}
PATH = {"type": "http.response.pathsend", "path": "/srv/a.txt"}
ZERO = {"type": "http.response.zerocopysend", "file": 7, "offset": 0, "count": 3, "more_body": False}
UNKNOWN = {"type": "http.response.invented", "value": 1}

CONVERSATIONS: dict[str, list[dict[str, Any]]] = {
    "nothing special": [START, BODY],
    "debug": [DEBUG, START, BODY],
    "debug before a stream": [DEBUG, START, FIRST, LAST],
    "push before": [PUSH, START, BODY],
    "push after": [START, PUSH, BODY],
    "push within": [START, FIRST, PUSH, LAST],
    "early hints": [HINT, HINT, START, BODY],
    "trailers": [START, BODY, TRAILERS],
    "trailers of a stream": [START, FIRST, LAST, MORE_TRAILERS, TRAILERS],
    "path": [START, PATH],
    "path and trailers": [START, PATH, TRAILERS],
    "zero copy": [START, ZERO],
    "zero copy in parts": [START, {**ZERO, "more_body": True}, ZERO],
    "zero copy within": [START, FIRST, ZERO],
    "unknown before": [UNKNOWN, START, BODY],
    "unknown after": [START, UNKNOWN, BODY],
    "unknown within": [START, FIRST, UNKNOWN, LAST],
    "unknown at the end": [START, BODY, UNKNOWN],
}


def test_the_middlewares_are_found() -> None:
    """A search that finds nothing would test nothing."""
    assert {"GZipMiddleware", "ServerErrorMiddleware", "ExceptionMiddleware", *ARGUMENTS} <= set(BUILT_IN)


@pytest.mark.failure(
    row=5,
    says="Every middleware passes every message on, untouched and in its order, those of unknown extensions included.",
)
@pytest.mark.anyio
@pytest.mark.parametrize("accepts", ["identity", "gzip"])
@pytest.mark.parametrize("conversation", CONVERSATIONS.values(), ids=CONVERSATIONS)
@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
async def test_every_message_passes_untouched_and_in_order(
    stack: list[Build], conversation: list[dict[str, Any]], accepts: str, spec_version: str
) -> None:
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in conversation:
            await send(dict(message))

    layered: Any = app
    for build in stack:
        layered = build(layered)
    scope = http_scope(
        headers=[("host", "example.com"), ("origin", "https://a.example"), ("accept-encoding", accepts)],
        spec_version=spec_version,
        extensions={},
        scheme="https",
    )
    exchange = Exchange(layered, scope)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await layered(scope, exchange.receive, send)
    assert [message["type"] for message in sent] == [message["type"] for message in conversation]
    for message, original in zip(sent, conversation, strict=True):
        if original["type"] == "http.response.start":
            assert (message["status"], message["trailers"]) == (200, True)
        elif original["type"] == "http.response.body":
            assert message.get("more_body", False) == original.get("more_body", False)
        else:
            assert message == original


@pytest.mark.anyio
@pytest.mark.parametrize("count", [1, 3])
async def test_a_message_before_the_start_is_not_held_back(count: int, way: str) -> None:
    """A hint that came with the response would be of no use. Debug information belongs to its response, and waits."""
    seen: list[list[str]] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        for message in (DEBUG, HINT, PUSH, UNKNOWN):
            await send(message)
            seen.append([one["type"].rpartition(".")[2] for one in exchange.messages])
        await PlainTextResponse("x")(scope, receive, send)

    app: Any = inner
    for _ in range(count):
        app = layer_class(way)(app, dispatch=_change_head)
    exchange = Exchange(app)
    await exchange.run()
    assert seen == [[], ["early_hint"], ["early_hint", "push"], ["early_hint", "push", "invented"]]
    assert DEBUG in exchange.messages
    assert exchange.messages.index(DEBUG) < exchange.messages.index(exchange.start)


async def _wrap_body(request: Any, call_next: Any) -> Any:
    response = await call_next(request)
    chunks = response.body_iterator

    async def upper() -> Any:
        async for chunk in chunks:
            yield chunk.upper()

    response.body_iterator = upper()
    return response


async def _sent_through_wrapped_bodies(
    conversation: list[dict[str, Any]], count: int, way: str, spec_version: str
) -> Exchange:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        for message in conversation:
            await send(dict(message))

    app: Any = inner
    for _ in range(count):
        app = layer_class(way)(app, dispatch=_wrap_body)
    return await Exchange(app, http_scope(spec_version=spec_version, extensions={})).run()


PLAIN_START = {"type": "http.response.start", "status": 200, "headers": []}


@pytest.mark.anyio
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    "conversation",
    [[DEBUG, PLAIN_START, FIRST, LAST], [PLAIN_START, FIRST, PUSH, LAST], [HINT, PLAIN_START, FIRST, UNKNOWN, LAST]],
    ids=["debug", "push", "unknown"],
)
async def test_what_stands_beside_the_body_passes_though_dispatch_wraps_the_body(
    conversation: list[dict[str, Any]], count: int, way: str, spec_version: str
) -> None:
    exchange = await _sent_through_wrapped_bodies(conversation, count, way, spec_version)
    assert exchange.body == b"X" * 2000 + b"Y"
    for message in conversation:
        if message["type"] not in (START["type"], BODY["type"]):
            assert exchange.messages.count(message) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("bodies", [[BODY], [FIRST, LAST]], ids=["plain", "stream"])
async def test_trailers_pass_though_dispatch_wraps_the_body(
    bodies: list[dict[str, Any]], count: int, way: str, spec_version: str
) -> None:
    conversation = [START, *bodies, MORE_TRAILERS, TRAILERS]
    exchange = await _sent_through_wrapped_bodies(conversation, count, way, spec_version)
    assert exchange.start["trailers"] is True
    assert exchange.messages[-2:] == [MORE_TRAILERS, TRAILERS]


# --- templates in the test client ---

PAGES = {"page.html": "hello {{ name }}", "error.html": "error {{ name }}", "other.html": "other"}


def _templates(**options: Any) -> Jinja2Templates:
    return Jinja2Templates(env=jinja2.Environment(loader=jinja2.DictLoader(PAGES), autoescape=True), **options)


def page(request: Request) -> Response:
    return _templates().TemplateResponse(request, "page.html", {"name": "a&b"})


def page_name_first(request: Request) -> Response:
    return _templates().TemplateResponse("page.html", {"request": request, "name": "a&b"})


async def page_async(request: Request) -> Response:
    return _templates().TemplateResponse(name="page.html", context={"name": "a&b"}, request=request)


each_form = pytest.mark.parametrize("endpoint", [page, page_name_first, page_async])


@pytest.fixture(params=["asyncio", "trio"])
def client_of(request: pytest.FixtureRequest) -> Any:
    """Makes a test client on one event loop or the other."""
    return lambda app, **options: TestClient(app, backend=request.param, **options)


def _application(endpoint: Any, count: int, way: str, *more: Middleware, face: Any = Asterion, **rest: Any) -> Any:
    return face(routes=[Route("/", endpoint)], middleware=[*more, *function_layers(count, way)], **rest)


@each_face
@each_layering
@each_form
def test_a_template_response_shows_its_template_and_context(
    endpoint: Any, count: int, way: str, face: Any, client_of: Any
) -> None:
    """The published reproduction, with both orders of arguments."""
    response = client_of(_application(endpoint, count, way, face=face)).get("/")
    assert response.text == "hello a&amp;b"
    assert response.template.name == "page.html"
    assert response.context["name"] == "a&b"
    assert isinstance(response.context["request"], Request)


@pytest.mark.failure(
    row=5, says="Template and context reach the test client through function middleware and compression."
)
@each_layering
@pytest.mark.parametrize("size", [1, 5000])
def test_a_template_response_shows_them_through_gzip(count: int, way: str, size: int, client_of: Any) -> None:
    """Open upstream: gzip drops the message, alone and with function middleware."""

    def endpoint(request: Request) -> Response:
        return _templates().TemplateResponse(request, "page.html", {"name": "x" * size})

    response = client_of(_application(endpoint, count, way, Middleware(GZipMiddleware))).get("/")
    assert response.text == "hello " + "x" * size
    assert response.template.name == "page.html"
    assert response.context["name"] == "x" * size
    assert ("content-encoding" in response.headers) == (size > 500)


@each_layering
@pytest.mark.parametrize("key", [404, LookupError, Exception])
def test_a_template_response_of_an_exception_handler_shows_them(count: int, way: str, key: Any, client_of: Any) -> None:
    async def fails(request: Request) -> Response:
        from asterion.exceptions import HTTPException

        raise HTTPException(404) if key == 404 else LookupError("x")

    async def handle(request: Request, error: Exception) -> Response:
        return _templates().TemplateResponse(request, "error.html", {"name": type(error).__name__}, status_code=404)

    app = _application(fails, count, way, exception_handlers={key: handle})
    response = client_of(app, raise_server_exceptions=False).get("/")
    assert response.status_code == 404
    assert response.template.name == "error.html"
    assert response.context["name"] == ("HTTPException" if key == 404 else "LookupError")


async def _replace(request: Any, call_next: Any) -> Any:
    await call_next(request)
    return PlainTextResponse("instead")


async def _rewrap(request: Any, call_next: Any) -> Any:
    response = await call_next(request)
    return StreamingResponse(response.body_iterator)


async def _replace_by_template(request: Any, call_next: Any) -> Any:
    await call_next(request)
    return _templates().TemplateResponse(request, "other.html", {"name": "other"})


@pytest.mark.parametrize("dispatch", [_replace, _rewrap])
@each_layering
def test_a_replaced_response_has_no_debug_information(dispatch: Any, count: int, way: str, client_of: Any) -> None:
    replacing = Middleware(layer_class(way), dispatch=dispatch)
    response = client_of(_application(page, count, way, replacing)).get("/")
    assert response.text in ("instead", "hello a&amp;b")
    assert not hasattr(response, "template")
    assert not hasattr(response, "context")
    assert "http.response.debug" not in response.extensions


@each_layering
def test_a_response_replaced_by_a_template_has_its_information(count: int, way: str, client_of: Any) -> None:
    replacing = Middleware(layer_class(way), dispatch=_replace_by_template)
    response = client_of(_application(page, count, way, replacing)).get("/")
    assert (response.text, response.template.name) == ("other", "other.html")
    assert response.context["name"] == "other"


@each_layering
def test_any_information_is_shown_and_not_only_that_of_templates(count: int, way: str, client_of: Any) -> None:
    """Issue 3130."""
    info = {"queries": ["select 1"], "number": 3}

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.debug", "info": info})
        await PlainTextResponse("x")(scope, receive, send)

    app = Asterion(routes=[Mount("/", inner)], middleware=function_layers(count, way))
    response = client_of(app).get("/")
    assert response.extensions["http.response.debug"] == info
    assert not hasattr(response, "template")


@each_layering
def test_context_processors_are_in_the_context_that_is_shown(count: int, way: str, client_of: Any) -> None:
    templates = _templates(context_processors=[lambda request: {"name": request.url.path}])

    def endpoint(request: Request) -> Response:
        return templates.TemplateResponse(request, "page.html")

    response = client_of(_application(endpoint, count, way)).get("/")
    assert (response.text, response.context["name"]) == ("hello /", "/")


# --- servers without the extension ---


@pytest.mark.anyio
@each_face
@each_layering
@each_form
@pytest.mark.parametrize("extensions", [None, {}, {"http.response.push": {}}], ids=["no key", "empty", "others"])
async def test_without_the_extension_nothing_but_the_response_is_sent(
    endpoint: Any, extensions: Any, count: int, way: str, spec_version: str, face: Any
) -> None:
    """Issue 2438: a scope need not have `extensions` at all."""
    app = _application(endpoint, count, way, face=face)
    answer = await request(app, spec_version=spec_version, extensions=extensions)
    assert answer.body == b"hello a&amp;b"
    assert {message["type"] for message in answer.messages} == {"http.response.start", "http.response.body"}


@pytest.mark.anyio
@each_layering
async def test_extensions_that_are_none_are_no_extensions(count: int, way: str) -> None:
    scope = http_scope()
    scope["extensions"] = None
    answer = await Exchange(_application(page, count, way), scope).run()
    assert answer.body == b"hello a&amp;b"


# --- the request in the context ---


@pytest.mark.anyio
@each_layering
@pytest.mark.parametrize("own", ["text", 3, None], ids=repr)
async def test_a_context_with_a_request_of_its_own_is_a_clear_error(own: Any, count: int, way: str) -> None:
    """Upstream: `'str' object has no attribute 'get'`, while the response was sent."""

    async def endpoint(request: Request) -> Response:
        return _templates().TemplateResponse(request, "page.html", {"request": own})

    with pytest.raises(TypeError, match=r"has a 'request' of its own"):
        await request(_application(endpoint, count, way))


@pytest.mark.anyio
async def test_a_context_processor_cannot_take_the_place_of_the_request() -> None:
    templates = _templates(context_processors=[lambda request: {"request": "mine"}])

    async def endpoint(request: Request) -> Response:
        return templates.TemplateResponse(request, "page.html")

    with pytest.raises(TypeError, match=r"has a 'request' of its own"):
        await request(_application(endpoint, 0, "nested"))


@pytest.mark.anyio
async def test_the_users_own_context_is_left_as_it_was() -> None:
    context = {"name": "x"}

    async def endpoint(request: Request) -> Response:
        return _templates().TemplateResponse(request, "page.html", context)

    await request(_application(endpoint, 0, "nested"))
    assert context == {"name": "x"}


@pytest.mark.parametrize("context", [{}, {"name": "x"}, {"request": "text"}, {"request": None}], ids=repr)
def test_the_old_order_without_a_request_is_a_clear_error(context: Any) -> None:
    with pytest.raises(TypeError, match="needs the request"):
        _templates().TemplateResponse("page.html", context)
