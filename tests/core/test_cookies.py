"""Reading cookies never fails; writing one either gives what was meant or raises."""

from datetime import UTC, datetime, timedelta, timezone
from http.cookies import SimpleCookie

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterion._core.cookies import MAX_COOKIE_SIZE, find_cookie, parse_cookie_header, render_set_cookie

steady = settings(derandomize=True, database=None, deadline=None)


class TestReading:
    @pytest.mark.parametrize(
        ("header", "cookies"),
        [
            ("", {}),
            ("a=b; c=d", {"a": "b", "c": "d"}),
            ("a=b;c=d", {"a": "b", "c": "d"}),
            (" a = b ;; ", {"a": "b"}),
            ("a=b=c", {"a": "b=c"}),
            ("a=", {"a": ""}),
            ("a=1; a=2", {"a": "2"}),
            ('a="x y"', {"a": "x y"}),
            ('a="b\\"c\\054\\\\"', {"a": 'b"c,\\'}),
            ('a="x', {"a": '"x'}),
            ('a="', {"a": '"'}),
            ("a=\\054", {"a": "\\054"}),
            ('a="\\9\\400\\"', {"a": "9400\\"}),
            ("a=é", {"a": "é"}),
            ("=;", {}),
        ],
    )
    def test_headers_as_clients_send_them(self, header, cookies):
        assert parse_cookie_header(header) == cookies

    @pytest.mark.parametrize("header", ["=__Host-session=bad", "__Host-session", "; =__Host-session=bad"])
    def test_a_cookie_without_a_name_never_passes_for_one_with(self, header):
        """CVE-2023-23934."""
        assert set(parse_cookie_header(header)) == {""}

    @pytest.mark.parametrize("inside", ['\\"' * 500_000, "\\" * 1_000_000, "\\05" * 300_000, "\\054" * 250_000])
    def test_unquoting_takes_linear_time(self, inside):
        """CVE-2024-7592: 64 KB took the standard library 5 seconds, 1 MB would take twenty minutes."""
        assert parse_cookie_header(f'a="{inside}"')["a"]

    def test_many_cookies_take_linear_time(self):
        assert len(parse_cookie_header("; ".join(f"c{n}=v" for n in range(100_000)))) == 100_000

    @pytest.mark.parametrize(
        ("lines", "value"),
        [
            ([], None),
            ([b"a=1"], None),
            ([b"a=session"], None),
            ([b"session2=1; my-session=2"], None),
            ([b"a=1; session=2"], "2"),
            ([b"a=1", b'session="x y"', b"b=2"], "x y"),
            ([b"session=1", b"session=2"], "2"),
        ],
    )
    def test_one_cookie_is_found_in_all_lines(self, lines, value):
        headers = [(b"x-session", b"session=0"), *((b"cookie", line) for line in lines)]
        assert find_cookie(headers, "session") == value

    @steady
    @given(st.text(st.characters(max_codepoint=255), max_size=60))
    def test_any_header_can_be_read(self, header):
        assert all(isinstance(part, str) for pair in parse_cookie_header(header).items() for part in pair)


class TestValues:
    @pytest.mark.parametrize(
        ("value", "written"),
        [
            ("", '""'),
            ("plain-1.2_3~", "plain-1.2_3~"),
            ("b c", '"b c"'),
            ('{"a"}/=@', '"{\\"a\\"}/=@"'),
            ("a;b,c", '"a\\073b\\054c"'),
            ("\r\n\x00", '"\\015\\012\\000"'),
            ("é", '"\\351"'),
            ("日", '"\\346\\227\\245"'),
        ],
    )
    def test_values_are_quoted_as_the_standard_library_does(self, value, written):
        assert render_set_cookie("a", value, path=None, samesite=None) == f"a={written}"
        if value.isascii():
            assert SimpleCookie({"a": value})["a"].OutputString() == f"a={written}"

    @steady
    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
    def test_what_is_written_is_read_back(self, value):
        line = render_set_cookie("a", value)
        pair = line.partition("; ")[0]
        assert line.isascii()
        assert line.isprintable()
        assert parse_cookie_header(f"x=1; {pair}; y=2") == {"x": "1", "a": value, "y": "2"}

    @pytest.mark.parametrize("value", ["Ã©", "é", "Ã", "Ã©é", "日Ã©"])
    def test_latin_1_and_utf_8_are_told_apart(self, value):
        """These are where the bytes of one encoding look like the other."""
        pair = render_set_cookie("a", value, path=None, samesite=None)
        assert parse_cookie_header(pair) == {"a": value}

    def test_a_cookie_that_browsers_would_drop_is_an_error(self):
        """RFC 6265bis 5.7 counts name and value, and not the sign between them."""
        render_set_cookie("a", "x" * (MAX_COOKIE_SIZE - 1))
        with pytest.raises(ValueError, match="'a' is 4097 bytes long"):
            render_set_cookie("a", "x" * MAX_COOKIE_SIZE)


class TestAttributes:
    def test_all_of_them_in_the_order_of_the_standard_library(self):
        line = render_set_cookie(
            "a", "b", 10, "Thu, 22 Jan 2037 12:00:10 GMT", "/p", "example.org", True, True, "none", True
        )
        assert line == (
            "a=b; Domain=example.org; expires=Thu, 22 Jan 2037 12:00:10 GMT; HttpOnly; Max-Age=10; Partitioned; "
            "Path=/p; SameSite=none; Secure"
        )

    def test_the_defaults_are_the_whole_site_and_lax(self):
        assert render_set_cookie("a", "b") == "a=b; Path=/; SameSite=lax"

    def test_a_max_age_of_zero_is_written(self):
        assert "Max-Age=0" in render_set_cookie("a", max_age=0)

    @pytest.mark.parametrize(
        "expires",
        [
            10,
            datetime(1970, 1, 2, 0, 0, 10, tzinfo=UTC),
            datetime(1970, 1, 2, 2, 0, 10, tzinfo=timezone(timedelta(hours=2))),
            "Fri, 02 Jan 1970 00:00:10 GMT",
        ],
    )
    def test_expires_is_seconds_from_now_a_date_or_text(self, expires):
        line = render_set_cookie("a", "b", expires=expires, path=None, samesite=None, now=lambda: 86400.0)
        assert line == "a=b; expires=Fri, 02 Jan 1970 00:00:10 GMT"

    @pytest.mark.parametrize("name", ["", "a b", "a=b", "a;b", "a\r\nb", "é", "a,b", '"a"', "a\x00"])
    def test_a_name_that_is_no_token_is_refused(self, name):
        with pytest.raises(ValueError, match="Cookie name"):
            render_set_cookie(name, "b")

    @pytest.mark.parametrize(
        ("attribute", "value"),
        [
            ("path", "/\r\nX: y"),
            ("path", "/; Domain=evil.example"),
            ("path", "/é"),
            ("path", "/\x00"),
            ("domain", "a; HttpOnly; Path=/x"),
            ("domain", "a\r\nb"),
            ("domain", "a:80"),
            ("domain", "..a"),
            ("expires", "x; Domain=evil.example"),
            ("expires", datetime(2037, 1, 1)),  # noqa: DTZ001
            ("samesite", "loose"),
        ],
    )
    def test_an_attribute_that_could_add_another_is_refused_by_name(self, attribute, value):
        with pytest.raises(ValueError, match=f"^{attribute} of cookie 'a'"):
            render_set_cookie("a", "b", **{attribute: value})

    @pytest.mark.parametrize(
        ("name", "attributes"),
        [
            ("a", {"samesite": "none"}),
            ("a", {"samesite": "None"}),
            ("a", {"partitioned": True}),
            ("__Secure-a", {}),
            ("__host-a", {}),
            ("__Host-a", {"secure": True, "path": "/p"}),
            ("__Host-a", {"secure": True, "domain": "example.org"}),
        ],
    )
    def test_combinations_that_browsers_drop_are_refused(self, name, attributes):
        with pytest.raises(ValueError, match=rf"(?i)Cookie '{name}' has"):
            render_set_cookie(name, "b", **attributes)

    def test_the_prefixes_are_fine_with_what_they_require(self):
        assert render_set_cookie("__Host-a", "b", secure=True) == "__Host-a=b; Path=/; SameSite=lax; Secure"
        assert render_set_cookie("__Secure-a", "b", secure=True, domain=".example.org", path="/p")

    @steady
    @given(path=st.text(max_size=10), domain=st.text(min_size=1, max_size=10))
    def test_no_path_or_domain_adds_an_attribute(self, path, domain):
        try:
            line = render_set_cookie("a", "b", path=path, domain=domain)
        except ValueError:
            return
        assert [part.partition("=")[0] for part in line.split(";")] == ["a", " Domain", " Path", " SameSite"]
        assert line.isprintable()
