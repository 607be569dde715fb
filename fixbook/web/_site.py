"""What every handler of the site has at hand, and how it answers with a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from asterion.requests import Request
from asterion.responses import Response
from asterion.templating import Jinja2Templates
from fixbook.settings import Settings
from fixbook.store import Store
from fixbook.web._assets import Assets
from fixbook.web._library import Library
from fixbook.web._limits import Attempts
from fixbook.web._text import coloured, inline, markdown, terminal

__all__ = ["ASSETS", "Site", "page", "path_to", "root_of", "site_of"]

HERE = Path(__file__).parent
ASSETS = Assets(HERE / "static")


@dataclass
class Site:
    """The open store and what belongs to it, from the lifespan."""

    store: Store
    settings: Settings
    library: Library
    attempts: Attempts = field(default_factory=Attempts)
    followers: int = 0
    closing: bool = False
    """Set when the server is about to end: streams end by themselves, and browsers come back to the next server."""


def site_of(request: Request) -> Site:
    """The site that serves this request."""
    site: Site = request.state.site
    return site


def path_to(request: Request, name: str, **parameters: Any) -> str:
    """The path of a route, without scheme and host, below where the application is mounted."""
    return root_of(request) + str(request.app.url_path_for(name, **parameters))


def root_of(request: Request) -> str:
    """Where the application is mounted; a mount within it does not count."""
    root: str = request.scope.get("app_root_path", request.scope.get("root_path", ""))
    return root.rstrip("/")


def _asset(context: Any, name: str) -> str:
    return path_to(context["request"], "static", path=f"/{ASSETS.named[name]}")


def _path(context: Any, name: str, **parameters: Any) -> str:
    return path_to(context["request"], name, **parameters)


def _moment(value: datetime | str | None) -> str:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return "" if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def _weblink(text: str) -> str:
    """`text` if it is an address of the web: what a case calls its source may be anything."""
    return text if text.startswith(("https://", "http://")) else ""


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        markdown=markdown,
        inline=inline,
        coloured=coloured,
        terminal=terminal,
        moment=_moment,
        seconds=_seconds,
        weblink=_weblink,
    )
    environment.globals.update(asset=jinja2.pass_context(_asset), path=jinja2.pass_context(_path))
    return environment


_TEMPLATES = Jinja2Templates(env=_environment())


def page(request: Request, template: str, status_code: int = 200, /, **context: Any) -> Response:
    """The page that `template` makes. `user`, in every template, is the administrator who is logged in."""
    context.setdefault("user", getattr(request.state, "user", None))
    response: Response = _TEMPLATES.TemplateResponse(request, template, context, status_code=status_code)
    response.headers.setdefault("cache-control", "no-cache" if context["user"] is None else "private, no-cache")
    return response
