"""Which multipart parser, and what a form costs: `python -m benchmarks.parsers`.

Controls: one process, no network; bodies in 64 KiB chunks; every round gives each candidate a turn, the figures are
medians over the rounds in milliseconds of wall time. What all candidates of a row return is compared first.
Outside of the measured region: building the bodies, imports, the event loop's start.

The first table is the two libraries alone, doing the same work (names and contents of all parts). The second is
`await request.form()` of Asterion and, where it is installed, Starlette.
"""

import asyncio
import importlib
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import multipart
from python_multipart.multipart import MultipartParser, QuerystringParser, parse_options_header

from asterion._core.forms import FormLimits, UrlEncodedDecoder
from asterion.requests import Request

CHUNK = 64 * 1024
ROUNDS = 15
BOUNDARY = "----AsterionBoundary7MA4YWxkTrZu0gW"
END = f"--{BOUNDARY}--\r\n".encode()

Chunks = list[bytes]
Pairs = list[tuple[str, bytes]]


def in_chunks(body: bytes) -> Chunks:
    """`body` in pieces of 64 KiB."""
    return [body[start : start + CHUNK] for start in range(0, len(body), CHUNK)]


def part(name: str, content: bytes, filename: str = "") -> bytes:
    """One part of a multipart body, as browsers write it."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
    if filename:
        head += f'; filename="{filename}"\r\nContent-Type: application/octet-stream'
    return head.encode() + b"\r\n\r\n" + content + b"\r\n"


FIELDS = [(f"field-{number}", f"value {number} of a form") for number in range(1000)]
MANY_FIELDS = in_chunks(b"".join(part(name, value.encode()) for name, value in FIELDS) + END)
UPLOAD = in_chunks(part("file", random.Random(1).randbytes(10 * 1024 * 1024), "random.bin") + END)
LINES = in_chunks(part("file", (b"a line of text\r\n" * 700_000)[: 10 * 1024 * 1024], "lines.txt") + END)
URL_ENCODED = in_chunks(urlencode(FIELDS).encode())
URL_ENCODED_ESCAPED = in_chunks(urlencode([(name, f"{value}: é/ü") for name, value in FIELDS]).encode())


def with_python_multipart(chunks: Chunks) -> Pairs:
    """Names and contents, by python-multipart."""
    found: Pairs = []
    content: list[bytes] = []
    headers: dict[bytes, bytes] = {}
    words = {"name": b"", "value": b""}

    def begin() -> None:
        headers.clear()
        content.clear()

    def grow(key: str) -> Callable[[bytes, int, int], None]:
        def take(data: bytes, start: int, end: int) -> None:
            words[key] += data[start:end]

        return take

    def end_header() -> None:
        headers[words["name"].lower()] = words["value"]
        words.update(name=b"", value=b"")

    def end() -> None:
        _, options = parse_options_header(headers[b"content-disposition"])
        found.append((options[b"name"].decode(), b"".join(content)))

    parser = MultipartParser(
        BOUNDARY,
        {
            "on_part_begin": begin,
            "on_part_data": lambda data, start, end: content.append(data[start:end]),
            "on_part_end": end,
            "on_header_field": grow("name"),
            "on_header_value": grow("value"),
            "on_header_end": end_header,
        },
    )
    for chunk in chunks:
        parser.write(chunk)
    parser.finalize()
    return found


def with_multipart(chunks: Chunks) -> Pairs:
    """Names and contents, by multipart."""
    found: Pairs = []
    name = ""
    content: list[bytes] = []
    parser = multipart.PushMultipartParser(BOUNDARY, strict=True)
    for chunk in chunks:
        for event in parser.parse(chunk):
            if event is None:
                found.append((name, b"".join(content)))
            elif isinstance(event, bytes):
                content.append(event)
            else:
                name, content = event.name, []
    parser.close()
    return found


def url_encoded_with_python_multipart(chunks: Chunks) -> int:
    """How many fields a url-encoded body has, by python-multipart, names and values cut out but not decoded."""
    found: list[tuple[bytes, bytes]] = []
    words = {"name": b"", "value": b""}

    def end() -> None:
        found.append((words["name"], words["value"]))
        words.update(name=b"", value=b"")

    def take_name(data: bytes, start: int, end: int) -> None:
        words["name"] += data[start:end]

    def take_value(data: bytes, start: int, end: int) -> None:
        words["value"] += data[start:end]

    parser = QuerystringParser({"on_field_name": take_name, "on_field_data": take_value, "on_field_end": end})
    for chunk in chunks:
        parser.write(chunk)
    parser.finalize()
    return len(found)


def url_encoded_with_multipart(chunks: Chunks) -> int:
    """The same with multipart, decoded; it has no push parser for this, so the body is read as a whole."""
    data, _ = multipart.parse_form_data(
        {
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "wsgi.input": _Reader(b"".join(chunks)),
            "CONTENT_LENGTH": str(sum(map(len, chunks))),
        },
        memory_limit=2**24,
        part_limit=2000,
    )
    return len(list(data.iterallitems()))


class _Reader:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def read(self, size: int = -1) -> bytes:
        size = len(self._body) if size < 0 else size
        taken, self._body = self._body[:size], self._body[size:]
        return taken


def url_encoded_with_asterion(chunks: Chunks) -> int:
    """The same with our own decoder, decoded."""
    decoder = UrlEncodedDecoder(FormLimits())
    for chunk in chunks:
        decoder.feed(chunk)
    return len(decoder.finish())


def form_reader(request_class: Any, content_type: str) -> Callable[[Chunks], Awaitable[int]]:
    """A function that reads a form through a request class and returns how much it holds."""

    async def read(chunks: Chunks) -> int:
        waiting = list(reversed(chunks))

        async def receive() -> Any:
            return {"type": "http.request", "body": waiting.pop(), "more_body": bool(waiting)}

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "query_string": b"",
            "headers": [(b"content-type", content_type.encode())],
        }
        async with request_class(scope, receive).form() as form:
            return sum(value.size if hasattr(value, "size") else len(value) for _, value in form.multi_items())

    return read


def show(title: str, candidates: Mapping[str, Callable[..., Any]], rows: dict[str, Chunks]) -> None:
    """Measure and print one table."""
    print(f"\n{title}\n{'':28}" + "".join(f"{name:>18}" for name in candidates))
    for label, chunks in rows.items():
        if len({repr(run(chunks)) for run in candidates.values()}) != 1:
            raise RuntimeError(f"The candidates do not agree on {label!r}.")
        taken: dict[str, list[float]] = {name: [] for name in candidates}
        for _ in range(ROUNDS):
            for name, run in candidates.items():
                start = time.perf_counter()
                run(chunks)
                taken[name].append((time.perf_counter() - start) * 1000)
        print(f"{label:28}" + "".join(f"{statistics.median(times):15.2f} ms" for times in taken.values()))


def requests_by_framework() -> dict[str, Any]:
    """The request classes to compare."""
    classes: dict[str, Any] = {"Asterion": Request}
    try:
        upstream: Any = importlib.import_module("starlette.requests").Request
    except ImportError:
        print("starlette is not installed and is left out")
    else:
        classes["Starlette"] = upstream
    return classes


def main() -> None:
    """Print the tables."""
    show(
        "Multipart libraries alone",
        {"python-multipart": with_python_multipart, "multipart": with_multipart},
        {"1,000 fields": MANY_FIELDS, "10 MB file, random": UPLOAD, "10 MB file, lines": LINES},
    )
    show(
        "Url-encoded parsers alone",
        {
            "python-multipart": url_encoded_with_python_multipart,
            "multipart": url_encoded_with_multipart,
            "asterion": url_encoded_with_asterion,
        },
        {"1,000 fields": URL_ENCODED, "1,000 fields with %XX": URL_ENCODED_ESCAPED},
    )
    classes = requests_by_framework()
    with asyncio.Runner() as runner:

        def table(title: str, content_type: str, rows: dict[str, Chunks]) -> None:
            readers = {name: form_reader(kind, content_type) for name, kind in classes.items()}
            runs = {name: (lambda chunks, read=read: runner.run(read(chunks))) for name, read in readers.items()}
            show(title, runs, rows)

        table(
            "await request.form(), multipart",
            f"multipart/form-data; boundary={BOUNDARY}",
            {"1,000 fields": MANY_FIELDS, "10 MB file, random": UPLOAD, "10 MB file, lines": LINES},
        )
        table(
            "await request.form(), url-encoded",
            "application/x-www-form-urlencoded",
            {"1,000 fields": URL_ENCODED, "1,000 fields with %XX": URL_ENCODED_ESCAPED},
        )


if __name__ == "__main__":
    main()
