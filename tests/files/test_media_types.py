"""Media types of files: what the web is made of has one type everywhere, with its charset where it is text."""

import mimetypes

import pytest

from asterion.responses import FileResponse


def type_of(name, **options):
    return FileResponse(name, **options).headers["content-type"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("app.js", "text/javascript; charset=utf-8"),
        ("app.MJS", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("index.html", "text/html; charset=utf-8"),
        ("notes.txt", "text/plain; charset=utf-8"),
        ("data.json", "application/json"),
        ("app.js.map", "application/json"),
        ("logo.svg", "image/svg+xml"),
        ("photo.avif", "image/avif"),
        ("text.woff2", "font/woff2"),
        ("code.wasm", "application/wasm"),
        ("site.webmanifest", "application/manifest+json"),
        ("film.mp4", "video/mp4"),
        ("app.js.gz", "application/gzip"),
        ("app.js.br", "application/x-brotli"),
        ("app.js.zst", "application/zstd"),
        ("all.tar.xz", "application/x-xz"),
        ("all.Z", "application/x-compress"),
        ("a.doc", "application/msword"),
        ("README", "text/plain; charset=utf-8"),
        ("a.no-such-ending", "text/plain; charset=utf-8"),
        ("dir.js/README", "text/plain; charset=utf-8"),
    ],
)
def test_the_ending_tells_the_type(name, expected):
    assert type_of(name) == expected


def test_what_the_system_says_of_the_webs_own_types_does_not_matter(monkeypatch):
    """On Windows, any program may have written `text/plain` for `.js` into the registry."""
    mimetypes.init()
    monkeypatch.setitem(mimetypes.types_map, ".js", "text/plain")
    assert type_of("app.js") == "text/javascript; charset=utf-8"


def test_a_name_that_looks_like_a_url_does_not_bring_its_type_along():
    assert type_of("upload", filename="data:text/html,x") == "text/plain; charset=utf-8"
    assert type_of("upload", filename="data:a\r\nb: c,") == "text/plain; charset=utf-8"


def test_a_charset_that_was_given_is_not_doubled():
    """Issue 2443."""
    assert type_of("a.txt", media_type="text/plain; charset=latin-1") == "text/plain; charset=latin-1"
