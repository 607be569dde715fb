"""Attacks by bodies: forms without end, slow to read or of many meanings, JSON beyond what can be read."""

import gzip
import logging
from collections.abc import Sequence
from time import process_time
from typing import Any

from tests.attacks.kit import Kit, attack, crashes, not_4xx, request

MEBIBYTE = 1024 * 1024
MULTIPART = "multipart/form-data; boundary=b"


def part(head: str, body: bytes = b"") -> bytes:
    """One part of a form, its delimiter first."""
    return b"--b\r\n" + head.encode("latin-1") + b"\r\n\r\n" + body + b"\r\n"


def field(name: str, body: bytes = b"", more: str = "") -> bytes:
    """A part that is a field, or with a filename in `more` a file."""
    return part(f'Content-Disposition: form-data; name="{name}"{more}', body)


END = b"--b--\r\n"


def form_app(kit: Kit) -> Any:
    """An application that answers with the items of a form."""

    async def endpoint(request: Any) -> Any:
        async with request.form() as form:
            items = [[key, getattr(value, "filename", value)] for key, value in form.multi_items()]
            return kit.responses.JSONResponse([len(items), items[:5]])

    return kit.serving(endpoint)


async def posted(
    kit: Kit, body: bytes | Sequence[bytes], content_type: str = MULTIPART, *more: tuple[str, str]
) -> tuple[int, bytes, float]:
    """Status, body and seconds of CPU for a form."""
    start = process_time()
    status, answer = await crashes(form_app(kit), "POST", headers=[("content-type", content_type), *more], body=body)
    return status, answer, process_time() - start


def slow(seconds: float, status: int = 400) -> str | None:
    """What was seen, if it took long or ended in a 500."""
    if status >= 500:
        return f"answered with {status}"
    return f"{seconds:.1f} s of CPU" if seconds > 3 else None


@attack(2, 30, 72, 74)
async def a_form_of_100_000_parts(kit: Kit) -> str | None:
    status, _, seconds = await posted(kit, field("a") * 100_000 + END)
    return not_4xx(status) or slow(seconds)


@attack(11)
async def a_url_encoded_form_of_a_million_fields(kit: Kit) -> str | None:
    status, _, seconds = await posted(kit, b"a=b&" * 1_000_000, "application/x-www-form-urlencoded")
    return not_4xx(status) or slow(seconds)


@attack(3, 23, 99, 109)
async def content_types_that_are_slow_to_read(kit: Kit) -> str | None:
    hard = [
        'application/x-www-form-urlencoded; !="' + "\\" * 60_000,
        'multipart/form-data; a="' + ";" * 64_000,
        'multipart/form-data; a="' + '\\";' * 30_000 + '"; boundary=b',
        "multipart/form-data; " + 'a="b;c"; ' * 10_000,
    ]
    for content_type in hard:
        status, _, seconds = await posted(kit, b"a=b", content_type)
        if seen := slow(seconds, status):
            return f"{content_type[:40]!r}: {seen}"
    return None


@attack(4, 63)
async def one_text_field_without_end(kit: Kit) -> str | None:
    status, _, _ = await posted(kit, [field("a", bytes(MEBIBYTE))[:-2], *[bytes(MEBIBYTE)] * 3, b"\r\n", END])
    return not_4xx(status)


@attack(34, 57)
async def many_large_fields_together(kit: Kit) -> str | None:
    status, _, _ = await posted(kit, [*[field("a", b"x" * (MEBIBYTE - 1))] * 60, END])
    return not_4xx(status)


@attack(88)
async def five_thousand_files(kit: Kit) -> str | None:
    status, _, _ = await posted(kit, field("f", b"x", '; filename="a.txt"') * 5000 + END)
    return not_4xx(status)


@attack(18, 62)
async def headers_of_parts_without_end(kit: Kit) -> str | None:
    for more in ("\r\nX: y" * 5000, "\r\nX: " + "y" * MEBIBYTE):
        status, _, _ = await posted(kit, part('Content-Disposition: form-data; name="a"' + more, b"x") + END)
        if seen := not_4xx(status):
            return seen
    return None


@attack(15, 17, 31)
async def floods_before_between_and_after_parts(kit: Kit) -> str | None:
    bodies = [
        b"\r\n" * (MEBIBYTE // 2) + field("a", b"x") + END,
        field("a", b"x") + END + b"\r\n" * (5 * MEBIBYTE),
        field("a", b"\r" + b"x" * (4 * MEBIBYTE), '; filename="f"') + END,
        field("a", b"\r\n--" * MEBIBYTE, '; filename="f"') + END,
    ]
    for body in bodies:
        for pieces in (body, [body[at : at + 65536] for at in range(0, len(body), 65536)]):
            status, _, seconds = await posted(kit, pieces)
            if seen := slow(seconds, status):
                return seen
    return None


@attack(19, 20, 112)
async def semicolons_separate_nothing(kit: Kit) -> str | None:
    url_encoded = "application/x-www-form-urlencoded"
    status, answer, _ = await posted(kit, b"role=user&x=;role=admin", url_encoded)
    if status != 200 or b"[2,[" not in answer or b'"admin"' in answer:
        return f"read as {answer[:80]!r}"
    status, _, seconds = await posted(kit, b"a=b;" * 100_000, url_encoded)
    if seen := slow(seconds, status):
        return seen

    async def query(request: Any) -> Any:
        return kit.responses.JSONResponse(dict(request.query_params))

    found = await request(kit.serving(query), query=b"a=1;b=2")
    return None if found.body == b'{"a":"1;b=2"}' else f"read as {found.body!r}"


@attack(21, 97)
async def lengths_that_lie(kit: Kit) -> str | None:
    for length in ("-1", "1", "+5", "1_0"):
        status, _, seconds = await posted(kit, field("a", b"x") + END, MULTIPART, ("content-length", length))
        if seen := slow(seconds, status):
            return seen
    return None


@attack(22)
async def a_second_name_for_a_file(kit: Kit) -> str | None:
    body = field("f", b"x", "; filename=\"ok.txt\"; filename*=utf-8''evil.php") + END
    _, answer, _ = await posted(kit, body)
    return "the second name is taken" if b"evil.php" in answer else None


@attack(48, 56, 85, 95, 98)
async def malformed_parts(kit: Kit) -> str | None:
    base64 = "\r\nContent-Transfer-Encoding: base64"
    bodies = [
        part('Content-Disposition: form-data; name="a"\r\nContent-Length: -5', b"x") + END,
        part('Content-Disposition: form-data; name="a"' + base64, b" " * (MEBIBYTE // 2)) + END,
        part('Content-Disposition: form-data; name="a"; filename="f"' + base64, b"=" * MEBIBYTE) + END,
        part("Content-Disposition: form-data", b"x") + END,
        part("X", b"x") + END,
        b"--b\r\n" * 1000,
        field("a", b"x"),
        b"--bb\r\n\r\n--b--",
    ]
    for body in bodies:
        status, _, seconds = await posted(kit, body)
        if seen := slow(seconds, status):
            return f"{body[:60]!r}: {seen}"
    return None


@attack()
async def a_codec_that_the_client_names(kit: Kit) -> str | None:
    bytes_of_text = "multipart/form-data; boundary=b; charset="
    for charset in ("utf-7", "utf-16", "idna", "punycode", "rot13", "zlib_codec", "unicode_escape", "x" * 1000):
        status, _, _ = await posted(kit, field("a", b"x") + END, bytes_of_text + charset)
        if seen := not_4xx(status):
            return f"{charset[:20]}: {seen}"
    return None


@attack(58)
async def chunks_of_one_byte(kit: Kit) -> str | None:
    body = field("a", b"x" * 100_000) + END
    status, _, seconds = await posted(kit, [body[at : at + 1] for at in range(len(body))])
    return f"{seconds:.1f} s of CPU" if seconds > 20 else slow(0, status)


@attack(89)
async def two_files_of_one_name_are_both_seen(kit: Kit) -> str | None:
    body = field("f", b"1", '; filename="a"') + field("f", b"2", '; filename="b"') + END
    _, answer, _ = await posted(kit, body)
    return None if answer == b'[2,[["f","a"],["f","b"]]]' else f"read as {answer!r}"


@attack(59, 108)
async def a_storm_in_the_log(kit: Kit) -> str | None:
    lines: list[logging.LogRecord] = []
    watcher = logging.Handler()
    watcher.emit = lines.append  # type: ignore[method-assign,assignment]
    logging.getLogger().addHandler(watcher)
    try:
        await posted(kit, part("bad header line", b"x") * 3000 + END)
        await posted(kit, field("a", b"x") + END + b"x" * 10_000)

        async def cookies(request: Any) -> Any:
            return kit.responses.PlainTextResponse(str(len(request.cookies)))

        await request(kit.serving(cookies), headers=[("cookie", "; ".join(f"b@d{n}\t=1" for n in range(3000)))])
    finally:
        logging.getLogger().removeHandler(watcher)
    return f"{len(lines)} lines" if len(lines) > 5 else None


@attack(52, 70)
async def a_compressed_body_is_blown_up(kit: Kit) -> str | None:
    async def size(request: Any) -> Any:
        return kit.responses.PlainTextResponse(str(len(await request.body())))

    bomb = gzip.compress(bytes(10 * MEBIBYTE))
    answer = await request(kit.serving(size), "POST", headers=[("content-encoding", "gzip")], body=bomb)
    return None if answer.body == str(len(bomb)).encode() else "inflated"


@attack(96)
async def a_body_without_a_length_or_an_end(kit: Kit) -> str | None:
    async def size(request: Any) -> Any:
        return kit.responses.PlainTextResponse(str(len(await request.body())))

    status, _ = await crashes(kit.serving(size), "POST", body=[bytes(MEBIBYTE)] * 50)
    return not_4xx(status)


@attack()
async def json_beyond_what_can_be_read(kit: Kit) -> str | None:
    async def kind(request: Any) -> Any:
        return kit.responses.PlainTextResponse(type(await request.json()).__name__)

    for body in (b"[" * 100_000, b"9" * 5000, b'"\xff"', b"{", b'{"a":' * 50_000):
        status, _ = await crashes(kit.serving(kind), "POST", body=body)
        if seen := not_4xx(status):
            return f"{body[:5]!r}...: {seen}"
    return None
