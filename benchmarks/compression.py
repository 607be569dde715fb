"""What compressing a response costs, and how small it gets: `python -m benchmarks.compression`.

Controls: one process, no network, a bare ASGI application inside that sends the same bytes; every round gives each
candidate a turn, the figures are medians over the rounds in microseconds of CPU time for each request, with what the
application takes by itself. That all candidates answer with the same content is checked first. Outside of the measured
region: building bodies and applications, imports, the event loop's start.

The first table is `GZipMiddleware` of Asterion and, where it is installed, of Starlette, both at their defaults. The
second is `CompressionMiddleware` with one coding each, at its defaults, and the size of the answers in bytes.
"""

import asyncio
import gzip
import importlib
import json
import random
import statistics
import time
from collections.abc import Mapping
from typing import Any

from asterion.middleware.compression import CompressionMiddleware, available_encodings
from asterion.middleware.gzip import GZipMiddleware
from asterion.types import ASGIApp, Message, Receive, Scope, Send

ROUNDS = 11
SECONDS = 0.02  # of work in one turn, about

_WORDS = [
    *("alpha", "beta", "gamma", "delta", "catalogue", "failure", "application"),
    *("middleware", "response", "request", "streaming", "background"),
]


def document(size: int) -> bytes:
    """JSON of about so many bytes, as an application's lists of things are."""
    rng = random.Random(3)
    items: list[dict[str, Any]] = []
    length = 0
    while length < size:
        item = {
            "id": rng.randrange(10**6),
            "name": " ".join(rng.choices(_WORDS, k=4)),
            "price": round(rng.random() * 100, 2),
            "tags": rng.choices(_WORDS, k=3),
        }
        items.append(item)
        length += len(json.dumps(item)) + 2
    return json.dumps(items).encode()


def answering(body: bytes, *, media_type: bytes = b"application/json", chunks: int = 1) -> ASGIApp:
    """An application that sends `body`, or a stream of it so many times."""
    head = [(b"content-type", media_type)]
    if chunks == 1:
        head.append((b"content-length", b"%d" % len(body)))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(head)})
        for number in range(chunks):
            await send({"type": "http.response.body", "body": body, "more_body": number < chunks - 1})

    return app


CASES: dict[str, tuple[ASGIApp, bytes]] = {
    "200 bytes: too small": (answering(b"x" * 200), b"gzip, deflate, br, zstd"),
    "PNG: excluded": (answering(b"x" * 2000, media_type=b"image/png"), b"gzip, deflate, br, zstd"),
    "client takes no coding": (answering(document(1000)), b"identity"),
    "JSON, 1 kB": (answering(document(1000)), b"gzip, deflate, br, zstd"),
    "JSON, 10 kB": (answering(document(10_000)), b"gzip, deflate, br, zstd"),
    "JSON, 100 kB": (answering(document(100_000)), b"gzip, deflate, br, zstd"),
    "20 chunks of 1 kB": (answering(document(1000), chunks=20), b"gzip, deflate, br, zstd"),
}


async def receive() -> Message:
    """The whole request: it has no body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message: Message) -> None:
    """A server that throws everything away."""


async def answer(app: ASGIApp, accepts: bytes) -> tuple[bytes, bytes]:
    """The body as sent, and its coding."""
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(_scope(accepts), receive, keep)
    coding = dict(messages[0]["headers"]).get(b"content-encoding", b"")
    return b"".join(message["body"] for message in messages[1:]), coding


def _scope(accepts: bytes) -> Scope:
    return {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"a"), (b"accept-encoding", accepts)]}


async def turn(app: ASGIApp, accepts: bytes, count: int) -> float:
    """Microseconds of CPU time for each of `count` requests."""
    began = time.process_time()
    for _ in range(count):
        await app(_scope(accepts), receive, send)
    return (time.process_time() - began) / count * 1e6


async def compare(candidates: Mapping[str, ASGIApp], accepts: bytes) -> dict[str, float]:
    """The median of each candidate."""
    counts = {name: max(3, int(SECONDS * 1e6 / await turn(app, accepts, 3))) for name, app in candidates.items()}
    found: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(ROUNDS):
        for name, app in candidates.items():
            found[name].append(await turn(app, accepts, counts[name]))
    return {name: statistics.median(turns) for name, turns in found.items()}


async def gzip_table() -> None:
    """Asterion's GZipMiddleware beside Starlette's."""
    classes: dict[str, Any] = {"Asterion": GZipMiddleware}
    try:
        classes["Starlette"] = importlib.import_module("starlette.middleware.gzip").GZipMiddleware
    except ImportError:
        pass
    print(f"{'GZipMiddleware, us for each request':36}" + "".join(f"{name:>12}" for name in classes))
    for label, (app, accepts) in CASES.items():
        wrapped = {name: kind(app) for name, kind in classes.items()}
        contents = set()
        for candidate in wrapped.values():
            body, coding = await answer(candidate, accepts)
            contents.add(gzip.decompress(body) if coding == b"gzip" else body)
        if len(contents) != 1:
            raise RuntimeError(f"the candidates differ in what they answer for {label!r}")
        medians = await compare(wrapped, accepts)
        print(f"{label:36}" + "".join(f"{medians[name]:12.1f}" for name in classes))


async def coding_table() -> None:
    """One coding beside the other."""
    codings = available_encodings()
    print(f"{'CompressionMiddleware, us and bytes':36}" + "".join(f"{coding:>18}" for coding in codings))
    for label in ("JSON, 1 kB", "JSON, 10 kB", "JSON, 100 kB", "20 chunks of 1 kB"):
        app, accepts = CASES[label]
        wrapped: dict[str, ASGIApp] = {coding: CompressionMiddleware(app, [coding]) for coding in codings}
        sizes = {coding: len((await answer(wrapped[coding], accepts))[0]) for coding in codings}
        medians = await compare(wrapped, accepts)
        print(f"{label:36}" + "".join(f"{medians[coding]:10.1f}{sizes[coding]:8}" for coding in codings))


async def main() -> None:
    """Print both tables."""
    await gzip_table()
    print()
    await coding_table()


if __name__ == "__main__":
    asyncio.run(main())
