"""Names that upstream's modules have by the way, because they import them, and that programs take from there.

`from starlette.routing import Request` works with Starlette, so it works here. Asterion's modules need not have these
names of their own: they are added when a module is first imported by its upstream name.
"""

import importlib
from collections.abc import AsyncIterator, Mapping
from types import ModuleType
from typing import Final

BodyStreamGenerator = AsyncIterator[bytes]


class RequestBodyLimitResponseSent(Exception):
    """What upstream raises in an application whose 413 was sent over its head. Asterion raises the 413 and no more."""


_SCOPE = "types: Message Receive Scope Send"
_APP = "types: ASGIApp Message Receive Scope Send"
_HANDLING = "dropin._exception_handler: wrap_app_handling_exceptions"
_COLLAPSING = "dropin._utils: create_collapsing_task_group"
_THREADS = "concurrency: run_in_threadpool"
_JSON = "_core.jsoncodec: json"
_CALLABLES = "_core.callables: is_async_callable"
_HOSTS = "_core.hosts: parse_host=parse_host_header"
_WARNING = "exceptions: StarletteDeprecationWarning"
_FORMS = "dropin._utils: AwaitableOrContextManager AwaitableOrContextManagerWrapper"

# For each module: where names come from, what they are called there, and (after `=`) here if that differs.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "applications": (
        "datastructures: State URLPath",
        "middleware: Middleware",
        "middleware.body_limit: RequestBodyLimitMiddleware",
        "middleware.errors: ServerErrorMiddleware",
        "middleware.exceptions: ExceptionMiddleware",
        "requests: Request",
        "responses: Response",
        "routing: BaseRoute Router",
        "types: ASGIApp ExceptionHandler Lifespan Receive Scope Send",
    ),
    "authentication": (
        _CALLABLES,
        "exceptions: HTTPException",
        "requests: HTTPConnection Request",
        "responses: RedirectResponse",
        "websockets: WebSocket",
    ),
    "background": (_CALLABLES, _THREADS),
    "concurrency": (_WARNING,),
    "datastructures": (_THREADS, _HOSTS, "types: Scope"),
    "endpoints": (
        _CALLABLES,
        _THREADS,
        "exceptions: HTTPException",
        "requests: Request",
        "responses: PlainTextResponse Response",
        "websockets: WebSocket",
        _SCOPE,
    ),
    "formparsers": (_WARNING, "datastructures: FormData Headers UploadFile"),
    "middleware.authentication": (
        "authentication: AuthCredentials AuthenticationBackend AuthenticationError UnauthenticatedUser",
        "requests: HTTPConnection",
        "responses: PlainTextResponse Response",
        _APP,
    ),
    "middleware.base": (
        _COLLAPSING,
        "requests: ClientDisconnect Request Request=_CachedRequest",
        "responses: Response",
        "middleware._exchange.body: InnerResponse=_StreamingResponse",
        "dropin._incidental: BodyStreamGenerator",
        _APP,
    ),
    "middleware.body_limit": (
        "_core.bodylimits: RequestBodyTooLarge=_RequestBodyTooLarge",
        "dropin._incidental: RequestBodyLimitResponseSent=_RequestBodyLimitResponseSent",
        "datastructures: Headers",
        "exceptions: HTTPException",
        "responses: PlainTextResponse",
        _APP,
    ),
    "middleware.cors": ("datastructures: Headers MutableHeaders", "responses: PlainTextResponse Response", _APP),
    "middleware.errors": (
        _CALLABLES,
        _THREADS,
        "requests: Request",
        "responses: HTMLResponse PlainTextResponse Response",
        _APP,
    ),
    "middleware.exceptions": (
        _HANDLING,
        "exceptions: HTTPException WebSocketException",
        "requests: Request",
        "responses: PlainTextResponse Response",
        "websockets: WebSocket",
        _APP,
    ),
    "middleware.gzip": ("datastructures: Headers MutableHeaders", _APP),
    "middleware.httpsredirect": ("datastructures: URL", "responses: PlainTextResponse RedirectResponse", _APP),
    "middleware.opentelemetry": ("datastructures: URL", "routing: Mount", _APP),
    "middleware.sessions": ("datastructures: MutableHeaders Secret", "requests: HTTPConnection", _APP),
    "middleware.trustedhost": (
        _HOSTS,
        "datastructures: Headers URL",
        "responses: PlainTextResponse RedirectResponse Response",
        _APP,
    ),
    "middleware.wsgi": (_COLLAPSING, _WARNING, "types: Receive Scope Send"),
    "requests": (
        _FORMS,
        _JSON,
        "datastructures: URL Address FormData Headers QueryParams State",
        "exceptions: HTTPException",
        "formparsers: FormParser MultiPartException MultiPartParser",
        _SCOPE,
    ),
    "responses": (
        _COLLAPSING,
        _JSON,
        "background: BackgroundTask",
        "concurrency: iterate_in_threadpool",
        "datastructures: URL Headers MutableHeaders",
        "requests: ClientDisconnect",
        _SCOPE,
    ),
    "routing": (
        _HANDLING,
        _CALLABLES,
        _THREADS,
        _HOSTS,
        _WARNING,
        "_core.paths: get_route_path",
        "convertors: Convertor",
        "dropin._lifespan: DefaultLifespan=_DefaultLifespan",
        "routing._lifespan: as_context=_wrap_gen_lifespan_context",
        "datastructures: URL Headers URLPath",
        "exceptions: HTTPException",
        "middleware: Middleware",
        "middleware.body_limit: RequestBodyLimitMiddleware",
        "requests: Request",
        "responses: PlainTextResponse RedirectResponse Response",
        "types: ASGIApp Lifespan Receive Scope Send",
        "websockets: WebSocket WebSocketClose",
    ),
    "schemas": ("requests: Request", "responses: Response", "routing: BaseRoute Host Mount Route"),
    "staticfiles": (
        "_core.paths: get_route_path",
        "datastructures: URL Headers",
        "exceptions: HTTPException",
        "responses: FileResponse RedirectResponse Response",
        "types: Receive Scope Send",
        "websockets: WebSocketClose",
    ),
    "status": (_WARNING,),
    "templating": (
        "background: BackgroundTask",
        "datastructures: URL",
        "requests: Request",
        "responses: HTMLResponse",
        "types: Receive Scope Send",
    ),
    "testclient": (_CALLABLES, _WARNING, "testclient._httpx: httpx", "websockets: WebSocketDisconnect", _APP),
    "websockets": (_JSON, "requests: HTTPConnection StateT", "responses: Response", _SCOPE),
}

# The same of what is neither Asterion's nor Starlette's. After `modules:`, whole modules. Where a library is missing
# the import fails, as upstream's does: programs find out by it whether they have templates, sessions or spans.
OTHERS: Final[Mapping[str, tuple[str, ...]]] = {
    "concurrency": ("modules: functools warnings",),
    "datastructures": ("operator: itemgetter", "urllib.parse: SplitResult parse_qsl urlencode urlsplit"),
    "endpoints": ("modules: json",),
    "formparsers": ("enum: Enum", "urllib.parse: unquote_plus"),
    "middleware.base": ("contextlib: aclosing", "modules: anyio"),
    "middleware.cors": ("modules: functools",),
    "middleware.errors": ("modules: html sys",),
    "middleware.gzip": ("modules: anyio",),
    "middleware.opentelemetry": (
        "modules: opentelemetry.metrics opentelemetry.propagate opentelemetry.trace",
        "opentelemetry.trace: SpanKind Status StatusCode",
    ),
    "middleware.sessions": ("itsdangerous: BadSignature", "modules: itsdangerous"),
    "requests": ("contextlib: aclosing", "modules: json"),
    "responses": (
        "contextlib: asynccontextmanager",
        "datetime: datetime",
        "email.utils: format_datetime formatdate",
        "functools: partial",
        "mimetypes: guess_type",
        "secrets: token_hex",
        "urllib.parse: quote",
        "modules: anyio hashlib http json os stat sys",
    ),
    "routing": (
        "contextlib: AbstractAsyncContextManager AbstractContextManager asynccontextmanager",
        "enum: Enum",
        "re: Pattern",
        "modules: contextlib functools inspect re traceback types warnings",
    ),
    "schemas": ("modules: re",),
    "staticfiles": ("email.utils: parsedate", "modules: anyio errno importlib os stat"),
    "templating": ("os: PathLike", "jinja2: Environment Template", "modules: jinja2"),
    "testclient": (
        "contextlib: AbstractContextManager",
        "urllib.parse: unquote urljoin",
        "modules: anyio contextlib inspect json math warnings",
    ),
    "websockets": ("modules: enum json",),
}


def add_names(module: ModuleType, tail: str) -> None:
    """Add to a module what its namesake of upstream, `starlette.<tail>`, has by the way. What is there stays."""
    for line in NAMES.get(tail, ()):
        home, _, names = line.partition(": ")
        source = importlib.import_module(f"asterion.{home}")
        for name in names.split():
            there, _, here = name.partition("=")
            if not hasattr(module, here or there):
                setattr(module, here or there, getattr(source, there))
    for line in OTHERS.get(tail, ()):
        home, _, names = line.partition(": ")
        for name in names.split():
            here = name.rpartition(".")[2]
            if not hasattr(module, here):
                found = importlib.import_module(name if home == "modules" else home)
                setattr(module, here, found if home == "modules" else getattr(found, name))
