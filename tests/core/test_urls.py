"""URLs of requests cannot be moved by what the client sent; URLs in the hand are read and changed by component."""

import copy
import pickle
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterion._core.urls import URL, URLPath

steady = settings(derandomize=True, database=None, deadline=None)


def scope(path="/x", host=b"example.com", query=b"", **more):
    headers = [] if host is None else [(b"host", host)]
    return {
        "type": "http",
        "scheme": "http",
        "server": ("srv", 80),
        "path": path,
        "query_string": query,
        "headers": headers,
        **more,
    }


class TestFromScope:
    def test_host_header_path_and_query_make_the_url(self):
        url = URL(scope=scope("/a/b", b"Example.com:8000", b"q=1&r=%20"))
        assert url == "http://Example.com:8000/a/b?q=1&r=%20"
        assert (url.hostname, url.port, url.path, url.query) == ("example.com", 8000, "/a/b", "q=1&r=%20")

    @pytest.mark.parametrize(
        ("scheme", "server", "expected"),
        [
            ("http", ("h", 80), "http://h/x"),
            ("https", ("h", 443), "https://h/x"),
            ("https", ("h", 80), "https://h:80/x"),
            ("ws", ("h", 80), "ws://h/x"),
            ("wss", ("h", 9), "wss://h:9/x"),
            ("http", ("::1", 8000), "http://[::1]:8000/x"),
            ("http", ("/tmp/socket", None), "/x"),
            ("http", None, "/x"),
        ],
    )
    def test_without_a_host_header_the_server_is_the_authority(self, scheme, server, expected):
        assert str(URL(scope=scope(host=None, scheme=scheme, server=server))) == expected

    @pytest.mark.parametrize(
        "host",
        [
            b"",
            b"example.com/?",
            b"example.com/#",
            b"a@b",
            b"a b",
            b"a\tb",
            b"a\\b",
            b"a:99999999",
            b".a",
            b"\xc3\xa9",
            b"a:",
        ],
    )
    def test_an_invalid_host_is_replaced_by_the_server(self, host):
        """CVE-2026-48710: `Host: example.com/?` made `/admin` look like a query."""
        url = URL(scope=scope("/admin", host))
        assert url == "http://srv/admin"
        assert url.path == "/admin"

    def test_two_host_headers_are_as_good_as_none(self):
        twice = scope("/x", headers=[(b"host", b"a"), (b"host", b"b")])
        assert URL(scope=twice) == "http://srv/x"

    @pytest.mark.parametrize(
        ("path", "text"),
        [
            ("/a?b", "/a%3Fb"),
            ("/a#b", "/a%23b"),
            ("/admin\n", "/admin%0A"),
            ("/ad\tmin\r", "/ad%09min%0D"),
            ("/a\\b", "/a%5Cb"),
            ("//evil.example/x", "//evil.example/x"),
            ("/@evil.example", "/@evil.example"),
            ("/a b", "/a%20b"),
            ("/a%2Fb", "/a%252Fb"),
            ("/é", "/é"),
            ("/a\x85b\u2028", "/a%C2%85b%E2%80%A8"),
            ("", ""),
        ],
    )
    def test_the_path_is_quoted_in_the_text_and_routed_in_path(self, path, text):
        """A guard on `request.url.path` compares exactly what the router compares (issue 61 of the catalogue)."""
        url = URL(scope=scope(path))
        assert str(url) == f"http://example.com{text}"
        assert url.path == path
        assert url.components.path == text
        assert url.hostname == "example.com"

    @pytest.mark.parametrize("path", ["@evil.example", "evil.example", "*", ".evil.example", ":80"])
    def test_a_path_without_a_slash_gets_one(self, path):
        """CVE-2026-54282: `GET @evil.example` moved the authority."""
        url = URL(scope=scope(path))
        assert url.hostname == "example.com"
        assert url.port is None
        assert url.path == f"/{path}"

    def test_without_an_authority_a_path_of_two_slashes_does_not_become_one(self):
        url = URL(scope=scope("//evil.example", host=None, server=None))
        assert url == "/%2Fevil.example"
        assert url.netloc == ""
        assert url.path == "//evil.example"

    def test_a_query_with_raw_bytes_and_number_signs_is_quoted(self):
        """Upstream raised UnicodeDecodeError: a 500 for a bad request."""
        url = URL(scope=scope(query=b"a=\xff\n#b"))
        assert url.query == "a=%FF%0A%23b"
        assert url.fragment == ""

    def test_headers_and_server_may_be_absent(self):
        assert URL(scope={"type": "http", "path": "/x"}) == "/x"

    @steady
    @given(path=st.text(max_size=15).map(lambda t: f"/{t}"), host=st.binary(max_size=10), query=st.binary(max_size=10))
    def test_nothing_a_client_sends_moves_a_boundary(self, path, host, query):
        """Read by another parser, the text has the same host, and its path is the routed one."""
        url = URL(scope=scope(path, host, query))
        other = urlsplit(str(url))
        assert url.path == path
        assert other.scheme == "http"
        assert other.netloc == url.netloc
        assert other.netloc in ("srv", host.decode("latin-1"))
        assert other.query == url.query
        assert other.fragment == ""
        if not any("\ud800" <= char <= "\udfff" for char in path):
            assert unquote(other.path) == path


class TestReading:
    def test_components_of_text(self):
        url = URL("https://user:pass@Example.org:123/path?abc=1#top")
        assert (url.scheme, url.netloc, url.path, url.query, url.fragment) == (
            "https",
            "user:pass@Example.org:123",
            "/path",
            "abc=1",
            "top",
        )
        assert (url.username, url.password, url.hostname, url.port) == ("user", "pass", "example.org", 123)
        assert url.is_secure
        assert not URL("ws://a").is_secure

    def test_an_ipv6_host_comes_without_brackets(self):
        url = URL("http://[fe80::2]:12345/")
        assert (url.hostname, url.port) == ("fe80::2", 12345)

    def test_a_relative_reference_has_no_host(self):
        assert (URL("/a").hostname, URL("/a").port, URL("").path) == (None, None, "")

    def test_equality_is_that_of_the_text_and_hashes_agree(self):
        assert URL("/a") == URL("/a") == "/a"
        assert URL("/a") != URL("/b")
        assert URL("/a") != 5
        assert len({URL("/a"), URL("/a"), "/a"}) == 1

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("http://h/@x", "URL('http://h/@x')"),
            ("http://u@h/", "URL('http://u@h/')"),
            ("http://u:secret@h/", "URL('http://u:********@h/')"),
            ("http://u:secret@[::1]:8/a", "URL('http://u:********@[::1]:8/a')"),
            ("http://u:secret@h\\x/", "URL('********@h\\\\x/')"),
        ],
    )
    def test_repr_never_shows_a_password(self, text, shown):
        assert repr(URL(text)) == shown

    def test_sources_cannot_be_mixed(self):
        for arguments in (
            {"url": "/a", "scope": scope()},
            {"url": "/a", "scheme": "https"},
            {"scope": scope(), "path": "/a"},
        ):
            with pytest.raises(TypeError, match="one of"):
                URL(**arguments)

    @pytest.mark.parametrize("value", [b"/a", None, 5])
    def test_other_types_are_an_error_that_shows_them(self, value):
        with pytest.raises(TypeError, match="made from str"):
            URL(value)

    def test_copies_and_pickles_are_equal_and_keep_the_routed_path(self):
        url = URL(scope=scope("/a?b"))
        for twin in (copy.copy(url), copy.deepcopy(url), pickle.loads(pickle.dumps(url))):
            assert (twin, twin.path) == (url, "/a?b")


class TestReplacing:
    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"scheme": "http"}, "http://u:p@h:1/a?q#f"),
            ({"hostname": "Other"}, "https://u:p@Other:1/a?q#f"),
            ({"hostname": "::2"}, "https://u:p@[::2]:1/a?q#f"),
            ({"hostname": "[::2]"}, "https://u:p@[::2]:1/a?q#f"),
            ({"port": None}, "https://u:p@h/a?q#f"),
            ({"port": 88}, "https://u:p@h:88/a?q#f"),
            ({"port": "88"}, "https://u:p@h:88/a?q#f"),
            ({"username": "x@y:z/"}, "https://x%40y%3Az%2F:p@h:1/a?q#f"),
            ({"username": "a%40b"}, "https://a%40b:p@h:1/a?q#f"),
            ({"username": None}, "https://h:1/a?q#f"),
            ({"password": None}, "https://u@h:1/a?q#f"),
            ({"password": "a@b"}, "https://u:a%40b@h:1/a?q#f"),
            ({"netloc": "n:2"}, "https://n:2/a?q#f"),
            ({"path": "/b?c#d"}, "https://u:p@h:1/b%3Fc%23d?q#f"),
            ({"path": "@evil.example"}, "https://u:p@h:1/@evil.example?q#f"),
            ({"path": "/%41\n"}, "https://u:p@h:1/%41%0A?q#f"),
            ({"query": ""}, "https://u:p@h:1/a#f"),
            ({"query": "x#y z"}, "https://u:p@h:1/a?x%23y%20z#f"),
            ({"fragment": None}, "https://u:p@h:1/a?q"),
            ({}, "https://u:p@h:1/a?q#f"),
        ],
    )
    def test_one_component_is_replaced_and_stays_where_it_was_put(self, changes, expected):
        assert URL("https://u:p@h:1/a?q#f").replace(**changes) == expected

    @pytest.mark.parametrize(
        ("text", "changes", "expected"),
        [
            ("http://[fe80::2]:1/", {"port": None}, "http://[fe80::2]/"),
            ("http://u:p@[::1]/", {"port": 5}, "http://u:p@[::1]:5/"),
            ("http://h", {"username": "u", "password": "p"}, "http://u:p@h"),
            ("http://h.example:8000/", {"port": 5}, "http://h.example:5/"),
            ("http://h.example:8000/", {"port": None}, "http://h.example/"),
            ("http://u@h.example:8000/", {"hostname": "b"}, "http://u@b:8000/"),
            ("/a", {"path": "//evil.example"}, "/%2Fevil.example"),
            ("/a", {"hostname": "h", "scheme": "https"}, "https://h/a"),
            ("/a", {"path": "javascript:alert(1)"}, "javascript%3Aalert(1)"),
        ],
    )
    def test_special_cases(self, text, changes, expected):
        assert URL(text).replace(**changes) == expected

    @pytest.mark.parametrize(
        "changes",
        [
            {"port": 65536}, {"port": "000080"}, {"port": -1}, {"port": "8_0"}, {"port": "80/evil"},
            {"hostname": "a/b"}, {"hostname": "a@b"},
            {"hostname": "a b"}, {"hostname": "a\n"}, {"hostname": "a]"}, {"netloc": "a/b"}, {"netloc": "a?b"},
            {"netloc": "a\\b"}, {"scheme": "a b"}, {"scheme": "javascript:"}, {"scheme": "1a"}, {"scheme": "é"},
            {"scheme": "+"},
        ],
    )  # fmt: skip
    def test_what_cannot_be_a_component_is_refused(self, changes):
        with pytest.raises(ValueError, match=r"port|host|scheme"):
            URL("http://h/a").replace(**changes)

    def test_an_unknown_component_is_named(self):
        with pytest.raises(TypeError, match="'hots'"):
            URL("/a").replace(hots="b")

    def test_a_subclass_stays_one(self):
        class Link(URL):
            pass

        assert type(Link("/a").replace(path="/b")) is Link

    def test_a_url_is_made_from_components(self):
        assert URL(scheme="https", hostname="example.org", path="/a", query="b") == "https://example.org/a?b"


class TestQueryParams:
    def test_including_replaces_the_named_and_keeps_the_rest(self):
        url = URL("/x?a=1&a=2&b=")
        assert url.include_query_params(a=3, c=None) == "/x?b=&a=3&c=None"
        assert url.include_query_params(b="é &") == "/x?a=1&a=2&b=%C3%A9+%26"

    def test_replacing_drops_the_rest(self):
        assert URL("/x?a=1#f").replace_query_params(z="a b", y=1) == "/x?z=a+b&y=1#f"
        assert URL("/x?a=1").replace_query_params() == "/x"

    def test_removing_one_or_several(self):
        url = URL("/x?a=1&b=2&a=3&c=4")
        assert url.remove_query_params("a") == "/x?b=2&c=4"
        assert url.remove_query_params(["a", "c", "z"]) == "/x?b=2"


class TestURLPath:
    def test_it_is_text_with_a_protocol_and_a_host(self):
        path = URLPath("/a", protocol="http", host="h")
        assert path == "/a"
        assert (path.protocol, path.host) == ("http", "h")

    @pytest.mark.parametrize(
        ("path", "protocol", "host", "base", "expected"),
        [
            ("/p", "", "", "https://e.org/", "https://e.org/p"),
            ("/p", "http", "", "wss://e.org:8/root/", "https://e.org:8/root/p"),
            ("/p", "http", "", "ws://e.org/root", "http://e.org/root/p"),
            ("/p", "websocket", "", "http://e.org/", "ws://e.org/p"),
            ("/p", "websocket", "", "https://e.org/?q#f", "wss://e.org/p"),
            ("/p", "", "h.example", "https://e.org/", "https://h.example/p"),
            ("/p", "", "h.example", "https://e.org:8443/", "https://h.example:8443/p"),
            ("/p", "", "[::1]", "https://e.org:8443/", "https://[::1]:8443/p"),
            ("/p", "", "h.example:1", "https://e.org:8443/", "https://h.example:1/p"),
            ("/p?x=1#y", "", "", "https://e.org/", "https://e.org/p?x=1#y"),
            ("", "", "", "https://e.org/root/", "https://e.org/root"),
            ("@evil.example", "", "", "https://e.org", "https://e.org/@evil.example"),
        ],
    )
    def test_the_absolute_url_takes_scheme_host_and_prefix_from_the_base(self, path, protocol, host, base, expected):
        made = URLPath(path, protocol=protocol, host=host).make_absolute_url(base)
        assert made == URLPath(path, protocol=protocol, host=host).make_absolute_url(URL(base)) == expected

    @pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "/a\n//b", "\t//evil.example"])
    def test_in_a_link_it_never_points_to_another_host(self, path):
        text = str(URLPath(path))
        assert not text.startswith("//")
        assert not set(text) & set("\\\t\r\n")

    def test_an_unknown_protocol_is_refused(self):
        with pytest.raises(ValueError, match="'ftp'"):
            URLPath("/a", protocol="ftp")

    def test_copies_and_pickles_keep_everything(self):
        path = URLPath("/%41", protocol="websocket", host="h")
        for twin in (copy.copy(path), copy.deepcopy(path), pickle.loads(pickle.dumps(path))):
            assert (type(twin), twin, twin.protocol, twin.host) == (URLPath, "/%41", "websocket", "h")
