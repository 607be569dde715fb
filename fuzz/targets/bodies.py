"""Targets that read bodies: forms and JSON, whole and in pieces."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

from asterion._core.forms import FormLimits, MultiPartException, UrlEncodedDecoder
from asterion._core.jsonbody import MalformedJSON, parse_json
from asterion._core.jsoncodec import STANDARD
from asterion._core.jsondepth import nests_deeper
from asterion._core.jsonslices import JSONSlices
from asterion.datastructures import Headers, UploadFile
from asterion.formparsers import MultiPartParser
from fuzz.law import finish, holds

_LIMITS = FormLimits(max_files=10, max_fields=20, max_part_size=200, max_part_headers=4, max_header_size=300)


def multipart(data: bytes) -> None:
    """The boundary on the first line (a header's rest, so options may follow), the form behind it.

    Line ends of the form are CR LF as they stand; its meaning does not depend on where the network cut it.
    """
    first, _, body = data.partition(b"\n")
    kind = b"multipart/form-data; boundary=" + first
    whole = finish(_form(kind, [body]))
    step = 1 + len(first) % 5
    holds(finish(_form(kind, [body[at : at + step] for at in range(0, len(body), step)])) == whole, data)
    holds(finish(_form(kind, [body[: len(body) // 2], b"", body[len(body) // 2 :]])) == whole, data)


async def _form(kind: bytes, chunks: list[bytes]) -> Any:
    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    parser = MultiPartParser(Headers(raw=[(b"content-type", kind)]), stream(), limits=_LIMITS)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        holds(all(file.closed for file in parser._opened), "a file was left open")
        return error.status_code
    seen: list[Any] = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            content = value.file.read()
            holds(value.size == len(content), value)
            seen.append((name, value.filename, content))
            value.file.close()
        else:
            seen.append((name, value))
    holds(len(seen) <= 30, seen)
    return seen


def urlencoded(data: bytes) -> None:
    """A url-encoded form, whole and in pieces, against the standard library's reading of it."""
    whole = _pairs([data])
    for step in (1, 7):
        holds(_pairs([data[at : at + step] for at in range(0, len(data), step)]) == whole, data)
    if whole is not None:
        # Latin-1 for bytes: half of a character may be written as it is and the other half percent-encoded.
        found = parse_qsl(data.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
        expected = [(name.encode("latin-1").decode(), value.encode("latin-1").decode()) for name, value in found]
        holds([pair for pair in whole if pair != ("", "")] == [pair for pair in expected if pair != ("", "")], data)


def _pairs(chunks: list[bytes]) -> list[tuple[str, str]] | None:
    decoder = UrlEncodedDecoder(FormLimits(max_fields=30, max_part_size=300))
    try:
        for chunk in chunks:
            decoder.feed(chunk)
        return decoder.finish()
    except MultiPartException:
        return None


def _values(pairs: list[tuple[str, Any]]) -> list[Any]:
    return [value for _, value in pairs]


def _depth(value: Any) -> int:
    """How deeply lists are within each other, by levels: there may be as many as the interpreter can nest."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, list)]:
        depth += 1
        level = [inner for one in level for inner in one]
    return depth


def json_body(data: bytes) -> None:
    """A JSON body: what the standard library reads, or `MalformedJSON` with a place in the text."""
    try:
        # Bytes that are text: the standard library alone takes encoded surrogates.
        expected: Any = json.loads(data.decode(json.detect_encoding(data)))
    except (ValueError, RecursionError):
        expected = ValueError
    try:
        value = parse_json(data)
    except MalformedJSON as error:
        holds(expected is ValueError, data)
        holds(error.status_code == 400 and 0 <= error.pos <= len(error.doc), error.pos, error.doc)
        return
    holds(repr(value) == repr(expected), data)
    depth = _depth(json.loads(data.decode(json.detect_encoding(data)), object_pairs_hook=_values))
    holds(not nests_deeper(data, depth) and (not depth or nests_deeper(data, depth - 1)), data, depth)
    try:
        written = STANDARD.encode(value)
    except ValueError:
        holds("nan" in repr(value) or "inf" in repr(value), data)
        return
    holds(repr(parse_json(written)) == repr(value), data, written)
    holds(json.loads(json.dumps(value)) == json.loads(written), data)


def json_slices(data: bytes) -> None:
    """JSON read in slices, of as many characters as the first byte says: the value, or the fault, of the whole text."""
    size, text = 1 + data[:1][0] % 32 if data else 1, data[1:].decode("utf-8", "replace")
    if nests_deeper(text.encode(), 100):
        return  # how deep the interpreter goes depends on who asks
    slices = JSONSlices(text, size)
    try:
        while slices.step():
            pass
        found: Any = repr(slices.value)
    except json.JSONDecodeError as error:
        found = error.msg, error.pos
    try:
        expected: Any = repr(json.loads(text))
    except json.JSONDecodeError as error:
        expected = error.msg, error.pos
    holds(found == expected, size, text, found, expected)
