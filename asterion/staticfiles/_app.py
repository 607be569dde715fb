"""The application that serves files.

Laws: one resolver decides what may be looked for (`_core.safepaths`), and what was found must lie in its directory;
whatever cannot be served is a 404, so that a visitor cannot tell a forbidden file from a missing one; the file system
is asked in worker threads only. What is said of a file that was found is decided without it (`_core.assets`).
"""

import functools
import os
import re
from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote

from asterion._core.assets import (
    CODING_ENDINGS,
    PAGE_VARIES_BY,
    CacheControl,
    CachePolicy,
    checked_codings,
    pick_coding,
    wants_page,
)
from asterion._core.conditional import is_not_modified, precondition_failed
from asterion._core.fallthrough import FallThrough
from asterion._core.paths import get_route_path
from asterion._core.safepaths import is_hidden, is_safe_path
from asterion.concurrency import run_framework_io
from asterion.datastructures import Headers
from asterion.exceptions import HTTPException
from asterion.responses import FileResponse, RedirectResponse, Response
from asterion.responses._mediatypes import guess_media_type
from asterion.responses._openfile import FileNotAvailable
from asterion.staticfiles._places import (
    Found,
    PathLike,
    StaticFilesConfigurationError,
    check_directory,
    given_directories,
    is_file,
    lies_in,
    package_directory,
    resolved,
    siblings_of,
    status_of,
)
from asterion.types import ASGIApp, Receive, Scope, Send
from asterion.websockets import WebSocketClose

_METHODS = {"Allow": "GET, HEAD"}


class NotModifiedResponse(Response):
    """A 304 with those of `headers` that one may have (RFC 9110 15.4.5)."""

    NOT_MODIFIED_HEADERS = ("cache-control", "content-location", "date", "etag", "expires", "vary")

    def __init__(self, headers: Headers) -> None:
        kept = {name: headers[name] for name in self.NOT_MODIFIED_HEADERS if name in headers}
        super().__init__(status_code=304, headers=kept)


class StaticFiles:
    """An ASGI application that serves the files below `directory` (one, or several searched in order).

    `packages` adds directories of installed packages: a name stands for its directory `statics`, `(name, directory)`
    for another. With `html`, a directory is answered by its `index.html` (redirecting to the URL with a slash) and
    what is missing by `404.html`. Symbolic links may lead outside only with `follow_symlink`. A directory that is
    missing raises StaticFilesConfigurationError at once, or with the first request if `check_dir` is false.

    In the following, the path of a file is relative, with `/` between its segments.

    - `cache_control`: the Cache-Control of files, or a function from the path of a file to it (None: no such header).
    - `immutable`: a regular expression; files in whose path it is found never change (their name has a hash of their
      content), and clients keep them for a year without asking again.
    - `precompressed`: send `app.js.br`, `.zst` or `.gz`, where it lies beside `app.js`, to clients that take it. True,
      or the codings to look for, best first: `["br", "gzip"]`.
    - `fallback`: the path of the page of an application in the browser, which stands for every path that is no file,
      for those who are opening a page: GET or HEAD, `Accept` names HTML, and the path has no ending.
    - `fall_through`: let later routes of the router answer what is no file (before `fallback` and `404.html`).
    - `dotfiles`: with "ignore", what begins with a dot is not there, `.well-known` (RFC 8615) excepted.

    Answers GET and HEAD, conditional and with ranges; raises HTTPException 405 (with `Allow`) for other methods and 404
    for whatever is not to be had, FallThrough in place of both with `fall_through`. A WebSocket is closed.
    """

    def __init__(
        self,
        *,
        directory: PathLike | Sequence[PathLike] | None = None,
        packages: list[str | tuple[str, str]] | None = None,
        html: bool = False,
        check_dir: bool = True,
        follow_symlink: bool = False,
        cache_control: CacheControl | None = None,
        immutable: str | re.Pattern[str] | None = None,
        precompressed: bool | Sequence[str] = False,
        fallback: str | None = None,
        fall_through: bool = False,
        dotfiles: Literal["allow", "ignore"] = "allow",
    ) -> None:
        if dotfiles not in ("allow", "ignore"):
            raise ValueError(f"dotfiles={dotfiles!r} is neither 'allow' nor 'ignore'")
        self.directory = directory
        self.packages = packages
        self.html = html
        self.follow_symlink = follow_symlink
        # Not public: subclasses made for upstream have attributes of these names (FastAPI's `fallback`).
        self._fallback = fallback
        self._fall_through = fall_through
        self._dotfiles = dotfiles
        self.config_checked = False
        self._cache = CachePolicy(cache_control, immutable)
        self._codings = checked_codings(precompressed)
        self.all_directories = self.get_directories(directory, packages)
        if not self.all_directories:
            raise StaticFilesConfigurationError("StaticFiles needs a directory, packages, or both; got neither")
        if check_dir:
            self._check()

    def get_directories(
        self,
        directory: PathLike | Sequence[PathLike] | None = None,
        packages: list[str | tuple[str, str]] | None = None,
    ) -> list[PathLike]:
        """Every directory to search, in order: those given, then those of packages.

        Raises StaticFilesConfigurationError for a package, or a directory of one, that is missing.
        """
        return given_directories(directory) + [package_directory(package) for package in packages or ()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "websocket":
            if self._fall_through:
                raise FallThrough(answer=WebSocketClose())
            await WebSocketClose()(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"StaticFiles serves http requests only, got {scope['type']!r}; mount it in a router")
        if not self.config_checked:
            await self.check_config()
            self.config_checked = True
        await _respond(await self.get_response(self.get_path(scope), scope), scope, receive, send)

    def get_path(self, scope: Scope) -> str:
        """What to look for: the path below the mount, relative, with `/` between segments; `.` for the directory."""
        return "/".join(part for part in get_route_path(scope).split("/") if part not in ("", ".")) or "."

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The response for `path`. Raises HTTPException: 405, or 404 where there is nothing to serve."""
        if scope["method"] not in ("GET", "HEAD"):
            if self._fall_through:
                raise FallThrough(405, headers=_METHODS, answer=_refuse_method)
            raise HTTPException(405, headers=_METHODS)
        found = await run_framework_io(self._find, path)
        if found.is_directory and self.html:
            found = await run_framework_io(self._find, f"{path}/index.html".removeprefix("./"))
            if is_file(found.status) and not scope["path"].endswith("/"):
                return _slash_redirect(scope)
        if is_file(found.status):
            return self._serve(found, found.status, scope)
        if self._fall_through:
            has_answer = self.html or self._fallback is not None
            raise FallThrough(answer=functools.partial(self._last_word, path) if has_answer else None)
        return await self._response_for_missing(path, scope)

    async def _response_for_missing(self, path: str, scope: Scope) -> Response:
        headers = None
        if self._fallback is not None:
            headers = {"Vary": PAGE_VARIES_BY}
            if wants_page(path, Headers(scope=scope)):
                found = await run_framework_io(self._find, self._fallback)
                if is_file(found.status):
                    response = self._serve(found, found.status, scope)
                    response.headers.add_vary_header(PAGE_VARIES_BY)
                    return response
        if self.html:
            found = await run_framework_io(self._find, "404.html")
            if is_file(found.status):
                response = self.file_response(found.full_path, found.status, scope, status_code=404)
                response.headers.update(headers or {})
                return response
        raise HTTPException(404, headers=headers)

    async def _last_word(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        await _respond(await self._response_for_missing(path, scope), scope, receive, send)

    def _find(self, path: str) -> Found:
        """What there is at `path`, and its siblings. Blocking."""
        try:
            full_path, status = self.lookup_path(path)
        except PermissionError:
            return Found(path)
        siblings = {}
        if self._codings and is_file(status):
            place = full_path, status
            siblings = siblings_of(place, self.all_directories, self._codings, self.follow_symlink)
        return Found(path, full_path, status, siblings)

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Where `path` is in the first directory that has it, and its status; `("", None)` if none has it or may.

        Blocking. Raises PermissionError for a directory that may not be searched, OSError for failures of the system.
        """
        if not is_safe_path(path) or (self._dotfiles == "ignore" and is_hidden(path)):
            return "", None
        for directory in self.all_directories:
            root = resolved(directory, self.follow_symlink)
            full_path = resolved(os.path.join(root, path), self.follow_symlink)
            if lies_in(full_path, root) and (status := status_of(full_path)) is not None:
                return full_path, status
        return "", None

    def _serve(self, found: Found, status: os.stat_result, scope: Scope) -> Response:
        """The response with a file that was found, in the best coding there is, with all that is said of it."""
        coding = pick_coding(scope["method"], Headers(scope=scope), found.siblings, self._codings)
        if coding is None:
            response = self.file_response(found.full_path, status, scope)
        else:
            response = self.file_response(*found.siblings[coding], scope, coding=coding)
        if found.siblings:
            response.headers.add_vary_header("Accept-Encoding")
        cache_control = self._cache.value_for(found.path)
        if cache_control is not None:
            response.headers.setdefault("cache-control", cache_control)
        return response

    def file_response(
        self,
        full_path: PathLike,
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
        *,
        coding: str | None = None,
    ) -> Response:
        """The response with a file, or a 304 if the client has it already.

        With `coding`, `full_path` is a sibling that holds the content in that coding: `app.js.gz`, for gzip.
        """
        # A browser must not take a user's upload for a script that it is not.
        headers = {"x-content-type-options": "nosniff"}
        plain = os.fspath(full_path)
        if coding is not None:
            # A part of a compressed file is of no use to anybody who does not have the rest of the very same one.
            headers |= {"content-encoding": coding, "accept-ranges": "none"}
            plain = plain.removesuffix(CODING_ENDINGS[coding])
        response = FileResponse(
            full_path, status_code, headers, media_type=guess_media_type(plain), stat_result=stat_result
        )
        asked = Headers(scope=scope)
        # RFC 9110 13.2.2: what has failed before (412, which the response itself answers) is not asked any more.
        goes_on = status_code == 200 and not precondition_failed(response.headers, asked)
        if goes_on and self.is_not_modified(response.headers, asked):
            return NotModifiedResponse(response.headers)
        return response

    async def check_config(self) -> None:
        """Raise StaticFilesConfigurationError if a directory is not there. Called once, with the first request."""
        await run_framework_io(self._check)

    def _check(self) -> None:
        for directory in given_directories(self.directory):
            check_directory(directory)
        if self._fallback is not None and not is_file(self._find(self._fallback).status):
            raise StaticFilesConfigurationError(
                f"fallback={self._fallback!r} is no file in {[os.fspath(one) for one in self.all_directories]!r}; "
                "name the path of a page, relative to one of them"
            )

    def is_not_modified(self, response_headers: Headers, request_headers: Headers) -> bool:
        """Whether the client has what `response_headers` describe (RFC 9110 13)."""
        return is_not_modified(response_headers, request_headers)


async def _respond(response: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    try:
        await response(scope, receive, send)
    except FileNotAvailable as error:
        # It vanished, or turned out to be unreadable, between look-up and opening; nothing was sent.
        raise HTTPException(404) from error


async def _refuse_method(scope: Scope, receive: Receive, send: Send) -> None:
    raise HTTPException(405, headers=_METHODS)


def _slash_redirect(scope: Scope) -> Response:
    # Relative to where the client is: no host to trust, no proxy's prefix to lose, no `//evil.example` to follow.
    last = quote(scope["path"].rpartition("/")[2], safe="")
    query = scope.get("query_string", b"").decode("latin-1")
    return RedirectResponse(f"./{last}/" + (f"?{query}" if query else ""))
