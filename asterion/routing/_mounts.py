"""Mounts and hosts: a whole application under a path, or under a host name."""

import re
from collections.abc import Sequence
from typing import Any, cast

from asterion._core.bodylimits import MAX_BODY_SIZE_SCOPE_KEY, check_announced_length
from asterion._core.hosts import parse_host
from asterion._core.index import Place
from asterion._core.middleware import Middleware, wrap_app
from asterion._core.paths import (
    compile_path,
    compile_template,
    get_route_path,
    parse_params,
    replace_params,
    static_prefix,
)
from asterion._core.urltext import quote_path
from asterion.datastructures import Headers, URLPath
from asterion.routing._limits import limit_body
from asterion.routing._routes import NONE, BaseRoute, Match, NoMatchFound, checked_path, reverse, with_params
from asterion.routing._table import RouteTable
from asterion.types import ASGIApp, Receive, Scope, Send

_WRAPPERS_AT_MOST = 32


def routes_of(app: Any) -> list[BaseRoute]:
    """The routes of an application, also where middleware is wrapped around it."""
    for _ in range(_WRAPPERS_AT_MOST):
        routes = getattr(app, "routes", None)
        if routes is not None:
            return list(routes)
        app = getattr(app, "app", None)
        if app is None:
            break
    return []


class _Container(BaseRoute):
    """What mounts and hosts share: an application, its routes, and the names in it."""

    app: ASGIApp
    name: str | None
    max_body_size: int | None = None
    _base_app: Any

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes of the mounted application, if it has any."""
        return routes_of(self._base_app)

    def _inner_url(self, name: str, prefix: str, path_params: dict[str, Any], given: dict[str, Any]) -> URLPath:
        """The URL of the inner route `name`, behind `prefix`. Raises NoMatchFound with what was asked for."""
        if self.name is None:
            inner = name
        elif name.startswith(f"{self.name}:"):
            inner = name[len(self.name) + 1 :]
        else:
            raise NoMatchFound(name, given)
        for route in self.routes:
            try:
                url = route.url_path_for(inner, **path_params)
            except NoMatchFound:
                continue
            return URLPath(path=prefix.rstrip("/") + str(url), protocol=cast(Any, url.protocol), host=url.host)
        raise NoMatchFound(name, given)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the mounted application."""
        await self.app(scope, receive, send)


class Mount(_Container):
    """An application, or routes, under a path prefix.

    Within it `root_path` has grown by the prefix. Give either `app` or `routes`; raises TypeError otherwise.
    `middleware` and `max_body_size` (bytes) are for what is mounted only.
    """

    def __init__(
        self,
        path: str,
        app: ASGIApp | None = None,
        routes: Sequence[BaseRoute] | None = None,
        name: str | None = None,
        *,
        middleware: Sequence[Middleware] | None = None,
        max_body_size: int | None = None,
    ) -> None:
        if (app is None) == (routes is None):
            raise TypeError(
                f"Mount({path!r}) takes either app= or routes=, and got {'neither' if app is None else 'both'}"
            )
        if path:
            checked_path(path, "mount")
        self.path = path.rstrip("/")
        self._base_app = app if app is not None else RouteTable(routes)
        self.app = wrap_app(self._base_app, middleware or ())
        self.name = name
        self.max_body_size = max_body_size
        # What is mounted has all of its paths, newlines in them included: no route behind it may get hold of one.
        template = compile_template(self.path + "/{path:path}", re.DOTALL)
        self.path_regex, self.path_format, self.param_convertors = template

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See `BaseRoute`."""
        if scope["type"] not in ("http", "websocket"):
            return NONE
        path = get_route_path(scope)
        params = parse_params(self.path_regex, self.param_convertors, path)
        if params is None:
            return NONE
        rest = "/" + params.pop("path")
        root_path = scope.get("root_path", "")
        child: Scope = {
            "path_params": with_params(scope, params),
            # The server's own prefix, kept for URLs however deep the mounts are.
            "app_root_path": scope.get("app_root_path", root_path),
            "root_path": root_path + path[: len(path) - len(rest)],
            "endpoint": self.app,
        }
        return Match.FULL, child

    def index_places(self) -> Sequence[Place]:
        """See `BaseRoute`."""
        return (Place(prefix=static_prefix(self.path_format)),) if type(self).matches is Mount.matches else ()

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """See `BaseRoute`. A mount's own name takes `path`, what stands behind its prefix."""
        if self.name is not None and name == self.name and "path" in path_params:
            rest = {**path_params, "path": str(path_params["path"]).lstrip("/")}
            return URLPath(path=reverse(self.path_format, self.param_convertors, name, rest))
        of_prefix = {key: convertor for key, convertor in self.param_convertors.items() if key != "path"}
        own = {key: value for key, value in path_params.items() if key in of_prefix}
        inner = {key: value for key, value in path_params.items() if key not in own}
        prefix = reverse(self.path_format.removesuffix("/{path}") or "/", of_prefix, name, own)
        return self._inner_url(name, prefix, inner, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the mounted application, under its own body limit if it has one."""
        if self.max_body_size is not None and scope["type"] == "http":
            receive = limit_body(scope, receive, self.max_body_size)
        if MAX_BODY_SIZE_SCOPE_KEY in scope and not self.routes:
            check_announced_length(scope)  # routes, where there are any, may still allow more
        await self.app(scope, receive, send)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Mount) and (self.path, self._base_app, self.name) == (
            other.path,
            other._base_app,
            other.name,
        )

    __hash__ = BaseRoute.__hash__

    def __repr__(self) -> str:
        return f"{type(self).__name__}(path={self.path!r}, name={self.name or ''!r}, app={self._base_app!r})"


class Host(_Container):
    """An application for one host name, which may be a template: `{tenant}.example.org`. Ports do not matter."""

    def __init__(self, host: str, app: ASGIApp, name: str | None = None) -> None:
        if host.startswith("/"):
            raise ValueError(f"a host must not start with '/', got {host!r}; use Mount for paths")
        self.host = host
        self.app = self._base_app = app
        self.name = name
        self.host_regex, self.host_format, self.param_convertors = compile_path(host)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See `BaseRoute`."""
        if scope["type"] not in ("http", "websocket"):
            return NONE
        host = parse_host(Headers(scope=scope).get("host", ""))
        params = None if host is None else parse_params(self.host_regex, self.param_convertors, host[0])
        if params is None:
            return NONE
        return Match.FULL, {"path_params": with_params(scope, params), "endpoint": self.app}

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """See `BaseRoute`. The host's own name takes `path`."""
        own = {key: value for key, value in path_params.items() if key in self.param_convertors}
        inner = {key: value for key, value in path_params.items() if key not in own}
        if own.keys() != self.param_convertors.keys():
            raise NoMatchFound(name, path_params)
        host = replace_params(self.host_format, self.param_convertors, own)[0]
        if parse_host(host) is None:
            raise ValueError(f"{host!r} is no host name, so there is no URL for {name!r} with {own!r}")
        if self.name is not None and name == self.name and inner.keys() == {"path"}:
            return URLPath(path=quote_path("/" + str(inner["path"]).lstrip("/")), host=host)
        url = self._inner_url(name, "", inner, path_params)
        return URLPath(path=str(url), protocol=cast(Any, url.protocol), host=host)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Host) and (self.host, self.app) == (other.host, other.app)

    __hash__ = BaseRoute.__hash__

    def __repr__(self) -> str:
        return f"{type(self).__name__}(host={self.host!r}, name={self.name or ''!r}, app={self.app!r})"
