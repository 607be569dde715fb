"""The requests: a kept list, and as many as wanted made from a seed."""

import random
from typing import Any

Case = dict[str, Any]

METHODS = ["GET", "GET", "GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE"]
PATHS = [
    "/",
    "/users/7",
    "/users/me",
    "/users/007",
    "/users/x",
    "/users/7/",
    "/float/1.5",
    "/float/1",
    "/float/.5",
    "/rest/",
    "/uuid/ec38df32-ceda-4cfa-9b4a-1aeb94ad551a",
    "/uuid/1",
    "/pair/a-b",
    "/pair/a-b-c",
    "/rest/a/b",
    "/rest/a%20b",
    "/rest/%C3%A9",
    "/slash",
    "/slash/",
    "/slash//",
    "//users/7",
    "/address",
    "/address/",
    "/headers",
    "/body",
    "/json",
    "/form",
    "/stream",
    "/redirect",
    "/cookie",
    "/fails",
    "/breaks",
    "/reverse",
    "/file",
    "/in/x",
    "/in",
    "/in/",
    "/in/deep/address",
    "/static/page.txt",
    "/static/a%20b.css",
    "/static/none",
    "/static/sub",
    "/static/",
    "/static",
    "/site/",
    "/site/sub",
    "/site/sub/",
    "/site/none",
    "/site/../page.txt",
    "/site/%2e%2e/page.txt",
    "/host",
    "/none",
    "/users/%37",
    "/in/%2F",
    "/rest/a%0Ab",
    "/users/7%0A",
    "/rest/%00",
    "/static/%00",
]
QUERIES = [
    "",
    "",
    "?",
    "?a=1&a=2",
    "?a=%20b+c&=x&d",
    "?n=5",
    "?n=0",
    "?to=/x?y=%C3%A9",
    "?to=https://b.example/ a",
    "?a=%FF",
    "?value=a%20b%3B",
    "?value=%22%5C",
    "?value=%C3%A9",
    "?status=404",
    "?status=204",
    "?status=500",
    "?status=304",
    "?a;b",
]
HOSTS = [
    "a.example.org",
    "example.org",
    "api.example.org",
    "A.EXAMPLE.ORG:81",
    "evil.example",
    "bad host",
    "[::1]:8000",
]
HEADERS = [
    ("accept-encoding", "gzip"),
    ("accept-encoding", "gzip;q=0"),
    ("accept-encoding", "br"),
    ("accept-encoding", "*"),
    ("range", "bytes=0-9"),
    ("range", "bytes=-5"),
    ("range", "bytes=500-"),
    ("range", "bytes=0-1,5-6"),
    ("range", "x=1"),
    ("if-none-match", "*"),
    ("if-none-match", '"x"'),
    ("if-modified-since", "Tue, 14 Nov 2023 22:13:20 GMT"),
    ("if-modified-since", "Tue, 14 Nov 2000 22:13:20 GMT"),
    ("if-range", '"x"'),
    ("cookie", "a=1; b=2; a=3"),
    ("cookie", 'q="x y"; bare; =empty'),
    ("x-many", "1"),
    ("x-many", "2"),
    ("origin", "https://a.example"),
    ("origin", "https://b.example"),
    ("access-control-request-method", "GET"),
    ("access-control-request-method", "PATCH"),
    ("access-control-request-headers", "x-one"),
    ("access-control-request-headers", "X-Other, x-one"),
    ("accept", "text/html"),
    ("x-latin", "caf\xe9"),
]
JSON = ['{"a": [1, 2.5, null]}', '"\\ud83d\\ude00"', "[]", "tru", "", '{"a": 1', "[1]x", '"\xc3\xa9"', "\xff", "NaN"]
FORMS = [
    ("application/x-www-form-urlencoded", "a=1&b=%C3%A9+x&a=2"),
    ("application/x-www-form-urlencoded", "a&=b&&c==d"),
    ("application/x-www-form-urlencoded", ""),
    ("multipart/form-data; boundary=B", '--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--B--\r\n'),
    (
        "multipart/form-data; boundary=B",
        (
            '--B\r\nContent-Disposition: form-data; name="f"; filename="x.txt"\r\n\r\nabc\r\n--B\r\n'
            'Content-Disposition: form-data; name="a"\r\n\r\n\xc3\xa9\r\n--B--\r\n'
        ),
    ),
    ("multipart/form-data; boundary=B", '--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1'),
    ("multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data\r\n\r\n1\r\n--B--\r\n"),
    ("multipart/form-data", "--B--"),
    ("text/plain", "a=1"),
]


def case(app: str, method: str, target: str, headers: list[Any] | None = None, body: list[str] | None = None) -> Case:
    """One request to the application `app`."""
    return {"app": app, "method": method, "target": target, "headers": headers or [], "body": body or []}


def kept() -> list[Case]:
    """Every path once, every header and body where it matters, and what has differed before."""
    host = ["host", "a.example.org"]
    found = [case("plain", method, path, [host]) for path in PATHS for method in ("GET", "HEAD", "POST", "OPTIONS")]
    found += [case("plain", "GET", path + query, [host]) for query in QUERIES for path in ("/address", "/rest/q")]
    found += [case("plain", "GET", "/cookie" + query, [host]) for query in QUERIES if "value" in query]
    found += [case("plain", "GET", "/redirect" + query, [host]) for query in QUERIES if "to" in query]
    found += [case("plain", "GET", "/fails" + query, [host]) for query in QUERIES if "status" in query]
    found += [case("hosts", "GET", "/address", [["host", name]]) for name in HOSTS]
    found += [case("plain", "GET", "/address", [["host", name]]) for name in HOSTS]
    found += [case("https", "GET", "/rest/a%20b?c=d", [["host", name]]) for name in HOSTS]
    found += [case("plain", "POST", "/json", [host], [text]) for text in JSON]
    found += [case("plain", "POST", "/form", [host, ["content-type", kind]], [text]) for kind, text in FORMS]
    for header in HEADERS:
        found += [
            case("plain", "GET", path, [host, list(header)]) for path in ("/file", "/static/page.txt", "/headers")
        ]
        found += [case("gzip", "GET", path, [host, list(header)]) for path in ("/file", "/stream", "/stream?n=0", "/")]
    found.append(case("plain", "GET", "/static/a%20b.css", [host, ["range", "bytes=0-1,5-6"]]))
    for app in ("cors", "cors-any"):
        for origin in ("https://a.example", "https://b.example", "null"):
            ask = ["access-control-request-method", "POST"]
            found.append(case(app, "GET", "/", [host, ["origin", origin]]))
            found.append(case(app, "GET", "/", [host, ["origin", origin], ["cookie", "a=b"]]))
            found.append(case(app, "OPTIONS", "/", [host, ["origin", origin], ask]))
            found.append(
                case(app, "OPTIONS", "/", [host, ["origin", origin], ask, ["access-control-request-headers", "x-one"]])
            )
    return found + [case("function", "GET", path, [host]) for path in PATHS]


def made(count: int, seed: int) -> list[Case]:
    """`count` requests that follow from `seed` alone."""
    dice = random.Random(seed)
    return [_one(dice) for _ in range(count)]


def _one(dice: random.Random) -> Case:
    app = dice.choice(["plain", "plain", "plain", "gzip", "cors", "cors-any", "hosts", "https", "function"])
    headers = [["host", dice.choice(HOSTS[:3] if dice.random() < 0.8 else HOSTS)]]
    headers += [list(header) for header in dice.sample(HEADERS, dice.choice([0, 0, 1, 2, 3]))]
    body: list[str] = []
    method, path = dice.choice(METHODS), dice.choice(PATHS)
    if dice.random() < 0.25:
        method = "POST"
        kind, text = dice.choice([("application/json", dice.choice(JSON)), *FORMS])
        path = "/json" if kind == "application/json" else "/form"
        headers.append(["content-type", kind])
        middle = dice.randrange(len(text) + 1)
        body = [text[:middle], text[middle:]]
    root_path = dice.choice(["", "", "", "/root"])
    found = case(app, method, root_path + path + dice.choice(QUERIES), headers, body)
    return {**found, "scheme": dice.choice(["http", "http", "https"]), "root_path": root_path}
