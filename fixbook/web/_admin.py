"""Logging in and out. Failures are counted per name and per address; too many, and both have to wait."""

from __future__ import annotations

import math

from asterion.exceptions import HTTPException
from asterion.requests import Request
from asterion.responses import RedirectResponse, Response, safe_next_url
from fixbook.web._people import check_token, current_user, log_in, log_out, token_of
from fixbook.web._site import page, path_to, site_of

__all__ = ["leave", "login", "login_form"]


async def login_form(request: Request) -> Response:
    """The form."""
    await current_user(request)
    return _form(request, next_=safe_next_url(request.query_params.get("next"), request, default=""))


async def login(request: Request) -> Response:
    """Open an administrator's session, or say that name or password are wrong: not which of them."""
    form = await request.form(max_files=0, max_fields=10)
    check_token(request, form.get("csrf"))
    name, password = (str(form.get(field, "")) for field in ("name", "password"))
    next_ = safe_next_url(form.get("next"), request, default="")
    site = site_of(request)
    keys = (f"name:{name[:80]}", f"address:{request.client.host if request.client else ''}")
    wait = site.attempts.wait(*keys)
    if wait > 0:
        seconds = str(math.ceil(wait))
        raise HTTPException(
            429, f"Too many attempts. Try again in {seconds} seconds.", headers={"retry-after": seconds}
        )
    site.attempts.note(*keys)  # before the answer is known: many at once are many
    if not (len(name) <= 80 and len(password) <= 1000 and await site.store.authenticate(name, password)):
        return _form(request, 401, name=name[:80], wrong=True, next_=next_)
    site.attempts.forget(*keys)
    await log_in(request, name)
    return RedirectResponse(next_ or path_to(request, "jobs"), status_code=303)


async def leave(request: Request) -> Response:
    """Log out."""
    form = await request.form(max_files=0, max_fields=10)
    check_token(request, form.get("csrf"))
    await log_out(request)
    return RedirectResponse(path_to(request, "front"), status_code=303)


def _form(request: Request, status: int = 200, *, name: str = "", wrong: bool = False, next_: str) -> Response:
    response = page(request, "login.html", status, name=name, wrong=wrong, next=next_, token=token_of(request))
    response.headers["cache-control"] = "private, no-store"
    return response
