"""Where to send a visitor on to, when a client says where."""

from asterion._core.nexturls import next_path
from asterion._core.origins import own_origin
from asterion.requests import HTTPConnection


def safe_next_url(url: object, request: HTTPConnection, *, default: str = "/") -> str:
    """Give a target of a redirect that came from a client (`?next=`, a field of a form), or `default`.

    A path of this server and a whole URL of its own origin (scheme, host and port) come back as a path with query and
    fragment, which begins with just one `/`. Everything else gives `default`: other hosts in any disguise (`//host`,
    `/\\host`, `/%2f/host`, `https:host`, names in front of an `@`), other schemes (`javascript:`), relative paths,
    white space and control characters, more than 2,048 characters, and what is no text. ASVS 5.0, 3.7.2.
    """
    own = own_origin(request.scope)
    path = next_path(url, own) if isinstance(url, str) else None
    return default if path is None else path
