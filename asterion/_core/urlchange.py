"""Changing components of a URL: what `URL.replace` does.

Law of this module: a value stays within the component it was given for. Text that would end a path, a query or a user
name is percent-encoded; a scheme, host or port with such characters is refused, because encoding would make another one
of it.
"""

from typing import Any
from urllib.parse import SplitResult

from asterion._core.urltext import join_url, quote_path_text, quote_query, quote_userinfo

__all__ = ("changed_url",)

_COMPONENTS = frozenset(
    ("scheme", "netloc", "path", "query", "fragment", "username", "password", "hostname", "port"),
)
_SCHEME_MARKS = {ord(mark): None for mark in "+-."}
_NOT_IN_HOST = frozenset("/?#@[]\\")


def changed_url(parts: SplitResult, changes: dict[str, Any]) -> str:
    """Give the text of the URL that has `parts`, after `changes`: component name to new value, None to remove it.

    Raises TypeError for an unknown name, ValueError for a scheme, host or port that cannot be one.
    """
    unknown = changes.keys() - _COMPONENTS
    if unknown:
        raise TypeError(f"Unknown URL component {sorted(unknown)[0]!r}: use one of {', '.join(sorted(_COMPONENTS))}.")
    scheme = _text(changes.get("scheme", parts.scheme))
    if scheme and not (scheme.isascii() and scheme[0].isalpha() and scheme.translate(_SCHEME_MARKS).isalnum()):
        raise ValueError(f"Not a URL scheme: {scheme!r}")
    path = quote_path_text(_text(changes["path"])) if "path" in changes else parts.path
    query = quote_query(_text(changes["query"])) if "query" in changes else parts.query
    fragment = _text(changes.get("fragment", parts.fragment))
    return join_url(scheme.lower(), _changed_netloc(parts, changes), path, query, quote_query(fragment))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _changed_netloc(parts: SplitResult, changes: dict[str, Any]) -> str:
    """Give the authority after the changes. What is not changed stays as it was written, upper case included."""
    netloc = _text(changes.get("netloc", parts.netloc))
    if "netloc" in changes and any(char in "/?#\\" for char in netloc):
        raise ValueError(f"The host part of a URL cannot contain a slash, ?, # or backslash: {netloc[:100]!r}")
    if changes.keys().isdisjoint(("username", "password", "hostname", "port")):
        return netloc
    userinfo, at, hostport = netloc.rpartition("@")
    username, colon, password = userinfo.partition(":")
    if "username" in changes:
        username = quote_userinfo(_text(changes["username"]))
        if not username:
            # A password is nobody's without a name.
            colon = password = ""
    if "password" in changes:
        colon, password = ("", "") if changes["password"] is None else (":", quote_userinfo(str(changes["password"])))
    if username or colon:
        userinfo, at = f"{username}{colon}{password}", "@"
    else:
        userinfo = at = ""
    bracket = hostport.find("]") + 1
    host, port_colon, port = hostport[bracket:].partition(":")
    host = hostport[:bracket] + host
    if "hostname" in changes:
        host = _checked_host(_text(changes["hostname"]))
    if "port" in changes:
        port_colon, port = _port_text(changes["port"])
    return f"{userinfo}{at}{host}{port_colon}{port}"


def _checked_host(host: str) -> str:
    address = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not _NOT_IN_HOST.isdisjoint(address) or any(char <= " " or char == "\x7f" for char in address):
        raise ValueError(f"Not a host for a URL: {host[:100]!r}")
    return f"[{address}]" if ":" in address else address


def _port_text(port: Any) -> tuple[str, str]:
    if port is None:
        return "", ""
    digits = str(port)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and int(digits) <= 65535):
        raise ValueError(f"A port is a number from 0 to 65535, not {port!r}.")
    return ":", digits
