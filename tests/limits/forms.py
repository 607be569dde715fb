"""Limits of forms: their text, fields, files, headers and charsets."""

from typing import Any

from asterion.formparsers import FormLimits
from asterion.requests import Request
from asterion.responses import Response
from asterion.routing import Route
from tests.asgi import request
from tests.limits.bodies import pieces
from tests.limits.table import MEBIBYTE, Ask, limit, plain

MULTIPART = "multipart/form-data; boundary=b"
URL_ENCODED = "application/x-www-form-urlencoded"
END = b"--b--\r\n"


def part(name: str, value: bytes = b"", *, filename: str | None = None, headers: bytes = b"") -> bytes:
    more = "" if filename is None else f'; filename="{filename}"'
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n'
    return head.encode() + headers + b"\r\n" + value + b"\r\n"


async def posted(ask: Ask, body: bytes, content_type: str = MULTIPART, **limits: Any) -> str:
    """What becomes of a form: its status, or where its files are."""

    async def endpoint(asked: Request) -> Response:
        async with asked.form(limits=FormLimits(**limits) if limits else None) as form:
            files = [value for _, value in form.multi_items() if not isinstance(value, str)]
            if not files:
                return plain("200")
            return plain("memory" if all(file._in_memory() for file in files) else "disk")

    app = ask.app([Route("/", endpoint, methods=["POST"])])
    headers = [("content-type", content_type)]
    answer = await request(app, "POST", headers=headers, body=pieces(body), spec_version=ask.spec_version)
    return answer.body.decode() if answer.status == 200 else str(answer.status)


def chosen(ask: Ask, name: str) -> dict[str, int]:
    """The setting as a form limit of this name."""
    return {} if ask.setting is None else {name: ask.setting}


@limit(
    "text of a form in all",
    "32 MiB and one `max_part_size`",
    "`FormLimits.max_total_memory`",
    "413",
    amount=33 * MEBIBYTE,
    chosen=1000,
    refused="413",
)
async def text_in_all(ask: Ask, size: int) -> str:
    settings = chosen(ask, "max_total_memory")
    field = b"a=" + b"x" * (MEBIBYTE - 10) + b"&"
    whole, rest = divmod(size, len(field))
    coded = await posted(ask, field * whole + b"b=" + b"x" * (rest - 2), URL_ENCODED, **settings)
    # Names and values in any number of parts: of each, 47 bytes are its Content-Disposition and its name.
    count = 7 if ask.setting else 40
    head = len("content-disposition") + len('form-data; name="n"')
    sizes = [size // count] * (count - 1) + [size // count + size % count]
    parts = await posted(ask, b"".join(part("n", b"x" * (n - head)) for n in sizes) + END, **settings)
    return coded if coded == parts else f"{coded} and {parts}"


@limit(
    "files of a form in memory, together",
    "32 MiB and one `max_part_size`",
    "`FormLimits.max_total_memory`",
    "they go to disk",
    amount=33 * MEBIBYTE,
    chosen=1000,
    accepted="memory",
    refused="disk",
)
async def files_in_memory(ask: Ask, size: int) -> str:
    count = 5 if ask.setting else 66
    sizes = [size // count] * (count - 1) + [size - size // count * (count - 1)]
    files = b"".join(part("f", b"x" * n, filename="a") for n in sizes)
    return await posted(ask, files + END, **chosen(ask, "max_total_memory"))


@limit("fields of a form", "1,000", "`max_fields` of `request.form()`", "400", amount=1000, chosen=3)
async def fields(ask: Ask, count: int) -> str:
    settings = chosen(ask, "max_fields")
    coded = await posted(ask, b"&".join([b"a=1"] * count), URL_ENCODED, **settings)
    parts = await posted(ask, part("a", b"1") * count + END, **settings)
    return coded if coded == parts else f"{coded} and {parts}"


@limit(
    "files of a form",
    "1,000",
    "`max_files` of `request.form()`",
    "400",
    amount=1000,
    chosen=3,
    accepted="memory",
)
async def files(ask: Ask, count: int) -> str:
    return await posted(ask, part("a", b"1", filename="a") * count + END, **chosen(ask, "max_files"))


@limit("one text field", "1 MiB", "`max_part_size` of `request.form()`", "400", amount=MEBIBYTE, chosen=100)
async def one_field(ask: Ask, size: int) -> str:
    settings = chosen(ask, "max_part_size")
    coded = await posted(ask, b"a=" + b"x" * (size - 1), URL_ENCODED, **settings)
    parts = await posted(ask, part("a", b"x" * size) + END, **settings)
    return coded if coded == parts else f"{coded} and {parts}"


@limit("header lines of a part", "8", "`FormLimits.max_part_headers`", "400", amount=8, chosen=2)
async def headers_of_a_part(ask: Ask, count: int) -> str:
    lines = b"".join(b"X-%d: 1\r\n" % number for number in range(count - 1))
    return await posted(ask, part("a", b"1", headers=lines) + END, **chosen(ask, "max_part_headers"))


@limit(
    "one header line of a part, without its colon",
    "4,096",
    "`FormLimits.max_header_size`",
    "400",
    amount=4096,
    chosen=60,
)
async def size_of_a_header(ask: Ask, size: int) -> str:
    line = b"X-A: " + b"x" * (size - 3) + b"\r\n"
    return await posted(ask, part("a", b"1", headers=line) + END, **chosen(ask, "max_header_size"))


@limit(
    "a file of a form in memory",
    "1 MiB",
    "`FormLimits.spool_size`",
    "it goes to disk",
    amount=MEBIBYTE,
    chosen=100,
    accepted="memory",
    refused="disk",
)
async def file_in_memory(ask: Ask, size: int) -> str:
    return await posted(ask, part("f", b"x" * size, filename="a") + END, **chosen(ask, "spool_size"))


@limit("boundary of a form", "256", "none: RFC 2046 allows 70", "400", amount=256, chosen=256)
async def boundary(ask: Ask, size: int) -> str:
    name = "b" * size
    body = f'--{name}\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--{name}--\r\n'.encode()
    return await posted(ask, body, f"multipart/form-data; boundary={name}")


LABELS = ("us-ascii", "utf-8", "iso-8859-1", "windows-1252", "shift_jis")
"""From the first to the fourth they are accepted."""


@limit(
    "charsets of a form and of its parts",
    "UTF-8, ASCII, ISO 8859-1, Windows-1252",
    "`FormLimits.charsets`",
    "400",
    amount=4,
    chosen=2,
)
async def charsets(ask: Ask, count: int) -> str:
    settings: dict[str, Any] = {} if ask.setting is None else {"charsets": frozenset(LABELS[: ask.setting])}
    of_the_form, of_a_part = [], []
    for label in LABELS[:count]:
        typed = f"Content-Type: text/plain; charset={label}\r\n".encode()
        of_a_part.append(await posted(ask, part("a", b"1", headers=typed) + END, **settings))
        of_the_form.append(await posted(ask, part("a", b"1") + END, f"{MULTIPART}; charset={label}", **settings))
    # All but the last have to be taken.
    if of_a_part != of_the_form or set(of_a_part[:-1]) != {"200"}:
        return f"{of_a_part} and {of_the_form}"
    return of_a_part[-1]
