"""dispatch tries a request again when the endpoint could not serve it. Does the second try work?"""

import sys

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

calls = []


async def flaky(request):
    calls.append(1)
    return PlainTextResponse("busy" if len(calls) == 1 else "done", 503 if len(calls) == 1 else 200)


async def retry(request, call_next):
    response = await call_next(request)
    if response.status_code == 503:
        response = await call_next(request)
    return response


app = Starlette(routes=[Route("/", flaky)], middleware=[Middleware(BaseHTTPMiddleware, dispatch=retry)])
status = TestClient(app, raise_server_exceptions=False).get("/").status_code
seen = f"status {status}"
right = status == 200

print(f"seen: {seen}")
sys.exit(0 if right else 1)
