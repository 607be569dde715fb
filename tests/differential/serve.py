"""A process that answers requests with one toolkit: `python -m tests.differential.serve TOOLKIT FOLDER`.

It reads a list of requests as JSON from stdin and writes the list of answers to stdout. Bytes are Latin-1 text.
"""

import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import anyio

from tests.differential.applications import build

Case = dict[str, Any]

# The clock stands in a cookie that is deleted.
_EXPIRES = re.compile(r"expires=\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT")


async def ask(app: Any, case: Case) -> Case:
    """One request, as a server calls the application: what it sent, in order, and what it raised."""
    pieces = [piece.encode("latin-1") for piece in case["body"]] or [b""]
    incoming: list[dict[str, Any]] = [
        {"type": "http.request", "body": piece, "more_body": at < len(pieces) - 1} for at, piece in enumerate(pieces)
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not incoming:
            await anyio.sleep_forever()
        return incoming.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    raw_path, _, query = case["target"].encode("latin-1").partition(b"?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": case["method"],
        "scheme": case.get("scheme", "http"),
        "path": unquote(raw_path.decode("latin-1")),
        "raw_path": raw_path,
        "query_string": query,
        "root_path": case.get("root_path", ""),
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in case["headers"]],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    raised = None
    try:
        with anyio.fail_after(10):
            await app(scope, receive, send)
    except Exception as error:
        raised = type(error).__name__
    return described(sent, raised)


def described(sent: list[dict[str, Any]], raised: str | None) -> Case:
    """What was sent, as JSON can hold it. The pieces of a body count for its order, not where it was cut."""
    start: dict[str, Any] = next((message for message in sent if message["type"] == "http.response.start"), {})
    kinds = [message["type"] for message in sent]
    return {
        "status": start.get("status"),
        "headers": sorted(
            [name.decode("latin-1"), _EXPIRES.sub("expires=now", bytes(value).decode("latin-1"))]
            for name, value in start.get("headers", [])
        ),
        "body": b"".join(bytes(message.get("body", b"")) for message in sent).decode("latin-1"),
        "order": [kind for at, kind in enumerate(kinds) if at == 0 or kind != kinds[at - 1]],
        "complete": bool(sent) and not sent[-1].get("more_body", False),
        "raised": raised,
    }


async def answer(toolkit: str, folder: str, cases: list[Case]) -> list[Case]:
    """Every case in turn."""
    apps = build(toolkit, Path(folder))
    return [await ask(apps[case["app"]], case) for case in cases]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    answers = anyio.run(answer, sys.argv[1], sys.argv[2], json.load(sys.stdin))
    json.dump(answers, sys.stdout)
