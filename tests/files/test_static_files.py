"""StaticFiles: files of a directory by their URL, and never another file (rows 40 to 45)."""

import os
import sys

import pytest

from asterion.exceptions import HTTPException
from asterion.staticfiles import NotModifiedResponse, StaticFiles, StaticFilesConfigurationError
from tests.asgi import request

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
    ],
)
async def test_what_is_not_a_file_of_ours_is_404(site, path):
    assert await status_of(StaticFiles(directory=site), path) == 404


async def test_a_subclass_that_looks_up_any_path_is_as_safe(site):
    static = StaticFiles(directory=site)
    for path in ("../static_secret/s.txt", "/etc/passwd", str(site / "a.txt")):
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
