"""`URL` and `URLPath`: URLs that users hold, read and change.

Laws of this module:

- The URL of a request is built from its scope such that nothing the client sent moves a boundary: the host is parsed
  strictly (an invalid one is replaced by the address of the server), the path is quoted, and `url.path` is the path
  that was routed, character for character. A guard on `request.url.path` and the router never disagree.
- A URL is immutable; every change gives a new one of the same class.
- A password is never shown by `repr`.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any, Literal, Self
from urllib.parse import SplitResult

from asterion._core.hosts import host_header, parse_host
from asterion._core.multidict import MultiDict
from asterion._core.urlchange import changed_url
from asterion._core.urltext import (
    join_url,
    parse_urlencoded,
    quote_path,
    quote_path_text,
    quote_query,
    quote_query_bytes,
    render_urlencoded,
    split_url,
)

__all__ = ("URL", "URLPath")

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_SECURE = frozenset(("https", "wss"))


class URL:
    """A URL or a relative reference.

    Made from text (`URL("https://example.org/a")`), from an ASGI scope (`URL(scope=scope)`) or from components
    (`URL(scheme="https", hostname="example.org", path="/a")`, the names `replace` takes); TypeError if these are mixed.
    Text is taken apart only when a component is asked for; that raises ValueError if its authority is malformed.
    """

    __slots__ = ("__weakref__", "_components", "_routed", "_url")

    _url: str
    _components: SplitResult | None
    # The decoded path of the scope, where there is one: what `path` gives.
    _routed: str | None

    def __init__(self, url: str | URL = "", scope: MutableMapping[str, Any] | None = None, **components: Any) -> None:
        if (url != "") + (scope is not None) + bool(components) > 1:
            raise TypeError("A URL is made from one of: its text, a scope, components. Use replace() to change one.")
        self._components = self._routed = None
        if scope is not None:
            self._url, self._routed = _from_scope(scope)
        elif components:
            self._url = changed_url(SplitResult("", "", "", "", ""), components)
        elif not isinstance(url, (str, URL)):
            raise TypeError(f"A URL is made from str, not {type(url).__name__}: {url!r}")
        else:
            self._url = str(url)

    @property
    def components(self) -> SplitResult:
        """The parts as `urllib.parse.SplitResult`, all of them URL text. Raises ValueError for a malformed host."""
        if self._components is None:
            self._components = split_url(self._url)
        return self._components

    @property
    def scheme(self) -> str:
        """The scheme in lower case; "" for a relative reference."""
        return self.components.scheme

    @property
    def netloc(self) -> str:
        """The authority: `user:password@host:port`, as far as it is there."""
        return self.components.netloc

    @property
    def path(self) -> str:
        """The path. Of a URL made from a scope: the decoded path as it was routed. Else: the path as URL text."""
        return self.components.path if self._routed is None else self._routed

    @property
    def query(self) -> str:
        """The query string as URL text, without the question mark."""
        return self.components.query

    @property
    def fragment(self) -> str:
        """The fragment as URL text, without the number sign."""
        return self.components.fragment

    @property
    def username(self) -> str | None:
        """The user name as URL text."""
        return self.components.username

    @property
    def password(self) -> str | None:
        """The password as URL text."""
        return self.components.password

    @property
    def hostname(self) -> str | None:
        """The host in lower case, an IPv6 address without its brackets; None if there is none."""
        return self.components.hostname

    @property
    def port(self) -> int | None:
        """The port if one is written. Raises ValueError if it is not a number from 0 to 65535."""
        return self.components.port

    @property
    def is_secure(self) -> bool:
        """Whether the scheme is https or wss."""
        return self.scheme in _SECURE

    def replace(self, **kwargs: Any) -> Self:
        """Give a URL with other components: scheme, netloc, path, query, fragment, username, password, hostname, port.

        `None` removes one. Text that would end its component is percent-encoded. Raises TypeError for an unknown name
        and ValueError for a host, port or scheme that cannot be one.
        """
        return type(self)(changed_url(self.components, kwargs))

    def include_query_params(self, **kwargs: Any) -> Self:
        """Give a URL with these query parameters set, others kept; values go through `str`."""
        params = MultiDict(parse_urlencoded(self.query))
        params.update({key: str(value) for key, value in kwargs.items()})
        return self.replace(query=render_urlencoded(params.multi_items()))

    def replace_query_params(self, **kwargs: Any) -> Self:
        """Give a URL with these query parameters and no others."""
        return self.replace(query=render_urlencoded(kwargs.items()))

    def remove_query_params(self, keys: str | Sequence[str]) -> Self:
        """Give a URL without the query parameter or parameters `keys`."""
        gone = {keys} if isinstance(keys, str) else set(keys)
        kept = [pair for pair in parse_urlencoded(self.query) if pair[0] not in gone]
        return self.replace(query=render_urlencoded(kept))

    def __eq__(self, other: Any) -> bool:
        """Equal to a URL or a `str` with the same text."""
        return isinstance(other, (URL, str)) and self._url == str(other)

    def __hash__(self) -> int:
        return hash(self._url)

    def __str__(self) -> str:
        return self._url

    def __repr__(self) -> str:
        shown = self._url
        if "@" in shown:
            try:
                if self.password:
                    shown = str(self.replace(password="********"))  # noqa: S106 - a mask
            except ValueError:
                # Malformed: where the password ends cannot be known, so nothing before the last @ is shown.
                shown = f"********@{shown.rpartition('@')[2]}"
        return f"{type(self).__name__}({shown!r})"


def _from_scope(scope: MutableMapping[str, Any]) -> tuple[str, str]:
    """Give the URL text for a connection scope, and its path.

    The authority is the `Host` header if it is one valid header, else the server's address, else (a Unix socket)
    nothing.
    """
    routed: str = scope["path"]
    scheme: str = scope.get("scheme", "http")
    netloc = host_header(scope.get("headers", ()))
    if netloc is None:
        netloc = _server_netloc(scheme, scope.get("server"))
    if routed and not routed.startswith("/"):
        routed = f"/{routed}"
    query = scope.get("query_string", b"")
    query = quote_query_bytes(query) if query else ""
    path = quote_path(routed)
    return join_url(scheme if netloc else "", netloc, path, query, ""), routed


def _server_netloc(scheme: str, server: Sequence[Any] | None) -> str:
    if not server or server[1] is None:
        return ""
    host, port = server[0], server[1]
    host = f"[{host}]" if ":" in host else host
    return host if port == _DEFAULT_PORTS.get(scheme) else f"{host}:{port}"


class URLPath(str):
    """The path of a URL as routing builds it, with the protocol and host its route needs, if any.

    `protocol` is "http", "websocket" or "" (whatever the base URL has). Raises ValueError for another one.
    """

    __slots__ = ("host", "protocol")

    protocol: str
    host: str

    def __new__(cls, path: str, protocol: Literal["http", "websocket", ""] = "", host: str = "") -> Self:
        # A browser would take "//name" or "/\\name" in a link for another host.
        text = _quoted_reference(path)
        return super().__new__(cls, f"/%2F{text[2:]}" if text.startswith("//") else text)

    def __init__(self, path: str, protocol: Literal["http", "websocket", ""] = "", host: str = "") -> None:
        if protocol not in ("http", "websocket", ""):
            raise ValueError(f"The protocol of a URLPath is 'http', 'websocket' or '', not {protocol!r}.")
        self.protocol = protocol
        self.host = host

    def __getnewargs__(self) -> tuple[str]:
        return (str(self),)

    def make_absolute_url(self, base_url: str | URL) -> URL:
        """Give the full URL: scheme, host and leading path from `base_url`, the scheme matching the protocol.

        A host of its own replaces the host of `base_url` and keeps its port, unless it names one: the other hosts of a
        server are reached at the same port.
        """
        base = split_url(str(base_url))
        scheme = base.scheme
        if self.protocol:
            secure = scheme in _SECURE
            plain = "http" if self.protocol == "http" else "ws"
            scheme = f"{plain}s" if secure else plain
        path, _, fragment = str(self).partition("#")
        path, _, query = path.partition("?")
        slash = "" if not path or path.startswith("/") else "/"
        path = f"{base.path.rstrip('/')}{slash}{path}"
        netloc = _with_port_of(base, self.host) if self.host else base.netloc
        return URL(join_url(scheme, netloc, path, query, fragment))


def _with_port_of(base: SplitResult, host: str) -> str:
    own = parse_host(host)
    return host if base.port is None or own is None or own[1] is not None else f"{host}:{base.port}"


def _quoted_reference(text: str) -> str:
    """Make the text of a `URLPath` safe; a query or fragment that somebody put behind the path stays one."""
    path, number_sign, fragment = text.partition("#")
    path, question_mark, query = path.partition("?")
    return f"{quote_path_text(path)}{question_mark}{quote_query(query)}{number_sign}{quote_query(fragment)}"
