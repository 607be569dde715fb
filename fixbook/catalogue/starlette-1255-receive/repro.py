"""A body limit outside of a middleware that only passes the request on. Which status does the client see?"""

import sys

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient


async def read(request):
    return PlainTextResponse(str(len(await request.body())))


async def passthrough(request, call_next):
    return await call_next(request)


app = Starlette(
    routes=[Route("/", read, methods=["POST"])],
    middleware=[Middleware(BaseHTTPMiddleware, dispatch=passthrough)],
    max_body_size=10,
)
status = TestClient(app, raise_server_exceptions=False).post("/", content=iter([b"x" * 100])).status_code
seen = f"status {status}"
right = status == 413

print(f"seen: {seen}")
sys.exit(0 if right else 1)
