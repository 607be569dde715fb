"""What is a host, and what is an attack."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterion._core.hosts import host_header, parse_host

steady = settings(derandomize=True, database=None, deadline=None)

LONGEST_IPV6 = "0000:0000:0000:0000:0000:ffff:255.255.255.255"  # 45 characters


@pytest.mark.parametrize(
    ("value", "host", "port"),
    [
        ("example.com", "example.com", None),
        ("EXAMPLE.com:8000", "example.com", 8000),
        ("localhost:0", "localhost", 0),
        ("a_b-c", "a_b-c", None),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", None),
        ("example.com.", "example.com.", None),
        ("127.0.0.1:65535", "127.0.0.1", 65535),
        ("255.255.255.255", "255.255.255.255", None),
        ("[::1]", "[::1]", None),
        ("[2001:DB8::1]:443", "[2001:db8::1]", 443),
        ("[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", None),
        (f"[{LONGEST_IPV6}]:1", f"[{LONGEST_IPV6}]", 1),
        ("a" * 63 + ".b", "a" * 63 + ".b", None),
        ("a." * 126 + "a", "a." * 126 + "a", None),
        ("a." * 126 + "a.", "a." * 126 + "a.", None),
    ],
)
def test_names_addresses_and_ports_are_read(value, host, port):
    assert parse_host(value) == (host, port)


@pytest.mark.parametrize(
    "value",
    [
        "", ".", "..", ".example.com", "a..b", "example.com..", "a" * 64, ("a" * 60 + ".") * 5,
        "aa." + "a." * 125 + "a",
        "a:", ":80", "a:b", "a:-1", "a:+1", "a:1_0", "a:65536", "a:99999999", "a: 80", "a:80:80", "a:\u0661",
        "a:000080",
        "a b", " a", "a ", "a\t", "a\r\n", "a\x00", "a/b", "a\\b", "a?b", "a#b", "a@b", "u:p@a", "a,b", "a;b", "a%41",
        "é",
        "\u212aelvin", "*", "*.example.com", "http://a", "a'b", "<a>",
        "::1", "[::1", "::1]", "[]", "[a]", "[::1]a", "[::1]:", "[::1]:x", "[::1%eth0]", "[[::1]]", "[v1.a]",
        "[1.2.3.4]",
        "0177.0.0.1", "127.1", "2130706433", "0x7f000001", "1.2.3.256", "1.2.3.4.5", "1.2.3.4.", "01.2.3.4",
        "1.2.3.0x4",
    ],
)  # fmt: skip
def test_everything_else_is_invalid(value):
    assert parse_host(value) is None


@pytest.mark.parametrize("value", ["[" + ":" * 100_000 + "]", "a." * 100_000, "a:" + "9" * 100_000, "[" * 100_000])
def test_long_values_are_refused_at_once(value):
    """CVE-2024-56374: the check of an IPv6 address was where the time went."""
    assert parse_host(value) is None


def test_one_valid_host_header_counts():
    assert host_header([(b"accept", b"*/*"), (b"host", b"Example.com:80")]) == "Example.com:80"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"host", b"")],
        [(b"host", b"example.com/?")],
        [(b"host", b"a"), (b"host", b"b")],
        [(b"host", b"a"), (b"host", b"a")],
        [(b"host", "é".encode())],
    ],
)
def test_no_invalid_and_repeated_host_headers_count_for_nothing(headers):
    """RFC 9112 3.2: two readers of a request with two Host headers would go to different places."""
    assert host_header(headers) is None


@steady
@given(st.text(max_size=20))
def test_a_valid_host_is_plain_text_and_reads_back(value):
    parsed = parse_host(value)
    if parsed is not None:
        host, port = parsed
        assert host.isascii()
        assert not set(host) & set(" /\\?#@%\t\r\n")
        assert parse_host(host if port is None else f"{host}:{port}") == parsed
