"""An application sends trailers. Do they pass a middleware that only passes the response on?"""

import asyncio
import sys

from starlette.middleware.base import BaseHTTPMiddleware


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


async def grpc_like(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
    await send({"type": "http.response.body", "body": b"data", "more_body": False})
    await send({"type": "http.response.trailers", "headers": [(b"grpc-status", b"0")], "more_trailers": False})


async def passthrough(request, call_next):
    return await call_next(request)


app = BaseHTTPMiddleware(grpc_like, dispatch=passthrough)
kinds = [message["type"] for message in asyncio.run(ask(app, extensions={"http.response.trailers": {}}))]
seen = ", ".join(kind.removeprefix("http.response.") for kind in kinds)
right = kinds[-1] == "http.response.trailers"

print(f"seen: {seen}")
sys.exit(0 if right else 1)
