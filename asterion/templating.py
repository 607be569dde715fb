"""Templates by Jinja.

Laws: HTML is escaped unless a template says otherwise; the request belongs to the template and nothing in the context
may take its place; an environment with `enable_async` renders on the event loop that runs, when the response is sent.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from asterion.background import BackgroundTask
from asterion.datastructures import URL
from asterion.requests import HTTPConnection, Request
from asterion.responses import HTMLResponse
from asterion.types import Message, Scope

if TYPE_CHECKING:
    from jinja2 import Environment, Template

ContextProcessor = Callable[[Any], dict[str, Any]]
Directory = str | os.PathLike[str]

_DEBUG = "http.response.debug"


class TemplateConfigurationError(AssertionError, ValueError):
    """Jinja2Templates was given contradicting arguments (upstream raised AssertionError)."""


class _TemplateResponse(HTMLResponse):
    """HTML rendered from `template` with `context`, both of which stay to be looked at.

    Rendered when it is made, so that an error of a template is raised where the response is asked for; with an
    asynchronous environment, when it is sent (or by `await response.render_now()`).
    """

    prepares = True

    def __init__(
        self,
        template: Any,
        context: dict[str, Any],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
    ) -> None:
        self.template = template
        self.context = context
        self._is_rendered = not template.environment.is_async
        # The length of a body to come is not known, and a wrong one must not be seen in the headers.
        content = template.render(context) if self._is_rendered else None
        super().__init__(content, status_code, headers, media_type, background)
        if not self._is_rendered and "content-length" not in (headers or {}):
            self.raw_headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]

    async def render_now(self) -> None:
        """Render the template of an asynchronous environment, once; afterwards `body` is there."""
        if not self._is_rendered:
            self.body = self.render(await self.template.render_async(self.context))
            self._is_rendered = True
            self.headers.setdefault("content-length", str(len(self.body)))

    async def prepare(self, scope: Scope) -> Sequence[Message]:
        """Render what is not rendered yet, and show template and context where a server lists the debug extension."""
        await self.render_now()
        if _DEBUG in (scope.get("extensions") or {}) and scope["type"] == "http":
            return ({"type": _DEBUG, "info": {"template": self.template, "context": self.context}},)
        return ()


class Jinja2Templates:
    """Responses from the templates in `directory` (one or several, searched in order), or of the environment `env`.

    Each of `context_processors` is called with the request and returns variables for every template (plain
    functions: they run while the response is made). Templates may call `url_for(name, **path_params)`. Autoescaping is
    on, whatever a template's file is called. Raises RuntimeError if jinja2 is missing, and TemplateConfigurationError
    unless exactly one of `directory` and `env` is given.
    """

    def __init__(
        self,
        directory: Directory | Sequence[Directory] | None = None,
        *,
        context_processors: list[ContextProcessor] | None = None,
        env: "Environment | None" = None,
    ) -> None:
        jinja2 = _require_jinja2()
        if (directory is None) == (env is None):
            raise TemplateConfigurationError(
                "either 'directory' or 'env' arguments must be passed, and not both; got "
                f"directory={directory!r} and env={env!r}"
            )
        self.context_processors = list(context_processors or ())
        self.env: Environment = env or jinja2.Environment(
            loader=jinja2.FileSystemLoader(directory),
            autoescape=True,
        )
        # An environment's own `url_for` stays.
        self.env.globals.setdefault("url_for", jinja2.pass_context(url_for))

    def get_template(self, name: str) -> "Template":
        """The template called `name`. Raises jinja2.TemplateNotFound."""
        return self.env.get_template(name)

    @overload
    def TemplateResponse(
        self,
        request: Request,
        name: str,
        context: dict[str, Any] | None = None,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
    ) -> _TemplateResponse: ...

    @overload
    def TemplateResponse(
        self,
        name: str,
        context: dict[str, Any] | None = None,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
    ) -> _TemplateResponse: ...

    def TemplateResponse(self, *args: Any, **kwargs: Any) -> _TemplateResponse:
        """A response rendered from a template.

        `TemplateResponse(request, name, context=None, status_code=200, headers=None, media_type=None,
        background=None)`, any of them by keyword; or with the name first and the request in the context:
        `TemplateResponse(name, {"request": request}, status_code=200, ...)`. Raises TypeError without a request and for
        a context whose `request` is something else, and what the template raises.
        """
        given = _read_arguments(args, kwargs)
        request: Any = given["request"]
        context: dict[str, Any] = dict(given["context"] or {})
        _check_request(request, context, given["name"])
        context["request"] = request
        for processor in self.context_processors:
            context.update(self._processed(processor, request))
        # A processor cannot replace the request any more than the context can.
        _check_request(request, context, given["name"])
        return _TemplateResponse(
            self.get_template(given["name"]),
            context,
            status_code=given["status_code"],
            headers=given["headers"],
            media_type=given["media_type"],
            background=given["background"],
        )

    @staticmethod
    def _processed(processor: ContextProcessor, request: Request) -> Mapping[str, Any]:
        found: Any = processor(request)
        if isinstance(found, Mapping):
            return found
        if hasattr(found, "close"):
            found.close()  # a coroutine that will not run: say so below instead of a warning later
        raise TypeError(
            f"context processor {processor!r} must return a dict, got {found!r}; it is called while the response is "
            "made and cannot be async: await in the endpoint and pass the result in the context"
        )


def url_for(context: Any, name: str, /, **path_params: Any) -> URL:
    """In a template: the URL of the route called `name`, absolute, as `request.url_for` gives it."""
    request: HTTPConnection = context["request"]
    return request.url_for(name, **path_params)


_PARAMETERS = ("request", "name", "context", "status_code", "headers", "media_type", "background")
_DEFAULTS: dict[str, Any] = {
    "context": None,
    "status_code": 200,
    "headers": None,
    "media_type": None,
    "background": None,
}


def _read_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of TemplateResponse by name, whichever of its two orders they came in."""
    name_first = bool(args) and isinstance(args[0], str)
    names = _PARAMETERS[1:] if name_first else _PARAMETERS
    unknown = [key for key in kwargs if key not in _PARAMETERS or key in names[: len(args)]]
    if len(args) > len(names) or unknown:
        raise TypeError(
            f"TemplateResponse({', '.join(_PARAMETERS)}) got too many arguments or some twice: "
            f"{len(args)} by position and {sorted(kwargs)} by keyword"
        )
    given = {**_DEFAULTS, **dict(zip(names, args, strict=False)), **kwargs}
    if "name" not in given:
        raise TypeError("TemplateResponse needs the name of a template: TemplateResponse(request, 'page.html')")
    if "request" not in given:
        given["request"] = (given["context"] or {}).get("request")
    return given


def _check_request(request: Any, context: Mapping[str, Any], name: str) -> None:
    if not hasattr(request, "url_for"):
        raise TypeError(
            f"the template {name!r} needs the request, got {request!r}; write TemplateResponse(request, {name!r}, "
            f"context) or TemplateResponse({name!r}, {{'request': request}})"
        )
    if context.get("request", request) is not request:
        raise TypeError(
            f"the context of the template {name!r} has a 'request' of its own, {context['request']!r:.80}; that name "
            "is the request's: call yours otherwise"
        )


def _require_jinja2() -> Any:
    try:
        import jinja2
    except ImportError as error:
        raise RuntimeError("Jinja2Templates needs jinja2: pip install 'asterion[templates]'") from error
    return jinja2
