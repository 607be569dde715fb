"""A middleware compares the scope before and after a mounted application ran. Is it the same?"""

import asyncio
import sys

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route


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


paths = []


class Watch:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)
        paths.append(scope["root_path"])


async def home(request):
    return PlainTextResponse("ok")


app = Watch(Starlette(routes=[Mount("/inner", routes=[Route("/", home)])]))
asyncio.run(ask(app, "/inner/"))
seen = f"root_path afterwards {paths[0]!r}"
right = paths == [""]

print(f"seen: {seen}")
sys.exit(0 if right else 1)
