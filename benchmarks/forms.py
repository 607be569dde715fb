"""Forms: a file of 10 MB, 1,000 multipart fields, 1,000 url-encoded fields, each read whole by `request.form()`."""

from typing import Any

from benchmarks.frameworks import Toolkit, both
from benchmarks.measure import Area
from benchmarks.server import ASGIApp, Ask, Seen

BOUNDARY = b"----benchmark-boundary-4711"
MULTIPART = b"multipart/form-data; boundary=" + BOUNDARY
FIELDS = 1000
FILE = bytes(range(256)) * (10 * 1024 * 4)


def part(disposition: bytes, body: bytes) -> bytes:
    return b"--" + BOUNDARY + b"\r\nContent-Disposition: form-data; " + disposition + b"\r\n\r\n" + body + b"\r\n"


END = b"--" + BOUNDARY + b"--\r\n"
UPLOAD = part(b'name="file"; filename="a.bin"', FILE) + END
MANY = b"".join(part(b'name="field%d"' % number, b"value %d" % number) for number in range(FIELDS)) + END
ENCODED = b"&".join(b"field%d=value+%d" % (number, number) for number in range(FIELDS))


def toolkit_app(kit: Toolkit) -> ASGIApp:
    async def read(request: Any) -> Any:
        async with request.form() as form:
            first = next(iter(form.values()))
            size = len(form) if isinstance(first, str) else first.size
        return kit.PlainTextResponse(str(size))

    return kit.app({("POST", "/"): read})


def area(slug: str, title: str, body: bytes, content_type: bytes, size: int) -> Area:
    headers = ((b"content-type", content_type), (b"content-length", str(len(body)).encode("ascii")))

    def right(seen: Seen) -> bool:
        return (seen.status, seen.body) == (200, str(size).encode())

    # A server gives a body in pieces of 64 KiB.
    ask = Ask(paths=("/",), method="POST", body=body, headers=headers, piece=65536)
    return Area(slug, title, ask, both(toolkit_app), right)


AREAS = [
    area("form-upload", "10 MB upload", UPLOAD, MULTIPART, len(FILE)),
    area("form-multipart", "1,000 multipart fields", MANY, MULTIPART, FIELDS),
    area("form-urlencoded", "1,000 url-encoded fields", ENCODED, b"application/x-www-form-urlencoded", FIELDS),
]
