"""Origins: read as a whole, compared as a whole, and nobody's if there is any doubt."""

import time

import pytest

from asterion._core.origins import OriginPolicy, canonical_origin, origin_allowed, own_origin, same_origin


def scope_of(*headers, kind="websocket", scheme="wss", host="app.example"):
    lines = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    if host is not None:
        lines.append((b"host", host.encode("latin-1")))
    return {"type": kind, "scheme": scheme, "path": "/", "headers": lines}


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://app.example", "https://app.example"),
        ("HTTPS://App.Example:443", "https://app.example"),
        ("http://app.example:80", "http://app.example"),
        ("http://app.example:443", "http://app.example:443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("h3+x://localhost", "h3+x://localhost"),
        ("https://app.example.", "https://app.example."),
    ],
)
def test_an_origin_is_scheme_host_and_port(text, origin):
    assert canonical_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "*",
        "app.example",
        "https://",
        "//app.example",
        "https:app.example",
        "https://app.example/",
        "https://app.example/path",
        "https://app.example?q",
        "https://app.example#f",
        "https://user@app.example",
        "https://*.app.example",
        "https://app.example:",
        "https://app.example:99999",
        "https://app..example",
        "https://app.example https://evil.example",
        "https://app.example,https://evil.example",
        "https://app.example\x00",
        "https://\u212aelvin.example",
        "\u212attps://app.example",
        "1https://app.example",
        "ht tps://app.example",
        "https://" + "a." * 300 + "example",
    ],
)
def test_what_is_no_exact_origin_is_none(text):
    assert canonical_origin(text) is None


@pytest.mark.parametrize(
    ("kind", "scheme", "host", "origin"),
    [
        ("websocket", "ws", "app.example", "http://app.example"),
        ("websocket", "wss", "app.example:443", "https://app.example"),
        ("websocket", "wss", "APP.example:8443", "https://app.example:8443"),
        ("http", "https", "app.example", "https://app.example"),
        ("http", "http", "[::1]:80", "http://[::1]"),
        ("http", None, "app.example", "http://app.example"),
        ("websocket", None, "app.example", "http://app.example"),
        ("http", "http", None, None),
        ("http", "http", "a/b", None),
        ("http", "gopher", "app.example", None),
    ],
)
def test_the_own_origin_is_that_of_the_pages_served_here(kind, scheme, host, origin):
    assert own_origin(scope_of(kind=kind, scheme=scheme, host=host)) == origin


def test_two_host_headers_are_no_own_origin():
    assert own_origin(scope_of(("host", "evil.example"))) is None


def test_same_origin_compares_scheme_host_and_port():
    assert same_origin(scope_of(("origin", "https://app.example")))
    assert same_origin(scope_of(("origin", "https://app.example:443")))
    for foreign in ("http://app.example", "https://app.example:444", "https://evil.example", "https://xapp.example"):
        assert not same_origin(scope_of(("origin", foreign)))
    assert not same_origin(scope_of())
    assert not same_origin(scope_of(("origin", "null"), host=None))
    assert not same_origin(scope_of(("origin", "https://app.example"), ("origin", "https://evil.example")))


def test_an_allowed_origin_is_the_own_or_exactly_a_listed_one():
    allowed = {"https://other.example"}
    assert origin_allowed(scope_of(("origin", "https://app.example")), allowed)
    assert origin_allowed(scope_of(("origin", "https://other.example")), allowed)
    for foreign in ("https://otherXexample", "https://other.example.evil", "https://a.other.example", "null", ""):
        assert not origin_allowed(scope_of(("origin", foreign)), allowed)


COOKIE = ("cookie", "session=a")


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ([COOKIE, ("origin", "https://app.example")], False),
        ([COOKIE], False),
        ([COOKIE, ("origin", "https://evil.example")], True),
        ([("authorization", "Basic YQ=="), ("origin", "https://evil.example")], True),
        ([("origin", "https://evil.example")], False),
        ([COOKIE, ("origin", "null")], True),
        ([COOKIE, ("origin", "")], True),
        ([COOKIE, ("origin", "https://app.example"), ("origin", "https://evil.example")], True),
        ([COOKIE, ("origin", "http://app.example")], True),
        ([COOKIE, ("origin", "http://app.example"), ("sec-fetch-site", "same-origin")], False),
        ([COOKIE, ("origin", "null"), ("sec-fetch-site", "same-origin")], False),
        ([COOKIE, ("origin", "https://evil.example"), ("sec-fetch-site", "none")], True),
        ([COOKIE, ("origin", "https://a.app.example"), ("sec-fetch-site", "same-site")], True),
        ([COOKIE, ("sec-fetch-site", "cross-site")], True),
        ([COOKIE, ("sec-fetch-site", "same-site")], True),
        ([COOKIE, ("sec-fetch-site", "none")], False),
        (
            [COOKIE, ("origin", "null"), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
            True,
        ),
    ],
)
def test_by_default_requests_with_credentials_must_be_of_the_own_origin(headers, refused):
    assert (OriginPolicy().refusal(scope_of(*headers)) is not None) is refused


def test_a_list_judges_requests_without_credentials_too_and_lets_the_own_origin_in():
    policy = OriginPolicy(["https://Other.example:443"])
    assert policy.refusal(scope_of(("origin", "https://other.example"))) is None
    assert policy.refusal(scope_of(("origin", "https://other.example"), ("sec-fetch-site", "cross-site"))) is None
    assert policy.refusal(scope_of(("origin", "https://app.example"))) is None
    assert policy.refusal(scope_of()) is None
    assert policy.refusal(scope_of(("origin", "https://evil.example"))) is not None
    lenient = OriginPolicy(["https://other.example"], always=False)
    assert lenient.refusal(scope_of(("origin", "https://evil.example"))) is None


def test_always_and_require_origin():
    foreign, silent = scope_of(("origin", "https://evil.example")), scope_of()
    assert OriginPolicy(always=True).refusal(foreign) is not None
    assert OriginPolicy(always=True).refusal(silent) is None
    assert OriginPolicy(require_origin=True).refusal(silent) == "it has no Origin header"
    assert OriginPolicy(require_origin=True).refusal(scope_of(("origin", "https://app.example"))) is None


def test_a_refusal_tells_what_was_wrong_and_cannot_break_a_log_line():
    why = OriginPolicy(["https://b.example"]).refusal(scope_of(("origin", "https://evil\r\nfake: 1" + "x" * 1000)))
    assert why.startswith(r"its origin 'https://evil\r\nfake: 1x")
    assert why.endswith("is neither 'https://app.example' nor one of 1 allowed ones")
    assert len(why) < 300
    why = OriginPolicy(["https://b.example"]).refusal(scope_of(("origin", "x" * 101)))
    assert why.startswith(f"its origin '{'x' * 100}' is neither")


@pytest.mark.parametrize(
    ("origin", "hint"),
    [
        ("*", "every site would act as its visitors"),
        ("null", "sandboxed frames"),
        ("https://app.example/", "without path, pattern or final slash"),
        (r"https://.*\.example", "without path, pattern or final slash"),
        ("app.example", "scheme://host"),
        (7, "scheme://host"),
        ("wss://app.example", "write 'https://app.example'"),
    ],
)
def test_what_is_no_exact_origin_cannot_be_allowed(origin, hint):
    with pytest.raises(ValueError, match=hint):
        OriginPolicy([origin])


def test_a_single_string_is_one_origin():
    assert OriginPolicy("https://a.example").allowed == {"https://a.example"}


def test_reading_an_origin_takes_linear_time():
    hostile = scope_of(COOKIE, ("origin", "https://" + "a." * 500_000))
    began = time.process_time()
    assert OriginPolicy().refusal(hostile) is not None
    assert time.process_time() - began < 0.5
