"""What is decided of a file by its name and the request's headers, without a file system."""

import re

import pytest

from asterion._core.assets import IMMUTABLE, CachePolicy, checked_codings, pick_coding, wants_page
from asterion.datastructures import Headers

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


def test_a_cache_policy_is_a_value_a_function_of_the_path_or_nothing():
    assert CachePolicy(None, None).value_for("a.css") is None
    assert CachePolicy("no-cache", None).value_for("a.css") == "no-cache"
    by_path = CachePolicy(lambda path: "no-store" if path.startswith("private/") else None, None)
    assert (by_path.value_for("private/a"), by_path.value_for("a")) == ("no-store", None)


@pytest.mark.parametrize("pattern", [r"^assets/", re.compile(r"\.[0-9a-f]{8}\.")])
def test_what_is_immutable_is_so_whatever_else_is_said(pattern):
    policy = CachePolicy("no-cache", pattern)
    assert policy.value_for("assets/app.0a1b2c3d.js") == IMMUTABLE == "public, max-age=31536000, immutable"
    assert policy.value_for("index.html") == "no-cache"


def test_a_pattern_or_a_value_that_cannot_be_is_refused_when_the_policy_is_made():
    with pytest.raises(ValueError, match="cache-control"):
        CachePolicy("no-cache\r\nset-cookie: a=b", None)
    with pytest.raises(re.error):
        CachePolicy(None, "(")


def test_the_codings_to_look_for_are_checked():
    assert checked_codings(True) == ("br", "zstd", "gzip")
    assert checked_codings(False) == ()
    assert checked_codings(["gzip"]) == checked_codings("gzip") == ("gzip",)
    with pytest.raises(ValueError, match=r"names 'deflate', which is not one of 'br', 'zstd', 'gzip'"):
        checked_codings(["gzip", "deflate"])


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, None),
        ("", None),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1, br;q=0.5", "gzip"),
        ("br;q=0, *", "zstd"),
        ("*", "br"),
        ("*;q=0", None),
        ("identity", None),
        ("identity;q=1, gzip;q=0.5", None),
        ("identity;q=0", None),
        ("identity;q=0, gzip;q=0.1", "gzip"),
        ("deflate", None),
        ("gzip;q=2", None),
    ],
)
def test_the_coding_is_the_one_the_client_likes_best_and_then_the_server(accepted, coding):
    headers = Headers({} if accepted is None else {"accept-encoding": accepted})
    assert pick_coding("GET", headers, {"gzip", "br", "zstd"}, ("br", "zstd", "gzip")) == coding


def test_only_what_there_is_is_sent_and_the_servers_order_is_its_own():
    headers = Headers({"accept-encoding": "gzip, br"})
    assert pick_coding("GET", headers, {"gzip"}, ("br", "gzip")) == "gzip"
    assert pick_coding("GET", headers, {"gzip", "br"}, ("gzip", "br")) == "gzip"
    assert pick_coding("GET", headers, (), ("br", "gzip")) is None


def test_whoever_asks_for_a_range_gets_the_file_as_it_is_unless_it_is_refused():
    wanted = {"accept-encoding": "gzip", "range": "bytes=0-1"}
    assert pick_coding("GET", Headers(wanted), {"gzip"}, ("gzip",)) is None
    assert pick_coding("HEAD", Headers(wanted), {"gzip"}, ("gzip",)) == "gzip"
    refused = {**wanted, "accept-encoding": "gzip, identity;q=0"}
    assert pick_coding("GET", Headers(refused), {"gzip"}, ("gzip",)) == "gzip"


@pytest.mark.parametrize("path", [".", "users", "users/7", "a.b/c", "search"])
@pytest.mark.parametrize(
    "headers",
    [
        {"accept": BROWSER},
        {"accept": "text/html"},
        {"accept": "application/xhtml+xml"},
        {"accept": BROWSER, "sec-fetch-mode": "navigate"},
    ],
)
def test_somebody_who_opens_a_page_wants_one(path, headers):
    assert wants_page(path, Headers(headers))


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("users", {}),
        ("users", {"accept": ""}),
        ("users", {"accept": "*/*"}),
        ("users", {"accept": "text/*"}),
        ("users", {"accept": "application/json"}),
        ("users", {"accept": "text/html;q=0, */*"}),
        ("users", {"accept": BROWSER, "sec-fetch-mode": "cors"}),
        ("users", {"accept": BROWSER, "sec-fetch-mode": "no-cors"}),
        ("app.js", {"accept": BROWSER}),
        ("assets/logo.png", {"accept": BROWSER}),
        ("favicon.ico", {"accept": BROWSER}),
        (".env", {"accept": BROWSER}),
    ],
)
def test_a_call_of_a_program_and_a_missing_asset_want_none(path, headers):
    assert not wants_page(path, Headers(headers))
