"""Names of uploads and targets of redirects: whatever is sent, the result keeps its word."""

import unicodedata
from urllib.parse import unquote, urljoin, urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from asterion._core.safepaths import is_hidden, is_safe_path
from asterion.datastructures import safe_filename
from asterion.requests import Request
from asterion.responses import safe_next_url
from tests.asgi import http_scope
from tests.properties.profiles import steady

_PATHS = ["/", "\\", ".", "..", "%2e", "%2f", "%5c", "%25", ":", "~1", "con", "NUL", "COM1", "-", "$", "@", "?", "#"]
_MARKS = [" ", "\t", "\n", "\0", "e\u0301", "\u200b", "\u202e", "\uff0f", "\u2028", "\ud800", "\U0001f600", "\u212a"]
_WORDS = ["http:", "https://", "javascript:", "evil.example", "shop.example", "a", "b.txt", ".tar.gz", "x" * 90]
PIECES = st.sampled_from([*_PATHS, *_MARKS, *_WORDS])
TEXT = st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join)


@given(TEXT, st.integers(16, 300))
@example("a" + "\u0301" * 200, 16)
@example("\u1100\u200b\u1161", 16)
@example("nul\u200b.txt", 16)
@steady(400)
def test_a_safe_filename_is_one_visible_segment_on_every_platform(sent: str, limit: int) -> None:
    name = safe_filename(sent, max_bytes=limit)
    assert name
    assert len(name.encode()) <= limit
    assert not set(name) & set('<>:"/\\|?*%~')
    assert name.isprintable() or any(unicodedata.category(character) in ("Cn", "Co") for character in name)
    assert unicodedata.is_normalized("NFC", name)
    assert not name.startswith((".", "-", " "))
    if limit <= 255:
        assert is_safe_path(name)
    assert not is_hidden(name)
    assert safe_filename(name, max_bytes=limit) == name


OWN = "https://shop.example"


@given(TEXT)
@example("/\\evil.example")
@example("/.//evil.example")
@example("https://shop.example//evil.example")
@example("/%252fevil.example")
@steady(400)
def test_a_next_url_leads_to_its_own_origin_however_it_is_read(sent: str) -> None:
    request = Request(http_scope(headers=[("host", "shop.example")], scheme="https"))
    url = safe_next_url(sent, request)
    assert sent.endswith(url) or url == "/" or f"{OWN}{url[1:]}" in sent
    for _ in range(4):
        # Python's reading, and a browser's: backslashes are slashes, tabs and line breaks are not there.
        path = url.partition("?")[0].partition("#")[0]
        for reading in (path, path.replace("\\", "/"), path.translate({9: None, 10: None, 13: None})):
            assert reading.startswith("/")
            assert not reading.startswith("//")
            joined = urlsplit(urljoin(f"{OWN}/login", reading))
            assert (joined.scheme, joined.netloc) == ("https", "shop.example")
        url = unquote(path)
    assert safe_next_url(safe_next_url(sent, request), request) == safe_next_url(sent, request)
