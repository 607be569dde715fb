"""Rows 40 to 45: files of a directory are served by their URL, and nothing else is."""

import os

import pytest

from asterion.applications import Asterion
from asterion.datastructures import Headers
from asterion.responses import FileResponse
from asterion.routing import Mount, Route
from asterion.staticfiles import StaticFiles
from asterion.testclient import TestClient
from asterion.websockets import WebSocketDisconnect
from tests.asgi import request
from tests.failures.serving import allow, application, each_face, route

pytestmark = pytest.mark.anyio


@pytest.fixture
def site(tmp_path):
    """A directory to serve, beside one whose name begins with its name and that nobody may see."""
    root = tmp_path / "static"
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_text("public")
    (root / "sub" / "b.txt").write_text("below")
    (tmp_path / "static_private").mkdir()
    (tmp_path / "static_private" / "x").write_text("secret")
    return root


def serving(face, layers, root, **options):
    return application(face, layers, Mount("/static", StaticFiles(directory=root, **options)))


# --- row 40: traversal ------------------------------------------------------------------------------------------------

OUTSIDE = [
    "/static/../static_private/x",
    "/static/..\\static_private\\x",
    "/static/sub/../../static_private/x",
    "/static/../../../../../../../etc/passwd",
    "/static//etc/passwd",
    "/static/\\\\host\\share\\x",
    "/static///host/share/x",
    "/static/C:/Windows/win.ini",
    "/static/C:\\Windows\\win.ini",
]


@pytest.mark.failure(
    row=40,
    says="A path that leaves the directory, names a share or a drive, holds a NUL or is over-long is a 404, and the "
    "file system is not asked about it.",
)
@each_face
@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("options", [{}, {"html": True}, {"follow_symlink": True}], ids=["plain", "html", "symlinks"])
async def test_cve_2023_29159_nothing_outside_of_the_directory_is_served(
    site, face, path, options, layers, spec_version
):
    app = serving(face, layers, site, **options)
    answer = await request(app, path=path, spec_version=spec_version)
    assert answer.status == 404
    assert b"secret" not in answer.body


async def test_cve_2023_29159_the_sibling_is_there_for_whoever_serves_it(site, layers):
    """The control: it is the boundary that refuses, not a file that is missing."""
    app = serving(Asterion, layers, site.parent)
    assert (await request(app, path="/static/static_private/x")).body == b"secret"


@pytest.mark.parametrize("path", ["/static/\\\\host\\share\\x", "/static///host/share/x"])
@pytest.mark.parametrize("follow_symlink", [False, True])
async def test_cve_2026_48818_a_share_is_never_looked_up(site, path, follow_symlink, monkeypatch):
    """On Windows asking about the path is the leak: the system logs in at the host that it names."""
    asked = []

    def watched(name, original):
        def watch(path, *args, **kwargs):
            asked.append((name, os.fspath(path)))
            return original(path, *args, **kwargs)

        return watch

    app = serving(Asterion, 0, site, follow_symlink=follow_symlink)
    for module, name in ((os, "stat"), (os, "lstat"), (os, "open"), (os.path, "realpath"), (os.path, "abspath")):
        monkeypatch.setattr(module, name, watched(name, getattr(module, name)))
    assert (await request(app, path=path)).status == 404
    assert [one for one in asked if "\\\\" in one[1] or one[1].startswith("//")] == []


@each_face
@pytest.mark.parametrize(
    "path",
    ["/static/a.txt\0", "/static/a\0.txt", "/static/" + "a" * 256, "/static/" + "a/" * 3000, "/static/a\udcff"],
    ids=["NUL behind", "NUL inside", "long name", "long path", "not UTF-8"],
)
async def test_2583_what_no_file_system_takes_is_a_404_and_no_error(site, face, path, layers, spec_version):
    assert (await request(serving(face, layers, site), path=path, spec_version=spec_version)).status == 404


# --- row 41: symbolic links -------------------------------------------------------------------------------------------


@pytest.fixture
def linked(site):
    """In the directory: a link to a directory outside, one to a file outside, and one to a file inside."""
    (site.parent / "outside").mkdir()
    (site.parent / "outside" / "o.txt").write_text("outside")
    (site / "directory").symlink_to(site.parent / "outside", target_is_directory=True)
    (site / "file.txt").symlink_to(site.parent / "outside" / "o.txt")
    (site / "within.txt").symlink_to(site / "a.txt")
    return site


@pytest.mark.failure(
    row=41,
    says="`follow_symlink=True` serves through links to files and directories; without it a link may not lead out of "
    "the directory. Both hold for relative directories and for a directory that is a link itself.",
)
@each_face
@pytest.mark.parametrize("relative", [False, True], ids=["absolute", "relative"])
@pytest.mark.parametrize(("follow_symlink", "outside"), [(True, 200), (False, 404)])
async def test_1377_links_lead_outside_only_where_that_is_asked_for(
    linked, face, relative, follow_symlink, outside, layers, spec_version, monkeypatch
):
    monkeypatch.chdir(linked.parent)
    app = serving(face, layers, "static" if relative else linked, follow_symlink=follow_symlink)
    wanted = {"a.txt": 200, "within.txt": 200, "sub/b.txt": 200, "file.txt": outside, "directory/o.txt": outside}
    found = {name: (await request(app, path=f"/static/{name}", spec_version=spec_version)).status for name in wanted}
    assert found == wanted


@pytest.mark.parametrize("follow_symlink", [False, True])
async def test_2711_a_directory_that_is_a_link_itself_is_served(site, follow_symlink):
    link = site.parent / "link"
    link.symlink_to(site, target_is_directory=True)
    static = StaticFiles(directory=link, follow_symlink=follow_symlink)
    assert (await request(static, path="/sub/b.txt")).body == b"below"


async def test_1683_following_links_does_not_open_the_way_up(linked):
    app = serving(Asterion, 0, linked, follow_symlink=True)
    for path in OUTSIDE:
        assert (await request(app, path=path)).status == 404


# --- row 42: conditional requests -------------------------------------------------------------------------------------

LATER = "Fri, 01 Jan 2100 00:00:00 GMT"
EARLIER = "Sat, 01 Jan 2000 00:00:00 GMT"


@pytest.mark.failure(
    row=42,
    says="Conditional requests follow RFC 9110: tags are compared weakly and whole, `*` and lists count, "
    "If-None-Match beats If-Modified-Since, and a file that was deleted is a 404.",
)
@each_face
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if-none-match": "{tag}"}, 304),
        ({"if-none-match": "W/{tag}"}, 304),
        ({"if-none-match": '"other", W/{tag}'}, 304),
        ({"if-none-match": '"other" ,{tag}'}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": '"other"'}, 200),
        ({"if-none-match": "{bare}"}, 200),
        ({"if-modified-since": LATER}, 304),
        ({"if-modified-since": EARLIER}, 200),
        ({"if-modified-since": "yesterday"}, 200),
        ({"if-none-match": '"other"', "if-modified-since": LATER}, 200),
        ({"if-none-match": "{tag}", "if-modified-since": EARLIER}, 304),
    ],
    ids=lambda value: value if isinstance(value, int) else "&".join(f"{k}={v}" for k, v in value.items()),
)
async def test_2334_a_conditional_request_is_judged_by_the_rules(
    site, face, method, headers, status, layers, spec_version
):
    app = serving(face, layers, site)
    tag = (await request(app, path="/static/a.txt")).headers["etag"]
    asked = [(name, value.format(tag=tag, bare=tag.strip('"'))) for name, value in headers.items()]
    answer = await request(app, method, "/static/a.txt", headers=asked, spec_version=spec_version)
    assert answer.status == status
    assert answer.headers["etag"] == tag
    assert answer.body == (b"public" if (method, status) == ("GET", 200) else b"")
    if status == 304:
        assert answer.headers.get("content-length", "0") == "0"
        assert "content-type" not in answer.headers


def test_3193_a_weak_mark_is_a_prefix_and_not_a_set_of_characters(site):
    static = StaticFiles(directory=site)
    has = Headers({"etag": '"W1"'})
    assert static.is_not_modified(has, Headers({"if-none-match": 'W/"W1"'}))
    assert not static.is_not_modified(has, Headers({"if-none-match": '"1"'}))
    assert not static.is_not_modified(has, Headers({"if-none-match": 'W/"1"'}))
    assert static.is_not_modified(Headers({"etag": 'W/"/W"'}), Headers({"if-none-match": '"/W"'}))


@pytest.mark.parametrize("value", ["{tag}", "*"])
async def test_1023_a_file_that_was_deleted_is_a_404_whatever_the_client_has(site, value, layers):
    app = serving(Asterion, layers, site)
    tag = (await request(app, path="/static/a.txt")).headers["etag"]
    (site / "a.txt").unlink()
    answer = await request(app, path="/static/a.txt", headers=[("if-none-match", value.format(tag=tag))])
    assert answer.status == 404


async def test_3044_a_file_that_was_replaced_is_sent_again(site):
    app = serving(Asterion, 0, site)
    tag = (await request(app, path="/static/a.txt")).headers["etag"]
    (site / "a.txt").write_text("changed, and longer")
    answer = await request(app, path="/static/a.txt", headers=[("if-none-match", tag)])
    assert (answer.status, answer.body) == (200, b"changed, and longer")


# --- row 43: files that may not be read -------------------------------------------------------------------------------


class Locked(StaticFiles):
    """Its directory may not be searched."""

    def lookup_path(self, path):
        raise PermissionError(13, "Permission denied")


@pytest.mark.failure(
    row=43,
    says="A file that the server may not read is a 404, as if it were not there; nobody is asked for credentials.",
)
@each_face
async def test_row_43_a_directory_that_may_not_be_searched_is_a_404(site, face, layers, spec_version):
    app = application(face, layers, Mount("/static", Locked(directory=site)))
    answer = await request(app, path="/static/a.txt", spec_version=spec_version)
    assert answer.status == 404
    assert "www-authenticate" not in answer.headers


@each_face
async def test_row_43_a_file_that_may_not_be_opened_is_a_404(site, face, layers, monkeypatch):
    opened = os.open

    def refusing(path, *args, **kwargs):
        if os.fspath(path).endswith("a.txt"):
            raise PermissionError(13, "Permission denied", path)
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refusing)
    assert (await request(serving(face, layers, site), path="/static/a.txt")).status == 404
    assert (await request(serving(face, layers, site), path="/static/sub/b.txt")).status == 200


# --- row 44: files at the root ----------------------------------------------------------------------------------------


@pytest.fixture
def pages(site):
    """A page application: a page, a script, and addresses that only the script knows."""
    (site / "index.html").write_text("<h1>page</h1>")
    (site / "app.js").write_text("script")
    return site


def rooted(face, layers, pages, **options):
    return application(
        face,
        layers,
        Mount("/", StaticFiles(directory=pages, html=True, **options)),
        route("/api", "answer", methods=["GET", "POST"]),
    )


@pytest.mark.failure(
    row=44,
    says="Files mounted at `/` let later routes answer what is no file with `fall_through=True`, and `fallback` names "
    "the page for deep links of those who are opening a page; without them the first matching route wins, as declared.",
)
@each_face
async def test_437_later_routes_answer_what_is_no_file(pages, face, layers, spec_version):
    app = rooted(face, layers, pages, fall_through=True)
    assert (await request(app, path="/api", spec_version=spec_version)).body == b"answer"
    assert (await request(app, "POST", "/api", body=b"x", spec_version=spec_version)).body == b"answer"
    assert (await request(app, path="/app.js", spec_version=spec_version)).body == b"script"
    assert (await request(app, path="/", spec_version=spec_version)).body == b"<h1>page</h1>"
    assert (await request(app, path="/missing", spec_version=spec_version)).status == 404
    assert (await request(app, "DELETE", "/api", spec_version=spec_version)).status == 405


@each_face
async def test_160_without_that_the_first_declared_route_wins(pages, face, layers):
    assert (await request(rooted(face, layers, pages), path="/api")).status == 404


@each_face
@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/users/7", "text/html,*/*;q=0.8", 200),
        ("/users/7", "application/json", 404),
        ("/users/7", None, 404),
        ("/chunk-1.js", "text/html,*/*;q=0.8", 404),
    ],
    ids=["page", "data", "nothing said", "script"],
)
async def test_443_a_deep_link_is_the_page_for_those_who_open_one(
    pages, face, path, accept, status, layers, spec_version
):
    app = rooted(face, layers, pages, fallback="index.html")
    headers = [("accept", accept)] if accept else []
    answer = await request(app, path=path, headers=headers, spec_version=spec_version)
    assert answer.status == status
    assert (answer.body == b"<h1>page</h1>") is (status == 200)


@each_face
async def test_443_routes_come_before_the_page_of_a_deep_link(pages, face, layers):
    app = rooted(face, layers, pages, fall_through=True, fallback="index.html")
    accepts = [("accept", "text/html")]
    assert (await request(app, path="/api", headers=accepts)).body == b"answer"
    assert (await request(app, path="/users/7", headers=accepts)).body == b"<h1>page</h1>"


# --- row 45: other methods, and WebSockets ----------------------------------------------------------------------------


@pytest.mark.failure(
    row=45, says="Other methods than GET and HEAD get 405 with `Allow`, and a WebSocket handshake is refused."
)
@each_face
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_3640_another_method_is_told_which_are_allowed(site, face, method, layers, spec_version):
    answer = await request(serving(face, layers, site), method, "/static/a.txt", spec_version=spec_version)
    assert answer.status == 405
    assert allow(answer) >= {"GET", "HEAD"}
    assert method not in allow(answer)


@each_face
def test_3532_a_websocket_is_refused_without_an_error(site, face, layers, anyio_backend):
    client = TestClient(serving(face, layers, site), backend=anyio_backend)
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/static/a.txt"):
        pass


async def test_3640_a_file_response_of_an_endpoint_is_bound_by_its_route(site, layers):
    """A route that takes POST may answer with a file: StaticFiles limits methods, FileResponse does not."""

    async def endpoint(request):
        return FileResponse(site / "a.txt")

    app = application(Asterion, layers, Route("/file", endpoint, methods=["POST"]), route("/other"))
    assert (await request(app, "POST", "/file")).body == b"public"
