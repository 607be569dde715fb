"""Multipart forms (RFC 7578): what is read, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from asterion.datastructures import Headers, UploadFile
from asterion.exceptions import HTTPException
from asterion.formparsers import FormLimits, MissingFormLibrary, MultiPartException, MultiPartParser, _library
from asterion.requests import Request
from tests.requests.building import BOUNDARY, END, MULTIPART, Channel, field, file, http_scope, make_request, part

pytestmark = pytest.mark.anyio

B = BOUNDARY.encode()


async def items(body: bytes | list[bytes], content_type: str = MULTIPART, /, **options: Any) -> list[tuple[str, Any]]:
    """The form in `body`; a file as its filename, content and content type."""
    async with make_request(body, content_type).form(**options) as form:
        return [
            (name, (value.filename, await value.read(), value.content_type) if isinstance(value, UploadFile) else value)
            for name, value in form.multi_items()
        ]


async def test_fields_and_files_come_in_order_and_may_repeat() -> None:
    body = field("a", b"1") + file("f", "f.txt", b"content") + field("a", b"2") + END
    assert await items(body) == [("a", "1"), ("f", ("f.txt", b"content", "text/plain")), ("a", "2")]


async def test_a_form_of_nothing_but_its_end_is_empty() -> None:
    assert await items(END) == []


@pytest.mark.parametrize("chunks", [[b""], [b"", b""]])
async def test_a_form_of_no_bytes_is_empty_too(chunks: list[bytes]) -> None:
    """Some clients send a form without fields so; what is cut short in HTTP never gets here."""
    assert await items(chunks) == []


async def test_content_may_hold_anything_but_the_boundary() -> None:
    content = b"\r\n--B0undar\r\n--\r\n\r\r\n\n" + bytes(range(256)) + b"--" + B
    assert await items(file("f", "f", content) + END) == [("f", ("f", content, "text/plain"))]


async def test_a_file_without_a_chosen_name_is_still_a_file() -> None:
    assert await items(file("f", "", b"") + END) == [("f", ("", b"", "text/plain"))]


async def test_the_headers_of_a_file_are_kept() -> None:
    head = 'Content-Disposition: form-data; name="f"; filename="f"\r\nX-Extra:  1 \r\nCONTENT-TYPE: a/b'
    async with make_request(part(head) + END, MULTIPART).form() as form:
        upload = form["f"]
        assert isinstance(upload, UploadFile)
        assert (upload.headers["x-extra"].strip(), upload.content_type, upload.size) == ("1", "a/b", 1)


@pytest.mark.parametrize("before", [b"\r\n", b"\r\n\r\n", b"\n"])
async def test_line_breaks_before_the_first_boundary_are_passed_over(before: bytes) -> None:
    assert await items(before + field("a") + END) == [("a", "x")]


@pytest.mark.parametrize("after", [b"", b"\r\n", b"epilogue", b"\r\n" * 10_000, b"\r\n--" + B + b"\r\nmore"])
@pytest.mark.parametrize("own_chunk", [True, False])
async def test_what_follows_the_closing_boundary_is_ignored(after: bytes, own_chunk: bool) -> None:
    body = field("a") + b"--" + B + b"--"
    assert await items([body, after] if own_chunk else body + after) == [("a", "x")]


@pytest.mark.parametrize(
    "disposition",
    [
        'form-data; name="a"',
        "form-data; name=a",
        'Form-Data; NAME="a"',
        'form-data;name="a"',
        'form-data ;  name = "a" ; other',
        'form-data; other="x;y=\\"z\\""; name="a"',
    ],
)
async def test_a_name_may_be_written_in_these_ways(disposition: str) -> None:
    assert await items(part(f"Content-Disposition: {disposition}") + END) == [("a", "x")]


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("a%22b", "a%22b"),
        ('a\\"b', 'a"b'),
        ("a\\\\b", "a\\b"),
        ("C:\\dir\\file", "C:\\dir\\file"),
        ("../../etc/x", "../../etc/x"),
        ("", ""),
        ("é", "é"),
    ],
)
async def test_names_are_kept_as_they_were_sent(sent: str, name: str) -> None:
    assert await items(field(sent) + END) == [(name, "x")]
    assert await items(file("f", sent) + END) == [("f", (name, b"x", "text/plain"))]


async def test_a_filename_without_quotes_makes_a_file_whatever_the_name_is() -> None:
    head = 'Content-Disposition: form-data; name=""; filename=a.txt'
    assert await items(part(head) + END) == [("", ("a.txt", b"x", None))]


async def test_an_extended_filename_never_overrides_the_filename() -> None:
    head = 'Content-Disposition: form-data; name="f"; filename="ok.txt"; filename*=utf-8\'\'evil.php'
    assert await items(part(head) + END) == [("f", ("ok.txt", b"x", None))]


async def test_an_extended_filename_alone_makes_no_file() -> None:
    assert await items(part("Content-Disposition: form-data; name=\"f\"; filename*=utf-8''evil") + END) == [("f", "x")]


CD = 'Content-Disposition: form-data; name="a"'

MALFORMED = {
    "garbage": b"\x00\x01garbage" * 100,
    "a preamble": b"preamble\r\n" + field("a") + END,
    "a preamble that ends like the boundary": b"x--" + B + field("a")[len(B) + 2 :] + END,
    "another boundary": field("a").replace(B, b"Other") + END,
    "no name": part("Content-Disposition: form-data") + END,
    "no disposition": part("Content-Type: text/plain") + END,
    "no disposition but a charset": part("Content-Type: text/plain; charset=utf-8") + END,
    "no headers": b"--" + B + b"\r\n\r\nx\r\n" + END,
    "another disposition": part('Content-Disposition: attachment; name="a"') + END,
    "a name given twice": part(CD + '; name="b"') + END,
    "a filename given twice": part(CD + '; filename="a"; filename="b"') + END,
    "a filename hidden in a quoted option": part(CD + '; x*="; filename=evil') + END,
    "a quote that is not closed": part('Content-Disposition: form-data; name="a') + END,
    "text behind a quote": part('Content-Disposition: form-data; name="a"b') + END,
    "a filename whose quote is not closed": part(CD + '; filename="') + END,
    "text behind a quoted filename": part(CD + '; filename="b"c"') + END,
    "two dispositions": part(CD + "\r\n" + CD) + END,
    "a header without colon": part(CD + "\r\nnonsense") + END,
    "a folded header": part(CD + "\r\nX-A: 1\r\n folded") + END,
    "a line feed in a header": part(CD.replace('"a"', '"a\nb"')) + END,
    "a carriage return in a header": part(CD.replace('"a"', '"a\rb"')) + END,
    "a NUL in a header": part(CD.replace('"a"', '"a\0b"')) + END,
    "a name that is not UTF-8": part(CD.encode().replace(b'"a"', b'"\xff"')) + END,
    "line feeds only": (field("a") + END).replace(b"\r\n", b"\n"),
    "text behind a boundary": field("a") + b"--" + B + b" \r\n" + END,
    "a part shorter than its length": part(CD + "\r\nContent-Length: 5") + END,
    "a length that is no number": part(CD + "\r\nContent-Length: ٣") + END,
    "a field that is not UTF-8": field("a", b"\xff") + END,
    "an unknown charset": part(CD + "\r\nContent-Type: text/plain; charset=utf-7") + END,
    "a malformed content type": part(CD + '\r\nContent-Type: text/plain; charset="a') + END,
    "a field beyond its charset": part(CD + "\r\nContent-Type: text/plain; charset=us-ascii", b"\xe9") + END,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_form_is_a_400_whole_and_byte_by_byte(body: bytes) -> None:
    for chunks in ([body], [body[place : place + 1] for place in range(len(body))]):
        with pytest.raises(MultiPartException) as caught:
            await items(chunks)
        assert caught.value.status_code == 400
        assert caught.value.detail == caught.value.message == str(caught.value) != ""


async def test_a_form_cut_off_anywhere_is_a_400_and_never_an_empty_form() -> None:
    body = field("a", b"1") + file("f", "f.txt", b"content") + b"--" + B + b"--"
    for length in range(1, len(body)):
        with pytest.raises(MultiPartException):
            await items(body[:length])
    assert len(await items(body)) == 2


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=" + "b" * 257,
        'multipart/form-data; boundary="a\tb"',
        "multipart/form-data; boundary=é",
        "multipart/form-data; boundary=a; boundary=b",
        'multipart/form-data; boundary="a',
        f"{MULTIPART}; charset=utf-7",
    ],
)
async def test_a_content_type_without_a_usable_boundary_is_a_400(content_type: str) -> None:
    said = "boundary of the form is not|names no boundary|content type of the form is malformed|names the charset"
    with pytest.raises(MultiPartException, match=said) as caught:
        await items(field("a") + END, content_type)
    assert caught.value.status_code == 400


@pytest.mark.parametrize(
    "content_type",
    [f'Multipart/Form-Data; charset=UTF-8; boundary="{BOUNDARY}"', f"multipart/form-data;BOUNDARY={BOUNDARY}"],
)
async def test_content_types_are_read_as_headers_are(content_type: str) -> None:
    assert await items(field("a") + END, content_type) == [("a", "x")]


async def test_the_error_is_an_http_error_with_the_message_as_detail() -> None:
    with pytest.raises(HTTPException) as caught:
        await items(b"garbage")
    assert isinstance(caught.value, MultiPartException)
    assert MultiPartException("why").args == ("why",)


@pytest.mark.parametrize(
    ("charset", "sent", "text"),
    [
        ("utf-8", "é".encode(), "é"),
        ("UTF8", "é".encode(), "é"),
        ("latin-1", b"\xe9", "é"),
        ("iso-8859-1", b"\xe9", "é"),
        ("windows-1252", b"\x80", "€"),
        ("us-ascii", b"e", "e"),
    ],
)
async def test_a_charset_of_the_list_is_heeded_of_a_part_and_of_the_whole(charset: str, sent: bytes, text: str) -> None:
    one = part(f"{CD}\r\nContent-Type: text/plain; charset={charset}", sent) + END
    assert await items(one) == [("a", text)]
    assert await items(field("a", sent) + END, f"{MULTIPART}; charset={charset}") == [("a", text)]


# --- limits ---


@pytest.mark.parametrize(
    ("body", "limit", "enough"),
    [
        (field("a") * 4, "max_fields", 4),
        (file("a", "f") * 4, "max_files", 4),
        (field("a", b"x" * 100), "max_part_size", 100),
        (part(CD + "\r\nX-A: 1\r\nX-B: 2"), "max_part_headers", 3),
    ],
)
async def test_a_limit_lets_pass_what_it_says_and_names_itself_beyond(body: bytes, limit: str, enough: int) -> None:
    assert await items(body + END, limits=FormLimits(**{limit: enough}))
    with pytest.raises(MultiPartException) as caught:
        await items(body + END, limits=FormLimits(**{limit: enough - 1}))
    assert caught.value.status_code == 400
    assert limit in caught.value.message


async def test_the_documented_arguments_are_limits_too() -> None:
    for limit in ("max_fields", "max_files", "max_part_size"):
        with pytest.raises(MultiPartException, match=limit):
            await items(field("a", b"long") + file("f", "f") + END, **{limit: 0})
    many = field("a", b"") * 1001 + END
    with pytest.raises(MultiPartException, match=r"1000 \(max_fields\)"):
        await items(many)
    assert len(await items(many, max_fields=float("inf"))) == 1001


async def test_a_large_field_is_allowed_by_raising_one_limit() -> None:
    """Issue 2785: the limit of 1 MB for a part broke real uploads."""
    size = 40 * 1024 * 1024
    ((_, text),) = await items(field("a", b"x" * size) + END, max_part_size=size)
    assert len(text) == size


async def test_long_part_headers_are_refused() -> None:
    for length, fits in ((4090, True), (4091, False), (4200, False), (9000, False)):
        body = part(CD + "\r\nX-Long: " + "x" * length) + END
        for chunks in ([body], [body[place : place + 1] for place in range(len(body))]):
            if fits:
                assert await items(chunks) == [("a", "x")]
            else:
                with pytest.raises(MultiPartException, match="max_header_size"):
                    await items(chunks)


@pytest.mark.parametrize("body", [field("a", b"x" * 100) * 10, file("n" * 100, "f" * 100) * 10])
async def test_the_text_of_all_parts_together_is_limited(body: bytes) -> None:
    with pytest.raises(MultiPartException, match="max_total_memory") as caught:
        await items(body + END, limits=FormLimits(max_total_memory=1000))
    assert caught.value.status_code == 413
    assert await items(body + END, limits=FormLimits(max_total_memory=10_000))


async def test_two_hundred_megabytes_of_fields_are_refused_by_default_long_before_their_end() -> None:
    sent = 0
    chunk = field("a", b"x" * 1024 * 1024)

    async def receive() -> dict[str, Any]:
        nonlocal sent
        sent += 1
        return {"type": "http.request", "body": chunk, "more_body": sent < 200}

    scope = {"type": "http", "headers": [(b"content-type", MULTIPART.encode())]}
    with pytest.raises(MultiPartException, match="max_total_memory"):
        await Request[Any](scope, receive).form()
    assert sent == 33


async def test_what_does_not_begin_with_the_boundary_is_refused_at_once() -> None:
    channel = Channel([b"garbage"] * 100)
    with pytest.raises(MultiPartException, match="begin with its boundary"):
        await Request[Any](http_scope(MULTIPART), channel).form()
    assert channel.calls == 1


def test_limits_are_numbers_that_are_not_negative() -> None:
    with pytest.raises(ValueError, match="max_files=-1"):
        FormLimits(max_files=-1)


async def test_floods_of_boundaries_and_brackets_take_linear_time() -> None:
    """At these sizes a quadratic parser would not end within hours."""
    near = (b"\r\n--" + B[:-1]) * 100_000
    ((_, (_, content, _)),) = await items(file("f", "f", near) + END)
    assert content == near
    with pytest.raises(MultiPartException):
        await items(b"\r\n" * 1_000_000)
    with pytest.raises(MultiPartException):
        await items(field("a"), "multipart/form-data; " + ";" * 1_000_000 + '="' + '\\"' * 1_000_000)


# --- the parser as a class ---


async def stream(*chunks: bytes) -> Any:
    for chunk in chunks:
        yield chunk


async def test_the_parser_reads_any_async_iterable() -> None:
    parser = MultiPartParser(Headers({"content-type": MULTIPART}), stream(field("a"), END))
    assert (await parser.parse()).multi_items() == [("a", "x")]


@pytest.mark.parametrize("kind", [bytearray, memoryview])
async def test_the_parser_reads_other_bytes_like_types(kind: Any) -> None:
    body = field("a", b"1") + file("f", "f.txt", b"x" * 200_000) + END
    parser = MultiPartParser(Headers({"content-type": MULTIPART}), stream(kind(body[:100]), kind(body[100:])))
    form = await parser.parse()
    upload = form["f"]
    assert isinstance(upload, UploadFile)
    assert (form["a"], await upload.read()) == ("1", b"x" * 200_000)
    await form.close()


async def test_a_subclass_sees_every_part() -> None:
    seen: list[str] = []

    class Watching(MultiPartParser):
        def on_headers_finished(self) -> None:
            super().on_headers_finished()
            seen.append("headers")

        def on_part_data(self, data: bytes, start: int, end: int) -> None:
            seen.append(data[start:end].decode())
            super().on_part_data(data, start, end)

        def on_part_end(self) -> None:
            super().on_part_end()
            seen.append("end")

        def on_end(self) -> None:
            seen.append("all")

    await Watching(Headers({"content-type": MULTIPART}), stream(field("a", b"1") + field("b", b"2"), END)).parse()
    assert seen == ["headers", "1", "end", "headers", "2", "end", "all"]


def test_another_tokenizer_can_drive_the_callbacks() -> None:
    parser = MultiPartParser(Headers({"content-type": MULTIPART}), stream())
    head, value = b"xContent-Dispositionx", b'form-data; name="a"'
    parser.on_part_begin()
    parser.on_header_field(head, 1, 10)
    parser.on_header_field(head, 10, 20)
    parser.on_header_value(value, 0, len(value))
    parser.on_header_end()
    parser.on_headers_finished()
    parser.on_part_data(b"xyz", 1, 3)
    parser.on_part_data(b"xyz", 1, 2)  # as long as what stands before it and behind it
    parser.on_part_end()
    parser.on_part_begin()
    for line, content in ((head[1:20], b'form-data; name="b"'), (b"Content-Type", b"text/plain; charset=latin-1")):
        parser.on_header_field(line, 0, len(line))
        parser.on_header_value(content, 0, len(content))
        parser.on_header_end()
    parser.on_headers_finished()
    parser.on_part_data(b"\xe9", 0, 1)
    parser.on_part_end()
    parser.on_end()
    assert parser.items == [("a", "yzy"), ("b", "é")]


@pytest.mark.parametrize("value", [b'attachment; name="a"', b"form-data", b'form-data; name="a'])
def test_a_disposition_from_another_tokenizer_is_checked_too(value: bytes) -> None:
    parser = MultiPartParser(Headers({"content-type": MULTIPART}), stream())
    parser.on_part_begin()
    parser.on_header_field(b"Content-Disposition", 0, 19)
    parser.on_header_value(value, 0, len(value))
    parser.on_header_end()
    with pytest.raises(MultiPartException, match="Content-Disposition"):
        parser.on_headers_finished()


async def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_library, "library", lambda: None)
    with pytest.raises(MissingFormLibrary, match=r"pip install 'asterion\[forms\]'"):
        await items(field("a") + END)
    assert (await make_request(b"a=1", "application/x-www-form-urlencoded").form())["a"] == "1"


@pytest.mark.parametrize("installed", [None, "python-multipart"])
def test_a_missing_library_and_its_namesake_count_as_missing(
    monkeypatch: pytest.MonkeyPatch, installed: str | None
) -> None:
    import sys
    import types

    monkeypatch.setitem(sys.modules, "multipart", None if installed is None else types.ModuleType("multipart"))
    assert _library.library.__wrapped__() is None


def test_what_the_namesake_says_when_it_is_imported_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import sys

    import multipart  # noqa: F401 - so that it is put back

    (tmp_path / "multipart.py").write_text(
        "import warnings\nwarnings.warn('Please import python_multipart instead.')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "multipart")
    assert _library.library.__wrapped__() is None
    assert sys.modules["multipart"].__file__ == str(tmp_path / "multipart.py")


async def test_a_content_type_that_only_mentions_a_charset_has_none() -> None:
    head = CD + "\r\nContent-Type: text/plain; x-charset=utf-16"
    assert await items(part(head, "ü".encode()) + END) == [("a", "ü")]


async def test_a_part_without_a_disposition_is_refused_whatever_the_library_lets_pass() -> None:
    parser = MultiPartParser(Headers({"content-type": MULTIPART}), make_request(b"").stream())
    parser.on_part_begin()
    with pytest.raises(MultiPartException, match="has no Content-Disposition header"):
        parser.on_headers_finished()
