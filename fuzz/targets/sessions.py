"""The session cookie: whatever a client sends is a session that we have signed, or an empty one."""

import json
from typing import Any

from asterion.middleware.sessions import Session, SessionMiddleware
from fuzz.law import holds


async def _inner(scope: Any, receive: Any, send: Any) -> None:
    """The application behind the middleware, which is not called."""


_MIDDLEWARE = SessionMiddleware(_inner, "a key for the fuzzer alone", max_age=None)
_SIGNED = _MIDDLEWARE.dump(b'{"user":1}')
# Two bits of the last character of a signature say nothing, so more than one text is signed; never other data.
_EITHER: tuple[tuple[dict[str, Any], bytes], ...] = (({}, b"{}"), ({"user": 1}, b'{"user":1}'))


def sessions(data: bytes) -> None:
    """A cookie's value as it comes; the same bytes as signed data; and a signed cookie with these bytes in it."""
    text = data.decode("latin-1")
    loaded, payload, *_ = _MIDDLEWARE.load(text)
    holds((loaded, payload) in _EITHER, text)
    if len(data) > 2500:
        return
    signed = _MIDDLEWARE.dump(data)
    loaded, payload, due, _ = _MIDDLEWARE.load(signed)
    # What says when the session began is taken out.
    holds(not due and (payload in (data, b"{}") or b"asterion.start" in data), data)
    if payload == data:
        holds(repr(json.loads(data)) == repr(loaded) and Session(loaded) == loaded, data)
    place = data[0] % len(_SIGNED) if data else 0
    damaged = _SIGNED[:place] + text[1:] + _SIGNED[place + max(len(text) - 1, 1) :]
    loaded, payload, *_ = _MIDDLEWARE.load(damaged)
    holds((loaded, payload) in _EITHER, damaged)
