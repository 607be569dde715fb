"""A client accepts gzip with q=0: not at all (RFC 9110 12.5.3). Is it compressed?"""

import sys

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient


async def home(request):
    return PlainTextResponse("x" * 5000)


app = Starlette(routes=[Route("/", home)], middleware=[Middleware(GZipMiddleware)])
coding = TestClient(app).get("/", headers={"accept-encoding": "gzip;q=0"}).headers.get("content-encoding")
seen = f"content-encoding {coding}"
right = coding is None

print(f"seen: {seen}")
sys.exit(0 if right else 1)
