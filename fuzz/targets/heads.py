"""Targets that read the head of a request: header fields, cookies, ranges, what is accepted, conditions."""

from itertools import pairwise

from asterion._core.conditional import entity_tags, if_range_matches, is_not_modified, precondition_failed
from asterion._core.cookies import parse_cookie_header, render_set_cookie
from asterion._core.negotiation import (
    choose_encoding,
    choose_media_type,
    encoding_quality,
    media_type_quality,
    parse_accept,
)
from asterion._core.ranges import Unsatisfiable, parse_range
from asterion.datastructures import Headers, MutableHeaders
from fuzz.law import holds

_FORBIDDEN = frozenset(range(0x20)) - {0x09} | {0x7F}


def headers(data: bytes) -> None:
    """Lines `name: value`, read as a server hands them over, looked up, changed and written."""
    pairs = [(name.lower(), value) for name, _, value in (line.partition(b":") for line in data.split(b"\n")[:50])]
    read = Headers(raw=list(pairs))
    holds(len(read) == len(pairs) and read == Headers(raw=pairs[::-1]), pairs)
    written = MutableHeaders()
    for name, value in pairs:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        values = [other.decode("latin-1") for same, other in pairs if same == name]
        holds(read.getlist(key) == read.getlist(key.upper()) or not key.isascii(), key)
        holds(read.getlist(key) == values or not key.isascii(), key, values)
        holds((key in read and read[key] == values[0]) or not key.isascii(), key, values)
        try:
            written[key] = text
        except ValueError:
            continue
        _is_clean(written, key, text)
    before = written.raw[:]
    for name, _ in before:
        del written[name.decode("latin-1")]
    holds(not written.raw, before)
    _text(data)


def _is_clean(written: MutableHeaders, key: str, text: str) -> None:
    holds(written.getlist(key) == [text.strip(" \t")], key, text, written)
    for name, value in written.raw:
        holds(name and name == name.lower() and not _FORBIDDEN.intersection(name + value), name, value)
        holds(b":" not in name and b" " not in name, name)
        holds(value == value.strip(b" \t"), value)


def _text(data: bytes) -> None:
    """Any text at all as a value: bytes for one line, or ValueError."""
    text = data.decode("utf-8", "surrogatepass" if len(data) % 2 else "replace") if _is_text(data) else str(data)
    fields = MutableHeaders()
    try:
        fields.append("x-any", text)
        fields.add_vary_header(text)
    except ValueError:
        return
    for _, value in fields.raw:
        holds(not _FORBIDDEN.intersection(value), value)


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def cookies(data: bytes) -> None:
    """A `Cookie` header; and name, value and path (each on a line) in a `Set-Cookie`, read back."""
    for name, value in parse_cookie_header(data.decode("latin-1")).items():
        holds(";" not in name + value or '"' in data.decode("latin-1"), name, value)
        holds(name == name.strip() and "=" not in name, name)
    key, value, path, *_ = [*data.decode("utf-8", "replace").split("\n", 2), "", ""]
    try:
        line = render_set_cookie(key, value, path=path or "/")
    except ValueError:
        return
    holds(line.isascii() and line.isprintable(), line)
    holds(line.count(";") == 2, line)
    pair = line.partition(";")[0]
    holds(parse_cookie_header(pair) == {key: value}, key, value, line)
    holds(parse_cookie_header(f"a=b; {pair}; c=d").get(key) == value or key in ("a", "c"), line)


def ranges(data: bytes) -> None:
    """A size on the first line, a `Range` on the second."""
    first, _, header = data.partition(b"\n")
    size = int.from_bytes(first[:5], "big") if not first.isdigit() else int(first[:12])
    try:
        found = parse_range(header.decode("latin-1"), size, max_ranges=20)
    except Unsatisfiable as error:
        holds(error.size == size, size)
        return
    if found is None:
        return
    holds(0 < len(found) <= 20, found)
    ordered = sorted(found)
    holds(all(0 <= start < stop <= size for start, stop in ordered), size, found)
    holds(all(one[1] < two[0] for one, two in pairwise(ordered)), found)
    # What is sent may be asked for again, and is then sent as it was.
    again = "bytes=" + ",".join(f"{start}-{stop - 1}" for start, stop in found)
    holds(parse_range(again, size, max_ranges=20) == found, again)


def negotiation(data: bytes) -> None:
    """An `Accept` or `Accept-Encoding` header."""
    header = data.decode("latin-1")
    for member in parse_accept(header):
        holds(0 <= member.quality <= 1 and member.value == member.value.lower() != "", member)
    codings = ("zstd", "br", "gzip")
    qualities = {coding: encoding_quality(header, coding) for coding in codings}
    chosen = choose_encoding(header, codings)
    if chosen in qualities:
        holds(qualities[chosen] == max(qualities.values()) > 0, header, chosen)
    else:
        holds(chosen in ("identity", None), chosen)
    types = ("text/html", "application/json;charset=utf-8", "image/png")
    likes = {kind: media_type_quality(header, kind) for kind in types}
    best = choose_media_type(header, types)
    holds(max(likes.values()) == (0 if best is None else likes[best]), header, best)
    holds(all(0 <= quality <= 1 for quality in [*qualities.values(), *likes.values()]), header)


_NAMES = ("if-none-match", "if-match", "if-modified-since", "if-unmodified-since", "if-range")


def conditional(data: bytes) -> None:
    """Lines with the conditions of a request; the first line is the ETag, the second Last-Modified."""
    tag, modified, *lines = [*data.decode("latin-1").split("\n")[:12], "", ""]
    response = Headers(raw=[(b"etag", tag.encode("latin-1")), (b"last-modified", modified.encode("latin-1"))])
    request = Headers(raw=[(_NAMES[at % 5].encode(), line.encode("latin-1")) for at, line in enumerate(lines) if line])
    for answer in (is_not_modified, precondition_failed, if_range_matches):
        first = answer(response, request)
        holds(first is answer(response, request), first)
    tags, anything = entity_tags(lines)
    holds(not (tags and anything), tags)
    holds(all(found.removeprefix("W/").startswith('"') and found.count('"') == 2 for found in tags), tags)
    holds(entity_tags([", ".join(tags)])[0] == tags, tags)
