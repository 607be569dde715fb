"""Files that were compressed beforehand: `app.js.br`, `.zst` and `.gz` beside `app.js`."""

import os
from pathlib import Path

import pytest

from asterion.middleware.gzip import GZipMiddleware
from asterion.staticfiles import StaticFiles
from tests.asgi import request

pytestmark = pytest.mark.anyio

PLAIN = b"console.log('hello')" * 10
ALL = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}


def write(path: Path, content: bytes, age: float = 0) -> None:
    path.write_bytes(content)
    os.utime(path, (1_700_000_000 - age, 1_700_000_000 - age))


@pytest.fixture
def assets(root):
    """`app.js` with all of its siblings, whose content is their coding's name, and `alone.css` without."""
    write(root / "app.js", PLAIN)
    for coding, ending in ALL.items():
        write(root / f"app.js{ending}", coding.encode())
    write(root / "alone.css", b"body {}")
    return root


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("zstd;q=1.0, br;q=0.9", "zstd"),
        ("br;q=0, gzip;q=0.1", "gzip"),
    ],
)
async def test_the_sibling_that_the_client_likes_best_is_sent_as_the_file_in_that_coding(
    assets, serve, accepted, coding
):
    answer = await serve(precompressed=True)("/app.js", accept_encoding=accepted)
    assert (answer.status, answer.body) == (200, coding.encode())
    assert answer.headers["content-encoding"] == coding
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["content-length"] == str(len(coding))
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["accept-ranges"] == "none"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("accepted", ["", "identity", "deflate", "gzip;q=0, br;q=0", "*;q=0"])
async def test_a_client_that_takes_none_gets_the_file_as_it_is_and_caches_know(assets, serve, accepted):
    answer = await serve(precompressed=True)("/app.js", accept_encoding=accepted)
    assert (answer.status, answer.body) == (200, PLAIN)
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["accept-ranges"] == "bytes"


async def test_a_file_without_siblings_varies_by_nothing(assets, serve):
    answer = await serve(precompressed=True)("/alone.css", accept_encoding="br, gzip")
    assert (answer.status, answer.body) == (200, b"body {}")
    assert "vary" not in answer.headers


async def test_siblings_are_left_alone_unless_that_is_wanted(assets, serve):
    answer = await serve()("/app.js", accept_encoding="br, gzip")
    assert answer.body == PLAIN
    assert "vary" not in answer.headers


async def test_the_codings_may_be_chosen_and_their_order(assets, serve):
    ask = serve(precompressed=["gzip", "br"])
    assert (await ask("/app.js", accept_encoding="br, gzip, zstd")).headers["content-encoding"] == "gzip"
    assert (await ask("/app.js", accept_encoding="zstd")).body == PLAIN


async def test_a_sibling_that_is_asked_for_by_its_own_name_is_a_file_like_any_other(assets, serve):
    answer = await serve(precompressed=True)("/app.js.gz", accept_encoding="gzip")
    assert (answer.body, answer.headers["content-type"]) == (b"gzip", "application/gzip")
    assert "content-encoding" not in answer.headers


async def test_head_tells_of_the_same_representation(assets, serve):
    answer = await serve(precompressed=True)("/app.js", "HEAD", accept_encoding="zstd")
    assert (answer.body, answer.headers["content-length"], answer.headers["content-encoding"]) == (b"", "4", "zstd")


async def test_each_representation_has_a_tag_of_its_own_and_304_is_for_the_one_that_would_be_sent(assets, serve):
    """Also where the siblings have one date and one size (RFC 9110 8.8.3.3)."""
    for ending in ALL.values():
        write(assets / f"app.js{ending}", b"same")
    ask = serve(precompressed=True, cache_control="no-cache")
    tags = {coding: (await ask("/app.js", accept_encoding=coding)).headers["etag"] for coding in (*ALL, "identity")}
    assert len(set(tags.values())) == 4
    for coding, tag in tags.items():
        answer = await ask("/app.js", accept_encoding=coding, if_none_match=tag)
        assert (answer.status, answer.headers["etag"]) == (304, tag)
        assert (answer.headers["vary"], answer.headers["cache-control"]) == ("Accept-Encoding", "no-cache")
        assert "content-encoding" not in answer.headers
    assert (await ask("/app.js", accept_encoding="br", if_none_match=tags["gzip"])).status == 200
    assert (await ask("/app.js", accept_encoding="br", if_match=tags["br"])).status == 200
    assert (await ask("/app.js", accept_encoding="br", if_match=tags["gzip"])).status == 412


async def test_the_tag_is_that_of_the_file_that_is_sent_even_if_it_was_replaced_after_the_look_up(assets, monkeypatch):
    static = StaticFiles(directory=assets, precompressed=True)
    before = await request(static, path="/app.js", headers=[("accept-encoding", "gzip")])
    real = StaticFiles.file_response

    def replace_and_respond(self, full_path, *args, **kwargs):
        response = real(self, full_path, *args, **kwargs)
        write(Path(full_path), b"replaced", age=-5)
        return response

    monkeypatch.setattr(StaticFiles, "file_response", replace_and_respond)
    answer = await request(static, path="/app.js", headers=[("accept-encoding", "gzip")])
    assert answer.body == b"replaced"
    assert answer.headers["etag"] != before.headers["etag"]
    assert answer.headers["etag"].endswith('-gzip"')


async def test_ranges_are_parts_of_the_file_as_it_is(assets, serve):
    ask = serve(precompressed=True)
    answer = await ask("/app.js", accept_encoding="br, gzip", range="bytes=0-6")
    assert (answer.status, answer.body) == (206, PLAIN[:7])
    assert "content-encoding" not in answer.headers
    assert (answer.headers["vary"], answer.headers["content-range"]) == ("Accept-Encoding", f"bytes 0-6/{len(PLAIN)}")
    # Where that is refused, the whole file in a coding is all there is to give (RFC 9110 14.2: a range may be ignored).
    answer = await ask("/app.js", accept_encoding="br, identity;q=0", range="bytes=0-0")
    assert (answer.status, answer.body) == (200, b"br")
    assert "content-range" not in answer.headers


async def test_the_tag_of_a_compressed_representation_does_not_guard_a_range_of_the_plain_one(assets, serve):
    ask = serve(precompressed=True)
    tag = (await ask("/app.js", accept_encoding="br")).headers["etag"]
    answer = await ask("/app.js", accept_encoding="br", range="bytes=0-6", if_range=tag)
    assert (answer.status, answer.body) == (200, PLAIN)


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret.gz", "secret-link"])
async def test_a_sibling_that_is_a_link_out_of_the_directory_is_none(assets, serve, target):
    """CVE-2024-42367."""
    write(assets.parent / "secret.gz", b"secret", age=-5)
    (assets / "secret-link").symlink_to(assets.parent / "secret.gz")
    write(assets / "index.css", b"plain")
    (assets / "index.css.gz").symlink_to(target)
    answer = await serve(precompressed=True)("/index.css", accept_encoding="gzip")
    assert (answer.status, answer.body) == (200, b"plain")
    assert "content-encoding" not in answer.headers


async def test_a_sibling_that_is_a_link_within_or_where_links_may_lead_outside_is_sent(assets, serve):
    write(assets.parent / "outside.gz", b"outside")
    write(assets / "a.css", b"plain")
    (assets / "a.css.gz").symlink_to(assets.parent / "outside.gz")
    (assets / "a.css.br").symlink_to(assets / "app.js.br")
    assert (await serve(precompressed=True)("/a.css", accept_encoding="br")).body == b"br"
    assert (await serve(precompressed=True, follow_symlink=True)("/a.css", accept_encoding="gzip")).body == b"outside"


async def test_a_sibling_of_another_directory_or_that_is_no_file_is_none(assets, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    write(other / "alone.css.gz", b"another file's")
    (assets / "alone.css.br").mkdir()
    (assets / "alone.css.zst").symlink_to("alone.css.zst")
    static = StaticFiles(directory=[assets, other], precompressed=True)
    answer = await request(static, path="/alone.css", headers=[("accept-encoding", "br, gzip, zstd")])
    assert (answer.status, answer.body) == (200, b"body {}")


async def test_a_sibling_older_than_its_file_holds_the_content_of_before_and_is_none(assets, serve):
    write(assets / "app.js.br", b"br", age=1)
    answer = await serve(precompressed=True)("/app.js", accept_encoding="br, gzip;q=0.5")
    assert answer.headers["content-encoding"] == "gzip"


async def test_a_sibling_that_may_not_be_looked_at_is_none(assets, monkeypatch):
    real = os.stat

    def stat(path, *args, **kwargs):
        if str(path).endswith(".br"):
            raise PermissionError
        return real(path, *args, **kwargs)

    static = StaticFiles(directory=assets, precompressed=True)
    monkeypatch.setattr(os, "stat", stat)
    answer = await request(static, path="/app.js", headers=[("accept-encoding", "br, gzip;q=0.5")])
    assert answer.headers["content-encoding"] == "gzip"


async def test_index_pages_have_siblings_too_and_404_pages_are_sent_as_they_are(assets, serve):
    for page in ("index.html", "404.html"):
        write(assets / page, b"plain")
        write(assets / f"{page}.gz", b"gzip")
    ask = serve(precompressed=True, html=True)
    answer = await ask("/", accept_encoding="gzip")
    assert (answer.body, answer.headers["content-type"]) == (b"gzip", "text/html; charset=utf-8")
    answer = await ask("/missing", accept_encoding="gzip")
    assert (answer.status, answer.body) == (404, b"plain")


async def test_a_compressing_middleware_leaves_what_is_compressed_alone(assets):
    app = GZipMiddleware(StaticFiles(directory=assets, precompressed=True), minimum_size=1)
    answer = await request(app, path="/app.js", headers=[("accept-encoding", "gzip")])
    assert (answer.body, answer.headers["content-encoding"]) == (b"gzip", "gzip")
    assert answer.headers["vary"] == "Accept-Encoding"


async def test_a_server_that_sends_paths_is_given_the_path_of_the_sibling(assets):
    answer = await request(
        StaticFiles(directory=assets, precompressed=True),
        path="/app.js",
        headers=[("accept-encoding", "gzip")],
        extensions={"http.response.pathsend": {}},
    )
    assert answer.messages[1] == {"type": "http.response.pathsend", "path": str(assets / "app.js.gz")}


def test_a_coding_without_a_file_name_ending_is_refused_at_once(root):
    with pytest.raises(ValueError, match="names 'deflate'"):
        StaticFiles(directory=root, precompressed=["deflate"])


async def test_a_file_that_a_subclass_takes_from_elsewhere_has_no_siblings(assets, tmp_path):
    """They are looked for in the directories that were given; what lies beside that file is nobody's business here."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write(elsewhere / "app.js", PLAIN)
    write(elsewhere / "app.js.gz", b"gzip")

    class Elsewhere(StaticFiles):
        def lookup_path(self, path):
            return str(elsewhere / path), (elsewhere / path).stat()

    answer = await request(
        Elsewhere(directory=assets, precompressed=True), path="/app.js", headers=[("accept-encoding", "gzip")]
    )
    assert (answer.body, answer.headers.get("content-encoding")) == (PLAIN, None)
