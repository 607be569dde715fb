"""StaticFiles: files of a directory by their URL, and never another file (rows 40 to 45)."""

import os
import sys

import pytest

from asterion.applications import Asterion
from asterion.exceptions import HTTPException
from asterion.routing import Mount, Router
from asterion.staticfiles import NotModifiedResponse, StaticFiles, StaticFilesConfigurationError
from tests.asgi import function_layers, request

pytestmark = pytest.mark.anyio


@pytest.fixture
def site(tmp_path):
    root = tmp_path / "static"
    (root / "dir").mkdir(parents=True)
    (root / "a.txt").write_text("hello")
    (root / "a b.txt").write_text("space")
    (root / "dir" / "index.html").write_text("<h1>dir</h1>")
    (root / "404.html").write_text("<h1>lost</h1>")
    (tmp_path / "static_secret").mkdir()
    (tmp_path / "static_secret" / "s.txt").write_text("secret")
    return root


async def status_of(app, path, **kwargs):
    try:
        return (await request(app, path=path, **kwargs)).status
    except HTTPException as error:
        return error.status_code


async def test_a_file_is_served_below_the_mount(site):
    answer = await request(StaticFiles(directory=site), path="/static/a.txt", scope={"root_path": "/static"})
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (
        await request(StaticFiles(directory=str(site)), path="//dir/.././a b.txt".replace("dir/../", ""))
    ).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../static_secret/s.txt",
        "/dir/../../static_secret/s.txt",
        "/..",
        "//etc/passwd",
        "/\\\\host\\share\\x",
        "/..\\static_secret\\s.txt",
        "/a.txt\x00.png",
        "/C:/x",
        "/CON",
        "/dir/NUL.txt",
        "/" + "a" * 300,
        "/" + "a/" * 3000,
        "/missing",
        "/dir",
        "/",
        "/a.txt/b",
        "/a.txt.",
        "/a.txt ",
        "/dir./index.html",
        "/loop",
        "/loop/a.txt",
        "/\udcff",
    ],
)
async def test_what_is_not_a_file_of_ours_is_404(site, path):
    (site / "loop").symlink_to("loop")
    for follow in (False, True):
        assert await status_of(StaticFiles(directory=site, follow_symlink=follow), path) == 404


async def test_a_subclass_that_looks_up_any_path_is_as_safe(site):
    static = StaticFiles(directory=site)
    for path in ("../static_secret/s.txt", "/etc/passwd", str(site / "a.txt"), "\ud800"):
        assert static.lookup_path(path) == ("", None)


async def test_symbolic_links_lead_outside_only_if_that_is_wanted(site, tmp_path):
    (site / "link.txt").symlink_to(tmp_path / "static_secret" / "s.txt")
    (site / "linked").symlink_to(tmp_path / "static_secret")
    (site / "inside.txt").symlink_to(site / "a.txt")
    closed, open_ = StaticFiles(directory=site), StaticFiles(directory=site, follow_symlink=True)
    for path in ("/link.txt", "/linked/s.txt"):
        assert await status_of(closed, path) == 404
        assert (await request(open_, path=path)).body == b"secret"
    assert (await request(closed, path="/inside.txt")).body == b"hello"
    assert await status_of(open_, "/../static_secret/s.txt") == 404


async def test_a_relative_directory_that_is_a_link_itself_is_served(site, tmp_path, monkeypatch):
    (tmp_path / "alias").symlink_to(site)
    monkeypatch.chdir(tmp_path)
    for follow in (False, True):
        assert (await request(StaticFiles(directory="alias", follow_symlink=follow), path="/a.txt")).status == 200


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
async def test_other_methods_are_405_with_allow(site, method):
    with pytest.raises(HTTPException) as caught:
        await request(StaticFiles(directory=site), method=method, path="/a.txt")
    assert caught.value.status_code == 405
    assert caught.value.headers == {"Allow": "GET, HEAD"}


async def test_a_websocket_is_closed(site):
    sent = []

    async def send(message):
        sent.append(message)

    await StaticFiles(directory=site)({"type": "websocket", "path": "/a.txt", "headers": []}, None, send)
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_the_client_that_has_it_gets_304(site):
    static = StaticFiles(directory=site)
    first = await request(static, path="/a.txt")
    tag = first.headers["etag"]
    for value in (tag, f"W/{tag}", "*"):
        answer = await request(static, path="/a.txt", headers=[("if-none-match", value)])
        assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", tag)
    other = [("if-none-match", 'W/"W1"'), ("if-modified-since", first.headers["last-modified"])]
    assert (await request(static, path="/a.txt", headers=other)).status == 200
    (site / "a.txt").unlink()
    assert await status_of(static, "/a.txt", headers=[("if-none-match", tag)]) == 404


async def test_a_304_has_only_the_headers_it_may_have(site):
    kept = NotModifiedResponse(StaticFiles(directory=site).file_response(
        site / "a.txt", os.stat(site / "a.txt"), {"type": "http", "method": "GET", "headers": []}
    ).headers)  # fmt: skip
    assert set(kept.headers) == {"etag"}


async def test_html_mode_serves_index_pages_and_redirects_to_their_slash(site):
    static = StaticFiles(directory=site, html=True)
    assert (await request(static, path="/dir/")).body == b"<h1>dir</h1>"
    answer = await request(static, path="/static/dir", query=b"a=1", scope={"root_path": "/static"})
    assert (answer.status, answer.headers["location"]) == (307, "./dir/?a=1")
    # Nothing of the request's Host or of a path like //evil.example gets into the target.
    answer = await request(
        static, path="//evil.example//dir", headers=[("host", "evil.example")], scope={"root_path": "//evil.example"}
    )
    assert answer.headers["location"] == "./dir/"


async def test_html_mode_answers_what_is_missing_by_its_404_page(site):
    answer = await request(StaticFiles(directory=site, html=True), path="/missing")
    assert (answer.status, answer.body) == (404, b"<h1>lost</h1>")
    again = [("if-none-match", answer.headers["etag"]), ("range", "bytes=0-1")]
    assert (await request(StaticFiles(directory=site, html=True), path="/missing", headers=again)).status == 404
    (site / "404.html").unlink()
    assert await status_of(StaticFiles(directory=site, html=True), "/missing") == 404


async def test_a_file_that_may_not_be_read_is_404_like_a_missing_one(site, monkeypatch):
    """Upstream answered 401. Whether a forbidden file exists is nobody's business."""
    static = StaticFiles(directory=site)

    def refuse(self, path):
        raise PermissionError

    monkeypatch.setattr(StaticFiles, "lookup_path", refuse)
    assert await status_of(static, "/a.txt") == 404


async def test_a_file_that_vanishes_or_closes_after_the_look_up_is_404(site, monkeypatch):
    static = StaticFiles(directory=site)
    real = StaticFiles.lookup_path

    def lookup(self, path):
        found = real(self, path)
        (site / "a.txt").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(StaticFiles, "lookup_path", lookup)
    assert await status_of(static, "/a.txt") == 404

    def refuse(*args, **kwargs):
        raise PermissionError

    monkeypatch.setattr(os, "open", refuse)
    assert await status_of(static, "/a b.txt") == 404


async def test_other_failures_of_the_system_are_errors(site, monkeypatch):
    def fail(self, path):
        raise TimeoutError

    monkeypatch.setattr(StaticFiles, "lookup_path", fail)
    with pytest.raises(TimeoutError):
        await request(StaticFiles(directory=site), path="/a.txt")


async def test_several_directories_are_searched_in_order(site, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.txt").write_text("other")
    (other / "b.txt").write_text("b")
    static = StaticFiles(directory=[site, other])
    assert (await request(static, path="/a.txt")).body == b"hello"
    assert (await request(static, path="/b.txt")).body == b"b"


async def test_directories_of_packages_are_served(tmp_path, monkeypatch):
    for name, below in (("with_statics", "statics"), ("with_assets", "assets")):
        (tmp_path / name / below).mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch()
        (tmp_path / name / below / f"{name}.txt").write_text(name)
    monkeypatch.syspath_prepend(tmp_path)
    static = StaticFiles(packages=["with_statics", ("with_assets", "assets")])
    for name in ("with_statics", "with_assets"):
        assert (await request(static, path=f"/{name}.txt")).body == name.encode()
    with pytest.raises(StaticFilesConfigurationError, match="has no directory 'statics'"):
        StaticFiles(packages=["with_assets"])
    sys.modules.pop("with_statics", None)


def test_what_is_misconfigured_says_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RuntimeError, match=r"missing' does not exist"):
        StaticFiles(directory=tmp_path / "missing")
    with pytest.raises(RuntimeError, match="is not a directory"):
        StaticFiles(directory=tmp_path / "file")
    with pytest.raises(
        StaticFilesConfigurationError, match="'no_such_package_at_all' of StaticFiles could not be found"
    ):
        StaticFiles(packages=["no_such_package_at_all"])
    with pytest.raises(StaticFilesConfigurationError, match="needs a directory"):
        StaticFiles()


async def test_an_unchecked_directory_is_checked_with_the_first_request(tmp_path):
    static = StaticFiles(directory=tmp_path / "missing", check_dir=False)
    with pytest.raises(RuntimeError, match="does not exist"):
        await request(static, path="/a.txt")
    (tmp_path / "missing").mkdir()
    assert await status_of(static, "/a.txt") == 404
    assert static.config_checked


async def test_a_range_of_a_static_file(site):
    answer = await request(StaticFiles(directory=site), path="/a.txt", headers=[("range", "bytes=1-2")])
    assert (answer.status, answer.body) == (206, b"el")


# --- preconditions ----------------------------------------------------------------------------------------------------


async def test_whoever_wants_another_version_gets_412_before_anything_else_is_asked(site, layers, spec_version):
    """RFC 9110 13.2.2: If-Match, then If-Unmodified-Since, then the conditions for 304, then ranges."""
    app = Asterion(
        routes=[Mount("/", StaticFiles(directory=site, cache_control="max-age=60"))], middleware=function_layers(layers)
    )

    async def ask(*headers, method="GET"):
        return await request(app, method, "/a.txt", headers=headers, spec_version=spec_version)

    first = await ask()
    tag, date, past = first.headers["etag"], first.headers["last-modified"], "Thu, 01 Jan 1998 00:00:00 GMT"
    for condition in [("if-match", '"other"'), ("if-match", f"W/{tag}"), ("if-unmodified-since", past)]:
        for method in ("GET", "HEAD"):
            answer = await ask(condition, ("if-none-match", tag), ("range", "bytes=0-1"), method=method)
            assert (answer.status, answer.body, answer.headers["content-length"]) == (412, b"", "0")
            # The refusal is for this client: nobody may keep it in place of the file.
            assert "cache-control" not in answer.headers
    for condition in [("if-match", tag), ("if-match", f'"other", {tag}'), ("if-match", "*"),
                      ("if-unmodified-since", date)]:  # fmt: skip
        assert (await ask(condition)).status == 200
        assert (await ask(condition, ("if-none-match", tag))).status == 304
        assert (await ask(condition, ("range", "bytes=0-1"))).status == 206
    # A date does not count beside a tag.
    assert (await ask(("if-match", tag), ("if-unmodified-since", past))).status == 200


# --- Cache-Control ----------------------------------------------------------------------------------------------------


async def test_every_answer_with_a_file_says_how_long_it_may_be_kept_and_no_other_does(site, layers, spec_version):
    (site / "app.0a1b2c3d.js").write_text("app")
    app = Asterion(
        routes=[
            Mount(
                "/static",
                StaticFiles(directory=site, html=True, cache_control="no-cache", immutable=r"\.[0-9a-f]{8}\.\w+$"),
            )
        ],
        middleware=function_layers(layers),
    )

    async def ask(path, *headers):
        return await request(app, path=path, headers=headers, spec_version=spec_version)

    whole = await ask("/static/app.0a1b2c3d.js")
    part = await ask("/static/app.0a1b2c3d.js", ("range", "bytes=0-0"))
    current = await ask("/static/app.0a1b2c3d.js", ("if-none-match", whole.headers["etag"]))
    assert [answer.status for answer in (whole, part, current)] == [200, 206, 304]
    for answer in (whole, part, current):
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await ask("/static/dir/")).headers["cache-control"] == "no-cache"
    beyond = await ask("/static/app.0a1b2c3d.js", ("range", "bytes=99-"))
    for answer, status in ((await ask("/static/missing"), 404), (await ask("/static/dir"), 307), (beyond, 416)):
        assert answer.status == status
        assert "cache-control" not in answer.headers


async def test_a_function_says_it_by_the_path_below_the_mount(site):
    asked = []

    def policy(path):
        asked.append(path)
        return None if path == "a.txt" else "private"

    app = Router([Mount("/static", StaticFiles(directory=site, html=True, cache_control=policy))])
    assert "cache-control" not in (await request(app, path="/static//a.txt")).headers
    assert (await request(app, path="/static/dir/")).headers["cache-control"] == "private"
    assert asked == ["a.txt", "dir/index.html"]


async def test_without_settings_nothing_is_said(site):
    assert "cache-control" not in (await request(StaticFiles(directory=site), path="/a.txt")).headers


# --- names that begin with a dot --------------------------------------------------------------------------------------


async def test_dot_files_are_served_unless_they_are_to_be_ignored(site):
    for directory in (".git", ".well-known", "dir/.cache"):
        (site / directory).mkdir()
        (site / directory / "config").write_text("inside")
    (site / ".env").write_text("secret")
    allowed, ignored = StaticFiles(directory=site), StaticFiles(directory=site, dotfiles="ignore")
    for path in ("/.env", "/.git/config", "/dir/.cache/config"):
        assert await status_of(allowed, path) == 200
        assert await status_of(ignored, path) == 404
    for path in ("/.well-known/config", "/a.txt", "/./a.txt"):
        assert await status_of(ignored, path) == 200
    with pytest.raises(ValueError, match="dotfiles='deny' is neither 'allow' nor 'ignore'"):
        StaticFiles(directory=site, dotfiles="deny")


# --- who extends it ---------------------------------------------------------------------------------------------------


async def test_a_subclass_that_falls_back_by_itself_works_as_it_did(site):
    """The way it was done before there was `fallback`."""

    class Pages(StaticFiles):
        async def get_response(self, path, scope):
            try:
                return await super().get_response(path, scope)
            except HTTPException as error:
                if error.status_code != 404:
                    raise
                return await super().get_response("dir/index.html", scope)

    assert (await request(Pages(directory=site), path="/users/7")).body == b"<h1>dir</h1>"


async def test_a_subclass_that_changes_the_response_with_a_file_works_as_it_did(site):
    class Marked(StaticFiles):
        def file_response(self, full_path, stat_result, scope, status_code=200):
            response = super().file_response(full_path, stat_result, scope, status_code)
            response.headers["cache-control"] = "no-store"
            return response

    answer = await request(Marked(directory=site, cache_control="max-age=60", precompressed=True), path="/a.txt")
    assert (answer.body, answer.headers["cache-control"]) == (b"hello", "no-store")


async def test_a_subclass_may_have_attributes_of_the_names_of_our_settings(site):
    """A subclass made for upstream sets what it needs before it calls ours; FastAPI's `frontend` does so."""

    class Frontend(StaticFiles):
        def __init__(self, **options):
            self.fallback = "auto"
            self.fall_through = "never"
            self.dotfiles = 7
            super().__init__(**options)

    frontend = Frontend(directory=site)
    assert (frontend.fallback, frontend.fall_through, frontend.dotfiles) == ("auto", "never", 7)
    frontend.fallback = "missing.html"
    with pytest.raises(HTTPException) as caught:
        await request(frontend, path="/absent", headers=[("accept", "text/html")])
    assert (caught.value.status_code, caught.value.headers) == (404, None)


async def test_scopes_other_than_http_and_websockets_are_refused_with_words(root):
    with pytest.raises(RuntimeError, match="StaticFiles serves http requests only, got 'lifespan'"):
        await StaticFiles(directory=root)({"type": "lifespan"}, None, None)
