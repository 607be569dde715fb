"""What went wrong, told to people as a page and to programs as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import logging
from http import HTTPStatus

from asterion.exceptions import HTTPException
from asterion.requests import Request
from asterion.responses import JSONResponse, Response
from fixbook.store import StoreUnavailable
from fixbook.web._site import page, path_to, root_of

__all__ = ["HANDLERS", "Problem", "is_api"]

logger = logging.getLogger("fixbook.web")


class Problem(JSONResponse):
    """An error as RFC 9457 has it: `type` is about:blank, so `title` is the name of the status."""

    media_type = "application/problem+json"

    def __init__(self, status: int, detail: str | None = None, headers: dict[str, str] | None = None) -> None:
        content = {"type": "about:blank", "title": title_of(status), "status": status}
        if detail:
            content["detail"] = detail
        super().__init__(content, status, {"cache-control": "no-store", **(headers or {})})


def is_api(request: Request) -> bool:
    """Whether this request is a program's."""
    return request.url.path.removeprefix(root_of(request)).startswith("/api/")


def title_of(status: int) -> str:
    """The name of a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _answer(request: Request, status: int, detail: str | None, headers: dict[str, str] | None = None) -> Response:
    shown = detail if detail and detail != title_of(status) else None
    if is_api(request):
        return Problem(status, shown, headers)
    needs_login = status == 401
    response = page(
        request, "error.html", status, status=status, title=title_of(status), detail=shown, needs_login=needs_login
    )
    response.headers.update(headers or {})
    response.headers["cache-control"] = "no-store"
    return response


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers or {})
    if error.status_code == 401:
        # RFC 9110 15.5.2 wants a challenge; the way in is a form.
        headers.setdefault("www-authenticate", f'Form location="{path_to(request, "login")}"')
    return _answer(request, error.status_code, error.detail, headers)


async def _away(request: Request, error: Exception) -> Response:
    logger.error("%s", error)
    detail = "The database cannot be reached at this moment. Nothing is lost; try again in a while."
    return _answer(request, 503, detail, {"retry-after": "5"})


async def _broken(request: Request, error: Exception) -> Response:
    return _answer(request, 500, None)


HANDLERS = {HTTPException: _http, StoreUnavailable: _away, Exception: _broken}
