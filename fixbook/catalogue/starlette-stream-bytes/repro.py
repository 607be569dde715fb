"""StreamingResponse is given bytes. What does the client get?"""

import asyncio
import sys

from starlette.responses import StreamingResponse


async def ask(app, path="/", method="GET", headers=(), body=b"", **scope):
    """One request without a server: the messages that the application sends."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    request = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": list(headers),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await app({**request, **scope}, receive, send)
    return sent


try:
    messages = asyncio.run(ask(StreamingResponse(b"hello")))
    body = b"".join(message.get("body", b"") for message in messages)
    seen, right = f"body {body!r}", body == b"hello"
except BaseException as error:
    while getattr(error, "exceptions", None):
        error = error.exceptions[0]
    seen, right = f"{type(error).__name__}: {error}", False

print(f"seen: {seen}")
sys.exit(0 if right else 1)
