"""A guard compares the path with '/admin'. Does '/admin\\n' reach the route behind it?"""

import asyncio
import sys

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


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


async def admin(request):
    return PlainTextResponse("secret")


app = Starlette(routes=[Route("/admin", admin)])
messages = asyncio.run(ask(app, "/admin\n"))
seen = f"status {messages[0]['status']}"
right = messages[0]["status"] == 404

print(f"seen: {seen}")
sys.exit(0 if right else 1)
