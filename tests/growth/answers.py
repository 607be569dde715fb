"""Writers: what goes into a response, and above all what came from a client before."""

import html
from collections.abc import Callable
from typing import Any

from asterion._core import urltext
from asterion._core.headertext import encode_header_value
from tests.growth.heads import OURS, plain
from tests.growth.shapes import LOCAL, Kit, cases, repeated

TEXTS = {
    "plain": repeated("a"),
    "quotes": repeated('"'),
    "escapes": repeated("\\"),
    "percent": repeated("%"),
    "slashes": repeated("/"),
    "spaces": repeated(" "),
    "wide": repeated("一"),
}


def redirect(kit: Kit) -> Callable[[str], Any]:
    """A redirect to what a client wrote."""
    return lambda url: kit.responses.RedirectResponse(url)


def to_https(kit: Kit) -> Callable[[str], Any]:
    """A redirect of a path to HTTPS."""
    app = kit.sub("middleware.httpsredirect").HTTPSRedirectMiddleware(kit.responses.Response())
    return lambda path: LOCAL.ask(app, path="/" + path, headers=[("host", "example.org")])


def download(kit: Kit) -> Callable[[str], Any]:
    """A file under a name that a client chose."""
    return lambda name: kit.responses.FileResponse(__file__, filename=name)


def failing(kit: Kit, accept: str) -> Callable[[str], Any]:
    """The debug page of an error that repeats what a client wrote."""
    middleware = kit.sub("middleware.errors").ServerErrorMiddleware

    def fail(text: str) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            raise LookupError(text)

        try:
            LOCAL.ask(middleware(app, debug=True), headers=[("accept", accept)])
        except LookupError:  # for the server's log
            pass

    return fail


def events(kit: Kit) -> Callable[[str], Any]:
    """One event for a page."""
    event = kit.responses.ServerSentEvent
    return lambda text: event(text, comment=text).encode()


def compressed(kit: Kit) -> Callable[[str], Any]:
    """A response that is compressed."""
    gzip = kit.sub("middleware.gzip").GZipMiddleware

    def answer(text: str) -> None:
        # Below the size from which a thread does it, which nobody would count here.
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
            for at in range(0, len(text), 65536):
                chunk = text[at : at + 65536].encode("latin-1", "replace")
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        LOCAL.ask(gzip(app, minimum_size=1), headers=[("accept-encoding", "gzip")])

    return answer


cases("header value", plain(encode_header_value), OURS, late_break=repeated("a", end="\r"), **TEXTS)
cases("redirect", redirect, **TEXTS, breaks=repeated("\r\n"))
cases("redirect to HTTPS", to_https, **TEXTS)
cases("quoted path", plain(urltext.quote_path), OURS, **TEXTS)
cases("filename", download, **TEXTS, surrogates=repeated("\ud800"), breaks=repeated("\r\n"))
cases("debug page", lambda kit: failing(kit, "text/html"), **TEXTS, markup=repeated("<a>"), lines=repeated("\n"))
cases("debug text", lambda kit: failing(kit, "text/plain"), **TEXTS, lines=repeated("\n"))
cases("event", events, OURS, lines=repeated("\n"), both=repeated("\r\n"), returns=repeated("\r"), **TEXTS)
cases("gzip", compressed, plain=repeated("a"), text=repeated(html.escape("<a href='b'>")))
