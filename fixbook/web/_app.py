"""Putting the site together: routes, layers of middleware, and what is open for as long as it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from asterion.applications import Asterion
from asterion.middleware import Middleware
from asterion.middleware.base import BaseHTTPMiddleware
from asterion.middleware.compression import CompressionMiddleware
from asterion.middleware.conditional import ConditionalMiddleware
from asterion.middleware.origin import OriginMiddleware
from asterion.middleware.securityheaders import SecurityHeadersMiddleware
from asterion.middleware.sessions import SessionMiddleware
from asterion.middleware.trustedhost import TrustedHostMiddleware
from asterion.requests import Request
from asterion.responses import PlainTextResponse, Response
from asterion.routing import Mount, Route
from fixbook.casefile import load_catalogue
from fixbook.execution import recorded_runs
from fixbook.jobs import Execute, running
from fixbook.settings import Settings
from fixbook.store import Store, open_store
from fixbook.web import _admin, _cases, _feed, _runs
from fixbook.web._api import api
from fixbook.web._library import Library
from fixbook.web._problems import HANDLERS, Problem, is_api
from fixbook.web._site import ASSETS, Site

__all__ = ["build", "end_streams"]

FORM = 16 * 1024
PASTED = 1024 * 1024
"""The largest body of a search form, in bytes: a traceback of 256 KiB, percent-encoded."""
WEEKS = 8 * 7 * 24 * 3600

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
NEVER_USED: dict[str, list[str]] = {
    feature: [] for feature in ("camera", "geolocation", "microphone", "payment", "usb")
}


async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Make problems of what layers further in answer to programs."""
    response = await call_next(request)
    is_problem = response.headers.get("content-type", "").startswith("application/problem+json")
    if response.status_code >= 400 and is_api(request) and not is_problem:
        return Problem(response.status_code)
    return response


async def robots(request: Request) -> Response:
    """Everything may be read by machines, but the queue and the log-in."""
    return PlainTextResponse("User-agent: *\nDisallow: /login\nDisallow: /jobs\nDisallow: /search\n")


def build(settings: Settings, *, execute: Execute | None = None) -> Asterion:
    """The site with these settings. `execute` takes the place of what runs reproductions.

    Its lifespan opens the store, brings the catalogue and the runs that come with it into it, and starts the worker or
    the queue. Raises what `open_store`, `load_catalogue` and `recorded_runs` raise, at the start.
    """

    @asynccontextmanager
    async def lifespan(app: Asterion) -> AsyncIterator[dict[str, Any]]:
        async with open_store(settings.database_url) as store:
            await _fill(store, settings)
            async with running(store, settings, execute=execute):
                app.state.site = Site(store, settings, Library(store))
                yield {"site": app.state.site}

    return Asterion(
        routes=_routes(),
        middleware=_layers(settings),
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )


def end_streams(app: Asterion) -> None:
    """Let the live pages go, within a second: a server that ends waits for what it still sends."""
    site: Site | None = getattr(app.state, "site", None)
    if site is not None:
        site.closing = True


async def _fill(store: Store, settings: Settings) -> None:
    cases = load_catalogue(settings.catalogue)
    await store.sync_catalogue(cases)
    for case in cases:
        for run in recorded_runs(case.id, settings.catalogue):
            await store.record(run)


def _layers(settings: Settings) -> list[Middleware]:
    return [
        Middleware(
            SecurityHeadersMiddleware,
            content_security_policy=POLICY,
            frame_options="DENY",
            referrer_policy="same-origin",
            permissions_policy=NEVER_USED,
        ),
        Middleware(BaseHTTPMiddleware, dispatch=guard),
        Middleware(TrustedHostMiddleware, allowed_hosts=list(settings.allowed_hosts), www_redirect=False),
        Middleware(OriginMiddleware, _own(settings), check_http=True, always=True),
        Middleware(CompressionMiddleware),
        Middleware(ConditionalMiddleware),
        Middleware(
            SessionMiddleware,
            secret_key=settings.secret,
            session_cookie="__Host-fixbook" if settings.secure_cookies else "fixbook",
            max_age=WEEKS,
            same_site="lax",
            **({"https_only": True} if settings.secure_cookies else {}),
        ),
    ]


def _own(settings: Settings) -> list[str]:
    return [settings.public_url] if settings.public_url else []


def _routes() -> list[Any]:
    return [
        Route("/", _cases.front, name="front"),
        Route("/search", _cases.search, name="search"),
        Route("/search", _cases.paste, name="paste", methods=["POST"], max_body_size=PASTED),
        Route("/search/results", _cases.results, name="results", methods=["POST"], max_body_size=PASTED),
        Route("/cases/{id}", _cases.case, name="case"),
        Route("/cases/{id}/votes", _cases.vote, name="vote", methods=["POST"], max_body_size=FORM),
        Route("/cases/{id}/runs", _runs.start, name="start", methods=["POST"], max_body_size=FORM),
        Route("/runs/{id}", _runs.run, name="run"),
        Route("/jobs", _runs.jobs, name="jobs"),
        Route("/jobs/{id}", _runs.job, name="job"),
        Route("/jobs/{id}/events", _runs.events, name="events"),
        Route("/feed.atom", _feed.feed, name="feed"),
        Route("/feeds/{package}.atom", _feed.package_feed, name="package_feed"),
        Route("/login", _admin.login_form, name="login"),
        Route("/login", _admin.login, name="log_in", methods=["POST"], max_body_size=FORM),
        Route("/logout", _admin.leave, name="logout", methods=["POST"], max_body_size=FORM),
        Route("/robots.txt", robots, name="robots"),
        api(),
        Mount("/static", ASSETS, name="static"),
    ]
