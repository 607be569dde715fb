"""Files of a directory, or of several, by their URL.

Laws: one resolver decides what may be looked for (`_core.safepaths`), and what was found must lie in its directory;
whatever cannot be served is a 404, so that a visitor cannot tell a forbidden file from a missing one; `lookup_path` is
the only place that asks the file system, and it runs in a worker thread.
"""

import importlib.util
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from asterion._core.conditional import is_not_modified
from asterion._core.paths import get_route_path
from asterion._core.safepaths import is_safe_path
from asterion.concurrency import run_framework_io
from asterion.datastructures import Headers
from asterion.exceptions import HTTPException
from asterion.responses import FileResponse, RedirectResponse, Response
from asterion.responses._openfile import FileNotAvailable
from asterion.types import Receive, Scope, Send
from asterion.websockets import WebSocketClose

PathLike = str | os.PathLike[str]


class StaticFilesConfigurationError(AssertionError, RuntimeError):
    """A directory or package that StaticFiles was given is not there (upstream raised one or the other)."""


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

    Answers GET and HEAD, conditional and with ranges; raises HTTPException 405 (with `Allow`) for other methods and 404
    for whatever is not to be had. A WebSocket is closed.
    """

    def __init__(
        self,
        *,
        directory: PathLike | Sequence[PathLike] | None = None,
        packages: list[str | tuple[str, str]] | None = None,
        html: bool = False,
        check_dir: bool = True,
        follow_symlink: bool = False,
    ) -> None:
        self.directory = directory
        self.packages = packages
        self.html = html
        self.follow_symlink = follow_symlink
        self.config_checked = False
        self.all_directories = self.get_directories(directory, packages)
        if not self.all_directories:
            raise StaticFilesConfigurationError("StaticFiles needs a directory, packages, or both; got neither")
        if check_dir:
            for path in _given_directories(directory):
                _check_directory(path)

    def get_directories(
        self,
        directory: PathLike | Sequence[PathLike] | None = None,
        packages: list[str | tuple[str, str]] | None = None,
    ) -> list[PathLike]:
        """Every directory to search, in order: those given, then those of packages.

        Raises StaticFilesConfigurationError for a package, or a directory of one, that is missing.
        """
        return _given_directories(directory) + [_package_directory(package) for package in packages or ()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "websocket":
            await WebSocketClose()(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"StaticFiles serves http requests only, got {scope['type']!r}; mount it in a router")
        if not self.config_checked:
            await self.check_config()
            self.config_checked = True
        response = await self.get_response(self.get_path(scope), scope)
        try:
            await response(scope, receive, send)
        except FileNotAvailable as error:
            # It vanished, or turned out to be unreadable, between look-up and opening; nothing was sent.
            raise HTTPException(404) from error

    def get_path(self, scope: Scope) -> str:
        """What to look for: the path below the mount, relative, with `/` between segments; `.` for the directory."""
        return "/".join(part for part in get_route_path(scope).split("/") if part not in ("", ".")) or "."

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The response for `path`. Raises HTTPException: 405, or 404 where there is nothing to serve."""
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        full_path, found = await self._look_up(path)
        if found is not None and stat.S_ISDIR(found.st_mode) and self.html:
            full_path, found = await self._look_up("/".join((path.rstrip("/"), "index.html")))
            if _is_file(found) and not scope["path"].endswith("/"):
                return _slash_redirect(scope)
        if found is not None and _is_file(found):
            return self.file_response(full_path, found, scope)
        if self.html:
            full_path, found = await self._look_up("404.html")
            if found is not None and _is_file(found):
                return self.file_response(full_path, found, scope, status_code=404)
        raise HTTPException(404)

    async def _look_up(self, path: str) -> tuple[str, os.stat_result | None]:
        try:
            return await run_framework_io(self.lookup_path, path)
        except PermissionError:
            return "", None

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Where `path` is in the first directory that has it, and its status; `("", None)` if none has it or may.

        Blocking. Raises PermissionError for a directory that may not be searched, OSError for failures of the system.
        """
        if not is_safe_path(path):
            return "", None
        resolve = os.path.abspath if self.follow_symlink else os.path.realpath
        for directory in self.all_directories:
            root = resolve(directory)
            full_path = resolve(os.path.join(root, path))
            if not _lies_in(full_path, root):
                continue
            try:
                return full_path, os.stat(full_path)
            except (FileNotFoundError, NotADirectoryError):
                continue
        return "", None

    def file_response(
        self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The response with a file, or a 304 if the client has it already."""
        response = FileResponse(full_path, status_code=status_code, stat_result=stat_result)
        # A browser must not take a user's upload for a script that it is not.
        response.headers["x-content-type-options"] = "nosniff"
        if status_code == 200 and self.is_not_modified(response.headers, Headers(scope=scope)):
            return NotModifiedResponse(response.headers)
        return response

    async def check_config(self) -> None:
        """Raise StaticFilesConfigurationError if a directory is not there. Called once, with the first request."""
        for directory in _given_directories(self.directory):
            await run_framework_io(_check_directory, directory)

    def is_not_modified(self, response_headers: Headers, request_headers: Headers) -> bool:
        """Whether the client has what `response_headers` describe (RFC 9110 13)."""
        return is_not_modified(response_headers, request_headers)


def _given_directories(directory: PathLike | Sequence[PathLike] | None) -> list[PathLike]:
    if directory is None:
        return []
    return [directory] if isinstance(directory, str | os.PathLike) else list(directory)


def _package_directory(package: str | tuple[str, str]) -> Path:
    name, below = (package, "statics") if isinstance(package, str) else package
    spec = importlib.util.find_spec(name)
    # A package without an __init__.py has places, but no origin.
    places: Any = spec and (spec.submodule_search_locations or ([str(Path(spec.origin).parent)] if spec.origin else []))
    if not places:
        raise StaticFilesConfigurationError(f"the package {name!r} of StaticFiles could not be found; is it installed?")
    for place in places:
        if (found := Path(place, below)).is_dir():
            return found
    raise StaticFilesConfigurationError(
        f"the package {name!r} has no directory {below!r}; name another one: packages=[({name!r}, 'directory')]"
    )


def _check_directory(directory: PathLike) -> None:
    if not os.path.isdir(directory):
        state = "is not a directory" if os.path.exists(directory) else "does not exist"
        raise StaticFilesConfigurationError(
            f"StaticFiles directory {os.fspath(directory)!r} {state} (looked for from {os.getcwd()!r})"
        )


def _lies_in(path: str, root: str) -> bool:
    try:
        return os.path.commonpath([path, root]) == root
    except ValueError:  # another drive
        return False


def _is_file(found: os.stat_result | None) -> bool:
    return found is not None and stat.S_ISREG(found.st_mode)


def _slash_redirect(scope: Scope) -> Response:
    # Relative to where the client is: no host to trust, no proxy's prefix to lose, no `//evil.example` to follow.
    last = quote(scope["path"].rpartition("/")[2], safe="")
    query = scope.get("query_string", b"").decode("latin-1")
    return RedirectResponse(f"./{last}/" + (f"?{query}" if query else ""))
