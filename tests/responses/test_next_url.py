"""Targets of redirects that come from a client: this origin and nothing else."""

import pytest

from asterion.requests import Request
from asterion.responses import safe_next_url
from tests.asgi import http_scope


def next_url(url: object, *, host: str | None = "shop.example", scheme: str = "https", **options: str) -> str:
    headers = [] if host is None else [("host", host)]
    return safe_next_url(url, Request(http_scope(headers=headers, scheme=scheme)), **options)


@pytest.mark.parametrize(
    "url",
    [
        "/",
        "/basket",
        "/basket?page=2&next=%2F%2Fevil.example#top",
        "/search?q=https://evil.example/%0d%0a\u00e9",
        "/@ann/notes",
        "/a//b",
        "/a/../b",
        "/caf\u00e9/%C3%A9",
        "/100%25",
        "/a:b",
        "/?//evil.example",
        "/#//evil.example",
    ],
)
def test_a_path_of_this_server_comes_back_as_it_is(url: str) -> None:
    assert next_url(url) == url


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://shop.example/basket?a=1#b", "/basket?a=1#b"),
        ("HTTPS://Shop.Example:443/basket", "/basket"),
        ("https://shop.example", "/"),
        ("https://shop.example?a=1", "/?a=1"),
        ("https://shop.example#a", "/#a"),
    ],
)
def test_a_url_of_this_origin_becomes_its_path(url: str, path: str) -> None:
    assert next_url(url) == path


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example",
        "http://shop.example/",  # another scheme is another origin
        "https://shop.example:8443/",
        "https://shop.example.evil.example/",
        "https://evilshop.example/",
        # Names in front of an @, and the two ways to read them.
        "https://shop.example@evil.example/",
        "https://shop.example:443@evil.example/",
        "https://evil.example@shop.example/",
        "https://shop.example\\@evil.example/",
        "https://evil.example\\@shop.example/",
        "https://evil.example#@shop.example/",
        "https://shop.example\uff03@evil.example/",
        "https://shop.example%40evil.example/",
        "https://shop.example%2f@evil.example/",
        # A host without a scheme (CVE-2020-28724, CVE-2021-21330, CVE-2023-28370).
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "\\/evil.example",
        "/\\/evil.example",
        "//shop.example@evil.example",
        # White space and controls, which browsers drop.
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        " //evil.example",
        " /basket",
        "\x00//evil.example",
        "\u2028/basket",
        "/basket\r\nSet-Cookie: s=1",
        "/a b",
        "\u200e//evil.example",
        # Encoded, once and more often.
        "/%2fevil.example",
        "/%2F/evil.example",
        "/%5cevil.example",
        "/%255cevil.example",
        "/%25252fevil.example",
        "/%" + "25" * 8 + "2fevil.example",
        "%2f%2fevil.example",
        "/%09/evil.example",
        "/%0d%0aSet-Cookie:%20s=1",
        "/%EF%BC%8Fevil.example",
        "/\uff0fevil.example",
        "/\uff3cevil.example",
        # Dots that leave two slashes once they are taken out.
        "/.//evil.example",
        "/..//evil.example",
        "/a/..//evil.example",
        "/%2e//evil.example",
        "/a/%2e%2e/%2fevil.example",
        # Other schemes, and a scheme without its slashes, which browsers add.
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\nscript:alert(1)",
        "javascript://shop.example/%0aalert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "https:evil.example",
        "https:/evil.example",
        "https:///evil.example",
        "https://",
        "ftp://shop.example/",
        # Relative to whatever page there is.
        "basket",
        "?a=1",
        "#top",
        "./basket",
        "evil.example",
        "",
        "/" + "a" * 2048,
        "/\ud800",
        None,
        3,
        b"/basket",
    ],
)
def test_everything_else_is_the_default(url: object) -> None:
    assert next_url(url) == "/"
    assert next_url(url, default="/home") == "/home"


def test_a_target_may_have_2048_characters() -> None:
    assert next_url("/" + "a" * 2047) == "/" + "a" * 2047
    assert next_url("/" + "a" * 2048) == "/"


def test_without_a_valid_host_no_url_is_ours_but_paths_are() -> None:
    for host in (None, "shop.example/evil", ""):
        assert next_url("https://shop.example/a", host=host) == "/"
        assert next_url("/a", host=host) == "/a"


def test_the_scheme_of_a_websocket_is_that_of_its_page() -> None:
    assert next_url("https://shop.example/a", scheme="wss") == "/a"
