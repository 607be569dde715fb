"""URLs, templates of paths and hosts, and how a path finds its route."""

import dataclasses
from collections.abc import Callable
from typing import Any

from asterion._core import paths
from tests.growth.heads import OURS, plain
from tests.growth.shapes import LOCAL, Kit, cases, http_scope, repeated

# --- URLs ---


def read_url(kit: Kit) -> Callable[[str], None]:
    """All that is asked of a URL."""

    def read(text: str) -> None:
        url = kit.datastructures.URL(text)
        _ = url.hostname, url.port, url.path, url.query
        url.include_query_params(a=1)
        url.replace(path="/")
        repr(url)

    return read


def read_scope_url(kit: Kit) -> Callable[[str], None]:
    """The URL of a request."""

    def read(path: str) -> None:
        query = path.encode("latin-1", "replace")
        scope = http_scope(path=path, headers=[("host", "example.org")], query=query)
        request = kit.requests.Request(scope)
        _ = str(request.url), request.url.path, str(request.base_url)

    return read


cases(
    "URL",
    read_url,
    slashes=repeated("/"),
    colons=repeated(":", start="http://a"),
    ats=repeated("@", start="http://"),
    brackets=repeated("[", start="http://"),
    path=repeated("/a", start="http://a"),
    query=repeated("a=b&", start="http://a/?"),
    questions=repeated("?"),
    numbers=repeated("#"),
    spaces=repeated(" "),
    wide=repeated("一", start="http://a/"),
    dots=repeated("/..", start="http://a"),
)
cases(
    "URL of a request",
    read_scope_url,
    slashes=repeated("/"),
    spaces=repeated(" ", start="/"),
    percent=repeated("%"),
)

# --- templates ---

cases(
    "template",
    plain(paths.compile_path),
    OURS,
    literal=repeated("/a"),
    open=repeated("{"),
    close=repeated("}"),
    open_names=repeated("{a", start="/"),
    colons=repeated("{a:", start="/"),
    slashes=repeated("/"),
    stars=repeated("(a*)*", start="/"),
)

TEMPLATES = {
    "text": "/a/{one}/{two}/{three}/end",
    "path": "/{path:path}/x",
    "numbers": "/n/{number:int}/{real:float}",
    "joined": "/j/{one}-{two}-{three}.txt",
    "paths": "/p/{one:path}/a/{two:path}/b/{three:path}/c",
    "float": "/{real:float}/end",
    "floats": "/{one:float}{two:float}{three:float}x",
    "floats_with_hyphens": "/{one:float}-{two:float}-{three:float}x",
    "floats_with_dots": "/{one:float}.{two:float}.{three:float}x",
    "text_and_floats": "/{one}{two:float}{three}x",
    "paths_and_floats": "/{one:path}/{two:float}/{three:path}x",
    "uuid_in_paths": "/{one:path}{two:uuid}{three:path}x",
    "hex": "/{one:growth_hex}/{two:growth_hex}/x",
}
"""Templates of every kind of parameter; those with several between two slashes have many ways to match. The one with a
convertor of an application's own has slashes in between, as docs/security.md asks for."""

PATHS = {
    "slashes": repeated("/"),
    "deep": repeated("/a"),
    "nearly": repeated("/x", end="!"),
    "digits": repeated("1", start="/n/"),
    "only_digits": repeated("1", start="/"),
    "float": repeated("1.", start="/n/1/"),
    "dots": repeated("1.", start="/"),
    "hyphens": repeated("1-", start="/"),
    "joined": repeated("-", start="/j/"),
    "paths": repeated("/a/b", start="/p"),
    "letters": repeated("a", start="/"),
    "wide": repeated("/一"),
}


def router(kit: Kit, templates: dict[str, str]) -> Any:
    """Routes of these templates, and a mount."""
    convertors = kit.convertors

    class Hex(convertors.Convertor):  # type: ignore[misc, name-defined]
        regex = "[0-9a-f]+"

        def convert(self, value: str) -> int:
            return int(value, 16)

        def to_string(self, value: int) -> str:
            return f"{value:x}"

    convertors.register_url_convertor("growth_hex", Hex())
    try:
        routing = kit.routing
        app = kit.responses.PlainTextResponse("found")
        routes = [routing.Route(template, app) for template in templates.values()]
        mount = routing.Mount("/a/{b}", routes=[routing.Route("/{c:path}/y", app)])
        return routing.Router(routes=[*routes, mount])
    finally:
        del convertors.CONVERTOR_TYPES["growth_hex"]


def without_limit(kit: Kit, routes: Any) -> Any:
    """What asks `routes`, of a path as long as it may be: where there is a limit it is off."""
    app = kit.app()
    if hasattr(app, "policies"):
        app.policies = dataclasses.replace(app.policies, path_length=None)
    return app, routes


def routed(**templates: str) -> Callable[[Kit], Callable[[str], Any]]:
    """A parser: the path of a request to some routes."""

    def make(kit: Kit) -> Callable[[str], Any]:
        app, routes = without_limit(kit, router(kit, templates))

        def ask(path: str) -> Any:
            scope = http_scope(path=path, app=app)

            async def receive() -> Any:
                return {"type": "http.disconnect"}

            async def send(message: Any) -> None:
                return None

            LOCAL.run(routes(scope, receive, send))

        return ask

    return make


def hosted(kit: Kit) -> Callable[[str], Any]:
    """A parser: the host of a request to routes by host."""
    app = kit.responses.PlainTextResponse("found")
    routing = kit.routing
    templates = ["{one}.example.org", "{one}.{two}.{three}.example.org", "{one}-{two}-{three}.org", "{all:path}.net"]
    routes = routing.Router(routes=[routing.Host(template, app) for template in templates])

    def ask(host: str) -> Any:
        return LOCAL.ask(routes, headers=[("host", host)])

    return ask


def url_for(kit: Kit) -> Callable[[str], Any]:
    """The way back: the path of a route."""
    routes = kit.routing.Router([kit.routing.Route("/{one:path}/{two:path}", kit.responses.Response(), name="r")])
    return lambda text: routes.url_path_for("r", one=text, two=text)


for _name, _template in TEMPLATES.items():
    cases(f"path for {_template.replace('growth_', '')}", routed(**{_name: _template}), **PATHS)
cases("path among all of these", routed(**TEMPLATES), **PATHS)
cases(
    "host of a route",
    hosted,
    labels=repeated("a."),
    hyphens=repeated("a-"),
    only_hyphens=repeated("-"),
    dots=repeated("."),
    nearly=repeated("a.", end="example.orgx"),
    colons=repeated(":"),
)
cases("URL for a route", url_for, slashes=repeated("/"), braces=repeated("{one}"), wide=repeated("一"))


def static_path(kit: Kit) -> Callable[[str], Any]:
    """The path of a file as StaticFiles looks for it."""
    from tests.growth.heads import a_file

    files = kit.staticfiles.StaticFiles(directory=a_file().parent)
    return lambda path: files.lookup_path(files.get_path(http_scope(path="/" + path)))


cases(
    "path of a file",
    static_path,
    slashes=repeated("/"),
    dots=repeated("../"),
    inside=repeated("a/../"),
    single_dots=repeated("./"),
    letters=repeated("a"),
    backslashes=repeated("..\\"),
)
