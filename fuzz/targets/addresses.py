"""Targets that read addresses: URLs, hosts, path templates and the paths they match."""

import re
from urllib.parse import unquote

from asterion._core.hosts import host_header, parse_host
from asterion._core.paths import compile_template, parse_params, parse_tail, replace_params, tail_of
from asterion._core.urltext import join_url, parse_urlencoded, quote_path, render_urlencoded, split_url
from asterion.datastructures import URL, QueryParams, URLPath
from fuzz.law import holds


def urls(data: bytes) -> None:
    """Text of a URL, taken apart and put together; and the URL of a request with such a path, query and host."""
    text = data.decode("utf-8", "replace")
    try:
        parts = split_url(text)
    except ValueError:
        parts = None
    if parts is not None:
        url = join_url(*parts)
        again = split_url(url)
        holds(again.netloc == parts.netloc and again.query == parts.query and again.fragment == parts.fragment, text)
        holds(join_url(*again) == url, text)
        repr(URL(text))
    _of_request(data)
    query = render_urlencoded(parse_urlencoded(text))
    holds(QueryParams(query) == QueryParams(text), text, query)
    holds(str(QueryParams(query)) == query, query)


def _of_request(data: bytes) -> None:
    path, query, host, *_ = [*data.split(b"\n", 2), b"", b""]
    routed = "/" + path.decode("utf-8", "replace")
    scope = {
        "type": "http",
        "scheme": "http",
        "path": routed,
        "query_string": query,
        "headers": [(b"host", host)],
        "server": ("server.example", 80),
    }
    url = URL(scope=scope)
    valid = parse_host(host.decode("latin-1"))
    expected = "server.example" if valid is None else valid[0].strip("[]")
    parts = URL(str(url))
    holds(url.path == routed and unquote(parts.path, errors="strict") == routed, str(url))
    holds(parts.hostname == expected and parts.fragment == "" and parts.username is None, str(url), expected)
    holds(str(url).isprintable() or not routed.isascii(), str(url))
    made = URLPath(path=quote_path(routed)).make_absolute_url("https://example.org/app/")
    holds(made.hostname == "example.org" and made.path.startswith("/app/"), str(made))
    holds(URL(str(made)).fragment == URL(str(made)).query == "", str(made))


_HOST = re.compile(rb"[A-Za-z0-9._:\[\]-]+\Z")


def hosts(data: bytes) -> None:
    """The text of a `Host` header."""
    text = data.decode("latin-1")
    found = parse_host(text)
    holds(host_header([(b"host", data)]) == (None if found is None else text), text)
    holds(host_header([(b"host", data), (b"host", data)]) is None, text)
    if found is None:
        return
    host, port = found
    holds(_HOST.match(data) and host == host.lower(), text)
    holds(port is None or 0 <= port <= 65535, port)
    written = host if port is None else f"{host}:{port}"
    holds(parse_host(written) == found, text)
    holds(URL(f"http://{text}/").hostname == host.strip("[]"), text)


def templates(data: bytes) -> None:
    """A path template on the first line, a path on the second."""
    text, _, path = data.decode("utf-8", "replace").partition("\n")
    # The application writes its templates. Of several parameters in one segment each costs a factor of its length.
    if not text.isascii() or len(text) > 200 or any(segment.count("{") > 2 for segment in text.split("/")):
        return
    try:
        template = compile_template("/" + text)
    except ValueError:
        return
    path = "/" + path
    tail = tail_of(*template)
    params = parse_params(template.regex, template.convertors, path)
    if tail is not None:
        above, _, last = path.rpartition("/")
        holds(parse_tail(tail, above, last) == params, text, path)
    if params is None:
        return
    written, left = replace_params(template.format, template.convertors, params)
    holds(not left, left)
    holds(parse_params(template.regex, template.convertors, written) == params or _is_ambiguous(text), text, path)


def _is_ambiguous(template: str) -> bool:
    """Whether two parameters touch, or a number may be written in two ways beside another parameter."""
    return re.search(r"}[^/{]*{", template) is not None or template.count("path") + template.count("float") > 0
