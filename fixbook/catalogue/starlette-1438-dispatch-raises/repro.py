"""The endpoint asked for background work; the middleware fails afterwards. Is the work done?"""

import sys

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

done = []


async def record():
    done.append("recorded")


async def endpoint(request):
    return PlainTextResponse("ok", background=BackgroundTask(record))


async def failing(request, call_next):
    await call_next(request)
    raise LookupError("in the middleware")


app = Starlette(routes=[Route("/", endpoint)], middleware=[Middleware(BaseHTTPMiddleware, dispatch=failing)])
TestClient(app, raise_server_exceptions=False).get("/")
seen = f"work done: {', '.join(done) or 'none'}"
right = done == ["recorded"]

print(f"seen: {seen}")
sys.exit(0 if right else 1)
