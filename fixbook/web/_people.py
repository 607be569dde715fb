"""Visitors and administrators: the session, the token against forged requests, who is logged in.

A request that changes something is believed if the page it came from is ours (`Origin`, judged by the middleware) and
it brings the token that our page was given for this session. The token is made when a page with a form is first seen.
"""

from __future__ import annotations

import secrets

from asterion.exceptions import HTTPException
from asterion.requests import Request
from fixbook.web._site import site_of

__all__ = ["check_token", "current_user", "log_in", "log_out", "require_user", "token_of", "voter_of"]

_TOKEN, _LOGIN, _VOTER = "csrf", "login", "voter"


def token_of(request: Request) -> str:
    """The token that forms of this session carry: one text, so that a page can be the one that its visitor has."""
    token = request.session.get(_TOKEN)
    if not isinstance(token, str):
        token = request.session[_TOKEN] = secrets.token_urlsafe(24)
    return token


def check_token(request: Request, given: object) -> None:
    """Raise HTTPException 403 unless `given` is the token of this session."""
    known = request.session.get(_TOKEN)
    if not (isinstance(known, str) and isinstance(given, str) and _equal(known, given)):
        raise HTTPException(
            403, "This form is from an earlier session. Go back, load the page again, and send it anew."
        )


def voter_of(request: Request) -> str:
    """Who votes: a random name that this browser keeps."""
    voter = request.session.get(_VOTER)
    if not isinstance(voter, str):
        voter = request.session[_VOTER] = secrets.token_urlsafe(16)
    return voter


def known_voter(request: Request) -> str | None:
    """The name of this browser if it has voted before."""
    voter = request.session.get(_VOTER)
    return voter if isinstance(voter, str) else None


async def current_user(request: Request) -> str | None:
    """The administrator whose session this is; pages show it."""
    token = request.session.get(_LOGIN)
    user = await site_of(request).store.session_user(token) if isinstance(token, str) else None
    request.state.user = user
    return user


async def require_user(request: Request) -> str:
    """The administrator who is logged in. Raises HTTPException 401 without one."""
    user = await current_user(request)
    if user is None:
        raise HTTPException(401, "Only administrators can do this. Log in first.")
    return user


async def log_in(request: Request, name: str) -> None:
    """Give this browser a new session, of the administrator `name`: nothing of the old one is kept but the voter."""
    token = await site_of(request).store.open_session(name)
    request.session.regenerate(keep=[_VOTER])
    request.session[_LOGIN] = token


async def log_out(request: Request) -> None:
    """End the administrator's session here and in the store."""
    token = request.session.pop(_LOGIN, None)
    request.session.pop(_TOKEN, None)
    if isinstance(token, str):
        await site_of(request).store.close_session(token)


def _equal(one: str, two: str) -> bool:
    return secrets.compare_digest(one.encode("utf-8", "surrogatepass"), two.encode("utf-8", "surrogatepass"))
