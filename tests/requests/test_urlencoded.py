"""Url-encoded forms (URL standard, section 5.1): what is read, and what is refused."""

from typing import Any

import pytest

from asterion.datastructures import Headers
from asterion.formparsers import FormLimits, FormMessage, FormParser, MultiPartException
from asterion.requests import Request
from tests.requests.building import URL_ENCODED, Channel, http_scope, make_request

pytestmark = pytest.mark.anyio


async def items(body: bytes | list[bytes], content_type: str = URL_ENCODED, **options: Any) -> list[tuple[str, Any]]:
    return (await make_request(body, content_type).form(**options)).multi_items()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", []),
        (b"a=1&b=2&a=3", [("a", "1"), ("b", "2"), ("a", "3")]),
        (b"a", [("a", "")]),
        (b"a=", [("a", "")]),
        (b"=1", [("", "1")]),
        (b"=", [("", "")]),
        (b"a=b=c", [("a", "b=c")]),
        (b"&&a=1&&b=2&", [("a", "1"), ("b", "2")]),
        (b"a=1;b=2", [("a", "1;b=2")]),
        (b"a+b=c+d", [("a b", "c d")]),
        (b"a%26=%3D%2B%25", [("a&", "=+%")]),
        (b"n=%C3%a9", [("n", "é")]),
        ("n=é".encode(), [("n", "é")]),
        (b"n=\xc3%A9", [("n", "é")]),
        (b"a=%&b=%4&c=%zz&d=%u0041", [("a", "%"), ("b", "%4"), ("c", "%zz"), ("d", "%u0041")]),
        (b"a=%00", [("a", "\0")]),
    ],
)
async def test_a_body_is_these_pairs(body: bytes, expected: list[tuple[str, str]]) -> None:
    assert await items(body) == expected
    assert await items([body[place : place + 1] for place in range(len(body))] or [b""]) == expected


@pytest.mark.parametrize("body", [b"a=\xff", b"a=%ff", b"\xc3=1", b"x=1&a=%c3", b"a=\xed\xa0\x80"])
async def test_bytes_that_are_not_utf_8_are_a_400_that_says_in_which_field(body: bytes) -> None:
    with pytest.raises(MultiPartException, match=f"field number {body.count(b'&') + 1}.*utf-8") as caught:
        await items(body)
    assert caught.value.status_code == 400


async def test_the_content_type_may_have_a_charset() -> None:
    assert await items(b"a=1", "Application/X-WWW-Form-Urlencoded; charset=utf-8") == [("a", "1")]


async def test_any_other_content_type_gives_an_empty_form_and_leaves_the_body() -> None:
    for content_type in ("", "text/plain", "application/json"):
        request = make_request(b"a=1", content_type)
        assert (await request.form()).multi_items() == []
        assert await request.body() == b"a=1"


async def test_the_number_of_fields_is_limited_issue_3329() -> None:
    body = b"&".join(b"a=%d" % number for number in range(1001))
    with pytest.raises(MultiPartException, match=r"1000 \(max_fields\)"):
        await items(body)
    assert len(await items(body, max_fields=1001)) == 1001
    assert len(await items(b"&" * 5000 + b"a=1", max_fields=1)) == 1


@pytest.mark.parametrize("body", [b"abc=1234567", b"abc=%41%42+", b"1234567890", b"x=&abc=1234567&y="])
async def test_name_and_value_together_as_sent_are_limited(body: bytes) -> None:
    assert await items(body, max_part_size=10)
    for chunks in ([body], [body[place : place + 1] for place in range(len(body))]):
        with pytest.raises(MultiPartException, match="max_part_size"):
            await items(chunks, max_part_size=9)


async def test_a_field_that_never_ends_is_refused_at_its_limit() -> None:
    channel = Channel([b"x" * 10] * 100)
    with pytest.raises(MultiPartException, match="max_part_size"):
        await Request[Any](http_scope(URL_ENCODED), channel).form(max_part_size=25)
    assert channel.calls == 3


async def test_the_body_is_limited_as_a_whole() -> None:
    limits = FormLimits(max_total_memory=7)
    assert await items(b"a=1&b=2", limits=limits)
    with pytest.raises(MultiPartException, match="max_total_memory") as caught:
        await items([b"a=1&", b"b=23"], limits=limits)
    assert caught.value.status_code == 413


async def test_a_flood_takes_linear_time_and_little_memory() -> None:
    """At these sizes a quadratic parser would not end within hours."""
    assert await items(b"&" * 3_000_000) == []
    assert await items([b"%"] * 100_000) == [("%" * 100_000, "")]


# --- the parser as a class ---


async def nothing() -> Any:
    return
    yield


def test_another_tokenizer_can_drive_the_callbacks() -> None:
    parser = FormParser(Headers({}), nothing(), max_fields=2, max_part_size=8)
    for name, value in ((b"a%41", b"b+c"), (b"x", b"")):
        parser.on_field_start()
        parser.on_field_name(b"-" + name + b"-", 1, len(name) + 1)
        parser.on_field_data(value, 0, len(value))
        parser.on_field_end()
    parser.on_end()
    assert parser._decoder.finish() == [("aA", "b c"), ("x", "")]
    with pytest.raises(MultiPartException, match="max_fields"):
        parser.on_field_start()


@pytest.mark.parametrize("method", ["on_field_name", "on_field_data"])
def test_driven_fields_are_limited_before_they_are_kept(method: str) -> None:
    parser = FormParser(Headers({}), nothing(), max_part_size=8)
    parser.on_field_start()
    getattr(parser, method)(b"12345678", 0, 8)
    with pytest.raises(MultiPartException, match="max_part_size"):
        getattr(parser, method)(b"9", 0, 1)


def test_the_events_have_upstreams_numbers() -> None:
    assert {event.name: event.value for event in FormMessage} == {
        "FIELD_START": 1,
        "FIELD_NAME": 2,
        "FIELD_DATA": 3,
        "FIELD_END": 4,
        "END": 5,
    }


@pytest.mark.parametrize("kind", [bytearray, memoryview])
async def test_the_parser_reads_other_bytes_like_types(kind: Any) -> None:
    async def stream() -> Any:
        for chunk in (b"a=1&b", b"=%32&c=" + b"3" * 100_000):
            yield kind(chunk)

    form = await FormParser(Headers({"content-type": URL_ENCODED}), stream()).parse()
    assert form.multi_items() == [("a", "1"), ("b", "2"), ("c", "3" * 100_000)]
